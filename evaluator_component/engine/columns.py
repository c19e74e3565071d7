"""The values of one metric over all slices, and their means over the outputs of a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluator_component.engine.plan import PlannedMetric
from evaluator_component.metrics.metric import Values
from evaluator_component.metrics.view import Float64

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Column:
    """One metric over all slices of a split, or over those of ``slices``."""

    planned: PlannedMetric
    values: Values
    reasons: npt.NDArray[np.object_]
    examples: Float64
    weight: Float64
    unusable: npt.NDArray[np.bool_]
    slices: Int32 | None = None


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
        if total > 0:
            used = [(outputs[name], weight) for name, weight in weights.items() if weight > 0]
            value = np.sum([column.values.value * weight for column, weight in used], axis=0) / total
            if any(column.values.lower is not None for column, _ in used):
                ends = [_mean_end([(column.values, weight) for column, weight in used], name) for name in _ENDS]
            notes = np.full(len(value), None, object)
            for column, _ in used:
                rows = np.flatnonzero(np.isnan(column.values.value))
                notes[rows] = [f"{column.planned.view.output}: {column.reasons[row]}" for row in rows]
        planned = replace(first.planned, view=replace(first.planned.view, output=""))
        yield replace(first, planned=planned, values=Values(value, "", *ends), reasons=notes)


_ENDS = ("lower", "upper")


def _mean_end(used: list[tuple[Values, float]], name: str) -> Float64:
    """One end of the bracket of a mean, NaN where all values are exact."""
    exact = np.ones(len(used[0][0].value), bool)
    total = np.zeros(len(exact))
    for values, weight in used:
        end = getattr(values, name)
        inside = np.zeros(len(exact), bool) if end is None else ~np.isnan(end)
        total += weight * np.where(inside, end if end is not None else 0.0, values.value)
        exact &= ~inside
    return np.where(exact, np.nan, total / sum(weight for _, weight in used))
