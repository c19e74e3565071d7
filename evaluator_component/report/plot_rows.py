"""Rows of the plots table as what they count: confusion matrices at thresholds, or sums in buckets of the score.

Either is made of the other where that is what the plot has. ``rows`` are always those of one plot, slice and model, in
any order; weights of examples are in them already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Float64 = npt.NDArray[np.float64]


class NoExampleError(LookupError):
    """A plot counts no example at all."""


_ROUNDING: Final = 1e-9
"""How far labels may be outside of [0, 1], as a share of the examples, because sums are rounded."""


@dataclass(frozen=True)
class Confusions:
    """Confusion matrices at thresholds.

    Attributes:
      thresholds: float64 ``[n]``, ascending.
      tp, fp, tn, fn: The weight in each cell, float64 ``[n]``.
      inclusive: Whether a score equal to the threshold is predicted positive; else only one above it is.
    """

    thresholds: Float64
    tp: Float64
    fp: Float64
    tn: Float64
    fn: Float64
    inclusive: bool

    @property
    def positives(self) -> float:
        """The weight of the examples that are positive."""
        return float(self.tp[0] + self.fn[0])

    @property
    def negatives(self) -> float:
        """The weight of the examples that are negative."""
        return float(self.fp[0] + self.tn[0])


@dataclass(frozen=True)
class Buckets:
    """Sums over the examples whose scores lie between two edges.

    Attributes:
      lower, upper: The edges, float64 ``[n]``, ascending; the outermost can be infinite.
      examples: The weight of the examples, float64 ``[n]``.
      labels: The weight of the positive ones (the weighted sum of the labels), float64 ``[n]``; None if unknown.
      predictions: The weighted sum of the scores, float64 ``[n]``; None if unknown.
    """

    lower: Float64
    upper: Float64
    examples: Float64
    labels: Float64 | None
    predictions: Float64 | None

    @property
    def has_shares(self) -> bool:
        """Whether the labels are known and between 0 and 1, so that they are shares of positives."""
        if self.labels is None:
            return False
        slack = _ROUNDING * max(1.0, float(self.examples.sum()))
        return bool(np.all(self.labels >= -slack) and np.all(self.labels <= self.examples + slack))


def confusions(rows: pa.Table) -> Confusions:
    """Returns the matrices of a ConfusionMatrixPlot, or those at the lower edges of a CalibrationPlot's buckets.

    Of a bucket the positives are ``weighted_labels``, the negatives ``weighted_examples`` less that. Its lower edge
    belongs to it, so that a score equal to that threshold is predicted positive.

    Raises:
      LookupError: the labels are not between 0 and 1.
    """
    if rows.column("true_positives").null_count == 0:
        thresholds, *cells = columns(
            rows, "lower", "true_positives", "false_positives", "true_negatives", "false_negatives"
        )
        tp, fp, tn, fn = (np.maximum(cell, 0.0) for cell in cells)
        return Confusions(thresholds, tp, fp, tn, fn, inclusive=False)
    found = buckets(rows)
    if not found.has_shares or found.labels is None:
        raise LookupError("its labels are not between 0 and 1, so that nothing is positive or negative")
    positives, negatives = np.maximum(found.labels, 0.0), np.maximum(found.examples - found.labels, 0.0)
    tp, fp = (np.cumsum(part[::-1])[::-1] for part in (positives, negatives))
    return Confusions(found.lower, tp, fp, fp[0] - fp, tp[0] - tp, inclusive=True)


def buckets(rows: pa.Table) -> Buckets:
    """Returns the buckets of a CalibrationPlot or ReliabilityDiagram, or those between a plot's thresholds.

    In a ScoreDistributionPlot labels are unknown; nothing between thresholds tells the mean of the scores.
    """
    if rows.column("true_positives").null_count:
        return Buckets(*columns(rows, "lower", "upper", "weighted_examples", "weighted_labels", "weighted_predictions"))
    found = confusions(rows)
    positives, negatives = (
        np.concatenate([below[:1], above[:-1] - above[1:], above[-1:]])
        for above, below in ((found.tp, found.fn), (found.fp, found.tn))
    )
    edges = np.concatenate([[-np.inf], found.thresholds, [np.inf]])
    labelled = rows.column("plot_type")[0].as_py() != "ScoreDistributionPlot"
    return Buckets(edges[:-1], edges[1:], positives + negatives, positives if labelled else None, None)


def merge(found: Buckets, count: int) -> Buckets:
    """Returns at most so many buckets of about equal width; scores beyond the finite edges join the outermost."""
    finite = np.isfinite(found.lower) & np.isfinite(found.upper)
    if not finite.any():
        raise LookupError("its buckets have no finite edges")
    left, right = found.lower[finite].min(), found.upper[finite].max()
    middle = (np.maximum(found.lower, left) + np.minimum(found.upper, right)) / 2
    place = np.clip(np.floor((middle - left) / (right - left) * count), 0, count - 1).astype(np.int64)
    first, last = np.flatnonzero(finite)[[0, -1]]
    place[:first], place[last + 1 :] = place[first], place[last]
    starts = np.flatnonzero(np.diff(place, prepend=-1))

    def total(column: Float64 | None) -> Float64 | None:
        return None if column is None else np.add.reduceat(column, starts)

    lower = np.maximum(found.lower[starts], left)
    upper = np.append(lower[1:], right)
    examples = np.add.reduceat(found.examples, starts)
    return Buckets(lower, upper, examples, total(found.labels), total(found.predictions))


def columns(rows: pa.Table, *names: str) -> list[Float64]:
    """Returns columns as float64 ``[rows]``, in the order of the buckets."""
    order = np.argsort(rows.column("bucket").to_numpy(), kind="stable")
    return [np.asarray(rows.column(name).to_numpy(), np.float64)[order] for name in names]


def place_of(thresholds: Float64, threshold: float) -> int:
    """Returns where a threshold is among those of a plot.

    Raises:
      LookupError: it is not there; the message has those nearest.
    """
    place = int(np.argmin(np.abs(thresholds - threshold)))
    if not np.isclose(thresholds[place], threshold, rtol=1e-9, atol=1e-12):
        raise LookupError(f"no threshold {threshold:g}; the nearest: {_listed(thresholds, threshold)}")
    return place


def _listed(thresholds: Float64, threshold: float) -> str:
    finite: list[float] = thresholds[np.isfinite(thresholds)].tolist()
    nearest = sorted(sorted(finite, key=lambda other: abs(other - threshold))[:3])
    return ", ".join(f"{other:g}" for other in nearest)


def need_some(weight: float) -> None:
    """Raises NoExampleError if nothing is counted."""
    if not weight > 0:
        raise NoExampleError("the plot counts no example")


def need(weight: float, which: str) -> None:
    """Raises LookupError if there is no weight of such examples."""
    if not weight > 0:
        raise LookupError(f"no example is {which}")
