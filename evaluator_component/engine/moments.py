"""Standard errors by the delta method, from the exact totals of the products of terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator_component.engine import exact
from evaluator_component.engine.accumulate import State
from evaluator_component.engine.layout import ColumnKey, SliceTable
from evaluator_component.engine.plan import Plan, PlannedMetric
from evaluator_component.metrics.metric import Metric, Ratio
from evaluator_component.metrics.over_classes import OneClass
from evaluator_component.metrics.terms import Terms
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64

Weights = Sequence[tuple[ColumnKey, Float64]]
"""Columns, each with a number for each slice that it is multiplied by."""

_STEP = 1e-5
_NOISE = 1e-11
"""A variance below this share of what it is the difference of is taken to be none."""


@dataclass(frozen=True)
class Slope:
    """How a metric changes with the totals of its columns.

    Attributes:
        columns: The columns.
        value: float64 ``[columns, slices]``: the derivative of its value.
        share: The derivatives of numerator and denominator, where it is a quotient; None where it is not.
        denominator: The denominator itself, float64 ``[slices]``.
    """

    columns: tuple[ColumnKey, ...]
    value: Float64
    share: tuple[Float64, Float64] | None
    denominator: Float64


class Moments:
    """The totals of products of columns, slice by slice.

    Args:
        plan: The plan.
        state: The sums of a split.
    """

    def __init__(self, plan: Plan, state: State):
        self._plan = plan
        self._tables: list[tuple[SliceTable, tuple[exact.Int64, ...], int]] = [
            (layout, table.columns, table.classes)
            for layout, table in zip(plan.slice_tables, state.tables, strict=False)
        ]
        self._places = [{product: i for i, product in enumerate(layout.products)} for layout in plan.slice_tables]

    def _unshifted(self, weights: Weights) -> Weights:
        """Weights of the columns as they are multiplied, for those of the columns as they are."""
        result = dict(weights)
        for column, slope in weights:
            for layout, _, _ in self._tables:
                for shift in layout.shifts if column in layout.columns else ():
                    if shift.column == layout.columns[column]:
                        weight = list(layout.columns)[shift.weight]
                        result[weight] = result.get(weight, 0.0) + slope * shift.by
        return list(result.items())

    def total(self, planned: PlannedMetric, *factors: ColumnKey) -> Float64:
        """The total of a column, or of a product of columns, over the slices of a metric: float64 ``[slices]``.

        Of products, what is taken off their columns stays off.

        Raises:
            KeyError: The product was not summed.
        """
        for (layout, columns, classes), places in zip(self._tables, self._places, strict=True):
            if factors[0] in layout.columns:
                own = tuple(sorted(layout.columns[factor] for factor in factors))
                place = own[0] if len(own) == 1 else len(layout.columns) + places[own]
                of_class = planned.of_classes if classes > 1 else None
                position = of_class.position if isinstance(of_class, OneClass) else 0
                return exact.decode(columns[place][position::classes])
        raise KeyError(factors)

    def square(self, planned: PlannedMetric, weights: Weights) -> Float64:
        """Σu² over each slice of u = Σ weight · column, float64 ``[slices]``."""
        total = np.zeros(len(weights[0][1]))
        weights = self._unshifted(weights)
        for i, (left, slope) in enumerate(weights):
            total += slope * slope * self.total(planned, left, left)
            for right, other in weights[:i]:
                total += 2.0 * slope * other * self.total(planned, left, right)
        return np.maximum(total, 0.0)

    def product(
        self,
        planned: PlannedMetric,
        left: Weights,
        right: Weights,
    ) -> Float64:
        """Σuv over each slice of two weighted sums of columns."""
        total = np.zeros(len(left[0][1]))
        for one, slope in self._unshifted(left):
            for other, second in self._unshifted(right):
                total += slope * second * self.total(planned, one, other)
        return total

    def variance(self, planned: PlannedMetric, weights: Weights, examples: Float64) -> Float64:
        """The variance of the total of u = Σ weight · column over the examples of a slice, float64 ``[slices]``."""
        total = np.sum([slope * self.total(planned, column) for column, slope in weights], axis=0)
        square = self.square(planned, weights)
        moved = self._unshifted(weights)
        largest = np.max([slope * slope * self.total(planned, column, column) for column, slope in moved], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = square - total * total / examples
            spread = np.where(spread > _NOISE * largest, spread, 0.0)
            return np.where(examples > 1, spread * examples / (examples - 1), np.nan)

    def skewness(self, planned: PlannedMetric, weights: Weights, examples: Float64) -> Float64:
        """The skewness of u = Σ weight · column, which has a mean of 0; NaN where third moments were not summed."""
        total = np.zeros(len(examples))
        moved = self._unshifted(weights)
        try:
            for first, a in moved:
                for second, b in moved:
                    for third, c in moved:
                        total += a * b * c * self.total(planned, first, second, third)
        except KeyError:
            return np.full(len(examples), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (total / examples) / (self.square(planned, weights) / examples) ** 1.5


def slope(planned: PlannedMetric, columns: tuple[ColumnKey, ...], totals: Totals, classes: int) -> Slope:
    """How a metric changes with the totals of its columns, by central differences.

    Args:
        planned: The metric.
        columns: Its columns, in the order of its terms.
        totals: The totals of its terms.
        classes: How many parts of a slice these tell apart.
    """
    metric = planned.metric
    assert isinstance(metric, Metric)
    position = planned.of_classes.position if isinstance(planned.of_classes, OneClass) else 0
    given: dict[Terms, tuple[Float64, ...]] = {terms: totals[terms] for terms in metric.terms}
    values = [column for terms in metric.terms for column in given[terms]]
    step = _STEP * np.maximum(np.max(np.abs(values), axis=0), 1e-300)

    def at(terms: Terms, number: int, move: Float64) -> tuple[Float64, Float64, Float64]:
        moved = list(given[terms])
        moved[number] = moved[number] + move
        result = metric.result(Totals({**given, terms: tuple(moved)}, {}, totals.slice_count))
        value = result.resolve().value[position::classes]
        if isinstance(result, Ratio):
            return value, result.numerator[position::classes], result.denominator[position::classes]
        return value, value, np.ones(len(value))

    derivatives = []
    reach = 2 * step[position::classes]
    with np.errstate(divide="ignore", invalid="ignore"):
        for terms in metric.terms:
            for number in range(len(terms.columns)):
                ahead, behind = at(terms, number, step), at(terms, number, -step)
                derivatives.append([(a - b) / reach for a, b in zip(ahead, behind, strict=True)])
        value, upper, lower = np.array(derivatives).transpose(1, 0, 2)
        first = metric.result(totals)
        if not isinstance(first, Ratio):
            return Slope(columns, value, None, np.full(value.shape[1], np.nan))
        whole = first.denominator[position::classes]
        quotient = first.resolve().value[position::classes]
        return Slope(columns, (upper - quotient * lower) / whole, (upper, lower), whole)
