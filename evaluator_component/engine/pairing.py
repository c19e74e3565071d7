"""Differences between slices: columns of their own, one row for each pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluator_component.engine import methods
from evaluator_component.engine.columns import Column, Resampled
from evaluator_component.engine.plan import Made
from evaluator_component.gate.matching import SliceIndex
from evaluator_component.metrics.metric import Values
from evaluator_component.metrics.view import Float64
from evaluator_component.proto.config_pb2 import CrossSlicingSpec
from evaluator_component.results.tables import EXACT
from evaluator_component.slicing.names import format_pair

Index = npt.NDArray[np.intp]

_ROUNDING = 1e-13
"""A value that groups move by less than this share of itself is not moved."""


@dataclass(frozen=True)
class SlicePairs:
    """Pairs of slices.

    Attributes:
        left: ``[pairs]`` the slice that the other is taken off.
        right: ``[pairs]`` that other slice.
        names: The names of the pairs.
    """

    left: Index
    right: Index
    names: tuple[str, ...]


def find_pairs(specs: Sequence[CrossSlicingSpec], names: Sequence[str]) -> SlicePairs:
    """The pairs that specs mean: each slice of ``baseline_spec`` with each of ``slicing_specs``, or with all others."""
    index = SliceIndex(names)
    found: dict[tuple[int, int], None] = {}
    for spec in specs:
        bases = index.match(spec.baseline_spec).tolist()
        others = [code for one in spec.slicing_specs for code in index.match(one).tolist()]
        if not spec.slicing_specs:
            others = sorted(set(range(len(names))) - set(bases))
        found |= dict.fromkeys((base, other) for base in bases for other in others if base != other)
    left, right = np.array(list(found), np.intp).reshape(-1, 2).T
    return SlicePairs(left, right, tuple(format_pair(names[a], names[b]) for a, b in found))


def of_pairs(column: Column, pairs: SlicePairs, first: int) -> Column:
    """The differences of a metric between slices; pair i is numbered ``first + i``."""
    values, (lower, upper) = column.values, column.values.ends
    bracketed = values.bracketed[pairs.left] | values.bracketed[pairs.right]
    ends: list[Float64 | None] = [None, None]
    if bracketed.any():
        ends = [
            np.where(bracketed, lower[pairs.left] - upper[pairs.right], np.nan),
            np.where(bracketed, upper[pairs.left] - lower[pairs.right], np.nan),
        ]
    difference = values.value[pairs.left] - values.value[pairs.right]
    made = column.made
    if made is not None:
        method = EXACT if made.value == EXACT else _resampling(made)
        made = Made(method, method if made.change else "", made.grouped)
    return replace(
        column,
        values=Values(difference, values.undefined, *ends),
        reasons=_reasons(column.reasons, pairs),
        examples=np.minimum(column.examples[pairs.left], column.examples[pairs.right]),
        weight=np.minimum(column.weight[pairs.left], column.weight[pairs.right]),
        unusable=column.unusable[pairs.left] | column.unusable[pairs.right],
        slices=(np.arange(len(pairs.left)) + first).astype(np.int32),
        made=made,
        slope=None,
        of_pairs=True,
        resampled=None if column.resampled is None else _difference(column.resampled, pairs),
    )


def _resampling(made: Made) -> str:
    return methods.BOOTSTRAP if made.value == methods.BOOTSTRAP else methods.JACKKNIFE


def _difference(resampled: Resampled, pairs: SlicePairs) -> Resampled:
    """The replicates of differences.

    Where no group moves the value of one of the slices, nothing says how sure that value is, nor the difference.
    """
    values = resampled.values
    moves = np.nan_to_num(np.abs(values[:, 1:] - values[:, :1])).max(axis=1, initial=0.0)
    moved = moves > _ROUNDING * np.abs(np.nan_to_num(values[:, 0]))
    known = moved[pairs.left] & moved[pairs.right]
    sizes = resampled.sizes[pairs.left] + resampled.sizes[pairs.right]
    mark = resampled.mark[pairs.left] * np.uint64(31) + resampled.mark[pairs.right]
    difference = np.where(known[:, None], values[pairs.left] - values[pairs.right], np.nan)
    return Resampled(difference, sizes, mark)


def _reasons(reasons: npt.NDArray[np.object_], pairs: SlicePairs) -> npt.NDArray[np.object_]:
    """Why a difference is undefined: the reasons of both slices."""
    found = np.full(len(pairs.left), None, object)
    for i, (left, right) in enumerate(zip(reasons[pairs.left], reasons[pairs.right], strict=True)):
        told = [why for why in (left, right) if why is not None]
        if told:
            found[i] = "; ".join(dict.fromkeys(told))
    return found
