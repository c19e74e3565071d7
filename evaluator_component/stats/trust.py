"""Where a normal approximation can be trusted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.special

Float64 = npt.NDArray[np.float64]

TOLERANCE = 0.2
"""A tail of a test may be wrong by this share of itself: a chance of 5 % may be one of 6 %."""

_DOUBT = 2.0
"""Standard errors of an estimated skewness that are added to it, since a small sample hides it."""


def is_normal(skewness: Float64, examples: Float64, tail: float) -> npt.NDArray[np.bool_]:
    """Whether the tail of a t test is what it claims to be, for each of many estimates.

    The chance that a studentised mean of n numbers with skewness γ is beyond its quantile z differs from what is
    claimed by |γ| (2z² + 1) φ(z) / (6√n), to first order. (Hall 1987) The skewness is an estimate as well: its standard
    error, √(6/n) for numbers that have none, is added to it twice. So small samples are not trusted whatever they look
    like, and the smaller the tail is, the larger they must be.

    Args:
        skewness: The estimated skewness of a single example's part in the estimate, float64 ``[n]``; NaN where it is
            not known, which counts as 0.
        examples: How many examples there are, float64 ``[n]``.
        tail: The chance that is claimed.
    """
    z = float(scipy.special.ndtri(1.0 - tail))
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    with np.errstate(all="ignore"):
        doubtful = np.abs(np.nan_to_num(skewness)) + _DOUBT * np.sqrt(6.0 / examples)
        error = doubtful / (6 * np.sqrt(examples)) * (2 * z * z + 1) * density
    return np.asarray(error <= TOLERANCE * tail)


def least_examples(skewness: Float64, tail: float) -> Float64:
    """From how many examples on :func:`is_normal` trusts a tail, if the skewness stays what it is; float64 ``[n]``."""
    z = float(scipy.special.ndtri(1.0 - tail))
    factor = (2 * z * z + 1) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi) / 6
    by_skewness, by_doubt = np.abs(np.nan_to_num(skewness)) * factor, _DOUBT * np.sqrt(6.0) * factor
    allowed = TOLERANCE * tail
    root = (by_skewness + np.sqrt(by_skewness**2 + 4 * allowed * by_doubt)) / (2 * allowed)
    return np.asarray(np.ceil(root**2))


def is_score_normal(skewness: Float64, examples: Float64, tail: float) -> npt.NDArray[np.bool_]:
    """Whether the tail of a score test is what it claims to be: one whose variance is that under the hypothesis.

    To first order it differs by |γ| (z² − 1) φ(z) / (6√n), γ being the skewness under the hypothesis. (Hall 1987)

    Args:
        skewness: That skewness of a single example's part, float64 ``[n]``.
        examples: How many examples there are, float64 ``[n]``.
        tail: The chance that is claimed.
    """
    z = float(scipy.special.ndtri(1.0 - tail))
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(skewness) * abs(z * z - 1) * density / (6 * np.sqrt(examples))
    return np.asarray(error <= TOLERANCE * tail)
