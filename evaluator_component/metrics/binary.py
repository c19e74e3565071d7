"""Metrics of a binary classifier at one threshold: all hang off one confusion matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evaluator_component.metrics.metric import HIGHER, LOWER, Definition, Direction, Metric, Options, Plot, Ratio
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.terms import AboveThreshold, LabelMass, LogLoss, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind

_NO_WEIGHT = "no example has a weight above 0"
_NO_POSITIVE = "no example has a positive label"
_NO_NEGATIVE = "no example has a negative label"


@dataclass(frozen=True)
class Confusion:
    """A weighted confusion matrix: float64 ``[slices]`` each."""

    tp: Float64
    fp: Float64
    tn: Float64
    fn: Float64


def confusion(totals: Totals, threshold: float) -> Confusion:
    """The confusion matrix of predicting positive where the score is above the threshold."""
    positives, negatives = totals[LabelMass()]
    tp, fp = totals[AboveThreshold(threshold)]
    return Confusion(tp, fp, negatives - fp, positives - tp)


def _at_threshold(
    *class_names: str, direction: Direction, option: str = "thresholds", interval: str = "wilson"
) -> Callable[[Callable[[Confusion], Ratio]], Callable[[Confusion], Ratio]]:
    """Registers a function of the confusion matrix under one or several class names."""

    def decorate(function: Callable[[Confusion], Ratio]) -> Callable[[Confusion], Ratio]:
        def build(name: str, options: Options) -> tuple[Metric | Plot, ...]:
            thresholds = _thresholds(options[option])
            return tuple(
                Metric(
                    name,
                    Kind.BINARY,
                    _Result(function, threshold),
                    (LabelMass(), AboveThreshold(threshold)),
                    direction=direction,
                    interval=interval,
                    sub_key=f"threshold={threshold!r}" if len(thresholds) > 1 else "",
                )
                for threshold in thresholds
            )

        for class_name in class_names:
            register(
                Definition(
                    class_name,
                    snake_case(class_name),
                    "binary at threshold",
                    first_sentence(function),
                    {option: (0.5,) if option == "thresholds" else 0.5},
                    build,
                    direction=direction,
                    interval=interval,
                    range=(0.0, 1.0),
                )
            )
        return function

    return decorate


@dataclass(frozen=True)
class _Result:
    """A metric's function with its threshold; a class, so that plans can travel to workers."""

    function: Callable[[Confusion], Ratio]
    threshold: float

    def __call__(self, totals: Totals) -> Ratio:
        return self.function(confusion(totals, self.threshold))


def _thresholds(value: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in (value if isinstance(value, (list, tuple)) else (value,)))


@_at_threshold("BinaryAccuracy", direction=HIGHER, option="threshold")
def binary_accuracy(c: Confusion) -> Ratio:
    """The share of examples on the right side of the threshold."""
    return Ratio(c.tp + c.tn, c.tp + c.tn + c.fp + c.fn, _NO_WEIGHT)


@_at_threshold("Precision", direction=HIGHER)
def precision(c: Confusion) -> Ratio:
    """Of the examples predicted positive, the share that is. (Fawcett 2006)"""
    return Ratio(c.tp, c.tp + c.fp, "no example is predicted positive")


@_at_threshold("Recall", direction=HIGHER)
def recall(c: Confusion) -> Ratio:
    """Of the positive examples, the share predicted positive. (Fawcett 2006)"""
    return Ratio(c.tp, c.tp + c.fn, _NO_POSITIVE)


@_at_threshold("FPR", "FalsePositiveRate", direction=LOWER)
def false_positive_rate(c: Confusion) -> Ratio:
    """Of the negative examples, the share predicted positive. (Fawcett 2006)"""
    return Ratio(c.fp, c.fp + c.tn, _NO_NEGATIVE)


@_at_threshold("FNR", "FalseNegativeRate", direction=LOWER)
def false_negative_rate(c: Confusion) -> Ratio:
    """Of the positive examples, the share predicted negative. (Fawcett 2006)"""
    return Ratio(c.fn, c.fn + c.tp, _NO_POSITIVE)


@_at_threshold("F1Score", direction=HIGHER, interval="delta")
def f1_score(c: Confusion) -> Ratio:
    """The harmonic mean of precision and recall: 2TP / (2TP + FP + FN). (van Rijsbergen 1979)"""
    return Ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn, "no example is positive or predicted positive")


def _binary_cross_entropy(name: str, options: Options) -> tuple[Metric | Plot, ...]:
    smoothing = float(options["label_smoothing"])
    if not 0.0 <= smoothing <= 1.0:
        raise ValueError(f"label_smoothing: expected a number in [0, 1], got {smoothing}")
    terms = LogLoss(smoothing, bool(options["from_logits"]))
    metric = Metric(name, Kind.BINARY, _MeanLoss(terms), (terms, Weight()), direction=LOWER, interval="delta")
    return (metric,)


@dataclass(frozen=True)
class _MeanLoss:
    terms: LogLoss

    def __call__(self, totals: Totals) -> Ratio:
        return Ratio(totals[self.terms][0], totals[Weight()][0], _NO_WEIGHT)


register(
    Definition(
        "BinaryCrossEntropy",
        "binary_crossentropy",
        "probabilistic",
        "The mean of −(y·ln p + (1 − y)·ln(1 − p)), p kept 1e-7 away from 0 and 1. (Good 1952)",
        {"from_logits": False, "label_smoothing": 0.0},
        _binary_cross_entropy,
        direction=LOWER,
        interval="delta",
        range=(0.0, float("inf")),
    )
)
