"""Totals with other weights of the groups of examples: without one of them, or with each drawn some times."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from evaluator_component.engine import exact
from evaluator_component.engine.accumulate import State
from evaluator_component.engine.layout import SliceTable
from evaluator_component.engine.plan import Plan, PlannedMetric
from evaluator_component.engine.sums import Sums, coarse_keys, score_range, sort_order
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.metric import Metric
from evaluator_component.metrics.over_classes import OneClass
from evaluator_component.metrics.terms import Examples, KeyedTerms, Terms
from evaluator_component.metrics.totals import GroupedHistogram, Histogram, Totals
from evaluator_component.metrics.view import Float64
from evaluator_component.stats.resampling import poisson_weights

Index = npt.NDArray[np.intp]

_CELLS_AT_A_TIME = 1 << 20
_ROWS_AT_A_TIME = 1 << 17
"""Rows of histograms that are worked on together: few enough to stay in the cache."""


def leave_one_out(groups: int) -> Float64:
    """Weights of the groups, float64 ``[1 + groups, groups]``: of all of them, then of all but one."""
    return np.vstack([np.ones(groups), 1.0 - np.eye(groups)])


def draws(replicates: int, groups: int) -> Float64:
    """Weights of the groups, float64 ``[1 + replicates, groups]``: of all of them, then as they are drawn."""
    return np.vstack([np.ones(groups), poisson_weights(replicates, groups)])


class Replicates:
    """The totals of one view with other weights of the groups.

    Args:
        plan: The plan.
        state: The sums of a split.
        view: The view.
        weights: float64 ``[replicates, groups]``, whole numbers; the first row is all ones.
    """

    def __init__(self, plan: Plan, state: State, view: ViewKey, weights: Float64):
        assert plan.intervals is not None
        self._weights = weights
        self._groups = plan.intervals.groups
        self._count = len(state.names)
        first = len(plan.slice_tables) + len(plan.keyed_terms)
        tables = state.tables[first : first + len(plan.grouped.tables)]
        self._by_slice: dict[Terms, tuple[_Rows, slice]] = {}
        self.classes = 1
        for table, layout in zip(tables, plan.grouped.tables, strict=True):
            rows = _Rows(table, self._groups, self._count)
            for terms, columns in _own_columns(layout, view):
                self._by_slice[terms] = rows, columns
                self.classes = rows.classes
            if any(key == view.undivided and terms == Examples() for key, terms in layout.terms):
                ((_, place),) = [own for own in _own_columns(layout, view.undivided) if own[0] == Examples()]
                self.sizes = rows.dense(np.arange(self._count), place)[0].reshape(self._count, self._groups)
        self._fingerprints: dict[Terms | KeyedTerms, npt.NDArray[np.uint64]] = {}
        self._by_key: dict[KeyedTerms, tuple[_Rows, bool, int]] = {}
        for (key, terms, most), table in zip(plan.grouped.keyed, state.tables[first + len(tables) :], strict=True):
            if key == view:
                rows = _Rows(table, self._groups, self._count)
                self._by_key[terms] = rows, terms.keyed_by_score, most
                self.classes = rows.classes

    def fingerprint(self, metric: Metric) -> npt.NDArray[np.uint64]:
        """A number for each slice that is the same for two models whose totals are the same in each group.

        The tables by slice have columns of both models, so only those of the metric's own terms count.
        """
        mark = np.zeros(self._count, np.uint64)
        for terms in (*metric.terms, *metric.keyed):
            mark = mark * np.uint64(31) + self._fingerprint(terms)
        return mark

    def _fingerprint(self, terms: Terms | KeyedTerms) -> npt.NDArray[np.uint64]:
        if terms not in self._fingerprints:
            by_key = self._by_key.get(cast(KeyedTerms, terms))
            rows, place = (by_key[0], slice(None)) if by_key else self._by_slice[terms]
            self._fingerprints[terms] = rows.fingerprint(place)
        return self._fingerprints[terms]

    def parts(self, keyed: Set[KeyedTerms]) -> Iterator[tuple[Index, Totals]]:
        """Some slices at a time, with their totals: those of slice i, replicate r and class c at (i, r, c)."""
        width = np.ones(self._count)
        for terms in keyed:
            width = np.maximum(width, self._by_key[terms][0].widths(self._by_key[terms][2]))
        order = np.argsort(width, kind="stable")
        start = 0
        while start < self._count:
            stop = start + 1
            per_width = len(self._weights) * self.classes
            while stop < self._count and (stop + 1 - start) * width[order[stop]] * per_width <= _CELLS_AT_A_TIME:
                stop += 1
            yield order[start:stop], self._totals(order[start:stop], keyed)
            start = stop

    def without(self, wanted: Sequence[PlannedMetric]) -> dict[PlannedMetric, Float64]:
        """Metrics of one histogram, of all groups and without each: float64 ``[slices, 1 + groups]``."""
        values: dict[PlannedMetric, list[Float64]] = {planned: [] for planned in wanted}
        for terms, (rows, *_) in self._by_key.items():
            own = [p for p in wanted if isinstance(p.metric, Metric) and p.metric.keyed == (terms,)]
            for part in rows.grouped() if own else ():
                for planned in own:
                    assert isinstance(planned.metric, Metric)
                    assert planned.metric.without is not None
                    position = planned.of_classes.position if isinstance(planned.of_classes, OneClass) else 0
                    values[planned].append(planned.metric.without(part)[position :: rows.classes])
        return {planned: np.concatenate(parts) for planned, parts in values.items()}

    def _totals(self, slices: Index, keyed: Set[KeyedTerms]) -> Totals:
        by_slice = {}
        for terms, (rows, place) in self._by_slice.items():
            spread = [_reweigh(column, self._weights) for column in rows.dense_exactly(slices, place)]
            parts = [_decode(column.reshape(-1, *column.shape[3:])) for column in spread]
            repeated = self.classes // rows.classes
            by_slice[terms] = tuple(np.repeat(part, repeated) for part in parts)
        by_key = {}
        for terms in keyed:
            rows, by_score, most = self._by_key[terms]
            by_key[terms] = rows.histogram(slices, self._weights, by_score, most)
        return Totals(by_slice, by_key, len(slices) * len(self._weights) * self.classes)


def _own_columns(layout: SliceTable, view: ViewKey) -> Iterator[tuple[Terms, slice]]:
    """The terms of a view, each with the place of its columns."""
    place = 0
    for key, terms in layout.terms:
        if key == view:
            yield terms, slice(place, place + len(terms.columns))
        place += len(terms.columns)


def _reweigh(column: exact.Int64, weights: Float64) -> exact.Int64:
    """Sums over groups, with weights: ``[slices, groups, …]`` → ``[slices, replicates, …]``, exactly."""
    shape = column.shape
    flat = column.reshape(shape[0], shape[1], math.prod(shape[2:])).astype(np.float64)
    summed: Float64 = np.matmul(weights, flat)
    return summed.astype(np.int64).reshape(shape[0], len(weights), *shape[2:])


@dataclass(frozen=True)
class _Rows:
    """A table by slice, group and class; each row is of a cell ``(slice * groups + group) * classes + class``."""

    table: Sums
    groups: int
    count: int

    @property
    def classes(self) -> int:
        return self.table.classes // self.groups

    def fingerprint(self, place: slice) -> npt.NDArray[np.uint64]:
        cells = self.table.slices.astype(np.uint64)
        mark = cells % np.uint64(self.table.classes) * np.uint64(0x9E3779B97F4A7C15)
        keys = () if self.table.keys is None else (self.table.keys,)
        with np.errstate(over="ignore"):
            for column in (*keys, *self.table.columns[place]):
                for part in column.T if exact.is_wide(column) else (column,):
                    mark = (mark ^ (mark >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + part.astype(np.uint64)
            mark = (mark ^ (mark >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
            total = np.zeros(self.count, np.uint64)
            np.add.at(total, self.table.slices // self.table.classes, mark)
        return total

    def widths(self, most: int) -> Float64:
        """The most distinct keys that a slice can have, at most ``most`` times the groups."""
        return np.minimum(np.diff(self._bounds()), most).astype(np.float64)

    def _bounds(self) -> Index:
        return np.searchsorted(self.table.slices, np.arange(self.count + 1) * self.table.classes)

    def _of(self, slices: Index) -> tuple[Index, Index]:
        """The rows of some slices, and the place of each among the cells of these slices."""
        bounds = self._bounds()
        lengths = bounds[slices + 1] - bounds[slices]
        first = np.repeat(bounds[slices] - np.cumsum(lengths) + lengths, lengths)
        rows = first + np.arange(int(lengths.sum()))
        moved = (np.arange(len(slices)) - slices) * self.table.classes
        cells = self.table.slices[rows].astype(np.intp) + np.repeat(moved, lengths)
        return rows, cells

    def dense_exactly(self, slices: Index, place: slice) -> list[exact.Int64]:
        """Columns ``[slices, groups, classes]``, or with the limbs of wide columns as a last dimension."""
        rows, cells = self._of(slices)
        result = []
        for column in self.table.columns[place]:
            full = np.zeros((len(slices) * self.table.classes, *column.shape[1:]), np.int64)
            full[cells] = column[rows]
            result.append(full.reshape(len(slices), self.groups, self.classes, *column.shape[1:]))
        return result

    def dense(self, slices: Index, place: slice) -> list[Float64]:
        """The same as float64 ``[slices, groups, classes]``."""
        shape = (len(slices), self.groups, self.classes)
        return [
            exact.decode(column.reshape(-1, *column.shape[3:])).reshape(shape)
            for column in self.dense_exactly(slices, place)
        ]

    def _levelled(self, rows: Index, part: Index, parts: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
        """The keys of rows, all of a part at the coarsest level among its groups."""
        assert self.table.keys is not None
        keys = self.table.keys[rows]
        if self.table.levels is None or not self.table.levels[rows].any():
            return keys, np.zeros(len(rows), np.uint8)
        levels = self.table.levels[rows]
        coarsest = np.zeros(parts, np.uint8)
        np.maximum.at(coarsest, part, levels)
        targets = coarsest[part]
        finer = np.flatnonzero(levels < targets)
        keys[finer] = coarse_keys(keys[finer], levels[finer], targets[finer])
        return keys, targets

    def grouped(self) -> Iterator[GroupedHistogram]:
        """The histograms of consecutive slices, some at a time, by group."""
        bounds = self._bounds()
        cuts = np.searchsorted(bounds, np.arange(_ROWS_AT_A_TIME, len(self.table), _ROWS_AT_A_TIME))
        for start, stop in itertools.pairwise(np.unique([0, *cuts, self.count]).tolist()):
            yield self._grouped(np.arange(start, stop))

    def _grouped(self, slices: Index) -> GroupedHistogram:
        rows, cells = self._of(slices)
        group, number = np.divmod(cells % self.table.classes, self.classes)
        part = cells // self.table.classes * self.classes + number
        parts = len(slices) * self.classes
        keys, _ = self._levelled(rows, part, parts)
        columns = tuple(exact.decode(column[rows]) for column in self.table.columns)
        if self.classes > 1:  # rows of a slice and group are together, of each class among them
            order = np.argsort(part * self.groups + group, kind="stable")
            part, group, keys = part[order], group[order], keys[order]
            columns = tuple(column[order] for column in columns)
        own = _histogram(part * self.groups + group, keys, columns, parts * self.groups)
        by_key = sort_order(part.astype(np.int32), keys)
        ordered, ordered_keys = part[by_key], keys[by_key]
        starts = _starts(ordered, ordered_keys)
        first = np.flatnonzero(starts)
        place = np.empty(len(rows), np.intp)
        place[by_key] = np.cumsum(starts) - 1
        merged = tuple(np.add.reduceat(column[by_key], first) if len(first) else np.zeros(0) for column in columns)
        return GroupedHistogram(_histogram(ordered[first], ordered_keys[first], merged, parts), own, place, self.groups)

    def histogram(self, slices: Index, weights: Float64, by_score: bool, most: int) -> Histogram:
        """The rows of each replicate of some slices, with at most ``most`` distinct scores in each."""
        rows, cells = self._of(slices)
        own, group = np.divmod(cells, self.table.classes)
        group, number = np.divmod(group, self.classes)
        part = own * self.classes + number
        keys, levels = self._levelled(rows, part, len(slices) * self.classes)
        order = sort_order(part.astype(np.int32), keys)
        ordered, ordered_keys = part[order], keys[order]
        starts = _starts(ordered, ordered_keys)
        distinct = np.bincount(ordered[starts], minlength=len(slices) * self.classes)
        rank = np.cumsum(starts) - 1 - (np.cumsum(distinct) - distinct)[ordered]
        if by_score:
            crowded = distinct > most
            share = np.where(crowded, most, distinct)
            rank = np.where(crowded[ordered], rank * most // np.maximum(distinct, 1)[ordered], rank)
            distinct = share
        width = int(distinct.max(initial=0))
        shape = (len(slices), self.groups, self.classes, width)
        place = ((own[order] * self.groups + group[order]) * self.classes + number[order]) * width + rank
        named = np.zeros(len(slices) * self.classes * width, np.intp)
        named[(ordered * width + rank)[::-1]] = order[::-1]  # the lowest of those that share a place
        there = np.arange(width) < distinct[:, None]
        there = there.reshape(len(slices), 1, self.classes, width)
        full = (len(slices), len(weights), self.classes, width)
        kept = np.broadcast_to(there, full)
        columns = [
            _reweigh(_scatter(column[rows[order]], place, math.prod(shape)).reshape(*shape, *column.shape[1:]), weights)
            for column in self.table.columns
        ]
        kept_columns = [column[kept] for column in columns]
        named_rows = np.broadcast_to(named.reshape(len(slices), 1, self.classes, width), full)[kept]
        index = np.arange(math.prod(full[:3])).reshape(*full[:3], 1)
        return Histogram(
            np.broadcast_to(index, full)[kept].astype(np.int32),
            keys[named_rows],
            np.zeros(math.prod(full[:3]), bool),
            tuple(_decode(column) for column in kept_columns),
            math.prod(full[:3]),
            lambda: (score_range(keys[named_rows], levels[named_rows])[0],) * 2,
            lambda wanted: [_fractions(column[wanted]) for column in kept_columns],
        )


def _starts(parts: Index, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Whether a row is the first of its part and key, of rows that are sorted by both."""
    first = np.ones(len(parts), bool)
    first[1:] = (parts[1:] != parts[:-1]) | (keys[1:] != keys[:-1])
    return first


def _histogram(parts: Index, keys: npt.NDArray[np.uint64], columns: tuple[Float64, ...], count: int) -> Histogram:
    """Rows whose scores nobody asks for."""

    def unknown(*_: object) -> Any:
        raise NotImplementedError

    return Histogram(parts.astype(np.int32), keys, np.zeros(count, bool), columns, count, unknown, unknown)


def _scatter(column: exact.Int64, place: Index, size: int) -> exact.Int64:
    """Adds up rows by place, exactly; limbs are left as they add up."""
    if not exact.is_wide(column):
        return np.bincount(place, column, size).astype(np.int64)
    return np.stack([np.bincount(place, limb, size).astype(np.int64) for limb in column.T], axis=1)


def _decode(column: exact.Int64) -> Float64:
    return exact.decode(exact.carry(column) if exact.is_wide(column) else column)


def _fractions(column: exact.Int64) -> list[Fraction]:
    return exact.fractions(exact.carry(column) if exact.is_wide(column) else column)
