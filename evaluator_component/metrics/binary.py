"""Metrics of a binary classifier at one threshold: each a formula of one confusion matrix."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evaluator_component.metrics import confusion as cells
from evaluator_component.metrics.confusion import Confusion
from evaluator_component.metrics.metric import (
    HIGHER,
    LOWER,
    Definition,
    Direction,
    Metric,
    Options,
    Plot,
    Ratio,
    Result,
    Values,
)
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.terms import AboveThreshold, LabelMass
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Kind

Formula = Callable[..., Ratio | Values]

_SHARE = (0.0, 1.0)
_CORRELATION = (-1.0, 1.0)
_POSITIVE = (0.0, float("inf"))


def confusion(totals: Totals, threshold: float) -> Confusion:
    """The confusion matrix of predicting positive where the score is above the threshold."""
    positives, negatives = totals[LabelMass()]
    tp, fp = totals[AboveThreshold(threshold)]
    return Confusion(tp, fp, negatives - fp, positives - tp)


@dataclass(frozen=True)
class AtThreshold:
    """A formula with its threshold and further arguments; a class, so that plans can travel to workers."""

    formula: Formula
    threshold: float
    arguments: tuple[tuple[str, float], ...]

    def __call__(self, totals: Totals) -> Result:
        """The formula of the confusion matrix of each slice."""
        return self.formula(confusion(totals, self.threshold), **dict(self.arguments))


def _at_threshold(
    formula: Formula,
    *class_names: str,
    direction: Direction | None,
    interval: str = "wilson",
    limits: tuple[float, float] = _SHARE,
    option: str = "thresholds",
    fixed: float | None = None,
    example: Options | None = None,
) -> None:
    """Registers a formula under one or several class names; ``example`` has arguments of its own that must be given.

    ``option`` is the name of the option for the threshold, unless that is ``fixed``.
    """

    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        own = {key: float(given[key]) for key in example or ()}
        for key, value in own.items():
            if value <= 0:
                raise ValueError(f"{key}: expected a number above 0, got {value}")
        thresholds = at_thresholds(given[option]) if fixed is None else (fixed,)
        return tuple(
            Metric(
                name,
                Kind.BINARY,
                AtThreshold(formula, threshold, tuple(own.items())),
                (LabelMass(), AboveThreshold(threshold)),
                direction=direction,
                interval=interval,
                sub_key=f"threshold={threshold!r}" if len(thresholds) > 1 else "",
            )
            for threshold in thresholds
        )

    threshold: Options = {} if fixed is not None else {option: (0.5,) if option == "thresholds" else 0.5}
    for class_name in class_names:
        register(
            Definition(
                class_name,
                snake_case(class_name),
                "binary at threshold",
                first_sentence(formula),
                {**threshold, **(example or {})},
                build,
                direction=direction,
                interval=interval,
                range=limits,
                example=example or {},
                by_class=True,
            )
        )


def at_thresholds(value: Any) -> tuple[float, ...]:
    """The thresholds that an option gives, one or several."""
    found = tuple(float(v) for v in (value if isinstance(value, (list, tuple)) else (value,)))
    if not found:
        raise ValueError("thresholds: expected at least one number, got none")
    for number in found:
        if math.isnan(number):
            raise ValueError("thresholds: NaN is not a threshold")
    return found


def true_positives(c: Confusion) -> Values:
    """The mass of positive examples that are predicted positive."""
    return Values(c.tp)


def true_negatives(c: Confusion) -> Values:
    """The mass of negative examples that are predicted negative."""
    return Values(c.tn)


def false_positives(c: Confusion) -> Values:
    """The mass of negative examples that are predicted positive."""
    return Values(c.fp)


def false_negatives(c: Confusion) -> Values:
    """The mass of positive examples that are predicted negative."""
    return Values(c.fn)


def max_recall(c: Confusion) -> Ratio:
    """Recall at a threshold of 1e-12: of the positive examples, the share with a score above 0. (Lin et al. 2014)"""
    return cells.recall(c)


_count = functools.partial(_at_threshold, interval="delta", limits=_POSITIVE)
_count(true_positives, "TruePositives", "TP", direction=HIGHER)
_count(true_negatives, "TrueNegatives", "TN", direction=HIGHER)
_count(false_positives, "FalsePositives", "FP", direction=LOWER)
_count(false_negatives, "FalseNegatives", "FN", direction=LOWER)

_at_threshold(cells.accuracy, "BinaryAccuracy", direction=HIGHER, option="threshold")
_at_threshold(cells.precision, "Precision", "PPV", "PositivePredictiveValue", direction=HIGHER)
_at_threshold(cells.recall, "Recall", "TPR", "TruePositiveRate", direction=HIGHER)
_at_threshold(max_recall, "MaxRecall", direction=HIGHER, fixed=1e-12)
_at_threshold(cells.specificity, "Specificity", "TNR", "TrueNegativeRate", direction=HIGHER)
_at_threshold(cells.false_positive_rate, "FallOut", "FPR", "FalsePositiveRate", direction=LOWER)
_at_threshold(cells.false_negative_rate, "MissRate", "FNR", "FalseNegativeRate", direction=LOWER)
_at_threshold(cells.negative_predictive_value, "NegativePredictiveValue", "NPV", direction=HIGHER)
_at_threshold(cells.false_discovery_rate, "FalseDiscoveryRate", direction=LOWER)
_at_threshold(cells.false_omission_rate, "FalseOmissionRate", direction=LOWER)
_at_threshold(cells.prevalence, "Prevalence", direction=None)
_at_threshold(cells.predicted_positive_rate, "PredictedPositiveRate", direction=None)

_derived = functools.partial(_at_threshold, interval="delta")
_derived(cells.threat_score, "ThreatScore", direction=HIGHER)
_derived(cells.f1_score, "F1Score", direction=HIGHER)
_derived(cells.f_beta, "FBeta", direction=HIGHER, example={"beta": 2.0})
_derived(cells.balanced_accuracy, "BalancedAccuracy", direction=HIGHER)
_derived(cells.fowlkes_mallows_index, "FowlkesMallowsIndex", direction=HIGHER)
_derived(cells.prevalence_threshold, "PrevalenceThreshold", direction=None)
_derived(cells.informedness, "Informedness", direction=HIGHER, limits=_CORRELATION)
_derived(cells.markedness, "Markedness", direction=HIGHER, limits=_CORRELATION)
_derived(
    cells.matthews_correlation_coefficient, "MatthewsCorrelationCoefficient", direction=HIGHER, limits=_CORRELATION
)
_derived(cells.cohen_kappa, "CohenKappa", direction=HIGHER, limits=_CORRELATION)
_derived(cells.positive_likelihood_ratio, "PositiveLikelihoodRatio", direction=HIGHER, limits=_POSITIVE)
_derived(cells.negative_likelihood_ratio, "NegativeLikelihoodRatio", direction=LOWER, limits=_POSITIVE)
_derived(cells.diagnostic_odds_ratio, "DiagnosticOddsRatio", direction=HIGHER, limits=_POSITIVE)
