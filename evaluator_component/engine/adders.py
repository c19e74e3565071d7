"""What adds up the terms of many batches at a time, one adder per table of a state.

Batches wait as they are, per example; then all of them are spread over their slices and added up at once, so that
the cost of a batch is that of its terms.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluator_component.engine import exact
from evaluator_component.engine.slice_adders import MOST_SLICES, as_rows, compact, finished
from evaluator_component.engine.sums import (
    Int32,
    Sums,
    add_sorted,
    concatenate,
    pieces,
    renumber,
    score_keys,
    sort_order,
    spread,
)
from evaluator_component.metrics.view import Float64

Index = npt.NDArray[np.intp]
UInt64 = npt.NDArray[np.uint64]

_DENSE_CELLS = 1 << 21
"""Up to this many (slice, bucket) cells are added up in a dense array, beyond it by sorting."""
_AT_A_TIME = 1 << 18
"""Arrays of about this length stay in the cache and in memory that is there already."""
_SPREAD_AT_A_TIME = 1 << 21


@dataclass(frozen=True)
class Pairs:
    """Which examples are in which slices.

    Attributes:
        rows: ``[pairs]`` example of each pair.
        slices: ``[pairs]`` its slice.
        size: Number of examples.
    """

    rows: Index
    slices: Index
    size: int

    @classmethod
    def concatenate(cls, parts: Sequence[Pairs]) -> Pairs:
        """The pairs of several batches, whose examples are numbered one batch after another."""
        first = np.cumsum([0, *(part.size for part in parts)])
        rows = [np.zeros(0, np.intp), *(part.rows + start for part, start in zip(parts, first, strict=False))]
        slices = [np.zeros(0, np.intp), *(part.slices for part in parts)]
        return cls(np.concatenate(rows), np.concatenate(slices), int(first[-1]))

    def spread(self, counts: Index | None, classes: int) -> Iterator[Pairs]:
        """The pairs of rows and slices where an example has several rows, in pieces.

        Args:
            counts: How many rows each example has, one after another; None for one each.
            classes: With more than 1, a slice has as many parts, and an example's rows are in one after another.
        """
        if counts is None:
            yield self
            return
        ends = np.cumsum(counts)
        made = np.cumsum(counts[self.rows])
        cuts = np.searchsorted(made, np.arange(_SPREAD_AT_A_TIME, made[-1] if len(made) else 0, _SPREAD_AT_A_TIME))
        for start, stop in itertools.pairwise(np.unique([0, *cuts, len(self.rows)]).tolist()):
            examples = self.rows[start:stop]
            several = counts[examples]
            number = np.arange(int(several.sum())) - np.repeat(np.cumsum(several) - several, several)
            rows = np.repeat(ends[examples] - several, several) + number
            slices = np.repeat(self.slices[start:stop] * classes, several)
            yield Pairs(rows, slices + number if classes > 1 else slices, int(ends[-1]))

    def of(self, wanted: npt.NDArray[np.bool_]) -> Pairs:
        """The pairs of some of the examples, bool ``[size]``."""
        if wanted.all():
            return self
        kept = wanted[self.rows]
        return Pairs(self.rows[kept], self.slices[kept], self.size)


class _Waiting:
    """Batches of keys and values that wait to be added up together."""

    def __init__(self) -> None:
        self._keys: list[Float64] = []
        self._columns: list[tuple[Float64, ...]] = []
        self._counts: list[Index] = []
        self.classes = 1

    def add(self, keys: Float64, columns: tuple[Float64, ...], counts: Index | None, classes: int) -> None:
        """Adds a batch: keys and values, each float64 ``[n]``, and how many of them each example has."""
        self._keys.append(keys)
        self._columns.append(columns)
        if counts is not None:
            self._counts.append(counts)
        self.classes = classes

    def take(self, pairs: Pairs) -> Iterator[tuple[Float64, tuple[Float64, ...], Pairs, npt.NDArray[np.bool_]]]:
        """Gives out what waits: keys, values, and pairs of rows and slices piece by piece; weight 0 is absence."""
        if not self._keys:
            return
        keys = np.concatenate(self._keys)
        columns = tuple(np.concatenate(column) for column in zip(*self._columns, strict=True))
        counts = np.concatenate(self._counts) if self._counts else None
        self._keys, self._columns, self._counts = [], [], []
        some = np.asarray(np.any([column != 0 for column in columns], axis=0))
        for piece in pairs.spread(counts, self.classes):
            yield keys, columns, piece.of(some), some


class BucketAdder:
    """Adds up what is summed by slice and bucket.

    Args:
        columns: Number of value columns.
    """

    def __init__(self, columns: int):
        self._columns = columns
        self._waiting = _Waiting()
        self._runs: list[Sums] = []
        self.add = self._waiting.add

    def flush(self, pairs: Pairs, count: int) -> None:
        """Adds up what waits, spread over the slices. There are ``count`` slices by now."""
        count *= self._waiting.classes
        for keys, columns, part, _ in self._waiting.take(pairs):
            buckets = keys.astype(np.int64)
            width = int(buckets.max(initial=0)) + 1
            cells = part.slices * width + buckets[part.rows]
            if count * width > _DENSE_CELLS:
                occupied, cells = np.unique(cells, return_inverse=True)
                sums = [exact.total(column, cells, len(occupied), part.rows) for column in columns]
            else:
                occupied = np.flatnonzero(np.bincount(cells, minlength=1))
                sums = [
                    exact.canonical(exact.total(column, cells, count * width, part.rows)[occupied])
                    for column in columns
                ]
            slices, bucket = np.divmod(occupied, width)
            self._runs.append(Sums(as_rows(slices), bucket.astype(np.uint64), None, tuple(sums)))
            self._runs = compact(self._runs, 0)

    def table(self, rank: Int32) -> Sums:
        """The sums, where slice i is called ``rank[i]`` from now on."""
        classes = self._waiting.classes
        self._runs = [finished(self._runs, spread(rank, classes), 0) or _no_rows(self._columns, None)]
        return replace(self._runs[0], classes=classes)


class ScoreAdder:
    """Adds up what is summed by slice and score.

    Scores of unweighted examples from a model that computes in single precision are kept as one word each: slice,
    score and label in 64 bits. Sorting the words is all the work there is until they are counted.

    Args:
        columns: Number of value columns.
        max_distinct: More distinct scores in a slice are coarsened.
        most_words: Words are counted when there are this many.
    """

    def __init__(self, columns: int, max_distinct: int, most_words: int):
        self._columns = columns
        self._max_distinct = max_distinct
        self._most_words = most_words
        self._waiting = _Waiting()
        self._words = np.zeros(0, np.uint64)
        self._filled = 0
        self._runs: list[Sums] = []
        self.add = self._waiting.add

    def flush(self, pairs: Pairs, count: int) -> None:
        """Spreads what waits over the slices. There are ``count`` slices by now."""
        count *= self._waiting.classes
        units: bool | None = None
        for scores, columns, part, some in self._waiting.take(pairs):
            if units is None:
                units = _are_units(scores, columns, some) and count < MOST_SLICES
            if units:
                self._keep_words(_words(scores, columns[1], part), count)
            else:
                self._runs.append(add_sorted(_sort_scores(scores, columns, part), self._max_distinct))
            self._runs = compact(self._runs, self._max_distinct)

    def _keep_words(self, words: UInt64, count: int) -> None:
        if self._filled and self._filled + len(words) > len(self._words):
            self._runs.append(self._count_words(np.arange(count, dtype=np.int32)))
        if len(words) > len(self._words):
            self._words = np.empty(max(len(words), self._most_words), np.uint64)  # takes memory as it fills
        self._words[self._filled : self._filled + len(words)] = words
        self._filled += len(words)

    def _count_words(self, rank: Int32) -> Sums:
        words, self._filled = self._words[: self._filled], 0
        return _count(words, rank, self._max_distinct)

    def table(self, rank: Int32) -> Sums:
        """The sums, where slice i is called ``rank[i]`` from now on."""
        rank = spread(rank, self._waiting.classes)
        runs = self._runs
        if self._filled:
            runs = [*(renumber(run, rank) for run in runs), self._count_words(rank)]
            rank = np.arange(len(rank), dtype=np.int32)
        self._runs = [finished(runs, rank, self._max_distinct) or _no_rows(self._columns, np.zeros(0, np.uint8))]
        return replace(self._runs[0], classes=self._waiting.classes)


def _no_rows(columns: int, levels: npt.NDArray[np.uint8] | None) -> Sums:
    zeros = tuple(exact.encode(np.zeros(0)) for _ in range(columns))
    return Sums(np.zeros(0, np.int32), np.zeros(0, np.uint64), levels, zeros)


_LABEL = np.uint64(1)
_SLICE_SHIFT = np.uint64(33)
_LOW_BITS = np.uint64((1 << 33) - 1)
_SIGN = np.uint32(1 << 31)


def _are_units(scores: Float64, columns: tuple[Float64, ...], some: npt.NDArray[np.bool_]) -> bool:
    """Whether each example is one positive or one negative, and its score a float32."""
    if len(columns) != 2:
        return False
    positives, negatives = columns
    if not np.array_equal(positives + negatives, some) or not bool(np.all((negatives == 0) | (negatives == 1))):
        return False
    with np.errstate(over="ignore"):
        return np.array_equal(scores.astype(np.float32), scores)


def _words(scores: Float64, negatives: Float64, pairs: Pairs) -> UInt64:
    """One word per pair: 31 bits of slice, 32 bits of score in its order, 1 bit for a negative label."""
    bits = (scores + 0.0).astype(np.float32).view(np.uint32)
    ordered = np.where(bits & _SIGN != 0, ~bits, bits | _SIGN)
    low = (ordered.astype(np.uint64) << _LABEL) | negatives.astype(np.uint64)
    words = pairs.slices.astype(np.uint64) << _SLICE_SHIFT
    words |= low[pairs.rows]
    return words


def _count(words: UInt64, rank: Int32, max_distinct: int) -> Sums:
    """Counts the words by slice and score, coarsened; slice i gets the number ``rank[i]``. The words are used up."""
    if not bool(np.all(rank[1:] > rank[:-1])):
        moved = rank.astype(np.uint64) << _SLICE_SHIFT
        for part in pieces(len(words)):
            words[part] = words[part] & _LOW_BITS | moved[words[part] >> _SLICE_SHIFT]
    words.sort()
    bounds = np.searchsorted(words, np.arange(len(rank) + 1, dtype=np.uint64) << _SLICE_SHIFT)
    steps = np.searchsorted(bounds, np.arange(0, len(words), _AT_A_TIME))
    bounds = np.unique(np.append(bounds[steps], len(words)))  # whole slices
    parts = [
        add_sorted(_unpack(words[start:stop]), max_distinct) for start, stop in itertools.pairwise(bounds.tolist())
    ]
    return concatenate(parts) if parts else _no_rows(2, np.zeros(0, np.uint8))


def _unpack(words: UInt64) -> Sums:
    """One row per word."""
    slices = np.empty(len(words), np.int32)
    keys = np.empty(len(words), np.uint64)
    negatives = np.empty(len(words), np.int64)
    for part in pieces(len(words)):
        ordered = (words[part] >> _LABEL).astype(np.uint32)
        scores = np.where(ordered & _SIGN != 0, ordered & ~_SIGN, ~ordered).view(np.float32)
        slices[part] = words[part] >> _SLICE_SHIFT
        keys[part] = score_keys(scores.astype(np.float64))
        negatives[part] = words[part] & _LABEL
    return Sums(
        slices, keys, np.zeros(len(words), np.uint8), (exact.canonical(1 - negatives), exact.canonical(negatives))
    )


def _sort_scores(scores: Float64, columns: tuple[Float64, ...], pairs: Pairs) -> Sums:
    """Adds up any scores by slice and score."""
    keys = score_keys(scores)[pairs.rows]
    order = sort_order(pairs.slices, keys)
    slices, keys = pairs.slices[order], keys[order]
    first = np.ones(len(keys), bool)
    first[1:] = (slices[1:] != slices[:-1]) | (keys[1:] != keys[:-1])
    cells, rows, count = np.cumsum(first) - 1, pairs.rows[order], int(first.sum())
    sums = tuple(exact.total(column, cells, count, rows) for column in columns)
    return Sums(slices[first].astype(np.int32), keys[first], np.zeros(count, np.uint8), sums)
