"""How good predicted probabilities are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.histograms import CalibrationBuckets, ScoreHistogram
from evaluator_component.metrics.losses import LogLoss, SquaredError, smoothing_and_logits
from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import (
    HIGHER,
    LOWER,
    Definition,
    Direction,
    Metric,
    Options,
    Plot,
    Result,
    Values,
)
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.terms import KeyedTerms, LabelMass, ScoresByLabel, Terms, Weight
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.undefined import NO_WEIGHT, ONE_CLASS
from evaluator_component.metrics.view import Float64, Kind

_ANY = (-float("inf"), float("inf"))


def _register(
    class_name: str,
    summary: str,
    build: Callable[[Options], tuple[Callable[[Totals], Result], tuple[Terms, ...], tuple[KeyedTerms, ...]]],
    *,
    name: str = "",
    options: Options | None = None,
    direction: Direction | None = LOWER,
    interval: str = "delta",
    limits: tuple[float, float] = (0.0, float("inf")),
) -> None:
    """Registers an entry; ``build`` gives the result, the terms and the keyed terms for complete options."""

    def made(result_name: str, given: Options) -> tuple[Metric | Plot, ...]:
        result, terms, keyed = build(given)
        return (Metric(result_name, Kind.BINARY, result, terms, keyed, direction=direction, interval=interval),)

    register(
        Definition(
            class_name,
            name or snake_case(class_name),
            "probabilistic",
            summary,
            options or {},
            made,
            direction=direction,
            interval=interval,
            range=limits,
        )
    )


def _log_loss(given: Options) -> Any:
    terms = LogLoss(*smoothing_and_logits(given))
    return MeanOf(terms), (terms, Weight()), ()


_register(
    "BinaryCrossEntropy",
    "The mean of −(y·ln p + (1 − y)·ln(1 − p)), p kept 1e-7 away from 0 and 1. (Good 1952)",
    _log_loss,
    name="binary_crossentropy",
    options={"from_logits": False, "label_smoothing": 0.0},
)
_register(
    "BrierScore",
    "The mean of (y − p)². (Brier 1950)",
    lambda _: (MeanOf(SquaredError()), (SquaredError(), Weight()), ()),
)


def log_likelihood_ratio_improvement(totals: Totals) -> Values:
    """1 − log loss over that of always predicting the mean label: 0 is no better, 1 perfect. (He et al. 2014)"""
    positives, negatives = totals[LabelMass()]
    weight = positives + negatives
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(positives * np.log(positives / weight) + negatives * np.log(negatives / weight))
        value = 1.0 - totals[LogLoss()][0] / entropy
    return Values(np.where((positives > 0) & (negatives > 0), value, np.nan), ONE_CLASS)


_register(
    "LogLikelihoodRatioImprovement",
    first_sentence(log_likelihood_ratio_improvement),
    lambda _: (log_likelihood_ratio_improvement, (LogLoss(), LabelMass()), ()),
    direction=HIGHER,
    limits=(-float("inf"), 1.0),
)


def _mean_scores(totals: Totals) -> tuple[Float64, Float64]:
    """The mean prediction of the positive and of the negative examples; NaN where there are none."""
    above, below = totals[ScoresByLabel()]
    positives, negatives = totals[LabelMass()]
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / positives, below / negatives


def coefficient_of_discrimination(totals: Totals) -> Values:
    """The mean prediction of positives less that of negatives. (Tjur 2009)"""
    above, below = _mean_scores(totals)
    return Values(above - below, ONE_CLASS)


def relative_coefficient_of_discrimination(totals: Totals) -> Values:
    """The mean prediction of positives over that of negatives. (Tjur 2009)"""
    above, below = _mean_scores(totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(below != 0, above / below, np.nan)
    return Values(value, "the examples are all of one class, or the predictions of the negatives add up to 0")


_discrimination = (ScoresByLabel(), LabelMass())
_register(
    "CoefficientOfDiscrimination",
    first_sentence(coefficient_of_discrimination),
    lambda _: (coefficient_of_discrimination, _discrimination, ()),
    direction=HIGHER,
    limits=_ANY,
)
_register(
    "RelativeCoefficientOfDiscrimination",
    first_sentence(relative_coefficient_of_discrimination),
    lambda _: (relative_coefficient_of_discrimination, _discrimination, ()),
    direction=HIGHER,
    limits=_ANY,
)


@dataclass(frozen=True)
class _CalibrationError:
    """How far mean label and mean prediction are apart, over buckets of the prediction.

    Attributes:
        count: The number of buckets.
        worst: Whether the worst bucket counts, instead of the mean by mass.
        equal_mass: Whether the buckets have equal mass instead of equal width: an example is in the one that the middle
            of its score's mass falls into, so that examples of one score stay together.
    """

    count: int
    worst: bool
    equal_mass: bool

    @property
    def terms(self) -> KeyedTerms:
        """What is looked at by bucket, or by score; what lies outside of [0, 1] goes into the nearest bucket."""
        return ScoreHistogram() if self.equal_mass else CalibrationBuckets(self.count)

    def __call__(self, totals: Totals) -> Values:
        histogram, count = totals.histogram(self.terms), self.count
        total = totals[Weight()][0]
        columns: tuple[Float64, ...]
        if self.equal_mass:
            bucket, columns = self._by_mass(histogram, total)
        else:
            bucket, columns = np.clip(histogram.keys.astype(np.int64), 1, count) - 1, histogram.columns
        cells = histogram.slices * np.int64(count) + bucket
        distinct, inverse = np.unique(cells, return_inverse=True)
        weight, labels, predictions = (
            np.bincount(inverse, column, len(distinct)).astype(np.float64) for column in columns
        )
        gap = np.abs(predictions - labels)
        slices = distinct // count
        if self.worst:
            with np.errstate(divide="ignore", invalid="ignore"):
                gap = np.where(weight > 0, gap / weight, 0.0)
            value = np.zeros(totals.slice_count)
            np.maximum.at(value, slices, gap)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                value = np.bincount(slices, gap, totals.slice_count) / total
        known = (total > 0) & ~histogram.coarse
        return Values(np.where(known, value, np.nan), _TOO_FINE if histogram.coarse.any() else NO_WEIGHT)

    def _by_mass(
        self, histogram: Histogram, total: Float64
    ) -> tuple[npt.NDArray[np.int64], tuple[Float64, Float64, Float64]]:
        """The bucket of each row, and its weight, labels and predictions."""
        positives, negatives = histogram.columns
        weight = positives + negatives
        middle = histogram.below[0] + histogram.below[1] + weight / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.nan_to_num(middle / total[histogram.slices])
        bucket = np.clip((place * self.count).astype(np.int64), 0, self.count - 1)
        return bucket, (weight, positives, weight * histogram.scores[0])


_TOO_FINE = f"{NO_WEIGHT}, or there are more distinct scores than engine.max_distinct_scores, which equal mass needs"


def _calibration_error(class_name: str, summary: str, *, worst: bool) -> None:
    def build(given: Options) -> Any:
        count = int(given["num_buckets"])
        if not 1 <= count <= 100_000:
            raise ValueError(f"num_buckets: expected 1 to 100,000, got {count}")
        result = _CalibrationError(count, worst, bool(given["equal_mass"]))
        return result, (Weight(),), (result.terms,)

    options: Options = {"num_buckets": 10, "equal_mass": False}
    _register(class_name, summary, build, options=options, interval="jackknife", limits=(0.0, float("inf")))


_calibration_error(
    "ExpectedCalibrationError",
    "|mean prediction − mean label| in buckets of equal width (or mass), averaged by mass. (Naeini et al. 2015)",
    worst=False,
)
_calibration_error(
    "MaximumCalibrationError",
    "The largest |mean prediction − mean label| of the buckets of equal width (or mass). (Naeini et al. 2015)",
    worst=True,
)
