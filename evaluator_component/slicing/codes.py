"""Which slices each example of a batch belongs to, as integer codes."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.config.slice_values import FILTER
from evaluator_component.slicing.encoding import Encoded, encode, encode_groups
from evaluator_component.slicing.filters import Filter
from evaluator_component.slicing.names import OVERALL, Group, Value, format_slice, matches
from evaluator_component.slicing.specs import Grouping
from evaluator_component.slicing.sql_slices import SqlSlices
from evaluator_component.slicing.values import FEATURE, Values

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


class Columns(Protocol):
    """What the slices of a batch are made of."""

    def feature(self, name: str) -> pa.ListArray:
        """The values of a feature of the data: binary, int64 or float32."""

    def derived(self, values: Values) -> pa.ListArray:
        """The values of labels, predictions or another output: binary, int64, float32 or float64."""

    def where(self, row: int) -> str:
        """Names an example in a message."""


def membership(groups: Sequence[Grouping], columns: Columns, size: int) -> Membership:
    """Computes the slices of a batch for all groupings together.

    Args:
        groups: The groupings.
        columns: What they slice by.
        size: Number of examples in the batch.

    Raises:
        ConfigError: What is asked for does not fit the values.
        DataError: An example has several values where one is asked for.
    """
    encoded: dict[Values | Filter | str, Encoded] = {}
    rows: list[Int32] = []
    codes: list[Int32] = []
    names: list[str] = []
    for group in groups:
        if group.sql is not None:
            found = _selected(group.sql, columns, size)
        elif not group.features:
            found = np.arange(size, dtype=np.int32), np.zeros(size, np.int32), [OVERALL]
        else:
            found = _combine(group, [_dimension(group, name, columns, size, encoded) for name in group.features])
        group_rows, group_codes, group_names = found
        rows.append(group_rows)
        codes.append(group_codes + np.int32(len(names)))
        names += group_names
    nothing = np.zeros(0, np.int32)
    return _together(np.concatenate([nothing, *rows]), np.concatenate([nothing, *codes]), names)


def _dimension(
    group: Grouping, name: str, columns: Columns, size: int, encoded: dict[Values | Filter | str, Encoded]
) -> Encoded:
    """The slices of one of a grouping's features; the same of two groupings are made once."""
    if group.filter is not None and name == FILTER:
        if group.filter not in encoded:
            rows = group.filter.holds(columns.feature, columns.where, size)
            encoded[group.filter] = Encoded(rows, np.zeros(len(rows), np.int32), [Group(group.filter.name)])
        return encoded[group.filter]
    values = group.values_of(name)
    key = name if values is None else values
    if key not in encoded:
        if values is None:
            encoded[key] = encode(columns.feature(name))
        else:
            column = columns.feature(name) if values.source == FEATURE else columns.derived(values)
            encoded[key] = encode_groups(column, values)
    return encoded[key]


def _together(rows: Int32, codes: Int32, names: list[str]) -> Membership:
    """Slices of one name are one slice, whichever spec they are of; an example that is in it twice counts once."""
    distinct = dict.fromkeys(names)
    if len(distinct) == len(names):
        return Membership(rows, codes, tuple(names))
    number = {name: i for i, name in enumerate(distinct)}
    codes = np.array([number[name] for name in names], np.int32)[codes]
    pairs = np.unique(codes.astype(np.int64) * (int(rows.max(initial=0)) + 1) + rows)
    new_codes, new_rows = np.divmod(pairs, int(rows.max(initial=0)) + 1)
    return Membership(new_rows.astype(np.int32), new_codes.astype(np.int32), tuple(distinct))


def _combine(group: Grouping, features: Sequence[Encoded]) -> tuple[Int32, Int32, list[str]]:
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
    return rows, compact, _names(group.features, features, picked)


def _selected(select: SqlSlices, columns: Columns, size: int) -> tuple[Int32, Int32, list[str]]:
    """The slices that a SELECT gives for each example; one that it gives twice counts once."""
    rows, features = select.slices(columns.feature, columns.where, size)
    parts = [feature.codes for feature in features]
    picked, codes = _distinct(parts, [max(len(feature.values), 1) for feature in features])
    names = _names(select.keys, features, picked)
    pairs = np.unique(rows.astype(np.int64) * max(len(names), 1) + codes)
    rows, codes = (part.astype(np.int32) for part in np.divmod(pairs, max(len(names), 1)))
    return rows, codes, names


def _names(features: Sequence[str], encoded: Sequence[Encoded], picked: Sequence[Sequence[int]]) -> list[str]:
    """The names of combinations of values; ``picked`` has for each feature the codes of all combinations."""
    texts = [
        [_pair_name(name, feature.values[i]) for i in part]
        for name, feature, part in zip(features, encoded, picked, strict=True)
    ]
    return texts[0] if len(texts) == 1 else [", ".join(pairs) for pairs in zip(*texts, strict=True)]


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


def _is_wanted(group: Grouping, features: Sequence[Encoded], key: Sequence[int]) -> bool:
    values = {name: feature.values[i] for name, feature, i in zip(group.features, features, key, strict=True)}
    return any(all(matches(values[name], text) for name, text in condition) for condition in group.wanted)
