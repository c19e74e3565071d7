"""Independent values of probabilistic, regression and multi-class metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import sklearn.metrics as skm
from scipy.special import expit, log_softmax, xlog1py, xlogy

from tests.metrics.oracles.base import EPSILON, Array, Oracle, mean


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


def brier(y: Array, p: Array, w: Array) -> float:
    return mean((y - p) ** 2, w)


def calibration_gaps(y: Array, p: Array, w: Array, count: int, equal_mass: bool) -> list[tuple[float, float]]:
    """(mass, gap of the means) of each bucket that has mass."""
    bucket = np.clip(np.searchsorted(np.linspace(0, 1, count + 1), p, side="right") - 1, 0, count - 1)
    if equal_mass:
        middle = [math.fsum(w[p < score].tolist()) + math.fsum(w[p == score].tolist()) / 2 for score in p]
        total = math.fsum(w.tolist())
        bucket = np.array([min(int(m / total * count), count - 1) if total else 0 for m in middle])
    parts = [(y[bucket == b], p[bucket == b], w[bucket == b]) for b in range(count)]
    return [(math.fsum(pw.tolist()), abs(mean(py, pw) - mean(pp, pw))) for py, pp, pw in parts if pw.any()]


def expected_calibration_error(y: Array, p: Array, w: Array, num_buckets: int = 10, equal_mass: bool = False) -> float:
    gaps = calibration_gaps(y, p, w, num_buckets, equal_mass)
    return sum(mass * gap for mass, gap in gaps) / sum(mass for mass, _ in gaps) if gaps else math.nan


def maximum_calibration_error(y: Array, p: Array, w: Array, num_buckets: int = 10, equal_mass: bool = False) -> float:
    return max((gap for _, gap in calibration_gaps(y, p, w, num_buckets, equal_mass)), default=math.nan)


def improvement(y: Array, p: Array, w: Array) -> float:
    rate = mean(y, w)
    if not 0 < rate < 1:
        return math.nan
    return 1 - binary_cross_entropy(y, p, w) / mean(-(xlogy(y, rate) + xlog1py(1 - y, -rate)), w)


def discrimination(y: Array, p: Array, w: Array, combine: Callable[[float, float], float]) -> float:
    try:
        return combine(mean(p, w * y), mean(p, w * (1 - y)))
    except ZeroDivisionError:
        return math.nan


def of_errors(score: Callable[..., float]) -> Oracle:
    return lambda y, p, w: float(score(y, p, sample_weight=w)) if w.any() else math.nan


def symmetric_percentage(y: Array, p: Array, w: Array) -> float:
    size = np.abs(y) + np.abs(p)
    return mean(np.divide(200 * np.abs(y - p), size, out=np.zeros(len(y)), where=size > 0), w)


def percentage(y: Array, p: Array, w: Array) -> float:
    some = (y != 0) & (w > 0)
    if not some.any():
        return math.nan
    return 100 * float(skm.mean_absolute_percentage_error(y[some], p[some], sample_weight=w[some]))


def squared_log(y: Array, p: Array, w: Array) -> float:
    y, p, w = y[w > 0], p[w > 0], w[w > 0]
    if not len(y) or min(y.min(), p.min()) <= -1:
        return math.nan
    return float(skm.mean_squared_log_error(y, p, sample_weight=w))


def pinball(y: Array, p: Array, w: Array, quantile: float) -> float:
    return float(skm.mean_pinball_loss(y, p, alpha=quantile, sample_weight=w)) if w.any() else math.nan


def top_classes(y: Array, p: Array, w: Array, k: int = 5) -> float:
    actual = y.argmax(axis=1) if y.ndim == 2 else y.astype(int)
    better = [sum(score > scores[c] for score in scores) for scores, c in zip(p.tolist(), actual, strict=True)]
    return mean(np.array(better) < k, w)


def class_cross_entropy(y: Array, p: Array, w: Array, label_smoothing: float = 0.0, from_logits: bool = False) -> float:
    labels = y if y.ndim == 2 else np.eye(p.shape[1])[y.astype(int)]
    labels = labels * (1 - label_smoothing) + label_smoothing / p.shape[1]
    if from_logits:
        return mean(-(labels * log_softmax(p, axis=1)).sum(axis=1), w)
    total = p.sum(axis=1, keepdims=True)
    shares = np.divide(p, total, out=np.zeros_like(p), where=total != 0)
    return mean(-xlogy(labels, np.clip(shares, EPSILON, 1 - EPSILON)).sum(axis=1), w)


def _about_means(a: Array, b: Array, w: Array) -> Fraction:
    """Σw(a − ā)(b − b̄), in exact fractions."""
    a_, b_, w_ = ([Fraction(float(v)) for v in array] for array in (a, b, w))
    total = sum(w_)
    means = [sum(x * y for x, y in zip(values, w_, strict=True)) / total for values in (a_, b_)]
    found = sum((w * (x - means[0]) * (y - means[1]) for x, y, w in zip(a_, b_, w_, strict=True)), Fraction(0))
    squares = [sum((w * x * x for x, w in zip(values, w_, strict=True)), Fraction(0)) for values in (a_, b_)]
    noise = 1e-30 * math.sqrt(squares[0] * squares[1])  # what does not differ by more does not differ
    return found if abs(found) >= noise else Fraction(0)


def r2(y: Array, p: Array, w: Array) -> float:
    if not w.any() or not (spread := _about_means(y, y, w)):
        return math.nan
    rows = ([Fraction(float(v)) for v in array] for array in (y, p, w))
    error = sum(weight * (label - score) ** 2 for label, score, weight in zip(*rows, strict=True))
    return float(1 - error / spread)


def squared_correlation(y: Array, p: Array, w: Array) -> float:
    if not w.any():
        return math.nan
    spread = _about_means(y, y, w) * _about_means(p, p, w)
    return float(_about_means(y, p, w) ** 2 / spread) if spread else math.nan


def quantile(values: Array, w: Array, share: float) -> float:
    """Definition 2 of Hyndman & Fan in exact fractions: the mean of both values where the share ends between them."""
    some = (w > 0) & ~np.isnan(values)
    if not some.any():
        return math.nan
    order = np.argsort(values[some], kind="stable")
    wanted = sum(Fraction(float(v)) for v in w[some]) * Fraction(share)
    total, reached = Fraction(0), []
    for value, weight in zip(values[some][order].tolist(), w[some][order].tolist(), strict=True):
        total += Fraction(weight)
        exactly = abs(float(total - wanted)) <= 1e-12 * float(wanted)
        if exactly or total > wanted:
            reached.append(value)
            if not exactly:
                break
    return (reached[0] + reached[-1]) / 2


def feature_mean(y: Array, x: Array, w: Array, feature_key_path: str) -> float:
    return mean(x[~np.isnan(x)], w[~np.isnan(x)])


def feature_missing(y: Array, x: Array, w: Array, feature_key_path: str) -> float:
    return mean(np.isnan(x).astype(float), w)


def of_labels(score: Callable[..., float]) -> Oracle:
    """A score of scikit-learn's for several labels."""

    def oracle(y: Array, p: Array, w: Array, threshold: float = 0.5) -> float:
        return float(score(y > 0, p > threshold, sample_weight=w)) if w.any() else math.nan

    return oracle


def spearman(y: Array, p: Array, w: Array) -> float:
    """The weighted correlation of mid-ranks, which count the mass below and half of the mass at a value."""

    def ranks(values: Array) -> Array:
        distinct, place = np.unique(values, return_inverse=True)
        mass = np.bincount(place.reshape(-1), w, len(distinct))
        return (np.cumsum(mass) - mass / 2)[place.reshape(-1)]

    some = w > 0
    if len(np.unique(y[some])) < 2 or len(np.unique(p[some])) < 2:
        return math.nan
    covariance = np.cov(ranks(y), ranks(p), aweights=w, ddof=0)
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
