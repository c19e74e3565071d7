"""What the independent values of metrics are made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import sklearn.metrics as skm

Array = npt.NDArray[np.float64]
Oracle = Callable[..., float]
"""Takes labels, predictions, weights and the metric's options; NaN where the metric is not defined."""


EPSILON = 1e-7


def mean(values: Array, weights: Array) -> float:
    total = math.fsum(weights.tolist())
    return math.fsum((values * weights).tolist()) / total if total else math.nan


def classified(labels: Array, predictions: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Soft labels as a positive and a negative example that share the weight; nothing without weight."""
    y = np.repeat([1, 0], len(labels))
    w = np.concatenate([weights * labels, weights * (1 - labels)])
    some = w > 0
    return y[some], np.tile(predictions, 2)[some], w[some]


def matrix(labels: Array, predictions: Array, weights: Array, threshold: float) -> tuple[float, float, float, float]:
    y, p, w = classified(labels, predictions, weights)
    if not len(y):
        return 0.0, 0.0, 0.0, 0.0
    (tn, fp), (fn, tp) = skm.confusion_matrix(y, p > threshold, labels=[0, 1], sample_weight=w).tolist()
    return tp, fp, tn, fn


def share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def root(value: float) -> float:
    return math.sqrt(value)
