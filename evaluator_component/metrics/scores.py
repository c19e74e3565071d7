"""Metrics over all thresholds, computed from the histogram of scores: exact, or with a bracket where it is coarse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import HIGHER, Definition, Metric, Options, Plot, Values
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import LabelMass
from evaluator_component.metrics.totals import GroupedHistogram, Histogram, Totals
from evaluator_component.metrics.undefined import NO_POSITIVE, ONE_CLASS, divide
from evaluator_component.metrics.view import Float64, Kind


def area_under_roc(totals: Totals) -> Values:
    """The chance that a positive example scores above a negative one, ties counted half. (Mann & Whitney 1947)"""
    histogram = totals.histogram(ScoreHistogram())
    positives, negatives = histogram.columns
    wins = positives * (histogram.below[1] + negatives / 2)
    total_positives, total_negatives = totals[LabelMass()]
    pairs = total_positives * total_negatives
    value = divide(histogram.by_slice(wins), pairs)
    if not histogram.coarse.any():
        return Values(value, ONE_CLASS)
    tied = divide(histogram.by_slice(positives * negatives), pairs)
    return Values(value, ONE_CLASS, *bracket(histogram, value - tied / 2, value + tied / 2))


def area_under_roc_without(histogram: GroupedHistogram) -> Float64:
    """The area under the ROC curve of all groups and without each, float64 ``[slices, 1 + groups]``.

    Of the pairs of a positive and a negative that are in order, those go that have one of the two in the group.
    """
    merged, by_group, place = histogram.merged, histogram.by_group, histogram.place
    positives, negatives = by_group.columns
    whole = merged.by_slice(merged.columns[0] * (merged.below[1] + merged.columns[1] / 2))[:, None]
    of_positives = histogram.sum(positives * (merged.below[1] + merged.columns[1] / 2)[place])
    of_negatives = histogram.sum(negatives * (merged.above[0] + merged.columns[0] / 2)[place])
    of_both = histogram.sum(positives * (by_group.below[1] + negatives / 2))
    wins = np.hstack([whole, whole - of_positives - of_negatives + of_both])
    without = [histogram.without(column) for column in range(2)]
    return divide(wins, without[0] * without[1])


def average_precision_without(histogram: GroupedHistogram) -> Float64:
    """The mean precision at the positives' scores of all groups and without each, float64 ``[slices, 1 + groups]``.

    Without a group it is known to first order, by how much each of its examples moves it.

    The area under the precision-recall curve differs from it by how neighbouring points are joined, which has no say
    in how it varies.
    """
    merged, place = histogram.merged, histogram.place
    positives, negatives = merged.columns
    tp, fp = (above + column for above, column in zip(merged.above, merged.columns, strict=True))
    predicted = tp + fp
    total = merged.by_slice(positives)
    precision = divide(tp, predicted)
    area = divide(merged.by_slice(positives * precision), total)
    # One more example raises or lowers the precision at the scores of the positives from its own on downwards.
    by_positive, by_negative = (merged.up_to(positives * divide(share, predicted * predicted)) for share in (fp, -tp))
    of_positive = precision - area[merged.slices] + by_positive
    positives, negatives = histogram.by_group.columns
    influence = divide(histogram.sum(positives * of_positive[place] + negatives * by_negative[place]), total[:, None])
    examples = histogram.sum(positives + negatives)
    share = divide(examples, examples.sum(axis=1, keepdims=True))
    return np.hstack([area[:, None], area[:, None] - divide(influence, 1.0 - share)])


def bracket(histogram: Histogram, lower: Float64, upper: Float64) -> tuple[Float64, Float64]:
    """The ends of a bracket in [0, 1] for the slices with coarsened scores, NaN for the others."""
    return (
        np.where(histogram.coarse, np.clip(lower, 0.0, 1.0), np.nan),
        np.where(histogram.coarse, np.clip(upper, 0.0, 1.0), np.nan),
    )


def area_under_precision_recall(totals: Totals, method: str = "interpolation") -> Values:
    """The area under the precision-recall curve over all distinct scores.

    ``interpolation`` joins neighbouring points as a straight line in ROC space does (Davis & Goadrich 2006);
    ``minoring`` and ``majoring`` take the lower or the higher precision of the two ends.
    """
    histogram = totals.histogram(ScoreHistogram())
    total_positives, _ = totals[LabelMass()]
    curve = Curve.of(histogram)
    value = divide(histogram.by_slice(curve.areas(method)), total_positives)
    if not histogram.coarse.any():
        return Values(value, NO_POSITIVE)
    # The ROC curve that puts each bucket's positives first dominates, the one that puts them last is dominated, and
    # domination carries over to precision-recall space (Davis & Goadrich 2006, theorem 3.2).
    rows = np.flatnonzero(histogram.coarse[histogram.slices])
    steps = curve.take(rows)
    ends = []
    for end in (steps.positives_last(), steps.positives_first()):
        area = np.bincount(histogram.slices[rows], end.areas(method), histogram.slice_count)
        ends.append(divide(area.astype(np.float64), total_positives))
    return Values(value, NO_POSITIVE, *bracket(histogram, *ends))


@dataclass(frozen=True)
class Curve:
    """A step per row of the histogram, from the threshold just above its score to the one just below.

    Attributes:
        tp: True positives above the step, float64 ``[rows]``.
        predicted: Examples predicted positive above the step.
        gain: Positives in the step.
        cost: Negatives in the step.
    """

    tp: Float64
    predicted: Float64
    gain: Float64
    cost: Float64

    @classmethod
    def of(cls, histogram: Histogram) -> Curve:
        """The curve that passes through every distinct score."""
        tp, fp = histogram.above
        return cls(tp, tp + fp, *histogram.columns)

    def take(self, rows: npt.NDArray[np.intp]) -> Curve:
        """The steps of some rows."""
        return Curve(self.tp[rows], self.predicted[rows], self.gain[rows], self.cost[rows])

    def positives_first(self) -> Curve:
        """The best curve that these steps leave open: the negatives of a step add no area after its positives."""
        return Curve(self.tp, self.predicted, self.gain, np.zeros_like(self.cost))

    def positives_last(self) -> Curve:
        """The worst curve that these steps leave open."""
        return Curve(self.tp, self.predicted + self.cost, self.gain, np.zeros_like(self.cost))

    def areas(self, method: str) -> Float64:
        """Area under each step, times the number of positives; a step without a positive has none."""
        result = np.zeros(len(self.gain))
        rows = np.flatnonzero(self.gain > 0)
        if len(rows):
            result[rows] = self.take(rows)._areas(method)
        return result

    def _areas(self, method: str) -> Float64:
        after = self.predicted + self.gain + self.cost
        with np.errstate(divide="ignore", invalid="ignore"):
            if method == "interpolation":
                slope = self.gain / (self.gain + self.cost)
                intercept = self.tp - slope * self.predicted
                growth = np.where(self.predicted > 0, np.log(after / self.predicted), 0.0)
                return slope * (self.gain + intercept * growth)
            below = (self.tp + self.gain) / after
            above = np.where(self.predicted > 0, self.tp / self.predicted, below)
        return self.gain * (np.minimum(below, above) if method == "minoring" else np.maximum(below, above))


@dataclass(frozen=True)
class _PrecisionRecall:
    method: str

    def __call__(self, totals: Totals) -> Values:
        return area_under_precision_recall(totals, self.method)


_METHODS = ("interpolation", "minoring", "majoring")
_OPTIONS: Options = {"summation_method": "interpolation", "num_thresholds": 200, "thresholds": None}


def over_scores(name: str, result: Callable[[Totals], Values], *, sub_key: str = "") -> Metric:
    """A metric whose result is made of the histogram of scores."""
    return Metric(
        name,
        Kind.BINARY,
        result,
        (LabelMass(),),
        (ScoreHistogram(),),
        direction=HIGHER,
        interval="jackknife",
        sub_key=sub_key,
    )


def register_over_scores(
    class_name: str, summary: str, options: Options, build: Callable[[Options], Sequence[tuple[str, Any]]], **more: Any
) -> None:
    """Registers an entry whose results are made of the histogram of scores.

    Args:
        class_name: Name in the config.
        summary: As on :class:`~evaluator_component.metrics.metric.Definition`.
        options: As there.
        build: Gives pairs of (sub-key, result) for complete options.
        more: ``direction``, ``limits`` (the range), ``example``, and ``resolution`` as on
            :class:`~evaluator_component.metrics.metric.Metric`.
    """

    def made(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        own = {"direction": more.get("direction", HIGHER), "resolution": more.get("resolution", 128)}
        return tuple(replace(over_scores(name, r, sub_key=sub), **own) for sub, r in build(given))

    register(
        Definition(
            class_name,
            snake_case(class_name),
            "binary over thresholds",
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


def _method(options: Options) -> str:
    method = str(options["summation_method"])
    if method not in _METHODS:
        raise ValueError(f"summation_method: expected one of {', '.join(_METHODS)}, got {method!r}")
    return method


def _over_precision_recall(name: str, options: Options) -> Metric:
    metric = over_scores(name, _PrecisionRecall(_method(options)))
    return replace(metric, without=average_precision_without, resolution=1024)


def _build_auc(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    curve = str(options["curve"]).upper()
    if curve == "PR":
        return (_over_precision_recall(name, options),)
    if curve != "ROC":
        raise ValueError(f"curve: expected ROC or PR, got {options['curve']!r}")
    _method(options)
    return (
        replace(over_scores(name, area_under_roc), interval="delong", without=area_under_roc_without, resolution=1024),
    )


def _build_precision_recall(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    return (_over_precision_recall(name, options),)


register(
    Definition(
        "AUC",
        "auc",
        "binary over thresholds",
        "The chance that a positive example scores above a negative one, ties counted half. (Mann & Whitney 1947)",
        {"curve": "ROC", **_OPTIONS},
        _build_auc,
        direction=HIGHER,
        interval="delong",
        range=(0.0, 1.0),
        by_class=True,
    )
)
register(
    Definition(
        "AUCPrecisionRecall",
        "auc_precision_recall",
        "binary over thresholds",
        "The area under the precision-recall curve, joined as a line in ROC space is. (Davis & Goadrich 2006)",
        _OPTIONS,
        _build_precision_recall,
        direction=HIGHER,
        interval="jackknife",
        range=(0.0, 1.0),
        by_class=True,
    )
)
