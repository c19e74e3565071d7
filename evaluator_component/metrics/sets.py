"""Predicted sets of classes against the sets of labels, where classes have names and need not be known beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.metrics import confusion as cells
from evaluator_component.metrics.binary import AtThreshold, at_thresholds
from evaluator_component.metrics.metric import HIGHER, Definition, Metric, Options, Plot
from evaluator_component.metrics.pairs import OfPairs, Paired, Rows
from evaluator_component.metrics.records import Reads, comparable, held, lengths, numbers, owners
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.terms import AboveThreshold, LabelMass
from evaluator_component.metrics.view import Float64, Kind, View

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SetPairs:
    """A row for each class that is a label of an example or predicted for it: is it a label, and its score.

    A class that is not predicted scores −∞; of a class that is predicted twice the higher score counts.

    Attributes:
        top_k: Only the k predictions with the highest scores count; 0 for all.
        scored: Whether predictions have scores; without, all score 1.
        weighted: How the weights of classes are given: '' for none, "labels" for one weight per label, "classes" for
            lists of classes and of their weights. Classes without a weight weigh 1.
    """

    top_k: int = 0
    scored: bool = True
    weighted: str = ""

    def __call__(self, records: Sequence[pa.ListArray]) -> tuple[int, str] | None:
        """The ``fits`` of a :class:`~evaluator_component.metrics.metric.Metric` of sets."""
        labels, predicted, *more = records
        if held(labels) != held(predicted) and len(labels.flatten()) and len(predicted.flatten()):
            kinds = f"labels that are {held(labels)} with classes that are {held(predicted)}"
            return 0, f"compares {kinds}; expected the same of both"
        sides = [("classes", "scores", predicted, more.pop(0))] if self.scored else []
        if self.weighted == "classes":
            sides.append(("classes of weights", "weights", more[0], more[-1]))
        elif self.weighted:
            sides.append(("labels", "weights", labels, more[-1]))
        for what, other, left, right in sides:
            odd = np.flatnonzero(lengths(left) != lengths(right))
            if len(odd):
                row = int(odd[0])
                counts = f"{lengths(left)[row]} {what} and {lengths(right)[row]} {other}"
                return row, f"gives {counts}; expected as many of both"
        return None

    def rows(self, view: View) -> Rows:
        """See :class:`~evaluator_component.metrics.pairs.Pairing`."""
        labels, predicted, *more = view.records
        scores = numbers(more.pop(0)) if self.scored else np.ones(len(predicted.flatten()))
        named = [labels, predicted, *(more[:1] if self.weighted == "classes" else [])]
        (label_key, predicted_key, *weight_key), many = _keys(named)
        if self.top_k:
            chosen = _highest(owners(predicted), scores, self.top_k)
            predicted_key, scores = predicted_key[chosen], scores[chosen]
        actual = np.unique(label_key)
        order = np.lexsort((-scores, predicted_key))
        predicted_key, scores = predicted_key[order], scores[order]
        first = np.diff(predicted_key, prepend=-1) > 0
        predicted_key, scores = predicted_key[first], scores[first]
        missed = np.setdiff1d(actual, predicted_key, assume_unique=True)
        key = np.concatenate([predicted_key, missed])
        owner = key // many
        weights = view.weights[owner]
        if self.weighted:
            weights = weights * _lookup(key, weight_key[0] if weight_key else label_key, numbers(more[-1]))
        return Rows.of(
            owner,
            np.concatenate([np.isin(predicted_key, actual).astype(np.float64), np.ones(len(missed))]),
            np.concatenate([scores, np.full(len(missed), -np.inf)]),
            weights,
            len(view),
        )


def _keys(lists: Sequence[pa.ListArray]) -> tuple[list[Int64], int]:
    """For each list's values a number of (example, class), and how many classes there are."""
    flat = comparable([one.flatten() for one in lists])
    together = pa.chunked_array(flat).combine_chunks().dictionary_encode()
    codes = together.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    many = max(len(together.dictionary), 1)
    bounds = np.cumsum([0, *(len(values) for values in flat)])
    return [owners(one) * many + codes[bounds[i] : bounds[i + 1]] for i, one in enumerate(lists)], many


def _highest(owner: npt.NDArray[np.intp], scores: Float64, k: int) -> npt.NDArray[np.intp]:
    """The positions of the k highest scores of each example, of equal ones the first."""
    order = np.lexsort((-scores, owner))
    starts = np.searchsorted(owner[order], owner[order])
    return order[np.arange(len(order)) - starts < k]


def _lookup(wanted: Int64, keys: Int64, values: Float64) -> Float64:
    """The value of each wanted key, the last of several, 1 without one."""
    if not len(keys):
        return np.ones(len(wanted))
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys[order], wanted, side="right") - 1
    found = (place >= 0) & (keys[order][place] == wanted)
    return np.where(found, values[order][place], 1.0)


def _build(formula: Callable[..., Any], name: str, given: Options) -> tuple[Metric | Plot, ...]:
    top_k = given["top_k"]
    if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
        raise ValueError(f"top_k: expected a whole number from 1 on, got {top_k!r}")
    if given["class_key"] and not given["weight_key"]:
        raise ValueError("class_key: names the classes of weights; set weight_key to the feature that has the weights")
    default = 0.5 if top_k is None else -math.inf
    thresholds = at_thresholds(default if given["thresholds"] is None else given["thresholds"])
    scored = bool(given["prediction_score_key"])
    weighted = "" if not given["weight_key"] else "classes" if given["class_key"] else "labels"
    pairing = SetPairs(top_k or 0, scored, weighted)
    reads = [Reads("label"), Reads("prediction", str(given["prediction_class_key"]))]
    if scored:
        reads.append(Reads("prediction", str(given["prediction_score_key"]), holds="numbers"))
    reads += [Reads("feature", str(given[key])) for key in ("class_key", "weight_key") if given[key]]
    return tuple(
        Metric(
            name,
            Kind.SETS,
            OfPairs(AtThreshold(formula, threshold, ()), pairing),
            (Paired(LabelMass(), pairing), Paired(AboveThreshold(threshold), pairing)),
            direction=HIGHER,
            interval="delta",
            sub_key=f"threshold={threshold!r}" if len(thresholds) > 1 else "",
            reads=tuple(reads),
            fits=pairing,
        )
        for threshold in thresholds
    )


@dataclass(frozen=True)
class _Build:
    formula: Callable[..., Any]

    def __call__(self, name: str, given: Options) -> tuple[Metric | Plot, ...]:
        return _build(self.formula, name, given)


def _precision(c: cells.Confusion) -> Any:
    """Of the classes that are predicted, over all examples, the share that is a label. (Godbole & Sarawagi 2004)"""
    return cells.precision(c)


def _recall(c: cells.Confusion) -> Any:
    """Of the labels of all examples, the share that is predicted. (Godbole & Sarawagi 2004)"""
    return cells.recall(c)


for _class_name, _formula in (("SetMatchPrecision", _precision), ("SetMatchRecall", _recall)):
    register(
        Definition(
            _class_name,
            snake_case(_class_name),
            "sets",
            first_sentence(_formula),
            {
                "thresholds": None,
                "top_k": None,
                "prediction_class_key": "classes",
                "prediction_score_key": "scores",
                "class_key": None,
                "weight_key": None,
            },
            _Build(_formula),
            direction=HIGHER,
            interval="delta",
            range=(0.0, 1.0),
        )
    )
