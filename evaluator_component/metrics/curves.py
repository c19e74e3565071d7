"""Metrics that look at the whole curve of all thresholds, beside the areas of :mod:`.scores`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import Options, Values
from evaluator_component.metrics.registry import first_sentence
from evaluator_component.metrics.scores import Curve, area_under_roc, bracket, register_over_scores
from evaluator_component.metrics.terms import LabelMass
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.undefined import NO_POSITIVE, ONE_CLASS, divide
from evaluator_component.metrics.view import Float64


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


register_over_scores(
    "AveragePrecision",
    first_sentence(average_precision),
    {},
    lambda _: [("", average_precision)],
)
register_over_scores(
    "KolmogorovSmirnov",
    first_sentence(kolmogorov_smirnov),
    {},
    lambda _: [("", kolmogorov_smirnov)],
)
register_over_scores("Gini", first_sentence(gini), {}, lambda _: [("", gini)], limits=(-1.0, 1.0))


def _partial(given: Options) -> list[tuple[str, Any]]:
    most = float(given["max_fpr"])
    if not 0.0 < most < 1.0:
        raise ValueError(f"max_fpr: expected a number between 0 and 1, got {most!r}")
    return [("", _PartialArea(most))]


register_over_scores(
    "PartialAUC",
    "The area under the ROC curve up to a false positive rate, standardised: chance is 0.5. (McClish 1989)",
    {"max_fpr": 0.1},
    _partial,
    example={"max_fpr": 0.1},
)
