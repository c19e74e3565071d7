"""Where a normal approximation is trusted: what the rule must obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.stats.trust import is_normal, least_examples

law = settings(deadline=None, derandomize=True)
skewness = st.floats(-20, 20)
sizes = st.floats(2, 1e9)
tails = st.floats(1e-6, 0.2)


def trusted(skew: float, examples: float, tail: float) -> bool:
    return bool(is_normal(np.array([skew]), np.array([examples]), tail)[0])


@law
@given(skewness, sizes, tails, st.floats(1, 100), st.floats(0, 1))
def test_more_examples_and_less_skewness_are_trusted_more(
    skew: float, examples: float, tail: float, more: float, less: float
) -> None:
    if trusted(skew, examples, tail):
        assert trusted(skew, examples * more, tail)
        assert trusted(skew * less, examples, tail)
        assert trusted(-skew, examples, tail)


@law
@given(skewness, sizes, st.floats(1e-6, 0.05), st.floats(1, 100))
def test_a_smaller_tail_is_trusted_less(skew: float, examples: float, tail: float, smaller: float) -> None:
    if trusted(skew, examples, tail / smaller):
        assert trusted(skew, examples, tail)


def test_few_examples_are_never_trusted_and_very_many_are() -> None:
    assert not trusted(0.0, 5.0, 0.05 / 200)
    assert not trusted(0.0, 0.0, 0.05)
    assert trusted(20.0, 1e9, 0.05 / 200)


def test_an_unknown_skewness_counts_as_none() -> None:
    for examples in (10.0, 100.0, 1000.0):
        assert trusted(np.nan, examples, 0.05) == trusted(0.0, examples, 0.05)


def test_it_is_halls_expansion() -> None:
    """With a known skewness of γ the size at which it is trusted grows as γ²."""
    needed = []
    for skew in (50.0, 100.0):
        found = np.array([is_normal(np.array([skew]), np.array([n]), 0.025)[0] for n in np.geomspace(1e3, 1e9, 2000)])
        needed.append(np.geomspace(1e3, 1e9, 2000)[np.flatnonzero(found)[0]])
    assert abs(needed[1] / needed[0] - 4) < 0.1


@pytest.mark.parametrize("skewness", [0.0, 0.5, 2.0, -6.0])
@pytest.mark.parametrize("tail", [0.05, 0.05 / 200])
def test_the_least_number_of_examples_is_where_trust_begins(skewness: float, tail: float) -> None:
    least = least_examples(np.array([skewness]), tail)
    assert is_normal(np.array([skewness]), least, tail).all()
    assert not is_normal(np.array([skewness]), least - 2, tail).any()
