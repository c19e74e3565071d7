"""Totals → the metric table and the plots table: pure functions over all slices at once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.engine.accumulate import State, merge, settle
from evaluator_component.engine.columns import Column, Rate, over_outputs, pick_classes, rates_of
from evaluator_component.engine.comparing import compare_slices, compared_slices
from evaluator_component.engine.moments import Moments, slope
from evaluator_component.engine.pairing import find_pairs, of_pairs
from evaluator_component.engine.plan import Plan, PlannedMetric, identity
from evaluator_component.engine.resampled import resample
from evaluator_component.engine.sureness import (
    OF_CHANGE,
    OF_VALUE,
    change_columns,
    of_change,
    of_histogram,
    of_value,
    value_columns,
)
from evaluator_component.engine.view_totals import ViewTotals
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.metric import Across, Metric, Plot, Values
from evaluator_component.metrics.over_classes import MeanOverClasses, Notes, OneClass
from evaluator_component.metrics.terms import Examples, Unusable, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64
from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL

Int32 = npt.NDArray[np.int32]

_PRIVATE = frozenset(
    (
        "n",
        "weighted_n",
        "bracket_lower",
        "bracket_upper",
        "baseline_value",
        "change",
        "change_bracket_lower",
        "change_bracket_upper",
        *OF_VALUE,
        *OF_CHANGE,
    )
)


def finalise(plan: Plan, states: Mapping[str, State]) -> tuple[pa.Table, pa.Table]:
    """Computes every metric and plot.

    Args:
        plan: What was planned.
        states: The sums of each split.

    Returns:
        The metric table and the plots table; with several splits also the rows of all of them merged.
    """
    parts = {split: settle(plan, state) for split, state in states.items()}
    if len(parts) > 1:
        parts[tables.ALL_SPLITS] = merge(plan, parts.values())
    done = [_Split(plan, split, state) for split, state in parts.items()]
    metrics = [table for split in done for table in split.metric_tables()]
    plots = [table for split in done for table in split.plot_tables]
    return (
        pa.concat_tables(metrics) if metrics else tables.METRICS_SCHEMA.empty_table(),
        pa.concat_tables(plots) if plots else tables.PLOTS_SCHEMA.empty_table(),
    )


class _Split:
    """The tables of one split."""

    def __init__(self, plan: Plan, split: str, state: State):
        self._plan = plan
        self._split = split
        self._moments = Moments(plan, state)
        self._names = state.names
        self._count = len(state.names)
        self._pairs = find_pairs(plan.pairs, state.names.to_pylist()) if plan.pairs else None
        columns: dict[PlannedMetric, Column] = {}
        self.plot_tables: list[pa.Table] = []
        with ThreadPoolExecutor() as pool:
            views = dict.fromkeys(planned.view for planned in plan.metrics)
            for found, plots in pool.map(lambda view: self._results(state, view), views):
                columns |= found
                self.plot_tables += plots
        self._columns = [columns[planned] for planned in plan.metrics if planned in columns]
        self._columns += [self._estimated_again(column) for column in over_outputs(self._columns)]

    def _estimated_again(self, column: Column) -> Column:
        """A column that was made of others, with how sure it is."""
        return replace(column, estimate=of_value(column, self._plan, self._moments, []))

    def _results(self, state: State, view: ViewKey) -> tuple[dict[PlannedMetric, Column], list[pa.Table]]:
        """The metrics and plots of one view."""
        planned = [planned for planned in self._plan.metrics if planned.view == view]
        metrics = [(p, p.metric) for p in planned if isinstance(p.metric, Metric)]
        parts: dict[tuple[PlannedMetric, Rate], list[Column]] = {
            (p, rate): [] for p, m in metrics for rate in rates_of(m)
        }
        keyed = {terms for _, metric in metrics for terms in metric.keyed}
        totals = ViewTotals(self._plan, state, view)
        examples = totals if view == view.undivided else ViewTotals(self._plan, state, view.undivided)
        limits: dict[PlannedMetric, list[tuple[Float64, ...]]] = {p: [] for p, _ in metrics}
        for start, stop in totals.ranges(keyed) if metrics else ():
            part, plain = totals.part(keyed, start, stop), examples.part(set(), start, stop)
            computed: dict[Rate, Values] = {}
            for p, rate in parts:
                if rate not in computed:
                    computed[rate] = rate(part).resolve()
                parts[p, rate].append(_column(p, pick_classes(p, computed[rate], part, totals.classes), plain))
            for p, _ in metrics:
                limits[p] += of_histogram(p, self._plan, part, totals.classes)
        plots: list[pa.Table] = []
        for p in planned:
            if isinstance(p.metric, Plot) and self._count:
                wanted = self._plot_slices(examples.part(set(), 0, self._count)[Examples()][0])
                if len(wanted):
                    part = totals.part(set(p.metric.keyed), 0, self._count)
                    plots.append(self._plot(p, p.metric, part, wanted, totals.classes))
        found: dict[PlannedMetric, Column] = {}
        replicates = resample(self._plan, state, view, self._moments)
        for p, metric in metrics:
            columns = [_join(parts[p, rate]) for rate in rates_of(metric)]
            column = columns[0] if metric.across is None else self._compare(metric.across, columns)
            if p in self._plan.made:
                column = replace(column, made=self._plan.made[p], resampled=replicates.get(p))
                column = self._estimated(column, totals, limits[p])
            found[p] = column
        return found, plots

    def _estimated(self, column: Column, totals: ViewTotals, limits: list[tuple[Float64, ...]]) -> Column:
        """The column with how sure its values are."""
        assert column.made is not None
        if column.made.columns:
            everything = totals.part(set(), 0, self._count)
            column = replace(column, slope=slope(column.planned, column.made.columns, everything, totals.classes))
        parts = [np.concatenate(part) for part in zip(*limits, strict=True)] if limits else []
        return replace(column, estimate=of_value(column, self._plan, self._moments, parts))

    def _compare(self, across: Across, rates: list[Column]) -> Column:
        """Compares the slices of some features, on the row of the overall slice."""
        names = self._names.to_pylist()
        members = compared_slices(across, names, rates[0].examples, self._plan.min_slice_size)
        value, note = compare_slices([column.values.value for column in rates], members, names, across)
        overall = np.flatnonzero([name == OVERALL for name in names]).astype(np.int32)
        if rates[0].unusable[overall].any():  # a slice that is left out for it could be the worst
            value, note = np.nan, rates[0].reasons[overall[0]]
        return replace(
            rates[0],
            values=Values(np.full(len(overall), value)),
            reasons=np.full(len(overall), note, object),
            examples=rates[0].examples[overall],
            weight=rates[0].weight[overall],
            unusable=rates[0].unusable[overall],
            slices=overall,
        )

    def metric_tables(self) -> list[pa.Table]:
        """One table per metric and model, and for the differences between slices."""
        result = self._tables_of(self._columns)
        if self._pairs is not None and self._pairs.names:
            own = [of_pairs(column, self._pairs, self._count) for column in self._columns if column.slices is None]
            result += self._tables_of([self._estimated_again(column) for column in own])
        return result

    def _tables_of(self, columns: list[Column]) -> list[pa.Table]:
        baseline = {identity(c.planned): c for c in columns if self._plan.models[c.planned.view.model].baseline}
        result = []
        for column in columns:
            candidate = not self._plan.models[column.planned.view.model].baseline
            result.append(self._metric_table(column, baseline.get(identity(column.planned)) if candidate else None))
        return result

    def _metric_table(self, column: Column, baseline: Column | None) -> pa.Table:
        planned, values = column.planned, column.values
        metric = planned.metric
        assert isinstance(metric, Metric)
        content: dict[str, Any] = {
            "split": self._split,
            "slice": self._slices(np.arange(self._count, dtype=np.int32) if column.slices is None else column.slices),
            "model": self._plan.models[planned.view.model].name,
            "output": planned.view.output,
            "sub_key": planned.sub_key,
            "metric": metric.name,
            "weighted": planned.weighted,
            "value": values.value,
            "n": column.examples.astype(np.int64),
            "weighted_n": column.weight,
            "bracket_lower": _nullable(values.lower, values.value),
            "bracket_upper": _nullable(values.upper, values.value),
            "direction": metric.direction,
            "reason": pa.array(column.reasons, pa.string()),
            **value_columns(column.estimate),
        }
        if baseline is not None:
            content |= _change(column, baseline)
            content |= change_columns(of_change(column, baseline, content["change"], self._plan, self._moments))
        elif metric.compares:
            content["change"] = values.value
            content |= change_columns(column.estimate)
        return tables.metrics_table(self._without_private(content, column.examples))

    def _without_private(self, content: dict[str, Any], examples: Float64) -> dict[str, Any]:
        """Blanks what is told of slices that are smaller than ``options.min_slice_size``."""
        private = examples < self._plan.min_slice_size
        if not private.any():
            return content
        blanked = dict(content)
        for name in _PRIVATE & content.keys():
            if content[name] is not None:
                blanked[name] = pc.if_else(pa.array(private), None, pa.array(content[name]))
        blanked["value"] = np.where(private, np.nan, content["value"])
        reason = f"fewer than {self._plan.min_slice_size} examples (options.min_slice_size)"
        blanked["reason"] = pc.if_else(pa.array(private), reason, content["reason"])
        return blanked

    def _plot(self, planned: PlannedMetric, plot: Plot, totals: Totals, wanted: Int32, classes: int) -> pa.Table:
        """The rows of one plot, for the slices that are asked for."""
        position = planned.of_classes.position if isinstance(planned.of_classes, OneClass) else 0
        data = plot.result(totals, wanted * np.int32(classes) + np.int32(position))
        content = {
            "split": self._split,
            "slice": self._slices(data.slices // np.int32(classes)),
            "model": self._plan.models[planned.view.model].name,
            "output": planned.view.output,
            "sub_key": planned.sub_key,
            "plot": plot.name,
            "plot_type": plot.type,
            "weighted": planned.weighted,
            "bucket": data.bucket,
            "lower": data.lower,
            "upper": data.upper,
            **data.columns,
        }
        return tables.plots_table(content)

    def _plot_slices(self, examples: Float64) -> Int32:
        shown = np.flatnonzero(examples >= self._plan.min_slice_size)
        largest = shown[np.argsort(-examples[shown], kind="stable")[: self._plan.max_plot_slices]]
        return np.sort(largest).astype(np.int32)

    def _slices(self, index: Int32) -> pa.DictionaryArray:
        pairs = () if self._pairs is None else self._pairs.names
        names = pa.concat_arrays([self._names, pa.array(pairs, pa.string())]) if pairs else self._names
        return pa.DictionaryArray.from_arrays(pa.array(index), names)


def _column(planned: PlannedMetric, computed: tuple[Values, Notes], totals: Totals) -> Column:
    values, notes = computed
    value = np.asarray(values.value, np.float64)
    infinite = np.isinf(value)
    if infinite.any():
        value = np.where(infinite, np.nan, value)
        notes[infinite] = "it is infinite"
    labels, predictions, weights = totals[Unusable()]
    examples = totals[Examples()][0]
    unusable = (labels + predictions + weights) > 0
    if unusable.any():
        value = np.where(unusable, np.nan, value)
        for i in np.flatnonzero(unusable):
            notes[i] = _unusable_reason(planned, examples[i], labels[i], predictions[i], weights[i])
    values = Values(value, values.undefined, values.lower, values.upper)
    return Column(planned, values, notes, examples, totals[Weight()][0], unusable)


def _join(parts: list[Column]) -> Column:
    """The columns of consecutive slices as one."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    value = np.concatenate([part.values.value for part in parts])
    lower, upper = (_join_ends(parts, name) for name in ("lower", "upper"))
    return Column(
        first.planned,
        Values(value, first.values.undefined, lower, upper),
        np.concatenate([part.reasons for part in parts]),
        np.concatenate([part.examples for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.unusable for part in parts]),
    )


