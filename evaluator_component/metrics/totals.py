"""The totals of terms over slices, which results are computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.metrics.terms import KeyedTerms, Sampler, Terms
from evaluator_component.metrics.view import Float64

UInt64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Histogram:
    """The totals of keyed terms: rows sorted by slice, then key.

    Attributes:
        slices: ``[rows]`` which slice a row belongs to.
        keys: ``[rows]`` order-preserving score keys, or bucket numbers.
        coarse: bool ``[slices]``: whether scores of this slice were coarsened.
        columns: float64 ``[rows]`` per value column.
        slice_count: Number of slices (also those without a row).
        find_scores: Gives the lowest and the highest score of each row; of keys that are scores.
        find_exactly: Gives the exact totals of some rows, column by column.
    """

    slices: npt.NDArray[np.int32]
    keys: UInt64
    coarse: npt.NDArray[np.bool_]
    columns: tuple[Float64, ...]
    slice_count: int
    find_scores: Callable[[], tuple[Float64, Float64]] = field(repr=False)
    find_exactly: Callable[[npt.NDArray[np.intp]], list[list[Fraction]]] = field(repr=False)

    @cached_property
    def scores(self) -> tuple[Float64, Float64]:
        """The lowest and the highest score that a row can have: the same where scores were not coarsened."""
        return self.find_scores()

    @cached_property
    def starts(self) -> npt.NDArray[np.intp]:
        """The first row of each slice that has rows."""
        return np.flatnonzero(np.diff(self.slices, prepend=-1))

    @cached_property
    def below(self) -> tuple[Float64, ...]:
        """For each row and column, the sum over the rows of its slice that come before it, exactly 0 without one.

        One running sum over all slices: of whole numbers exact, else in extended precision, so that a small slice
        behind large ones loses nothing.
        """
        return tuple(
            (running - column - np.repeat((running - column)[self.starts], self._lengths)).astype(
                np.float64, copy=False
            )
            for column, running in zip(self.columns, self._running, strict=True)
        )

    @cached_property
    def above(self) -> tuple[Float64, ...]:
        """For each row and column, the sum over the rows of its slice that come after it, exactly 0 without one."""
        ends = self.starts + self._lengths - 1
        return tuple(
            (np.repeat(running[ends], self._lengths) - running).astype(np.float64, copy=False)
            for running in self._running
        )

    def up_to(self, values: Float64) -> Float64:
        """For each row the sum of one number per row over the rows of its slice up to it."""
        running = np.cumsum(values)
        return running - np.repeat((running - values)[self.starts], self._lengths)

    @cached_property
    def _lengths(self) -> npt.NDArray[np.intp]:
        return np.diff(np.append(self.starts, len(self.slices)))

    @cached_property
    def _running(self) -> tuple[npt.NDArray[Any], ...]:
        return tuple(np.cumsum(column, dtype=_running_type(column)) for column in self.columns)

    def by_slice(self, values: Float64) -> Float64:
        """Adds up one number per row: float64 ``[slices]``."""
        total = np.zeros(self.slice_count)
        if len(values):
            total[self.slices[self.starts]] = np.add.reduceat(values, self.starts)
        return total


@dataclass(frozen=True)
class GroupedHistogram:
    """The totals of keyed terms by group of examples.

    Attributes:
        merged: The rows of all groups together.
        by_group: The rows of each group apart, group g of slice s as slice ``s * groups + g``.
        place: ``[rows]`` for each row of ``by_group`` the row of ``merged`` that it is part of.
        groups: How many groups there are.
    """

    merged: Histogram
    by_group: Histogram
    place: npt.NDArray[np.intp]
    groups: int

    def sum(self, values: Float64) -> Float64:
        """Adds up one number per row of ``by_group``: float64 ``[slices, groups]``."""
        return self.by_group.by_slice(values).reshape(-1, self.groups)

    def without(self, column: int) -> Float64:
        """The total of a column in all groups and without each, float64 ``[slices, 1 + groups]``."""
        own = self.sum(self.by_group.columns[column])
        total = own.sum(axis=1, keepdims=True)
        return np.hstack([total, total - own])


class Totals:
    """The totals that a metric's result is computed from.

    ``totals[terms]`` is a tuple of float64 ``[slices]`` arrays, one per column; ``totals.histogram(terms)`` the rows
    of keyed terms.
    """

    def __init__(
        self,
        by_slice: dict[Any, tuple[Float64, ...]],
        by_key: dict[Any, Histogram],
        slice_count: int,
        samples: dict[Any, tuple[npt.NDArray[np.int32], pa.BinaryArray]] | None = None,
    ):
        self._by_slice = by_slice
        self._by_key = by_key
        self._samples = samples or {}
        self.slice_count = slice_count

    def __getitem__(self, terms: Terms) -> tuple[Float64, ...]:
        return self._by_slice[terms]

    def histogram(self, terms: KeyedTerms) -> Histogram:
        """The rows of keyed terms."""
        return self._by_key[terms]

    def sample(self, sampler: Sampler) -> tuple[npt.NDArray[np.int32], pa.BinaryArray]:
        """What was sampled: ``[rows]`` the slice of each, and the value."""
        return self._samples[sampler]


def _running_type(column: Float64) -> type[np.floating[Any]]:
    """float64 where every partial sum is a whole number that it holds."""
    whole = bool(np.all(np.trunc(column) == column)) and np.abs(column).sum() < 2.0**53
    return np.float64 if whole else np.longdouble
