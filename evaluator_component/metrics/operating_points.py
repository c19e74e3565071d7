"""Metrics of the best operating point.

An operating point is a threshold: all examples from some score on are predicted positive. Where scores were coarsened,
the points between the scores of one bucket are unknown; none of them is better than the bucket's positives with none of
its negatives, which gives the upper end of the bracket, while the known points give the lower one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import Options, Values
from evaluator_component.metrics.scores import bracket, register_over_scores
from evaluator_component.metrics.terms import LabelMass
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.undefined import NO_POSITIVE, ONE_CLASS, divide
from evaluator_component.metrics.view import Float64


@dataclass(frozen=True)
class Points:
    """Operating points, one per row of the histogram: float64 ``[rows]`` each. Empty cells are exactly 0."""

    histogram: Histogram
    tp: Float64
    fp: Float64
    tn: Float64
    fn: Float64

    @property
    def recall(self) -> Float64:
        """True positives of all positives."""
        return divide(self.tp, self.tp + self.fn)

    @property
    def false_positive_rate(self) -> Float64:
        """False positives of all negatives."""
        return divide(self.fp, self.fp + self.tn)

    @property
    def specificity(self) -> Float64:
        """True negatives of all negatives."""
        return divide(self.tn, self.fp + self.tn)

    @property
    def precision(self) -> Float64:
        """True positives of all that are predicted positive."""
        return divide(self.tp, self.tp + self.fp)

    @property
    def possible(self) -> Any:
        """Whether there is a threshold below the row's score: not below −∞."""
        return self.histogram.scores[0] > -np.inf

    def best(self, values: Float64, feasible: Any, otherwise: float) -> Float64:
        """The largest feasible value of each slice, ``otherwise`` where none is: float64 ``[slices]``."""
        histogram = self.histogram
        result = np.full(histogram.slice_count, otherwise)
        if len(values):
            candidates = np.where(feasible & self.possible & ~np.isnan(values), values, otherwise)
            found = np.maximum.reduceat(candidates, histogram.starts)
            result[histogram.slices[histogram.starts]] = np.maximum(found, otherwise)
        return result


def operating_points(totals: Totals, *, best: bool) -> Points:
    """The points below each row's score, or (``best``) with the positives of the row and none of its negatives.

    A score of −∞ is below every threshold, so that there is no point below it.
    """
    histogram = totals.histogram(ScoreHistogram())
    gain, cost = histogram.columns
    (tp, fp), (fn, tn) = histogram.above, histogram.below
    return Points(histogram, tp + gain, fp, tn + cost, fn) if best else Points(histogram, tp + gain, fp + cost, tn, fn)


@dataclass(frozen=True)
class Best:
    """The best value over all operating points.

    Attributes:
        of: Values and which points are feasible; rises and stays feasible when positives come before negatives.
        bound: The constraint's bound.
        otherwise: The value where no point is feasible, or that of predicting nothing positive where it is.
        needs_negatives: Whether it is undefined without negatives.
    """

    of: Callable[[Points, float], tuple[Float64, Any]]
    bound: float
    otherwise: float = 0.0
    needs_negatives: bool = True

    def __call__(self, totals: Totals) -> Values:
        """The best value of each slice."""
        positives, negatives = totals[LabelMass()]
        undefined = positives <= 0
        if self.needs_negatives:
            undefined |= negatives <= 0
        reason = ONE_CLASS if self.needs_negatives else NO_POSITIVE
        known = self._value(operating_points(totals, best=False), undefined)
        histogram = totals.histogram(ScoreHistogram())
        if not histogram.coarse.any():
            return Values(known, reason)
        upper = np.maximum(known, self._value(operating_points(totals, best=True), undefined))
        return Values(known, reason, *bracket(histogram, known, upper))

    def _value(self, points: Points, undefined: Any) -> Float64:
        values, feasible = self.of(points, self.bound)
        return np.where(undefined, np.nan, points.best(values, feasible, self.otherwise))


def _recall_where_specific(points: Points, bound: float) -> tuple[Float64, Any]:
    return points.recall, points.specificity >= bound


