"""What metrics see of a batch: labels, predictions and weights, with what cannot be used taken out."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.metrics.documents import Docs

Float64 = npt.NDArray[np.float64]


class Kind(enum.Enum):
    """What a metric expects of labels and predictions; it decides which values are usable."""

    ANY = "any number"
    LABEL = "a finite label"
    BINARY = "a label in [0, 1] and one score"
    REAL = "a finite label and one finite prediction"
    CLASSES = "one class (index, or one-hot) and one score per class"
    LABELS = "for each class 0 or 1, and one score"
    SCORES = "finite scores, whatever the label"
    ONE_SCORE = "one finite score, whatever the label"
    VECTORS = "finite predictions, whatever the label"
    KERAS = "a finite label and finite predictions"
    FEATURE = "a feature's number, missing in some examples"
    QUERY = "a finite label and one finite score per document, and one weight per query"
    TEXTS = "one text, and at least one reference"
    VALUES = "at least one value"
    SETS = "names of classes, and finite scores"
    BOXES = "finite coordinates and scores"
    MASKS = "a class for each pixel"

    @property
    def of_records(self) -> bool:
        """Whether labels and predictions are lists, which the metric names itself."""
        return self in (Kind.TEXTS, Kind.VALUES, Kind.SETS, Kind.BOXES, Kind.MASKS)

    @property
    def is_whole(self) -> bool:
        """Whether it looks at all scores of an example together, or at none, whatever is said of classes."""
        return self.of_records or self in _WHOLE

    @property
    def sees_labels(self) -> bool:
        """Whether it looks at labels as numbers."""
        return not self.of_records and self not in (Kind.ANY, Kind.FEATURE, *_OF_SCORES)

    @property
    def sees_predictions(self) -> bool:
        """Whether it looks at predictions as numbers."""
        return not self.of_records and self not in (Kind.ANY, Kind.FEATURE)


_OF_SCORES = (Kind.SCORES, Kind.ONE_SCORE, Kind.VECTORS)
_WHOLE = (Kind.CLASSES, Kind.LABELS, Kind.VECTORS, Kind.FEATURE, Kind.QUERY, Kind.ONE_SCORE)


@dataclass(frozen=True)
class View:
    """The labels, predictions and weights of one batch, as one (model, output, weighted or not) sees them.

    Attributes:
        labels: float64 ``[n]``, or ``[n, classes]`` for one-hot and multi-hot labels.
        predictions: float64 ``[n]``, or ``[n, classes]``; of metrics of a feature its values, NaN where missing.
        weights: float64 ``[n]``; ones when the metric is unweighted.
        fold: How many rows there are per example: n is fold times the number of examples, row i is of example
            i // fold.
        classes: How many of these rows are summed apart: fold (one binary problem per class), or 1 (all in one).
        baseline: The predictions of the model that is compared with, shaped like ``predictions``; None without.
        docs: The documents, where each example is a query; None where it is not.
        records: What a metric of lists reads, one list array ``[n]`` per column; () where it reads numbers.

    Examples whose label, prediction or weight is unusable (:class:`Unusable`) have weight 0 and zeros in place of
    the unusable values, so that terms stay finite; they are counted beside the terms and make the result undefined.
    """

    labels: Float64
    predictions: Float64
    weights: Float64
    bad_labels: npt.NDArray[np.bool_] = field(repr=False)
    bad_predictions: npt.NDArray[np.bool_] = field(repr=False)
    bad_weights: npt.NDArray[np.bool_] = field(repr=False)
    fold: int = 1
    classes: int = 1
    baseline: Float64 | None = None
    docs: Docs | None = None
    records: tuple[pa.ListArray, ...] = ()

    def __len__(self) -> int:
        return len(self.weights)

    @classmethod
    def of(
        cls, kind: Kind, labels: Float64, predictions: Float64, weights: Float64, baseline: Float64 | None = None
    ) -> View:
        """Builds a view, taking out what ``kind`` cannot use.

        Args:
            kind: Decides which labels are usable.
            labels: float64 ``[n]`` or ``[n, k]``; NaN where missing.
            predictions: float64 ``[n]`` or ``[n, k]``.
            weights: float64 ``[n]``; NaN where missing.
            baseline: Predictions of the model that is compared with, shaped like ``predictions``.
        """
        if kind in _OF_SCORES:  # the labels can be anything
            labels = np.where(np.isfinite(labels), labels, -1.0)
        several = predictions.ndim == 2
        bad_labels = _not_finite(labels)
        bad_predictions = _not_finite(predictions)
        if baseline is not None:
            bad_predictions |= _not_finite(baseline)
        if kind is Kind.FEATURE:  # a missing value is told by the metric
            bad_predictions = np.isinf(predictions)
        if kind in (Kind.ANY, Kind.LABEL):
            bad_predictions = np.zeros_like(bad_predictions)
        if kind in (Kind.ANY, Kind.FEATURE, *_OF_SCORES):
            bad_labels = np.zeros_like(bad_labels)
        elif kind is Kind.CLASSES and labels.ndim == 2:
            bad_labels |= ((labels == 1.0).sum(axis=1) > 1) | ~(labels.max(axis=1, initial=0.0) > 0)
        elif several and labels.ndim == 1:
            with np.errstate(invalid="ignore"):
                bad_labels |= (labels < 0) | (labels >= predictions.shape[1]) | (labels != np.floor(labels))
        elif kind in (Kind.BINARY, Kind.LABELS):
            with np.errstate(invalid="ignore"):
                bad_labels |= _any_bad(labels, (labels < 0) | (labels > 1))
        bad_weights = ~(np.isfinite(weights) & (weights >= 0))
        bad = bad_labels | bad_predictions | bad_weights
        if bad.any():
            labels, predictions, weights = (_blank(array, bad) for array in (labels, predictions, weights))
            baseline = None if baseline is None else _blank(baseline, bad)
        return cls(labels, predictions, weights, bad_labels, bad_predictions, bad_weights, baseline=baseline)

    @cached_property
    def derived(self) -> dict[Any, Any]:
        """What several terms make of the view, made once."""
        return {}

    @cached_property
    def best_class(self) -> npt.NDArray[np.intp]:
        """The class of the highest score of each example, the first of several; of scores ``[n, classes]``."""
        return np.asarray(self.predictions.argmax(axis=1))

    @cached_property
    def positives(self) -> Float64:
        """w·y, float64 ``[n]``."""
        return self.weights * self.labels

    @cached_property
    def negatives(self) -> Float64:
        """w·(1 − y), float64 ``[n]``."""
        return self.weights * (1.0 - self.labels)


def _any_bad(array: Float64, bad: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(bad.any(axis=1)) if array.ndim == 2 else bad


def _not_finite(array: Float64) -> npt.NDArray[np.bool_]:
    """Whether a number of each example is NaN or infinite."""
    if array.ndim == 1:
        return ~np.isfinite(array)
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.asarray(~np.isfinite(array.sum(axis=1)))  # quick; a sum can also be too large
    rows = np.flatnonzero(bad)
    bad[rows] = ~np.isfinite(array[rows]).all(axis=1)
    return bad


def _blank(array: Float64, rows: npt.NDArray[np.bool_]) -> Float64:
    array = array.copy()
    array[rows] = 0.0
    return array
