"""The totals that metrics of one view are computed from, given out for ranges of slices."""

from __future__ import annotations

import itertools
from collections.abc import Set

import numpy as np

from evaluator_component.engine import exact
from evaluator_component.engine.accumulate import State
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.sums import Sums, score_range
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.terms import KeyedTerms, Terms
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.view import Float64

_ROWS_AT_A_TIME = 1 << 17
"""Metrics are computed for so many slices at a time that their histograms have about this many rows."""


class ViewTotals:
    """The totals of one view, given out for ranges of slices.

    Attributes:
        classes: How many parts each slice has; what is given out are totals of the parts.
    """

    def __init__(self, plan: Plan, state: State, view: ViewKey):
        self._count = len(state.names)
        self._by_slice: dict[Terms, tuple[Float64, ...]] = {}
        self.classes = 1
        for table, layout in zip(state.tables, plan.slice_tables, strict=False):
            position = 0
            for key, terms in layout.terms:
                width = len(terms.columns)
                if key == view:
                    columns = table.columns[position : position + width]
                    self._by_slice[terms] = tuple(exact.decode(column) for column in columns)
                    self.classes = table.classes
                position += width
        first = len(plan.slice_tables)
        by_key = state.tables[first : first + len(plan.keyed_terms)]
        self._tables = {
            terms: table for (key, terms), table in zip(plan.keyed_terms, by_key, strict=True) if key == view
        }
        samples = zip(plan.samples, state.samples, strict=True)
        self._samples = {sampler: rows for (key, sampler), rows in samples if key == view}
        parts = [self.classes, *(table.classes for table in self._tables.values())]
        self.classes = max([*parts, *(rows.classes for rows in self._samples.values())])
        numbers = np.arange(self._count + 1) * self.classes
        self._rows = {terms: np.searchsorted(table.slices, numbers) for terms, table in self._tables.items()}

    def ranges(self, keyed: Set[KeyedTerms]) -> list[tuple[int, int]]:
        """Cuts the slices by the number of rows that they have in some of the tables."""
        rows = np.sum([self._rows[terms] for terms in keyed], axis=0) if keyed else np.zeros(1, np.intp)
        cuts = np.searchsorted(rows, np.arange(_ROWS_AT_A_TIME, int(rows[-1]), _ROWS_AT_A_TIME))
        return list(itertools.pairwise(np.unique([0, *cuts, self._count]).tolist())) or [(0, 0)]

    def part(self, keyed: Set[KeyedTerms], start: int, stop: int) -> Totals:
        """The totals of consecutive slices, and of the keyed terms those that are asked for."""
        parts = slice(start * self.classes, stop * self.classes)
        by_slice = {terms: tuple(column[parts] for column in columns) for terms, columns in self._by_slice.items()}
        by_key = {}
        for terms in keyed:
            rows = slice(self._rows[terms][start], self._rows[terms][stop])
            by_key[terms] = _histogram(self._tables[terms], rows, parts.start, parts.stop)
        samples = {}
        for sampler, drawn in self._samples.items():
            inside = drawn.take((drawn.slices >= parts.start) & (drawn.slices < parts.stop))
            samples[sampler] = (inside.slices - np.int32(parts.start), inside.values)
        return Totals(by_slice, by_key, parts.stop - parts.start, samples)


def _histogram(table: Sums, rows: slice, start: int, stop: int) -> Histogram:
    assert table.keys is not None
    slices, keys = table.slices[rows] - np.int32(start), table.keys[rows]
    levels = np.zeros(len(keys), np.uint8) if table.levels is None else table.levels[rows]
    coarse = np.zeros(stop - start, bool)
    coarse[slices[levels > 0]] = True
    exactly = [column[rows] for column in table.columns]
    return Histogram(
        slices,
        keys,
        coarse,
        tuple(exact.decode(column) for column in exactly),
        stop - start,
        lambda: score_range(keys, levels),
        lambda wanted: [exact.fractions(column[wanted]) for column in exactly],
    )
