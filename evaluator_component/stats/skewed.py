"""One-sided tests and limits of a mean of skewed numbers, such as losses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evaluator_component.stats import student

Float64 = npt.NDArray[np.float64]


def transformed(statistic: Float64, skewness: Float64, examples: Float64) -> Float64:
    """A t statistic, freed of the skewness of the numbers that it is the mean of. (Hall 1992)

    With S = t/√n it is √n (S + γS²/3 + γ²S³/27 + γ/(6n)), a monotone function of t. Its chances differ from those of a
    normal distribution by a term in 1/n, where those of t differ by one in 1/√n.

    Args:
        statistic: The distance of a mean from its truth in standard errors, t; float64 ``[n]``.
        skewness: The estimated skewness γ of a single number.
        examples: Of how many numbers it is the mean.
    """
    root = np.sqrt(examples)
    share = statistic / root
    moved = share + skewness * share**2 / 3 + skewness**2 * share**3 / 27 + skewness / (6 * examples)
    return np.asarray(root * moved)


def restored(moved: Float64, skewness: Float64, examples: Float64) -> Float64:
    """The t statistic that :func:`transformed` makes this of: 3/γ · (∛(1 + γ(T/√n − γ/(6n))) − 1) · √n."""
    root = np.sqrt(examples)
    distance = moved / root - skewness / (6 * examples)
    cube = np.cbrt(1 + skewness * distance)
    return np.asarray(root * 3 * distance / (cube * cube + cube + 1))  # without a difference that would cancel


def tail(statistic: Float64, df: Float64, skewness: Float64, examples: Float64) -> Float64:
    """The chance of so low a mean: Hall's, or Student's where that is larger.

    Numbers with a long upper tail have low means with small standard errors, so that t is too low too often; Hall's
    transformation sees to that. Where it would call a mean less likely than t does it stands on the few largest numbers
    that there happen to be, and is not followed. The chance of so high a mean is that of the numbers' negatives.

    Args:
        statistic: The distance of a mean from its truth in standard errors, float64 ``[n]``.
        df: Degrees of freedom.
        skewness: The estimated skewness of a single number.
        examples: Of how many numbers it is the mean.
    """
    moved = transformed(statistic, skewness, examples)
    return np.maximum(student.tail(statistic, df), student.tail(moved, df))


def limits(
    value: Float64, std_error: Float64, df: Float64, skewness: Float64, examples: Float64, chance: float
) -> tuple[Float64, Float64]:
    """The limits of a mean that the truth is below or above with a chance of ``chance`` each, as :func:`tail` has it.

    So each is Hall's, or Student's where that is farther out.
    """
    reach = student.quantile(1.0 - chance, df)
    low, high = restored(-reach, skewness, examples), restored(reach, skewness, examples)
    return value - std_error * np.maximum(reach, high), value - std_error * np.minimum(-reach, low)
