"""The four figures of the COCO challenge: average precision and recall of a class, and their means over classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.metrics.detection import (
    OF_CLASS,
    OF_CLASSES,
    OVERLAPS,
    columns_of,
    of_boxes,
    pairing_of,
    register_detection,
    several,
)
from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import Metric, Options, Plot, Values
from evaluator_component.metrics.operating_points import Points, operating_points
from evaluator_component.metrics.pairs import OfPairs, Paired, PairedByKey
from evaluator_component.metrics.scores import bracket
from evaluator_component.metrics.terms import AboveThreshold, KeyedTerms, LabelMass, Terms
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64

_NO_BOX = "there is no box of the class"


@dataclass(frozen=True)
class _InterpolatedPrecision:
    """The mean over recalls of the highest precision with at least that recall, 0 where it is not reached.

    Attributes:
        recalls: The recalls.
    """

    recalls: tuple[float, ...]

    def __call__(self, totals: Totals) -> Values:
        positives, _ = totals[LabelMass()]
        histogram = totals.histogram(ScoreHistogram())

        def area(points: Points) -> Float64:
            usable = points.possible & ~np.isnan(points.precision)
            reached = np.searchsorted(np.sort(self.recalls), points.recall, side="right")
            best = np.zeros((histogram.slice_count, len(self.recalls) + 1))  # by how many of the recalls are reached
            np.maximum.at(best, (histogram.slices, reached), np.where(usable, points.precision, 0.0))
            or_more = np.maximum.accumulate(best[:, ::-1], axis=1)[:, -2::-1]
            return np.where(positives > 0, or_more.mean(axis=1), np.nan)

        value = area(operating_points(totals, best=False))
        if not histogram.coarse.any():
            return Values(value, _NO_BOX)
        upper = np.maximum(value, area(operating_points(totals, best=True)))
        return Values(value, _NO_BOX, *bracket(histogram, value, upper))


def _found(totals: Totals) -> Values:
    """The share of boxes that are found by a detection of any score."""
    found, _ = totals[AboveThreshold(-math.inf)]
    positives, _ = totals[LabelMass()]
    with np.errstate(divide="ignore", invalid="ignore"):
        return Values(np.where(positives > 0, found / positives, np.nan), _NO_BOX)


@dataclass(frozen=True)
class _Mean:
    """The mean over overlaps and classes, without the classes that there is no box of.

    Attributes:
        parts: The class and the result of each.
    """

    parts: tuple[tuple[int, OfPairs], ...]

    def __call__(self, totals: Totals) -> Values:
        found = [result(totals).resolve() for _, result in self.parts]
        values = np.array([one.value for one in found])
        missing = np.isnan(values)
        count = (~missing).sum(axis=0)

        def mean(numbers: Any) -> Float64:
            total = np.where(missing, 0.0, np.array(numbers)).sum(axis=0)
            average: Float64 = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
            return average

        bracketed = np.any([one.bracketed for one in found], axis=0)
        ends = (
            np.where(bracketed, mean([one.ends[i] for one in found]), np.nan) if bracketed.any() else None
            for i in (0, 1)
        )
        return Values(mean(values), "there is no box of any of the classes", *ends, notes=self._notes(missing))

    def _notes(self, missing: Any) -> Any:
        notes = np.full(missing.shape[1], None, object)
        for row in np.flatnonzero(missing.any(axis=0)):
            classes = dict.fromkeys(
                number for (number, _), gone in zip(self.parts, missing[:, row], strict=True) if gone
            )
            notes[row] = f"without classes that no box with a weight is of: {', '.join(map(str, classes))}"
        return notes


def _recalls(given: Options) -> tuple[float, ...]:
    if given["recalls"] is not None and given["num_recalls"] is not None:
        raise ValueError("recalls and num_recalls: only one of them can be given")
    if given["recalls"] is not None:
        recalls = several(given["recalls"])
        if not recalls or not all(isinstance(recall, (int, float)) and 0.0 <= recall <= 1.0 for recall in recalls):
            raise ValueError(f"recalls: expected numbers in [0, 1], got {given['recalls']!r}")
        return tuple(float(recall) for recall in recalls)
    count = 101 if given["num_recalls"] is None else given["num_recalls"]
    if not isinstance(count, int) or not 2 <= count <= 10_000:
        raise ValueError(f"num_recalls: expected a whole number from 2 to 10,000, got {count!r}")
    return tuple(float(recall) for recall in np.linspace(0.0, 1.0, count))


def _coco(class_name: str, name: str, summary: str, *, precision: bool, mean: bool) -> None:
    """Registers one of the four figures of the COCO challenge: of a class or the mean over classes."""
    options = dict(OF_CLASSES if mean else OF_CLASS)
    if precision:
        options |= {"recalls": None, "num_recalls": None, "num_thresholds": None}
    elif not mean:
        del options["iou_threshold"]
        options["iou_thresholds"] = OVERLAPS

    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        reads, stacking = columns_of(given)
        ids = several(given["class_ids"]) if mean else [given["class_id"]]
        if not ids:
            raise ValueError("class_ids: expected at least one class, got none")
        given_weights = given["class_weights"] if mean else [given["class_weight"]]
        weights = [None] * len(ids) if given_weights is None else several(given_weights)
        if len(weights) != len(ids):
            raise ValueError(f"class_weights: expected one for each of the {len(ids)} class_ids, got {len(weights)}")
        overlaps = several(given["iou_thresholds"] if "iou_thresholds" in given else given["iou_threshold"])
        pairings = [
            (class_id, pairing_of(given, class_id, iou, weight, stacking))
            for class_id, weight in zip(ids, weights, strict=True)
            for iou in overlaps
        ]
        terms: list[Terms] = [Paired(LabelMass(), pairing) for _, pairing in pairings]
        keyed: list[KeyedTerms] = []
        result: Callable[[Totals], Values] = _found
        if precision:
            keyed = [PairedByKey(ScoreHistogram(), pairing) for _, pairing in pairings]
            result = _InterpolatedPrecision(_recalls(given))
        else:
            terms += [Paired(AboveThreshold(-math.inf), pairing) for _, pairing in pairings]
        average = _Mean(tuple((class_id, OfPairs(result, pairing)) for class_id, pairing in pairings))
        return (of_boxes(name, average, tuple(terms), tuple(keyed), reads, stacking),)

    register_detection(class_name, summary, options, build, name=name)


_coco(
    "COCOAveragePrecision",
    "average_precision",
    "The mean over 101 recalls of the highest precision that goes with them, of a class. (Lin et al. 2014)",
    precision=True,
    mean=False,
)
_coco(
    "COCOMeanAveragePrecision",
    "mean_average_precision",
    "The mean of the average precision over classes and overlaps from 0.5 to 0.95. (Lin et al. 2014)",
    precision=True,
    mean=True,
)
_coco(
    "COCOAverageRecall",
    "average_recall",
    "Of the boxes of a class, the share that is found, as a mean over overlaps from 0.5 to 0.95. (Lin et al. 2014)",
    precision=False,
    mean=False,
)
_coco(
    "COCOMeanAverageRecall",
    "mean_average_recall",
    "The mean of the average recall over classes. (Lin et al. 2014)",
    precision=False,
    mean=True,
)
