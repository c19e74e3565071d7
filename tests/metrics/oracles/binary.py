"""Independent values of metrics at a threshold."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import sklearn.metrics as skm

from tests.metrics.oracles.base import Array, Oracle, classified, matrix, share


def binary_accuracy(y: Array, p: Array, w: Array, threshold: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.accuracy_score(y, p > threshold, sample_weight=w)) if len(y) else math.nan


def precision(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    score = skm.precision_score(y, p > thresholds, sample_weight=w, zero_division=np.nan) if len(y) else math.nan
    return float(score)


def recall(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.recall_score(y, p > thresholds, sample_weight=w, zero_division=np.nan)) if len(y) else math.nan


def f1_score(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.f1_score(y, p > thresholds, sample_weight=w, zero_division=np.nan)) if len(y) else math.nan


def false_positive_rate(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    _, fp, tn, _ = matrix(y, p, w, thresholds)
    return share(fp, fp + tn)


def false_negative_rate(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    tp, _, _, fn = matrix(y, p, w, thresholds)
    return share(fn, fn + tp)


def of_matrix(formula: Callable[[float, float, float, float], float]) -> Oracle:
    """An oracle from a formula of tp, fp, tn, fn; dividing by 0 means NaN."""

    def oracle(y: Array, p: Array, w: Array, thresholds: float = 0.5, **options: float) -> float:
        try:
            return formula(*matrix(y, p, w, thresholds), **options)
        except ZeroDivisionError:
            return math.nan

    return oracle


def of_classes(score: Callable[..., float], *, both: bool = False, predicted: bool = False) -> Oracle:
    """An oracle from scikit-learn's score of classes; NaN with one class (both) or one prediction (predicted)."""

    def oracle(y: Array, p: Array, w: Array, thresholds: float = 0.5, **options: float) -> float:
        y, p, w = classified(y, p, w)
        above = p > thresholds
        if not len(y) or (both and len(np.unique(y)) < 2) or (predicted and len(np.unique(above)) < 2):
            return math.nan
        return float(score(y, above, sample_weight=w, **options))

    return oracle


def f_beta(y: Array, p: Array, w: Array, thresholds: float = 0.5, beta: float = 1.0) -> float:
    y, p, w = classified(y, p, w)
    if not len(y):
        return math.nan
    return float(skm.fbeta_score(y, p > thresholds, beta=beta, sample_weight=w, zero_division=np.nan))


def prevalence_threshold(tp: float, fp: float, tn: float, fn: float) -> float:
    sensitivity, fall_out = tp / (tp + fn), fp / (fp + tn)
    return (math.sqrt(sensitivity * fall_out) - fall_out) / (sensitivity - fall_out)


jaccard = of_matrix(lambda tp, fp, tn, fn: tp / (tp + fp + fn))


specificity = of_matrix(lambda tp, fp, tn, fn: tn / (tn + fp))


negative_predictive = of_matrix(lambda tp, fp, tn, fn: tn / (tn + fn))
