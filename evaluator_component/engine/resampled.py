"""The metrics of a view without, or with other weights of, the groups of examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evaluator_component.engine.accumulate import State
from evaluator_component.engine.columns import Rate, Resampled, pick_classes, rates_of
from evaluator_component.engine.comparing import compare_slices, compared_slices
from evaluator_component.engine.methods import BOOTSTRAP, differing
from evaluator_component.engine.moments import Moments
from evaluator_component.engine.plan import Plan, PlannedMetric
from evaluator_component.engine.replicates import Replicates, draws, leave_one_out
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.metric import Across, Metric
from evaluator_component.metrics.over_classes import MeanOverClasses
from evaluator_component.metrics.view import Float64
from evaluator_component.slicing.names import OVERALL


def resample(plan: Plan, state: State, view: ViewKey, moments: Moments) -> dict[PlannedMetric, Resampled]:
    """Computes the metrics of a view that are made by resampling.

    Args:
        plan: The plan.
        state: The sums of a split.
        view: The view.
        moments: Tells on how many examples the models differ.
    """
    own = (p for p in plan.metrics if p.view == view and p in plan.made and plan.made[p].grouped)
    wanted = [(p, p.metric) for p in own if isinstance(p.metric, Metric)]
    if not wanted or plan.intervals is None or not len(state.names):
        return {}
    bootstrapped = plan.made[wanted[0][0]].value == BOOTSTRAP
    groups = plan.intervals.groups
    weights = draws(plan.intervals.replicates, groups) if bootstrapped else leave_one_out(groups)
    source = Replicates(plan, state, view, weights)
    values = _values(source, wanted, (len(state.names), len(weights)), bootstrapped)
    differ = differing(plan.made, plan.partners)
    found = {}
    for p, metric in wanted:
        mark = source.fingerprint(metric)
        if p in differ:
            there = moments.total(p, (*differ[p], 0)) > 0
            mark = np.where(there, ~mark, mark)  # sums by group can be the same of models that are not
        rates = [values[p, rate] for rate in rates_of(metric)]
        found[p] = Resampled(rates[0], source.sizes, mark)
        if metric.across is not None:
            names = state.names.to_pylist()
            found[p] = _compare(metric.across, names, rates, source.sizes, mark, plan.min_slice_size)
    return found


def _values(
    source: Replicates, wanted: Sequence[tuple[PlannedMetric, Metric]], shape: tuple[int, int], bootstrapped: bool
) -> dict[tuple[PlannedMetric, Rate], Float64]:
    """Each rate of each metric, float64 ``[slices, 1 + replicates]``."""
    rates = [(p, rate) for p, metric in wanted for rate in rates_of(metric)]
    values = {key: np.full(shape, np.nan) for key in rates}
    with np.errstate(all="ignore"):
        quick = [(p, metric.result) for p, metric in wanted if not bootstrapped and _is_quick(p, metric)]
        without = source.without([p for p, _ in quick])
        values |= {(p, rate): without[p] for p, rate in quick}
        rates = [key for key in rates if key not in quick]
        slow = {p for p, _ in rates}
        keyed = {terms for p, metric in wanted if p in slow for terms in metric.keyed}
        for slices, totals in source.parts(keyed) if rates else ():
            for p, rate in rates:
                picked, _ = pick_classes(p, rate(totals).resolve(), totals, source.classes)
                values[p, rate][slices] = np.asarray(picked.value).reshape(len(slices), -1)
    return values


def _is_quick(planned: PlannedMetric, metric: Metric) -> bool:
    """Whether a metric has a way of its own to be computed without a group."""
    return metric.without is not None and not isinstance(planned.of_classes, MeanOverClasses)


def _compare(
    across: Across,
    names: list[str],
    rates: list[Float64],
    sizes: Float64,
    mark: npt.NDArray[np.uint64],
    least: int,
) -> Resampled:
    """The comparison of slices in each replicate, on the row of the overall slice."""
    members = compared_slices(across, names, sizes.sum(axis=1), least)
    replicates = range(rates[0].shape[1])
    compared = [compare_slices([rate[:, r] for rate in rates], members, names, across)[0] for r in replicates]
    overall = np.flatnonzero([name == OVERALL for name in names])
    return Resampled(np.tile(compared, (len(overall), 1)), sizes[overall], mark[overall])
