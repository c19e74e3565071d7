"""How differently the groups of people that slices are of are treated."""

from __future__ import annotations

from collections.abc import Callable

from evaluator_component.metrics import confusion as cells
from evaluator_component.metrics.binary import AtThreshold, at_thresholds
from evaluator_component.metrics.confusion import Confusion
from evaluator_component.metrics.metric import (
    HIGHER,
    LOWER,
    Across,
    Definition,
    Direction,
    Metric,
    Options,
    Plot,
    Ratio,
    Values,
)
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import AboveThreshold, LabelMass
from evaluator_component.metrics.undefined import NO_WEIGHT
from evaluator_component.metrics.view import Kind

_FAMILY = "fairness"
Formula = Callable[[Confusion], Ratio | Values]


def negative_rate(c: Confusion) -> Ratio:
    """The share of examples that are predicted negative."""
    return Ratio(c.rejected, c.total, NO_WEIGHT)


_INDICATORS: dict[str, tuple[Formula, Direction | None]] = {
    "false_positive_rate": (cells.false_positive_rate, LOWER),
    "false_negative_rate": (cells.false_negative_rate, LOWER),
    "true_positive_rate": (cells.recall, HIGHER),
    "true_negative_rate": (cells.specificity, HIGHER),
    "positive_rate": (cells.predicted_positive_rate, None),
    "negative_rate": (negative_rate, None),
    "false_discovery_rate": (cells.false_discovery_rate, LOWER),
    "false_omission_rate": (cells.false_omission_rate, LOWER),
    "precision": (cells.precision, HIGHER),
    "recall": (cells.recall, HIGHER),
}
_NAME = "fairness_indicators_metrics"
_THRESHOLDS = tuple(i / 10 for i in range(1, 10))


def _rate(name: str, formula: Formula, threshold: float, direction: Direction | None) -> Metric:
    terms = (LabelMass(), AboveThreshold(threshold))
    result = AtThreshold(formula, threshold, ())
    return Metric(name, Kind.BINARY, result, terms, direction=direction, interval="wilson")


def _build_indicators(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    thresholds = at_thresholds(given["thresholds"])
    digits = max(1, *(len(str(threshold)) - 2 for threshold in thresholds))
    return tuple(
        _rate(f"{name}/{indicator}@{threshold:.{digits}f}", formula, threshold, direction)
        for threshold in thresholds
        for indicator, (formula, direction) in _INDICATORS.items()
    )


register(
    Definition(
        "FairnessIndicators",
        _NAME,
        _FAMILY,
        "Ten rates at each threshold, to be compared over slices; named NAME/RATE@THRESHOLD. (Xu et al. 2020)",
        {"thresholds": _THRESHOLDS},
        _build_indicators,
        interval="wilson",
        range=(0.0, 1.0),
        names=tuple(metric.name for metric in _build_indicators(_NAME, {"thresholds": _THRESHOLDS})),
    )
)


def _across(
    class_name: str, summary: str, *formulas: Formula, ratio: bool = False, interval: str | None = "jackknife"
) -> None:
    """Registers a comparison of rates over the slices of some features."""
    direction = HIGHER if ratio else LOWER

    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        (threshold,) = at_thresholds(given["threshold"])
        given_features = given["features"]
        features = (given_features,) if isinstance(given_features, str) else tuple(given_features)
        if not features or not all(isinstance(feature, str) and feature for feature in features):
            raise ValueError(f"features: expected the names of sliced features, got {given_features!r}")
        first, *others = (AtThreshold(formula, threshold, ()) for formula in formulas)
        return (
            Metric(
                name,
                Kind.BINARY,
                first,
                (LabelMass(), AboveThreshold(threshold)),
                direction=direction,
                interval=interval,
                across=Across(features, tuple(others), ratio),
            ),
        )

    register(
        Definition(
            class_name,
            snake_case(class_name),
            _FAMILY,
            summary,
            {"features": None, "threshold": 0.5},
            build,
            direction=direction,
            interval=interval,
            range=(0.0, 1.0),
            example={"features": ["group"]},
        )
    )


_across(
    "DemographicParityDifference",
    "Over the slices of a feature: the largest less the smallest share predicted positive. (Agarwal et al. 2018)",
    cells.predicted_positive_rate,
)
_across(
    "DemographicParityRatio",
    "Over the slices of a feature: the smallest over the largest share predicted positive. (Agarwal et al. 2018)",
    cells.predicted_positive_rate,
    ratio=True,
)
_across(
    "EqualOpportunityDifference",
    "Over the slices of a feature: the largest less the smallest true positive rate. (Hardt et al. 2016)",
    cells.recall,
)
_across(
    "EqualizedOddsDifference",
    "Over the slices of a feature: the larger of the differences of true and false positive rates. (Hardt et al. 2016)",
    cells.recall,
    cells.false_positive_rate,
)
_across(
    "EqualizedOddsRatio",
    "Over the slices of a feature: the smaller of the ratios of true and false positive rates. (Hardt et al. 2016)",
    cells.recall,
    cells.false_positive_rate,
    ratio=True,
)
