"""The standard error of an area under the ROC curve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


def delong(wins: tuple[Float64, Float64], squares: tuple[Float64, Float64], counts: tuple[Float64, Float64]) -> Float64:
    """The standard error of areas under ROC curves of unweighted examples, float64 ``[n]``. (DeLong et al. 1988)

    Args:
        wins: The sums over the positives, and over the negatives, of the share of the others that an example is on the
            right side of (ties half), float64 ``[n]`` each.
        squares: The sums of the squares of these shares.
        counts: How many positives and negatives there are.

    Returns:
        NaN with fewer than two positives or negatives.
    """
    variance = np.zeros(len(counts[0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        for total, square, count in zip(wins, squares, counts, strict=True):
            spread = np.maximum(square - total * total / count, 0.0) / (count - 1)
            variance = variance + np.where(count > 1, spread / count, np.nan)
    return np.sqrt(variance)
