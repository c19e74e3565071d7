"""p-values of many tests, corrected for there being many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.stats

Float64 = npt.NDArray[np.float64]


def holm(p_values: Float64) -> Float64:
    """Corrected p-values that keep the chance of any false refusal. (Holm 1979)"""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    corrected = np.maximum.accumulate(p_values[order] * np.arange(count, 0, -1))
    result = np.empty(count)
    result[order] = np.minimum(corrected, 1.0)
    return result


def benjamini_hochberg(p_values: Float64) -> Float64:
    """Corrected p-values that keep the expected share of false refusals among all. (Benjamini & Hochberg 1995)"""
    if not len(p_values):
        return p_values
    return np.asarray(scipy.stats.false_discovery_control(p_values, method="bh"), np.float64)
