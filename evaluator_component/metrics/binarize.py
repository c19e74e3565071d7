"""A problem of several classes as binary ones: each class against the rest, all classes in one pool, or by rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.losses import class_of_label
from evaluator_component.metrics.view import Float64, View


@dataclass(frozen=True)
class Binarization:
    """How labels and scores of several classes become binary ones: one row per example and class or rank read.

    Attributes:
        class_ids: The classes that are read; None for all.
        ranks: Instead of classes, the ranks that are read: 1 for the highest score of an example and the label of its
            class, 2 for the second highest. None to read classes.
        pooled: Whether all rows of an example are summed together, instead of class by class.
        top_k: Only the k highest scores of an example count, the others are below any threshold; 0 for all.
        class_weights: What the weight of each class's rows is multiplied with; None for nothing.
    """

    class_ids: tuple[int, ...] | None = None
    ranks: tuple[int, ...] | None = None
    pooled: bool = True
    top_k: int = 0
    class_weights: tuple[float, ...] | None = None

    def apply(self, view: View) -> View:
        """The binary problem of a view of classes; a view with one score per example stays as it is.

        Labels are class indices ``[n]``, or one-hot or multi-hot ``[n, classes]``.
        """
        if view.predictions.ndim == 1:
            return view
        arrays = [one_hot(view), view.predictions, *([] if view.baseline is None else [view.baseline])]
        if self.top_k:
            arrays[1:] = [_top(scores, self.top_k) for scores in arrays[1:]]
        if self.ranks is not None:
            chosen = _by_rank(view.predictions)[:, np.asarray(self.ranks) - 1]
            arrays = [np.take_along_axis(array, chosen, axis=1) for array in arrays]
        elif self.class_ids is not None:
            arrays = [array[:, np.asarray(self.class_ids)] for array in arrays]
        labels, scores, *baseline = (array.ravel() for array in arrays)
        fold = arrays[0].shape[1]
        weights = np.repeat(view.weights, fold)
        if self.class_weights is not None:
            weights *= np.tile(self.class_weights, len(view))
        return View(
            labels,
            scores,
            weights,
            np.repeat(view.bad_labels, fold),
            np.repeat(view.bad_predictions, fold),
            np.repeat(view.bad_weights, fold),
            fold,
            1 if self.pooled else fold,
            baseline[0] if baseline else None,
            records=view.records,
        )

    def least_classes(self) -> int:
        """So many classes a model must have."""
        return max([0, self.top_k, *(self.ranks or ()), *(number + 1 for number in self.class_ids or ())])


AS_ONE_POOL = Binarization()
"""What becomes of several scores where nothing is said."""


def one_hot(view: View) -> Float64:
    """The labels of a view of classes as one-hot or multi-hot vectors, float64 ``[n, classes]``."""
    if view.labels.ndim == 2:
        return view.labels
    labels: Float64 = np.zeros_like(view.predictions)
    classes = class_of_label(view)
    rows = np.flatnonzero(~view.bad_labels & (classes >= 0) & (classes < view.predictions.shape[1]))
    labels[rows, classes[rows]] = 1.0
    return labels


def _by_rank(scores: Float64) -> npt.NDArray[np.intp]:
    """The classes of each example, that of the highest score first; of equal scores the first class."""
    order: npt.NDArray[np.intp] = np.argsort(-scores, axis=1, kind="stable")
    return order


def _top(scores: Float64, k: int) -> Float64:
    chosen = _by_rank(scores)[:, :k]
    result = np.full_like(scores, -np.inf)
    np.put_along_axis(result, chosen, np.take_along_axis(scores, chosen, axis=1), axis=1)
    return result
