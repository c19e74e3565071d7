"""The confusion matrix of a binary classifier at one threshold, and what is a formula of its four cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.metric import Ratio, Values
from evaluator_component.metrics.undefined import (
    NO_NEGATIVE,
    NO_POSITIVE,
    NO_PREDICTED_NEGATIVE,
    NO_PREDICTED_POSITIVE,
    NO_WEIGHT,
    ONE_CLASS,
    ONE_PREDICTION,
    divide,
)
from evaluator_component.metrics.view import Float64


@dataclass(frozen=True)
class Confusion:
    """A weighted confusion matrix: float64 ``[slices]`` each."""

    tp: Float64
    fp: Float64
    tn: Float64
    fn: Float64

    @property
    def positives(self) -> Float64:
        """TP + FN."""
        return self.tp + self.fn

    @property
    def negatives(self) -> Float64:
        """TN + FP."""
        return self.tn + self.fp

    @property
    def predicted(self) -> Float64:
        """TP + FP."""
        return self.tp + self.fp

    @property
    def rejected(self) -> Float64:
        """TN + FN."""
        return self.tn + self.fn

    @property
    def total(self) -> Float64:
        """All four."""
        return self.positives + self.negatives


def accuracy(c: Confusion) -> Ratio:
    """The share of examples on the right side of the threshold."""
    return Ratio(c.tp + c.tn, c.total, NO_WEIGHT)


def precision(c: Confusion) -> Ratio:
    """Of the examples predicted positive, the share that is. (Fawcett 2006)"""
    return Ratio(c.tp, c.predicted, NO_PREDICTED_POSITIVE)


def recall(c: Confusion) -> Ratio:
    """Of the positive examples, the share predicted positive. (Fawcett 2006)"""
    return Ratio(c.tp, c.positives, NO_POSITIVE)


def specificity(c: Confusion) -> Ratio:
    """Of the negative examples, the share predicted negative. (Fawcett 2006)"""
    return Ratio(c.tn, c.negatives, NO_NEGATIVE)


def false_positive_rate(c: Confusion) -> Ratio:
    """Of the negative examples, the share predicted positive. (Fawcett 2006)"""
    return Ratio(c.fp, c.negatives, NO_NEGATIVE)


def false_negative_rate(c: Confusion) -> Ratio:
    """Of the positive examples, the share predicted negative. (Fawcett 2006)"""
    return Ratio(c.fn, c.positives, NO_POSITIVE)


def negative_predictive_value(c: Confusion) -> Ratio:
    """Of the examples predicted negative, the share that is. (Fawcett 2006)"""
    return Ratio(c.tn, c.rejected, NO_PREDICTED_NEGATIVE)


def false_discovery_rate(c: Confusion) -> Ratio:
    """Of the examples predicted positive, the share that is negative. (Benjamini & Hochberg 1995)"""
    return Ratio(c.fp, c.predicted, NO_PREDICTED_POSITIVE)


def false_omission_rate(c: Confusion) -> Ratio:
    """Of the examples predicted negative, the share that is positive. (Powers 2011)"""
    return Ratio(c.fn, c.rejected, NO_PREDICTED_NEGATIVE)


def prevalence(c: Confusion) -> Ratio:
    """The share of positive examples. (Fawcett 2006)"""
    return Ratio(c.positives, c.total, NO_WEIGHT)


def predicted_positive_rate(c: Confusion) -> Ratio:
    """The share of examples predicted positive. (Dwork et al. 2012)"""
    return Ratio(c.predicted, c.total, NO_WEIGHT)


def threat_score(c: Confusion) -> Ratio:
    """TP / (TP + FN + FP), also called Jaccard index or critical success index. (Jaccard 1901)"""
    return Ratio(c.tp, c.tp + c.fn + c.fp, "no example is positive or predicted positive")


def f1_score(c: Confusion) -> Ratio:
    """The harmonic mean of precision and recall: 2TP / (2TP + FP + FN). (van Rijsbergen 1979)"""
    return f_beta(c, 1.0)


def f_beta(c: Confusion, beta: float) -> Ratio:
    """The mean of precision and recall that weighs recall β² times: (1 + β²)TP / ((1 + β²)TP + β²FN + FP)."""
    square = beta * beta
    numerator = (1 + square) * c.tp
    return Ratio(numerator, numerator + square * c.fn + c.fp, "no example is positive or predicted positive")


def matthews_correlation_coefficient(c: Confusion) -> Ratio:
    """The correlation of label and prediction: (TP·TN − FP·FN) / √(P·N·P̂·N̂). (Matthews 1975)"""
    # A product of four masses could leave the range of floating-point numbers; that of their roots cannot.
    scale = np.sqrt(c.positives) * np.sqrt(c.negatives) * np.sqrt(c.predicted) * np.sqrt(c.rejected)
    return Ratio(c.tp * c.tn - c.fp * c.fn, scale, "labels or predictions are all of one class")


def balanced_accuracy(c: Confusion) -> Values:
    """The mean of recall and specificity. (Brodersen et al. 2010)"""
    return Values((divide(c.tp, c.positives) + divide(c.tn, c.negatives)) / 2, ONE_CLASS)


def informedness(c: Confusion) -> Values:
    """Recall + specificity − 1. (Youden 1950)"""
    return Values(divide(c.tp, c.positives) + divide(c.tn, c.negatives) - 1, ONE_CLASS)


def markedness(c: Confusion) -> Values:
    """Precision + negative predictive value − 1. (Powers 2011)"""
    return Values(divide(c.tp, c.predicted) + divide(c.tn, c.rejected) - 1, ONE_PREDICTION)


def fowlkes_mallows_index(c: Confusion) -> Values:
    """The geometric mean of precision and recall. (Fowlkes & Mallows 1983)"""
    value = np.sqrt(divide(c.tp, c.predicted) * divide(c.tp, c.positives))
    return Values(value, "no example is positive, or none is predicted positive")


def positive_likelihood_ratio(c: Confusion) -> Ratio:
    """Recall over the false positive rate. (Pauker & Kassirer 1975)"""
    return Ratio(c.tp * c.negatives, c.positives * c.fp, "no false positive, or no example has a positive label")


def negative_likelihood_ratio(c: Confusion) -> Ratio:
    """The false negative rate over specificity. (Pauker & Kassirer 1975)"""
    return Ratio(c.fn * c.negatives, c.positives * c.tn, "no true negative, or no example has a positive label")


def diagnostic_odds_ratio(c: Confusion) -> Ratio:
    """The odds of a positive prediction for positives over those for negatives: TP·TN / (FP·FN). (Glas et al. 2003)"""
    return Ratio(
        c.tp * c.tn, np.where(c.tn > 0, c.fp * c.fn, 0.0), "no false positive, false negative or true negative"
    )


def prevalence_threshold(c: Confusion) -> Values:
    """The prevalence below which precision falls off steeply: (√(TPR·FPR) − FPR) / (TPR − FPR). (Balayla 2020)"""
    tpr, fpr = divide(c.tp, c.positives), divide(c.fp, c.negatives)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (np.sqrt(tpr * fpr) - fpr) / (tpr - fpr)
    return Values(np.where(tpr == fpr, np.nan, value), "one class only, or recall equals the false positive rate")


def cohen_kappa(c: Confusion) -> Ratio:
    """Agreement of label and prediction beyond chance: 2(TP·TN − FN·FP) / (P̂·N + P·N̂). (Cohen 1960)"""
    chance = c.predicted * c.negatives + c.positives * c.rejected
    return Ratio(2 * (c.tp * c.tn - c.fn * c.fp), chance, "labels and predictions are all of one and the same class")
