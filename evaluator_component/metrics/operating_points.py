"""Metrics of the best operating point, and others that look at the whole curve of all thresholds.

An operating point is a threshold: all examples from some score on are predicted positive. Where scores were coarsened,
the points between the scores of one bucket are unknown; none of them is better than the bucket's positives with none of
its negatives, which gives the upper end of the bracket, while the known points give the lower one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import HIGHER, Definition, Metric, Options, Plot, Values
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.scores import Curve, area_under_roc, bracket, over_scores
from evaluator_component.metrics.terms import LabelMass
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.undefined import NO_POSITIVE, ONE_CLASS, divide
from evaluator_component.metrics.view import Float64

_FAMILY = "binary over thresholds"


@dataclass(frozen=True)
class _Points:
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

    def best(self, values: Float64, feasible: Any, otherwise: float) -> Float64:
        """The largest feasible value of each slice, ``otherwise`` where none is: float64 ``[slices]``."""
        histogram = self.histogram
        result = np.full(histogram.slice_count, otherwise)
        if len(values):
            candidates = np.where(feasible & ~np.isnan(values), values, otherwise)
            found = np.maximum.reduceat(candidates, histogram.starts)
            result[histogram.slices[histogram.starts]] = np.maximum(found, otherwise)
        return result


def _points(totals: Totals, *, best: bool) -> _Points:
    """The points below each row's score, or (``best``) with the positives of the row and none of its negatives."""
    histogram = totals.histogram(ScoreHistogram())
    gain, cost = histogram.columns
    (tp, fp), (fn, tn) = histogram.above, histogram.below
    return (
        _Points(histogram, tp + gain, fp, tn + cost, fn) if best else _Points(histogram, tp + gain, fp + cost, tn, fn)
    )


@dataclass(frozen=True)
class _Best:
    """The best value over all operating points.

    Attributes:
        of: Values and which points are feasible; rises and stays feasible when positives come before negatives.
        bound: The constraint's bound.
        otherwise: The value where no point is feasible, or that of predicting nothing positive where it is.
        needs_negatives: Whether it is undefined without negatives.
    """

    of: Callable[[_Points, float], tuple[Float64, Any]]
    bound: float
    otherwise: float = 0.0
    needs_negatives: bool = True

    def __call__(self, totals: Totals) -> Values:
        positives, negatives = totals[LabelMass()]
        undefined = positives <= 0
        if self.needs_negatives:
            undefined |= negatives <= 0
        reason = ONE_CLASS if self.needs_negatives else NO_POSITIVE
        known = self._value(_points(totals, best=False), undefined)
        histogram = totals.histogram(ScoreHistogram())
        if not histogram.coarse.any():
            return Values(known, reason)
        upper = np.maximum(known, self._value(_points(totals, best=True), undefined))
        return Values(known, reason, *bracket(histogram, known, upper))

    def _value(self, points: _Points, undefined: Any) -> Float64:
        values, feasible = self.of(points, self.bound)
        return np.where(undefined, np.nan, points.best(values, feasible, self.otherwise))


def _recall_where_specific(points: _Points, bound: float) -> tuple[Float64, Any]:
    return points.recall, points.specificity >= bound


def _specificity_where_sensitive(points: _Points, bound: float) -> tuple[Float64, Any]:
    return points.specificity, points.recall >= bound


def _precision_where_recalled(points: _Points, bound: float) -> tuple[Float64, Any]:
    return points.precision, points.recall >= bound


def _recall_where_precise(points: _Points, bound: float) -> tuple[Float64, Any]:
    return points.recall, points.precision >= bound


def _recall_where_few_false_positives(points: _Points, bound: float) -> tuple[Float64, Any]:
    return points.recall, points.false_positive_rate <= bound


