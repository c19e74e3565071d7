"""Score keys and the rule that coarsens score histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.engine import exact
from evaluator_component.engine.sums import Sums, add_up, coarse_keys, concatenate, key_scores, score_keys

law = settings(deadline=None, derandomize=True)
SCORES = st.one_of(
    st.floats(0.0, 1.0),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0.999, 1.0),
    st.floats(0.0, 1e-5),
    st.sampled_from([0.0, -0.0, 0.5, 1.0, 5e-324, 1e-12, 1 - 1e-12, math.nextafter(0.5, 0), math.nextafter(1.0, 2)]),
)


def histogram(scores: Sequence[float] | np.ndarray, slices: Sequence[int] | None = None) -> Sums:
    """One row per score, worth one positive and half a negative."""
    scores = np.asarray(scores, np.float64)
    return Sums(
        np.zeros(len(scores), np.int32) if slices is None else np.asarray(slices, np.int32),
        score_keys(scores),
        np.zeros(len(scores), np.uint8),
        (exact.encode(np.ones(len(scores))), exact.encode(np.full(len(scores), 0.5))),
    )


def same(left: Sums, right: Sums) -> bool:
    return (
        np.array_equal(left.slices, right.slices)
        and np.array_equal(left.keys, right.keys)
        and np.array_equal(left.levels, right.levels)
        and all(np.array_equal(a, b) for a, b in zip(left.columns, right.columns, strict=True))
    )


@law
@given(st.lists(SCORES, min_size=2, max_size=30))
def test_keys_keep_order_and_equality(values: list[float]) -> None:
    scores = np.array(values)
    keys = score_keys(scores)
    np.testing.assert_array_equal(keys[:, None] < keys[None, :], scores[:, None] < scores[None, :])
    np.testing.assert_array_equal(keys[:, None] == keys[None, :], scores[:, None] == scores[None, :])
    np.testing.assert_array_equal(key_scores(keys), scores)


@law
@given(st.lists(SCORES, min_size=2, max_size=30), st.integers(1, 64))
def test_coarse_keys_keep_order(values: list[float], level: int) -> None:
    scores = np.sort(np.array(values))
    zeros = np.zeros(len(scores), np.uint8)
    coarse = coarse_keys(score_keys(scores), zeros, np.full(len(scores), level, np.uint8))
    assert bool(np.all(coarse[1:] >= coarse[:-1]))


@law
@given(st.lists(SCORES, min_size=1, max_size=30), st.integers(0, 64), st.integers(0, 64))
def test_coarsening_twice_is_coarsening_by_the_larger(values: list[float], one: int, two: int) -> None:
    keys = score_keys(np.array(values))
    zeros, first, second = (np.full(len(keys), level, np.uint8) for level in (0, min(one, two), max(one, two)))
    np.testing.assert_array_equal(
        coarse_keys(coarse_keys(keys, zeros, first), first, second), coarse_keys(keys, zeros, second)
    )


@law
@given(st.floats(1e-300, 0.5, exclude_max=True), st.floats(1e-9, 1.0))
def test_resolution_is_relative_to_the_nearer_end(score: float, step: float) -> None:
    """Scores apart by a 2**-10 share of their distance from 0 or 1 stay apart at the level that keeps 12 bits."""
    level = np.full(2, 1 + 51 - 12, np.uint8)
    zeros = np.zeros(2, np.uint8)
    other = score * (1 - 2.0**-10 - step / 2)
    low, high = coarse_keys(score_keys(np.array([other, score])), zeros, level)
    assert low < high
    if score > 2.0**-20:
        low, high = coarse_keys(score_keys(np.array([1 - score, 1 - other])), zeros, level)
        assert low < high


@law
@given(st.lists(st.tuples(SCORES, st.integers(0, 2)), min_size=1, max_size=60), st.integers(2, 8), st.data())
def test_the_final_histogram_depends_on_the_scores_alone(
    rows: list[tuple[float, int]], most: int, data: st.DataObject
) -> None:
    scores, slices = [score for score, _ in rows], [number for _, number in rows]
    whole = add_up(histogram(scores, slices), most)
    order = data.draw(st.permutations(range(len(rows))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    pieces = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True) if b > a]
    parts = [add_up(histogram([scores[i] for i in p], [slices[i] for i in p]), most) for p in pieces]
    while len(parts) > 1:
        i, j = data.draw(st.sampled_from([(i, j) for i in range(len(parts)) for j in range(i)]))
        parts[j] = add_up(concatenate([parts[i], parts[j]]), most)
        del parts[i]
    assert same(parts[0], whole)
    assert same(add_up(whole, most), whole)


@law
@given(st.lists(SCORES, min_size=1, max_size=60), st.integers(2, 8))
def test_the_level_is_the_lowest_that_suffices(scores: list[float], most: int) -> None:
    result = add_up(histogram(scores), most)
    assert result.levels is not None
    level = int(result.levels[0])
    assert bool(np.all(result.levels == level))
    keys = score_keys(np.array(scores))
    zeros = np.zeros(len(keys), np.uint8)
    distinct = [len(np.unique(coarse_keys(keys, zeros, np.full(len(keys), k, np.uint8)))) for k in range(level + 1)]
    assert distinct[-1] == len(result) <= most
    assert all(count > most for count in distinct[:-1])


def test_slices_are_coarsened_one_by_one() -> None:
    many, few = np.linspace(0.1, 0.9, 100), np.linspace(0.1, 0.9, 10)
    result = add_up(histogram([*many, *few], [0] * 100 + [1] * 10), 16)
    assert result.levels is not None
    assert bool(np.all(result.levels[result.slices == 0] > 0))
    assert not result.levels[result.slices == 1].any()
    assert exact.decode(result.columns[0])[result.slices == 0].sum() == 100


def test_distinct_scores_at_the_limit_stay_exact() -> None:
    scores = np.random.default_rng(2).random(1000)
    assert add_up(histogram(scores), 1000).levels.sum() == 0  # type: ignore[union-attr]
    assert add_up(histogram(scores), 999).levels.min() > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("keys", [None, np.array([3, 3, 1, 3], np.uint64), np.array([2**63, 2**63, 1, 0], np.uint64)])
def test_rows_of_equal_slice_and_key_are_added(keys: np.ndarray | None) -> None:
    slices = np.array([1, 1, 0, 1], np.int32)
    result = add_up(Sums(slices, keys, None, (exact.encode(np.array([1.0, 2.0, 4.0, 8.0])),)), 10)
    expected: dict[tuple[int, int], float] = {}
    for i, value in enumerate([1.0, 2.0, 4.0, 8.0]):
        key = (int(slices[i]), 0 if keys is None else int(keys[i]))
        expected[key] = expected.get(key, 0.0) + value
    found_keys = np.zeros(len(result), np.uint64) if result.keys is None else result.keys
    found = list(zip(result.slices.tolist(), found_keys.tolist(), strict=True))
    assert found == sorted(expected)
    assert exact.decode(result.columns[0]).tolist() == [expected[key] for key in found]


@law
@given(st.lists(st.tuples(SCORES, st.integers(0, 2), st.booleans()), min_size=1, max_size=60))
def test_unweighted_examples_are_counted(rows: list[tuple[float, int, bool]]) -> None:
    scores, slices, labels = (np.array(column) for column in zip(*rows, strict=True))
    levels = np.zeros(len(rows), np.uint8)
    columns = (exact.encode(labels.astype(float)), exact.encode(1.0 - labels))
    result = add_up(Sums(slices.astype(np.int32), score_keys(scores.astype(np.float64)), levels, columns), 1000)
    expected: dict[tuple[int, float], list[int]] = {}
    for score, number, label in rows:
        expected.setdefault((number, score + 0.0), [0, 0])[not label] += 1
    assert result.keys is not None
    found = zip(
        result.slices.tolist(), key_scores(result.keys).tolist(), *(c.tolist() for c in result.columns), strict=True
    )
    assert [((number, score), list(counts)) for number, score, *counts in found] == sorted(expected.items())
