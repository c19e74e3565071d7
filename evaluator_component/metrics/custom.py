"""A user's own metric: per-example terms, and a function of their totals."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluator_component.errors import ConfigError
from evaluator_component.metrics.metric import Definition, Direction, Metric, Options, Plot, Values
from evaluator_component.metrics.registry import camel_case, first_sentence, register_custom
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind, View

TermsFunction = Callable[[View], Mapping[str, Float64]]
ResultFunction = Callable[[Mapping[str, Float64]], Any]


@dataclass(frozen=True)
class CustomTerms:
    """The terms of a user's metric; two of them are equal when their function is."""

    name: str
    function: TermsFunction
    columns: tuple[str, ...] = field(compare=False)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        computed = _call(self.name, "terms", self.function, view)
        if set(computed) != set(self.columns):
            raise ConfigError(
                f"metric {self.name!r}: its terms must always have the same names; expected "
                f"{', '.join(self.columns)}, got {', '.join(sorted(computed))}"
            )
        result = []
        for column in self.columns:
            values = np.asarray(computed[column], np.float64)
            if values.shape != (len(view),):
                raise ConfigError(
                    f"metric {self.name!r}: term {column!r} must have one number per example, shape ({len(view)},); "
                    f"got shape {values.shape}"
                )
            result.append(values)
        return tuple(result)


@dataclass(frozen=True)
class _CustomResult:
    name: str
    terms: CustomTerms
    function: ResultFunction

    def __call__(self, totals: Totals) -> Values:
        by_name = dict(zip(self.terms.columns, totals[self.terms], strict=True))
        with np.errstate(divide="ignore", invalid="ignore"):
            found = _call(self.name, "result", self.function, by_name)
            try:
                value = np.asarray(found, np.float64)
            except (TypeError, ValueError):
                raise ConfigError(
                    f"metric {self.name!r}: its result must be numbers, one per slice; got {found!r:.80}"
                ) from None
        if value.shape != (totals.slice_count,):
            raise ConfigError(
                f"metric {self.name!r}: its result must have one number per slice, shape ({totals.slice_count},); "
                f"got shape {value.shape}. Use NumPy operations on the totals, which are arrays over slices."
            )
        return Values(np.where(np.isfinite(value), value, np.nan), f"{self.name} gives no finite number")


def _call(name: str, what: str, function: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return function(argument)
    except Exception as error:  # a user's function can raise anything
        line = traceback.extract_tb(error.__traceback__)[-1]
        raise ConfigError(
            f"metric {name!r}: its {what} fail{'s' if what == 'result' else ''} with {type(error).__name__}: {error} "
            f"({line.filename}, line {line.lineno})"
        ) from error


def metric(
    terms: TermsFunction,
    *,
    direction: Direction | None = None,
    kind: Kind = Kind.REAL,
    class_name: str | None = None,
) -> Callable[[ResultFunction], ResultFunction]:
    """Declares a metric of your own. The decorated function turns totals into values.

    Example::

        @metric(lambda v: {"over": v.weights * (v.predictions > v.labels), "weight": v.weights}, direction="lower")
        def over_prediction(totals):
            return totals["over"] / totals["weight"]

    It is then named in a config as ``class_name: OverPrediction`` and appears as ``over_prediction``. Its intervals are
    made by the delta method, so that its value should be a smooth function of its totals.

    Args:
        terms: Takes a :class:`~evaluator_component.metrics.view.View`, returns float ``[n]`` arrays by name. Weights
            are yours to apply. The names must not depend on the data.
        direction: ``"higher"`` or ``"lower"``: which is better. Without it a change threshold needs its own direction.
        kind: What labels and predictions must look like.
        class_name: The name in configs; by default the function's name in CamelCase.

    Raises:
        ConfigError: The catalogue has a metric of this name.
    """
    if direction not in (None, "higher", "lower"):
        raise ConfigError(f"metric: direction must be 'higher', 'lower' or None, got {direction!r}")

    def decorate(function: ResultFunction) -> ResultFunction:
        declared = class_name or camel_case(function.__name__)
        columns = tuple(sorted(terms(_probe(kind))))

        def build(name: str, _: Options) -> tuple[Metric | Plot, ...]:
            custom = CustomTerms(declared, terms, columns)
            result = _CustomResult(declared, custom, function)
            return (Metric(name, kind, result, (custom,), direction=direction, interval="delta"),)

        register_custom(
            Definition(
                declared, function.__name__, "user's own", first_sentence(function), {}, build, direction, "delta"
            )
        )
        return function

    return decorate


def _probe(kind: Kind) -> View:
    """A view of one example, to learn the names of the terms."""
    predictions = np.full((1, 2), 0.5) if kind is Kind.CLASSES else np.full(1, 0.5)
    return View.of(kind, np.zeros(1), predictions, np.ones(1))
