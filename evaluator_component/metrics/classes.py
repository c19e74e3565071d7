"""Metrics of a classifier with several classes."""

from __future__ import annotations

from collections.abc import Callable

from evaluator_component.metrics.losses import ClassLogLoss, CorrectClass, InTopClasses, smoothing_and_logits
from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import HIGHER, LOWER, Definition, Direction, Metric, Options, Plot
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import Terms, Weight
from evaluator_component.metrics.view import Kind


def _mean(
    class_name: str,
    summary: str,
    terms: Callable[[Options], Terms],
    *,
    name: str = "",
    family: str = "multi-class",
    options: Options | None = None,
    direction: Direction = HIGHER,
    interval: str = "wilson",
    limits: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Registers the mean of a term over the examples."""

    def build(result_name: str, given: Options) -> tuple[Metric | Plot, ...]:
        chosen = terms(given)
        made = Metric(
            result_name, Kind.CLASSES, MeanOf(chosen), (chosen, Weight()), direction=direction, interval=interval
        )
        return (made,)

    register(
        Definition(
            class_name,
            name or snake_case(class_name),
            family,
            summary,
            options or {},
            build,
            direction=direction,
            interval=interval,
            range=limits,
        )
    )


def _top(given: Options) -> Terms:
    if given["k"] != int(given["k"]) or given["k"] < 1:
        raise ValueError(f"k: expected a whole number from 1 on, got {given['k']!r}")
    return InTopClasses(int(given["k"]))


_LABELS = {"": "one-hot vectors or class indices", "Sparse": "class indices"}

for _prefix, _labels in _LABELS.items():
    _mean(
        f"{_prefix}CategoricalAccuracy",
        f"The share of examples whose highest score is on the right class; labels are {_labels}.",
        lambda _: CorrectClass(),
    )
    _mean(
        f"{_prefix}TopKCategoricalAccuracy",
        f"The share of examples where fewer than k classes score higher than the right one; labels are {_labels}.",
        _top,
        options={"k": 5},
    )
for _class_name, _name, _labels in (
    ("CategoricalCrossEntropy", "categorical_crossentropy", _LABELS[""]),
    ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", _LABELS["Sparse"]),
):
    _mean(
        _class_name,
        f"The mean of −ln of the right class's probability, kept 1e-7 away from 0 and 1; labels are {_labels}.",
        lambda given: ClassLogLoss(*smoothing_and_logits(given)),
        name=_name,
        family="probabilistic",
        options={"from_logits": False, "label_smoothing": 0.0},
        direction=LOWER,
        interval="delta",
        limits=(0.0, float("inf")),
    )
