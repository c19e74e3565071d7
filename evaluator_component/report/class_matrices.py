"""The numbers of a confusion matrix of several classes, from the rows of the plots table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from evaluator_component.report.plot_rows import Float64, columns, place_of


@dataclass(frozen=True)
class ClassMatrix:
    """The confusion matrix of several classes.

    Attributes:
      weights: float64 ``[classes, classes + 1]``, actual by predicted; the last column is of no class at all.
      threshold: The score that the best class has to exceed to be predicted.
    """

    weights: Float64
    threshold: float

    @property
    def shares(self) -> Float64:
        """Of each actual class the shares by predicted class, NaN for a class that has no examples."""
        totals = self.weights.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            shares: Float64 = self.weights / totals
        return shares

    @property
    def accuracy(self) -> float:
        """The share of examples whose class is predicted."""
        return float(np.trace(self.weights) / self.weights.sum())

    def top_confusions(self, count: int) -> list[tuple[int, int]]:
        """The pairs (actual, predicted) of different classes with the most weight, the heaviest first."""
        wrong = self.weights[:, :-1].copy()
        np.fill_diagonal(wrong, 0.0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        return [(int(a), int(p)) for a, p in zip(*np.unravel_index(order, wrong.shape), strict=True) if wrong[a, p] > 0]


def class_matrix(rows: pa.Table, threshold: float | None, classes: int = 0) -> ClassMatrix:
    """Returns the matrix of a MultiClassConfusionMatrixPlot or MultiClassConfusionMatrixAtThresholds.

    Args:
      rows: The cells that are not empty.
      threshold: One of the plot; None for its lowest.
      classes: How many classes there are at least; those that are seen count anyhow.

    Raises:
      LookupError: the plot has no such threshold; the message has those nearest.
    """
    thresholds, weight = columns(rows, "lower", "weighted_examples")
    actual, predicted = (column.astype(np.int64) for column in columns(rows, "actual_class", "predicted_class"))
    distinct = np.unique(thresholds)
    chosen = distinct[0 if threshold is None else place_of(distinct, threshold)]
    count = max(classes, int(actual.max()) + 1, int(predicted.max()) + 1)
    inside = thresholds == chosen
    weights = np.zeros((count, count + 1))
    np.add.at(weights, (actual[inside], predicted[inside]), weight[inside])  # -1, no class, is the last column
    return ClassMatrix(weights, float(chosen))
