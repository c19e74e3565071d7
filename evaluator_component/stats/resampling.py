"""Standard errors from values that are computed again without, or with other weights of, groups of examples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

_ROUNDING = 1e-13
"""Values that differ by less than this share of themselves are the same."""


def jackknife(values: Float64, replicates: Float64, sizes: Float64) -> tuple[Float64, Float64]:
    """The standard error of values by leaving out one group at a time, groups of unequal size. (Busing et al. 1999)

    Args:
        values: float64 ``[n]``: each value of all groups together.
        replicates: float64 ``[n, groups]``: the value without each group.
        sizes: float64 ``[n, groups]``: how much there is of each group; 0 for a group that is empty, and left out.

    Returns:
        The standard errors, and their degrees of freedom: groups that are not empty, less 1. NaN and 0 for fewer than
        two groups, and NaN where the value without a group is undefined.
    """
    there = sizes > 0
    groups = there.sum(axis=1)
    total = sizes.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(there, total / sizes, 2.0)
        # All relative to the value: where no group moves it the error is 0, not what rounding leaves.
        moves = np.where(there, replicates - values[:, None], 0.0)
        moves = np.where(np.abs(moves) <= _ROUNDING * np.abs(values[:, None]), 0.0, moves)
        estimate = -np.sum((1 - 1 / share) * moves, axis=1)
        pseudo = -(share - 1) * moves
        spread = np.where(there, (pseudo - estimate[:, None]) ** 2 / (share - 1), 0.0)
        variance = spread.sum(axis=1) / groups
    return np.where(groups > 1, np.sqrt(variance), np.nan), np.maximum(groups - 1.0, 0.0)


def poisson_weights(replicates: int, groups: int) -> Float64:
    """How often each group is drawn, float64 ``[replicates, groups]``; always the same. (Hanley & MacGibbon 2006)"""
    return np.random.Generator(np.random.PCG64(20_060_401)).poisson(1.0, (replicates, groups)).astype(np.float64)


def bootstrap(replicates: Float64) -> Float64:
    """The standard deviation over replicates, float64 ``[n]`` of ``[n, replicates]``; undefined ones are left out.

    NaN where fewer than half of them are defined.
    """
    defined = np.isfinite(replicates)
    count = defined.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(defined, replicates, 0.0).sum(axis=1) / count
        square = np.where(defined, (replicates - mean[:, None]) ** 2, 0.0).sum(axis=1)
        return np.where(2 * count >= replicates.shape[1], np.sqrt(square / (count - 1)), np.nan)
