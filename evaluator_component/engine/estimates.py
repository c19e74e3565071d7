"""How sure the value and the change of a metric are, over all slices at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.special

from evaluator_component.engine import methods
from evaluator_component.engine.layout import ColumnKey
from evaluator_component.engine.moments import Moments, Slope
from evaluator_component.engine.plan import PlannedMetric
from evaluator_component.metrics.metric import Metric
from evaluator_component.metrics.view import Float64
from evaluator_component.results.tables import EXACT, IDENTICAL, OF_MEAN, PAIRED_SCORE, WILSON
from evaluator_component.stats import proportions, resampling, student
from evaluator_component.stats.student import Scale


def _named(where: npt.NDArray[np.bool_], text: str) -> npt.NDArray[np.object_]:
    names = np.full(len(where), None, object)
    names[where] = text
    return names


def _unknown() -> Float64:
    return np.zeros(0)


@dataclass(frozen=True)
class Estimate:
    """The uncertainty of a value or of a change; float64 ``[slices]`` each, NaN where unknown.

    Attributes:
        method: How it was found out, by slice; None where it was not.
        std_error: The standard error.
        lower: Lower limit of the two-sided interval.
        upper: Upper limit.
        effective_n: To how many examples of equal weight the examples amount.
        df: Degrees of freedom of the standard error; infinite where it is that of a normal distribution.
        skewness: The skewness of a single example's part in the estimate.
        trials: How many examples a share, and the other model's, are shares of; of changes of shares.
        gained: How many of these count in the candidate's share only.
        lost: How many count in the baseline's only.
        p_value: Two-sided, of there being no change.
    """

    method: npt.NDArray[np.object_]
    std_error: Float64
    lower: Float64
    upper: Float64
    effective_n: Float64
    df: Float64
    skewness: Float64
    trials: Float64 = field(default_factory=_unknown)
    gained: Float64 = field(default_factory=_unknown)
    lost: Float64 = field(default_factory=_unknown)
    p_value: Float64 = field(default_factory=_unknown)


def exact(value: Float64) -> Estimate:
    """Of what is no estimate."""
    known = ~np.isnan(value)
    zero, blank = np.where(known, 0.0, np.nan), np.full(len(value), np.nan)
    return Estimate(_named(known, EXACT), zero, value, value, blank, np.where(known, np.inf, np.nan), blank)


def by_moments(
    planned: PlannedMetric,
    value: Float64,
    slope: Slope,
    moments: Moments,
    examples: Float64,
    method: str,
    chance: float,
) -> Estimate:
    """By the delta method; a share's limits are Wilson's, for as many examples as its variance amounts to."""
    weights = list(zip(slope.columns, slope.value, strict=True))
    variance = moments.variance(planned, weights, examples)
    effective = _effective(planned, moments, examples)
    skewness = moments.skewness(planned, weights, examples)
    std_error = np.where(np.isnan(value), np.nan, np.sqrt(variance))
    if method == WILSON:
        trials = _trials(planned, value, slope, moments, weights)
        lower, upper = proportions.wilson(value, trials, chance)
        std_error = np.where(np.isnan(value), np.nan, np.sqrt(value * (1 - value) / trials))
        named = _named(~np.isnan(lower), WILSON)
        return Estimate(named, std_error, lower, upper, trials, np.full(len(value), np.inf), skewness)
    df = np.maximum(effective - 1.0, 0.0)
    scale = scale_of(planned)
    found = _with_limits(value, std_error, df, effective, skewness, methods.DELTA, scale, chance)
    if scale == "plain":
        _name_means(found, _is_mean(planned, slope, moments, examples))
    return found


def scale_of(planned: PlannedMetric) -> Scale:
    """The scale on which a metric's limits are symmetric."""
    assert isinstance(planned.metric, Metric)
    return planned.metric.scale


def by_replicates(
    value: Float64, replicates: Float64, sizes: Float64, method: str, scale: Scale, chance: float
) -> Estimate:
    """From values without, or with other weights of, groups of examples: float64 ``[slices, 1 + replicates]``."""
    if method == methods.BOOTSTRAP:
        std_error, df = resampling.bootstrap(replicates[:, 1:]), np.maximum((sizes > 0).sum(axis=1) - 1.0, 0.0)
    else:
        std_error, df = resampling.jackknife(replicates[:, 0], replicates[:, 1:], sizes)
    std_error = np.where(np.isnan(value), np.nan, std_error)
    unknown = np.full(len(value), np.nan)
    return _with_limits(value, std_error, df, unknown, unknown, method, scale, chance)


def of_limits(value: Float64, lower: Float64, upper: Float64, effective: Float64, chance: float) -> Estimate:
    """From limits that are order statistics."""
    z = float(scipy.special.ndtri(1 - chance))
    known = ~(np.isnan(value) | np.isnan(lower) | np.isnan(upper))
    unknown = np.full(len(value), np.nan)
    return Estimate(
        _named(known, methods.ORDER),
        np.where(known, (upper - lower) / (2 * z), np.nan),
        lower,
        upper,
        effective,
        np.full(len(value), np.inf),
        unknown,
    )


