"""From the values of single classes to the value of one, or the mean over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.metric import Values
from evaluator_component.metrics.terms import LabelMass
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64

Notes = npt.NDArray[np.object_]


def reasons(value: Float64, undefined: str) -> Notes:
    """Why a value is NaN, None where it is not."""
    notes = np.full(len(value), None, object)
    notes[np.isnan(value)] = undefined
    return notes


@dataclass(frozen=True)
class OneClass:
    """The values of one class.

    Attributes:
        position: Its place among the classes that are read.
    """

    position: int

    def pick(self, values: Values, totals: Totals, classes: int) -> tuple[Values, Notes]:
        """Takes its values out of those of all classes, float64 ``[slices * classes]``."""
        ends = (None if end is None else end[self.position :: classes] for end in (values.lower, values.upper))
        value = values.value[self.position :: classes]
        return Values(value, values.undefined, *ends), reasons(value, values.undefined)


@dataclass(frozen=True)
class MeanOverClasses:
    """The mean of the values of the classes that have one.

    Attributes:
        by_prevalence: Whether a class counts by the mass of its examples, instead of all alike.
        weights: The weight of each class that is read; multiplies the above. None for all alike.
    """

    by_prevalence: bool = False
    weights: tuple[float, ...] | None = None

    def pick(self, values: Values, totals: Totals, classes: int) -> tuple[Values, Notes]:
        """Averages values of all classes, float64 ``[slices * classes]``; what it leaves out is told in the notes."""
        value = values.value.reshape(-1, classes)
        weights = np.ones_like(value) if self.weights is None else np.tile(self.weights, (len(value), 1))
        if self.by_prevalence:
            weights = weights * totals[LabelMass()][0].reshape(-1, classes)
        missing = np.isnan(value) & (weights > 0)
        weights = np.where(np.isnan(value), 0.0, weights)
        mean = _mean(value, weights)
        ends: list[Float64 | None] = [None, None]
        bracketed = values.bracketed.reshape(-1, classes).any(axis=1)
        if bracketed.any():
            ends = [np.where(bracketed, _mean(end.reshape(-1, classes), weights), np.nan) for end in values.ends]
        undefined = f"it is undefined for each of the classes: {values.undefined}"
        return Values(mean, undefined, *ends), self._notes(mean, missing, values, undefined)

    def _notes(self, mean: Float64, missing: npt.NDArray[np.bool_], values: Values, undefined: str) -> Notes:
        notes = np.full(len(mean), None, object)
        rows = np.flatnonzero(missing.any(axis=1))
        patterns, which = np.unique(missing[rows], axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            places = np.flatnonzero(pattern).tolist()
            named = ", ".join(map(str, places[:_NAMED])) + (", …" if len(places) > _NAMED else "")
            note = f"{len(places)} of {len(pattern)} classes are left out (number {named}): {values.undefined}"
            notes[rows[which.reshape(-1) == number]] = note
        notes[np.isnan(mean)] = undefined
        return notes


_NAMED = 20


def _mean(value: Float64, weights: Float64) -> Float64:
    total = weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Float64 = (np.where(weights > 0, value, 0.0) * weights).sum(axis=1) / total
    return np.where(total > 0, mean, np.nan)
