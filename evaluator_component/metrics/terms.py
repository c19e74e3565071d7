"""What metrics sum: terms computed from a view of the examples.

A *term* is a per-example number; everything a metric knows is the total of its terms over the examples of a slice, or
of a slice and a key (a score, a bucket). Terms are values: two metrics that need the same term declare equal terms,
and the plan computes them once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.view import Float64, View


class Terms(Protocol):
    """Per-example numbers that are summed by slice."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the value columns."""

    def compute(self, view: View) -> tuple[Float64, ...]:
        """Returns one float64 ``[n]`` array per column; weights are the terms' own business."""


class KeyedTerms(Protocol):
    """Per-example numbers that are summed by slice and a key of the example."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the value columns."""

    @property
    def keyed_by_score(self) -> bool:
        """Whether the key is the score itself (the engine may coarsen it); else it is a small bucket number."""

    def keys(self, view: View) -> Float64:
        """Returns float64 ``[n]``: the score, or a whole bucket number below 2**42."""

    def compute(self, view: View) -> tuple[Float64, ...]:
        """Returns one float64 ``[n]`` array per column."""


class Sampler(Protocol):
    """Which examples are sampled: of each slice those with the lowest keys."""

    @property
    def size(self) -> int:
        """How many are kept of each slice."""

    def keys(self, view: View, units: npt.NDArray[np.uint64]) -> Float64:
        """Returns float64 ``[n, classes]``, infinite for examples that are not sampled; ``units`` has their hashes."""


@runtime_checkable
class BySlice(Protocol):
    """Terms that have no number for an example: their totals are made of all examples of a slice together."""

    def by_slice(self, view: View, rows: Sequence[npt.NDArray[np.intp]]) -> Float64:
        """Returns float64 ``[columns, slices]``; ``rows`` has the examples of each slice, in their order."""


@runtime_checkable
class SeveralRows(Protocol):
    """Keyed terms that have any number of rows for an example, the rows of one example after those of the last."""

    def rows_by_example(self, view: View) -> npt.NDArray[np.intp]:
        """Returns int ``[n]``: how many of the rows are of each example."""


@dataclass(frozen=True)
class Examples:
    """How many examples there are, whatever their weights."""

    columns = ("examples",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (np.ones(len(view)),)


@dataclass(frozen=True)
class Unusable:
    """How many examples have a label, prediction or weight that cannot be used."""

    columns = ("labels", "predictions", "weights")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.bad_labels.astype(float), view.bad_predictions.astype(float), view.bad_weights.astype(float))


@dataclass(frozen=True)
class Differing:
    """How many examples have another prediction than the baseline gives them."""

    columns = ("examples",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        assert view.baseline is not None
        differs = view.predictions != view.baseline
        return ((differs.any(axis=1) if differs.ndim == 2 else differs).astype(float),)


@dataclass(frozen=True)
class Weight:
    """Σw."""

    columns = ("weight",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights,)


@dataclass(frozen=True)
class LabelMass:
    """Σw·y and Σw·(1 − y): the mass of positive and of negative examples when labels are 0 or 1."""

    columns = ("positives", "negatives")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return view.positives, view.negatives


@dataclass(frozen=True)
class LabelSum:
    """Σw·y for labels of any range."""

    columns = ("labels",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.positives,)


@dataclass(frozen=True)
class PredictionSum:
    """Σw·p."""

    columns = ("predictions",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * view.predictions,)


@dataclass(frozen=True)
class ScoresByLabel:
    """Σw·y·p and Σw·(1 − y)·p: the predictions of positive and of negative examples."""

    columns = ("positives", "negatives")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return view.positives * view.predictions, view.negatives * view.predictions


@dataclass(frozen=True)
class AboveThreshold:
    """Σw·y·[p > t] and Σw·(1 − y)·[p > t]."""

    threshold: float
    columns = ("true_positives", "false_positives")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        above = view.predictions > self.threshold
        return np.where(above, view.positives, 0.0), np.where(above, view.negatives, 0.0)
