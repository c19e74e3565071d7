"""Terms that are summed by slice and a key: a score, or the bucket it falls into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.view import Float64, View


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
