"""Independent values of metrics that compare two models."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.stats
from scipy.spatial.distance import cosine
from scipy.special import xlogy
from statsmodels.stats.contingency_tables import mcnemar

from tests.metrics.oracles.base import EPSILON, Array, Oracle, mean
from tests.metrics.pass_over import other_model


def flip_rate(flipped: Callable[[Array, Array], Array]) -> Oracle:
    """The share of weight for which a function of both models' decisions holds."""

    def oracle(y: Array, p: Array, w: Array, threshold: float = 0.5) -> float:
        return mean(flipped(other_model(p) > threshold, p > threshold).astype(float), w)

    return oracle


def prediction_difference(y: Array, p: Array, w: Array) -> float:
    values = []
    for before, after in zip(other_model(p).tolist(), p.tolist(), strict=True):
        gap, total = abs(before - after), abs(before + after)
        if total == 0 and gap > 0:
            return math.nan
        values.append(0.0 if gap < 1e-7 and total < 1e-7 else 2 * gap / total)
    return mean(np.array(values), w)


def similarity(y: Array, p: Array, w: Array) -> float:
    ours, theirs = (array.reshape(len(p), -1) for array in (p, other_model(p)))
    found = [1 - cosine(a, b) for a, b in zip(ours, theirs, strict=True) if a.any() and b.any()]
    return mean(np.array(found), np.ones(len(found)))


def mcnemar_test(y: Array, p: Array, w: Array, threshold: float = 0.5) -> float:
    right = [(scores > threshold) == (y > threshold) for scores in (other_model(p), p)]
    table = [[int(((right[0] == a) & (right[1] == b)).sum()) for b in (True, False)] for a in (True, False)]
    return float(mcnemar(table, exact=True).pvalue)


def t_test(y: Array, p: Array, w: Array, loss: str = "squared_error") -> float:
    def losses(scores: Array) -> Array:
        if loss == "log_loss":
            clipped = np.clip(scores, EPSILON, 1 - EPSILON)
            return -(xlogy(y, clipped) + xlogy(1 - y, 1 - clipped))
        return np.abs(y - scores) if loss == "absolute_error" else (y - scores) ** 2

    if len(y) < 2:
        return math.nan
    ours, theirs = losses(p), losses(other_model(p))
    if np.ptp(ours - theirs) == 0:
        return math.nan
    return float(scipy.stats.ttest_rel(ours, theirs).pvalue)