def of_normal(planned: PlannedMetric, value: Float64, std_error: Float64, examples: Float64, chance: float) -> Estimate:
    """From a standard error that is that of a normal distribution."""
    unknown = np.full(len(value), np.nan)
    df = np.full(len(value), np.inf)
    return _with_limits(value, std_error, df, examples, unknown, methods.DELONG, scale_of(planned), chance)


def _with_limits(
    value: Float64,
    std_error: Float64,
    df: Float64,
    effective: Float64,
    skewness: Float64,
    method: str,
    scale: Scale,
    chance: float,
) -> Estimate:
    lower, upper = student.limits(value, std_error, df, chance, scale)
    known = ~(np.isnan(lower) | np.isnan(upper)) & (std_error > 0)
    named = _named(known, method if scale == "plain" else f"{method} ({scale})")
    lower, upper = np.where(known, lower, np.nan), np.where(known, upper, np.nan)
    return Estimate(named, std_error, lower, upper, effective, df, skewness)


def _effective(planned: PlannedMetric, moments: Moments, examples: Float64) -> Float64:
    """(Σw)² / Σw²: to how many examples of equal weight the examples amount. (Kish 1965)"""
    if not planned.view.weighted:
        return examples
    weight = methods.weight_of(planned)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = moments.total(planned, weight)
        return total * total / moments.total(planned, weight, weight)


def _trials(
    planned: PlannedMetric,
    value: Float64,
    slope: Slope,
    moments: Moments,
    weights: Sequence[tuple[ColumnKey, Float64]],
) -> Float64:
    """Of how many independent examples of equal weight a share of this variance would be."""
    with np.errstate(divide="ignore", invalid="ignore"):
        trials = value * (1 - value) / moments.square(planned, weights)
        edge = (value <= 0) | (value >= 1)
        if slope.share is not None and edge.any():
            square = moments.square(planned, list(zip(slope.columns, slope.share[1], strict=True)))
            trials = np.where(edge, slope.denominator**2 / square, trials)
        return np.where(np.isfinite(trials) & (trials > 0), trials, np.nan)


def change_by_moments(
    planned: PlannedMetric,
    values: tuple[Float64, Float64],
    slopes: tuple[Slope, Slope],
    moments: Moments,
    examples: Float64,
    method: str,
    chance: float,
) -> Estimate:
    """The change from the baseline's value on the same examples.

    Args:
        planned: The candidate's metric.
        values: The candidate's and the baseline's values.
        slopes: How both change with their columns.
        moments: The products of columns.
        examples: How many examples there are.
        method: "wilson" for shares: where both are shares of the same examples, the limits are those of the score test.
        chance: The chance on each side of an interval.
    """
    change = values[0] - values[1]
    joint: dict[ColumnKey, Float64] = {}
    for sign, slope in zip((1.0, -1.0), slopes, strict=True):
        for column, own in zip(slope.columns, slope.value, strict=True):
            joint[column] = joint.get(column, np.zeros(len(change))) + sign * own
    weights = list(joint.items())
    std_error = np.where(np.isnan(change), np.nan, np.sqrt(moments.variance(planned, weights, examples)))
    effective = _effective(planned, moments, examples)
    df = np.maximum(effective - 1.0, 0.0)
    lower, upper = student.limits(change, std_error, df, chance, "plain")
    p_value = two_sided(change, std_error, df)
    known = (std_error > 0) & ~np.isnan(lower)
    named = _named(known, "paired delta")
    lower, upper, p_value = (np.where(known, part, np.nan) for part in (lower, upper, p_value))
    blank = np.full(len(change), np.nan)
    trials, gained, lost = blank, blank, blank
    if method == WILSON and slopes[0].share is not None and slopes[1].share is not None:
        trials, gained, lost = _discordant(planned, slopes, moments)
        there = trials > 0
        scored = proportions.paired_limits(gained, lost, np.where(there, trials, 1.0), chance)
        lower, upper = (np.where(there, a, b) for a, b in zip(scored, (lower, upper), strict=True))
        statistic = proportions.paired_statistic(gained, lost, np.where(there, trials, 1.0), np.zeros(len(change)))
        score_p = np.where(gained == lost, 1.0, 2 * scipy.special.ndtr(-np.abs(statistic)))
        p_value = np.where(there, score_p, p_value)
        named[there] = PAIRED_SCORE
    same = _agree(planned, slopes, moments) & ~np.isnan(change)
    skewness = moments.skewness(planned, weights, examples)
    found = Estimate(named, std_error, lower, upper, effective, df, skewness, trials, gained, lost, p_value)
    means = [_is_mean(planned, slope, moments, examples) for slope in slopes]
    _name_means(found, means[0] & means[1] & ~(trials > 0))
    return _where_same(found, same)