def kolmogorov_smirnov(totals: Totals) -> Values:
    """The largest distance of the score distributions of positives and negatives: max |TPR − FPR|. (Smirnov 1948)"""
    histogram = totals.histogram(ScoreHistogram())
    per_positive, per_negative = (divide(np.ones_like(mass), mass) for mass in totals[LabelMass()])
    undefined = np.isnan(per_positive) | np.isnan(per_negative)
    below_gain = histogram.below[0] * per_positive[histogram.slices]
    below_cost = histogram.below[1] * per_negative[histogram.slices]

    def largest(distance: Float64) -> Float64:
        result = np.zeros(histogram.slice_count)
        if len(distance):
            np.abs(distance, out=distance)
            result[histogram.slices[histogram.starts]] = np.maximum.reduceat(distance, histogram.starts)
        return np.where(undefined, np.nan, result)

    known = largest(below_cost - below_gain)
    if not histogram.coarse.any():
        return Values(known, ONE_CLASS)
    gain = histogram.columns[0] * per_positive[histogram.slices]
    cost = histogram.columns[1] * per_negative[histogram.slices]
    between = np.maximum(largest(below_cost + cost - below_gain), largest(below_cost - below_gain - gain))
    return Values(known, ONE_CLASS, *bracket(histogram, known, np.maximum(known, between)))


@dataclass(frozen=True)
class _ThresholdAtRecall:
    """The highest score that must be predicted positive to reach a recall.

    Attributes:
        recall: The least recall.
    """

    recall: float

    def __call__(self, totals: Totals) -> Values:
        points = _points(totals, best=False)
        positives = totals[LabelMass()][0]
        reached = points.recall >= self.recall
        largest = np.finfo(np.float64).max
        lowest, highest = (np.clip(scores, -largest, largest) for scores in points.histogram.scores)

        def threshold(scores: Float64) -> Float64:
            found = points.best(scores, reached, -np.inf)
            return np.where((positives > 0) & (found > -np.inf), found, np.nan)

        value = threshold(lowest)
        if not points.histogram.coarse.any():
            return Values(value, NO_POSITIVE)
        upper = np.where(points.histogram.coarse, threshold(highest), np.nan)
        return Values(value, NO_POSITIVE, np.where(points.histogram.coarse, value, np.nan), upper)


def average_precision(totals: Totals) -> Values:
    """The mean of the precision at each positive example, ties together: Σ(Rₙ − Rₙ₋₁)Pₙ. (Zhu 2004)"""
    histogram = totals.histogram(ScoreHistogram())
    positives, _ = totals[LabelMass()]
    curve = Curve.of(histogram)

    def area(share: Float64) -> Float64:
        return divide(histogram.by_slice(curve.gain * np.nan_to_num(share)), positives)

    after = curve.predicted + curve.gain + curve.cost
    value = area(divide(curve.tp + curve.gain, after))
    if not histogram.coarse.any():
        return Values(value, NO_POSITIVE)
    first = area(divide(curve.tp + curve.gain, curve.predicted + curve.gain))
    last = area(divide(curve.tp, curve.predicted + curve.cost))
    return Values(value, NO_POSITIVE, *bracket(histogram, last, first))


def gini(totals: Totals) -> Values:
    """2·AUC − 1. (Hand & Till 2001)"""
    auc = area_under_roc(totals)
    ends = (None if end is None else 2 * end - 1 for end in (auc.lower, auc.upper))
    return Values(2 * auc.value - 1, auc.undefined, *ends)


