"""The laws of the sums, on random plans and batches: exact to the bit whatever the order, grouping and transport."""

from __future__ import annotations

import dataclasses
import pathlib
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.engine import exact, transport
from evaluator_component.engine.accumulate import Accumulator, State, accumulate, empty, merge, settle
from evaluator_component.engine.adders import ScoreAdder
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.plan import Plan
from evaluator_component.metrics.registry import catalogue
from evaluator_component.metrics.terms import Examples
from evaluator_component.slicing.codes import Membership
from tests.engine.random_parts import arrays, batch, freeze, make, plans

law = settings(deadline=None, derandomize=True, max_examples=25)
PARTS = st.lists(st.tuples(st.integers(0, 2**32), st.integers(0, 30)), min_size=1, max_size=6)


def bits(plan: Plan, state: State) -> bytes:
    """What a state comes to; documents are kept in any order until their queries are summed."""
    return transport.to_bytes(settle(plan, state))


def states(plan: Plan, parts: list[tuple[int, int]]) -> list[State]:
    return [freeze(accumulate(plan, freeze(batch(plan, seed, size)))) for seed, size in parts]


@law
@given(plans(), PARTS, st.data())
def test_any_order_and_grouping_gives_the_same_bits(
    plan: Plan, parts: list[tuple[int, int]], data: st.DataObject
) -> None:
    todo = states(plan, [*parts, (1, 20)])
    expected = bits(plan, merge(plan, todo))
    while len(todo) > 1:
        i, j = data.draw(st.sampled_from([(i, j) for i in range(len(todo)) for j in range(i)]))
        todo[j] = freeze(merge(plan, [todo[i], todo[j]]))
        del todo[i]
    assert bits(plan, todo[0]) == expected


@law
@given(plans(), PARTS)
def test_empty_is_the_identity(plan: Plan, parts: list[tuple[int, int]]) -> None:
    nothing = empty(plan)
    for state in states(plan, parts):
        assert bits(plan, merge(plan, [nothing, state, nothing])) == bits(plan, state)
    assert bits(plan, merge(plan, [])) == bits(plan, merge(plan, [nothing, nothing])) == bits(plan, nothing)
    assert len(nothing.names) == nothing.examples == 0


@law
@given(plans(), PARTS)
def test_nothing_is_changed(plan: Plan, parts: list[tuple[int, int]]) -> None:
    examples = [freeze(batch(plan, seed, size)) for seed, size in parts]
    made = [freeze(accumulate(plan, part)) for part in examples]
    before = [bits(plan, state) for state in made]
    merge(plan, made)
    transport.partition(plan, made[0], 3)
    assert [bits(plan, state) for state in made] == before
    assert [bits(plan, accumulate(plan, part)) for part in examples] == before


@law
@given(plans(), PARTS, st.integers(1, 200), st.integers(0, 100))
def test_the_accumulator_is_a_merge(
    plan: Plan, parts: list[tuple[int, int]], flush_pairs: int, most_words: int
) -> None:
    accumulator = Accumulator(plan, flush_pairs, most_words)
    todo = [(1, 10), *parts]
    for i, (seed, size) in enumerate(todo):
        accumulator.add(batch(plan, seed, size))
        if i == 1:
            accumulator.state()  # looking at the sums does not end them
    assert bits(plan, accumulator.state()) == bits(plan, merge(plan, states(plan, todo)))
    assert bits(plan, Accumulator(plan).state()) == bits(plan, empty(plan))


@law
@given(plans(), PARTS)
def test_a_state_travels(plan: Plan, parts: list[tuple[int, int]]) -> None:
    for state in [*states(plan, parts), empty(plan), merge(plan, states(plan, parts))]:
        for copy in (transport.from_bytes(transport.to_bytes(state)), pickle.loads(pickle.dumps(state))):
            assert bits(plan, copy) == bits(plan, state)
            assert copy.examples == state.examples
            for left, right in zip(arrays(copy), arrays(state), strict=True):
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left, right)
        copy = transport.from_bytes(transport.to_bytes(state))
        assert bits(plan, merge(plan, [copy, state])) == bits(plan, merge(plan, [state, state]))


