"""Terms that say how far a prediction is from its label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.view import Float64, View

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class SquaredError:
    """Σw·(y − p)²."""

    columns = ("squared_error",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * (view.labels - view.predictions) ** 2,)


@dataclass(frozen=True)
class AbsoluteError:
    """Σw·|y − p|."""

    columns = ("absolute_error",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * np.abs(view.labels - view.predictions),)


@dataclass(frozen=True)
class SignedError:
    """Σw·(p − y)."""

    columns = ("error",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * (view.predictions - view.labels),)


@dataclass(frozen=True)
class PercentageError:
    """Σw·100·|y − p| / |y| and Σw, both over the examples whose label is not 0."""

    columns = ("percentage_error", "weight")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        some = view.labels != 0
        error = np.abs(view.labels - view.predictions) / np.where(some, np.abs(view.labels), 1.0)
        return np.where(some, view.weights * (100.0 * error), 0.0), np.where(some, view.weights, 0.0)


@dataclass(frozen=True)
class SymmetricPercentageError:
    """Σw·200·|y − p| / (|y| + |p|), 0 where both are 0."""

    columns = ("percentage_error",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        size = np.abs(view.labels) + np.abs(view.predictions)
        error = np.abs(view.labels - view.predictions) / np.where(size > 0, size, 1.0)
        return (view.weights * (200.0 * error),)


@dataclass(frozen=True)
class SquaredLogError:
    """Σw·(ln(1 + y) − ln(1 + p))², NaN with a label or prediction of −1 or less."""

    columns = ("squared_log_error",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        logs = (np.log1p(np.where(values > -1, values, np.nan)) for values in (view.labels, view.predictions))
        return (np.where(view.weights > 0, view.weights * np.subtract(*logs) ** 2, 0.0),)


@dataclass(frozen=True)
class PinballLoss:
    """Σw·max(q·(y − p), (q − 1)·(y − p))."""

    quantile: float
    columns = ("pinball_loss",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        error = view.labels - view.predictions
        return (view.weights * np.maximum(self.quantile * error, (self.quantile - 1.0) * error),)


@dataclass(frozen=True)
class LogLoss:
    """Σw·−(y·ln p + (1 − y)·ln(1 − p)), p kept within [ε, 1 − ε].

    Attributes:
        label_smoothing: s in y ← y·(1 − s) + s/2.
        from_logits: Whether predictions are log-odds instead of probabilities.
    """

    label_smoothing: float = 0.0
    from_logits: bool = False
    columns = ("log_loss",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        labels = view.labels * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        if self.from_logits:
            logits = view.predictions
            loss = np.maximum(logits, 0.0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))
        else:
            scores = np.clip(view.predictions, EPSILON, 1.0 - EPSILON)
            loss = -(labels * np.log(scores) + (1.0 - labels) * np.log1p(-scores))
        return (view.weights * loss,)


EPSILON = 1e-7
"""Probabilities are kept this far from 0 and 1 in logarithms, as Keras does."""


@dataclass(frozen=True)
class CorrectClass:
    """Σw·[argmax of the scores is the label's class]; labels are class indices or one-hot."""

    columns = ("correct",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        return (view.weights * (view.best_class == class_of_label(view)),)


@dataclass(frozen=True)
class InTopClasses:
    """Σw·[fewer than k classes score higher than the label's class]; labels are class indices or one-hot."""

    k: int
    columns = ("correct",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        if view.predictions.shape[1] == 0:
            return (np.zeros(len(view)),)
        own = np.take_along_axis(view.predictions, class_of_label(view)[:, None], axis=1)
        return (view.weights * ((view.predictions > own).sum(axis=1) < self.k),)


@dataclass(frozen=True)
class ClassLogLoss:
    """Σw·−Σ yₖ·ln pₖ; p is brought to a sum of 1 and kept within [ε, 1 − ε].

    Attributes:
        label_smoothing: s in y ← y·(1 − s) + s/classes.
        from_logits: Whether predictions are logits instead of probabilities.
    """

    label_smoothing: float = 0.0
    from_logits: bool = False
    columns = ("log_loss",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`Terms`."""
        count = view.predictions.shape[1]
        smooth = self.label_smoothing
        if view.labels.ndim == 2:
            labels = view.labels * (1.0 - smooth) + smooth / count
            return (view.weights * -(labels * self._logs(view, None)).sum(axis=1),)
        own = self._logs(view, class_of_label(view)[:, None])[:, 0]
        every = self._logs(view, None).sum(axis=1) if smooth else 0.0
        return (view.weights * -((1.0 - smooth) * own + smooth / count * every),)

    def _logs(self, view: View, classes: Index | None) -> Float64:
        """The logarithms of the probabilities of some classes of each example, int ``[n, k]``, or of all."""
        scores = view.predictions
        chosen = scores if classes is None else np.take_along_axis(scores, classes, axis=1)
        if self.from_logits:
            highest = scores.max(axis=1, keepdims=True)
            logs: Float64 = chosen - highest - np.log(np.exp(scores - highest).sum(axis=1, keepdims=True))
            return logs
        total = scores.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(total != 0, chosen / total, 0.0)
        found: Float64 = np.log(np.clip(shares, EPSILON, 1.0 - EPSILON))
        return found


def class_of_label(view: View) -> Index:
    """The class of each label, which is an index or one-hot."""
    return view.labels.argmax(axis=1) if view.labels.ndim == 2 else view.labels.astype(np.intp)


def smoothing_and_logits(given: Mapping[str, Any]) -> tuple[float, bool]:
    """The options of a log loss: label smoothing, and whether predictions are logits."""
    smoothing = float(given["label_smoothing"])
    if not 0.0 <= smoothing <= 1.0:
        raise ValueError(f"label_smoothing: expected a number in [0, 1], got {smoothing}")
    return smoothing, bool(given["from_logits"])
