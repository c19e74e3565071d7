"""Keyed sums: rows of (slice, key) with exact totals, and the rule that coarsens score histograms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.engine import exact

Int32 = npt.NDArray[np.int32]
UInt64 = npt.NDArray[np.uint64]
UInt8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sums:
    """Totals by slice, or by slice and key.

    Attributes:
        slices: ``[rows]`` index of the row's slice among the names of the state that holds this table.
        keys: ``[rows]`` bucket, class pair or score key; None when the slice alone is the key.
        levels: ``[rows]`` how many low bits of a score key were given up; None when the key is not a score.
        columns: one column of totals (see :mod:`~evaluator_component.engine.exact`) per value column.
        classes: how many parts each slice has; part c of slice s is slice ``s * classes + c`` in this table.
    """

    slices: Int32
    keys: UInt64 | None
    levels: UInt8 | None
    columns: tuple[exact.Int64, ...]
    classes: int = 1

    def __len__(self) -> int:
        return len(self.slices)


def spread(position: npt.NDArray[Any], classes: int) -> npt.NDArray[Any]:
    """The positions of the parts of slices, from those of the slices."""
    if classes == 1:
        return position
    first = np.repeat(position * position.dtype.type(classes), classes)
    parts: npt.NDArray[Any] = first + np.tile(np.arange(classes, dtype=position.dtype), len(position))
    return parts


def concatenate(parts: list[Sums]) -> Sums:
    """Puts the rows of several tables of the same shape under each other."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return Sums(
        np.concatenate([part.slices for part in parts]),
        None if first.keys is None else np.concatenate([part.keys for part in parts if part.keys is not None]),
        None if first.levels is None else np.concatenate([part.levels for part in parts if part.levels is not None]),
        tuple(exact.concatenate([part.columns[i] for part in parts]) for i in range(len(first.columns))),
        first.classes,
    )


def renumber(table: Sums, position: Int32) -> Sums:
    """Gives slice i the number ``position[i]``; the rows stay where they are."""
    return replace(table, slices=position[table.slices])


def by_rank(table: Sums, position: Int32) -> Sums:
    """Renumbers the slices and puts the rows, which are sorted by the old numbers, into the order of the new."""
    if bool(np.all(position[1:] > position[:-1])):
        return renumber(table, position)
    slices = position[table.slices]
    return take(renumber(table, position), np.argsort(slices, kind="stable"))


def take(table: Sums, rows: npt.NDArray[np.intp]) -> Sums:
    """The rows of these numbers."""
    return Sums(
        table.slices[rows],
        None if table.keys is None else table.keys[rows],
        None if table.levels is None else table.levels[rows],
        tuple(column[rows] for column in table.columns),
        table.classes,
    )


def add_up(sums: Sums, max_distinct: int) -> Sums:
    """Adds up rows of equal slice and key; rows come out sorted by both.

    A score histogram with more than ``max_distinct`` distinct scores in a slice gives up the fewest low bits that
    bring it below. That number of bits depends on the set of scores alone, never on the order in which parts of it
    were added up: a part needs no more bits than the whole, and giving up bits twice is giving up the larger number.
    """
    if sums.levels is not None:
        sums = _level(sums)
    return add_sorted(take(sums, sort_order(sums.slices, sums.keys)), max_distinct)


def add_sorted(sums: Sums, max_distinct: int) -> Sums:
    """Does what :func:`add_up` does for rows that are sorted by slice and key, all of a slice at one level."""
    starts = _starts(sums)
    if sums.levels is not None:
        coarser = _coarser(sums, starts, max_distinct)
        if coarser is not sums:
            sums, starts = coarser, _starts(coarser)
    if len(starts) == len(sums):
        columns = tuple(exact.canonical(column) for column in sums.columns)
        return replace(sums, columns=columns)
    return Sums(
        sums.slices[starts],
        None if sums.keys is None else sums.keys[starts],
        None if sums.levels is None else sums.levels[starts],
        tuple(exact.add_runs(column, starts) for column in sums.columns),
        sums.classes,
    )


def _starts(sums: Sums) -> npt.NDArray[np.intp]:
    """The first row of each slice and key, of rows that are sorted by both."""
    changes = np.ones(len(sums), bool)
    changes[1:] = sums.slices[1:] != sums.slices[:-1]
    if sums.keys is not None:
        changes[1:] |= sums.keys[1:] != sums.keys[:-1]
    return np.flatnonzero(changes)


