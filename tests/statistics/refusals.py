"""How often a one-sided test refuses a model that is just good enough: by counting, and by simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.special
import scipy.stats

from evaluator_component.stats import student
from evaluator_component.stats.proportions import paired_statistic
from evaluator_component.stats.trust import is_normal

Array = npt.NDArray[np.float64]
SLICES = 200


def among(rate: float, slices: int = SLICES) -> float:
    """The chance that at least one of so many slices is refused."""
    return float(-np.expm1(slices * np.log1p(-rate)))


def of_shares(trials: int, discordant: float, tail: float, margin: float = 0.0) -> float:
    """The chance that the paired score test refuses a share that is worse by just the margin; counted, not simulated.

    Args:
        trials: How many examples there are.
        discordant: The share of them that count in only one of the two shares.
        tail: The chance that is claimed.
        margin: By how much the share may be worse.
    """
    chance_lost = (discordant + margin) / 2
    most = int(scipy.stats.binom.isf(1e-12, trials, discordant)) + 1
    gained, lost = (part.ravel().astype(float) for part in np.mgrid[: most + 1, : most + 1])
    possible = gained + lost <= trials
    gained, lost = gained[possible], lost[possible]
    count = gained + lost
    given = chance_lost / discordant
    mass = scipy.stats.binom.pmf(count, trials, discordant) * scipy.stats.binom.pmf(lost, count, given)
    sizes, differences = np.full(len(count), float(trials)), np.full(len(count), -margin)
    with np.errstate(invalid="ignore"):
        refused = paired_statistic(gained, lost, sizes, differences) < scipy.special.ndtri(tail)
    return float(mass[refused & (gained - lost + trials * margin < 0)].sum())


@dataclass(frozen=True)
class Refusals:
    """What became of one-sided t tests.

    Attributes:
        trusted: The share of data sets that the normal approximation is trusted for.
        refused: The share that is refused, of all.
        refused_trusted: The share that is trusted and refused, of all.
    """

    trusted: float
    refused: float
    refused_trusted: float


def exponential(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Of mean 0, variance 1 and skewness 2."""
    return rng.standard_exponential(shape) - 1.0


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Of mean 0 and skewness 6.2."""
    return np.exp(rng.standard_normal(shape)) - np.exp(0.5)


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Of mean 0 and no skewness."""
    return rng.standard_normal(shape)


_NUMBERS = 1 << 22


def of_means(
    draw: Callable[[np.random.Generator, tuple[int, int]], Array],
    size: int,
    tails: tuple[float, ...],
    runs: int,
    seed: int = 1,
) -> list[Refusals]:
    """How often the t test refuses a mean that is 0, for each of several claimed chances.

    The mean of numbers with a long upper tail is refused as too low more often than is claimed.
    """
    rng = np.random.default_rng([seed, size])
    statistics, skewness = [], []
    for start in range(0, runs, max(1, _NUMBERS // size)):
        numbers = draw(rng, (min(max(1, _NUMBERS // size), runs - start), size))
        mean = numbers.mean(axis=1)
        numbers -= mean[:, None]
        squares = numbers * numbers
        variance = squares.mean(axis=1)
        skewness.append(np.einsum("ij,ij->i", squares, numbers) / size / variance**1.5)
        statistics.append(mean / np.sqrt(variance / (size - 1)))
    skew, found = np.concatenate(skewness), np.concatenate(statistics)
    chance = student.tail(found, np.full(len(found), size - 1.0))
    result = []
    for tail in tails:
        trusted = is_normal(skew, np.full(len(skew), float(size)), tail)
        refused = chance < tail
        result.append(Refusals(float(trusted.mean()), float(refused.mean()), float((trusted & refused).mean())))
    return result


LAWS = {"none": normal, "2 (exponential)": exponential, "6.2 (lognormal)": lognormal}
"""By skewness."""


def of_law(name: str, size: int, tails: tuple[float, ...], runs: int) -> list[Refusals]:
    """Tests the means of a law by its name, so that another process can."""
    return of_means(LAWS[name], size, tails, runs)
