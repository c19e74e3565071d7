"""What metrics sum: terms computed from a view of the examples.

A *term* is a per-example number; everything a metric knows is the total of its terms over the examples of a slice, or
of a slice and a key (a score, a bucket). Terms are values: two metrics that need the same term declare equal terms,
and the plan computes them once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluator_component.metrics.view import Float64, View


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
        edges = np.concatenate([[-np.inf], self.edges, [np.inf]])
        scores = view.predictions
        guess = (
            np.clip((scores - self.left) * (self.count / (self.right - self.left)), -1, self.count).astype(np.intp) + 1
        )
        guess -= scores < edges[guess]  # the guess is off by one at most
        guess += scores >= edges[guess + 1]
        return guess.astype(np.float64)

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