def _span(keys: UInt64) -> tuple[int, int]:
    """How many low bits no key uses, and how many bits the rest needs."""
    used = int(np.bitwise_or.reduce(keys)) if len(keys) else 0
    shift = (used & -used).bit_length() - 1 if used else 0
    return shift, (used >> shift).bit_length()


def sort_order(slices: Int32 | npt.NDArray[np.intp], keys: UInt64 | None) -> npt.NDArray[np.intp]:
    """The permutation that sorts by slice, then key: one sort of packed integers where both fit into 64 bits."""
    if keys is None:
        return np.argsort(slices, kind="stable")
    shift, width = _span(keys)
    slice_bits = int(slices.max()).bit_length() if len(slices) else 0
    if width + slice_bits > 64:
        return np.lexsort((keys, slices))
    if width == 64:
        return np.argsort(keys)
    packed = (slices.astype(np.uint64) << np.uint64(width)) | (keys >> np.uint64(shift))
    return np.argsort(packed)


def _level(sums: Sums) -> Sums:
    """Brings all rows of a slice to the coarsest level among them."""
    assert sums.levels is not None
    assert sums.keys is not None
    if not sums.levels.any():
        return sums
    highest = np.zeros(int(sums.slices.max()) + 1, np.uint8)
    np.maximum.at(highest, sums.slices, sums.levels)
    levels = highest[sums.slices]
    return replace(sums, keys=coarse_keys(sums.keys, sums.levels, levels), levels=levels)


def _coarser(sums: Sums, starts: npt.NDArray[np.intp], max_distinct: int) -> Sums:
    """Gives up bits in the crowded slices; ``starts`` are the first rows of each slice and key."""
    assert sums.levels is not None
    assert sums.keys is not None
    first = starts[np.flatnonzero(np.diff(sums.slices[starts], prepend=np.int32(-1)))]
    bounds = np.append(first, len(sums))
    crowded = np.flatnonzero(np.diff(np.searchsorted(starts, bounds)) > max_distinct)
    if not len(crowded):
        return sums
    keys, levels = sums.keys.copy(), sums.levels.copy()
    for number in crowded:  # few: each has many rows
        rows = slice(bounds[number], bounds[number + 1])
        least = int(levels[rows.start])
        fine = keys[rows] if least else _two_sided(keys[rows])
        # Neighbours differ at level k exactly when the highest bit in which they differ is not among the k - 1 lowest.
        differing = np.zeros(65, np.int64)
        finite = fine[np.searchsorted(fine, 0, side="right") :]
        for part in pieces(len(finite) - 1):
            left, right = finite[part], finite[part.start + 1 : part.stop + 1]
            differing += np.bincount(_bit_length(left ^ right), minlength=65)
        distinct = 1 + differing[:0:-1].cumsum()[::-1]  # at level 1, 2, …
        level = max(least, int(np.argmax(distinct <= max_distinct)) + 1)
        keys[rows] = _without_low_bits(fine, np.uint64(level))
        levels[rows] = level
    return replace(sums, keys=keys, levels=levels)


def _kept_bits(level: Any) -> Any:
    """The bits of a two-sided key that a level (from 1 on) keeps."""
    return ~np.uint64(0) << level - _ONE


def _without_low_bits(keys: UInt64, level: Any) -> UInt64:
    """Two-sided keys at a level; key 0 has it to itself."""
    kept: UInt64 = np.maximum(keys & _kept_bits(level), (keys > 0).astype(np.uint64))
    return kept


def _bit_length(values: UInt64) -> npt.NDArray[np.int64]:
    top = values & ~(values >> _ONE)  # the highest bit without the one below it: rounding cannot carry past it
    exponent = top.astype(np.float64).view(np.int64) >> 52
    return np.asarray(np.maximum(exponent - 1022, 0))


def pieces(rows: int) -> Iterator[slice]:
    """Cuts rows into pieces whose intermediate results stay in the cache, in memory that is there already."""
    for start in range(0, rows, _PIECE):
        yield slice(start, min(start + _PIECE, rows))


_PIECE = 1 << 15
_SIGN = np.uint64(1 << 63)
_ONE = np.uint64(1)
_HALF_BITS = np.float64(0.5).view(np.uint64)
_ONE_BITS = np.float64(1.0).view(np.uint64)
_NEGATIVE_SPAN = np.uint64(0x7FF0 << 47)


