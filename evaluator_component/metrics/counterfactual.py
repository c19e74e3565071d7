"""How a prediction changes when a feature is replaced: the model's second prediction beside its first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.binary import at_thresholds
from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import LOWER, Definition, Direction, Metric, Options, Plot
from evaluator_component.metrics.records import Reads, numbers, owners
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import Terms, Weight
from evaluator_component.metrics.view import Float64, Kind, View

_FAMILY = "counterfactual"


def _replaced(view: View) -> Float64:
    """float64 ``[n]``: the prediction with the feature replaced, 0 where it is missing."""
    (lists,) = view.records
    result = np.zeros(len(view))
    result[owners(lists)] = numbers(lists)
    return result


@dataclass(frozen=True)
class Change:
    """Σw·(p′ − p) or Σw·|p′ − p|, p′ the prediction with the feature replaced."""

    absolute: bool
    columns = ("change",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        change = _replaced(view) - view.predictions
        return (view.weights * (np.abs(change) if self.absolute else change),)


@dataclass(frozen=True)
class Crossing:
    """Σw·[p and p′ are on different sides of the threshold]."""

    threshold: float
    columns = ("crossing",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        sides = (_replaced(view) > self.threshold) != (view.predictions > self.threshold)
        return (view.weights * sides,)


def _metric(
    name: str, given: Options, terms: Terms, direction: Direction | None, interval: str
) -> tuple[Metric | Plot, ...]:
    key = given["counterfactual_key"]
    if not isinstance(key, str) or not key:
        raise ValueError(f"counterfactual_key: expected the name of an output or feature, got {key!r}")
    reads = (Reads("prediction", key, least=1, holds="numbers", most=1),)
    used = (terms, Weight())
    return (Metric(name, Kind.ONE_SCORE, MeanOf(terms), used, direction=direction, interval=interval, reads=reads),)


def _build_change(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    absolute = bool(given["absolute"])
    return _metric(name, given, Change(absolute), LOWER if absolute else None, "delta")


def _build_flips(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    (threshold,) = at_thresholds(given["threshold"])
    return _metric(name, given, Crossing(threshold), LOWER, "wilson")


register(
    Definition(
        "CounterfactualChange",
        snake_case("CounterfactualChange"),
        _FAMILY,
        "The mean change of the prediction when a feature is replaced, with sign or absolute. (Kusner et al. 2017)",
        {"counterfactual_key": None, "absolute": False},
        _build_change,
        interval="delta",
        example={"counterfactual_key": "prediction_replaced"},
    )
)
register(
    Definition(
        "CounterfactualFlipRate",
        snake_case("CounterfactualFlipRate"),
        _FAMILY,
        "The share of examples that are put on the other side of the threshold when a feature is replaced.",
        {"counterfactual_key": None, "threshold": 0.5},
        _build_flips,
        direction=LOWER,
        interval="wilson",
        range=(0.0, 1.0),
        example={"counterfactual_key": "prediction_replaced"},
    )
)
