"""Keyed sums: rows of (slice, key) with exact totals, and the rule that coarsens score histograms."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    slices: Int32
    keys: UInt64 | None
    levels: UInt8 | None
    columns: tuple[exact.Int64, ...]

    def __len__(self) -> int:
        return len(self.slices)


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
    )


def add_up(sums: Sums, max_distinct: int) -> Sums:
    """Adds up rows of equal slice and key; rows come out sorted by both.

    A score histogram with more than ``max_distinct`` distinct scores in a slice gives up the fewest low bits that
    bring it below. That number of bits depends on the set of scores alone, never on the order in which parts of it
    were added up: a part needs no more bits than the whole, and giving up bits twice is giving up the larger number.
    """
    if sums.levels is not None:
        sums = _level(sums)
    sums = _add_equal(sums)
    if sums.levels is not None:
        coarser = _coarsen(sums, max_distinct)
        if coarser is not sums:
            sums = _add_equal(coarser)
    return sums


def _add_equal(sums: Sums) -> Sums:
    units = _add_units(sums)
    if units is not None:
        return units
    order = _order(sums.slices, sums.keys)
    slices = sums.slices[order]
    keys = None if sums.keys is None else sums.keys[order]
    changes = slices[1:] != slices[:-1]
    if keys is not None:
        changes |= keys[1:] != keys[:-1]
    if bool(changes.all()):
        levels = None if sums.levels is None else sums.levels[order]
        return Sums(slices, keys, levels, tuple(exact.canonical(column[order]) for column in sums.columns))
    starts = np.concatenate([np.zeros(1, np.intp), np.flatnonzero(changes) + 1])
    return Sums(
        slices[starts],
        None if keys is None else keys[starts],
        None if sums.levels is None else sums.levels[order][starts],
        tuple(exact.add_runs(column[order], starts) for column in sums.columns),
    )


def _add_units(sums: Sums) -> Sums | None:
    """Adds up scores of unweighted examples, each one positive or one negative: one sort of numbers that hold all.

    Returns None where rows are something else, or slice, score and sign do not fit into 64 bits.
    """
    if sums.keys is None or sums.levels is None or len(sums.columns) != 2 or not len(sums) or sums.levels.any():
        return None
    positives, negatives = sums.columns
    if exact.is_wide(positives) or exact.is_wide(negatives):
        return None
    if not (bool(np.all(positives + negatives == 1)) and bool(np.all((negatives == 0) | (negatives == 1)))):
        return None
    shift, width = _span(sums.keys)
    if width + 1 + int(sums.slices.max()).bit_length() > 64:
        return None
    one, scale = np.uint64(1), np.uint64(width + 1)
    packed = (sums.slices.astype(np.uint64) << scale) | (sums.keys >> np.uint64(shift) << one)
    packed |= negatives.astype(np.uint64)
    packed.sort()
    starts = np.concatenate([np.zeros(1, np.intp), np.flatnonzero(packed[1:] != packed[:-1]) + 1])
    counts = np.diff(np.append(starts, len(packed)))
    runs = packed[starts]
    cells = runs >> one
    first = np.ones(len(cells), bool)
    first[1:] = cells[1:] != cells[:-1]
    row = np.cumsum(first) - 1
    distinct = cells[first]
    columns = []
    for sign in (0, 1):
        column = np.zeros(len(distinct), np.int64)
        mine = (runs & one) == sign
        column[row[mine]] = counts[mine]
        columns.append(exact.canonical(column))
    keys = (distinct & np.uint64((1 << width) - 1)) << np.uint64(shift)
    slices = (distinct >> np.uint64(width)).astype(np.int32)
    return Sums(slices, keys, np.zeros(len(distinct), np.uint8), tuple(columns))


def _span(keys: UInt64) -> tuple[int, int]:
    """How many low bits no key uses, and how many bits the rest needs."""
    used = int(np.bitwise_or.reduce(keys)) if len(keys) else 0
    shift = (used & -used).bit_length() - 1 if used else 0
    return shift, (used >> shift).bit_length()


def _order(slices: Int32, keys: UInt64 | None) -> npt.NDArray[np.intp]:
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


def _runs(slices: Int32) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Of rows sorted by slice: the first row of each slice, and the number of the run that each row is in."""
    changes = slices[1:] != slices[:-1]
    starts = np.concatenate([np.zeros(min(len(slices), 1), np.intp), np.flatnonzero(changes) + 1])
    run = np.zeros(len(slices), np.intp)
    run[1:] = np.cumsum(changes)
    return starts, run


def _level(sums: Sums) -> Sums:
    """Brings all rows of a slice to the coarsest level among them."""
    assert sums.levels is not None
    assert sums.keys is not None
    if not sums.levels.any():
        return sums
    highest = np.zeros(int(sums.slices.max()) + 1, np.uint8)
    np.maximum.at(highest, sums.slices, sums.levels)
    levels = highest[sums.slices]
    return Sums(sums.slices, coarse_keys(sums.keys, sums.levels, levels), levels, sums.columns)