def _join_ends(parts: list[Column], name: str) -> Float64 | None:
    ends = [getattr(part.values, name) for part in parts]
    if all(end is None for end in ends):
        return None
    missing = [np.full(len(part.examples), np.nan) for part in parts]
    return np.concatenate([blank if end is None else end for end, blank in zip(ends, missing, strict=True)])


def _nullable(values: Float64 | None, like: Float64) -> Any:
    if values is None:
        return None
    return pa.array(values, mask=np.isnan(values) | np.isnan(like))


def _change(candidate: Column, baseline: Column) -> dict[str, Any]:
    change = candidate.values.value - baseline.values.value
    of_means = isinstance(candidate.planned.of_classes, MeanOverClasses)
    if of_means and candidate.slices is None:  # not of a comparison of slices
        # The reasons name the classes that are left out: means over other classes do not tell a change.
        change = np.where(candidate.reasons == baseline.reasons, change, np.nan)
    content: dict[str, Any] = {"baseline_value": baseline.values.value, "change": change}
    bracketed = candidate.values.bracketed | baseline.values.bracketed
    if bracketed.any():
        (lower, upper), (baseline_lower, baseline_upper) = candidate.values.ends, baseline.values.ends
        mask = ~bracketed | np.isnan(change)
        content["change_bracket_lower"] = pa.array(lower - baseline_upper, mask=mask)
        content["change_bracket_upper"] = pa.array(upper - baseline_lower, mask=mask)
    return content


def _unusable_reason(planned: PlannedMetric, n: float, labels: float, predictions: float, weights: float) -> str:
    expected = planned.view.kind.value
    of_queries = bool(planned.view.query)
    parts = []
    if labels:
        what = "queries have labels that" if of_queries else "labels"
        parts.append(f"{labels:.0f} of {n:.0f} {what} are missing, not finite or out of range (expected {expected})")
    if predictions:
        what = "queries have predictions that" if of_queries else "predictions"
        missing = "missing, " if planned.view.reads else ""
        parts.append(f"{predictions:.0f} of {n:.0f} {what} are {missing}NaN or infinite")
    if weights:
        what = "queries have weights that differ between documents, or" if of_queries else "weights"
        parts.append(f"{weights:.0f} of {n:.0f} {what} are missing, negative or not finite")
    return "; ".join(parts)
