"""The engine: batches of labels and predictions → keyed sums → totals. Needs neither Beam nor TensorFlow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.engine import queries, samples
from evaluator_component.engine.adders import BucketAdder, Pairs, ScoreAdder
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.layout import SliceTable
from evaluator_component.engine.members import Members, shifted
from evaluator_component.engine.plan import Plan, QueryPlan
from evaluator_component.engine.queries import QueryRows
from evaluator_component.engine.samples import SampleRows
from evaluator_component.engine.slice_adders import GroupAdder, SliceAdder
from evaluator_component.engine.sums import Sums, add_up, concatenate, renumber, spread
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.samples import as_texts
from evaluator_component.metrics.terms import KeyedTerms, SeveralRows
from evaluator_component.metrics.view import Float64, View

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class State:
    """Sums of a part of the examples.

    Attributes:
        names: Slices that occur, sorted; the tables refer to them by position.
        tables: Totals by slice, one table per entry of ``plan.slice_tables``, its columns one after another; then
            totals by slice and key, one table per entry of ``plan.keyed_terms``; then those of groups of examples, one
            per entry of ``plan.grouped.tables`` and of ``plan.grouped.keyed``.
        examples: Number of examples added.
        queries: The documents of queries that are not summed yet, one entry per entry of ``plan.queries``; none when
            they are (:func:`settle`).
        samples: What is sampled, one entry per entry of ``plan.samples``.
    """

    names: pa.StringArray
    tables: tuple[Sums, ...]
    examples: int = 0
    queries: tuple[QueryRows, ...] = ()
    samples: tuple[SampleRows, ...] = ()


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

    def total(tables: Iterable[Sums], most: int) -> Sums:  # one kind of table at a time: they are large
        rows = [renumber(table, spread(place, table.classes)) for table, place in zip(tables, position, strict=True)]
        return add_up(concatenate(rows), most)

    limits = [plan.max_distinct_scores] * (len(plan.slice_tables) + len(plan.keyed_terms) + len(plan.grouped.tables))
    limits += [most for _, _, most in plan.grouped.keyed]
    tables = tuple(total((part.tables[i] for part in parts), most) for i, most in enumerate(limits))
    kept = zip(*(part.queries for part in parts), strict=True)
    drawn = zip(plan.samples, *(part.samples for part in parts), strict=True)
    return State(
        names,
        tables,
        sum(part.examples for part in parts),
        tuple(queries.add_up(rows, position) for rows in kept),
        tuple(samples.merge(rows, position, sampler.size) for (_, sampler), *rows in drawn),
    )


def settle(plan: Plan, state: State) -> State:
    """Sums the queries whose documents were kept. All documents of a query must be in the state, or none."""
    if not state.queries:
        return state
    tables = list(state.tables)
    count = len(state.names)
    rank = np.arange(count, dtype=np.int32)
    for query_plan, rows in zip(plan.queries, state.queries, strict=True):
        own = [key for key in plan.views if key.query == query_plan.key]
        views = {key: queries.view(query_plan, rows, key) for key in own}
        pairs = Pairs(rows.member_query.astype(np.intp), rows.member_slice.astype(np.intp), len(rows.names))
        place = 0
        for layout in plan.slice_tables:
            if layout.query == query_plan.key:
                slice_adder = SliceAdder(layout.width)
                slice_adder.add(pairs.slices, _columns_of_queries(layout, views)[:, pairs.rows], 1)
                slice_adder.flush(count)
                tables[place] = slice_adder.table(rank)
            place += 1
        for key, terms in plan.keyed_terms:
            if key.query == query_plan.key:
                tables[place] = _sum_of_queries(_key_adder(plan, terms), terms, views[key], pairs, rank)
            place += 1
        if plan.intervals is None:
            continue
        groups = plan.intervals.groups
        cells = pairs.slices * groups + queries.groups(query_plan, rows, groups)[pairs.rows]
        for layout in plan.grouped.tables:
            if layout.query == query_plan.key:
                group_adder = GroupAdder(layout.width, groups)
                group_adder.add(cells, _columns_of_queries(layout, views)[:, pairs.rows], 1)
                group_adder.flush()
                tables[place] = group_adder.table(rank)
            place += 1
        for key, terms, most in plan.grouped.keyed:
            if key.query == query_plan.key:
                adder = _key_adder(plan, terms, most_distinct=most)
                of_groups = replace(pairs, slices=cells)
                table = _sum_of_queries(adder, terms, views[key], of_groups, spread(rank, groups))
                tables[place] = replace(table, classes=groups)
            place += 1
    return State(state.names, tuple(tables), state.examples, (), state.samples)


def _columns_of_queries(layout: SliceTable, views: Mapping[ViewKey, View]) -> Float64:
    """The columns of a table for each query, float64 ``[columns, queries]``."""
    columns = [column for key, terms in layout.terms for column in terms.compute(views[key])]
    factors_of = shifted(columns, layout)
    return np.array([*columns, *(np.prod([factors_of[i] for i in factors], axis=0) for factors in layout.products)])


def _sum_of_queries(
    adder: ScoreAdder | BucketAdder, terms: KeyedTerms, view: View, pairs: Pairs, rank: npt.NDArray[np.int32]
) -> Sums:
    adder.add(terms.keys(view), terms.compute(view), None, 1)
    adder.flush(pairs, len(rank))
    return adder.table(rank)


def _key_adder(
    plan: Plan, terms: KeyedTerms, most_words: int = 1 << 20, most_distinct: int = 0
) -> ScoreAdder | BucketAdder:
    if terms.keyed_by_score:
        return ScoreAdder(len(terms.columns), most_distinct or plan.max_distinct_scores, most_words)
    return BucketAdder(len(terms.columns))


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
        self._by_slice = [SliceAdder(table.width) for table in plan.slice_tables]
        by_score = sum(terms.keyed_by_score for _, terms in plan.keyed_terms)
        by_score += sum(terms.keyed_by_score for _, terms, _ in plan.grouped.keyed)
        words = most_words // max(by_score, 1)
        self._by_key = [_key_adder(plan, terms, words) for _, terms in plan.keyed_terms]
        self._groups = plan.intervals.groups if plan.intervals is not None else 0
        self._by_group = [GroupAdder(table.width, self._groups) for table in plan.grouped.tables]
        self._by_group_and_key = [_key_adder(plan, terms, words, most) for _, terms, most in plan.grouped.keyed]
        self._waiting_cells: list[Pairs] = []
        self._queries: list[list[QueryRows]] = [[] for _ in plan.queries]
        self._samples: list[list[SampleRows]] = [[] for _ in plan.samples]

    def add(self, batch: Evaluated) -> None:
        """Adds one batch."""
        # Scores that do not count are −∞; what has no value then is NaN, and told as such.
        with np.errstate(invalid="ignore"):
            for part in batch.cut(self._plan.views):
                self._add(part)

    def _add(self, batch: Evaluated) -> None:
        views = batch.views(self._plan.views)
        numbers = self._numbers
        slices = np.array([numbers.setdefault(name, len(numbers)) for name in batch.slices.names], np.intp)
        members = Members(batch.size, batch.slices.rows, batch.slices.codes, len(batch.slices.names))
        pairs = Pairs(batch.slices.rows.astype(np.intp), slices[batch.slices.codes], batch.size)
        for by_slice, table in zip(self._by_slice, self._plan.slice_tables, strict=True):
            if not table.query:  # queries are summed when their documents are together
                classes = _classes(table, views)
                by_slice.add(slices, members.totals(table, classes, views), classes)
        most_rows = batch.size
        for by_key, (key, terms) in zip(self._by_key, self._plan.keyed_terms, strict=True):
            if key.query:
                continue
            keys, counts = terms.keys(views[key]), _rows_by_example(terms, views[key])
            by_key.add(keys, terms.compute(views[key]), counts, views[key].classes)
            most_rows = max(most_rows, len(keys))
        if self._plan.grouped.tables:
            self._add_groups(batch, pairs, views)
        for kept, plan in zip(self._queries, self._plan.queries, strict=True):
            kept.append(_documents(plan, batch, slices))
        for drawn, (key, sampler) in zip(self._samples, self._plan.samples, strict=True):
            values = as_texts(views[key].records[0])
            drawn.append(samples.draw(sampler.keys(views[key], batch.units), values, pairs, sampler.size))
        self._examples += batch.size
        self._waiting.append(pairs)
        self._waiting_pairs += len(batch.slices.rows) * most_rows // max(batch.size, 1)
        if self._waiting_pairs >= self._flush_pairs:
            self._flush()

    def _add_groups(self, batch: Evaluated, pairs: Pairs, views: Mapping[ViewKey, View]) -> None:
        """Adds a batch to the sums by slice and group."""
        groups = batch.groups(self._groups)
        cells = pairs.slices * self._groups + groups[pairs.rows]
        local = batch.slices.codes * self._groups + groups[pairs.rows]
        there = np.bincount(local, minlength=len(batch.slices.names) * self._groups) > 0
        codes = (np.cumsum(there) - 1)[local]
        occupied = np.zeros(int(there.sum()), np.intp)
        occupied[codes] = cells
        members = Members(batch.size, pairs.rows, codes, len(occupied))
        for by_group, table in zip(self._by_group, self._plan.grouped.tables, strict=True):
            if not table.query:
                classes = _classes(table, views)
                by_group.add(occupied, members.totals(table, classes, views), classes)
        for by_key, (key, terms, _) in zip(self._by_group_and_key, self._plan.grouped.keyed, strict=True):
            if not key.query:
                counts = _rows_by_example(terms, views[key])
                by_key.add(terms.keys(views[key]), terms.compute(views[key]), counts, views[key].classes)
        self._waiting_cells.append(replace(pairs, slices=cells))

    def _flush(self) -> None:
        count = len(self._numbers)
        cells = Pairs.concatenate(self._waiting_cells)
        self._waiting_cells = []
        for by_group in self._by_group:
            by_group.flush()
        for by_cell in self._by_group_and_key:
            by_cell.flush(cells, count * self._groups)
        pairs = Pairs.concatenate(self._waiting)
        self._waiting, self._waiting_pairs = [], 0
        for by_slice in self._by_slice:
            by_slice.flush(len(self._numbers))
        for by_key in self._by_key:
            by_key.flush(pairs, len(self._numbers))
        for drawn, (_, sampler) in zip(self._samples, self._plan.samples, strict=True):
            drawn[:] = [samples.add_up(drawn, sampler.size)]

    def state(self) -> State:
        """The sums so far."""
        self._flush()
        names, rank = _in_order(pa.array(self._numbers, pa.string()))
        self._numbers = {name: i for i, name in enumerate(names.to_pylist())}
        cells = spread(rank, self._groups) if self._by_group_and_key else rank
        with ThreadPoolExecutor() as pool:
            by_key = tuple(pool.map(lambda adder: adder.table(rank), self._by_key))
            by_cell = tuple(pool.map(lambda adder: adder.table(cells), self._by_group_and_key))
        by_cell = tuple(replace(table, classes=table.classes * self._groups) for table in by_cell)
        by_slice = tuple(adder.table(rank) for adder in self._by_slice)
        by_group = tuple(adder.table(rank) for adder in self._by_group)
        kept = []
        for rows, plan in zip(self._queries, self._plan.queries, strict=True):
            together = queries.add_up(rows or [queries.no_rows(plan)], [rank] * max(len(rows), 1))
            rows[:] = [together]
            kept.append(together)
        sampled = []
        for drawn, (_, sampler) in zip(self._samples, self._plan.samples, strict=True):
            drawn[:] = [samples.merge(drawn, [rank] * len(drawn), sampler.size)]
            sampled += drawn
        tables = (*by_slice, *by_key, *by_group, *by_cell)
        return State(names, tables, self._examples, tuple(kept), tuple(sampled))


def _documents(plan: QueryPlan, batch: Evaluated, slices: Index) -> QueryRows:
    """What is kept of a batch's documents; ``slices`` has the number of each of its slices."""
    encoded = batch.queries[plan.key].dictionary_encode()
    query = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return QueryRows(
        encoded.dictionary,
        query,
        tuple(batch.column(source) for source in plan.sources),
        query[batch.slices.rows],
        slices[batch.slices.codes].astype(np.int32),
    )


def _rows_by_example(terms: KeyedTerms, view: View) -> Index | None:
    """How many rows of keyed terms each example has; None for one each."""
    if isinstance(terms, SeveralRows):
        return terms.rows_by_example(view)
    return None if view.fold == 1 else np.full(len(view) // view.fold, view.fold, np.intp)


def _classes(table: SliceTable, views: Mapping[ViewKey, View]) -> int:
    """How many parts of a slice are told apart in a table."""
    return 1 if table.view_of_classes is None else views[table.view_of_classes].classes
