"""Totals that do not depend on the order in which they were added: floating-point numbers as exact integers.

A column of totals is an integer array of one of two shapes:

* ``[rows]`` – *whole*: every total is an integer below 2**52 in magnitude (counts, unit weights), in the narrowest
  of int8, int32 and int64 that holds them all, since most cells of a histogram are small;
* ``[rows, LIMBS + 1]`` – *wide*: a fixed-point number in limbs of 32 bits, the lowest worth 2**-128, followed by
  one cell that counts the numbers which have no place in it (NaN, infinities, magnitudes of 2**95 and more).

Integer addition is associative, and the shape follows from the totals alone (:func:`canonical`), so any grouping of the
same numbers gives the same bits. A number finer than 2**-128
is rounded to that grid once, when it enters, which is the same wherever it enters.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

LIMBS = 7
LIMB_BITS = 32
LOWEST_BIT = -128
UNITS_LIMB = -LOWEST_BIT // LIMB_BITS
OUT_OF_RANGE = 2.0**95
"""Magnitudes from here on are counted as irregular instead of added."""

_WHOLE_LIMIT = 1 << 52
_NAN_UNIT, _POSITIVE_UNIT, _NEGATIVE_UNIT = 1, 1 << 21, 1 << 42
_COUNT_MASK = (1 << 21) - 1


def encode(values: Float64) -> Int64:
    """Turns float64 ``[rows]`` into a column: whole if every value is an integer below 2**52, else wide."""
    return total(values, np.arange(len(values)), len(values))


def total(values: Float64, groups: Index, count: int, rows: Index | None = None) -> Int64:
    """Adds up numbers by group.

    Args:
        values: float64 ``[n]``.
        groups: ``[m]``, each in ``[0, count)``.
        count: Number of groups.
        rows: ``[m]``: ``values[rows[i]]`` goes into ``groups[i]``; without it m is n.

    Returns:
        A column ``[count]``.
    """
    with np.errstate(invalid="ignore"):
        magnitude = np.abs(values)
        whole = bool(np.all(magnitude < _WHOLE_LIMIT)) and bool(np.all(np.trunc(values) == values))
    if whole and float(magnitude.max(initial=0.0)) * len(groups) < _WHOLE_LIMIT:
        return _narrow(_add(values, groups, count, rows).astype(np.int64))
    column = np.zeros((count, LIMBS + 1), np.int64)
    regular = magnitude < OUT_OF_RANGE  # False for NaN too
    if not regular.all():
        for unit, found in (
            (_NAN_UNIT, np.isnan(values)),
            (_POSITIVE_UNIT, ~regular & (values > 0)),
            (_NEGATIVE_UNIT, ~regular & (values < 0)),
        ):
            column[:, LIMBS] += _add(found.astype(np.float64), groups, count, rows).astype(np.int64) * unit
    rest = np.where(regular, values, 0.0)
    for limb in range(LIMBS - 1, -1, -1):
        largest = np.abs(rest).max(initial=0.0)
        if not largest:
            break
        if limb and largest < _scale(limb):
            continue
        digit, rest = _digit(rest, limb)
        for start in range(0, len(groups), _EXACT_ADDITIONS):
            part = slice(start, start + _EXACT_ADDITIONS)
            added = (
                _add(digit[part], groups[part], count, None)
                if rows is None
                else _add(digit, groups[part], count, rows[part])
            )
            column[:, limb] += added.astype(np.int64)
    return canonical(carry(column))


_EXACT_ADDITIONS = 1 << (53 - LIMB_BITS)
"""This many numbers below 2**32 add up to less than 2**53."""


def _add(values: Float64, groups: Index, count: int, rows: Index | None) -> Float64:
    if len(values) and values.min() == values.max() == 1.0:
        return np.bincount(groups, minlength=count).astype(np.float64)
    return np.bincount(groups, values if rows is None else values[rows], count).astype(np.float64, copy=False)


def _digit(rest: Float64, limb: int) -> tuple[Float64, Float64]:
    """Splits off what belongs into a limb; the last one takes what is left, rounded."""
    scale = _scale(limb)
    if limb == 0:
        return np.rint(rest / scale), np.zeros(0)
    digit = np.trunc(rest / scale)
    return digit, rest - digit * scale  # exact: both share the leading bits


def _scale(limb: int) -> float:
    return 2.0 ** (LIMB_BITS * limb + LOWEST_BIT)


def add(left: Int64, right: Int64) -> Int64:
    """Adds two columns row by row; the shorter one counts as 0 beyond its end."""
    if len(left) < len(right):
        left, right = right, left
    if is_wide(left) != is_wide(right):
        left, right = widen(left), widen(right)
    result = left.astype(np.int64)
    result[: len(right)] += right
    return canonical(carry(result) if is_wide(result) else result)


def is_wide(column: Int64) -> bool:
    """Tells the two shapes of a column apart."""
    return column.ndim == 2


def widen(column: Int64) -> Int64:
    """The wide form of a column (itself, if it is wide already)."""
    if is_wide(column):
        return column
    wide = np.zeros((len(column), LIMBS + 1), np.int64)
    wide[:, UNITS_LIMB] = column
    return carry(wide)


def carry(column: Int64) -> Int64:
    """Brings the limbs of a wide column into their one canonical form: all but the highest in [0, 2**32)."""
    column = column.copy()
    for limb in range(LIMBS - 1):
        over = column[:, limb] >> LIMB_BITS
        column[:, limb] &= (1 << LIMB_BITS) - 1
        column[:, limb + 1] += over
    return column


def canonical(column: Int64) -> Int64:
    """The one form of these totals, whose carries are made: whole where all of them can be, else wide."""
    if not is_wide(column):
        return widen(column) if _largest(column) >= _WHOLE_LIMIT else _narrow(column)
    if len(column) and (column[0, :UNITS_LIMB].any() or column[:, :UNITS_LIMB].any() or column[:, LIMBS].any()):
        return column
    low = (column[:, UNITS_LIMB + 1] << LIMB_BITS) + column[:, UNITS_LIMB]  # wraps, as two's complement should
    fits = (low < _WHOLE_LIMIT) & (low > -_WHOLE_LIMIT) & (column[:, UNITS_LIMB + 2] == low >> 63)
    return _narrow(low) if bool(fits.all()) else column


def _largest(column: Int64) -> int:
    return max(int(column.max()), -int(column.min())) if len(column) else 0


def _narrow(column: Int64) -> Int64:
    largest = _largest(column)
    smallest = np.int8 if largest < 1 << 7 else np.int32 if largest < 1 << 31 else np.int64
    return column.astype(smallest, copy=False)


def concatenate(columns: Sequence[Int64]) -> Int64:
    """Stacks columns of any shapes: wide if one of them is. No rows have no say in it."""
    columns = [column for column in columns if len(column)] or columns[:1]
    if any(is_wide(column) for column in columns):
        columns = [widen(column) for column in columns]
    return np.concatenate(columns) if len(columns) != 1 else columns[0]


def add_runs(column: Int64, starts: npt.NDArray[np.intp]) -> Int64:
    """Adds up the runs of rows that begin at ``starts`` (as in ``np.add.reduceat``)."""
    if not len(starts):
        return canonical(column[:0])
    if not is_wide(column) and len(column) * _largest(column) >= 1 << 62:
        column = widen(column)
    total: Int64 = np.add.reduceat(column, starts, axis=0, dtype=np.int64)
    return canonical(carry(total) if is_wide(total) else total)


def decode(column: Int64) -> Float64:
    """The totals as float64 ``[rows]``; NaN or an infinity where an irregular number was added.

    The result is within one unit in the last place of the exact total, and exact where that has at most 53 bits.
    """
    if not is_wide(column):
        return column.astype(np.float64)
    limbs = column[:, :LIMBS]
    negative = limbs[:, -1] < 0
    magnitude = carry(np.where(negative[:, None], -limbs, limbs)) if bool(negative.any()) else limbs
    values = np.zeros(len(column))
    for limb in range(LIMBS - 1, -1, -1):
        values += magnitude[:, limb] * 2.0 ** (LIMB_BITS * limb + LOWEST_BIT)
    values = np.where(negative, -values, values)
    return _with_irregular(values, column[:, LIMBS])


def fractions(column: Int64) -> list[Fraction]:
    """The totals without any rounding, irregular numbers left out. For a few rows: they are Python objects."""
    if not is_wide(column):
        return [Fraction(int(value)) for value in column]
    unit = Fraction(1, 1 << -LOWEST_BIT)
    return [
        unit * sum(int(digit) << (LIMB_BITS * limb) for limb, digit in enumerate(row[:LIMBS]))
        for row in column.tolist()
    ]


def _with_irregular(values: Float64, irregular: Int64) -> Float64:
    if not irregular.any():
        return values
    nans = irregular & _COUNT_MASK
    positive = (irregular >> 21) & _COUNT_MASK
    negative = irregular >> 42
    values = np.where(positive > 0, np.inf, values)
    values = np.where(negative > 0, -np.inf, values)
    return np.where((nans > 0) | ((positive > 0) & (negative > 0)), np.nan, values)


def to_arrow(column: Int64) -> Any:
    """The column as an Arrow array: int64, or a fixed-size list of them."""
    import pyarrow as pa

    if not is_wide(column):
        return pa.array(column)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(column).reshape(-1)), LIMBS + 1)


def from_arrow(array: Any) -> Int64:
    """The inverse of :func:`to_arrow`."""
    import pyarrow as pa

    if pa.types.is_fixed_size_list(array.type):
        flat: Int64 = array.flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(-1, LIMBS + 1)
    column: Int64 = array.to_numpy(zero_copy_only=False)
    return column