@dataclass(frozen=True)
class _PartialArea:
    """The area under the ROC curve up to a false positive rate, standardised to [0, 1]. (McClish 1989)"""

    most: float

    def __call__(self, totals: Totals) -> Values:
        histogram = totals.histogram(ScoreHistogram())
        positives, negatives = totals[LabelMass()]
        curve = Curve.of(histogram)
        rows = histogram.slices
        left = divide(curve.predicted - curve.tp, negatives[rows])
        width = divide(curve.cost, negatives[rows])
        below, rise = divide(curve.tp, positives[rows]), divide(curve.gain, positives[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.clip(np.where(width > 0, (self.most - left) / width, 0.0), 0.0, 1.0)

        def area(height: Float64) -> Float64:
            total = histogram.by_slice(np.nan_to_num(part * width * height))
            total = np.where((positives > 0) & (negatives > 0), total, np.nan)
            least = self.most**2 / 2
            return (1 + (total - least) / (self.most - least)) / 2

        value = area(below + part * rise / 2)
        if not histogram.coarse.any():
            return Values(value, ONE_CLASS)
        return Values(value, ONE_CLASS, *bracket(histogram, area(below), area(below + rise)))


def _register(
    class_name: str, summary: str, options: Options, build: Callable[[Options], Sequence[tuple[str, Any]]], **more: Any
) -> None:
    """Registers an entry; ``build`` gives pairs of (sub-key, result) for complete options."""

    def made(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        direction = more.get("direction", HIGHER)
        return tuple(replace(over_scores(name, r, sub_key=sub), direction=direction) for sub, r in build(given))

    register(
        Definition(
            class_name,
            snake_case(class_name),
            _FAMILY,
            summary,
            options,
            made,
            direction=more.get("direction", HIGHER),
            interval="jackknife",
            range=more.get("limits", (0.0, 1.0)),
            example=more.get("example", {}),
            by_class=True,
        )
    )


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
    _register(class_name, summary, options, build, example={option: 0.9}, **more)


_constrained(
    "SensitivityAtSpecificity",
    "specificity",
    "The highest sensitivity of a threshold whose specificity is at least the one given. (Zweig & Campbell 1993)",
    lambda bound: _Best(_recall_where_specific, bound),
)
_constrained(
    "SpecificityAtSensitivity",
    "sensitivity",
    "The highest specificity of a threshold whose sensitivity is at least the one given. (Zweig & Campbell 1993)",
    lambda bound: _Best(_specificity_where_sensitive, bound, 1.0 if bound == 0 else 0.0),
)
_constrained(
    "PrecisionAtRecall",
    "recall",
    "The highest precision of a threshold whose recall is at least the one given. (Davis & Goadrich 2006)",
    lambda bound: _Best(_precision_where_recalled, bound, needs_negatives=False),
)
_constrained(
    "RecallAtPrecision",
    "precision",
    "The highest recall of a threshold with at least the given precision, 0 without one. (Davis & Goadrich 2006)",
    lambda bound: _Best(_recall_where_precise, bound, needs_negatives=False),
)
_constrained(
    "RecallAtFalsePositiveRate",
    "false_positive_rate",
    "The highest recall of a threshold whose false positive rate is at most the one given. (Zweig & Campbell 1993)",
    lambda bound: _Best(_recall_where_few_false_positives, bound),
)
_constrained(
    "ThresholdAtRecall",
    "recall",
    "The highest score that must be predicted positive, with all above, to reach the recall. (Davis & Goadrich 2006)",
    _ThresholdAtRecall,
    direction=None,
    limits=(-np.inf, np.inf),
)
_register(
    "AveragePrecision",
    first_sentence(average_precision),
    {},
    lambda _: [("", average_precision)],
)
_register(
    "KolmogorovSmirnov",
    first_sentence(kolmogorov_smirnov),
    {},
    lambda _: [("", kolmogorov_smirnov)],
)
_register("Gini", first_sentence(gini), {}, lambda _: [("", gini)], limits=(-1.0, 1.0))


def _partial(given: Options) -> list[tuple[str, Any]]:
    most = float(given["max_fpr"])
    if not 0.0 < most < 1.0:
        raise ValueError(f"max_fpr: expected a number between 0 and 1, got {most!r}")
    return [("", _PartialArea(most))]


_register(
    "PartialAUC",
    "The area under the ROC curve up to a false positive rate, standardised: chance is 0.5. (McClish 1989)",
    {"max_fpr": 0.1},
    _partial,
    example={"max_fpr": 0.1},
)
