"""One-sided tests refuse a model that is just good enough about as often as they claim."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from evaluator_component.stats.proportions import paired_statistic
from tests.statistics.refusals import LAWS, SLICES, among, of_law, of_shares

SIZES = (50, 200, 500, 1000, 2000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("discordant", [0.01, 0.05, 0.2])
def test_shares_of_equal_models_are_refused_no_more_often_than_claimed(size: int, discordant: float) -> None:
    assert of_shares(size, discordant, 0.05) < 0.054
    assert among(of_shares(size, discordant, 0.05 / SLICES)) < 0.05


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("discordant", [0.05, 0.2])
def test_shares_that_are_worse_by_the_margin_are_refused_about_as_often_as_claimed(
    size: int, discordant: float
) -> None:
    assert of_shares(size, discordant, 0.05, 0.01) < 0.056
    assert among(of_shares(size, discordant, 0.05 / SLICES, 0.01)) < 0.055


def test_the_counted_chance_is_that_of_a_simulation() -> None:
    rng = np.random.default_rng(1)
    for margin in (0.0, 0.01):
        cells = rng.multinomial(300, [(0.1 - margin) / 2, (0.1 + margin) / 2, 0.9], 200_000).astype(float)
        found = paired_statistic(cells[:, 0], cells[:, 1], np.full(200_000, 300.0), np.full(200_000, -margin))
        refused = float(np.mean(found < scipy.stats.norm.ppf(0.05)))
        assert abs(refused - of_shares(300, 0.1, 0.05, margin)) < 0.002


TOO_FEW_TO_TELL = {("3.5 (1 % far off)", 100)}
"""A third of these samples hold none of the values that are far off, and nothing tells that there are any."""


@pytest.mark.parametrize("size", [100, 500, 2000])
@pytest.mark.parametrize("law", LAWS)
def test_means_that_are_trusted_are_refused_no_more_often_than_tolerated(law: str, size: int) -> None:
    runs, tails = 20_000, (0.05, 0.05 / SLICES)
    for found, tail in zip(of_law(law, size, tails, runs), tails, strict=True):
        most = 2 * tail if (law, size) in TOO_FEW_TO_TELL else 1.2 * tail
        assert found.refused_trusted < most + 3 * np.sqrt(most / runs)


@pytest.mark.parametrize("law", LAWS)
def test_allowing_for_skewness_refuses_no_more_than_t(law: str) -> None:
    for found in of_law(law, 200, (0.05, 0.05 / SLICES), 5_000):
        assert found.refused <= found.by_t


def test_by_t_small_slices_of_skewed_losses_are_refused_too_often_and_with_skewness_as_claimed() -> None:
    (plain,) = of_law("2 (exponential)", 100, (0.05,), 20_000)
    assert plain.by_t > 0.07
    assert plain.refused < 0.057
    (corrected,) = of_law("2 (exponential)", 500, (0.05 / SLICES,), 100_000)
    assert among(corrected.by_t) > 0.1
    assert among(corrected.refused) < 0.08


def test_exponential_losses_are_judged_from_some_2_000_examples_at_the_level_of_200_slices() -> None:
    (corrected,) = of_law("2 (exponential)", 2_000, (0.05 / SLICES,), 20_000)
    assert corrected.trusted > 0.8


def test_numbers_without_skewness_are_trusted_and_refused_as_claimed() -> None:
    (plain,) = of_law("none", 500, (0.05,), 40_000)
    assert plain.trusted > 0.99
    assert abs(plain.refused - 0.05) < 0.004
