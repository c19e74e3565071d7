"""Corrections for many tests against statsmodels, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from evaluator_component.stats.multiplicity import benjamini_hochberg, holm

law = settings(deadline=None, derandomize=True)
chances = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1e-12, 0.01, 0.05, 1.0])), min_size=1, max_size=40)
both = pytest.mark.parametrize(("correct", "name"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])


@both
@law
@given(given_values=chances)
def test_they_are_those_of_statsmodels(correct, name: str, given_values: list[float]) -> None:
    values = np.array(given_values)
    expected = multipletests(values, method=name)[1]
    np.testing.assert_allclose(correct(values), expected, rtol=1e-12, atol=1e-15)


@both
@law
@given(given_values=chances)
def test_they_keep_the_order_and_make_nothing_smaller(correct, name: str, given_values: list[float]) -> None:
    values = np.array(given_values)
    corrected = correct(values)
    assert (corrected >= values - 1e-15).all()
    assert (corrected <= 1.0).all()
    assert (np.diff(corrected[np.argsort(values, kind="stable")]) >= -1e-15).all()


@both
def test_one_test_stays_as_it_is_and_none_is_none(correct, name: str) -> None:
    assert correct(np.array([0.03])).tolist() == [0.03]
    assert len(correct(np.zeros(0))) == 0


@law
@given(chances)
def test_keeping_the_chance_of_any_false_refusal_refuses_less(given_values: list[float]) -> None:
    values = np.array(given_values)
    assert (holm(values) >= benjamini_hochberg(values) - 1e-12).all()


@both
@law
@given(given_values=chances)
def test_the_input_is_left_as_it_is(correct, name: str, given_values: list[float]) -> None:
    values = np.array(given_values)
    values.flags.writeable = False
    correct(values)
