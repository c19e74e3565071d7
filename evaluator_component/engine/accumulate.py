"""The engine: batches of labels and predictions → keyed sums → totals. Needs neither Beam nor TensorFlow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse

from evaluator_component.engine.adders import BucketAdder, Pairs, ScoreAdder, SliceAdder
from evaluator_component.engine.plan import Plan, ViewKey
from evaluator_component.engine.sums import Sums, add_up, concatenate, renumber
from evaluator_component.metrics.view import Float64, View
from evaluator_component.slicing.codes import Membership


@dataclass(frozen=True)
class State:
    """Sums of a part of the examples.

    Attributes:
        names: Slices that occur, sorted; the tables refer to them by position.
        by_slice: Totals by slice: the columns of all ``plan.slice_terms``, one after another.
        by_key: Totals by slice and key, one table per entry of ``plan.keyed_terms``.
        examples: Number of examples added.
    """

    names: pa.StringArray
    by_slice: Sums
    by_key: tuple[Sums, ...]
    examples: int = 0


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
    return Accumulator(plan).state()


def accumulate(plan: Plan, batch: Evaluated) -> State:
    """Sums one batch. Sums within a batch are made in the order of its rows, so a batch has one result."""
    accumulator = Accumulator(plan)
    accumulator.add(batch)
    return accumulator.state()


def merge(plan: Plan, states: Iterable[State]) -> State:
    """Adds up states: associative, commutative and exact to the bit; the states are left as they are."""
    parts = [state for state in states if len(state.names) or state.examples]
    if not parts:
        return empty(plan)
    if len(parts) == 1:
        return parts[0]
    encoded = pa.chunked_array([part.names for part in parts]).combine_chunks().dictionary_encode()
    names, rank = _in_order(encoded.dictionary)
    codes = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    bounds = np.cumsum([0, *(len(part.names) for part in parts)])
    position = [codes[start:stop] for start, stop in itertools.pairwise(bounds)]

    def total(tables: Iterable[Sums]) -> Sums:  # one kind of table at a time: they are large
        rows = [renumber(table, place) for table, place in zip(tables, position, strict=True)]
        return add_up(concatenate(rows), plan.max_distinct_scores)

    return State(
        names,
        total(part.by_slice for part in parts),
        tuple(total(part.by_key[i] for part in parts) for i in range(len(plan.keyed_terms))),
        sum(part.examples for part in parts),
    )


def _in_order(names: pa.StringArray) -> tuple[pa.StringArray, npt.NDArray[np.int32]]:
    """The names sorted, which makes equal sums equal bits, and the place of each."""
    order = pc.sort_indices(names).to_numpy()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return pa.array(names.take(pa.array(order)).to_pylist(), pa.string()), rank


class Accumulator:
    """Adds up batches one after another; memory follows the sums, not the examples.

    Args:
        plan: What is summed.
        flush_pairs: Batches wait until they have this many (example, slice) pairs, and are added up together.
        most_words: See :class:`~evaluator_component.engine.adders.ScoreAdder`; shared by all score histograms.
    """

    def __init__(self, plan: Plan, flush_pairs: int = 1 << 19, most_words: int = 1 << 23):
        self._plan = plan
        self._flush_pairs = flush_pairs
        self._numbers: dict[str, int] = {}
        self._examples = 0
        self._waiting: list[Pairs] = []
        self._waiting_pairs = 0
        self._by_slice = SliceAdder(plan.slice_column_count)
        by_score = sum(terms.keyed_by_score for _, terms in plan.keyed_terms)
        self._by_key: list[ScoreAdder | BucketAdder] = [
            ScoreAdder(plan.max_distinct_scores, most_words // by_score)
            if terms.keyed_by_score
            else BucketAdder(len(terms.columns))
            for _, terms in plan.keyed_terms
        ]

    def add(self, batch: Evaluated) -> None:
        """Adds one batch."""
        views = {key: batch.view(key) for key in self._plan.views}
        numbers = self._numbers
        slices = np.array([numbers.setdefault(name, len(numbers)) for name in batch.slices.names], np.intp)
        self._by_slice.add(slices, _totals(self._plan, batch, views))
        for adder, (key, terms) in zip(self._by_key, self._plan.keyed_terms, strict=True):
            adder.add(terms.keys(views[key]), terms.compute(views[key]))
        self._examples += batch.size
        self._waiting.append(Pairs(batch.slices.rows.astype(np.intp), slices[batch.slices.codes], batch.size))
        self._waiting_pairs += len(batch.slices.rows)
        if self._waiting_pairs >= self._flush_pairs:
            self._flush()

    def _flush(self) -> None:
        pairs = Pairs.concatenate(self._waiting)
        self._waiting, self._waiting_pairs = [], 0
        self._by_slice.flush(len(self._numbers))
        for adder in self._by_key:
            adder.flush(pairs, len(self._numbers))

    def state(self) -> State:
        """The sums so far."""
        self._flush()
        names, rank = _in_order(pa.array(self._numbers, pa.string()))
        self._numbers = {name: i for i, name in enumerate(names.to_pylist())}
        with ThreadPoolExecutor() as pool:
            by_key = tuple(pool.map(lambda adder: adder.table(rank), self._by_key))
        return State(names, self._by_slice.table(rank), by_key, self._examples)


def _totals(plan: Plan, batch: Evaluated, views: Mapping[ViewKey, View]) -> Float64:
    """Totals by slice, float64 ``[columns, slices]``; each is summed in the order of the examples."""
    slices, size = batch.slices, len(batch.slices.names)
    examples = np.bincount(slices.codes, minlength=size)
    pairs = (np.ones(len(slices.codes)), (slices.codes, slices.rows))
    membership = scipy.sparse.coo_matrix(pairs, shape=(size, batch.size)).tocsr()
    totals = np.zeros((plan.slice_column_count, size))
    columns = (column for key, terms in plan.slice_terms for column in terms.compute(views[key]))
    for total, column in zip(totals, columns, strict=True):
        least, most = (column.min(), column.max()) if batch.size else (0.0, 0.0)
        if least == most == 1.0:
            total[:] = examples
        elif not least == most == 0.0:
            total[:] = membership @ column
    return totals
