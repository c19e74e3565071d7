"""Wilson's and Tango's limits against statsmodels, a maximised likelihood, published numbers and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from evaluator_component.stats.proportions import paired_limits, paired_statistic, wilson

law = settings(deadline=None, derandomize=True)
TAILS = [0.4, 0.1, 0.025, 0.005, 0.05 / 200]
tails = st.sampled_from(TAILS)
differences = st.floats(1e-3, 0.98).flatmap(lambda size: st.sampled_from([-size, size]))
"""Apart from 0, where the statistic of a table without a discordant example is 0/0."""


def limits(gained: float, lost: float, trials: float, tail: float) -> tuple[float, float]:
    lower, upper = paired_limits(np.array([gained]), np.array([lost]), np.array([trials]), tail)
    return float(lower[0]), float(upper[0])


def statistic(gained: float, lost: float, trials: float, difference: float) -> float:
    found = paired_statistic(np.array([gained]), np.array([lost]), np.array([trials]), np.array([difference]))
    return float(found[0])


@st.composite
def tables(draw: st.DrawFn) -> tuple[float, float, float]:
    """How many of how many examples count in one share only."""
    trials = draw(st.integers(1, 400))
    gained = draw(st.integers(0, trials))
    return float(gained), float(draw(st.integers(0, trials - gained))), float(trials)


@pytest.mark.parametrize("tail", TAILS)
def test_wilson_is_that_of_statsmodels(tail: float) -> None:
    for trials in (1, 2, 7, 50, 2000, 10**9):
        successes = np.unique(np.linspace(0, trials, 23).astype(int))
        found = wilson(successes / trials, np.full(len(successes), float(trials)), tail)
        expected = proportion_confint(successes, trials, alpha=2 * tail, method="wilson")
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@law
@given(st.floats(0, 1), st.floats(0.1, 1e12), tails, tails)
def test_wilson_is_within_0_and_1_around_the_share_and_wider_for_a_smaller_chance(
    share: float, trials: float, one: float, other: float
) -> None:
    narrow, wide = (
        [float(end[0]) for end in wilson(np.array([share]), np.array([trials]), tail)]
        for tail in (max(one, other), min(one, other))
    )
    assert 0.0 <= wide[0] <= narrow[0] <= share + 1e-12
    assert share - 1e-12 <= narrow[1] <= wide[1] <= 1.0


@law
@given(st.floats(0, 1), st.floats(0.1, 1e6), tails)
def test_wilson_of_the_other_share_is_its_mirror_image(share: float, trials: float, tail: float) -> None:
    lower, upper = wilson(np.array([share]), np.array([trials]), tail)
    other_lower, other_upper = wilson(np.array([1 - share]), np.array([trials]), tail)
    np.testing.assert_allclose([1 - upper[0], 1 - lower[0]], [other_lower[0], other_upper[0]], atol=1e-9)


def test_wilson_without_trials_is_unknown() -> None:
    assert np.isnan(wilson(np.array([0.5, 0.5]), np.array([0.0, np.nan]), 0.025)).all()


@law
@given(tables())
def test_without_a_difference_the_statistic_is_mcnemars(table: tuple[float, float, float]) -> None:
    gained, lost, trials = table
    if gained + lost == 0:
        return
    expected = mcnemar([[0, gained], [lost, trials - gained - lost]], exact=False, correction=False)
    found = statistic(gained, lost, trials, 0.0)
    assert math.isclose(found**2, expected.statistic, rel_tol=1e-9, abs_tol=1e-12)
    assert math.isclose(2 * scipy.special.ndtr(-abs(found)), expected.pvalue, rel_tol=1e-9)


def brute_force(gained: float, lost: float, trials: float, difference: float) -> float:
    """The score statistic with the variance at the highest multinomial likelihood under the difference."""

    def minus_log_likelihood(only_lost: float) -> float:
        only_gained = only_lost + difference
        rest = 1 - only_lost - only_gained
        cells = ((gained, only_gained), (lost, only_lost), (trials - gained - lost, rest))
        return -float(sum(scipy.special.xlogy(count, max(chance, 1e-300)) for count, chance in cells))

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    inside = scipy.optimize.minimize_scalar(
        minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-13}
    )
    only_lost = min((*bounds, float(inside.x)), key=minus_log_likelihood)
    variance = trials * (2 * only_lost + difference - difference**2)
    return (gained - lost - trials * difference) / math.sqrt(variance)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(tables(), differences)
def test_the_statistic_is_that_of_the_highest_likelihood(table: tuple[float, float, float], difference: float) -> None:
    assert math.isclose(statistic(*table, difference), brute_force(*table, difference), rel_tol=2e-4, abs_tol=2e-4), (
        table
    )


@settings(deadline=None, derandomize=True, max_examples=100)
@given(tables(), st.sampled_from(TAILS[1:]))
def test_the_limits_are_where_the_highest_likelihood_says(table: tuple[float, float, float], tail: float) -> None:
    z = scipy.stats.norm.isf(tail)
    for limit, sign in zip(limits(*table, tail), (1.0, -1.0), strict=True):
        if 1e-3 < abs(limit) < 1 - 1e-6:
            assert math.isclose(brute_force(*table, limit), sign * z, rel_tol=2e-3, abs_tol=2e-3), (table, limit)


def test_published_examples() -> None:
    # Tango 1998: 44 pairs, one of which is discordant; Z = 1.709 for a difference of −0.1.
    assert round(statistic(0, 1, 44, -0.1), 3) == 1.709
    # Fagerland, Lydersen & Laake 2014, table of Bentur et al. 2009: 1 and 7 of 21.
    assert tuple(round(end, 3) for end in limits(1, 7, 21, 0.025)) == (-0.517, -0.026)


@law
@given(tables(), tails)
def test_the_limits_contain_the_difference(table: tuple[float, float, float], tail: float) -> None:
    gained, lost, trials = table
    lower, upper = limits(*table, tail)
    assert -1.0 <= lower <= (gained - lost) / trials <= upper <= 1.0


@law
@given(tables(), tails, tails)
def test_the_limits_are_wider_for_a_smaller_chance(table: tuple[float, float, float], one: float, other: float) -> None:
    narrow, wide = limits(*table, max(one, other)), limits(*table, min(one, other))
    assert wide[0] <= narrow[0] + 1e-12
    assert narrow[1] <= wide[1] + 1e-12


@law
@given(tables(), tails)
def test_the_limits_of_the_other_difference_are_their_mirror_image(
    table: tuple[float, float, float], tail: float
) -> None:
    gained, lost, trials = table
    lower, upper = limits(gained, lost, trials, tail)
    np.testing.assert_allclose(limits(lost, gained, trials, tail), (-upper, -lower), atol=1e-12)


@law
@given(tables(), differences)
def test_the_statistic_of_the_other_difference_is_its_mirror_image(
    table: tuple[float, float, float], difference: float
) -> None:
    gained, lost, trials = table
    np.testing.assert_allclose(
        statistic(lost, gained, trials, -difference), -statistic(gained, lost, trials, difference), atol=1e-6, rtol=1e-6
    )


@law
@given(tables(), differences, st.floats(0.001, 0.5))
def test_the_statistic_falls_as_the_difference_grows(
    table: tuple[float, float, float], difference: float, step: float
) -> None:
    further = min(difference + step, 0.999)
    further = 1e-3 if abs(further) < 1e-3 else further
    assert statistic(*table, further) <= statistic(*table, difference) + 1e-9


@pytest.mark.parametrize("trials", [1.0, 50.0, 2000.0, 1e8])
@pytest.mark.parametrize("tail", TAILS)
def test_where_no_example_differs_the_limits_are_known(trials: float, tail: float) -> None:
    """Then the statistic is √(n d / (1 − d)), so that the limits are z² / (n + z²)."""
    square = scipy.stats.norm.isf(tail) ** 2
    expected = square / (trials + square)
    np.testing.assert_allclose(limits(0, 0, trials, tail), (-expected, expected), rtol=1e-7)


def test_many_tables_at_once_are_each_as_if_alone() -> None:
    rng = np.random.default_rng(1)
    trials = rng.integers(1, 300, 40).astype(float)
    gained = np.floor(rng.random(40) * (trials + 1))
    lost = np.floor(rng.random(40) * (trials - gained + 1))
    together = np.transpose(paired_limits(gained, lost, trials, 0.025))
    alone = [limits(*row, 0.025) for row in zip(gained.tolist(), lost.tolist(), trials.tolist(), strict=True)]
    np.testing.assert_array_equal(together, alone)
