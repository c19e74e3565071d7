"""Spearman's rank correlation, of the joint distribution of labels and predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.metric import HIGHER, Definition, Metric, Options, Plot, Values
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind, View

_BITS = 21
_DROPPED = 52 - 14
_LEAST, _MOST = 2.0**-32, 2.0**31 - 2.0**-21
"""Sizes outside of this range share a cell with these."""


def _cells(values: Float64) -> npt.NDArray[np.int64]:
    """The cell of each value, in the order of values: sign, exponent and fourteen bits."""
    size = np.abs(values)
    bits = np.clip(size, _LEAST, _MOST).view(np.int64) - np.float64(_LEAST).view(np.int64)
    cell = np.where(size == 0, 0, (bits >> _DROPPED) + 1)
    middle = 1 << (_BITS - 1)
    return np.where(values < 0, middle - 1 - cell, middle + cell)


def _marks(values: Float64) -> Float64:
    """A number from 1 to 2²⁰ for each value, of a hash of its bits: in one cell, other values have other marks."""
    with np.errstate(over="ignore"):
        mixed = (values + 0.0).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(44)).astype(np.float64) + 1.0


_SAME = 1e-14
"""Marks vary by less than this share of their mean square where they are rounded sums of one number."""


@dataclass(frozen=True)
class JointCells:
    """Σw by the cells of label and prediction, with Σw·m and Σw·m² of marks that tell whether values differ."""

    columns = ("weight", "labels", "squared_labels", "predictions", "squared_predictions")
    keyed_by_score = False

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        labels, predictions = _cells(view.labels), _cells(view.predictions)
        return ((labels << _BITS) | predictions).astype(np.float64)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        marks = [_marks(side) for side in (view.labels, view.predictions)]
        return (view.weights, *(view.weights * power for mark in marks for power in (mark, mark**2)))


@dataclass(frozen=True)
class _Ranks:
    """The ranks of one side: of all values of a cell their mean rank.

    Attributes:
        centred: float64 ``[rows]``: rank less the mean rank.
        group: Int ``[rows]``: a number for each slice and cell.
        slices: Int ``[groups]``.
        spread: float64 ``[groups]``: at most so large is Σw·(rank − mean rank of the cell)².
    """

    centred: Float64
    group: npt.NDArray[np.intp]
    slices: npt.NDArray[np.int64]
    spread: Float64

    @classmethod
    def of(
        cls,
        slices: npt.NDArray[np.int64],
        cells: npt.NDArray[np.int64],
        weight: Float64,
        marks: Float64,
        squared: Float64,
    ) -> _Ranks:
        """Ranks the values of one side; a cell of one value is known exactly."""
        key = slices << _BITS | cells
        distinct, group = np.unique(key, return_inverse=True)
        group = group.reshape(-1)
        mass = np.bincount(group, weight, len(distinct)).astype(np.float64)
        of_slice = distinct >> _BITS
        running = np.cumsum(mass, dtype=np.longdouble)  # a small slice behind large ones loses nothing
        first = np.searchsorted(of_slice, of_slice)
        total = np.bincount(of_slice, mass)
        before = (running - mass - (running - mass)[first]).astype(np.float64)
        centred = before + mass / 2 - total[of_slice] / 2
        first_moment, second_moment = (np.bincount(group, column, len(distinct)) for column in (marks, squared))
        with np.errstate(divide="ignore", invalid="ignore"):
            varied = second_moment / mass - (first_moment / mass) ** 2 > _SAME * second_moment / mass
        spread = np.where(varied, mass**3 / 12, 0.0)
        return cls(centred[group], group, of_slice, spread)

    def slack(self, other: Float64, weight: Float64, count: int) -> tuple[Float64, Float64]:
        """By slice: how much the other side's ranks can add to a product with what is not known of these; and E."""
        groups = len(self.slices)
        mass = np.bincount(self.group, weight, groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.nan_to_num(np.bincount(self.group, weight * other, groups) / mass)
        within = np.bincount(self.group, weight * (other - mean[self.group]) ** 2, groups)
        unknown = np.bincount(self.slices, self.spread, count).astype(np.float64)
        varied = np.bincount(self.slices, np.where(self.spread > 0, within, 0.0), count)
        slack: Float64 = np.sqrt(varied * unknown)
        return slack, unknown


def spearman(totals: Totals) -> Values:
    """The correlation of the ranks of labels and predictions, ties by their mean rank. (Spearman 1904)

    Values that differ after fifteen significant bits share a cell: the bracket holds what their order can make of it,
    by the inequality of Cauchy and Schwarz.
    """
    histogram, count = totals.histogram(JointCells()), totals.slice_count
    weight, *marks = histogram.columns
    keys, slices = histogram.keys.astype(np.int64), histogram.slices.astype(np.int64)
    x = _Ranks.of(slices, keys >> _BITS, weight, *marks[:2])
    y = _Ranks.of(slices, keys & ((1 << _BITS) - 1), weight, *marks[2:])

    def total(values: Float64) -> Float64:
        return np.bincount(slices, values, count).astype(np.float64)

    product = total(weight * x.centred * y.centred)
    squares = [total(weight * side.centred**2) for side in (x, y)]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(np.minimum(*squares) > 0, product / np.sqrt(squares[0] * squares[1]), np.nan)
    value = np.clip(value, -1.0, 1.0)
    undefined = "the labels or the predictions are all the same, in their fifteen highest bits at least"
    (slack_x, unknown_x), (slack_y, unknown_y) = x.slack(y.centred, weight, count), y.slack(x.centred, weight, count)
    rough = (unknown_x > 0) | (unknown_y > 0)
    if not rough.any():
        return Values(value, undefined)
    slack = slack_x + slack_y + np.sqrt(unknown_x * unknown_y)
    least = np.sqrt(squares[0] * squares[1])
    most = np.sqrt((squares[0] + unknown_x) * (squares[1] + unknown_y))
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = (product - slack) / np.where(product < slack, least, most)
        upper = (product + slack) / np.where(product > -slack, least, most)
    ends = (np.where(rough, np.clip(end, -1.0, 1.0), np.nan) for end in (lower, upper))
    return Values(value, undefined, *ends)


def _build(name: str, _: Options) -> tuple[Metric | Plot, ...]:
    return (Metric(name, Kind.REAL, spearman, (), (JointCells(),), direction=HIGHER, interval="jackknife"),)


register(
    Definition(
        "Spearman",
        snake_case("Spearman"),
        "regression",
        "The correlation of the ranks of labels and predictions, ties by their mean rank. (Spearman 1904)",
        {},
        _build,
        direction=HIGHER,
        interval="jackknife",
        range=(-1.0, 1.0),
    )
)
