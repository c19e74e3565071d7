"""Metrics of examples with any number of labels: for each class 0 or 1, and a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.binary import at_thresholds
from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import HIGHER, LOWER, Definition, Direction, Metric, Options, Plot
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import Terms, Weight
from evaluator_component.metrics.view import Float64, Kind, View


@dataclass(frozen=True)
class WrongLabels:
    """Σw·(the share of classes that are predicted and no label, or a label and not predicted)."""

    threshold: float
    columns = ("wrong",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        wrong = (view.predictions > self.threshold) != (view.labels > 0)
        return (view.weights * wrong.sum(axis=1) / max(wrong.shape[1], 1),)


@dataclass(frozen=True)
class SharedLabels:
    """Σw·|labels ∩ predicted| / |labels ∪ predicted|, 1 where there is neither."""

    threshold: float
    columns = ("shared",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        predicted, labels = view.predictions > self.threshold, view.labels > 0
        either = (predicted | labels).sum(axis=1)
        both = (predicted & labels).sum(axis=1)
        return (view.weights * np.where(either > 0, both / np.maximum(either, 1), 1.0),)


@dataclass(frozen=True)
class SameLabels:
    """Σw·[the predicted classes are the labels]."""

    threshold: float
    columns = ("same",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        return (view.weights * ((view.predictions > self.threshold) == (view.labels > 0)).all(axis=1),)


def _mean(
    class_name: str, summary: str, terms: Callable[[float], Terms], direction: Direction, interval: str = "delta"
) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        (threshold,) = at_thresholds(given["threshold"])
        chosen = terms(threshold)
        metric = Metric(name, Kind.LABELS, MeanOf(chosen), (chosen, Weight()), direction=direction, interval=interval)
        return (metric,)

    register(
        Definition(
            class_name,
            snake_case(class_name),
            "multi-label",
            summary,
            {"threshold": 0.5},
            build,
            direction=direction,
            interval=interval,
            range=(0.0, 1.0),
        )
    )


_mean(
    "HammingLoss",
    "The share of classes that are wrongly predicted or wrongly not, over classes and examples. (Schapire 2000)",
    WrongLabels,
    LOWER,
)
_mean(
    "JaccardIndex",
    "The mean of shared over all labels and predicted classes of an example, 1 where there are none. (Jaccard 1912)",
    SharedLabels,
    HIGHER,
)
_mean(
    "SubsetAccuracy",
    "The share of examples whose predicted classes are exactly their labels. (Zhu et al. 2005)",
    SameLabels,
    HIGHER,
    interval="wilson",
)
