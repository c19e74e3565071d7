"""Confusion matrices of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.binary import at_thresholds
from evaluator_component.metrics.losses import class_of_label
from evaluator_component.metrics.metric import Definition, Metric, Options, Plot, PlotData
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.view import Float64, Kind, View

_CLASS_BITS = 21
_CLASSES = 1 << _CLASS_BITS
"""A pair of classes is one key: the actual one times this, plus the predicted one and 1 (0 for none)."""


@dataclass(frozen=True)
class ClassPairs:
    """Σw by the label's class and the predicted one: the class of the highest score, none if it is not above t."""

    threshold: float
    columns = ("weight",)
    keyed_by_score = False

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        if view.predictions.shape[1] == 0:
            return np.zeros(len(view))
        predicted = view.best_class
        highest = np.take_along_axis(view.predictions, predicted[:, None], axis=1)[:, 0]
        chosen = np.where(highest > self.threshold, predicted + 1, 0)
        return (class_of_label(view) * _CLASSES + chosen).astype(np.float64)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return (view.weights,)


@dataclass(frozen=True)
class LabelPairs:
    """For each class that is among the labels and each class: Σw where it is a label or not, predicted or not."""

    threshold: float
    columns = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    keyed_by_score = False

    def rows_by_example(self, view: View) -> npt.NDArray[np.intp]:
        """See :class:`~evaluator_component.metrics.terms.SeveralRows`."""
        counts: npt.NDArray[np.intp] = (view.labels > 0).sum(axis=1) * view.labels.shape[1]
        return counts

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        _, actual = np.nonzero(view.labels > 0)
        every = np.arange(view.labels.shape[1]) + 1
        return np.add.outer(actual * _CLASSES, every).ravel().astype(np.float64)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        examples, _ = np.nonzero(view.labels > 0)
        is_label, predicted = view.labels > 0, view.predictions > self.threshold
        weights = view.weights[:, None]
        cells = (is_label & predicted, ~is_label & predicted, ~is_label & ~predicted, is_label & ~predicted)
        return tuple((weights * cell)[examples].ravel() for cell in cells)


@dataclass(frozen=True)
class _Matrices:
    """The cells that are not empty, by slice, threshold and pair of classes."""

    terms: tuple[ClassPairs | LabelPairs, ...]

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        found = [totals.histogram(terms) for terms in self.terms]
        rows = [np.flatnonzero(np.isin(histogram.slices, wanted)) for histogram in found]
        number = np.repeat(np.arange(len(found)), [len(chosen) for chosen in rows])
        slices, keys = (_gather(found, rows, name) for name in ("slices", "keys"))
        order = np.lexsort((keys, number, slices))
        slices, keys = slices[order], keys[order].astype(np.int64)
        bucket = np.arange(len(slices)) - np.searchsorted(slices, slices)
        threshold = np.array([terms.threshold for terms in self.terms])[number[order]]
        names = self.terms[0].columns if len(self.terms[0].columns) > 1 else ("weighted_examples",)
        columns = {
            name: np.concatenate([h.columns[i][chosen] for h, chosen in zip(found, rows, strict=True)])[order]
            for i, name in enumerate(names)
        }
        classes = {
            "actual_class": (keys >> _CLASS_BITS).astype(np.int32),
            "predicted_class": (keys & (_CLASSES - 1)).astype(np.int32) - np.int32(1),
        }
        lower = np.asarray(threshold, np.float64)
        return PlotData(slices.astype(np.int32), bucket.astype(np.int32), lower, lower, {**columns, **classes})


def _gather(found: list[Histogram], rows: list[npt.NDArray[np.intp]], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(histogram, name)[chosen] for histogram, chosen in zip(found, rows, strict=True)])


def _register(class_name: str, summary: str, terms: type[ClassPairs | LabelPairs], kind: Kind, default: float) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        if given["thresholds"] is not None and given["num_thresholds"] is not None:
            raise ValueError("thresholds and num_thresholds: only one of them can be given")
        thresholds: tuple[float, ...] = (default,)
        if given["thresholds"] is not None:
            thresholds = tuple(sorted(set(at_thresholds(given["thresholds"]))))
        elif given["num_thresholds"] is not None:
            thresholds = _even(int(given["num_thresholds"]))
        keyed = tuple(terms(threshold) for threshold in thresholds)
        return (Plot(name, class_name, kind, keyed, _Matrices(keyed)),)

    options: Options = {"thresholds": None, "num_thresholds": None}
    register(Definition(class_name, snake_case(class_name), "plots", summary, options, build))


def _even(count: int) -> tuple[float, ...]:
    if not 2 <= count <= 10_000:
        raise ValueError(f"num_thresholds: expected 2 to 10,000, got {count}")
    return tuple(float(t) for t in np.arange(count) / (count - 1))


_SUMMARY = "How often each class is predicted for each actual one; no class (−1) where no score is above the threshold."
_register("MultiClassConfusionMatrixAtThresholds", _SUMMARY, ClassPairs, Kind.CLASSES, 0.5)
_register("MultiClassConfusionMatrixPlot", _SUMMARY, ClassPairs, Kind.CLASSES, 0.0)
_register(
    "MultiLabelConfusionMatrixPlot",
    "Of the examples with an actual class, how often each class is among the labels and above the threshold, or not.",
    LabelPairs,
    Kind.LABELS,
    0.5,
)
