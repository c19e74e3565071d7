"""Results like those of a real run, made with NumPy alone: a taxi-like classifier and its baseline.

Trips by hour and by way of payment; the candidate is better overall and weak at night, and one slice is too small for
some metrics to be defined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.config import load_config
from evaluator_component.proto import config_pb2
from evaluator_component.results import Evaluation, MetricTable, PlotTable, metrics_table, plots_table

Floats = npt.NDArray[np.float64]

HIGHER = {"binary_accuracy", "auc", "auc_precision_recall", "precision", "recall"}
LOWER = {"binary_cross_entropy"}
PAYMENTS = ["Cash", "Credit Card", "Mobile", "No Charge", "Prcard", "Unknown", "<b>tip</b>"]


def trips(count: int = 20_000, seed: int = 7) -> tuple[Mapping[str, npt.NDArray[np.bool_]], Floats, dict[str, Floats]]:
    """Returns masks of the slices, labels, and the scores of each model."""
    rng = np.random.default_rng(seed)
    hour = rng.integers(0, 24, count)
    payment = rng.choice(len(PAYMENTS), count, p=[0.4, 0.42, 0.08, 0.06, 0.03, 0.0098, 0.0002])
    payment[:3] = len(PAYMENTS) - 1  # never empty
    skill = np.where((hour >= 2) & (hour <= 4), -0.4, 1.6)
    noise = rng.normal(size=count)
    logit = -1 + 1.5 * (payment == 1) + rng.normal(size=count)
    labels = (rng.random(count) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    scores = {
        "candidate": 1 / (1 + np.exp(-(skill * (labels - 0.4) * 1.3 + noise))),
        "baseline": 1 / (1 + np.exp(-(0.9 * (labels - 0.4) * 1.3 + rng.normal(size=count)))),
    }
    slices = {"Overall": np.ones(count, dtype=bool)}
    slices |= {f"trip_start_hour={value}": hour == value for value in range(24)}
    slices |= {f"payment_type={value}": payment == code for code, value in enumerate(PAYMENTS)}
    return slices, labels, scores


def auc(labels: Floats, scores: Floats) -> float:
    order = np.argsort(scores)
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    positives = labels.sum()
    return float((ranks[labels > 0].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)))


def average_precision(labels: Floats, scores: Floats) -> float:
    hits = labels[np.argsort(-scores)]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits > 0].mean())


METRICS: dict[str, Callable[[Floats, Floats], float]] = {
    "example_count": lambda y, p: float(len(y)),
    "mean_label": lambda y, p: float(y.mean()),
    "binary_accuracy": lambda y, p: float(((p > 0.5) == (y > 0)).mean()),
    "auc": auc,
    "auc_precision_recall": average_precision,
    "precision": lambda y, p: float(y[p > 0.5].mean()) if (p > 0.5).any() else float("nan"),
    "recall": lambda y, p: float((p > 0.5)[y > 0].mean()),
    "calibration": lambda y, p: float(p.sum() / y.sum()),
    "binary_cross_entropy": lambda y, p: float(-np.where(y > 0, np.log(p), np.log(1 - p)).mean()),
}


def metric_rows(count: int = 20_000, split: str = "eval", baseline: bool = True, seed: int = 7) -> pa.Table:
    """Returns a metric table; the values of one slice are undefined for want of positives."""
    slices, labels, scores = trips(count, seed)
    rows: dict[str, list[object]] = {
        key: [] for key in ("slice", "model", "metric", "value", "n", "baseline_value", "change", "direction", "reason")
    }
    for name, mask in slices.items():
        y = labels[mask] if mask.sum() > 20 else np.zeros(int(mask.sum()))
        for metric, function in METRICS.items():
            with np.errstate(all="ignore"):
                values = {
                    model: function(y, p[mask])
                    if y.any() or metric in ("example_count", "mean_label", "binary_accuracy", "binary_cross_entropy")
                    else np.nan
                    for model, p in scores.items()
                }
            for model in ("candidate", "baseline") if baseline else ("candidate",):
                compared = baseline and model == "candidate"
                undefined = np.isnan(values[model])
                rows["slice"].append(name)
                rows["model"].append(model)
                rows["metric"].append(metric)
                rows["value"].append(values[model])
                rows["n"].append(len(y))
                rows["baseline_value"].append(values["baseline"] if compared else None)
                rows["change"].append(values["candidate"] - values["baseline"] if compared else None)
                rows["direction"].append("higher" if metric in HIGHER else "lower" if metric in LOWER else None)
                rows["reason"].append(f"0 of {len(y)} examples are positive" if undefined else None)
    return metrics_table({"split": split, "weighted_n": np.asarray(rows["n"], dtype=float), **rows})


def plot_rows(buckets: int = 1_000, count: int = 20_000, split: str = "eval", thresholds: int = 11) -> pa.Table:
    """Returns a calibration plot for each slice and model, and a confusion plot for the overall slice."""
    slices, labels, scores = trips(count)
    parts = []
    edges = np.concatenate([[-np.inf], np.arange(buckets + 1) / buckets, [np.inf]])
    for name, mask in slices.items():
        for model, all_scores in scores.items():
            y, p = labels[mask], all_scores[mask]
            bucket = np.clip(np.floor(p * buckets).astype(int) + 1, 0, buckets + 1)
            parts.append(
                plots_table(
                    {
                        "split": split,
                        "slice": name,
                        "model": model,
                        "plot": "calibration_plot",
                        "plot_type": "CalibrationPlot",
                        "bucket": np.arange(buckets + 2),
                        "lower": edges[:-1],
                        "upper": edges[1:],
                        "weighted_examples": np.bincount(bucket, minlength=buckets + 2).astype(float),
                        "weighted_labels": np.bincount(bucket, y, minlength=buckets + 2),
                        "weighted_predictions": np.bincount(bucket, p, minlength=buckets + 2),
                    }
                )
            )
    for model, p in scores.items():
        cuts = np.linspace(0, 1, thresholds)
        positive = p[:, None] > cuts
        tp, fp = (positive & (labels[:, None] > 0)).sum(0), (positive & (labels[:, None] == 0)).sum(0)
        parts.append(
            plots_table(
                {
                    "split": split,
                    "slice": "Overall",
                    "model": model,
                    "plot": "confusion_matrix_plot",
                    "plot_type": "ConfusionMatrixPlot",
                    "bucket": np.arange(thresholds),
                    "lower": cuts,
                    "upper": cuts,
                    "true_positives": tp.astype(float),
                    "false_positives": fp.astype(float),
                    "true_negatives": ((labels == 0).sum() - fp).astype(float),
                    "false_negatives": ((labels > 0).sum() - tp).astype(float),
                }
            )
        )
    return pa.concat_tables(parts)


def many_slices(slices: int, metrics: int = 8, baseline: bool = False, seed: int = 1) -> pa.Table:
    """Returns a metric table of very many slices, for measuring."""
    rng = np.random.default_rng(seed)
    names = pa.array([f"pickup_community_area={i % 77}, trip_id={i}" for i in range(slices)])
    metric_names = pa.array((list(METRICS) + [f"metric_{i}" for i in range(metrics)])[:metrics])
    rows = slices * metrics
    value = rng.random(rows)
    return metrics_table(
        {
            "split": "eval",
            "slice": pa.DictionaryArray.from_arrays(np.repeat(np.arange(slices, dtype=np.int32), metrics), names),
            "model": "candidate",
            "metric": pa.DictionaryArray.from_arrays(np.tile(np.arange(metrics, dtype=np.int32), slices), metric_names),
            "value": value,
            "n": np.repeat(rng.integers(1, 5_000, slices), metrics),
            "weighted_n": 1.0,
            "baseline_value": value + 0.01 if baseline else None,
            "change": np.full(rows, -0.01) if baseline else None,
            "direction": "higher",
        }
    )


CONFIG = """
model_specs:
- {name: candidate, label_key: tips}
- {name: baseline, label_key: tips, is_baseline: true}
slicing_specs: [{}, {feature_keys: [trip_start_hour]}, {feature_keys: [payment_type]}]
metrics_specs:
- metrics:
  - {class_name: ExampleCount}
  - {class_name: MeanLabel}
  - {class_name: Calibration}
  - {class_name: BinaryAccuracy, threshold: {value_threshold: {lower_bound: 0.6}}}
  - {class_name: AUC, threshold: {value_threshold: {lower_bound: 0.7},
                                  change_threshold: {absolute: -0.05, direction: HIGHER_IS_BETTER}}}
  - class_name: Precision
    per_slice_thresholds:
    - {slicing_specs: [{feature_values: {trip_start_hour: "77"}}], threshold: {value_threshold: {lower_bound: 0.1}}}
    - {slicing_specs: [{feature_keys: [payment_type]}], threshold: {value_threshold: {lower_bound: 0.1}}}
gate: {min_examples: 100}
"""


def config() -> config_pb2.EvalConfig:
    """Returns a config of which the example's verdict is NOT_BLESSED, with every outcome but INCONCLUSIVE in it."""
    return load_config(CONFIG)


def evaluation(verdict: object = None, **kwargs: object) -> Evaluation:
    """Returns an evaluation with metrics, plots and a run."""
    run = {
        "data": {"eval": "data/eval-*.gz"},
        "models": {"candidate": {"path": "models/2"}, "baseline": {"path": "models/1"}},
        "versions": {"evaluator_component": "0.1.0", "tensorflow": "2.21.0"},
        "timings": {"read": 0.12, "predict": 0.31},
        "warnings": ["12 of 20,000 labels are missing and were left out"],
    }
    return Evaluation(MetricTable(metric_rows()), PlotTable(plot_rows()), verdict=verdict, run=run, **kwargs)
