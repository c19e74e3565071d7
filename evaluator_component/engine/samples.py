"""Samples by slice: of each slice the values with the lowest keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.engine.adders import Pairs
from evaluator_component.engine.sums import Int32, spread
from evaluator_component.metrics.view import Float64


@dataclass(frozen=True)
class SampleRows:
    """What is kept so far, sorted by slice, then key, then value.

    Attributes:
        slices: ``[rows]`` the slice of each, or its part where slices have ``classes`` parts.
        keys: float64 ``[rows]``.
        values: ``[rows]`` what was sampled.
        classes: How many parts each slice has.
    """

    slices: Int32
    keys: Float64
    values: pa.BinaryArray
    classes: int = 1

    def take(self, rows: npt.NDArray[np.bool_]) -> SampleRows:
        """Some of the rows."""
        return replace(self, slices=self.slices[rows], keys=self.keys[rows], values=self.values.filter(pa.array(rows)))

    def rename(self, rank: Int32) -> SampleRows:
        """The same rows, where slice i is called ``rank[i]``."""
        return replace(self, slices=spread(rank, self.classes)[self.slices].astype(np.int32))


def nothing(classes: int = 1) -> SampleRows:
    """No row."""
    return SampleRows(np.zeros(0, np.int32), np.zeros(0), pa.array([], pa.binary()), classes)


def draw(keys: Float64, values: pa.BinaryArray, pairs: Pairs, size: int) -> SampleRows:
    """Samples a batch.

    Args:
        keys: float64 ``[n, classes]``, infinite for what is not sampled.
        values: ``[n]``.
        pairs: Which examples are in which slices.
        size: How many are kept of each part of a slice.
    """
    classes = keys.shape[1]
    parts = []
    for number in range(classes):
        inside = np.flatnonzero(np.isfinite(keys[pairs.rows, number]))
        rows = pairs.rows[inside]
        slices = (pairs.slices[inside] * classes + number).astype(np.int32)
        chosen = _lowest(slices, keys[rows, number], size)  # before the values are copied
        parts.append(
            SampleRows(slices[chosen], keys[rows[chosen], number], values.take(pa.array(rows[chosen])), classes)
        )
    return add_up(parts, size)


def add_up(parts: Sequence[SampleRows], size: int) -> SampleRows:
    """Keeps the lowest keys of several parts whose slices are named alike."""
    some = [part for part in parts if len(part.slices)]
    if not some:
        return nothing(max((part.classes for part in parts), default=1))
    values = pa.chunked_array([part.values for part in some], pa.binary()).combine_chunks()
    together = SampleRows(
        np.concatenate([part.slices for part in some]),
        np.concatenate([part.keys for part in some]),
        values,
        some[0].classes,
    )
    rank = np.empty(len(values), np.int64)
    rank[pa.compute.sort_indices(values).to_numpy()] = np.arange(len(values))  # equal keys are settled by the value
    order = np.lexsort((rank, together.keys, together.slices))
    slices = together.slices[order]
    kept = order[np.arange(len(order)) - np.searchsorted(slices, slices) < size]
    return SampleRows(together.slices[kept], together.keys[kept], values.take(pa.array(kept)), together.classes)


def merge(parts: Sequence[SampleRows], slices: Sequence[Int32], size: int) -> SampleRows:
    """Puts several parts together; ``slices`` has for each part the new number of each slice."""
    return add_up([rows.rename(place) for rows, place in zip(parts, slices, strict=True)], size)


def _lowest(slices: Int32, keys: Float64, size: int) -> npt.NDArray[np.intp]:
    """The rows of the lowest keys of each slice; with equal keys in doubt, more."""
    order = np.lexsort((keys, slices))
    ordered = slices[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    last = np.full(int(slices.max(initial=-1)) + 1, np.inf)
    edge = order[place == size - 1]
    last[slices[edge]] = keys[edge]
    return np.flatnonzero(keys <= last[slices])
