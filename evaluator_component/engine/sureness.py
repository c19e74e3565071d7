"""From the columns of results to what the metric table says of how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.special

from evaluator_component.engine import estimates, methods
from evaluator_component.engine.columns import Column
from evaluator_component.engine.estimates import Estimate
from evaluator_component.engine.moments import Moments
from evaluator_component.engine.plan import Plan, PlannedMetric
from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import Metric
from evaluator_component.metrics.over_classes import OneClass
from evaluator_component.metrics.quantiles import QuantileOf
from evaluator_component.metrics.terms import LabelMass
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.undefined import divide
from evaluator_component.metrics.view import Float64
from evaluator_component.results.tables import EXACT
from evaluator_component.stats.areas import delong

OF_VALUE = ("std_error", "lower", "upper", "interval_method", "effective_n", "df", "skewness")
OF_CHANGE = (
    "change_std_error",
    "change_lower",
    "change_upper",
    "change_interval_method",
    "change_df",
    "change_skewness",
    "trials",
    "gained",
    "lost",
    "p_value",
)


def of_histogram(planned: PlannedMetric, plan: Plan, totals: Totals, classes: int) -> list[tuple[Float64, ...]]:
    """What some slices' histograms say of how sure a metric is: standard errors of areas, or limits of quantiles.

    Args:
        planned: The metric.
        plan: The plan.
        totals: Its totals.
        classes: How many parts of a slice these tell apart.
    """
    found = _of_histogram(planned, plan, totals)
    if isinstance(planned.of_classes, OneClass):
        own = slice(planned.of_classes.position, None, classes)
        return [tuple(part[own] for part in parts) for parts in found]
    return found


def _of_histogram(planned: PlannedMetric, plan: Plan, totals: Totals) -> list[tuple[Float64, ...]]:
    made, metric = plan.made.get(planned), planned.metric
    if made is None or plan.intervals is None or not isinstance(metric, Metric):
        return []
    if made.value == methods.DELONG:
        return [_delong(totals)]
    if made.value == methods.ORDER:
        assert isinstance(metric.result, QuantileOf)
        histogram = totals.histogram(metric.keyed[0])
        examples = histogram.by_slice(histogram.columns[0])
        return [(*metric.result.limits(totals, examples, _z(plan)), examples)]
    return []


def _delong(totals: Totals) -> tuple[Float64, Float64, Float64]:
    """The standard error of the area under the ROC curve, the number of examples, and to how many balanced it amounts.

    An area is as sure as the smaller class lets it be: a positives and b negatives are worth 4ab / (a + b) examples.
    """
    histogram = totals.histogram(ScoreHistogram())
    positives, negatives = histogram.columns
    counts = totals[LabelMass()]
    others_below = divide(histogram.below[1] + negatives / 2, counts[1][histogram.slices])
    others_above = divide(histogram.above[0] + positives / 2, counts[0][histogram.slices])
    ranked = ((positives, np.nan_to_num(others_below)), (negatives, np.nan_to_num(others_above)))
    wins = tuple(histogram.by_slice(mass * share) for mass, share in ranked)
    squares = tuple(histogram.by_slice(mass * share * share) for mass, share in ranked)
    error = delong((wins[0], wins[1]), (squares[0], squares[1]), (counts[0], counts[1]))
    together = counts[0] + counts[1]
    return error, together, divide(4 * counts[0] * counts[1], together)


def of_value(column: Column, plan: Plan, moments: Moments, parts: Sequence[Float64]) -> Estimate | None:
    """How sure the values of a column are; ``parts`` is what :func:`of_histogram` found, over all slices."""
    made, value = column.made, column.values.value
    if made is None:
        return None
    chance, method = _chance(plan), made.value
    if method == EXACT:
        return estimates.exact(value)
    with np.errstate(all="ignore"):
        if method == methods.DELONG:
            if len(parts) and bool((parts[1] <= column.examples).all()):
                return estimates.of_normal(column.planned, value, parts[0], parts[2], chance)
            method = methods.JACKKNIFE  # of several classes in one pool: an example counts several times
        if method in methods.RESAMPLING:
            if column.resampled is None:
                return None
            replicates, sizes = column.resampled.values, column.resampled.sizes
            scale = "plain" if column.of_pairs else estimates.scale_of(column.planned)
            return estimates.by_replicates(value, replicates, sizes, method, scale, chance)
        if made.value == methods.ORDER:
            return estimates.of_limits(value, parts[0], parts[1], parts[2], chance)
        if column.slope is None:
            return None
        return estimates.by_moments(column.planned, value, column.slope, moments, column.examples, made.value, chance)


def of_change(column: Column, baseline: Column, change: Float64, plan: Plan, moments: Moments) -> Estimate | None:
    """How sure the changes from the baseline's column are."""
    made = column.made
    if made is None or not made.change:
        return None
    chance = _chance(plan)
    if made.change == EXACT:
        return estimates.exact(change)
    with np.errstate(all="ignore"):
        if made.change in methods.RESAMPLING:
            if column.resampled is None or baseline.resampled is None:
                return None
            replicates = column.resampled.values, baseline.resampled.values
            same = column.resampled.mark == baseline.resampled.mark
            sizes = column.resampled.sizes
            return estimates.change_by_replicates(change, replicates, sizes, same, made.change, chance)
        if column.slope is None or baseline.slope is None:
            return None
        values, slopes = (column.values.value, baseline.values.value), (column.slope, baseline.slope)
        return estimates.change_by_moments(
            column.planned, values, slopes, moments, column.examples, made.change, chance
        )


def value_columns(estimate: Estimate | None) -> dict[str, Any]:
    """The columns of the metric table that tell how sure a value is."""
    if estimate is None:
        return {}
    parts = (
        estimate.std_error,
        estimate.lower,
        estimate.upper,
        estimate.method,
        estimate.effective_n,
        estimate.df,
        estimate.skewness,
    )
    return _nullable(OF_VALUE, parts, estimate)


def change_columns(estimate: Estimate | None) -> dict[str, Any]:
    """The columns of the metric table that tell how sure a change is."""
    if estimate is None:
        return {}
    blank = np.full(len(estimate.std_error), np.nan)
    further = (estimate.trials, estimate.gained, estimate.lost, estimate.p_value)
    parts = (
        estimate.std_error,
        estimate.lower,
        estimate.upper,
        estimate.method,
        estimate.df,
        estimate.skewness,
        *(part if len(part) else blank for part in further),
    )
    return _nullable(OF_CHANGE, parts, estimate)


def _nullable(names: Sequence[str], parts: Sequence[Any], estimate: Estimate) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, part in zip(names, parts, strict=True):
        if part.dtype == object:
            columns[name] = pa.array(part, pa.string())
        else:
            columns[name] = pa.array(part, mask=np.isnan(part) | np.isnan(estimate.std_error))
    return columns


def _chance(plan: Plan) -> float:
    assert plan.intervals is not None
    return (1.0 - plan.intervals.level) / 2


def _z(plan: Plan) -> float:
    return float(scipy.special.ndtri(1.0 - _chance(plan)))
