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


_RARE = 0.0075
"""Values that this share of examples have must be all but sure to be among those of a slice."""
_STEEPEST = 0.18
"""How large γz/√n may be, which Hall's transformation expands in."""
_HEAVIEST = 1.5
"""By how many γ² the excess kurtosis may be above the 1.5 γ² of gamma distributions; of the lognormal one with a
deviation of 1 it is by 1.4."""


def is_freed_of_skewness(skewness: Float64, examples: Float64, tail: float) -> npt.NDArray[np.bool_]:
    """Whether the lower tail of Hall's test of a mean (:func:`stats.skewed.tail`) is what it claims to be.

    Three things are asked for. The correction is small: γz/√n is at most 0.18. What it leaves is, too: with an
    excess kurtosis κ the chance to be beyond the quantile z is still off by z (2z² + 1) (κ − 3γ²/2) φ(z) / (6n), since
    the skewness is an estimate; κ is taken to be at most 3γ². (Hall 1992) And so many examples that a
    value that 0.75 % of them have is in all slices but a share of the tail, since what is not there corrects nothing.
    Long lower tails, of negative skewness, make low means rarer than t has it, and are no harm.

    Args:
        skewness: The estimated skewness of a single number, float64 ``[n]``; NaN is not trusted.
        examples: How many numbers there are, float64 ``[n]``.
        tail: The chance that is claimed.
    """
    steepest, fewest = _limits_of_hall(tail)
    with np.errstate(invalid="ignore"):
        return np.asarray((skewness <= steepest * np.sqrt(examples)) & (examples >= fewest))


def _limits_of_hall(tail: float) -> tuple[float, float]:
    """The largest γ/√n that is trusted, and the fewest examples."""
    z = float(scipy.special.ndtri(1.0 - tail))
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    by_kurtosis = np.sqrt(6 * TOLERANCE * tail / (_HEAVIEST * abs(z) * (2 * z * z + 1) * density)) if z else np.inf
    return min(_STEEPEST / abs(z) if z else np.inf, float(by_kurtosis)), float(np.log(tail) / np.log1p(-_RARE))


def least_examples_freed_of_skewness(skewness: Float64, tail: float) -> Float64:
    """From how many examples on :func:`is_freed_of_skewness` trusts a tail, if the skewness stays what it is."""
    steepest, fewest = _limits_of_hall(tail)
    return np.asarray(np.ceil(np.maximum((np.maximum(skewness, 0.0) / steepest) ** 2, fewest)))


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
