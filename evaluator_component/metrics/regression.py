"""Errors of a regression."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator_component.metrics.metric import LOWER, Definition, Metric, Options, Plot, Ratio
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import AbsoluteError, SquaredError, Terms, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Kind


@dataclass(frozen=True)
class _Mean:
    terms: Terms

    def __call__(self, totals: Totals) -> Ratio:
        return Ratio(totals[self.terms][0], totals[Weight()][0], "no example has a weight above 0")


def _mean_error(class_name: str, summary: str, terms: Terms) -> None:
    def build(name: str, _: Options) -> tuple[Metric | Plot, ...]:
        return (Metric(name, Kind.REAL, _Mean(terms), (terms, Weight()), direction=LOWER, interval="delta"),)

    register(
        Definition(
            class_name,
            snake_case(class_name),
            "regression",
            summary,
            {},
            build,
            direction=LOWER,
            interval="delta",
            range=(0.0, float("inf")),
        )
    )


_mean_error("MeanSquaredError", "The mean squared error: Σw(y − p)² / Σw. (Gauss 1823)", SquaredError())
_mean_error("MeanAbsoluteError", "The mean absolute error: Σw|y − p| / Σw. (Laplace 1774)", AbsoluteError())
