"""A few metrics over tiny data, written down independently of the package: the metric table of a scenario.

``data`` is split -> columns. ``label``, ``candidate`` and ``baseline`` (scores) are lists, or output -> list for a
model with several outputs; ``weight`` is a list; every other column is a feature to slice by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from evaluator_component.proto import config_pb2
from evaluator_component.results.tables import metrics_table
from evaluator_component.slicing.names import format_slice, matches

Columns = Mapping[str, Any]
Result = tuple[float, str | None]

_NOT_FEATURES = ("label", "candidate", "baseline", "weight")


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float((values * weights).sum() / weights.sum())


def _precision(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> Result:
    positive = score > 0.5
    if not positive.any():
        return math.nan, "no example is predicted positive"
    return _mean(label[positive], weight[positive]), None


METRICS: dict[str, tuple[str, str | None, Callable[[np.ndarray, np.ndarray, np.ndarray], Result]]] = {
    "ExampleCount": ("example_count", None, lambda y, p, w: (float(len(y)), None)),
    "BinaryAccuracy": ("binary_accuracy", "higher", lambda y, p, w: (_mean((p > 0.5) == y, w), None)),
    "Precision": ("precision", "higher", _precision),
    "MeanSquaredError": ("mean_squared_error", "lower", lambda y, p, w: (_mean((p - y) ** 2, w), None)),
    "MeanPrediction": ("mean_prediction", None, lambda y, p, w: (_mean(p, w), None)),
}
"""Class name -> (name of the result, direction, metric of labels, scores and weights)."""


def scenario_table(config: config_pb2.EvalConfig, data: Mapping[str, Columns]) -> pa.Table:
    """Returns the metric table of tiny data: all metrics of all metrics specs on all slices, splits and models."""
    splits = dict(data)
    if len(data) > 1:
        splits["*"] = {
            name: [value for part in data.values() for value in part[name]] for name in next(iter(data.values()))
        }
    rows = [row for split, columns in splits.items() for row in _split_rows(config, split, columns)]
    unique = {
        tuple(row[name] for name in ("split", "slice", "model", "output", "metric", "weighted")): row for row in rows
    }
    names = list(rows[0])
    return metrics_table({name: [row[name] for row in unique.values()] for name in names})


def _split_rows(config: config_pb2.EvalConfig, split: str, columns: Columns) -> list[dict[str, Any]]:
    rows = []
    for name, members in _slices(config, columns).items():
        for spec in config.metrics_specs:
            for output in spec.output_names or [""]:
                for weighted in _weightings(spec, columns):
                    for metric in spec.metrics:
                        rows += _model_rows(metric.class_name, columns, members, output, weighted, split, name)
    return rows


def _weightings(spec: config_pb2.MetricsSpec, columns: Columns) -> list[bool]:
    asked = [
        flag for flag in (True, False) if (spec.example_weights.weighted if flag else spec.example_weights.unweighted)
    ]
    return asked or ["weight" in columns]


def _slices(config: config_pb2.EvalConfig, columns: Columns) -> dict[str, np.ndarray]:
    count = len(_of_output(columns["label"], ""))
    slices: dict[str, list[int]] = {}
    for spec in config.slicing_specs or [config_pb2.SlicingSpec()]:
        features = sorted({*spec.feature_keys, *spec.feature_values})
        if any(feature not in columns for feature in features):
            continue
        for row in range(count):
            pairs = [(feature, columns[feature][row]) for feature in features]
            if all(matches(value, spec.feature_values.get(feature, str(value))) for feature, value in pairs):
                slices.setdefault(format_slice(pairs), []).append(row)
    return {name: np.unique(rows) for name, rows in slices.items()}


def _of_output(values: Any, output: str) -> Sequence[float]:
    return (
        values[output]
        if output and isinstance(values, Mapping)
        else next(iter(values.values()))
        if isinstance(values, Mapping)
        else values
    )


def _model_rows(
    class_name: str, columns: Columns, members: np.ndarray, output: str, weighted: bool, split: str, name: str
) -> list[dict[str, Any]]:
    metric, direction, function = METRICS[class_name]
    label = np.asarray(_of_output(columns["label"], output), float)[members]
    weight = np.asarray(columns["weight"], float)[members] if weighted else np.ones(len(members))
    values: dict[str, Result] = {}
    for model in ("candidate", "baseline"):
        if model in columns:
            score = np.asarray(_of_output(columns[model], output), float)[members]
            values[model] = function(label, score, weight)
    rows = []
    for model, (value, reason) in values.items():
        compared = model == "candidate" and "baseline" in values
        rows.append(
            {
                "split": split,
                "slice": name,
                "model": model,
                "output": output,
                "metric": metric,
                "weighted": weighted and class_name != "ExampleCount",
                "value": value,
                "n": len(members),
                "weighted_n": float(weight.sum()),
                "baseline_value": values["baseline"][0] if compared else None,
                "change": value - values["baseline"][0] if compared else None,
                "direction": direction,
                "reason": reason,
            }
        )
    return rows
