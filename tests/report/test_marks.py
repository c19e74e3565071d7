"""Marks of values and intervals in lines of text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator_component.report.marks import Scale

NUMBERS = st.floats(-1e6, 1e6)


def test_value_interval_and_reference() -> None:
    scale = Scale(0.0, 19.0, reference=15.0)
    assert scale.line(4.0, 2.0, 8.0) == "  ├─●───┤      ┊    "
    assert scale.line(4.0) == "    ●          ┊    "
    assert scale.line(15.0, 15.0, 15.0) == "               ●    "
    assert scale.line(4.0, 2.0, None) == scale.line(4.0)
    assert scale.ends(lambda value: f"{value:.1f}") == "0.0             19.0"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_has_no_place_is_blank(value: float | None) -> None:
    assert Scale(0.0, 1.0, reference=0.5).line(value, 0.0, 1.0) == " " * 20


def test_a_scale_needs_two_values() -> None:
    assert Scale.over([0.5, None, math.nan, 0.5]) is None
    assert Scale.over([]) is None
    assert Scale.over([0.5, math.inf], reference=0.25) == Scale(0.25, 0.5, 0.25)
    assert Scale.over([0.5, 0.75], reference=math.nan) == Scale(0.5, 0.75)


@given(st.lists(NUMBERS, min_size=2), NUMBERS)
def test_larger_values_stand_further_right(values: list[float], reference: float) -> None:
    scale = Scale.over(values, reference)
    if scale is None:
        assert set(values) == {reference}
        return
    lines = [scale.line(value) for value in sorted(values)]
    places = [line.index("●") for line in lines]
    assert places == sorted(places)
    assert {len(line) for line in lines} == {20}
