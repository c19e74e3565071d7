"""Limits from an estimate, its standard error and its degrees of freedom."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.special

Float64 = npt.NDArray[np.float64]
Scale = Literal["plain", "log", "logit", "fisher"]
_SCALES: tuple[Scale, ...] = ("log", "logit", "fisher")


def quantile(probability: float, df: Float64) -> Float64:
    """The quantile of Student's t with these degrees of freedom; of the normal distribution where they are infinite."""
    with np.errstate(invalid="ignore"):
        found: Float64 = np.where(
            np.isinf(df), scipy.special.ndtri(probability), scipy.special.stdtrit(np.maximum(df, 1e-9), probability)
        )
        return found


def tail(statistic: Float64, df: Float64) -> Float64:
    """The chance that Student's t is at most ``statistic``."""
    found: Float64 = np.where(
        np.isinf(df), scipy.special.ndtr(statistic), scipy.special.stdtr(np.maximum(df, 1e-9), statistic)
    )
    return found


def scale_of(method: str) -> Scale:
    """The scale that a method's name tells: ``"delta (log)"``."""
    for scale in _SCALES:
        if method.endswith(f"({scale})"):
            return scale
    return "plain"


def statistic(value: Float64, std_error: Float64, bound: float, scale: Scale) -> Float64:
    """How many standard errors the estimate is above a bound, on its scale where both are inside that."""
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = (value - bound) / std_error
        if scale == "log":
            moved = (np.log(value) - np.log(bound)) * value / std_error
        elif scale == "logit":
            moved = (scipy.special.logit(value) - scipy.special.logit(bound)) * value * (1 - value) / std_error
        elif scale == "fisher":
            moved = (np.arctanh(value) - np.arctanh(bound)) * (1 - value * value) / std_error
        else:
            return np.asarray(plain)
    return np.where(np.isfinite(moved), moved, plain)


def limits(value: Float64, std_error: Float64, df: Float64, chance: float, scale: Scale) -> tuple[Float64, Float64]:
    """The limits that the truth is below or above with a chance of ``chance`` each.

    Args:
        value: The estimate, float64 ``[n]``.
        std_error: Its standard error.
        df: Degrees of freedom; infinite for the normal distribution.
        chance: The chance on each side: 0.025 for an interval of 95 %.
        scale: On which scale the estimate is taken to be normal. On the log scale limits stay above 0, on the logit
            scale within (0, 1), on Fisher's within (-1, 1); an estimate on the edge of these has plain limits.
    """
    reach = quantile(1.0 - chance, df) * std_error
    lower, upper = value - reach, value + reach
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if scale == "log":
            inside = value > 0
            lower = np.where(inside, value * np.exp(-reach / value), lower)
            upper = np.where(inside, value * np.exp(reach / value), upper)
        elif scale == "logit":
            inside = (value > 0) & (value < 1)
            middle, width = scipy.special.logit(value), reach / (value * (1.0 - value))
            lower = np.where(inside, scipy.special.expit(middle - width), lower)
            upper = np.where(inside, scipy.special.expit(middle + width), upper)
        elif scale == "fisher":
            inside = np.abs(value) < 1
            middle, width = np.arctanh(value), reach / (1.0 - value * value)
            lower = np.where(inside, np.tanh(middle - width), lower)
            upper = np.where(inside, np.tanh(middle + width), upper)
    return lower, upper
