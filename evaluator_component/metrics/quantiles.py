"""Metrics of a feature, and quantiles: of predictions, of a feature or of errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.metrics.metric import LOWER, Definition, Metric, Options, Plot, Ratio, Values
from evaluator_component.metrics.records import Reads, numbers, owners
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.terms import Weight
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.undefined import NO_WEIGHT
from evaluator_component.metrics.view import Float64, Kind, View

_NOT_THERE = "no example with a weight above 0 has the feature"


@dataclass(frozen=True)
class Present:
    """Σw·x and Σw of the examples that have the value, and Σw of all.

    Attributes:
        own_weights: Whether the weights are those of a column that is read, instead of the examples'.
    """

    own_weights: bool = False
    columns = ("values", "weight", "all")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        weights = view.weights
        if self.own_weights:
            weights = np.zeros(len(view))
            weights[owners(view.records[0])] = numbers(view.records[0])
        there = ~np.isnan(view.predictions)
        return np.where(there, weights * view.predictions, 0.0), np.where(there, weights, 0.0), weights


@dataclass(frozen=True)
class ValueHistogram:
    """Σw by value, of the examples that have it."""

    columns = ("weight",)
    keyed_by_score = True

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return np.nan_to_num(view.predictions)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return (np.where(np.isnan(view.predictions), 0.0, view.weights),)


@dataclass(frozen=True)
class ErrorHistogram:
    """Σw by |y − p|."""

    columns = ("weight",)
    keyed_by_score = True

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return np.abs(view.labels - view.predictions)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return (view.weights,)


@dataclass(frozen=True)
class QuantileOf:
    """The value up to which a share of the mass lies; between two values where the share ends exactly there.

    This is definition 2 of Hyndman & Fan (1996), for weights.
    """

    terms: ValueHistogram | ErrorHistogram
    share: float
    undefined: str

    def limits(self, totals: Totals, examples: Float64, z: float) -> tuple[Float64, Float64]:
        """The values at shares that are z standard errors of the share below and above. (Woodruff 1952)

        Args:
            totals: As for the result.
            examples: How many examples there are, float64 ``[slices]``.
            z: A quantile of the normal distribution.
        """
        with np.errstate(divide="ignore"):
            reach = z * np.sqrt(self.share * (1 - self.share) / examples)
        lower, upper = np.clip(self.share - reach, 0.0, 1.0), np.clip(self.share + reach, 0.0, 1.0)
        histogram = totals.histogram(self.terms)
        largest = np.finfo(np.float64).max
        lowest, highest = (np.clip(scores, -largest, largest) for scores in histogram.scores)
        return self._of(histogram, lowest, lower), self._of(histogram, highest, upper)

    def __call__(self, totals: Totals) -> Values:
        """The quantile of each slice."""
        histogram = totals.histogram(self.terms)
        share = np.full(histogram.slice_count, self.share)
        largest = np.finfo(np.float64).max
        lowest, highest = (
            self._of(histogram, np.clip(scores, -largest, largest), share) for scores in histogram.scores
        )
        if not histogram.coarse.any():
            return Values(lowest, self.undefined)
        ends = (np.where(histogram.coarse, end, np.nan) for end in (lowest, highest))
        return Values(lowest / 2 + highest / 2, self.undefined, *ends)

    def _of(self, histogram: Histogram, scores: Float64, share: Float64) -> Float64:
        (mass,) = histogram.columns
        total = histogram.by_slice(mass)[histogram.slices]
        after = histogram.below[0] + mass
        missing = share[histogram.slices] * total - after  # above 0 as long as the share is not reached
        exactly = np.abs(missing) <= _ROUNDING * total
        result = np.full(histogram.slice_count, np.nan)
        for reached in (~exactly & (missing < 0), exactly | (missing < 0)):  # beyond the share; at it or beyond
            rows = np.flatnonzero(reached)
            slices, first = np.unique(histogram.slices[rows], return_index=True)
            found = scores[rows[first]]
            known = result[slices]
            result[slices] = np.where(np.isnan(known), found, known / 2 + found / 2)
        return result


_ROUNDING = 1e-12


def mean(values: Float64, there: Float64, weight: Float64) -> Ratio:
    """The weighted mean of a feature over the examples that have it: Σwx / Σw."""
    return Ratio(values, there, _NOT_THERE)


def missing_rate(values: Float64, there: Float64, weight: Float64) -> Ratio:
    """The share of examples that lack a feature."""
    return Ratio(weight - there, weight, NO_WEIGHT)


@dataclass(frozen=True)
class _OfPresent:
    formula: Callable[..., Ratio]
    terms: Present

    def __call__(self, totals: Totals) -> Ratio:
        return self.formula(*totals[self.terms])


def _feature(path: Any) -> str:
    """The feature's name in a path such as ``["features", "fare"]``, or in the name alone."""
    parts = [path] if isinstance(path, str) else list(path)
    if len(parts) > 1 and parts[0] in ("features", "transformed_features"):
        parts = parts[1:]
    if len(parts) != 1 or not isinstance(parts[0], str) or not parts[0]:
        raise ValueError(f'feature_key_path: expected the name of a feature or ["features", name], got {path!r}')
    return parts[0]


