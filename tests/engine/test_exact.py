"""Exact totals against fractions.Fraction and math.fsum."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.engine import exact

law = settings(deadline=None, derandomize=True)
GRID = Fraction(1, 2**128)
NUMBERS = st.one_of(
    st.floats(-(2.0**94), 2.0**94),
    st.floats(-1.0, 1.0),
    st.integers(-(2**53), 2**53).map(float),
    st.sampled_from([0.0, -0.0, 0.5, 1e-30, -1e-30, 2.0**-128, 2.0**52, 2.0**52 - 1, -(2.0**52), 1e9 + 1e-7]),
)
IRREGULAR = st.sampled_from([math.nan, math.inf, -math.inf, 2.0**95, -(2.0**95), 1e300])


def on_grid(value: float) -> Fraction:
    """The number as it enters a total: rounded to a multiple of 2**-128, half to even."""
    return Fraction(round(Fraction(value) / GRID)) * GRID


def value_of(column: exact.Int64, row: int) -> Fraction:
    """The exact value of a cell, from its limbs."""
    if not exact.is_wide(column):
        return Fraction(int(column[row]))
    limbs = [int(limb) for limb in column[row, : exact.LIMBS]]
    return sum((Fraction(limb) * 2 ** (exact.LIMB_BITS * i) * GRID for i, limb in enumerate(limbs)), Fraction(0))


def total(values: list[float]) -> exact.Int64:
    """All values added up in one go."""
    return exact.add_runs(exact.encode(np.array(values, np.float64)), np.zeros(1, np.intp))


def added(parts: list[exact.Int64]) -> exact.Int64:
    return exact.add_runs(exact.concatenate(parts), np.zeros(1, np.intp))


@law
@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_a_column_holds_its_numbers_exactly(values: list[float]) -> None:
    column = exact.encode(np.array(values))
    assert [value_of(column, i) for i in range(len(values))] == [on_grid(value) for value in values]
    np.testing.assert_array_equal(exact.canonical(column), column)


@law
@given(st.lists(st.tuples(NUMBERS, st.integers(0, 3)), max_size=40), st.integers(1, 7))
def test_totals_by_group_are_exact_sums(pairs: list[tuple[float, int]], at_a_time: int) -> None:
    values = np.array([value for value, _ in pairs], np.float64)
    groups = np.array([group for _, group in pairs], np.intp)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_EXACT_ADDITIONS", at_a_time)
        column = exact.total(values, groups, 4)
        rows = np.arange(len(values))[::-1]
        np.testing.assert_array_equal(exact.total(values, groups[::-1].copy(), 4, rows), column)
    for group in range(4):
        expected = sum((on_grid(value) for value, g in pairs if g == group), Fraction(0))
        assert value_of(column, group) == expected
    np.testing.assert_array_equal(exact.canonical(column), column)


@law
@given(st.lists(NUMBERS, max_size=8), st.lists(NUMBERS, max_size=8))
def test_columns_of_different_lengths_are_added(left: list[float], right: list[float]) -> None:
    column = exact.add(exact.encode(np.array(left, np.float64)), exact.encode(np.array(right, np.float64)))
    for i, (a, b) in enumerate(itertools.zip_longest(left, right, fillvalue=0.0)):
        assert value_of(column, i) == on_grid(a) + on_grid(b)
    np.testing.assert_array_equal(exact.canonical(column), column)


@law
@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_the_total_is_the_exact_sum(values: list[float]) -> None:
    column = total(values)
    expected = sum(map(on_grid, values), Fraction(0))
    assert value_of(column, 0) == expected
    decoded = float(exact.decode(column)[0])
    assert abs(Fraction(decoded) - expected) <= Fraction(math.ulp(float(expected)))
    if Fraction(float(expected)) == expected:
        assert decoded == float(expected)


@law
@given(st.lists(st.integers(-(2**60), 2**60).map(lambda i: i * 2.0**-40), min_size=1, max_size=60))
def test_the_total_agrees_with_fsum(values: list[float]) -> None:
    np.testing.assert_array_max_ulp(exact.decode(total(values)), np.array([math.fsum(values)]), maxulp=1)


@law
@given(st.lists(st.one_of(NUMBERS, IRREGULAR), min_size=1, max_size=30), st.data())
def test_any_order_and_grouping_gives_the_same_bits(values: list[float], data: st.DataObject) -> None:
    expected = total(values)
    shuffled = data.draw(st.permutations(values))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=6)))
    pieces = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(values)], strict=True) if b > a]
    parts = [total(piece) for piece in pieces]
    while len(parts) > 1:
        i = data.draw(st.integers(0, len(parts) - 2))
        parts[i : i + 2] = [added(parts[i : i + 2])]
    np.testing.assert_array_equal(parts[0], expected)
    assert parts[0].shape == expected.shape


@law
@given(st.lists(st.one_of(NUMBERS, IRREGULAR), min_size=1, max_size=12))
def test_irregular_numbers_are_kept_beside_the_total(values: list[float]) -> None:
    regular = [value for value in values if abs(value) < 2.0**95]
    seen = {value for value in values if not abs(value) < 2.0**95 and not math.isnan(value)}
    decoded = float(exact.decode(total(values))[0])
    if any(map(math.isnan, values)) or (any(v > 0 for v in seen) and any(v < 0 for v in seen)):
        assert math.isnan(decoded)
    elif seen:
        assert decoded == math.copysign(math.inf, seen.pop())
    else:
        assert math.isclose(decoded, math.fsum(regular), rel_tol=1e-15, abs_tol=1e-30)


def test_irregular_numbers_are_counted_by_kind() -> None:
    cell = int(total([math.nan] * 3 + [math.inf] * 2 + [-1e300] * 5 + [1.0])[0, exact.LIMBS])
    assert (cell & (2**21 - 1), (cell >> 21) & (2**21 - 1), cell >> 42) == (3, 2, 5)


@pytest.mark.parametrize("value", [2.0**52 - 1, -(2.0**52) + 1, 2.0**94, -(2.0**94), 0.1, 2.0**31 - 2.0**-20])
def test_many_large_numbers_do_not_wrap(value: float) -> None:
    """4,096 whole numbers just below 2**52 pass 2**63; limbs carry before they could."""
    column = total([value] * 4096)
    for _ in range(3):
        column = added([column] * 64)
    if abs(value) < 2.0**52:
        assert value_of(column, 0) == on_grid(value) * 4096 * 64**3
        assert exact.decode(column)[0] == pytest.approx(value * 4096 * 64.0**3, rel=1e-15)
    else:  # 2**124, past what the limbs are for, is still right: the highest limb has room
        assert value_of(column, 0) == on_grid(value) * 4096 * 64**3


def test_the_shape_follows_from_the_totals_alone() -> None:
    halves = exact.encode(np.array([0.5, 0.5]))
    assert exact.is_wide(halves)
    np.testing.assert_array_equal(total([0.5, 0.5]), exact.encode(np.array([1.0])))
    assert exact.is_wide(total([-(2.0**62), -(2.0**62)]))  # the int64 whose absolute value is none
    large = total([2.0**52 - 1, 2.0**52 - 1])
    assert exact.is_wide(large)
    np.testing.assert_array_equal(added([large, exact.encode(np.array([-(2.0**52) + 1]))]), [2**52 - 1])


def test_an_offset_of_a_billion_loses_nothing() -> None:
    """Products for variances: Σx² − (Σx)²/n of labels around 1e9, exactly."""
    values = 1e9 + np.random.default_rng(1).integers(0, 2**20, 1000) / 2.0**20
    squares = sum(Fraction(v) ** 2 for v in values.tolist())
    high = (values * values).tolist()
    low = [float(Fraction(v) ** 2 - Fraction(h)) for v, h in zip(values.tolist(), high, strict=True)]
    assert value_of(total(high + low), 0) == squares


@law
@given(st.lists(st.one_of(NUMBERS, IRREGULAR), max_size=12))
def test_a_column_travels_through_arrow(values: list[float]) -> None:
    column = exact.encode(np.array(values, np.float64))
    back = exact.from_arrow(exact.to_arrow(column))
    np.testing.assert_array_equal(back, column)
    assert back.shape == column.shape


def test_columns_of_both_shapes_stack() -> None:
    whole, wide = exact.encode(np.array([1.0, -2.0])), exact.encode(np.array([0.25]))
    np.testing.assert_array_equal(exact.decode(exact.concatenate([whole, wide])), [1.0, -2.0, 0.25])
    assert not exact.is_wide(exact.concatenate([wide[:0], whole]))
    assert len(exact.add_runs(wide[:0], np.zeros(0, np.intp))) == 0
