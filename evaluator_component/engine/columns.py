"""The values of one metric over all slices, and their means over the outputs of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluator_component.engine.estimates import Estimate
from evaluator_component.engine.moments import Slope
from evaluator_component.engine.plan import Made, PlannedMetric
from evaluator_component.metrics.metric import Metric, Result, Values
from evaluator_component.metrics.over_classes import Notes, reasons
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64

Int32 = npt.NDArray[np.int32]


Rate = Callable[[Totals], Result]


def rates_of(metric: Metric) -> tuple[Rate, ...]:
    """What is computed of each slice: the metric's value, and what a comparison of slices looks at beside it."""
    return (metric.result, *(metric.across.also if metric.across is not None else ()))


def pick_classes(planned: PlannedMetric, values: Values, totals: Totals, classes: int) -> tuple[Values, Notes]:
    """The values that are told of those of all classes, and what is said of them."""
    if planned.of_classes is not None:
        return planned.of_classes.pick(values, totals, classes)
    notes = reasons(np.asarray(values.value), values.undefined)
    if values.notes is not None:
        notes = np.where(np.isnan(values.value), notes, values.notes)
    return values, notes


@dataclass(frozen=True)
class Resampled:
    """A metric without, or with other weights of, groups of examples.

    Attributes:
        values: float64 ``[slices, 1 + replicates]``; the first of all groups as they are.
        sizes: float64 ``[slices, groups]``: how many examples each group has.
        mark: A number that is the same for two models whose totals are the same in each group.
    """

    values: Float64
    sizes: Float64
    mark: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Column:
    """One metric over all slices of a split, or over those of ``slices``.

    Attributes:
        made: How its intervals are made; None where they are not.
        estimate: How sure its values are; None where that is unknown.
        slope: How it changes with its terms, of methods by moments.
        resampled: Its replicates, of methods by resampling.
        of_pairs: Whether its rows are of differences between slices.
    """

    planned: PlannedMetric
    values: Values
    reasons: npt.NDArray[np.object_]
    examples: Float64
    weight: Float64
    unusable: npt.NDArray[np.bool_]
    slices: Int32 | None = None
    made: Made | None = None
    estimate: Estimate | None = None
    slope: Slope | None = None
    resampled: Resampled | None = None
    of_pairs: bool = False


def over_outputs(columns: Iterable[Column]) -> Iterator[Column]:
    """The weighted means over outputs that metrics specs ask for; undefined where one of the values is."""
    groups: dict[tuple[object, ...], dict[str, Column]] = {}
    for column in columns:
        planned = column.planned
        if planned.view.output in dict(planned.output_weights):
            key = (planned.view.model, planned.metric.name, planned.sub_key, planned.weighted, planned.output_weights)
            groups.setdefault(key, {})[planned.view.output] = column
    for outputs in groups.values():
        first = next(iter(outputs.values()))
        weights = {name: weight for name, weight in first.planned.output_weights if name in outputs}
        total = sum(weights.values())
        value = np.full(len(first.examples), np.nan)
        ends: list[Float64 | None] = [None, None]
        notes = np.full(len(value), "the output_weights add up to 0", object)
        used: list[tuple[Column, float]] = []
        if total > 0:
            used = [(outputs[name], weight) for name, weight in weights.items() if weight > 0]
            value = np.sum([column.values.value * weight for column, weight in used], axis=0) / total
            bracketed = np.any([column.values.bracketed for column, _ in used], axis=0)
            if bracketed.any():
                for i in (0, 1):
                    end = np.sum([column.values.ends[i] * weight for column, weight in used], axis=0) / total
                    ends[i] = np.where(bracketed, end, np.nan)
            notes = np.full(len(value), None, object)
            for column, _ in used:
                rows = [row for row, reason in enumerate(column.reasons) if reason is not None]
                notes[rows] = [f"{column.planned.view.output}: {column.reasons[row]}" for row in rows]
        planned = replace(first.planned, view=replace(first.planned.view, output=""))
        resampled = (
            _mean_of_resampled([(column.resampled, weight / total) for column, weight in used]) if total else None
        )
        yield replace(
            first,
            planned=planned,
            values=Values(value, "", *ends),
            reasons=notes,
            estimate=None,
            slope=None,
            resampled=resampled,
        )


def _mean_of_resampled(parts: Sequence[tuple[Resampled | None, float]]) -> Resampled | None:
    """The replicates of a weighted mean."""
    known = [(part, share) for part, share in parts if part is not None]
    if len(known) < len(parts):
        return None
    values = np.sum([part.values * share for part, share in known], axis=0)
    mark = np.zeros(len(values), np.uint64)
    for part, _ in known:
        mark = mark * np.uint64(31) + part.mark
    return Resampled(values, known[0][0].sizes, mark)
