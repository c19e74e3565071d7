"""Sums of a batch over its slices, and of products of its columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import scipy.sparse

from evaluator_component.engine.layout import SliceTable
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.terms import BySlice
from evaluator_component.metrics.view import Float64, View

Index = npt.NDArray[np.intp]


class Members:
    """The slices of a batch as a matrix, to sum over them: example ``rows[i]`` is in slice ``codes[i]``."""

    def __init__(self, examples: int, rows: npt.NDArray[np.integer], codes: npt.NDArray[np.integer], slices: int):
        self._examples = examples
        self._size = np.bincount(codes, minlength=slices)
        self._matrix = scipy.sparse.coo_matrix((np.ones(len(codes)), (codes, rows)), shape=(slices, examples)).tocsr()

    def totals(self, table: SliceTable, classes: int, views: Mapping[ViewKey, View]) -> Float64:
        """Float64 ``[columns, slices * classes]``; each is summed in the order of the examples."""
        totals = np.zeros((table.width, len(self._size) * classes))
        columns: list[Float64] = []
        wanted: dict[int, Float64] = {}
        place = 0
        for key, terms in table.terms:
            part = totals[place : place + len(terms.columns)]
            if isinstance(terms, BySlice):
                part[:] = terms.by_slice(views[key], self._rows())
                columns += [np.zeros(0)] * len(part)  # which no product is made of
            else:
                columns += [_by_example(column, views[key]) for column in terms.compute(views[key])]
                wanted |= {i: columns[i] for i in range(place, len(columns))}
            place += len(part)
        made, same = _products(shifted(columns, table), table)
        self._add_up(totals, wanted | made, classes)
        for place, factor in same.items():
            totals[place] = totals[factor]
        return totals

    def _rows(self) -> list[Index]:
        """The examples of each slice."""
        bounds = self._matrix.indptr.tolist()
        return [np.sort(self._matrix.indices[start:stop]) for start, stop in itertools.pairwise(bounds)]

    def _add_up(self, totals: Float64, columns: Mapping[int, Float64], classes: int) -> None:
        """Writes the sums of columns into the rows of ``totals`` that they are numbered by."""
        if classes > 1:
            for place, column in columns.items():
                totals[place] = self._by_class(column, classes)
            return
        varied = {}
        for place, column in columns.items():
            least, most = (column.min(), column.max()) if self._examples else (0.0, 0.0)
            if least == most == 1.0:
                totals[place] = self._size
            elif not least == most == 0.0:
                varied[place] = column
        if varied:  # all at once: a row of the matrix is looked up once for all of them
            totals[list(varied)] = (self._matrix @ np.stack(list(varied.values()), axis=1)).T

    def _by_class(self, column: Float64, classes: int) -> Float64:
        """Sums by slice and class; most classes of most examples are 0 in many a term."""
        some = np.flatnonzero(column != 0)
        if len(some) * _FEW > len(column):
            dense: Float64 = self._matrix @ column.reshape(self._examples, classes)
            return dense.ravel()
        examples, numbers = np.divmod(some, classes)
        starts = np.searchsorted(examples, np.arange(self._examples + 1))
        sparse = scipy.sparse.csr_matrix((column[some], numbers, starts), shape=(self._examples, classes))
        return np.asarray((self._matrix @ sparse).toarray(), np.float64).ravel()


def shifted(columns: list[Float64], table: SliceTable) -> list[Float64]:
    """The columns as they are multiplied."""
    result = list(columns)
    for shift in table.shifts:
        result[shift.column] = columns[shift.column] - shift.by * columns[shift.weight]
    return result


def _products(columns: list[Float64], table: SliceTable) -> tuple[dict[int, Float64], dict[int, int]]:
    """The products of columns by their place, and of those that are another column number for number its place."""
    used = {place for factors in table.products for place in factors}
    as_they_are = used - {shift.column for shift in table.shifts}
    ones = {i for i in used if columns[i].min(initial=1.0) == columns[i].max(initial=1.0) == 1.0}
    flags = {i for i in used - ones if np.array_equal(columns[i] * columns[i], columns[i])}
    places: dict[tuple[int, ...], int] = {(): min(ones, default=-1)} | {(i,): i for i in as_they_are}
    made: dict[int, Float64] = {}
    same: dict[int, int] = {}
    for place, factors in enumerate(table.products, len(columns)):
        rest = [i for i in factors if i not in ones]
        least = tuple(i for at, i in enumerate(rest) if i not in flags or i not in rest[:at])
        if least in places:
            same[place] = places[least]
        else:
            places[least] = place
            made[place] = math.prod((columns[i] for i in least[1:]), start=columns[least[0]])
    return made, same


def _by_example(column: Float64, view: View) -> Float64:
    """One number for each example, or for each of its classes where these are told apart."""
    return column if view.fold == view.classes else column.reshape(-1, view.fold).sum(axis=1)


_FEW = 8
"""Columns with fewer numbers other than 0 than one in so many are summed as sparse ones."""