def score_keys(scores: npt.NDArray[np.float64]) -> UInt64:
    """Order-preserving 64-bit keys of scores (not NaN): equal scores, −0.0 and 0.0 among them, get equal keys."""
    bits = (scores + 0.0).view(np.uint64)
    if bits.max(initial=0) < _SIGN:  # the usual case: no score below 0
        return bits | _SIGN
    return np.where(bits & _SIGN != 0, ~bits, bits | _SIGN)


def key_scores(keys: UInt64) -> npt.NDArray[np.float64]:
    """The inverse of :func:`score_keys`."""
    return np.where(keys & _SIGN != 0, keys & ~_SIGN, ~keys).view(np.float64)


def coarse_keys(keys: UInt64, levels: UInt8, targets: UInt8) -> UInt64:
    """Moves keys from their ``levels`` to coarser ``targets`` (element-wise; a target below its level is an error).

    Level 0 is the score's own bits. From level 1 on the key counts from both ends of [0, 1]: the bits of
    min(p, 1 − p) with its side, less the ``level − 1`` lowest, so that resolution is relative to the nearer end.
    Key 0, of a score of −∞ which is below every threshold, stays a key of its own.
    """
    assert bool(np.all(targets >= levels))
    entering = (levels == 0) & (targets > 0)
    if entering.all():
        moved = _two_sided(keys)
    else:
        moved = keys.copy()
        moved[entering] = _two_sided(keys[entering])
    return np.where(targets > 0, _without_low_bits(moved, np.maximum(targets, 1).astype(np.uint64)), keys)


def _two_sided(keys: UInt64) -> UInt64:
    result = np.empty_like(keys)
    for part in pieces(len(keys)):
        result[part] = _two_sided_piece(keys[part])
    return result


def _two_sided_piece(keys: UInt64) -> UInt64:
    scores = key_scores(keys)
    upper = _NEGATIVE_SPAN + _HALF_BITS
    complement = (1.0 - np.clip(scores, 0.5, 1.0)).view(np.uint64)
    magnitude = np.abs(scores).view(np.uint64)
    result = np.where(scores >= 0.5, upper - (complement >> _ONE), _NEGATIVE_SPAN + (magnitude >> _ONE))
    if scores.min(initial=0.0) < 0:
        result = np.where(scores < 0, _NEGATIVE_SPAN - (magnitude >> _ONE), result)
    if scores.max(initial=0.0) > 1:
        result = np.where(scores > 1, upper + ((magnitude - _ONE_BITS) >> _ONE) + _ONE, result)
    return result


def score_range(keys: UInt64, levels: UInt8) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The lowest and the highest score that keys of these levels stand for; the same where nothing was given up."""
    lowest, highest = key_scores(keys), key_scores(keys)
    rows = np.flatnonzero(levels)
    if len(rows):
        kept = _kept_bits(levels[rows].astype(np.uint64))
        lowest[rows] = _from_two_sided(keys[rows], least=True)
        highest[rows] = _from_two_sided(keys[rows] | ~kept, least=False)
    return lowest, highest


def _from_two_sided(keys: UInt64, *, least: bool) -> npt.NDArray[np.float64]:
    """The least or the greatest score with a two-sided key."""
    upper = _NEGATIVE_SPAN + _HALF_BITS
    half = _NEGATIVE_SPAN + (_HALF_BITS >> _ONE)
    low_bit, high_bit = (np.uint64(0), _ONE) if least else (_ONE, np.uint64(0))
    infinity = np.float64(np.inf).view(np.uint64)

    def number(bits: UInt64) -> npt.NDArray[np.float64]:
        return np.minimum(bits, infinity).view(np.float64)

    with np.errstate(over="ignore"):
        below_half = number(((keys - _NEGATIVE_SPAN) << _ONE) | low_bit)
        below_one = 1.0 - number(((upper - keys) << _ONE) | high_bit)
        above_one = number((((keys - upper - _ONE) << _ONE) | low_bit) + _ONE_BITS)
        below_zero = -number(((_NEGATIVE_SPAN - keys) << _ONE) | high_bit)
    negative = keys <= _NEGATIVE_SPAN if least else keys < _NEGATIVE_SPAN
    return np.select([negative, keys < half, keys <= upper], [below_zero, below_half, below_one], above_one)