@law
@given(plans(), PARTS, st.integers(1, 5))
def test_partitions_merge_to_the_whole(plan: Plan, parts: list[tuple[int, int]], count: int) -> None:
    made = states(plan, [*parts, (3, 25)])
    whole = merge(plan, made)
    cut = [transport.partition(plan, state, count) for state in made]
    assert bits(plan, merge(plan, transport.partition(plan, whole, count))) == bits(plan, whole)
    by_owner = [merge(plan, column) for column in zip(*cut, strict=True)]  # as a combine per key does
    assert bits(plan, merge(plan, by_owner)) == bits(plan, whole)
    if not plan.queries:
        owned = [name for part in by_owner for name in part.names.to_pylist()]
        assert sorted(owned) == whole.names.to_pylist()
    for i in range(len(plan.queries)):
        asked = [name for part in by_owner if part.queries for name in part.queries[i].names.to_pylist()]
        assert sorted(asked) == sorted(whole.queries[i].names.to_pylist())


@pytest.mark.parametrize("names", [[], ["Overall"], ["", "a", "é=1", "a" * 300], [f"hour={i}" for i in range(1000)]])
def test_slices_spread_by_their_names(names: list[str]) -> None:
    plan = make(["ExampleCount"], weighted=False, baseline=False)
    state = dataclasses.replace(empty(plan), names=pa.array(names, pa.string()))
    sizes = [len(part.names) for part in transport.partition(plan, state, 4)]
    assert sum(sizes) == len(names)
    if len(names) == 1000:
        assert min(sizes) > 150
        sliced = dataclasses.replace(state, names=pa.array(["gone", *names], pa.string())[1:])
        assert [len(part.names) for part in transport.partition(plan, sliced, 4)] == sizes


