"""Independent values of every metric of the catalogue: scikit-learn, SciPy, math.fsum or a quadrature."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import sklearn.metrics as skm
from scipy.special import expit, xlog1py, xlogy

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


def auc(y: Array, p: Array, w: Array, curve: str = "ROC", summation_method: str = "interpolation") -> float:
    if curve == "PR":
        return auc_precision_recall(y, p, w, summation_method)
    y, p, w = classified(y, p, w)
    return float(skm.roc_auc_score(y, p, sample_weight=w)) if len(np.unique(y)) == 2 else math.nan


def auc_precision_recall(y: Array, p: Array, w: Array, summation_method: str = "interpolation") -> float:
    """Between neighbouring scores, precision along the straight line of ROC space, integrated over recall."""
    y, p, w = classified(y, p, w)
    total = math.fsum(w[y == 1].tolist())
    if not total:
        return math.nan
    area = tp = fp = 0.0
    for score in np.unique(p)[::-1]:
        here = p == score
        gain, cost = float(w[here & (y == 1)].sum()), float(w[here & (y == 0)].sum())
        after = (tp + gain) / (tp + gain + fp + cost)
        before = tp / (tp + fp) if tp + fp else after
        if summation_method == "interpolation":
            area += along_the_line(tp, fp, gain, cost)
        else:
            area += gain * (min if summation_method == "minoring" else max)(before, after)
        tp, fp = tp + gain, fp + cost
    return area / total


def along_the_line(tp: float, fp: float, gain: float, cost: float) -> float:
    """∫ x / (x + f(x)) dx from tp to tp + gain, where f goes straight from fp to fp + cost; by quadrature."""
    if not gain:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    # x = tp + gain·exp(u): the precision bends most next to the start, which a substitution spreads out.
    edges = np.linspace(math.log(1e-18), 0.0, 9)
    total = 0.0
    for low, high in itertools.pairwise(edges.tolist()):
        part = gain * np.exp((high - low) / 2 * nodes + (high + low) / 2)
        x = tp + part
        total += (high - low) / 2 * float(np.sum(weights * part * x / (x + fp + cost * part / gain)))
    return total


def binary_cross_entropy(
    y: Array, p: Array, w: Array, label_smoothing: float = 0.0, from_logits: bool = False
) -> float:
    y = y * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return mean(-(y * np.log(expit(p)) + (1 - y) * np.log(expit(-p))), w)
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    if not label_smoothing and set(np.unique(y)) == {0.0, 1.0} and w.any():
        return float(skm.log_loss(y, clipped, sample_weight=w))
    return mean(-(xlogy(y, clipped) + xlog1py(1 - y, -clipped)), w)


def class_accuracy(y: Array, p: Array, w: Array) -> float:
    actual = y.argmax(axis=1) if y.ndim == 2 else y.astype(int)
    return float(skm.accuracy_score(actual, p.argmax(axis=1), sample_weight=w)) if w.any() else math.nan


ORACLES: dict[str, Oracle] = {
    "ExampleCount": lambda y, p, w: float(len(y)),
    "WeightedExampleCount": lambda y, p, w: math.fsum(w.tolist()),
    "MeanLabel": lambda y, p, w: mean(y, w),
    "MeanPrediction": lambda y, p, w: mean(p, w),
    "Calibration": lambda y, p, w: share(math.fsum((w * p).tolist()), math.fsum((w * y).tolist())),
    "BinaryAccuracy": binary_accuracy,
    "Precision": precision,
    "Recall": recall,
    "F1Score": f1_score,
    "FPR": false_positive_rate,
    "FalsePositiveRate": false_positive_rate,
    "FNR": false_negative_rate,
    "FalseNegativeRate": false_negative_rate,
    "AUC": auc,
    "AUCPrecisionRecall": auc_precision_recall,
    "BinaryCrossEntropy": binary_cross_entropy,
    "MeanSquaredError": lambda y, p, w: float(skm.mean_squared_error(y, p, sample_weight=w)) if w.any() else math.nan,
    "MeanAbsoluteError": lambda y, p, w: float(skm.mean_absolute_error(y, p, sample_weight=w)) if w.any() else math.nan,
    "CategoricalAccuracy": class_accuracy,
    "SparseCategoricalAccuracy": class_accuracy,
}
