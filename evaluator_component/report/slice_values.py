"""The values of one metric over slices, with the bounds that they were judged by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.errors import nearest
from evaluator_component.report import wording
from evaluator_component.report.plot_rows import Float64
from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL, is_pair, parse_slice

if TYPE_CHECKING:
    from evaluator_component.results import Evaluation

MOST: Final = 40
"""Slices of a figure whose slices are not listed."""
_USUAL_THRESHOLD: Final = 0.5


@dataclass(frozen=True)
class Estimates:
    """A model's values and their intervals.

    Attributes:
      value, lower, upper: float64 ``[slices]``, NaN where undefined or unknown.
    """

    value: Float64
    lower: Float64
    upper: Float64


@dataclass(frozen=True)
class SliceValues:
    """One metric over slices.

    Attributes:
      metric: The metric's name in the results.
      weighted: Whether its examples count by their weight.
      slices: The slices' names.
      n: How many examples they have, int64 ``[slices]``.
      models: The values of each model by its name, the candidate's first.
      bounds: The bounds that the verdict has, by what they demand ("threshold: at least", "threshold of the change: at
        most"): pairs of slice index and position on the axis of the metric, for changes the baseline's value moved by
        the bound.
      left_out: How many slices there are besides.
    """

    metric: str
    weighted: bool
    slices: Sequence[str]
    n: Sequence[int]
    models: Mapping[str, Estimates]
    bounds: Mapping[str, Sequence[tuple[int, float]]]
    left_out: int

    def spread(self, model: str) -> tuple[float, float]:
        """The difference and the ratio of the largest and the smallest value; NaN without any."""
        values = self.models[model].value[[name != OVERALL for name in self.slices]]
        values = values[np.isfinite(values)]
        if not len(values):
            return float("nan"), float("nan")
        low, high = float(values.min()), float(values.max())
        return high - low, low / high if high else float("nan")


def slice_values(
    evaluation: Evaluation,
    metric: str,
    slices: str | Sequence[str] | None = None,
    *,
    split: str | None = None,
    output: str = "",
    sub_key: str = "",
) -> SliceValues:
    """Returns the values of a metric, weighted ones where there are some.

    Args:
      evaluation: The evaluation.
      metric: The metric's name in the results, or its last part; see `metric_named`.
      slices: The slices by name, in this order; or a feature, for its slices in order of their values, below the
        overall one; or None for all slices. Of a feature's or all slices no more than MOST are taken, those with the
        most examples.
      split: The evaluated split; None for all of them.
      output: The model's output.
      sub_key: The class or the like.

    Raises:
      LookupError: something is not there; the message has the nearest names.
    """
    where = tables.merged_split(evaluation.metrics.table) if split is None else split
    found = evaluation.metrics.filter(split=where)
    metric = metric_named(metric, tables.names(found.table, "metric"))
    found = found.filter(metric=metric).filter(output=output).filter(sub_key=sub_key)
    weighted = bool(pc.any(found.table.column("weighted")).as_py())
    table = found.table.filter(pc.equal(found.table.column("weighted"), weighted))
    own = table.filter(tables.equal(table.column("model"), evaluation.metrics.candidate))
    sizes = dict(zip(own.column("slice").to_pylist(), own.column("n").to_pylist(), strict=True))
    names, left_out = _chosen(sizes, slices, metric)
    others = [name for name in tables.names(table, "model") if name != evaluation.metrics.candidate]
    models = {name: _estimates(table, name, names) for name in (evaluation.metrics.candidate, *others)}
    if not others and own.column("baseline_value").null_count < own.num_rows:
        baseline = _column(own, "baseline_value", names)
        models["baseline"] = Estimates(baseline, np.full(len(names), np.nan), np.full(len(names), np.nan))
    keys = {"split": where, "metric": metric, "output": output, "sub_key": sub_key}
    return SliceValues(
        metric,
        weighted,
        names,
        [sizes[name] for name in names],
        models,
        _bounds(evaluation, keys, weighted, names),
        left_out,
    )


def metric_named(name: str, known: Collection[str]) -> str:
    """Returns the metric of this name; else the one whose last part it is, at a threshold of 0.5 if there are several.

    So "recall" and "recall@0.5" mean "fairness_indicators_metrics/recall@0.5" where no metric is named "recall".

    Raises:
      LookupError: there is no such metric, the message has the nearest names; or several have this last part.
    """
    if name in known:
        return name
    parts: dict[str, list[str]] = {}
    for full in sorted(known):
        last = full.rpartition("/")[2]
        for part in {last, last.partition("@")[0]} - {full}:
            parts.setdefault(part, []).append(full)
    found = parts.get(name, [])
    if len(found) > 1:
        found = [full for full in found if _threshold_of(full) == _USUAL_THRESHOLD] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"several metrics are named {name!r}: {', '.join(found)}; give one of these names")
    raise LookupError(f"no metric {name!r}; {nearest(name, {*known, *parts})}")


def _threshold_of(name: str) -> float | None:
    try:
        return float(name.rpartition("@")[2])
    except ValueError:
        return None


def features_of(slices: Sequence[str]) -> dict[str, list[str]]:
    """Returns the slices of each feature that slices are made of alone, in order of its values."""
    found: dict[str, list[str]] = {}
    for name in slices:
        try:
            pairs = parse_slice(name)
        except ValueError:  # a difference of slices
            continue
        if len(pairs) == 1:
            found.setdefault(pairs[0][0], []).append(name)
    return {feature: sorted(names, key=wording.natural) for feature, names in found.items()}


def groups_of(feature: str, names: Sequence[str], metric: str) -> list[str]:
    """Returns the slices that a feature makes alone, among the names of a metric's slices.

    Raises:
      LookupError: there is none; the message has the nearest features.
    """
    features = features_of(names)
    if feature not in features:
        raise LookupError(
            f"no feature {feature!r} that slices of {metric!r} are made of alone; "
            f"{nearest(feature, features) or 'there is none'}"
        )
    return features[feature]


def _chosen(sizes: Mapping[str, int], slices: str | Sequence[str] | None, metric: str) -> tuple[list[str], int]:
    if slices is not None and not isinstance(slices, str):
        for name in slices:
            if name not in sizes:
                raise LookupError(f"no slice {name!r} of {metric!r}; {nearest(name, sizes)}")
        return list(slices), 0
    if slices is None:
        names = [name for name in sizes if name != OVERALL and not is_pair(name)]
    else:
        names = groups_of(slices, list(sizes), metric)
    shown = sorted(names, key=lambda name: -sizes[name])[:MOST]
    overall = [OVERALL] if OVERALL in sizes else []
    return [*overall, *sorted(shown, key=wording.natural)], len(names) - len(shown)


def _estimates(table: pa.Table, model: str, names: Sequence[str]) -> Estimates:
    rows = table.filter(tables.equal(table.column("model"), model))
    return Estimates(*(_column(rows, name, names) for name in ("value", "lower", "upper")))


def _column(rows: pa.Table, column: str, names: Sequence[str]) -> Float64:
    values = dict(zip(rows.column("slice").to_pylist(), rows.column(column).to_pylist(), strict=True))
    return np.array([np.nan if (value := values.get(name)) is None else value for name in names], np.float64)


def _bounds(
    evaluation: Evaluation, keys: Mapping[str, str], weighted: bool, names: Sequence[str]
) -> dict[str, list[tuple[int, float]]]:
    """The bounds of the verdict's checks; those of changes moved by the baseline's value."""
    if evaluation.verdict is None:
        return {}
    table = evaluation.verdict.checks.table
    for column, value in keys.items():
        table = table.filter(tables.equal(table.column(column), value))
    table = table.filter(pc.and_(pc.equal(table.column("weighted"), weighted), pc.is_valid(table.column("bound"))))
    places = {name: place for place, name in enumerate(names)}
    found: dict[str, list[tuple[int, float]]] = {}
    for row in table.select(["slice", "rule", "bound", "baseline"]).to_pylist():
        change = "change" in row["rule"]
        if row["slice"] not in places or (change and row["baseline"] is None):
            continue
        position = row["bound"] + (row["baseline"] if change else 0.0)
        least = not row["rule"].endswith(("upper_bound", "at_most"))
        kind = ("threshold of the change: " if change else "threshold: ") + ("at least" if least else "at most")
        if np.isfinite(position):
            found.setdefault(kind, []).append((places[row["slice"]], float(position)))
    return found
