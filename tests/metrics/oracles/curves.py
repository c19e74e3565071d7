"""Independent values of metrics over all thresholds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import sklearn.metrics as skm

from tests.metrics.oracles.base import Array, Oracle, classified


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


def operating_points(y: Array, p: Array, w: Array) -> list[tuple[float, float, float, float]]:
    """tp, fp, positives, negatives of predicting nothing positive, and from each distinct score on."""
    y, p, w = classified(y, p, w)
    positives, negatives = math.fsum(w[y == 1].tolist()), math.fsum(w[y == 0].tolist())
    points = [(0.0, 0.0, positives, negatives)]
    for score in np.unique(p)[::-1]:
        tp, fp = (math.fsum(w[(p >= score) & (y == label)].tolist()) for label in (1, 0))
        points.append((tp, fp, positives, negatives))
    return points


def best_point(
    value: Callable[..., float], feasible: Callable[..., float], *, at_most: bool = False, needs_negatives: bool = True
) -> Oracle:
    """The highest value of the points whose other value is at least (at most) the bound; 0 without one."""

    def oracle(y: Array, p: Array, w: Array, **options: float) -> float:
        (bound,) = options.values()
        best = 0.0
        points = operating_points(y, p, w)
        if not points[0][2] or (needs_negatives and not points[0][3]):
            return math.nan
        for point in points:
            try:
                other, found = feasible(*point), value(*point)
            except ZeroDivisionError:  # precision of predicting nothing
                continue
            if math.isclose(other, bound, rel_tol=1e-12) or (other <= bound if at_most else other >= bound):
                best = max(best, found)
        return best

    return oracle


def recall_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return tp / positives


def specificity_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return (negatives - fp) / negatives


def precision_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return tp / (tp + fp)


def fall_out_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return fp / negatives


def average_precision(y: Array, p: Array, w: Array) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.average_precision_score(y, p, sample_weight=w)) if (y == 1).any() else math.nan


def partial_auc(y: Array, p: Array, w: Array, max_fpr: float) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.roc_auc_score(y, p, sample_weight=w, max_fpr=max_fpr)) if len(np.unique(y)) == 2 else math.nan


def kolmogorov_smirnov(y: Array, p: Array, w: Array) -> float:
    y, p, w = classified(y, p, w)
    if len(np.unique(y)) < 2:
        return math.nan
    false_positive, true_positive, _ = skm.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    return float(np.max(np.abs(true_positive - false_positive)))


def threshold_at_recall(y: Array, p: Array, w: Array, recall: float) -> float:
    """The highest score from which on the positives are at least this share of all."""
    positive = y * w
    if not positive.any():
        return math.nan
    for score in np.unique(p[(w > 0)])[::-1]:
        found = math.fsum(positive[p >= score].tolist()) / math.fsum(positive.tolist())
        if found >= recall or math.isclose(found, recall, rel_tol=1e-12):
            return float(score)
    return math.nan
