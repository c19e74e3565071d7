"""How often a one-sided test refuses a model that is just good enough: by counting, and by simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.special
import scipy.stats

from evaluator_component.stats import skewed, student
from evaluator_component.stats.proportions import paired_statistic
from evaluator_component.stats.trust import is_freed_of_skewness, is_normal
from tests.statistics.worlds import Logits

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
    """What became of one-sided tests of means.

    Attributes:
        by_t: The share of data sets that Student's t refuses.
        refused: The share that the test with skewness refuses.
        trusted: The share of data sets that this is trusted for.
        refused_trusted: The share that is trusted and refused, of all.
    """

    by_t: float
    refused: float
    trusted: float
    refused_trusted: float


def exponential(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Of mean 0, variance 1 and skewness 2."""
    return rng.standard_exponential(shape) - 1.0


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Of mean 0 and skewness 6.2."""
    return np.exp(rng.standard_normal(shape)) - np.exp(0.5)


def long_lower_tail(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """The negatives of exponential numbers."""
    return -exponential(rng, shape)


def often_far(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Normal numbers, one of a hundred 10 deviations higher; of mean 0 and skewness 3.5."""
    return rng.standard_normal(shape) + 10.0 * (rng.random(shape) < 0.01) - 0.1


def often_large(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Exponential numbers, one of a hundred 10 times as large; of mean 0 and skewness 12."""
    return rng.standard_exponential(shape) * np.where(rng.random(shape) < 0.01, 10.0, 1.0) - 1.09


_MODELS = Logits(-0.5, 1.5, 0.7)
"""Those of the world of paired changes."""
_TRUE_CHANGE = _MODELS.cross_entropy(_MODELS.noise) - _MODELS.cross_entropy(0.0)


def change_of_losses(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """By how much the cross-entropy of a model is above that of a better one, example by example; the mean taken off.

    Of skewness 1.0.
    """
    labels, better, worse = _MODELS.draw(rng, shape[0] * shape[1])
    assert worse is not None
    change = np.log(np.where(labels > 0, better, 1 - better) / np.where(labels > 0, worse, 1 - worse))
    return np.asarray(change.reshape(shape) - _TRUE_CHANGE)


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
    """How often a mean that is 0 is refused as too low, for each of several claimed chances.

    By Student's t the mean of numbers with a long upper tail is more often than is claimed.
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
    df, examples = np.full(len(found), size - 1.0), np.full(len(found), float(size))
    by_t, chance = student.tail(found, df), skewed.tail(found, df, skew, examples)
    result = []
    for tail in tails:
        trusted = is_normal(skew, examples, tail) | is_freed_of_skewness(skew, examples, tail)
        both = trusted & (chance < tail)
        shares = (by_t < tail).mean(), (chance < tail).mean(), trusted.mean(), both.mean()
        result.append(Refusals(*map(float, shares)))
    return result


LAWS = {
    "none": normal,
    "2 (exponential)": exponential,
    "−2 (its negative)": long_lower_tail,
    "6.2 (lognormal)": lognormal,
    "3.5 (1 % far off)": often_far,
    "12 (1 % ten times as large)": often_large,
    "1.0 (change of a loss)": change_of_losses,
}
"""By skewness."""


def of_law(name: str, size: int, tails: tuple[float, ...], runs: int) -> list[Refusals]:
    """Tests the means of a law by its name, so that another process can."""
    return of_means(LAWS[name], size, tails, runs)
