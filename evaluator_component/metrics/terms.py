"""What metrics sum: a view of the examples, and the terms computed from it.

A *term* is a per-example number; everything a metric knows is the total of its terms over the examples of a slice, or
of a slice and a key (a score, a bucket). Terms are values: two metrics that need the same term declare equal terms,
and the plan computes them once.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
UInt64 = npt.NDArray[np.uint64]


class Kind(enum.Enum):
    """What a metric expects of labels and predictions; it decides which values are usable."""

    ANY = "any number"
    LABEL = "a finite label"
    BINARY = "a label in [0, 1] and one score"
    REAL = "a finite label and one finite prediction"
    CLASSES = "a class (index, or one-hot) and one score per class"


@dataclass(frozen=True)
class View:
    """The labels, predictions and weights of one batch, as one (model, output, weighted or not) sees them.

    Attributes:
        labels: float64 ``[n]``, or ``[n, classes]`` for one-hot and multi-hot labels.
        predictions: float64 ``[n]``, or ``[n, classes]``.
        weights: float64 ``[n]``; ones when the metric is unweighted.

    Examples whose label, prediction or weight is unusable (:class:`Unusable`) have weight 0 and zeros in place of
    the unusable values, so that terms stay finite; they are counted beside the terms and make the result undefined.
    """

    labels: Float64
    predictions: Float64
    weights: Float64
    bad_labels: npt.NDArray[np.bool_] = field(repr=False)
    bad_predictions: npt.NDArray[np.bool_] = field(repr=False)
    bad_weights: npt.NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.weights)

    @classmethod
    def of(cls, kind: Kind, labels: Float64, predictions: Float64, weights: Float64) -> View:
        """Builds a view, taking out what ``kind`` cannot use.

        Args:
            kind: Decides which labels are usable.
            labels: float64 ``[n]`` or ``[n, k]``; NaN where missing.
            predictions: float64 ``[n]`` or ``[n, k]``.
            weights: float64 ``[n]``; NaN where missing.
        """
        bad_labels = _any_bad(labels, ~np.isfinite(labels))
        bad_predictions = _any_bad(predictions, ~np.isfinite(predictions))
        if kind in (Kind.ANY, Kind.LABEL):
            bad_predictions = np.zeros_like(bad_predictions)
        if kind is Kind.ANY:  # counts look at neither
            bad_labels = np.zeros_like(bad_labels)
        elif kind is Kind.BINARY:
            with np.errstate(invalid="ignore"):
                bad_labels |= _any_bad(labels, (labels < 0) | (labels > 1))
        elif kind is Kind.CLASSES and labels.ndim == 1 and predictions.ndim == 2:
            with np.errstate(invalid="ignore"):
                bad_labels |= (labels < 0) | (labels >= predictions.shape[1]) | (labels != np.floor(labels))
        bad_weights = ~(np.isfinite(weights) & (weights >= 0))
        bad = bad_labels | bad_predictions | bad_weights
        if bad.any():
            labels, predictions, weights = (_blank(array, bad) for array in (labels, predictions, weights))
        return cls(labels, predictions, weights, bad_labels, bad_predictions, bad_weights)

    @cached_property
    def positives(self) -> Float64:
        """w·y, float64 ``[n]``."""
        return self.weights * self.labels

    @cached_property
    def negatives(self) -> Float64:
        """w·(1 − y), float64 ``[n]``."""
        return self.weights * (1.0 - self.labels)


def _any_bad(array: Float64, bad: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(bad.any(axis=1)) if array.ndim == 2 else bad


def _blank(array: Float64, rows: npt.NDArray[np.bool_]) -> Float64:
    array = array.copy()
    array[rows] = 0.0
    return array


class Terms(Protocol):
    """Per-example numbers that are summed by slice."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the value columns."""

    def compute(self, view: View) -> tuple[Float64, ...]:
        """Returns one float64 ``[n]`` array per column; weights are the terms' own business."""


class KeyedTerms(Protocol):
    """Per-example numbers that are summed by slice and a key of the example."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the value columns."""

    @property
    def keyed_by_score(self) -> bool:
        """Whether the key is the score itself (the engine may coarsen it); else it is a small bucket number."""

    def keys(self, view: View) -> Float64:
        """Returns float64 ``[n]``: the score, or a whole bucket number below 2**20."""

    def compute(self, view: View) -> tuple[Float64, ...]:
        """Returns one float64 ``[n]`` array per column."""


@dataclass(frozen=True)
class Examples:
    """How many examples there are, whatever their weights."""

    columns = ("examples",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (np.ones(len(view)),)


@dataclass(frozen=True)
class Unusable:
    """How many examples have a label, prediction or weight that cannot be used."""

    columns = ("labels", "predictions", "weights")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.bad_labels.astype(float), view.bad_predictions.astype(float), view.bad_weights.astype(float))


@dataclass(frozen=True)
class Weight:
    """Σw."""

    columns = ("weight",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights,)


@dataclass(frozen=True)
class LabelMass:
    """Σw·y and Σw·(1 − y): the mass of positive and of negative examples when labels are 0 or 1."""

    columns = ("positives", "negatives")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return view.positives, view.negatives


@dataclass(frozen=True)
class LabelSum:
    """Σw·y for labels of any range."""

    columns = ("labels",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.positives,)


@dataclass(frozen=True)
class PredictionSum:
    """Σw·p."""

    columns = ("predictions",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * view.predictions,)


@dataclass(frozen=True)
class AboveThreshold:
    """Σw·y·[p > t] and Σw·(1 − y)·[p > t]."""

    threshold: float
    columns = ("true_positives", "false_positives")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        above = (view.predictions > self.threshold).astype(np.float64)
        return view.positives * above, view.negatives * above


