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


def _cells(values: Float64) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The cell of each value, in the order of values: sign, exponent and fourteen bits; and if there is more to it."""
    size = np.abs(values)
    inside = np.clip(size, _LEAST, _MOST)
    bits = inside.view(np.int64)
    cell = ((bits - np.float64(_LEAST).view(np.int64)) >> _DROPPED) + 1
    rough = (bits & ((1 << _DROPPED) - 1) != 0) | (inside != size)
    cell, rough = np.where(size == 0, 0, cell), rough & (size > 0)
    middle = 1 << (_BITS - 1)
    return np.where(values < 0, middle - 1 - cell, middle + cell), rough


@dataclass(frozen=True)
class JointCells:
    """Σw by the cells of label and prediction, and Σw³; and Σw of those that are not the only value of their cell."""

    columns = ("weight", "cubes", "rough_labels", "rough_predictions")
    keyed_by_score = False

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        labels, predictions = _cells(view.labels)[0], _cells(view.predictions)[0]
        return ((labels << _BITS) | predictions).astype(np.float64)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        rough = (view.weights * _cells(side)[1] for side in (view.labels, view.predictions))
        return (view.weights, view.weights**3, *rough)


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
        cubes: Float64,
        rough: Float64,
    ) -> _Ranks:
        """Ranks the values of one side; cells of one example, or of one value, are known exactly."""
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
        apart = (mass**3 - np.bincount(group, cubes, len(distinct))) / 12  # if all values differ
        spread = np.where((np.bincount(group, rough, len(distinct)) > 0) & (apart > 1e-12 * mass**3), apart, 0.0)
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
    weight, cubes, rough_labels, rough_predictions = histogram.columns
    keys, slices = histogram.keys.astype(np.int64), histogram.slices.astype(np.int64)
    x = _Ranks.of(slices, keys >> _BITS, weight, cubes, rough_labels)
    y = _Ranks.of(slices, keys & ((1 << _BITS) - 1), weight, cubes, rough_predictions)

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
