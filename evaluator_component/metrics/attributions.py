"""How much each feature contributes to predictions, where a model or the data has these attributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import Definition, Metric, Options, Plot, Values
from evaluator_component.metrics.records import Reads, numbers, owners
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind, View


@dataclass(frozen=True)
class AttributionSum:
    """Σw·a or Σw·|a|; a feature of several values has their sum."""

    absolute: bool
    columns = ("attribution",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        (lists,) = view.records
        values = numbers(lists)
        total = np.bincount(owners(lists), np.abs(values) if self.absolute else values, len(view))
        return (view.weights * total,)


@dataclass(frozen=True)
class _Total:
    terms: AttributionSum

    def __call__(self, totals: Totals) -> Values:
        return Values(totals[self.terms][0])


def _attributions(class_name: str, summary: str, *, absolute: bool, result: Callable[[AttributionSum], Any]) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        features, key = given["features"], str(given["attributions_key"])
        names = list(features) if isinstance(features, (list, tuple)) else [features]
        if not names or not all(isinstance(feature, str) and feature for feature in names):
            raise ValueError(f"features: expected a list of names, got {features!r}")
        terms = AttributionSum(absolute)
        return tuple(
            Metric(
                f"{name}/{feature}",
                Kind.VALUES,
                result(terms),
                (terms, Weight()),
                interval="delta",
                reads=(Reads("prediction", f"{key}/{feature}", least=1, holds="numbers"),),
            )
            for feature in names
        )

    register(
        Definition(
            class_name,
            snake_case(class_name),
            "attributions",
            summary,
            {"features": None, "attributions_key": "attributions"},
            build,
            interval="delta",
            range=(0.0, np.inf) if absolute else (-np.inf, np.inf),
            example={"features": ["fare"]},
        )
    )


_attributions("MeanAttributions", "The mean of the attributions of each feature.", absolute=False, result=MeanOf)
_attributions("TotalAttributions", "The sum of the attributions of each feature.", absolute=False, result=_Total)
_attributions(
    "MeanAbsoluteAttributions",
    "The mean of the absolute attributions of each feature. (Lundberg & Lee 2017)",
    absolute=True,
    result=MeanOf,
)
_attributions(
    "TotalAbsoluteAttributions",
    "The sum of the absolute attributions of each feature. (Lundberg & Lee 2017)",
    absolute=True,
    result=_Total,
)