def _coarsen(sums: Sums, max_distinct: int) -> Sums:
    assert sums.levels is not None
    assert sums.keys is not None
    starts, run = _runs(sums.slices)
    sizes = np.diff(np.append(starts, len(sums)))
    crowded = sizes > max_distinct
    if not crowded.any():
        return sums
    rows = np.flatnonzero(crowded[run])
    levels = sums.levels.copy()
    fine = coarse_keys(sums.keys[rows], levels[rows], np.maximum(levels[rows], 1))
    # Two neighbours differ at level k exactly when the highest bit in which they differ is not among the k lowest.
    number = np.cumsum(crowded) - 1
    owner = number[run[rows]]
    groups = int(crowded.sum())
    first = np.ones(len(rows), bool)
    first[1:] = owner[1:] != owner[:-1]
    differing = np.zeros(len(rows), np.int64)
    differing[1:] = _bit_length(fine[1:] ^ fine[:-1])
    histogram = np.bincount(owner[~first] * 65 + differing[~first], minlength=groups * 65).reshape(groups, 65)
    # distinct[g, k]: distinct keys once the k - 1 lowest bits are gone (level k keeps the bits from k - 1 up).
    above = histogram[:, ::-1].cumsum(axis=1)[:, ::-1]
    distinct = np.empty((groups, 65), np.int64)
    distinct[:, 1:] = 1 + above[:, 1:]
    distinct[:, 0] = distinct[:, 1]
    level = np.argmax(distinct <= max_distinct, axis=1)
    level = np.maximum(level, 1).astype(np.uint8)
    target = np.maximum(level[owner], levels[rows])
    keys = sums.keys.copy()
    keys[rows] = coarse_keys(sums.keys[rows], sums.levels[rows], target)
    levels[rows] = target
    return Sums(sums.slices, keys, levels, sums.columns)


def _bit_length(values: UInt64) -> npt.NDArray[np.int64]:
    high = (values >> np.uint64(32)).astype(np.float64)
    low = (values & np.uint64(0xFFFFFFFF)).astype(np.float64)
    high_bits = np.frexp(high)[1]
    return np.where(high > 0, high_bits + 32, np.frexp(low)[1]).astype(np.int64)


_SIGN = np.uint64(1 << 63)
_ONE = np.uint64(1)
_HALF_BITS = np.float64(0.5).view(np.uint64)
_ONE_BITS = np.float64(1.0).view(np.uint64)
_NEGATIVE_SPAN = np.uint64(0x7FF0 << 47)


def score_keys(scores: npt.NDArray[np.float64]) -> UInt64:
    """Order-preserving 64-bit keys of scores (not NaN): equal scores, −0.0 and 0.0 among them, get equal keys."""
    bits = (scores + 0.0).view(np.uint64)
    return np.where(bits & _SIGN != 0, ~bits, bits | _SIGN)


def key_scores(keys: UInt64) -> npt.NDArray[np.float64]:
    """The inverse of :func:`score_keys`."""
    return np.where(keys & _SIGN != 0, keys & ~_SIGN, ~keys).view(np.float64)


def coarse_keys(keys: UInt64, levels: UInt8, targets: UInt8) -> UInt64:
    """Moves keys from their ``levels`` to coarser ``targets`` (element-wise; a target below its level is an error).

    Level 0 is the score's own bits. From level 1 on the key counts from both ends of [0, 1]: the bits of
    min(p, 1 − p) with its side, less the ``level − 1`` lowest, so that resolution is relative to the nearer end.
    """
    assert bool(np.all(targets >= levels))
    entering = (levels == 0) & (targets > 0)
    moved = keys
    if entering.any():
        moved = keys.copy()
        moved[entering] = _two_sided(keys[entering])
    drop = np.maximum(targets.astype(np.int64) - 1, 0).astype(np.uint64)
    coarse = (moved >> drop) << drop
    return np.where(targets > 0, coarse, keys)


def _two_sided(keys: UInt64) -> UInt64:
    scores = key_scores(keys)
    magnitude = np.abs(scores).view(np.uint64)
    with np.errstate(invalid="ignore"):
        complement = (1.0 - np.clip(scores, 0.5, 1.0)).view(np.uint64)
    upper = _NEGATIVE_SPAN + _HALF_BITS
    result = _NEGATIVE_SPAN + (magnitude >> _ONE)
    result = np.where(scores < 0, _NEGATIVE_SPAN - (magnitude >> _ONE), result)
    result = np.where(scores >= 0.5, upper - (complement >> _ONE), result)
    return np.where(scores > 1, upper + ((magnitude - _ONE_BITS) >> _ONE) + _ONE, result)
