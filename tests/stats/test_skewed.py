"""The test of means that allows for skewness, against the published formula, by hand, and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.stats import skewed, student
from evaluator_component.stats.trust import is_freed_of_skewness, least_examples_freed_of_skewness

law = settings(deadline=None, derandomize=True)
statistics = st.floats(-8, 8)
skews = st.floats(-30, 30)
sizes = st.integers(2, 100_000).map(float)


def one(*numbers: float) -> list[np.ndarray]:
    return [np.array([number]) for number in numbers]


def test_it_is_halls_formula_worked_by_hand() -> None:
    # n = 100, t = -2, γ = 3: S = -0.2; S + 3·0.04/3 - 9·0.008/27 + 3/600 = -0.2 + 0.04 - 0.002667 + 0.005
    (found,) = skewed.transformed(*one(-2.0, 3.0, 100.0))
    assert found == pytest.approx(10 * (-0.2 + 0.04 - 0.008 / 3 + 0.005))


@law
@given(statistics, skews, sizes)
def test_it_is_the_cube_that_hall_writes(statistic: float, skew: float, size: float) -> None:
    share = statistic / np.sqrt(size)
    wanted = share if abs(skew) < 1e-3 else ((1 + skew * share / 3) ** 3 - 1) / skew
    (found,) = skewed.transformed(*one(statistic, skew, size))
    assert found == pytest.approx(np.sqrt(size) * (wanted + skew / (6 * size)), rel=1e-2, abs=1e-3)


@law
@given(statistics, statistics, skews, sizes)
def test_it_is_monotone_and_can_be_undone(first: float, second: float, skew: float, size: float) -> None:
    low, high = min(first, second), max(first, second)
    moved = skewed.transformed(np.array([low, high]), np.full(2, skew), np.full(2, size))
    assert moved[0] <= moved[1] + 1e-9
    back = skewed.restored(moved, np.full(2, skew), np.full(2, size))
    again = skewed.transformed(back, np.full(2, skew), np.full(2, size))
    np.testing.assert_allclose(again, moved, rtol=1e-6, atol=1e-6)


@law
@given(statistics, st.floats(1, 1e4), skews, sizes)
def test_it_refuses_no_more_than_t_and_is_t_without_skewness(t: float, df: float, skew: float, size: float) -> None:
    (plain,) = student.tail(*one(t, df))
    (found,) = skewed.tail(*one(t, df, skew, size))
    assert found >= plain
    assert skewed.tail(*one(t, df, 0.0, size))[0] == plain


@law
@given(st.floats(-1, 1), st.floats(0.01, 1), skews, st.integers(5, 10_000).map(float), st.floats(1e-5, 0.2))
def test_a_bound_is_outside_the_limits_where_its_test_refuses(
    value: float, error: float, skew: float, size: float, chance: float
) -> None:
    df = size - 1
    lower, upper = (float(end[0]) for end in skewed.limits(*one(value, error, df, skew, size), chance))
    (low, high) = (float(end[0]) for end in student.limits(*one(value, error, df), chance, "plain"))
    assert lower <= low < high <= upper
    step = 1e-6 * error
    for bound, refused in ((upper - step, False), (upper + step, True)):
        found = skewed.tail(*one((value - bound) / error, df, skew, size))[0]
        assert bool(found < chance * (1 - 1e-9)) is refused or found == pytest.approx(chance, rel=1e-4)
    for bound, refused in ((lower + step, False), (lower - step, True)):
        found = skewed.tail(*one((bound - value) / error, df, -skew, size))[0]
        assert bool(found < chance * (1 - 1e-9)) is refused or found == pytest.approx(chance, rel=1e-4)


@pytest.mark.parametrize("size", [50, 400])
def test_by_brute_force_low_means_of_exponential_numbers_are_as_rare_as_it_says(size: int) -> None:
    numbers = np.random.default_rng(7).exponential(size=(20_000, size))
    found = scipy.stats.ttest_1samp(numbers, 1.0, axis=1, alternative="less")
    skew = scipy.stats.skew(numbers, axis=1)
    shape = np.full(len(numbers), float(size))
    chance = skewed.tail(found.statistic, shape - 1, skew, shape)
    for level in (0.01, 0.05):
        noise = 3 * np.sqrt(level / len(numbers))
        assert np.mean(found.pvalue < level) > 1.15 * level
        assert np.mean(chance < level) < (1.45 if size == 50 else 1.1) * level + noise


@law
@given(skews, sizes, st.floats(1e-6, 0.2), st.floats(1, 100), st.floats(0, 1))
def test_more_examples_and_less_skewness_are_trusted_more(
    skew: float, size: float, tail: float, more: float, less: float
) -> None:
    if is_freed_of_skewness(*one(skew, size), tail)[0]:
        assert is_freed_of_skewness(*one(skew, size * more), tail)[0]
        assert is_freed_of_skewness(*one(skew - abs(skew) * less, size), tail)[0]


@law
@given(skews, sizes, st.floats(1e-6, 0.05), st.floats(1, 100))
def test_a_smaller_tail_is_trusted_less(skew: float, size: float, tail: float, smaller: float) -> None:
    if is_freed_of_skewness(*one(skew, size), tail / smaller)[0]:
        assert is_freed_of_skewness(*one(skew, size), tail)[0]


def test_an_unknown_skewness_is_not_trusted_nor_are_few_examples() -> None:
    assert not is_freed_of_skewness(*one(np.nan, 1e9), 0.05)[0]
    assert not is_freed_of_skewness(*one(0.0, 397.0), 0.05)[0]
    assert is_freed_of_skewness(*one(0.0, 398.0), 0.05)[0]  # 0.9925 to the 398th is 0.04997


@pytest.mark.parametrize("skewness", [-6.0, 0.0, 2.0, 6.2])
@pytest.mark.parametrize("tail", [0.05, 0.05 / 200, 1e-6])
def test_the_least_number_of_examples_is_where_trust_begins(skewness: float, tail: float) -> None:
    least = least_examples_freed_of_skewness(np.array([skewness]), tail)
    assert is_freed_of_skewness(np.array([skewness]), least + 1, tail).all()
    assert not is_freed_of_skewness(np.array([skewness]), least - 2, tail).any()
