"""Columns → which slices of one feature each example is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.errors import ConfigError
from evaluator_component.slicing.names import Value
from evaluator_component.slicing.values import MISSING, Values

Int32 = npt.NDArray[np.int32]

_EXACT = 1 << 53


@dataclass(frozen=True)
class Encoded:
    """One feature's slices: pairs of (row, code), without repeats, rows rising.

    Attributes:
        rows: int32 ``[pairs]``.
        codes: int32 ``[pairs]``, indices into ``values``.
        values: The distinct values, or groups of values.
    """

    rows: Int32
    codes: Int32
    values: Sequence[Value]


def encode(array: pa.ListArray) -> Encoded:
    """Numbers the distinct values of a feature; an example that lacks it has none of its slices."""
    offsets = array.offsets.to_numpy()
    encoded = array.values[int(offsets[0]) : int(offsets[-1])].dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    values, codes = _values(encoded.dictionary, codes)
    return _once(Encoded(_rows(np.diff(offsets)), codes, values))


def encode_groups(array: pa.ListArray, values: Values) -> Encoded:
    """Numbers the slices that a feature's values are grouped into; a group that an example is in twice counts once.

    Args:
        array: The values of each example.
        values: How they are grouped.

    Raises:
        ConfigError: Strings are to be put into buckets.
    """
    size = len(array)
    if values.is_bucketed:
        found = _buckets(array, values)
    else:
        found = encode(array)
        if not values.is_exact:
            slices, codes = _unify([values.slice_of(value) for value in found.values], found.codes)
            found = _once(Encoded(found.rows, codes, slices))
    if not values.missing:
        return found
    lacking = np.ones(size, bool)
    lacking[found.rows] = False
    rows = np.concatenate([found.rows, np.flatnonzero(lacking).astype(np.int32)])
    codes = np.concatenate([found.codes, np.full(len(rows) - len(found.rows), len(found.values), np.int32)])
    order = np.argsort(rows, kind="stable")
    return Encoded(rows[order], codes[order], [*found.values, MISSING])


def _buckets(array: pa.ListArray, values: Values) -> Encoded:
    if not (pa.types.is_integer(array.type.value_type) or pa.types.is_floating(array.type.value_type)):
        raise ConfigError(values.not_numbers())
    offsets = array.offsets.to_numpy()
    numbers = array.values[int(offsets[0]) : int(offsets[-1])].to_numpy(zero_copy_only=False)
    rows = _rows(np.diff(offsets))
    if numbers.dtype.kind == "f":
        there = ~np.isnan(numbers)
        numbers, rows = numbers[there], rows[there]
    codes = np.searchsorted(_edges_like(values.bounds, numbers.dtype), numbers, side="right").astype(np.int32)
    return _once(Encoded(rows, codes, values.buckets))


def _edges_like(edges: Sequence[float], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The edges as numbers of the values' type, so that a value that is written like an edge is not below it."""
    bounds = np.asarray(edges, np.float64)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return bounds.astype(dtype)
    return np.ceil(bounds).astype(np.int64) if (np.abs(bounds) < _EXACT).all() else bounds


def _rows(lengths: npt.NDArray[Any]) -> Int32:
    return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)


def _once(found: Encoded) -> Encoded:
    """Without the repeats of a code in one row; there can be some only where an example has several values."""
    if not (found.rows[1:] == found.rows[:-1]).any():
        return found
    width = max(len(found.values), 1)
    pairs = np.unique(found.rows.astype(np.int64) * width + found.codes)
    rows, codes = (part.astype(np.int32) for part in np.divmod(pairs, width))
    return Encoded(rows, codes, found.values)


def _values(dictionary: pa.Array, codes: Int32) -> tuple[Sequence[Value], Int32]:
    """The values as slices name them, each once, and the codes that go with them."""
    values = dictionary.to_pylist()
    if pa.types.is_binary(dictionary.type):  # two byte strings can give one text where one is not UTF-8
        return _unify([value.decode("utf-8", "backslashreplace") for value in values], codes)
    if pa.types.is_float32(dictionary.type):
        return _unify([shortest(value) + 0.0 for value in values], codes)  # −0.0 is 0.0
    if pa.types.is_floating(dictionary.type):
        return _unify([value + 0.0 for value in values], codes)
    return values, codes


def _unify(values: list[Any], codes: Int32) -> tuple[list[Any], Int32]:
    distinct = list(dict.fromkeys(values))
    if len(distinct) == len(values):
        return values, codes
    position = {value: i for i, value in enumerate(distinct)}
    return distinct, np.array([position[value] for value in values], np.int32)[codes]


def shortest(value: float) -> float:
    """The float32 value written with the fewest digits that name it: 0.1, not 0.10000000149."""
    return float(str(np.float32(value)))
