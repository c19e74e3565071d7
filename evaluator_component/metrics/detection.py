"""Metrics of detectors: precision, recall and their curve over matched boxes, as in the COCO challenge."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from evaluator_component.metrics import confusion as cells
from evaluator_component.metrics.binary import AtThreshold, at_thresholds
from evaluator_component.metrics.boxes import BoxPairs, Stacking
from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.metric import HIGHER, Definition, Direction, Metric, Options, Plot, Values
from evaluator_component.metrics.operating_points import (
    Best,
    ThresholdAtRecall,
    precision_where_recalled,
)
from evaluator_component.metrics.pairs import OfPairs, Paired, PairedByKey
from evaluator_component.metrics.plots import ConfusionAtThresholds, evenly_spaced
from evaluator_component.metrics.records import Reads
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import AboveThreshold, KeyedTerms, LabelMass, Terms
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Kind

_FAMILY = "detection"
OVERLAPS = tuple(float(iou) for iou in np.linspace(0.5, 0.95, 10))

_BOXES: Options = {
    "area_range": None,
    "max_num_detections": None,
    "labels_to_stack": None,
    "predictions_to_stack": None,
    "num_detections_key": None,
    "allow_missing_key": False,
}
OF_CLASS: Options = {"class_id": None, "class_weight": None, "iou_threshold": 0.5, **_BOXES}
OF_CLASSES: Options = {"class_ids": None, "class_weights": None, "iou_thresholds": OVERLAPS, **_BOXES}


def several(value: Any) -> list[Any]:
    """The values of an option that takes one or a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def columns_of(given: Options) -> tuple[tuple[Reads, ...], Stacking]:
    """What is read, and how boxes are made of it."""
    stacked = []
    for option in ("labels_to_stack", "predictions_to_stack"):
        names = several(given[option] or [])
        if not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"{option}: expected a list of names, got {given[option]!r}")
        stacked.append(names)
    labels, predictions = stacked
    reads = [Reads("label", name, holds="numbers") for name in labels or [""]]
    reads += [Reads("prediction", name, holds="numbers") for name in predictions or [""]]
    count = given["num_detections_key"]
    if count:
        reads.append(Reads("prediction", str(count), most=1, holds="numbers"))
    return tuple(reads), Stacking(len(labels), len(predictions), bool(count))


def pairing_of(given: Options, class_id: Any, iou: Any, weight: Any, stacking: Stacking) -> BoxPairs:
    """The pairing of one class and overlap, of complete options.

    Raises:
        ValueError: An option has a wrong value.
    """
    if not isinstance(class_id, int) or isinstance(class_id, bool) or class_id < 0:
        raise ValueError(f"class_id: expected a whole number from 0 on, got {class_id!r}")
    if not isinstance(iou, (int, float)) or not 0.0 < iou <= 1.0:
        raise ValueError(f"iou_threshold: expected a number above 0 and up to 1, got {iou!r}")
    weight = 1.0 if weight is None else weight
    if not isinstance(weight, (int, float)) or not 0.0 <= weight < math.inf:
        raise ValueError(f"class_weight: expected a number from 0 on, got {weight!r}")
    area = tuple(several(given["area_range"] or (0.0, math.inf)))
    if len(area) != 2 or not all(isinstance(end, (int, float)) for end in area) or not area[0] <= area[1]:
        raise ValueError(f"area_range: expected the least and the largest area, got {given['area_range']!r}")
    most = given["max_num_detections"]
    if most is not None and (not isinstance(most, int) or most < 1):
        raise ValueError(f"max_num_detections: expected a whole number from 1 on, got {most!r}")
    return BoxPairs(class_id, float(iou), (float(area[0]), float(area[1])), most or 0, float(weight), stacking)


def _sub_key(pairing: BoxPairs, option: str = "", value: float | None = None) -> str:
    """The class, as the peer has it, and the option that several values are told apart by."""
    return f"classId:{pairing.class_id}" + ("" if value is None else f" {option}={value!r}")


def _one(given: Options) -> tuple[BoxPairs, tuple[Reads, ...]]:
    reads, stacking = columns_of(given)
    return pairing_of(given, given["class_id"], given["iou_threshold"], given["class_weight"], stacking), reads


def of_boxes(
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
    """A metric that reads boxes; ``sub_key`` tells its results from others of the name."""
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


def register_detection(
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
    """Registers an entry of the family; ``example`` has options that must be given beside the class."""
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
            of_boxes(
                name,
                OfPairs(AtThreshold(formula, threshold, ()), pairing),
                (Paired(LabelMass(), pairing), Paired(AboveThreshold(threshold), pairing)),
                (),
                reads,
                pairing.stacking,
                sub_key=_sub_key(pairing, "threshold", threshold if len(thresholds) > 1 else None),
            )
            for threshold in thresholds
        )

    register_detection(
        class_name, summary, {**({} if fixed is not None else {"thresholds": (0.5,)}), **OF_CLASS}, build
    )


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
        recalls = [float(recall) for recall in several(given["recall"])]
        for recall in recalls:
            if not 0.0 <= recall <= 1.0:
                raise ValueError(f"recall: expected a number in [0, 1], got {recall!r}")
        return tuple(
            of_boxes(
                name,
                OfPairs(result(recall), pairing),
                (Paired(LabelMass(), pairing),),
                (PairedByKey(ScoreHistogram(), pairing),),
                reads,
                pairing.stacking,
                sub_key=_sub_key(pairing, "recall", recall if len(recalls) > 1 else None),
                direction=direction,
            )
            for recall in recalls
        )

    options: Options = {"recall": (0.5,), "thresholds": None, "num_thresholds": None, **OF_CLASS}
    register_detection(class_name, summary, options, build, example={"recall": 0.5}, direction=direction, limits=limits)


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
            sub_key=_sub_key(pairing),
        ),
    )


register(
    Definition(
        "ObjectDetectionConfusionMatrixPlot",
        "confusion_matrix_plot",
        "plots",
        "Found boxes, wrong detections and missed boxes of a class at equally spaced thresholds on the score.",
        {"num_thresholds": 1000, **OF_CLASS},
        _build_plot,
        example={"class_id": 1},
    )
)