def _specificity_where_sensitive(points: Points, bound: float) -> tuple[Float64, Any]:
    return points.specificity, points.recall >= bound


def precision_where_recalled(points: Points, bound: float) -> tuple[Float64, Any]:
    """For :class:`Best`: precision, where recall is at least the bound."""
    return points.precision, points.recall >= bound


def _recall_where_precise(points: Points, bound: float) -> tuple[Float64, Any]:
    return points.recall, points.precision >= bound


def _recall_where_few_false_positives(points: Points, bound: float) -> tuple[Float64, Any]:
    return points.recall, points.false_positive_rate <= bound


_NOT_REACHED = f"{NO_POSITIVE}, or those that have a score are too few for the recall"


@dataclass(frozen=True)
class ThresholdAtRecall:
    """The highest score that must be predicted positive to reach a recall.

    Attributes:
        recall: The least recall.
    """

    recall: float

    def __call__(self, totals: Totals) -> Values:
        """The threshold of each slice."""
        points = operating_points(totals, best=False)
        positives = totals[LabelMass()][0]
        reached = points.recall >= self.recall
        lowest, highest = points.histogram.scores

        def threshold(scores: Float64) -> Float64:
            found = points.best(scores, reached, -np.inf)
            return np.where((positives > 0) & (found > -np.inf), found, np.nan)

        value = threshold(lowest)
        if not points.histogram.coarse.any():
            return Values(value, _NOT_REACHED)
        upper = np.where(points.histogram.coarse, threshold(highest), np.nan)
        return Values(value, _NOT_REACHED, np.where(points.histogram.coarse, value, np.nan), upper)


def _constrained(
    class_name: str,
    option: str,
    summary: str,
    result: Callable[[float], Callable[[Totals], Values]],
    **more: Any,
) -> None:
    """Registers a metric under a constraint; ``result`` makes it of the constraint's bound."""

    def build(given: Options) -> list[tuple[str, Any]]:
        bounds = given[option] if isinstance(given[option], (list, tuple)) else (given[option],)
        for bound in bounds:
            if not 0.0 <= bound <= 1.0:
                raise ValueError(f"{option}: expected a number in [0, 1], got {bound!r}")
        several = len(bounds) > 1
        return [(f"{option}={float(bound)!r}" if several else "", result(float(bound))) for bound in bounds]

    options: Options = {option: (0.5,), "num_thresholds": None, "thresholds": None}
    register_over_scores(class_name, summary, options, build, example={option: 0.9}, resolution=1024, **more)


_constrained(
    "SensitivityAtSpecificity",
    "specificity",
    "The highest sensitivity of a threshold whose specificity is at least the one given. (Zweig & Campbell 1993)",
    lambda bound: Best(_recall_where_specific, bound),
)
_constrained(
    "SpecificityAtSensitivity",
    "sensitivity",
    "The highest specificity of a threshold whose sensitivity is at least the one given. (Zweig & Campbell 1993)",
    lambda bound: Best(_specificity_where_sensitive, bound, 1.0 if bound == 0 else 0.0),
)
_constrained(
    "PrecisionAtRecall",
    "recall",
    "The highest precision of a threshold whose recall is at least the one given. (Davis & Goadrich 2006)",
    lambda bound: Best(precision_where_recalled, bound, needs_negatives=False),
)
_constrained(
    "RecallAtPrecision",
    "precision",
    "The highest recall of a threshold with at least the given precision, 0 without one. (Davis & Goadrich 2006)",
    lambda bound: Best(_recall_where_precise, bound, needs_negatives=False),
)
_constrained(
    "RecallAtFalsePositiveRate",
    "false_positive_rate",
    "The highest recall of a threshold whose false positive rate is at most the one given. (Zweig & Campbell 1993)",
    lambda bound: Best(_recall_where_few_false_positives, bound),
)
_constrained(
    "ThresholdAtRecall",
    "recall",
    "The highest score that must be predicted positive, with all above, to reach the recall. (Davis & Goadrich 2006)",
    ThresholdAtRecall,
    direction=None,
    limits=(-np.inf, np.inf),
)
