"""Limits on scales, and tails of Student's t, against SciPy and laws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.stats import student

law = settings(deadline=None, derandomize=True)
SCALES = ("plain", "log", "logit", "fisher")
DF = (1.0, 2.0, 7.5, 63.0, 1e4, np.inf)
tails = st.sampled_from([0.4, 0.1, 0.025, 0.005, 0.05 / 200])


@pytest.mark.parametrize("df", DF)
def test_quantiles_and_tails_are_those_of_scipy(df: float) -> None:
    for probability in (0.0001, 0.025, 0.5, 0.95, 0.99999):
        expected = scipy.stats.norm.ppf(probability) if np.isinf(df) else scipy.stats.t.ppf(probability, df)
        np.testing.assert_allclose(student.quantile(probability, np.array([df])), expected, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(student.tail(np.array([expected]), np.array([df])), probability, rtol=1e-8)


@pytest.mark.parametrize("df", DF)
def test_plain_limits_of_a_mean_are_the_textbooks(df: float) -> None:
    found = student.limits(np.array([1.3]), np.array([0.2]), np.array([df]), 0.025, "plain")
    expected = scipy.stats.norm.interval(0.95, 1.3, 0.2) if np.isinf(df) else scipy.stats.t.interval(0.95, df, 1.3, 0.2)
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("scale", "there", "back", "slope"),
    [
        ("log", np.log, np.exp, lambda v: 1 / v),
        ("logit", lambda v: np.log(v / (1 - v)), lambda x: 1 / (1 + np.exp(-x)), lambda v: 1 / (v * (1 - v))),
        ("fisher", np.arctanh, np.tanh, lambda v: 1 / (1 - v * v)),
    ],
)
def test_limits_on_a_scale_are_plain_ones_there(scale, there, back, slope) -> None:
    for value in (0.02, 0.5, 0.97):
        for error in (0.001, 0.05, 0.4):
            reach = scipy.stats.t.ppf(0.975, 9) * error * slope(value)
            expected = back(there(value) - reach), back(there(value) + reach)
            found = student.limits(np.array([value]), np.array([error]), np.array([9.0]), 0.025, scale)
            np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-8, atol=1e-12)


RANGES = {"plain": (-np.inf, np.inf), "log": (0.0, np.inf), "logit": (0.0, 1.0), "fisher": (-1.0, 1.0)}


@law
@given(
    st.sampled_from(SCALES),
    st.floats(0.001, 0.999),
    st.floats(1e-9, 10.0),
    st.sampled_from(DF[1:]),
    tails,
    tails,
)
def test_limits_contain_the_value_stay_in_the_range_and_grow(
    scale: student.Scale, value: float, error: float, df: float, one: float, other: float
) -> None:
    narrow, wide = (
        [float(end[0]) for end in student.limits(np.array([value]), np.array([error]), np.array([df]), tail, scale)]
        for tail in (max(one, other), min(one, other))
    )
    low, high = RANGES[scale]
    assert low <= wide[0] <= narrow[0] <= value + 1e-12
    assert value - 1e-12 <= narrow[1] <= wide[1] <= high


@pytest.mark.parametrize("scale", SCALES)
def test_without_an_error_the_limits_are_the_value(scale: student.Scale) -> None:
    found = student.limits(np.array([0.4]), np.array([0.0]), np.array([5.0]), 0.025, scale)
    np.testing.assert_allclose(np.concatenate(found), [0.4, 0.4], rtol=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_on_the_edge_of_a_range_the_limits_are_plain(scale: student.Scale) -> None:
    for edge in RANGES[scale]:
        if np.isfinite(edge):
            found = student.limits(np.array([edge]), np.array([0.1]), np.array([np.inf]), 0.025, scale)
            np.testing.assert_allclose(np.concatenate(found), edge + np.array([-1, 1]) * 0.1959963984540054)


def test_without_degrees_of_freedom_nothing_is_told() -> None:
    """With none the limits are as good as infinite; with an unknown error they are unknown."""
    lower, upper = student.limits(np.array([0.5]), np.array([0.1]), np.array([0.0]), 0.025, "plain")
    assert not (np.isfinite(lower[0]) and lower[0] > -1e9)
    assert not (np.isfinite(upper[0]) and upper[0] < 1e9)
    unknown = student.limits(np.array([0.5]), np.array([np.nan]), np.array([5.0]), 0.025, "logit")
    assert np.isnan(unknown).all()