@dataclass(frozen=True)
class SquaredError:
    """Σw·(y − p)²."""

    columns = ("squared_error",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * (view.labels - view.predictions) ** 2,)


@dataclass(frozen=True)
class AbsoluteError:
    """Σw·|y − p|."""

    columns = ("absolute_error",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * np.abs(view.labels - view.predictions),)


@dataclass(frozen=True)
class LogLoss:
    """Σw·−(y·ln p + (1 − y)·ln(1 − p)), p kept within [ε, 1 − ε].

    Attributes:
        label_smoothing: s in y ← y·(1 − s) + s/2.
        from_logits: Whether predictions are log-odds instead of probabilities.
    """

    label_smoothing: float = 0.0
    from_logits: bool = False
    columns = ("log_loss",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        labels = view.labels * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        if self.from_logits:
            logits = view.predictions
            loss = np.maximum(logits, 0.0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))
        else:
            scores = np.clip(view.predictions, EPSILON, 1.0 - EPSILON)
            loss = -(labels * np.log(scores) + (1.0 - labels) * np.log1p(-scores))
        return (view.weights * loss,)


EPSILON = 1e-7
"""Probabilities are kept this far from 0 and 1 in logarithms, as Keras does."""


@dataclass(frozen=True)
class CorrectClass:
    """Σw·[argmax of the scores is the label's class]; labels are class indices or one-hot."""

    columns = ("correct",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        actual = view.labels.argmax(axis=1) if view.labels.ndim == 2 else view.labels
        return (view.weights * (view.predictions.argmax(axis=1) == actual),)


@dataclass(frozen=True)
class ScoreHistogram:
    """Σw·y and Σw·(1 − y) by score."""

    columns = ("positives", "negatives")
    keyed_by_score = True

    def keys(self, view: View) -> Float64:
        """See :class:`KeyedTerms`."""
        return view.predictions

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return view.positives, view.negatives


@dataclass(frozen=True)
class CalibrationBuckets:
    """Σw, Σw·y and Σw·p by bucket of the prediction.

    Bucket 0 holds predictions below ``left``, bucket ``count + 1`` those from ``right`` on; between them are
    ``count`` buckets of equal width, each closed on its left.
    """

    count: int = 1000
    left: float = 0.0
    right: float = 1.0
    columns = ("weight", "labels", "predictions")
    keyed_by_score = False

    @property
    def edges(self) -> Float64:
        """float64 ``[count + 1]``, from ``left`` to ``right``."""
        return np.linspace(self.left, self.right, self.count + 1)

    def keys(self, view: View) -> Float64:
        """See :class:`KeyedTerms`."""
        return np.searchsorted(self.edges, view.predictions, side="right").astype(np.float64)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return view.weights, view.positives, view.weights * view.predictions


@dataclass(frozen=True)
class ThresholdBuckets:
    """Σw·y and Σw·(1 − y) by the number of thresholds that lie below the prediction (t < p).

    Attributes:
        thresholds: In increasing order.
    """

    thresholds: tuple[float, ...]
    columns = ("positives", "negatives")
    keyed_by_score = False

    def keys(self, view: View) -> Float64:
        """See :class:`KeyedTerms`."""
        return np.searchsorted(np.asarray(self.thresholds), view.predictions, side="left").astype(np.float64)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return view.positives, view.negatives


@dataclass(frozen=True)
class Histogram:
    """The totals of keyed terms: rows sorted by slice, then key.

    Attributes:
        slices: ``[rows]`` which slice a row belongs to.
        keys: ``[rows]`` order-preserving score keys, or bucket numbers.
        coarse: bool ``[slices]``: whether scores of this slice were coarsened.
        columns: float64 ``[rows]`` per value column.
        slice_count: Number of slices (also those without a row).
    """

    slices: npt.NDArray[np.int32]
    keys: UInt64
    coarse: npt.NDArray[np.bool_]
    columns: tuple[Float64, ...]
    slice_count: int

    @cached_property
    def starts(self) -> npt.NDArray[np.intp]:
        """The first row of each slice that has rows."""
        return np.flatnonzero(np.diff(self.slices, prepend=-1))

    @cached_property
    def below(self) -> tuple[Float64, ...]:
        """For each row and column, the sum over the rows of its slice that come before it.

        One running sum over all slices, in extended precision so that a small slice behind large ones loses nothing.
        """
        lengths = np.diff(np.append(self.starts, len(self.slices)))
        result = []
        for column in self.columns:
            before = np.cumsum(column, dtype=np.longdouble) - column
            result.append((before - np.repeat(before[self.starts], lengths)).astype(np.float64))
        return tuple(result)

    def by_slice(self, values: Float64) -> Float64:
        """Adds up one number per row: float64 ``[slices]``."""
        total = np.zeros(self.slice_count)
        if len(values):
            total[self.slices[self.starts]] = np.add.reduceat(values, self.starts)
        return total


class Totals:
    """The totals that a metric's result is computed from.

    ``totals[terms]`` is a tuple of float64 ``[slices]`` arrays, one per column; ``totals.histogram(terms)`` the rows
    of keyed terms.
    """

    def __init__(self, by_slice: dict[Any, tuple[Float64, ...]], by_key: dict[Any, Histogram], slice_count: int):
        self._by_slice = by_slice
        self._by_key = by_key
        self.slice_count = slice_count

    def __getitem__(self, terms: Terms) -> tuple[Float64, ...]:
        return self._by_slice[terms]

    def histogram(self, terms: KeyedTerms) -> Histogram:
        """The rows of keyed terms."""
        return self._by_key[terms]