def _of_feature(
    class_name: str,
    formula: Callable[..., Ratio],
    *,
    interval: str,
    limits: tuple[float, float],
) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        feature, path = _feature(given["feature_key_path"]), given.get("example_weights_key_path")
        terms = Present(own_weights=path is not None)
        reads = () if path is None else (Reads("feature", _feature(path), least=1, most=1, holds="numbers"),)
        return (
            Metric(
                name,
                Kind.FEATURE,
                _OfPresent(formula, terms),
                (terms,),
                interval=interval,
                uses_predictions=False,
                uses_weights=path is None,
                feature=feature,
                reads=reads,
            ),
        )

    def name_of(given: Options) -> str:
        path = given.get("feature_key_path") or ()
        return "_".join([snake_case(class_name), ".".join(map(str, [path] if isinstance(path, str) else path))]).rstrip(
            "_"
        )

    register(
        Definition(
            class_name,
            snake_case(class_name),
            "counts",
            first_sentence(formula),
            {"feature_key_path": None, "example_weights_key_path": None},
            build,
            interval=interval,
            range=limits,
            example={"feature_key_path": "fare"},
            name_of=name_of,
        )
    )


_of_feature("Mean", mean, interval="delta", limits=(-np.inf, np.inf))
_of_feature("MissingRate", missing_rate, interval="wilson", limits=(0.0, 1.0))


def _build_quantile(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    shares = given["quantile"] if isinstance(given["quantile"], (list, tuple)) else (given["quantile"],)
    for share in shares:
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"quantile: expected a number in [0, 1], got {share!r}")
    path = given["feature_key_path"]
    feature = "" if path is None else _feature(path)
    undefined = NO_WEIGHT if path is None else _NOT_THERE
    return tuple(
        Metric(
            name,
            Kind.SCORES if path is None else Kind.FEATURE,
            QuantileOf(ValueHistogram(), float(share), undefined),
            (Weight(),),
            (ValueHistogram(),),
            interval="order statistics",
            uses_predictions=path is None,
            sub_key=f"quantile={float(share)!r}" if len(shares) > 1 else "",
            feature=feature,
            resolution=1024,
        )
        for share in shares
    )


register(
    Definition(
        "Quantile",
        snake_case("Quantile"),
        "counts",
        "The value up to which a share of the predictions (or of a feature) lies. (Hyndman & Fan 1996, definition 2)",
        {"quantile": (0.5,), "feature_key_path": None},
        _build_quantile,
        interval="order statistics",
        example={"quantile": 0.5},
    )
)


def _build_median(name: str, _: Options) -> tuple[Metric | Plot, ...]:
    result = QuantileOf(ErrorHistogram(), 0.5, NO_WEIGHT)
    keyed = (ErrorHistogram(),)
    return (
        Metric(
            name,
            Kind.REAL,
            result,
            (Weight(),),
            keyed,
            direction=LOWER,
            interval="order statistics",
            resolution=1024,
        ),
    )


register(
    Definition(
        "MedianAbsoluteError",
        snake_case("MedianAbsoluteError"),
        "regression",
        "The median of |y − p|. (Gauss 1816)",
        {},
        _build_median,
        direction=LOWER,
        interval="order statistics",
        range=(0.0, np.inf),
    )
)
