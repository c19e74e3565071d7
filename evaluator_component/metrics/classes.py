"""Metrics of a classifier with several classes."""

from __future__ import annotations

from evaluator_component.metrics.metric import HIGHER, Definition, Metric, Options, Plot, Ratio
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import CorrectClass, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Kind


def class_accuracy(totals: Totals) -> Ratio:
    """The share of examples whose highest score is on the right class."""
    return Ratio(totals[CorrectClass()][0], totals[Weight()][0], "no example has a weight above 0")


def _build(name: str, _: Options) -> tuple[Metric | Plot, ...]:
    terms = (CorrectClass(), Weight())
    return (Metric(name, Kind.CLASSES, class_accuracy, terms, direction=HIGHER, interval="wilson"),)


for _class_name, _labels in (
    ("SparseCategoricalAccuracy", "class indices"),
    ("CategoricalAccuracy", "one-hot vectors or class indices"),
):
    register(
        Definition(
            _class_name,
            snake_case(_class_name),
            "multi-class",
            f"The share of examples whose highest score is on the right class; labels are {_labels}.",
            {},
            _build,
            direction=HIGHER,
            interval="wilson",
            range=(0.0, 1.0),
        )
    )
