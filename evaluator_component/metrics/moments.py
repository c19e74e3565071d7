"""Variances and correlations, from moments that are exact however large the mean is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.losses import SquaredError
from evaluator_component.metrics.metric import HIGHER, Definition, Metric, Options, Plot, Values
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind, View


@dataclass(frozen=True)
class Moments:
    """Σw, Σwy and Σwy² of labels; also Σwp, Σwp² and Σwyp with ``predictions``, each as exact parts to be added.

    The totals are exact, since they are sums by slice and one bucket; so are the products that they are sums of.
    """

    predictions: bool
    keyed_by_score = False

    @property
    def products(self) -> tuple[str, ...]:
        """What is weighted and summed beside the weight: y, yy, p, pp, yp."""
        return ("y", "yy", "p", "pp", "yp") if self.predictions else ("y", "yy")

    @property
    def columns(self) -> tuple[str, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        parts = (f"{name}_{part}" for name in self.products for part in range(2 * len(name)))
        return ("weight", *parts)

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return np.zeros(len(view))

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        factors = {"y": view.labels, "p": view.predictions}
        result = [view.weights]
        with np.errstate(over="ignore", invalid="ignore"):
            for name in self.products:
                parts = [view.weights]
                for factor in name:
                    parts = [part for whole in parts for part in _product(whole, factors[factor])]
                result += parts
        return tuple(result)

    def spreads(self, totals: Totals) -> dict[str, Float64]:
        """Σw(l − l̄)(r − r̄) over each slice for the pairs yy, pp and yp, 0 where it is nothing but rounding."""
        histogram = totals.histogram(self)
        value: dict[str, Float64] = {}
        place = 1
        weight = histogram.columns[0]
        rows: dict[str, slice] = {}
        for name in self.products:
            rows[name] = slice(place, place + 2 * len(name))
            value[name] = np.sum(histogram.columns[rows[name]], axis=0)
            place += 2 * len(name)
        result = {}
        for pair in (name for name in self.products if len(name) == 2):
            left, right = (value[factor] for factor in pair)
            with np.errstate(divide="ignore", invalid="ignore"):
                found = np.where(weight > 0, value[pair] - left * right / weight, 0.0)
                size = np.sqrt(np.abs(value[pair[0] * 2] * value[pair[1] * 2]))
            lost = np.flatnonzero((np.abs(found) < _WELL_CONDITIONED * size) & np.isfinite(size) & (weight > 0))
            if len(lost):
                exactly = histogram.find_exactly(lost)
                sums = [[sum(parts) for parts in zip(*exactly[rows[name]], strict=True)] for name in (pair, *pair)]
                found[lost] = [
                    float(both - one * other / whole) for both, one, other, whole in zip(*sums, exactly[0], strict=True)
                ]
                found[np.abs(found) < _NOISE * size] = 0.0
            result[pair] = np.zeros(totals.slice_count)
            result[pair][histogram.slices] = found
        return result


def _product(left: Float64, right: Float64) -> tuple[Float64, Float64]:
    """The product rounded, and its rounding error: together exact. (Dekker 1971)"""
    total = left * right
    left_high, left_low = _split(left)
    right_high, right_low = _split(right)
    error = ((left_high * right_high - total) + left_high * right_low + left_low * right_high) + left_low * right_low
    return total, error


def _split(values: Float64) -> tuple[Float64, Float64]:
    spread = _SPLITTER * values
    high = spread - (spread - values)
    return high, values - high


_SPLITTER = 2.0**27 + 1.0
_WELL_CONDITIONED = 2.0**-16
"""Spreads above this share of the mean square lose nothing that matters in float64; others are made of fractions."""
_NOISE = 1e-30
"""Spreads below this share of the mean square are no spread: neighbouring float64 differ by more."""

_ALIKE = "the labels are all the same, or no example has a weight above 0"


def r2_score(totals: Totals) -> Values:
    """1 − the squared error over that of always predicting the mean label. (Wright 1921)"""
    spread = Moments(predictions=False).spreads(totals)["yy"]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 1.0 - totals[SquaredError()][0] / spread
    return Values(np.where(spread > 0, value, np.nan), _ALIKE)


def squared_pearson_correlation(totals: Totals) -> Values:
    """The squared correlation of labels and predictions. (Pearson 1895)"""
    spreads = Moments(predictions=True).spreads(totals)
    labels, predictions = spreads["yy"], spreads["pp"]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (spreads["yp"] / labels) * (spreads["yp"] / predictions)
    defined = (labels > 0) & (predictions > 0)
    return Values(np.where(defined, np.minimum(value, 1.0), np.nan), f"{_ALIKE}, or so are the predictions")


def _build_r2(name: str, _: Options) -> tuple[Metric | Plot, ...]:
    keyed = (Moments(predictions=False),)
    return (Metric(name, Kind.REAL, r2_score, (SquaredError(),), keyed, direction=HIGHER, interval="jackknife"),)


def _build_pearson(name: str, _: Options) -> tuple[Metric | Plot, ...]:
    keyed = (Moments(predictions=True),)
    return (Metric(name, Kind.REAL, squared_pearson_correlation, (), keyed, direction=HIGHER, interval="jackknife"),)


register(
    Definition(
        "R2Score",
        snake_case("R2Score"),
        "regression",
        first_sentence(r2_score),
        {},
        _build_r2,
        direction=HIGHER,
        interval="jackknife",
        range=(-np.inf, 1.0),
    )
)
register(
    Definition(
        "SquaredPearsonCorrelation",
        snake_case("SquaredPearsonCorrelation"),
        "regression",
        first_sentence(squared_pearson_correlation),
        {},
        _build_pearson,
        direction=HIGHER,
        interval="jackknife",
        range=(0.0, 1.0),
    )
)
