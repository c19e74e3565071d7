"""Intervals and tests of shares, and of the difference of two shares of the same examples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.special

Float64 = npt.NDArray[np.float64]

_HALVINGS = 60


def wilson(share: Float64, trials: Float64, tail: float) -> tuple[Float64, Float64]:
    """The limits of a share, each missed with a chance of about ``tail``. (Wilson 1927)

    Args:
        share: float64 ``[n]`` in [0, 1].
        trials: How many examples it is a share of, float64 ``[n]``; the effective number where they have weights.
        tail: The chance on each side: 0.025 for an interval of 95 %.
    """
    z = float(scipy.special.ndtri(1.0 - tail))
    square = z * z
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (share + square / (2 * trials)) / (1 + square / trials)
        reach = z / (1 + square / trials) * np.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    lower = np.where(share == 0, 0.0, middle - reach)
    upper = np.where(share == 1, 1.0, middle + reach)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def paired_statistic(gained: Float64, lost: Float64, trials: Float64, difference: Float64) -> Float64:
    """The score statistic of a difference of two shares of the same examples. (Tango 1998)

    It is standard normal if the truth is ``difference``; without one (0) it is McNemar's.

    Args:
        gained: How many examples count in the first share only, float64 ``[n]``.
        lost: How many count in the second share only.
        trials: How many examples there are.
        difference: The first share less the second under the hypothesis, in (-1, 1).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        only_lost = _lost_if(gained, lost, trials, difference)
        variance = trials * (2 * only_lost + difference * (1 - difference))
        distance = gained - lost - trials * difference
        certain = np.where(distance == 0, 0.0, np.sign(distance) * np.inf)
        return np.where(variance > 0, distance / np.sqrt(variance), certain)


def _lost_if(gained: Float64, lost: Float64, trials: Float64, difference: Float64) -> Float64:
    """The most likely chance that an example counts in the second share only, if the difference is what is said."""
    linear = -gained - lost + (2 * trials - gained + lost) * difference
    constant = -lost * difference * (1 - difference)
    root = np.sqrt(np.maximum(linear * linear - 8 * trials * constant, 0.0))
    # Of the two forms of the root of a quadratic the one that does not cancel.
    found = np.where(linear > 0, -2 * constant / (linear + root), (root - linear) / (4 * trials))
    return np.maximum(found, 0.0)


def paired_skewness(gained: Float64, lost: Float64, trials: Float64, difference: Float64) -> Float64:
    """The skewness of one example's difference (1, 0 or -1) if the mean difference is what is said.

    Arguments are as of :func:`paired_statistic`. Without a difference it is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        only_lost = np.maximum(_lost_if(gained, lost, trials, difference), np.maximum(-difference, 0.0))
        only_gained = only_lost + difference
        neither = 1.0 - only_lost - only_gained
        third = only_gained * (1 - difference) ** 3 - only_lost * (1 + difference) ** 3 - neither * difference**3
        variance = only_lost + only_gained - difference * difference
        return np.where(variance > 0, third / variance**1.5, 0.0)


def paired_limits(gained: Float64, lost: Float64, trials: Float64, tail: float) -> tuple[Float64, Float64]:
    """The limits of a difference of two shares of the same examples, each missed with a chance of about ``tail``.

    They are where :func:`paired_statistic` is just as large as the quantile of the normal distribution. (Tango 1998)
    """
    z = float(scipy.special.ndtri(1.0 - tail))
    gained, lost, trials = (np.stack([part, part]) for part in (gained, lost, trials))
    side = np.array([[-1.0], [1.0]])  # of the lower and of the upper limit
    near, far = (gained - lost) / trials, np.broadcast_to(side, gained.shape)
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        outside = side * paired_statistic(gained, lost, trials, middle) < -z
        far, near = np.where(outside, middle, far), np.where(outside, near, middle)
    return near[0], near[1]
