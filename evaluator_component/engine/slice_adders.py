"""What adds up terms that are summed by slice alone, or by slice and group of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from evaluator_component.engine import exact
from evaluator_component.engine.sums import Int32, Sums, add_up, by_rank, concatenate, renumber, spread
from evaluator_component.errors import ConfigError
from evaluator_component.metrics.view import Float64

Index = npt.NDArray[np.intp]

MOST_SLICES = 1 << 31
_COMPACT_ROWS = 1 << 16


class SliceAdder:
    """Adds up what is summed by slice.

    Args:
        columns: Number of value columns.
    """

    def __init__(self, columns: int):
        self._classes = 1
        self._waiting: list[tuple[Index, Float64]] = []
        self._total: tuple[exact.Int64, ...] = tuple(np.zeros(0, np.int64) for _ in range(columns))

    def add(self, slices: Index, totals: Float64, classes: int) -> None:
        """Adds a batch's totals, float64 ``[columns, slices * classes]``."""
        self._classes = classes
        self._waiting.append((spread(slices, classes), totals))

    def flush(self, count: int) -> None:
        """Adds up what waits. There are ``count`` slices by now."""
        if not self._waiting:
            return
        slices = np.concatenate([part for part, _ in self._waiting])
        totals = np.concatenate([part for _, part in self._waiting], axis=1)
        self._waiting = []
        added = (exact.total(values, slices, count * self._classes) for values in totals)
        self._total = tuple(exact.add(left, right) for left, right in zip(self._total, added, strict=True))

    def table(self, rank: Int32) -> Sums:
        """The sums, where slice i is called ``rank[i]`` from now on."""
        if not any(len(column) for column in self._total):  # nothing was added
            return Sums(np.zeros(0, np.int32), None, None, self._total, self._classes)
        order = np.argsort(spread(rank, self._classes))
        self._total = tuple(column[order] for column in self._total)
        return Sums(np.arange(len(order), dtype=np.int32), None, None, self._total, self._classes)


class GroupAdder:
    """Adds up what is summed by slice and group of examples; most slices have examples of some groups only.

    Args:
        columns: Number of value columns.
        groups: Number of groups; group g of slice s is cell ``s * groups + g``.
    """

    def __init__(self, columns: int, groups: int):
        self._columns = columns
        self._groups = groups
        self._classes = 1
        self._waiting: list[tuple[Index, Float64]] = []
        self._runs: list[Sums] = []

    def add(self, cells: Index, totals: Float64, classes: int) -> None:
        """Adds a batch's totals, float64 ``[columns, cells * classes]``."""
        self._classes = classes
        self._waiting.append((spread(cells, classes), totals))

    def flush(self) -> None:
        """Adds up what waits."""
        if not self._waiting:
            return
        cells, places = np.unique(np.concatenate([part for part, _ in self._waiting]), return_inverse=True)
        totals = np.concatenate([part for _, part in self._waiting], axis=1)
        self._waiting = []
        columns = tuple(exact.total(values, places, len(cells)) for values in totals)
        self._runs = compact([*self._runs, Sums(as_rows(cells), None, None, columns)], 0)

    def table(self, rank: Int32) -> Sums:
        """The sums, where slice i is called ``rank[i]`` from now on."""
        parts = self._groups * self._classes
        rows = finished(self._runs, spread(rank, parts), 0)
        if rows is None:
            rows = Sums(
                np.zeros(0, np.int32), None, None, tuple(exact.encode(np.zeros(0)) for _ in range(self._columns))
            )
        self._runs = [rows]
        return replace(rows, classes=parts)


def as_rows(cells: Index) -> Int32:
    """Numbers of cells as tables hold them.

    Raises:
        ConfigError: There are more of them than can be numbered.
    """
    if len(cells) and int(cells.max()) >= MOST_SLICES:
        raise ConfigError(
            "intervals.groups: slices, classes and groups of examples make more than 2,147,483,647 cells; ask for "
            "fewer groups, or for fewer slices"
        )
    return cells.astype(np.int32)


def compact(runs: list[Sums], max_distinct: int) -> list[Sums]:
    """Merges the runs once the later ones outgrow the first, so that a row is merged a few times only."""
    if len(runs) < 2 or sum(map(len, runs[1:])) < max(len(runs[0]), _COMPACT_ROWS):
        return runs
    return [add_up(concatenate(runs), max_distinct)]


def finished(runs: Sequence[Sums], rank: Int32, max_distinct: int) -> Sums | None:
    """The runs as one, where slice i is called ``rank[i]``; None where there are none."""
    if len(runs) < 2:
        return by_rank(runs[0], rank) if runs else None
    return add_up(concatenate([renumber(run, rank) for run in runs]), max_distinct)
