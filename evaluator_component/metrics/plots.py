"""The data of plots: rows of buckets for the slices that are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.binary import at_thresholds
from evaluator_component.metrics.histograms import CalibrationBuckets, ScoreHistogram, ThresholdBuckets
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
    return (Plot(name, "CalibrationPlot", Kind.REAL, (buckets,), _Calibration(buckets)),)


_BELOW_ZERO = -1e-6
"""The lowest threshold: a score of exactly 0 is above it, so that curves reach the corner where all are positive."""


@dataclass(frozen=True)
class ConfusionAtThresholds:
    """A confusion matrix at each threshold of the buckets."""

    buckets: ThresholdBuckets

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        """The cells at each threshold, for the slices wanted."""
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


def evenly_spaced(options: Options) -> ThresholdBuckets:
    """The thresholds 0, 1/n, … 1 of ``num_thresholds``, and one just below 0."""
    count = int(options["num_thresholds"])
    if not 1 <= count <= 100_000:
        raise ValueError(f"num_thresholds: expected 1 to 100,000, got {count}")
    return ThresholdBuckets((_BELOW_ZERO, *(float(t) for t in np.arange(count + 1) / count)))


def _build_confusion(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    buckets = evenly_spaced(options)
    return (Plot(name, "ConfusionMatrixPlot", Kind.BINARY, (buckets,), ConfusionAtThresholds(buckets)),)


def _build_at_thresholds(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    buckets = ThresholdBuckets(tuple(sorted(set(at_thresholds(options["thresholds"])))))
    return (Plot(name, "ConfusionMatrixAtThresholds", Kind.BINARY, (buckets,), ConfusionAtThresholds(buckets)),)


@dataclass(frozen=True)
class _ScoreDistribution:
    """How much of the mass is above and below each threshold, whatever the labels."""

    matrices: ConfusionAtThresholds

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        data = self.matrices(totals, wanted)
        above = data.columns["true_positives"] + data.columns["false_positives"]
        below = data.columns["true_negatives"] + data.columns["false_negatives"]
        none = np.zeros_like(above)
        columns = {"true_positives": above, "false_positives": none, "true_negatives": below, "false_negatives": none}
        return replace(data, columns=columns)


def _build_distribution(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    buckets = evenly_spaced(options)
    result = _ScoreDistribution(ConfusionAtThresholds(buckets))
    return (Plot(name, "ScoreDistributionPlot", Kind.REAL, (buckets,), result),)


@dataclass(frozen=True)
class _Gain:
    """Cumulated positives over the examples by falling score, at equal shares of all examples.

    Examples of one score are taken in equal parts, as in a random order among them.
    """

    count: int

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        histogram = totals.histogram(ScoreHistogram())
        edges = np.arange(self.count + 1) / self.count
        examples = np.zeros((len(wanted), self.count + 1))
        labels = np.zeros_like(examples)
        bounds = np.searchsorted(histogram.slices, [wanted, np.asarray(wanted) + 1])
        for row, (start, stop) in enumerate(bounds.T.tolist()):  # plots are made of few slices
            positives, negatives = (np.append(0.0, column[start:stop][::-1].cumsum()) for column in histogram.columns)
            examples[row] = edges * (positives[-1] + negatives[-1])
            labels[row] = np.interp(examples[row], positives + negatives, positives)
        tiled = np.tile(edges, len(wanted))
        return PlotData(
            np.repeat(np.asarray(wanted, np.int32), self.count + 1),
            np.tile(np.arange(self.count + 1, dtype=np.int32), len(wanted)),
            tiled,
            tiled,
            {"weighted_examples": examples.reshape(-1), "weighted_labels": labels.reshape(-1)},
        )


def _build_gain(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    count = int(options["num_buckets"])
    if not 1 <= count <= 100_000:
        raise ValueError(f"num_buckets: expected 1 to 100,000, got {count}")
    return (Plot(name, "GainLiftPlot", Kind.BINARY, (ScoreHistogram(),), _Gain(count)),)


def _plot(
    class_name: str,
    summary: str,
    options: Options,
    build: Callable[[str, Options], tuple[Metric | Plot, ...]],
    *,
    example: Options | None = None,
    by_class: bool = False,
) -> None:
    register(
        Definition(
            class_name,
            snake_case(class_name),
            "plots",
            summary,
            options,
            build,
            example=example or {},
            by_class=by_class,
        )
    )


def _build_reliability(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    (plot,) = _build_calibration(name, {**options, "left": 0.0, "right": 1.0})
    assert isinstance(plot, Plot)
    return (replace(plot, type="ReliabilityDiagram"),)


_plot(
    "CalibrationPlot",
    "Mean label and mean prediction by bucket of the prediction.",
    {"num_buckets": 1000, "left": 0.0, "right": 1.0},
    _build_calibration,
)
_plot(
    "ReliabilityDiagram",
    "Mean label and mean prediction in few buckets of equal width of the prediction. (Murphy & Winkler 1977)",
    {"num_buckets": 10},
    _build_reliability,
)
_plot(
    "ConfusionMatrixPlot",
    "The confusion matrix at equally spaced thresholds; ROC and precision-recall curves come from it.",
    {"num_thresholds": 1000},
    _build_confusion,
)
_plot(
    "ConfusionMatrixAtThresholds",
    "The confusion matrix at each of the given thresholds.",
    {"thresholds": (0.5,)},
    _build_at_thresholds,
    example={"thresholds": [0.25, 0.5]},
    by_class=True,
)
_plot(
    "ScoreDistributionPlot",
    "How much of the mass has predictions above (as TP) and up to (as TN) equally spaced thresholds.",
    {"num_thresholds": 1000},
    _build_distribution,
)
_plot(
    "GainLiftPlot",
    "Positives found among the share of examples with the highest scores; over that share it is the lift.",
    {"num_buckets": 100},
    _build_gain,
)
