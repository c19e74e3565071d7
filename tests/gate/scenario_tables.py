"""A few metrics over tiny data, written down independently of the package: the metric table of a scenario.

``data`` is split -> columns. ``label``, ``candidate`` and ``baseline`` (scores) are lists, or output -> list for a
model with several outputs; ``weight`` is a list; every other column is a feature to slice by.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    rows += [pair for split in splits for pair in _pair_rows(config, [row for row in rows if row["split"] == split])]
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
                        confident = config.gate.HasField("confidence")
                        rows += _model_rows(
                            metric.class_name, columns, members, output, weighted, split, name, confident
                        )
    return rows


def _pair_rows(config: config_pb2.EvalConfig, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The differences between the slices that rules on pairs name by their values."""
    pairs = [
        pair
        for spec in config.metrics_specs
        for metric in spec.metrics
        for rule in metric.cross_slice_thresholds
        for pair in rule.cross_slicing_specs
    ]
    names = sorted({row["slice"] for row in rows})
    for left, right in itertools.permutations(names, 2):
        wanted = [
            pair
            for pair in pairs
            if _is_of(pair.baseline_spec, left) and any(_is_of(spec, right) for spec in pair.slicing_specs)
        ]
        for one in rows if wanted else ():
            if one["slice"] == left:
                same = ("model", "output", "metric", "weighted")
                (other,) = (row for row in rows if row["slice"] == right and all(row[k] == one[k] for k in same))
                yield {
                    **one,
                    "slice": f"{left} − {right}",
                    "value": one["value"] - other["value"],
                    "n": min(one["n"], other["n"]),
                    "weighted_n": min(one["weighted_n"], other["weighted_n"]),
                }


def _is_of(spec: config_pb2.SlicingSpec, name: str) -> bool:
    return name == format_slice(list(spec.feature_values.items()))


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
    class_name: str,
    columns: Columns,
    members: np.ndarray,
    output: str,
    weighted: bool,
    split: str,
    name: str,
    confident: bool,
) -> list[dict[str, Any]]:
    metric, direction, function = METRICS[class_name]
    label = np.asarray(_of_output(columns["label"], output), float)[members]
    weight = np.asarray(columns["weight"], float)[members] if weighted else np.ones(len(members))
    values: dict[str, Result] = {}
    scores: dict[str, np.ndarray] = {}
    for model in ("candidate", "baseline"):
        if model in columns:
            scores[model] = np.asarray(_of_output(columns[model], output), float)[members]
            values[model] = function(label, scores[model], weight)
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
                **(_uncertainty(class_name, label, scores, model) if confident else {}),
            }
        )
    return rows


def _uncertainty(
    class_name: str, label: np.ndarray, scores: Mapping[str, np.ndarray], model: str
) -> dict[str, float | str | None]:
    """What is known of how sure a mean, or a share, of examples of weight 1 is, and its change."""
    count = len(label)
    if class_name == "ExampleCount":
        of_value = {"std_error": 0.0, "interval_method": "exact", "effective_n": None, "df": math.inf}
        none = dict.fromkeys(("trials", "gained", "lost"))
        of_change = {"change_std_error": 0.0, "change_interval_method": "exact", "change_df": math.inf}
        compared = model == "candidate" and "baseline" in scores
        return {**of_value, **none, **(of_change if compared else dict.fromkeys(of_change))}
    terms = {
        name: (score > 0.5) == label if class_name == "BinaryAccuracy" else score for name, score in scores.items()
    }
    share = class_name == "BinaryAccuracy"
    own = np.asarray(terms[model], float)
    result: dict[str, float | str | None] = {
        "std_error": float(np.std(own, ddof=0 if share else 1) / math.sqrt(count)),
        "interval_method": "wilson" if share else "delta (mean)",
        "effective_n": float(count),
        "df": math.inf if share else count - 1.0,
        "skewness": _skewness(own),
        **dict.fromkeys(("change_std_error", "change_interval_method", "change_df", "change_skewness")),
        **dict.fromkeys(("trials", "gained", "lost")),
    }
    if model == "candidate" and "baseline" in scores:
        moved = own - np.asarray(terms["baseline"], float)
        method = "paired score" if share else "paired delta (mean)"
        result |= {
            "change_std_error": float(np.std(moved, ddof=1) / math.sqrt(count)),
            "change_interval_method": method if moved.any() else "identical",
            "change_df": count - 1.0,
            "change_skewness": _skewness(moved),
        }
        if share:
            result |= {"trials": float(count), "gained": float((moved > 0).sum()), "lost": float((moved < 0).sum())}
    return result


def _skewness(numbers: np.ndarray) -> float | None:
    spread = numbers.std()
    return float(np.mean(((numbers - numbers.mean()) / spread) ** 3)) if spread > 0 else None
