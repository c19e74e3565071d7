"""Errors of a regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.losses import (
    AbsoluteError,
    PercentageError,
    PinballLoss,
    SignedError,
    SquaredError,
    SquaredLogError,
    SymmetricPercentageError,
)
from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import (
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
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import Terms, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Kind


@dataclass(frozen=True)
class _Root:
    terms: Terms

    def __call__(self, totals: Totals) -> Values:
        mean = MeanOf(self.terms)(totals).resolve()
        return Values(np.sqrt(mean.value), mean.undefined)


@dataclass(frozen=True)
class _MeanOfSome:
    """A mean over the examples that a term counts itself."""

    terms: Terms

    def __call__(self, totals: Totals) -> Ratio:
        total, weight = totals[self.terms]
        return Ratio(total, weight, "no example with a weight above 0 has a label other than 0")


@dataclass(frozen=True)
class _MeanLog:
    terms: Terms

    def __call__(self, totals: Totals) -> Values:
        value = MeanOf(self.terms)(totals).resolve().value
        return Values(value, "no example has a weight above 0, or a label or prediction is -1 or less")


def _error(
    class_name: str,
    summary: str,
    terms: Callable[[Options], Terms],
    *,
    result: Callable[[Terms], Callable[[Totals], Result]] = MeanOf,
    direction: Direction | None = LOWER,
    example: Options | None = None,
    limits: tuple[float, float] = (0.0, float("inf")),
) -> None:
    """Registers a mean of a term, or something of it; ``terms`` makes it of the options."""

    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        chosen = terms(given)
        return (Metric(name, Kind.REAL, result(chosen), (chosen, Weight()), direction=direction, interval="delta"),)

    register(
        Definition(
            class_name,
            snake_case(class_name),
            "regression",
            summary,
            dict(example or {}),
            build,
            direction=direction,
            interval="delta",
            range=limits,
            example=example or {},
        )
    )


def _pinball(given: Options) -> Terms:
    quantile = float(given["quantile"])
    if not 0.0 < quantile < 1.0:
        raise ValueError(f"quantile: expected a number between 0 and 1, got {quantile!r}")
    return PinballLoss(quantile)


_error("MeanSquaredError", "The mean squared error: Σw(y − p)² / Σw. (Gauss 1823)", lambda _: SquaredError())
_error("MeanAbsoluteError", "The mean absolute error: Σw|y − p| / Σw. (Laplace 1774)", lambda _: AbsoluteError())
_error(
    "RootMeanSquaredError", "The root of the mean squared error. (Gauss 1823)", lambda _: SquaredError(), result=_Root
)
_error(
    "MeanAbsolutePercentageError",
    "The mean of 100·|y − p| / |y| over the examples whose label is not 0. (Makridakis 1993)",
    lambda _: PercentageError(),
    result=_MeanOfSome,
)
_error(
    "SymmetricMAPE",
    "The mean of 200·|y − p| / (|y| + |p|), 0 where both are 0. (Makridakis 1993)",
    lambda _: SymmetricPercentageError(),
    limits=(0.0, 200.0),
)
_error(
    "MeanSquaredLogarithmicError",
    "The mean of (ln(1 + y) − ln(1 + p))², for labels and predictions above −1. (Tofallis 2015)",
    lambda _: SquaredLogError(),
    result=_MeanLog,
)
_error(
    "Bias",
    "The mean of p − y: above 0 where predictions are too high. (Gauss 1823)",
    lambda _: SignedError(),
    direction=None,
    limits=(-float("inf"), float("inf")),
)
_error(
    "QuantileLoss",
    "The mean of max(q·(y − p), (q − 1)·(y − p)), least where p is the quantile q. (Koenker & Bassett 1978)",
    _pinball,
    example={"quantile": 0.9},
)
