"""Metrics of detectors: precision, recall and their curve over matched boxes, as in the COCO challenge."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.metrics import confusion as cells
from evaluator_component.metrics.binary import AtThreshold, at_thresholds
from evaluator_component.metrics.boxes import BoxPairs, Stacking
from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import HIGHER, Definition, Direction, Metric, Options, Plot, Values
from evaluator_component.metrics.operating_points import (
    Best,
    Points,
    ThresholdAtRecall,
    operating_points,
    precision_where_recalled,
)
from evaluator_component.metrics.pairs import OfPairs, Paired, PairedByKey
from evaluator_component.metrics.plots import ConfusionAtThresholds, evenly_spaced
from evaluator_component.metrics.records import Reads
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.scores import bracket
from evaluator_component.metrics.terms import AboveThreshold, KeyedTerms, LabelMass, Terms
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind

_FAMILY = "detection"
_NO_BOX = "there is no box of the class"
_FIVE_TO_NINETY_FIVE = tuple(float(iou) for iou in np.linspace(0.5, 0.95, 10))

_BOXES: Options = {
    "area_range": None,
    "max_num_detections": None,
    "labels_to_stack": None,
    "predictions_to_stack": None,
    "num_detections_key": None,
    "allow_missing_key": False,
}
_OF_CLASS: Options = {"class_id": None, "class_weight": None, "iou_threshold": 0.5, **_BOXES}
_OF_CLASSES: Options = {"class_ids": None, "class_weights": None, "iou_thresholds": _FIVE_TO_NINETY_FIVE, **_BOXES}


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _columns(given: Options) -> tuple[tuple[Reads, ...], Stacking]:
    """What is read, and how boxes are made of it."""
    stacked = []
    for option in ("labels_to_stack", "predictions_to_stack"):
        names = _several(given[option] or [])
        if not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"{option}: expected a list of names, got {given[option]!r}")
        stacked.append(names)
    labels, predictions = stacked
    reads = [Reads("label", name) for name in labels or [""]] + [Reads("prediction", n) for n in predictions or [""]]
    count = given["num_detections_key"]
    if count:
        reads.append(Reads("prediction", str(count), most=1))
    return tuple(reads), Stacking(len(labels), len(predictions), bool(count))


def _pairing(given: Options, class_id: Any, iou: Any, weight: Any, stacking: Stacking) -> BoxPairs:
    if not isinstance(class_id, int) or isinstance(class_id, bool) or class_id < 0:
        raise ValueError(f"class_id: expected a whole number from 0 on, got {class_id!r}")
    if not isinstance(iou, (int, float)) or not 0.0 < iou <= 1.0:
        raise ValueError(f"iou_threshold: expected a number above 0 and up to 1, got {iou!r}")
    weight = 1.0 if weight is None else weight
    if not isinstance(weight, (int, float)) or not 0.0 <= weight < math.inf:
        raise ValueError(f"class_weight: expected a number from 0 on, got {weight!r}")
    area = tuple(_several(given["area_range"] or (0.0, math.inf)))
    if len(area) != 2 or not all(isinstance(end, (int, float)) for end in area) or not area[0] <= area[1]:
        raise ValueError(f"area_range: expected the least and the largest area, got {given['area_range']!r}")
    most = given["max_num_detections"]
    if most is not None and (not isinstance(most, int) or most < 1):
        raise ValueError(f"max_num_detections: expected a whole number from 1 on, got {most!r}")
    return BoxPairs(class_id, float(iou), (float(area[0]), float(area[1])), most or 0, float(weight), stacking)


def _one(given: Options) -> tuple[BoxPairs, tuple[Reads, ...]]:
    reads, stacking = _columns(given)
    return _pairing(given, given["class_id"], given["iou_threshold"], given["class_weight"], stacking), reads


def _metric(
    name: str,
    result: Callable[..., Any],
    terms: tuple[Terms, ...],
    keyed: tuple[KeyedTerms, ...],
    reads: tuple[Reads, ...],
    stacking: Stacking,
    *,
    sub_key: str = "",
    direction: Direction | None = HIGHER,
) -> Metric:
    return Metric(
        name,
        Kind.BOXES,
        result,
        terms,
        keyed,
        direction=direction,
        interval="jackknife",
        sub_key=sub_key,
        reads=reads,
        fits=stacking,
    )


def _register(
    class_name: str,
    summary: str,
    options: Options,
    build: Callable[[str, Options], tuple[Metric | Plot, ...]],
    *,
    name: str = "",
    example: Options | None = None,
    direction: Direction | None = HIGHER,
    limits: tuple[float, float] = (0.0, 1.0),
) -> None:
    register(
        Definition(
            class_name,
            name or snake_case(class_name),
            _FAMILY,
            summary,
            options,
            build,
            direction=direction,
            interval="jackknife",
            range=limits,
            example={"class_id": 1, **(example or {})} if "class_id" in options else {"class_ids": [1, 2]},
        )
    )


def _at_threshold(class_name: str, summary: str, formula: Callable[..., Any], fixed: float | None = None) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        pairing, reads = _one(given)
        thresholds = (fixed,) if fixed is not None else at_thresholds(given["thresholds"])
        return tuple(
            _metric(
                name,
                OfPairs(AtThreshold(formula, threshold, ()), pairing),
                (Paired(LabelMass(), pairing), Paired(AboveThreshold(threshold), pairing)),
                (),
                reads,
                pairing.stacking,
                sub_key=f"threshold={threshold!r}" if len(thresholds) > 1 else "",
            )
            for threshold in thresholds
        )

    _register(class_name, summary, {**({} if fixed is not None else {"thresholds": (0.5,)}), **_OF_CLASS}, build)


_at_threshold(
    "ObjectDetectionPrecision",
    "Of the detections of a class with a score above the threshold, the share that finds a box. (Lin et al. 2014)",
    cells.precision,
)
_at_threshold(
    "ObjectDetectionRecall",
    "Of the boxes of a class, the share found by a detection with a score above the threshold. (Lin et al. 2014)",
    cells.recall,
)
_at_threshold(
    "ObjectDetectionMaxRecall",
    "Of the boxes of a class, the share found by a detection with a score above 1e-12. (Lin et al. 2014)",
    cells.recall,
    fixed=1e-12,
)


def _over_thresholds(
    class_name: str,
    summary: str,
    result: Callable[[float], Callable[[Totals], Values]],
    direction: Direction | None,
    limits: tuple[float, float],
) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        pairing, reads = _one(given)
        recalls = [float(recall) for recall in _several(given["recall"])]
        for recall in recalls:
            if not 0.0 <= recall <= 1.0:
                raise ValueError(f"recall: expected a number in [0, 1], got {recall!r}")
        return tuple(
            _metric(
                name,
                OfPairs(result(recall), pairing),
                (Paired(LabelMass(), pairing),),
                (PairedByKey(ScoreHistogram(), pairing),),
                reads,
                pairing.stacking,
                sub_key=f"recall={recall!r}" if len(recalls) > 1 else "",
                direction=direction,
            )
            for recall in recalls
        )

    options: Options = {"recall": (0.5,), "thresholds": None, "num_thresholds": None, **_OF_CLASS}
    _register(class_name, summary, options, build, example={"recall": 0.5}, direction=direction, limits=limits)


_over_thresholds(
    "ObjectDetectionPrecisionAtRecall",
    "The highest precision of a threshold on scores that finds at least this share of the boxes. (Lin et al. 2014)",
    lambda recall: Best(precision_where_recalled, recall, needs_negatives=False),
    HIGHER,
    (0.0, 1.0),
)
_over_thresholds(
    "ObjectDetectionThresholdAtRecall",
    "The highest score down to which detections must count to find at least this share of the boxes.",
    ThresholdAtRecall,
    None,
    (-math.inf, math.inf),
)


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
            precision, recall = points.precision, points.recall
            reached = (points.best(precision, recall >= least, 0.0) for least in self.recalls)
            total: Float64 = np.sum(list(reached), axis=0)
            return np.where(positives > 0, total / len(self.recalls), np.nan)

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
            notes[row] = f"without classes that there is no box of: {', '.join(map(str, classes))}"
        return notes


def _recalls(given: Options) -> tuple[float, ...]:
    if given["recalls"] is not None and given["num_recalls"] is not None:
        raise ValueError("recalls and num_recalls: only one of them can be given")
    if given["recalls"] is not None:
        recalls = _several(given["recalls"])
        if not recalls or not all(isinstance(recall, (int, float)) and 0.0 <= recall <= 1.0 for recall in recalls):
            raise ValueError(f"recalls: expected numbers in [0, 1], got {given['recalls']!r}")
        return tuple(float(recall) for recall in recalls)
    count = 101 if given["num_recalls"] is None else given["num_recalls"]
    if not isinstance(count, int) or not 2 <= count <= 10_000:
        raise ValueError(f"num_recalls: expected a whole number from 2 to 10,000, got {count!r}")
    return tuple(float(recall) for recall in np.linspace(0.0, 1.0, count))


def _coco(class_name: str, name: str, summary: str, *, precision: bool, mean: bool) -> None:
    """Registers one of the four figures of the COCO challenge: of a class or the mean over classes."""
    options = dict(_OF_CLASSES if mean else _OF_CLASS)
    if precision:
        options |= {"recalls": None, "num_recalls": None, "num_thresholds": None}
    elif not mean:
        del options["iou_threshold"]
        options["iou_thresholds"] = _FIVE_TO_NINETY_FIVE

    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        reads, stacking = _columns(given)
        ids = _several(given["class_ids"]) if mean else [given["class_id"]]
        if not ids:
            raise ValueError("class_ids: expected at least one class, got none")
        given_weights = given["class_weights"] if mean else [given["class_weight"]]
        weights = [None] * len(ids) if given_weights is None else _several(given_weights)
        if len(weights) != len(ids):
            raise ValueError(f"class_weights: expected one for each of the {len(ids)} class_ids, got {len(weights)}")
        overlaps = _several(given["iou_thresholds"] if "iou_thresholds" in given else given["iou_threshold"])
        pairings = [
            (class_id, _pairing(given, class_id, iou, weight, stacking))
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
        return (_metric(name, average, tuple(terms), tuple(keyed), reads, stacking),)

    _register(class_name, summary, options, build, name=name)


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


def _build_plot(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    pairing, reads = _one(given)
    buckets = evenly_spaced(given)
    return (
        Plot(
            name,
            "ConfusionMatrixPlot",
            Kind.BOXES,
            (PairedByKey(buckets, pairing),),
            OfPairs(ConfusionAtThresholds(buckets), pairing),
            reads=reads,
            fits=pairing.stacking,
        ),
    )


register(
    Definition(
        "ObjectDetectionConfusionMatrixPlot",
        "confusion_matrix_plot",
        "plots",
        "Found boxes, wrong detections and missed boxes of a class at equally spaced thresholds on the score.",
        {"num_thresholds": 1000, **_OF_CLASS},
        _build_plot,
        example={"class_id": 1},
    )
)
