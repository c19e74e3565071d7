"""The jackknife over groups of unequal size, and the Poisson bootstrap, against loops and known errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.stats.resampling import bootstrap, jackknife, poisson_weights

law = settings(deadline=None, derandomize=True)


def by_loop(value: float, without: list[float], sizes: list[float]) -> float:
    """Busing, Meijer & van der Leeden 1999, equations 8 to 10, for the groups that are not empty."""
    used = [(one, size) for one, size in zip(without, sizes, strict=True) if size > 0]
    count, total = len(used), sum(size for _, size in used)
    estimate = count * value - sum((1 - size / total) * one for one, size in used)
    variance = 0.0
    for one, size in used:
        share = total / size
        pseudo = share * value - (share - 1) * one
        variance += (pseudo - estimate) ** 2 / (share - 1) / count
    return float(np.sqrt(variance))


@law
@given(st.integers(2, 9), st.integers(0, 2**31))
def test_it_is_the_formula_of_its_authors(groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=5)
    without = rng.normal(size=(5, groups))
    sizes = rng.integers(1, 20, (5, groups)).astype(float)
    sizes[:, 2:][rng.random((5, groups - 2)) < 0.3] = 0.0  # at least two have examples
    errors, df = jackknife(values, without, sizes)
    expected = [by_loop(values[i], without[i].tolist(), sizes[i].tolist()) for i in range(5)]
    np.testing.assert_allclose(errors, expected, rtol=1e-9)
    np.testing.assert_array_equal(df, (sizes > 0).sum(axis=1) - 1)


def test_with_groups_of_one_it_is_the_jackknife() -> None:
    rng = np.random.default_rng(2)
    data = rng.gamma(2.0, 1.0, 30)
    for statistic in (np.mean, np.median, np.std, lambda x: np.mean(x) / np.mean(x * x)):
        without = np.array([statistic(np.delete(data, i)) for i in range(30)])
        expected = np.sqrt(29 / 30 * np.sum((without - without.mean()) ** 2))
        errors, df = jackknife(np.array([statistic(data)]), without[None], np.ones((1, 30)))
        np.testing.assert_allclose(errors, expected, rtol=1e-9)
        assert df.tolist() == [29.0]


def test_of_a_mean_of_groups_of_one_it_is_the_standard_error() -> None:
    data = np.random.default_rng(3).normal(size=50)
    without = (data.sum() - data) / 49
    errors, _ = jackknife(np.array([data.mean()]), without[None], np.ones((1, 50)))
    np.testing.assert_allclose(errors, data.std(ddof=1) / np.sqrt(50), rtol=1e-12)


def test_of_a_mean_of_unequal_groups_it_is_right_on_average() -> None:
    rng = np.random.default_rng(4)
    sizes = np.tile(rng.integers(1, 30, 40).astype(float), (4000, 1))
    sums = rng.normal(size=sizes.shape) * np.sqrt(sizes)
    total, count = sums.sum(axis=1), sizes.sum(axis=1)
    errors, _ = jackknife(total / count, (total[:, None] - sums) / (count[:, None] - sizes), sizes)
    assert abs(np.mean(errors**2) * count[0] - 1) < 0.02


@law
@given(st.integers(2, 9), st.integers(0, 2**31), st.floats(0.01, 100), st.floats(-100, 100))
def test_it_scales_with_its_values_and_does_not_move(groups: int, seed: int, factor: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    values, without = rng.normal(size=1), rng.normal(size=(1, groups))
    sizes = rng.integers(1, 20, (1, groups)).astype(float)
    one = jackknife(values, without, sizes)[0]
    np.testing.assert_allclose(jackknife(values * factor, without * factor, sizes)[0], one * factor, rtol=1e-9)
    np.testing.assert_allclose(jackknife(values + shift, without + shift, sizes)[0], one, rtol=1e-6, atol=1e-9)


def test_values_that_no_group_moves_have_no_error() -> None:
    values = np.array([0.3, 1 / 3, 0.7, 1.0, 1e6])
    sizes = np.random.default_rng(7).integers(1, 9, (5, 64)).astype(float)
    errors, _ = jackknife(values, np.repeat(values[:, None], 64, 1), sizes)
    assert errors.tolist() == [0.0] * 5


@pytest.mark.parametrize("sizes", [[0.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
def test_fewer_than_two_groups_tell_nothing(sizes: list[float]) -> None:
    errors, df = jackknife(np.array([0.5]), np.array([[0.4, 0.5, 0.6]]), np.array([sizes]))
    assert np.isnan(errors).all()
    assert df.tolist() == [0.0]


def test_an_undefined_value_without_a_group_makes_the_error_unknown_but_not_of_an_empty_group() -> None:
    without = np.array([[0.4, np.nan, 0.6], [0.4, 0.5, np.nan]])
    sizes = np.array([[2.0, 2.0, 2.0], [2.0, 2.0, 0.0]])
    errors, _ = jackknife(np.array([0.5, 0.5]), without, sizes)
    assert np.isnan(errors).tolist() == [True, False]


def test_draws_are_always_the_same_and_poisson() -> None:
    drawn = poisson_weights(2000, 64)
    np.testing.assert_array_equal(drawn, poisson_weights(2000, 64))
    assert drawn.shape == (2000, 64)
    assert abs(drawn.mean() - 1) < 0.01
    assert abs(drawn.var() - 1) < 0.02
    assert abs(np.corrcoef(drawn[:, :8].T) - np.eye(8)).max() < 0.1


def test_the_bootstrap_is_the_standard_deviation_of_what_is_defined() -> None:
    rng = np.random.default_rng(5)
    replicates = rng.normal(size=(3, 40))
    replicates[1, :19] = np.nan
    replicates[2, :21] = np.nan
    found = bootstrap(replicates)
    np.testing.assert_allclose(found[:2], [replicates[0].std(ddof=1), replicates[1, 19:].std(ddof=1)], rtol=1e-12)
    assert np.isnan(found[2])


def test_the_bootstrap_of_a_mean_of_groups_is_its_standard_error() -> None:
    rng = np.random.default_rng(6)
    groups = rng.normal(size=(200, 64))
    drawn = poisson_weights(400, 64)
    replicates = groups @ drawn.T / drawn.sum(axis=1)
    ratio = bootstrap(replicates) / (groups.std(axis=1, ddof=1) / 8)
    assert abs(ratio.mean() - 1) < 0.02
    assert ratio.std() < 0.06
