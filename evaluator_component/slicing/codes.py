"""Which slices each example of a batch belongs to, as integer codes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.slicing.names import OVERALL, Value, format_slice, matches
from evaluator_component.slicing.specs import Grouping

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Membership:
    """The slices of a batch.

    Attributes:
        rows: int32 ``[pairs]`` example of each pair.
        codes: int32 ``[pairs]`` slice of each pair, an index into ``names``.
        names: Names of the slices that occur.
    """

    rows: Int32
    codes: Int32
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Feature:
    """One feature's values: pairs of (row, code), without repeats, rows rising."""

    rows: Int32
    codes: Int32
    values: Sequence[Value]


def membership(groups: Sequence[Grouping], column: Callable[[str], pa.ListArray], size: int) -> Membership:
    """Computes the slices of a batch for all groupings together.

    Args:
        groups: The groupings.
        column: Gives the list array of a feature.
        size: Number of examples in the batch.
    """
    features = {name: _encode(column(name)) for group in groups for name in group.features}
    rows: list[Int32] = []
    codes: list[Int32] = []
    names: list[str] = []
    for group in groups:
        if not group.features:
            rows.append(np.arange(size, dtype=np.int32))
            codes.append(np.full(size, len(names), np.int32))
            names.append(OVERALL)
            continue
        group_rows, group_codes, group_names = _combine(group, [features[name] for name in group.features])
        rows.append(group_rows)
        codes.append(group_codes + np.int32(len(names)))
        names += group_names
    nothing = np.zeros(0, np.int32)
    return Membership(np.concatenate([nothing, *rows]), np.concatenate([nothing, *codes]), tuple(names))


def _encode(array: pa.ListArray) -> _Feature:
    """Numbers the distinct values of a feature; an example that lacks it has none of its slices."""
    offsets = array.offsets.to_numpy()
    lengths = np.diff(offsets)
    encoded = array.values[int(offsets[0]) : int(offsets[-1])].dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    values, codes = _values(encoded.dictionary, codes)
    rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    if lengths.max(initial=0) > 1:  # a value that an example has twice still counts once
        width = max(len(values), 1)
        pairs = np.unique(rows.astype(np.int64) * width + codes)
        rows, codes = (part.astype(np.int32) for part in np.divmod(pairs, width))
    return _Feature(rows, codes, values)


def _values(dictionary: pa.Array, codes: Int32) -> tuple[Sequence[Value], Int32]:
    """The values as slices name them, each once, and the codes that go with them."""
    values = dictionary.to_pylist()
    if pa.types.is_binary(dictionary.type):  # two byte strings can give one text where one is not UTF-8
        return _unify([value.decode("utf-8", "backslashreplace") for value in values], codes)
    if pa.types.is_floating(dictionary.type):
        return _unify([_shortest(value) + 0.0 for value in values], codes)  # −0.0 is 0.0
    return values, codes


def _unify(values: list[Any], codes: Int32) -> tuple[list[Any], Int32]:
    distinct = list(dict.fromkeys(values))
    if len(distinct) == len(values):
        return values, codes
    position = {value: i for i, value in enumerate(distinct)}
    return distinct, np.array([position[value] for value in values], np.int32)[codes]


def _shortest(value: float) -> float:
    """The float32 value written with the fewest digits that name it: 0.1, not 0.10000000149."""
    return float(str(np.float32(value)))


def _combine(group: Grouping, features: Sequence[_Feature]) -> tuple[Int32, Int32, list[str]]:
    """The cross of several features: every combination of an example's values."""
    rows, columns = features[0].rows, [features[0].codes]
    for feature in features[1:]:
        rows, left, right = _join(rows, feature.rows)
        columns = [*(codes[left] for codes in columns), feature.codes[right]]
    picked, compact = _distinct(columns, [max(len(feature.values), 1) for feature in features])
    if not group.takes_all:
        keep = np.array([_is_wanted(group, features, key) for key in zip(*picked, strict=True)], bool)
        number = (np.cumsum(keep) - 1).astype(np.int32)
        kept = keep[compact] if len(compact) else np.zeros(0, bool)
        rows, compact = rows[kept], number[compact[kept]]
        picked = [[i for i, wanted in zip(part, keep, strict=True) if wanted] for part in picked]
    texts = [
        [_pair_name(name, feature.values[i]) for i in part]
        for name, feature, part in zip(group.features, features, picked, strict=True)
    ]
    names = texts[0] if len(texts) == 1 else [", ".join(pairs) for pairs in zip(*texts, strict=True)]
    return rows, compact, names


def _distinct(columns: Sequence[Int32], spans: Sequence[int]) -> tuple[list[list[int]], Int32]:
    """The distinct rows of several columns of codes, column by column, and which of them each row is."""
    if math.prod(spans) >= 1 << 62:
        table, number = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
        return [part.tolist() for part in table.T], number.astype(np.int32).reshape(-1)
    key = columns[0].astype(np.int64)
    for codes, span in zip(columns[1:], spans[1:], strict=True):
        key = key * span + codes
    rest, number = np.unique(key, return_inverse=True)
    parts = []
    for span in reversed(spans):
        rest, part = np.divmod(rest, span)
        parts.append(part.tolist())
    return parts[::-1], number.astype(np.int32).reshape(-1)


@functools.lru_cache(maxsize=1 << 18, typed=True)
def _pair_name(feature: str, value: Value) -> str:
    """``feature=value``; the pairs of a slice's name are joined in the order of their features."""
    return format_slice([(feature, value)])


def _join(left: Int32, right: Int32) -> tuple[Int32, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs up the entries of two rising lists of rows: every left with every right one of the same row."""
    first = np.searchsorted(right, left, side="left")
    count = np.searchsorted(right, left, side="right") - first
    picked = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(picked)) - np.repeat(np.cumsum(count) - count, count)
    return left[picked], picked, first[picked] + within


def _is_wanted(group: Grouping, features: Sequence[_Feature], key: Sequence[int]) -> bool:
    values = {name: feature.values[i] for name, feature, i in zip(group.features, features, key, strict=True)}
    return any(all(matches(values[name], text) for name, text in condition) for condition in group.wanted)
