"""The numbers of the figures: curves, buckets and matrices from the rows of the plots table.

Nothing is drawn here. ``rows`` are always those of one plot, slice and model, in any order; weights of examples are in
them already. With positives P, negatives N and cells tp, fp, tn, fn at a threshold (Fawcett 2006):

    ROC               x = fp / N                  y = tp / P             joined by lines
    precision-recall  x = tp / P                  y = tp / (tp + fp)     joined by steps
    gain              x = (tp + fp) / (P + N)     y = tp / P             joined by lines
    lift              x as of the gain            y = gain / x

What cannot be computed on these examples, for want of positives say, is a LookupError that says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from evaluator_component.report.plot_rows import (
    Buckets,
    Confusions,
    Float64,
    buckets,
    columns,
    confusions,
    merge,
    need,
    need_some,
    place_of,
)
from evaluator_component.stats.proportions import wilson


@dataclass(frozen=True)
class Curve:
    """Points of a curve, by falling threshold.

    Attributes:
      x, y: float64 ``[n]``, x ascending.
      thresholds: The threshold of each point, float64 ``[n]``; infinite at a corner that belongs to none, NaN where the
        plot does not tell.
      steps: Whether y holds on the whole way from the point before (``steps-pre``), instead of being joined by a line.
      area: The area below it as it is drawn: of trapezoids, or of the steps.
    """

    x: Float64
    y: Float64
    thresholds: Float64
    steps: bool = False

    @property
    def area(self) -> float:
        """See the class."""
        width = np.diff(self.x)
        height = self.y[1:] if self.steps else (self.y[1:] + self.y[:-1]) / 2
        return float(np.sum(width * height))

    def at(self, x: float) -> float:
        """The height at a place between two points, on the line between them."""
        return float(np.interp(x, self.x, self.y))


@dataclass(frozen=True)
class Reliability:
    """Mean label against mean prediction, of the buckets that are not empty.

    Attributes:
      mean_prediction, mean_label: float64 ``[n]``.
      lower, upper: The 95 % limits of the mean label, float64 ``[n]``; NaN where there is no basis for them.
      examples: The weight in the bucket, float64 ``[n]``.
    """

    mean_prediction: Float64
    mean_label: Float64
    lower: Float64
    upper: Float64
    examples: Float64

    @property
    def error(self) -> float:
        """The expected calibration error: mean distance of label and prediction, by weight. (Naeini et al. 2015)"""
        return float(np.average(np.abs(self.mean_label - self.mean_prediction), weights=self.examples))


@dataclass(frozen=True)
class Distribution:
    """How scores are distributed.

    Attributes:
      edges: float64 ``[n + 1]``, ascending and finite.
      densities: By name of a class of the label ("positive", "negative"), or "all" where labels are not known to be
        shares: the share of its examples per unit of score, float64 ``[n]``.
      below, above: By name of a class the share of its examples whose scores are beyond the edges.
      closed_below: Whether ``below`` has the scores that equal the lowest edge, else ``above`` those that equal the
        highest.
    """

    edges: Float64
    densities: dict[str, Float64]
    below: dict[str, float]
    above: dict[str, float]
    closed_below: bool


def roc(found: Confusions) -> Curve:
    """Returns the ROC curve, from (0, 0), where nothing is predicted positive, to (1, 1). (Fawcett 2006)

    Raises:
      LookupError: no example is positive, or none is negative.
    """
    need_some(found.positives + found.negatives)
    need(found.positives, "positive")
    need(found.negatives, "negative")
    return Curve(
        np.concatenate([[0.0], found.fp[::-1] / found.negatives, [1.0]]),
        np.concatenate([[0.0], found.tp[::-1] / found.positives, [1.0]]),
        _with_corners(found.thresholds),
    )


def precision_recall(found: Confusions) -> Curve:
    """Returns precision by recall, in steps: up to each recall the precision is that of the threshold that reaches it.

    The area of these steps is the average precision Σ(Rₙ − Rₙ₋₁)Pₙ; lines between the points would promise precisions
    that no threshold has (Davis & Goadrich 2006). Thresholds above which there is no score have no precision and no
    point; the first step begins at a recall of 0. The last point is that where all examples are predicted positive.

    Raises:
      LookupError: no example is positive.
    """
    need_some(found.positives + found.negatives)
    need(found.positives, "positive")
    tp, fp = (
        np.append(above[::-1], total) for above, total in ((found.tp, found.positives), (found.fp, found.negatives))
    )
    thresholds = np.append(found.thresholds[::-1], -np.inf)
    some = tp + fp > 0
    recall, precision = tp[some] / found.positives, tp[some] / (tp[some] + fp[some])
    return Curve(
        np.append(0.0, recall),
        np.append(precision[0], precision),
        np.append(np.inf, thresholds[some]),
        steps=True,
    )


def gain(rows: pa.Table) -> Curve:
    """Returns the share of positives among the examples with the highest scores, by the share of those examples.

    Of a GainLiftPlot, or of what :func:`confusions` takes.

    Raises:
      LookupError: no example is positive.
    """
    if rows.column("plot_type")[0].as_py() == "GainLiftPlot":
        examples, labels = columns(rows, "weighted_examples", "weighted_labels")
        need_some(float(examples[-1]))
        need(float(labels[-1]), "positive")
        return Curve(examples / examples[-1], labels / labels[-1], np.full(len(examples), np.nan))
    found = confusions(rows)
    need_some(found.positives + found.negatives)
    need(found.positives, "positive")
    total = found.positives + found.negatives
    return Curve(
        np.concatenate([[0.0], (found.tp + found.fp)[::-1] / total, [1.0]]),
        np.concatenate([[0.0], found.tp[::-1] / found.positives, [1.0]]),
        _with_corners(found.thresholds),
    )


def lift(gained: Curve) -> Curve:
    """Returns how many times as many positives the highest scores hold as so many examples taken at random do."""
    some = gained.x > 0
    return Curve(gained.x[some], gained.y[some] / gained.x[some], gained.thresholds[some])


def base_rate(rows: pa.Table) -> float:
    """Returns the share of positives of what :func:`gain` takes."""
    if rows.column("plot_type")[0].as_py() == "GainLiftPlot":
        examples, labels = columns(rows, "weighted_examples", "weighted_labels")
        return float(labels[-1] / examples[-1])
    found = confusions(rows)
    return found.positives / (found.positives + found.negatives)


def calibration(rows: pa.Table, count: int, examples_per_weight: float) -> Reliability:
    """Returns mean label and mean prediction of at most ``count`` buckets of equal width. (Murphy & Winkler 1977)

    Args:
      rows: Of a CalibrationPlot or ReliabilityDiagram.
      count: How many buckets at most.
      examples_per_weight: To how many examples of equal weight a weight of 1 amounts: 1 without weights. Limits are
        Wilson's for that many; NaN for none. They need labels from 0 to 1.

    Raises:
      LookupError: there are no examples.
    """
    whole = buckets(rows)
    need_some(float(whole.examples.sum()))
    found = merge(whole, count)
    assert found.labels is not None
    assert found.predictions is not None
    some = found.examples > 0
    weight = found.examples[some]
    label, prediction = found.labels[some] / weight, found.predictions[some] / weight
    trials = weight * (examples_per_weight if whole.has_shares else np.nan)
    lower, upper = wilson(np.clip(label, 0.0, 1.0), trials, 0.025)
    known = np.isfinite(trials)
    return Reliability(prediction, label, np.where(known, lower, np.nan), np.where(known, upper, np.nan), weight)


def scores(rows: pa.Table, count: int) -> Distribution:
    """Returns the distribution of the scores in at most ``count`` buckets, by class of the label where it is known.

    Args:
      rows: Of a ConfusionMatrixPlot, a ScoreDistributionPlot, or of what :func:`calibration` takes.
      count: How many buckets at most.

    Raises:
      LookupError: there are no examples.
    """
    whole = buckets(rows)
    need_some(float(whole.examples.sum()))
    parts = {"all": whole.examples}
    if whole.has_shares and whole.labels is not None:
        parts = {"positive": whole.labels, "negative": whole.examples - whole.labels}
    shares = {name: np.maximum(part, 0.0) / part.sum() for name, part in parts.items() if part.sum() > 0}
    first, last = np.isneginf(whole.lower), np.isposinf(whole.upper)
    inside = ~(first | last)
    densities = {}
    for name, share in shares.items():
        found = merge(Buckets(whole.lower[inside], whole.upper[inside], share[inside], None, None), count)
        densities[name] = found.examples / (found.upper - found.lower)
    return Distribution(
        np.append(found.lower, found.upper[-1]),
        densities,
        {name: float(share[first].sum()) for name, share in shares.items()},
        {name: float(share[last].sum()) for name, share in shares.items()},
        closed_below=rows.column("true_positives").null_count == 0,
    )


def matrix_at(found: Confusions, threshold: float) -> Float64:
    """Returns ``[[tn, fp], [fn, tp]]`` (actual by predicted, negative first) at a threshold of the plot.

    Raises:
      LookupError: the plot has no such threshold; the message has the nearest.
    """
    need_some(found.positives + found.negatives)
    place = place_of(found.thresholds, threshold)
    return np.array([[found.tn[place], found.fp[place]], [found.fn[place], found.tp[place]]])


def _with_corners(thresholds: Float64) -> Float64:
    return np.concatenate([[np.inf], thresholds[::-1], [-np.inf]])