def totals(plan: Plan, state: State) -> dict[tuple[object, ...], Fraction]:
    """Every weighted total that is not 0 by (table, slice, key, column)."""
    result: dict[tuple[object, ...], Fraction] = {}
    for number, table in enumerate(state.tables):
        slice_terms = plan.slice_tables[number].terms if number < len(plan.slice_tables) else ()
        unweighted = [
            isinstance(terms, Examples) or not view.weighted for view, terms in slice_terms for _ in terms.columns
        ]
        for column, values in enumerate(table.columns):
            if unweighted and unweighted[column]:
                continue
            keys = np.zeros(len(table)) if table.keys is None else table.keys
            for part, key, value in zip(table.slices.tolist(), keys, exact.decode(values).tolist(), strict=True):
                if value:
                    name = state.names[part // table.classes].as_py()
                    result[number, column, name, part % table.classes, int(key)] = Fraction(value)
    return result


def clean(part: Evaluated) -> Evaluated:
    """The batch with scores that every metric is defined for: what is unusable is counted whatever its weight."""
    finite = {
        key: np.where(np.isfinite(value), np.maximum(value, -0.9), 0.5) for key, value in part.predictions.items()
    }
    return dataclasses.replace(part, predictions=finite)


def pick(part: Evaluated, rows: np.ndarray) -> Evaluated:
    """The batch of these rows, in this order."""
    pairs = [(new, code) for new, row in enumerate(rows) for code in part.slices.codes[part.slices.rows == row]]
    member = np.array(pairs, np.int32).reshape(-1, 2)
    slices = Membership(member[:, 0].copy(), member[:, 1].copy(), part.slices.names)
    columns = ({key: value[rows] for key, value in named.items()} for named in (part.labels, part.predictions))
    weights = {key: value[rows] for key, value in part.weights.items()}
    features = {name: values[rows] for name, values in part.features.items()}
    queries = {name: ids.take(pa.array(rows)) for name, ids in part.queries.items()}
    records = {source: lists.take(pa.array(rows)) for source, lists in part.records.items()}
    return Evaluated(slices, *columns, weights, len(rows), features, queries, records, part.units[rows])  # type: ignore[arg-type]


def assert_near(left: dict[tuple[object, ...], Fraction], right: dict[tuple[object, ...], Fraction]) -> None:
    scale = max([abs(value) for value in [*left.values(), *right.values()]], default=Fraction(1))
    for key in {*left, *right}:
        assert abs(left.get(key, Fraction(0)) - right.get(key, Fraction(0))) <= Fraction(1e-12) * scale, key


ALL = sorted(catalogue())


@law
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_weight_0_is_absence(seed: int, size: int) -> None:
    plan = make(ALL, weighted=True, baseline=False)
    part = clean(batch(plan, seed, size))
    present = np.flatnonzero(part.weights["score"] > 0)
    assert_near(totals(plan, accumulate(plan, part)), totals(plan, accumulate(plan, pick(part, present))))


@law
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_weight_2_is_twice(seed: int, size: int) -> None:
    plan = make(ALL, weighted=True, baseline=False)
    part = clean(batch(plan, seed, size))
    doubled = dataclasses.replace(part, weights={key: 2 * value for key, value in part.weights.items()})
    twice = pick(part, np.repeat(np.arange(size), 2))
    assert_near(totals(plan, accumulate(plan, doubled)), totals(plan, accumulate(plan, twice)))


@law
@given(st.integers(0, 2**32), st.integers(2, 40), st.data())
def test_a_split_is_the_whole(seed: int, size: int, data: st.DataObject) -> None:
    plan = make(ALL, weighted=True, baseline=True)
    part = clean(batch(plan, seed, size))
    cut = data.draw(st.integers(0, size))
    pieces = [accumulate(plan, pick(part, rows)) for rows in (np.arange(cut), np.arange(cut, size))]
    assert_near(totals(plan, merge(plan, pieces)), totals(plan, accumulate(plan, part)))


def test_a_crowded_batch_is_coarsened_like_its_pieces() -> None:
    plan = make(["AUC"], weighted=False, baseline=False, max_distinct_scores=5)
    part = clean(batch(plan, 1, 40))
    pieces = [accumulate(plan, pick(part, rows)) for rows in (np.arange(20), np.arange(20, 40))]
    assert bits(plan, accumulate(plan, part)) == bits(plan, merge(plan, pieces))


def test_many_keys_are_summed_by_sorting_as_by_a_dense_array(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make(ALL, weighted=True, baseline=True)
    part = batch(plan, 5, 40)
    dense = accumulate(plan, part)
    monkeypatch.setattr("evaluator_component.engine.adders._DENSE_CELLS", 0)
    assert bits(plan, accumulate(plan, part)) == bits(plan, dense)


@law
@given(st.lists(st.integers(0, 2**32).map(lambda n: 2 * (n // 2) + 1), min_size=2, max_size=5), st.integers(2, 60))
def test_words_are_counted_as_other_scores_are(seeds: list[int], most: int) -> None:
    """Scores of single precision without weights are packed; with a weight of 1 as a column they are not."""
    plan = make(["AUC"], weighted=False, baseline=True, max_distinct_scores=most)
    found = Accumulator(plan)
    for seed in seeds:
        found.add(batch(plan, seed, 40))
    scores = [part for part in found._by_key if isinstance(part, ScoreAdder)]
    found._flush()
    assert all(part._filled > 0 and not part._runs for part in scores)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluator_component.engine.adders._are_units", lambda *_: False)
        expected = merge(plan, [accumulate(plan, batch(plan, seed, 40)) for seed in seeds])
    assert bits(plan, found.state()) == bits(plan, expected)


def test_a_plan_computes_each_term_once() -> None:
    plan = make(ALL, weighted=True, baseline=True)
    assert len(set(plan.slice_terms)) == len(plan.slice_terms)
    assert len(set(plan.keyed_terms)) == len(plan.keyed_terms)
    assert bits(plan, empty(pickle.loads(pickle.dumps(plan)))) == bits(plan, empty(plan))


def test_it_runs_without_beam_and_tensorflow() -> None:
    program = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.engine.random_parts import batch, make
from evaluator_component.engine import finalise, transport
from evaluator_component.engine.accumulate import accumulate, merge
plan = make(["AUC", "BinaryAccuracy", "CalibrationPlot", "CategoricalAccuracy"], weighted=True, baseline=True)
state = merge(plan, [accumulate(plan, batch(plan, seed, 30)) for seed in range(3)])
metrics, plots = finalise.finalise(plan, {"eval": transport.from_bytes(transport.to_bytes(state))})
assert metrics.num_rows and plots.num_rows
found = [name for name in ("tensorflow", "apache_beam", "tfx", "keras") if name in sys.modules]
assert not found, found
"""
    root = pathlib.Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program, str(root)], check=True, timeout=120)
