"""The data of plots: rows of buckets for the slices that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.histograms import CalibrationBuckets, ThresholdBuckets
from evaluator_component.metrics.metric import Definition, Metric, Options, Plot, PlotData
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.view import Float64, Kind


def _dense(histogram: Histogram, wanted: npt.NDArray[np.int32], buckets: int) -> list[Float64]:
    """One float64 ``[wanted slices, buckets]`` array per column, 0 where no example fell."""
    position = np.full(histogram.slice_count, -1, np.int64)
    position[wanted] = np.arange(len(wanted))
    rows = np.flatnonzero(position[histogram.slices] >= 0)
    index = position[histogram.slices[rows]] * buckets + histogram.keys[rows].astype(np.int64)
    result = []
    for column in histogram.columns:
        dense = np.zeros(len(wanted) * buckets)
        dense[index] = column[rows]
        result.append(dense.reshape(len(wanted), buckets))
    return result


@dataclass(frozen=True)
class _Calibration:
    buckets: CalibrationBuckets

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        b = self.buckets
        weight, labels, predictions = _dense(totals.histogram(b), wanted, b.count + 2)
        lower = np.concatenate([[-np.inf], b.edges])
        upper = np.concatenate([b.edges, [np.inf]])
        return PlotData(
            np.repeat(np.asarray(wanted, np.int32), b.count + 2),
            np.tile(np.arange(b.count + 2, dtype=np.int32), len(wanted)),
            np.tile(lower, len(wanted)),
            np.tile(upper, len(wanted)),
            {
                "weighted_examples": weight.reshape(-1),
                "weighted_labels": labels.reshape(-1),
                "weighted_predictions": predictions.reshape(-1),
            },
        )


def _build_calibration(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    count, left, right = int(options["num_buckets"]), float(options["left"]), float(options["right"])
    if not 1 <= count <= 100_000:
        raise ValueError(f"num_buckets: expected 1 to 100,000, got {count}")
    if not left < right:
        raise ValueError(f"left and right: expected left < right, got {left} and {right}")
    buckets = CalibrationBuckets(count, left, right)
    return (Plot(name, Kind.REAL, (buckets,), _Calibration(buckets)),)


_BELOW_ZERO = -1e-6
"""The lowest threshold: a score of exactly 0 is above it, so that curves reach the corner where all are positive."""


@dataclass(frozen=True)
class _ConfusionAtThresholds:
    buckets: ThresholdBuckets

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        thresholds = np.asarray(self.buckets.thresholds)
        count = len(thresholds)
        positives, negatives = _dense(totals.histogram(self.buckets), wanted, count + 1)
        # Bucket k holds the predictions above exactly k thresholds: above threshold k lie the buckets k + 1 and on.
        above = [np.cumsum(column[:, ::-1], axis=1)[:, ::-1] for column in (positives, negatives)]
        tp, fp = (column[:, 1:] for column in above)
        fn, tn = (column[:, :1] - column[:, 1:] for column in above)
        tiled = np.tile(thresholds, len(wanted))
        return PlotData(
            np.repeat(np.asarray(wanted, np.int32), count),
            np.tile(np.arange(count, dtype=np.int32), len(wanted)),
            tiled,
            tiled,
            {
                "true_positives": tp.reshape(-1),
                "false_positives": fp.reshape(-1),
                "true_negatives": tn.reshape(-1),
                "false_negatives": fn.reshape(-1),
            },
        )


def _build_confusion(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    count = int(options["num_thresholds"])
    if not 1 <= count <= 100_000:
        raise ValueError(f"num_thresholds: expected 1 to 100,000, got {count}")
    buckets = ThresholdBuckets((_BELOW_ZERO, *(float(t) for t in np.arange(count + 1) / count)))
    return (Plot(name, Kind.BINARY, (buckets,), _ConfusionAtThresholds(buckets)),)


register(
    Definition(
        "CalibrationPlot",
        snake_case("CalibrationPlot"),
        "plots",
        "Mean label and mean prediction by bucket of the prediction.",
        {"num_buckets": 1000, "left": 0.0, "right": 1.0},
        _build_calibration,
    )
)
register(
    Definition(
        "ConfusionMatrixPlot",
        snake_case("ConfusionMatrixPlot"),
        "plots",
        "The confusion matrix at equally spaced thresholds; ROC and precision-recall curves come from it.",
        {"num_thresholds": 1000},
        _build_confusion,
    )
)