def _is_mean(planned: PlannedMetric, slope: Slope, moments: Moments, examples: Float64) -> npt.NDArray[np.bool_]:
    """Where a metric is the mean of one number of each example: a quotient by a total to which each adds just 1."""
    if slope.share is None or planned.view.weighted:
        return np.zeros(len(examples), bool)
    ones = np.isclose(slope.denominator, examples, rtol=1e-9)
    squares = moments.square(planned, list(zip(slope.columns, slope.share[1], strict=True)))
    return np.asarray(ones & np.isclose(squares, examples, rtol=1e-6) & (examples > 0))


def _name_means(found: Estimate, means: npt.NDArray[np.bool_]) -> None:
    """Marks the methods of means, of which the gate makes more, where the skewness of their numbers is known."""
    for i in np.flatnonzero(means & ~np.isnan(found.skewness)):
        if found.method[i] is not None:
            found.method[i] += OF_MEAN


def _where_same(estimate: Estimate, same: npt.NDArray[np.bool_]) -> Estimate:
    """Where the models agree on every example, the change is 0 and nothing about it is uncertain."""

    def settled(part: Float64, number: float) -> Float64:
        return np.where(same, number, part)

    return Estimate(
        np.where(same, np.array(IDENTICAL, object), estimate.method),
        settled(estimate.std_error, 0.0),
        settled(estimate.lower, 0.0),
        settled(estimate.upper, 0.0),
        estimate.effective_n,
        estimate.df,
        estimate.skewness,
        estimate.trials,
        estimate.gained,
        estimate.lost,
        settled(estimate.p_value, 1.0),
    )


def _discordant(
    planned: PlannedMetric, slopes: tuple[Slope, Slope], moments: Moments
) -> tuple[Float64, Float64, Float64]:
    """Of two shares of the same unweighted examples: how many these are, and how many count in one share only.

    NaN where the examples have weights, or are not the same.
    """
    count = len(slopes[0].denominator)
    (own_top, own_bottom), (its_top, its_bottom) = (
        [list(zip(slope.columns, part, strict=True)) for part in slope.share or ()] for slope in slopes
    )
    trials, others = (slope.denominator for slope in slopes)
    squares = moments.square(planned, own_bottom), moments.square(planned, its_bottom)
    both = moments.product(planned, own_bottom, its_bottom)
    top_squares = moments.square(planned, own_top), moments.square(planned, its_top)
    tops = [np.sum([w * moments.total(planned, c) for c, w in top], axis=0) for top in (own_top, its_top)]
    joint = moments.product(planned, own_top, its_top)
    whole = np.isclose(trials, others, rtol=1e-9) & (trials > 0)
    for one in (*squares, both):
        whole &= np.isclose(one, trials, rtol=1e-6)
    for square, total in zip(top_squares, tops, strict=True):
        whole &= np.isclose(square, total, rtol=1e-6, atol=1e-6)
    gained, lost = (np.maximum(np.rint(total - joint), 0.0) for total in tops)
    blank = np.full(count, np.nan)
    return np.where(whole, np.rint(trials), blank), np.where(whole, gained, blank), np.where(whole, lost, blank)


def _agree(planned: PlannedMetric, slopes: tuple[Slope, Slope], moments: Moments) -> npt.NDArray[np.bool_]:
    """Whether each column is the same for candidate and baseline on every example."""
    same = np.ones(len(slopes[0].denominator), bool)
    for left, right in zip(slopes[0].columns, slopes[1].columns, strict=True):
        if left != right:
            own, its = moments.total(planned, left, left), moments.total(planned, right, right)
            both = moments.total(planned, left, right)
            same &= (own == both) & (its == both)
    return same


def change_by_replicates(
    change: Float64,
    replicates: tuple[Float64, Float64],
    sizes: Float64,
    same: npt.NDArray[np.bool_],
    method: str,
    chance: float,
) -> Estimate:
    """The change from replicates of the candidate's and the baseline's values with the same groups."""
    difference = replicates[0] - replicates[1]
    if method == methods.BOOTSTRAP:
        std_error, df = resampling.bootstrap(difference[:, 1:]), np.maximum((sizes > 0).sum(axis=1) - 1.0, 0.0)
    else:
        std_error, df = resampling.jackknife(difference[:, 0], difference[:, 1:], sizes)
    std_error = np.where(np.isnan(change), np.nan, std_error)
    lower, upper = student.limits(change, std_error, df, chance, "plain")
    known = std_error > 0
    blank = np.full(len(change), np.nan)
    estimate = Estimate(
        _named(known, f"paired {method}" if method == methods.JACKKNIFE else method),
        std_error,
        np.where(known, lower, np.nan),
        np.where(known, upper, np.nan),
        blank,
        df,
        blank,
        blank,
        blank,
        blank,
        np.where(known, two_sided(change, std_error, df), np.nan),
    )
    return _where_same(estimate, same & ~np.isnan(change))


def two_sided(change: Float64, std_error: Float64, df: Float64) -> Float64:
    """The p-value of there being no change."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * student.tail(-np.abs(change / std_error), df)
