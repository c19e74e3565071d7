"""The engine: batches of labels and predictions → keyed sums → totals. Needs neither Beam nor TensorFlow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse

from evaluator_component.engine import exact
from evaluator_component.engine.plan import Plan, ViewKey
from evaluator_component.engine.sums import Sums, add_up, concatenate, score_keys
from evaluator_component.metrics.view import Float64, View
from evaluator_component.slicing.codes import Membership

_DENSE_CELLS = 1 << 21
"""Up to this many (slice, key) cells a batch is added up in a dense array, beyond it by sorting."""


@dataclass(frozen=True)
class State:
    """Sums of a part of the examples.

    Attributes:
        names: Slices that occur, sorted; the tables refer to them by position.
        by_slice: Totals by slice: the columns of all ``plan.slice_terms``, one after another.
        by_key: Totals by slice and key, one table per entry of ``plan.keyed_terms``.
        examples: Number of examples added.
        added_up: Whether rows of equal slice and key were added up; if not, :func:`merge` does it.
    """

    names: pa.StringArray
    by_slice: Sums
    by_key: tuple[Sums, ...]
    examples: int = 0
    added_up: bool = True

    def __len__(self) -> int:
        return len(self.by_slice) + sum(len(table) for table in self.by_key)


@dataclass(frozen=True)
class Evaluated:
    """What the sums need of a batch.

    Attributes:
        slices: Which examples are in which slices.
        labels: By output name, float64 ``[n]`` or ``[n, k]``; NaN where missing.
        predictions: By (model index, output name), float64 ``[n]`` or ``[n, k]``.
        weights: By output name, float64 ``[n]``; absent without weights.
        size: n.
    """

    slices: Membership
    labels: dict[str, Float64]
    predictions: dict[tuple[int, str], Float64]
    weights: dict[str, Float64]
    size: int

    def view(self, key: ViewKey) -> View:
        """The labels, predictions and weights that a term sees."""
        weights = self.weights[key.output] if key.weighted else np.ones(self.size)
        return View.of(key.kind, self.labels[key.output], self.predictions[key.model, key.output], weights)


def empty(plan: Plan) -> State:
    """The sums of no example: the identity of :func:`merge`."""
    no_rows = np.zeros(0, np.int32)
    by_slice = Sums(no_rows, None, None, tuple(np.zeros(0, np.int64) for _ in range(plan.slice_column_count)))
    by_key = tuple(
        Sums(
            no_rows,
            np.zeros(0, np.uint64),
            np.zeros(0, np.uint8) if terms.keyed_by_score else None,
            tuple(np.zeros(0, np.int64) for _ in terms.columns),
        )
        for _, terms in plan.keyed_terms
    )
    return State(pa.array([], pa.string()), by_slice, by_key)


def accumulate(plan: Plan, batch: Evaluated) -> State:
    """Sums one batch. Sums within a batch are made in the order of its rows, so a batch has one result."""
    return merge(plan, [_terms(plan, batch)])


def _terms(plan: Plan, batch: Evaluated) -> State:
    """Sums one batch but for its scores: most are distinct, so adding them up waits until there are many."""
    views = {key: batch.view(key) for key in plan.views}
    slices, slice_count = _in_order(batch.slices), len(batch.slices.names)
    table = np.empty((batch.size, plan.slice_column_count))
    column = 0
    for key, terms in plan.slice_terms:
        for values in terms.compute(views[key]):
            table[:, column] = values
            column += 1
    counts = np.bincount(slices.rows, minlength=batch.size)
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    membership = scipy.sparse.csc_matrix(
        (np.ones(len(slices.codes)), slices.codes, bounds), shape=(slice_count, batch.size)
    )
    totals = np.ascontiguousarray((membership @ table).T)
    by_slice = Sums(np.arange(slice_count, dtype=np.int32), None, None, exact.encode_all(totals))
    by_key = []
    for key, terms in plan.keyed_terms:
        view = views[key]
        keys = terms.keys(view)
        columns = terms.compute(view)
        if terms.keyed_by_score:
            by_key.append(_scores(slices, keys, columns))
        else:
            by_key.append(_sum_by_bucket(slices, slice_count, keys, columns))
    return State(pa.array(slices.names, pa.string()), by_slice, tuple(by_key), batch.size, added_up=False)


def _in_order(slices: Membership) -> Membership:
    """The same slices, numbered in the order of their names."""
    names = pa.array(slices.names, pa.string())
    order = pc.sort_indices(names).to_numpy()
    position = np.empty(len(order), np.int32)
    position[order] = np.arange(len(order), dtype=np.int32)
    return Membership(slices.rows, position[slices.codes], tuple(slices.names[i] for i in order))


def _scores(slices: Membership, keys: Float64, columns: Sequence[Float64]) -> Sums:
    """One row per example and slice."""
    some = np.any([column != 0 for column in columns], axis=0)  # weight 0 is absence
    rows, codes = slices.rows, slices.codes
    if not some.all():
        kept = some[rows]
        rows, codes = rows[kept], codes[kept]
    encoded = exact.encode_all(np.stack(columns))
    return Sums(codes, score_keys(keys)[rows], np.zeros(len(rows), np.uint8), tuple(column[rows] for column in encoded))


def _sum_by_bucket(slices: Membership, slice_count: int, keys: Float64, columns: Sequence[Float64]) -> Sums:
    buckets = keys.astype(np.int64)
    width = int(buckets.max(initial=-1)) + 1
    cells = slices.codes.astype(np.int64) * width + buckets[slices.rows]
    count = slice_count * width
    distinct = None
    if count > _DENSE_CELLS:
        distinct, inverse = np.unique(cells, return_inverse=True)
        cells, count = inverse.reshape(-1), len(distinct)
    sums = [_totals(cells, column[slices.rows], count) for column in columns]
    occupied = np.flatnonzero(np.any([column != 0 for column in sums], axis=0))
    codes, bucket = np.divmod(occupied if distinct is None else distinct[occupied], max(width, 1))
    columns_added = exact.encode_all(np.stack([column[occupied] for column in sums]))
    return Sums(codes.astype(np.int32), bucket.astype(np.uint64), None, columns_added)


def _totals(cells: npt.NDArray[np.intp], values: Float64, count: int) -> Float64:
    """Sums the values of each cell, in the order of the rows."""
    return np.bincount(cells, values, count).astype(np.float64, copy=False)


def merge(plan: Plan, states: Iterable[State]) -> State:
    """Adds up states: associative, commutative and exact to the bit; the states are left as they are."""
    parts = [state for state in states if len(state.names) or state.examples]
    if not parts:
        return empty(plan)
    if len(parts) == 1 and parts[0].added_up:
        return parts[0]
    encoded = pa.chunked_array([part.names for part in parts]).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    bounds = np.cumsum([0, *(len(part.names) for part in parts)])
    position = [codes[start:stop] for start, stop in itertools.pairwise(bounds)]

    def total(tables: Iterable[Sums]) -> Sums:  # one kind of table at a time: they are large
        rows = [_renumber(table, place) for table, place in zip(tables, position, strict=True)]
        return add_up(concatenate(rows), plan.max_distinct_scores)

    return _sorted(
        State(
            encoded.dictionary,
            total(part.by_slice for part in parts),
            tuple(total(part.by_key[i] for part in parts) for i in range(len(plan.keyed_terms))),
            sum(part.examples for part in parts),
        )
    )


def _renumber(table: Sums, position: npt.NDArray[np.int32]) -> Sums:
    return Sums(position[table.slices], table.keys, table.levels, table.columns)


def _sorted(state: State) -> State:
    """Puts the slices into the order of their names, which makes equal sums equal bits."""
    order = pc.sort_indices(state.names).to_numpy()
    if bool(np.all(order[1:] > order[:-1])):
        return state
    position = np.empty(len(order), np.int32)
    position[order] = np.arange(len(order), dtype=np.int32)
    return State(
        state.names.take(pa.array(order)),
        _by_rank(state.by_slice, position),
        tuple(_by_rank(table, position) for table in state.by_key),
        state.examples,
    )


def _by_rank(table: Sums, position: npt.NDArray[np.int32]) -> Sums:
    """Renumbers the slices and puts the rows, which are sorted by the old numbers, into the order of the new."""
    slices = position[table.slices]
    order = np.argsort(slices, kind="stable")
    return Sums(
        slices[order],
        None if table.keys is None else table.keys[order],
        None if table.levels is None else table.levels[order],
        tuple(column[order] for column in table.columns),
    )


@dataclass
class Accumulator:
    """Adds up batches one after another, merging now and then so that memory follows the sums, not the examples.

    Attributes:
        plan: What is summed.
        merge_rows: Sums of batches are merged into one run when they have this many rows.
        merge_runs: Runs are merged into one when there are this many.
    """

    plan: Plan
    merge_rows: int = 1 << 20
    merge_runs: int = 8
    _runs: list[State] = field(default_factory=list)
    _pending: list[State] = field(default_factory=list)
    _pending_rows: int = 0

    def add(self, batch: Evaluated) -> None:
        """Adds one batch."""
        self.add_state(_terms(self.plan, batch))

    def add_state(self, state: State) -> None:
        """Adds the sums of a part."""
        self._pending.append(state)
        self._pending_rows += len(state)
        if self._pending_rows >= self.merge_rows:
            self._merge_pending()

    def _merge_pending(self) -> None:
        self._runs.append(merge(self.plan, self._pending))
        self._pending, self._pending_rows = [], 0
        if len(self._runs) >= self.merge_runs:
            self._runs = [merge(self.plan, self._runs)]

    def state(self) -> State:
        """The sums so far."""
        self._merge_pending()
        self._runs = [merge(self.plan, self._runs)]
        return self._runs[0]
