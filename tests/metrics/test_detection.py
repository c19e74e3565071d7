"""Metrics of detectors against pycocotools, and against loops over images where it has no such metric.

Coordinates are quarters, so that areas and overlaps are the same to the bit whoever computes them. pycocotools adds
2.2e-16 to the number of detections that precision is divided by, which is at least 1: 1e-9 is ample.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluator_component import ConfigError
from evaluator_component.engine import finalise
from evaluator_component.engine.accumulate import accumulate, merge
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.metrics.boxes import Stacking
from evaluator_component.metrics.records import Reads
from evaluator_component.slicing.codes import Membership
from tests.metrics.pass_over import Examples, Row, entry, plan, tables

Array = npt.NDArray[np.float64]
Table = dict[tuple[Any, ...], Row]

OVERLAPS = [float(iou) for iou in np.linspace(0.5, 0.95, 10)]
WITHOUT_BOX, NOWHERE = 3, 4
"""A class that is only detected, and one that is not even that."""
NO_BOX = "there is no box of any of the classes"


@dataclass(frozen=True)
class Image:
    """True boxes ``[k, 5]`` and detections ``[m, 6]``; how many of these are said to count, None for not said."""

    true: Array
    found: Array
    count: int | None = None


def images(seed: int, size: int = 30, *, edge: int = 160, ties: bool = False, single: bool = False) -> list[Image]:
    """Random images, the first of them without anything, without a box, and without a detection.

    Args:
        seed: Of the random numbers.
        size: How many.
        edge: Boxes lie in a square of so many quarters; in a small one many overlap alike.
        ties: Whether scores are rounded; else no two are the same.
        single: Whether scores are numbers of single precision.
    """
    rng = np.random.default_rng(seed)
    made = []
    for number in range(size):
        true = _boxes(rng, rng.integers(1, 7), edge, [1, 1, 2])
        again = true[rng.integers(0, len(true), rng.integers(3, 9))]
        far = -(-edge // 40)
        shift = rng.integers(-far, far + 1, (len(again), 4)) / 4 * (rng.random((len(again), 1)) < 0.8)
        near = np.sort((again[:, :4] + shift).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
        sort = np.where(rng.random(len(again)) < 0.1, WITHOUT_BOX, again[:, 4])
        found = np.concatenate([np.column_stack([near, sort]), _boxes(rng, rng.integers(0, 4), edge, [1, 2, 3])])
        found = found[rng.permutation(len(found))]
        made.append((true if number > 1 else true[:0], found if number not in (0, 2) else found[:0]))
    total = sum(len(found) for _, found in made)
    scores = np.round(rng.random(total), 1) if ties else (rng.permutation(total) + 1) / (1024 if single else total + 1)
    ends = np.cumsum([len(found) for _, found in made])
    parts = np.split(scores, ends[:-1])
    return [Image(true, np.column_stack([found, part])) for (true, found), part in zip(made, parts, strict=True)]


def _boxes(rng: np.random.Generator, count: int, edge: int, classes: list[int]) -> Array:
    corner = rng.integers(0, edge * 3 // 4, (count, 2))
    size = rng.integers(1, edge // 2, (count, 2))
    return np.column_stack([corner / 4, (corner + size) / 4, rng.choice(classes, count)])


# How the columns of a stack are made; '' is the column of whole boxes.
PARTS = {
    "": slice(None),
    "corners": slice(0, 4),
    "left": slice(0, 1),
    "top to bottom": slice(1, 4),
    "class": slice(4, 5),
    "score": slice(5, 6),
    "class and score": slice(4, 6),
}


def lists_of(reads: Reads, part: Sequence[Image]) -> pa.ListArray:
    """A column as it is in the data: of any length, null where there is nothing, classes as integers."""
    if reads.key == "count":
        return pa.array([None if image.count is None else [image.count] for image in part], pa.list_(pa.int64()))
    boxes = [image.true if reads.role == "label" else image.found for image in part]
    numbers = [of_one[:, PARTS[reads.key]].ravel() for of_one in boxes]
    kind = pa.int64() if reads.key == "class" else pa.float64()
    return pa.array([own.tolist() if len(own) else None for own in numbers], pa.list_(kind))


def run(
    metrics: Sequence[Mapping[str, Any]],
    given: Sequence[Image],
    *,
    weights: Sequence[float] | None = None,
    groups: Sequence[int] | None = None,
    max_distinct_scores: int = 65536,
    batch: int = 7,
) -> tuple[Table, list[Row]]:
    """Metric rows by (metric, slice, sub-key), and plot rows."""
    planned = plan(metrics, weighted=weights is not None, max_distinct_scores=max_distinct_scores)
    states = []
    for start in range(0, len(given), batch):
        part = given[start : start + batch]
        numbers = range(len(part))
        codes, names = [0] * len(part), ["Overall"]
        rows = list(numbers)
        if groups is not None:
            names += sorted({f"group={group}" for group in groups[start : start + batch]})
            rows += numbers
            codes += [names.index(f"group={groups[start + row]}") for row in numbers]
        order = np.argsort(rows, kind="stable")
        slices = Membership(np.array(rows, np.int32)[order], np.array(codes, np.int32)[order], tuple(names))
        own = {} if weights is None else {"": np.array(weights[start : start + batch], float)}
        records = {source: lists_of(source.reads, part) for source in planned.sources}
        for fits, sources in {one.metric.fits: one.view.sources for one in planned.metrics}.items():
            assert fits is not None
            assert fits([records[source] for source in sources]) is None
        states.append(accumulate(planned, Evaluated(slices, {}, {}, own, len(part), records=records)))
    found, plots = finalise.finalise(planned, {"eval": merge(planned, states)})
    by_name = {(row["metric"], row["slice"], without_class(row["sub_key"])): row for row in found.to_pylist()}
    assert len(by_name) == len(found)
    return by_name, plots.to_pylist()


def without_class(sub_key: str) -> str:
    """The sub-key without the class; here each metric is of one."""
    return " ".join(part for part in sub_key.split() if not part.startswith("classId:"))


def values(metrics: Sequence[Mapping[str, Any]], given: Sequence[Image], **more: Any) -> dict[str, float]:
    """The overall values by the name of the metric and the sub-key."""
    found, _ = run(metrics, given, **more)
    return {f"{name} {key}".strip(): row["value"] for (name, where, key), row in found.items() if where == "Overall"}


def coco(
    given: Sequence[Image],
    classes: Sequence[int],
    overlaps: Sequence[float],
    *,
    recalls: Any = None,
    area: Sequence[float] | None = None,
    most: int | None = None,
) -> tuple[Array, Array]:
    """pycocotools' average precision and recall, ``[classes, overlaps]``; NaN where it has none."""

    def annotations(boxes: Sequence[Array]) -> list[dict[str, Any]]:
        made = []
        for number, of_one in enumerate(boxes):
            for left, top, right, bottom, sort, *score in of_one.tolist():
                width, height = right - left, bottom - top
                made.append(
                    {
                        "id": len(made) + 1,
                        "image_id": number,
                        "category_id": int(sort),
                        "bbox": [left, top, width, height],
                        "area": width * height,
                        "iscrowd": 0,
                        "score": score[0] if score else None,
                    }
                )
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for boxes in ([image.true for image in given], [image.found for image in given]):
            side = COCO()
            side.dataset = {
                "images": [{"id": number} for number in range(len(given))],
                "categories": [{"id": number} for number in classes],
                "annotations": annotations(boxes),
            }
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, "bbox")
        params = evaluation.params
        params.catIds, params.iouThrs = list(classes), np.array(overlaps)
        params.recThrs = np.linspace(0, 1, 101) if recalls is None else np.array(recalls)
        params.areaRng, params.areaRngLbl = [[0, 1e10] if area is None else list(area)], ["all"]
        params.maxDets = [most or 10**6]
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = evaluation.eval["precision"][..., 0, 0], evaluation.eval["recall"][..., 0, 0]
    none = recall.T == -1
    return np.where(none, np.nan, precision.mean(axis=1).T), np.where(none, np.nan, recall.T)


@dataclass(frozen=True)
class Loop:
    """What a loop over images makes of one class.

    Attributes:
        rows: (score, whether it found a box, weight) of each detection that counts.
        boxes: The weight of the boxes that count.
    """

    rows: list[tuple[float, bool, float]]
    boxes: float

    def above(self, threshold: float, *, equal: bool = False) -> tuple[float, float]:
        """The weight of detections that found a box, and of others, of a score above a threshold."""
        inside = [row for row in self.rows if row[0] > threshold or (equal and row[0] == threshold)]
        return math.fsum(w for _, hit, w in inside if hit), math.fsum(w for _, hit, w in inside if not hit)

    @property
    def points(self) -> list[tuple[float, float, float]]:
        """(score, precision, recall) from each score on."""
        found = [(score, *self.above(score, equal=True)) for score in sorted({score for score, _, _ in self.rows})]
        return [(score, tp / (tp + fp), tp / self.boxes) for score, tp, fp in found]

    def best_precision(self, recall: float) -> float:
        return max((precision for _, precision, reached in self.points if reached >= recall), default=0.0)

    def threshold(self, recall: float) -> float:
        return max((score for score, _, reached in self.points if reached >= recall), default=math.nan)

    def average_precision(self) -> float:
        return float(np.mean([self.best_precision(recall) for recall in np.linspace(0, 1, 101)]))


def overlap(one: Any, other: Any) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = area_of(one) + area_of(other) - shared
    return shared / union if union > 0 else 0.0


def area_of(box: Any) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def loop(
    given: Sequence[Image],
    class_id: int,
    iou: float = 0.5,
    *,
    weights: Sequence[float] | None = None,
    area: tuple[float, float] = (0.0, math.inf),
    most: int | None = None,
) -> Loop:
    """Matches image by image, detection by detection."""
    rows, boxes = [], 0.0
    for number, image in enumerate(given):
        weight = 1.0 if weights is None else float(weights[number])
        true = [box for box in image.true.tolist() if box[4] == class_id]
        found = sorted((box for box in image.found.tolist() if box[4] == class_id), key=lambda box: -box[5])[:most]
        inside = [area[0] <= area_of(box) <= area[1] for box in true]
        boxes += weight * sum(inside)
        free = set(range(len(true)))
        for box in found:
            near = [(inside[j], overlap(box, true[j]), j) for j in free if overlap(box, true[j]) >= iou]
            if near:
                counts, _, taken = max(near)
                free.remove(taken)
                if counts and weight:
                    rows.append((box[5], True, weight))
            elif area[0] <= area_of(box) <= area[1] and weight:
                rows.append((box[5], False, weight))
    return Loop(rows, boxes)


def close(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(found) and math.isnan(expected))


def coco_entries(classes: Sequence[int], **options: Any) -> list[dict[str, Any]]:
    """Precision of each class and overlap, recall of each class, and the means over classes."""
    made = []
    for class_id in classes:
        for iou in OVERLAPS:
            name = f"ap {class_id} {iou}"
            made.append(entry("COCOAveragePrecision", name=name, class_id=class_id, iou_threshold=iou, **options))
        made.append(entry("COCOAverageRecall", name=f"ar {class_id}", class_id=class_id, **options))
    for kind in ("Precision", "Recall"):
        made.append(entry(f"COCOMeanAverage{kind}", name=f"mean {kind}", class_ids=list(classes), **options))
    return made


def assert_is_coco(found: dict[str, float], classes: Sequence[int], precision: Array, recall: Array) -> None:
    for row, class_id in enumerate(classes):
        for column, iou in enumerate(OVERLAPS):
            assert close(found[f"ap {class_id} {iou}"], precision[row, column]), (class_id, iou)
        assert close(found[f"ar {class_id}"], recall[row].mean()), class_id
    there = ~np.isnan(recall[:, 0])
    assert close(found["mean Precision"], precision[there].mean() if there.any() else math.nan)
    assert close(found["mean Recall"], recall[there].mean() if there.any() else math.nan)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_num_detections": 1},
        {"max_num_detections": 3},
        {"area_range": [0, 60]},
        {"area_range": [60, 400]},
        {"area_range": [25, 25], "max_num_detections": 4},
        {"area_range": [60.0625, 1e10]},
    ],
)
def test_average_precision_and_recall_are_pycocotools(seed: int, options: dict[str, Any]) -> None:
    given = images(seed, edge=160 if seed else 24, single=seed % 2 == 1)
    classes = [1, 2, WITHOUT_BOX, NOWHERE]
    found = values(coco_entries(classes, **options), given, batch=5 + 9 * seed)
    expected = coco(given, classes, OVERLAPS, area=options.get("area_range"), most=options.get("max_num_detections"))
    assert_is_coco(found, classes, *expected)
    if not options:
        assert 0.1 < found["mean Precision"] < 0.9


def test_overlaps_of_1_are_pycocotools() -> None:
    given = images(4, edge=16)
    single = entry("COCOAveragePrecision", name="ap", iou_threshold=1.0)
    recall = entry("COCOAverageRecall", name="ar", iou_thresholds=[1.0, 0.01])
    found = values([single, recall], given)
    precision, recalled = coco(given, [1], [0.01, 1.0])
    assert close(found["ap"], precision[0, 1])
    assert close(found["ar"], recalled.mean())
    assert 0 < precision[0, 1] < precision[0, 0]


@pytest.mark.parametrize(
    ("options", "recalls"),
    [
        ({"recalls": [0.0]}, [0.0]),
        ({"recalls": [1.0]}, [1.0]),
        ({"recalls": 0.3}, [0.3]),
        ({"recalls": [0.1, 0.5, 0.55]}, [0.1, 0.5, 0.55]),
        ({"num_recalls": 2}, [0.0, 1.0]),
        ({"num_recalls": 11}, np.linspace(0, 1, 11)),
    ],
)
def test_recalls_are_those_that_are_given(options: dict[str, Any], recalls: Any) -> None:
    given = images(5)
    means = entry("COCOMeanAveragePrecision", class_ids=[1, 2], iou_thresholds=[0.5, 0.7], **options)
    found = values([means, entry("COCOAveragePrecision", **options)], given)
    precision, _ = coco(given, [1, 2], [0.5, 0.7], recalls=recalls)
    assert close(found["mean_average_precision"], precision.mean())
    assert close(found["average_precision"], precision[0, 0])


def test_a_mean_is_that_of_the_single_ones() -> None:
    given = images(6)
    for overlaps in ([0.5], [0.3, 0.6], OVERLAPS):
        classes = [2, 1]
        single = [
            entry("COCOAveragePrecision", name=f"{c} {iou}", class_id=c, iou_threshold=iou)
            for c, iou in itertools.product(classes, overlaps)
        ]
        found = values([*single, entry("COCOMeanAveragePrecision", class_ids=classes, iou_thresholds=overlaps)], given)
        mean = found.pop("mean_average_precision")
        assert len(found) == len(classes) * len(overlaps)
        assert mean == pytest.approx(np.mean(list(found.values())), rel=1e-14)


def test_a_class_without_a_box_has_no_value_and_is_no_part_of_a_mean() -> None:
    given = images(7)
    metrics = [
        entry("COCOMeanAveragePrecision", name="map", class_ids=[1, WITHOUT_BOX, 2, NOWHERE]),
        entry("COCOMeanAverageRecall", name="mar", class_ids=[1, WITHOUT_BOX, 2, NOWHERE]),
        entry("COCOMeanAveragePrecision", name="map of some", class_ids=[1, 2]),
        entry("COCOMeanAverageRecall", name="mar of some", class_ids=[1, 2]),
        entry("COCOMeanAveragePrecision", name="map of none", class_ids=[WITHOUT_BOX, NOWHERE]),
        entry("COCOMeanAverageRecall", name="mar of none", class_ids=[WITHOUT_BOX]),
        *(entry("COCOAveragePrecision", name=f"ap {c}", class_id=c) for c in (WITHOUT_BOX, NOWHERE)),
        *(entry("COCOAverageRecall", name=f"ar {c}", class_id=c) for c in (WITHOUT_BOX, NOWHERE)),
    ]
    rows, _ = run(metrics, given)
    for name in ("map", "mar"):
        row = rows[name, "Overall", ""]
        assert row["reason"] == "without classes that no box with a weight is of: 3, 4"
        assert close(row["value"], rows[f"{name} of some", "Overall", ""]["value"])
        assert rows[f"{name} of some", "Overall", ""]["reason"] is None
    for name in ("map of none", "mar of none", "ap 3", "ap 4", "ar 3", "ar 4"):
        row = rows[name, "Overall", ""]
        assert math.isnan(row["value"])
        assert NO_BOX in row["reason"]


@pytest.mark.parametrize("area", [None, [60, 400]])
def test_what_is_not_there_at_all(area: list[float] | None) -> None:
    """Images without detections, without boxes, and no image with anything."""
    given = images(8)
    none = np.zeros((0, 6))
    metrics = [
        *coco_entries([1, 2], area_range=area),
        entry("ObjectDetectionPrecision", area_range=area),
        entry("ObjectDetectionRecall", area_range=area),
        entry("ObjectDetectionMaxRecall", area_range=area),
        entry("ObjectDetectionPrecisionAtRecall", area_range=area),
        entry("ObjectDetectionThresholdAtRecall", area_range=area),
    ]
    undetected = [Image(image.true, none) for image in given]
    found = values(metrics, undetected)
    assert_is_coco(found, [1, 2], *coco(undetected, [1, 2], OVERLAPS, area=area))
    undefined = {"object_detection_precision", "object_detection_threshold_at_recall"}
    assert {name for name, value in found.items() if math.isnan(value)} == undefined
    assert not any(value for name, value in found.items() if name not in undefined)

    found = values(metrics, [Image(none[:, :5], image.found) for image in given])
    assert {name for name, value in found.items() if not math.isnan(value)} == {"object_detection_precision"}
    assert found["object_detection_precision"] == 0

    rows, _ = run(metrics, [Image(none[:, :5], none)] * 3)
    assert len(rows) == len(metrics)
    for row in rows.values():
        assert math.isnan(row["value"])
        assert row["reason"]
        assert row["n"] == 3


def test_an_area_range_without_a_box() -> None:
    given = images(9)
    found, _ = run(coco_entries([1], area_range=[1e6, 1e7]), given)
    assert all(math.isnan(row["value"]) and NO_BOX in row["reason"] for row in found.values())


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {}),
        ({"iou_threshold": 0.75}, {"iou": 0.75}),
        ({"max_num_detections": 2}, {"most": 2}),
        ({"area_range": [12, 400], "iou_threshold": 0.4}, {"area": (12, 400), "iou": 0.4}),
        ({"class_weight": 0.25}, {}),
    ],
)
def test_the_rest_is_a_loop_over_images(
    options: dict[str, Any], arguments: dict[str, Any], seed: int, ties: bool
) -> None:
    given = images(20 + seed, edge=40 if seed == 2 else 120, ties=ties, single=seed == 1)
    rng = np.random.default_rng(seed)
    weights = None if seed == 0 else rng.choice([0.0, 0.5, 1.0, 2.0], len(given)).tolist()
    thresholds, recalls = [0.0, 0.3, 0.7, 1.0], [0.0, 0.25, 0.5, 0.9, 1.0]
    metrics = [
        entry("ObjectDetectionPrecision", name="precision", thresholds=thresholds, **options),
        entry("ObjectDetectionRecall", name="recall", thresholds=thresholds, **options),
        entry("ObjectDetectionMaxRecall", name="max recall", **options),
        entry("ObjectDetectionPrecisionAtRecall", name="precision at", recall=recalls, **options),
        entry("ObjectDetectionThresholdAtRecall", name="threshold at", recall=recalls, **options),
        entry("COCOAveragePrecision", name="ap", **options),
        entry("ObjectDetectionConfusionMatrixPlot", num_thresholds=20, **options),
    ]
    rows, plots = run(metrics, given, weights=weights)
    found = {f"{name} {key}".strip(): row["value"] for (name, _, key), row in rows.items()}
    truth = loop(given, 1, weights=weights, **arguments)
    expected = {"max recall": truth.above(1e-12)[0] / truth.boxes, "ap": truth.average_precision()}
    for t in thresholds:
        tp, fp = truth.above(t)
        expected[f"precision threshold={t}"] = tp / (tp + fp) if tp + fp else math.nan
        expected[f"recall threshold={t}"] = tp / truth.boxes
    for r in recalls:
        expected[f"precision at recall={r}"] = truth.best_precision(r)
        expected[f"threshold at recall={r}"] = truth.threshold(r)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert close(found[name], value), (name, found[name], value)

    scale = options.get("class_weight", 1.0)
    total = sum(truth.above(-math.inf))
    assert [row["lower"] for row in plots] == [-1e-6, *(k / 20 for k in range(21))]
    for row in plots:
        tp, fp = truth.above(row["lower"])
        wrong = total - truth.above(-math.inf)[0]
        assert close(row["true_positives"], tp * scale)
        assert close(row["false_positives"], fp * scale)
        assert close(row["false_negatives"], (truth.boxes - tp) * scale)
        assert close(row["true_negatives"], (wrong - fp) * scale)


def test_where_nothing_is_said() -> None:
    given = images(10)
    names = ["ObjectDetectionPrecision", "ObjectDetectionRecall"]
    over = ["ObjectDetectionPrecisionAtRecall", "ObjectDetectionThresholdAtRecall"]
    found = values([entry(name) for name in (*names, *over)], given)
    truth = loop(given, 1, 0.5)
    tp, fp = truth.above(0.5)
    assert list(found.values()) == pytest.approx(
        [tp / (tp + fp), tp / truth.boxes, truth.best_precision(0.5), truth.threshold(0.5)], rel=1e-12
    )
    _, plots = run([entry("ObjectDetectionConfusionMatrixPlot")], given)
    assert len(plots) == 1002


def test_ties_between_images_count_together() -> None:
    """pycocotools would say 1 or 0.5, in the order of the images."""
    box = np.array([[0.0, 0, 4, 4, 1]])
    right = Image(box, np.column_stack([box, [0.5]]))
    wrong = Image(box[:0], right.found)
    for given in ([right, wrong], [wrong, right]):
        assert values([entry("COCOAveragePrecision")], given) == {"average_precision": 0.5}


def test_boxes_of_no_area_are_not_found() -> None:
    box = np.array([[1.0, 1, 1, 1, 1], [0, 0, 8, 0, 1]])
    given = [Image(box, np.column_stack([box, [0.9, 0.8]]))]
    found = values([entry("ObjectDetectionRecall"), entry("ObjectDetectionPrecision")], given)
    assert list(found.values()) == [0, 0]


def every_metric(**options: Any) -> list[dict[str, Any]]:
    classes = {"class_ids": [1, 2], **options}
    return [
        *(entry(name, class_id=1, **options) for name in ("COCOAveragePrecision", "COCOAverageRecall")),
        *(entry(name, **classes) for name in ("COCOMeanAveragePrecision", "COCOMeanAverageRecall")),
        *(
            entry(name, thresholds=[0.2, 0.6], **options)
            for name in ("ObjectDetectionPrecision", "ObjectDetectionRecall")
        ),
        entry("ObjectDetectionMaxRecall", **options),
        entry("ObjectDetectionPrecisionAtRecall", recall=[0.2, 0.6], **options),
        entry("ObjectDetectionThresholdAtRecall", recall=[0.2, 0.6], **options),
        entry("ObjectDetectionConfusionMatrixPlot", num_thresholds=10, **options),
    ]


CELLS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def numbers(found: tuple[Table, list[Row]], where: str = "Overall") -> dict[Any, float]:
    """All values, and the cells of the plot."""
    table, plots = found
    metrics = {(name, key): row["value"] for (name, own, key), row in table.items() if own == where}
    cells = {(row["bucket"], cell): row[cell] for row in plots if row["slice"] == where for cell in CELLS}
    assert metrics
    assert cells
    return metrics | cells


def assert_same(found: dict[Any, float], expected: dict[Any, float]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert close(found[name], value), (name, found[name], value)


@pytest.mark.parametrize("options", [{}, {"area_range": [60, 400], "max_num_detections": 3}])
def test_a_weight_is_that_many_images(options: dict[str, Any]) -> None:
    given = images(11)
    weights = np.random.default_rng(11).integers(0, 4, len(given)).tolist()
    repeated = [image for image, weight in zip(given, weights, strict=True) for _ in range(weight)]
    weighted = run([*every_metric(**options), *coco_entries([1, 2], **options)], given, weights=weights)
    unweighted = run([*every_metric(**options), *coco_entries([1, 2], **options)], repeated)
    assert_same(numbers(weighted), numbers(unweighted))
    # Detections of equal images are all right or all wrong, so that their order does not matter to pycocotools.
    expected = coco(repeated, [1, 2], OVERLAPS, area=options.get("area_range"), most=options.get("max_num_detections"))
    found = {name: row["value"] for (name, _, _), row in weighted[0].items()}
    assert_is_coco(found, [1, 2], *expected)


def test_slices_are_of_their_images_alone() -> None:
    given = images(12, 60)
    rng = np.random.default_rng(12)
    groups = [1, 1, 1, *rng.integers(0, 2, len(given) - 3).tolist()]
    weights = rng.choice([0.5, 1.0, 3.0], len(given)).tolist()
    metrics = [*every_metric(), *coco_entries([1, 2, WITHOUT_BOX])]
    plain = run(metrics, given, groups=groups)
    weighted = run(metrics, given, groups=groups, weights=weights)
    assert {where for _, where, _ in plain[0]} == {"Overall", "group=0", "group=1"}
    for group in (0, 1):
        rows = [row for row, own in enumerate(groups) if own == group]
        inside = [given[row] for row in rows]
        assert_same(numbers(plain, f"group={group}"), numbers(run(metrics, inside)))
        expected = numbers(run(metrics, inside, weights=[weights[row] for row in rows]))
        assert_same(numbers(weighted, f"group={group}"), expected)
        found = {name: row["value"] for (name, where, _), row in plain[0].items() if where == f"group={group}"}
        classes = [1, 2, WITHOUT_BOX]
        assert_is_coco(found, classes, *coco(inside, classes, OVERLAPS))


def test_a_slice_without_a_class_says_so() -> None:
    """The note is of the slices that lack the class, not of others."""
    given = images(13)
    groups = [int((image.true[:, 4] == 2).any()) for image in given]
    rows, _ = run([entry("COCOMeanAveragePrecision", class_ids=[1, 2])], given, groups=groups)
    reasons = {where: row["reason"] for (_, where, _), row in rows.items()}
    note = "without classes that no box with a weight is of: 2"
    assert reasons == {"Overall": None, "group=0": note, "group=1": None}


def test_class_weights_scale_what_is_counted_and_no_share() -> None:
    given = images(14)
    plain = numbers(run(every_metric(), given))
    classes = ("COCOMeanAveragePrecision", "COCOMeanAverageRecall")
    metrics = [
        {**one, "config": {**one["config"], **({"class_weights": [3, 0.5]} if one["class_name"] in classes else {})}}
        for one in every_metric()
    ]
    for one in metrics:
        if one["class_name"] not in classes:
            one["config"]["class_weight"] = 3
    weighted = numbers(run(metrics, given))
    assert_same(weighted, {key: value * (3 if key[1] in CELLS else 1) for key, value in plain.items()})
    # Nothing of a class of weight 0 is seen.
    found = values([entry("COCOMeanAveragePrecision", class_ids=[1, 2], class_weights=[1, 0])], given)
    assert close(found["mean_average_precision"], float(coco(given, [1], OVERLAPS)[0].mean()))


STACKS = pytest.mark.parametrize(
    ("labels", "predictions"),
    [
        (["corners", "class"], ["corners", "class", "score"]),
        (["corners", "class"], ["corners", "class and score"]),
        (["left", "top to bottom", "class"], ["left", "top to bottom", "class", "score"]),
        (["corners", "class"], None),
        (None, ["corners", "class", "score"]),
    ],
)


@STACKS
@pytest.mark.parametrize("batch", [5, 40])
def test_stacked_columns_are_whole_boxes(labels: list[str] | None, predictions: list[str] | None, batch: int) -> None:
    given = images(15)
    options = {"labels_to_stack": labels, "predictions_to_stack": predictions}
    assert_same(numbers(run(every_metric(**options), given, batch=batch)), numbers(run(every_metric(), given)))


@STACKS
def test_a_batch_of_stacked_columns_can_be_without_a_box(
    labels: list[str] | None, predictions: list[str] | None
) -> None:
    given = images(15, 12)
    options = {"labels_to_stack": labels, "predictions_to_stack": predictions}
    assert_same(numbers(run(every_metric(**options), given, batch=1)), numbers(run(every_metric(), given)))


def test_the_first_detections_count() -> None:
    """As many as a further column says; all where it says nothing."""
    rng = np.random.default_rng(16)
    given = [Image(image.true, image.found, [None, 0, 2, 4, 99][rng.integers(0, 5)]) for image in images(16)]
    cut = [Image(image.true, image.found[: image.count]) for image in given]
    whole = numbers(run(every_metric(num_detections_key="count"), given))
    assert_same(whole, numbers(run(every_metric(), cut)))
    stacked = {"predictions_to_stack": ["corners", "class", "score"], "allow_missing_key": True}
    assert_same(numbers(run(every_metric(num_detections_key="count", **stacked), given)), whole)
    most = numbers(run(every_metric(num_detections_key="count", max_num_detections=2), given))
    assert_same(most, numbers(run(every_metric(max_num_detections=2), cut)))
    assert most != whole


@pytest.mark.parametrize("few", [2, 5, 16, 60])
@pytest.mark.parametrize(
    "spread",
    [
        lambda score: score,
        lambda score: np.log(score / (1 - score)),
        lambda score: 1e300 * (score - 0.9),
        lambda score: -np.exp(500 * score),
    ],
    ids=["shares", "log odds", "large", "negative"],
)
def test_brackets_hold_what_finer_scores_would_say(few: int, spread: Callable[[Array], Array]) -> None:
    given = [
        Image(image.true, np.column_stack([image.found[:, :5], spread(image.found[:, 5])])) for image in images(17, 90)
    ]
    recalls = [0.0, 0.1, 0.3, 0.5, 0.6]
    metrics = [
        entry("COCOAveragePrecision", name="ap"),
        entry("COCOMeanAveragePrecision", name="map", class_ids=[1, 2, WITHOUT_BOX], iou_thresholds=[0.5, 0.9]),
        entry("ObjectDetectionPrecisionAtRecall", name="precision", recall=recalls),
        entry("ObjectDetectionThresholdAtRecall", name="threshold", recall=recalls),
        entry("COCOAverageRecall", name="ar"),
        entry("ObjectDetectionPrecision", name="at", thresholds=0.5),
    ]
    groups = [int(number < 3) for number in range(len(given))]
    exact, _ = run(metrics, given, groups=groups)
    coarse, _ = run(metrics, given, groups=groups, max_distinct_scores=few)
    assert exact.keys() == coarse.keys()
    for key, row in exact.items():
        value, after = row["value"], coarse[key]
        assert row["bracket_lower"] is None
        assert row["reason"] == after["reason"]
        if after["bracket_lower"] is None:
            assert close(after["value"], value), key
            assert key[1] != "Overall" or key[0] in ("ar", "at"), key
            continue
        assert key[0] not in ("ar", "at")
        assert after["bracket_lower"] <= after["value"] <= after["bracket_upper"], key
        assert after["bracket_lower"] - 1e-12 <= value <= after["bracket_upper"] + 1e-12, (key, value, after)


def test_a_number_that_is_none_leaves_its_slices_undefined() -> None:
    given = images(18)
    given[3].found[0, 5], given[4].true[0, 2] = math.nan, math.inf
    groups = [int(number in (3, 4)) for number in range(len(given))]
    rows, _ = run(every_metric(), given, groups=groups)
    for (_, where, _), row in rows.items():
        assert math.isnan(row["value"]) == (where != "group=0")
        if where != "group=0":
            assert f"1 of {row['n']} labels" in row["reason"]
            assert f"1 of {row['n']} predictions" in row["reason"]
    rest = [image for image, group in zip(given, groups, strict=True) if not group]
    found = {(name, key): row["value"] for (name, where, key), row in rows.items() if where == "group=0"}
    expected, _ = run(every_metric(), rest)
    assert_same(found, {(name, key): row["value"] for (name, _, key), row in expected.items()})


def test_examples_of_one_length_give_the_same() -> None:
    """The helper of the other tests makes the same of arrays as this one of lists."""
    rng = np.random.default_rng(19)
    true = np.stack([_boxes(rng, 3, 40, [1, 2]) for _ in range(50)])
    found = np.concatenate([true + 0.25 * rng.integers(0, 3, (50, 1, 1)) * [0, 0, 1, 1, 0], rng.random((50, 3, 1))], 2)
    examples = Examples(true.reshape(50, -1), found.reshape(50, -1), groups=np.arange(50) % 2)
    rows, plots = tables(every_metric(), examples)
    by_name = {(row["metric"], row["slice"], without_class(row["sub_key"])): row for row in rows}
    given = [Image(*both) for both in zip(true, found, strict=True)]
    listed = run(every_metric(), given, groups=[number % 2 for number in range(50)])
    for where in ("Overall", "group=1"):
        assert_same(numbers((by_name, plots), where), numbers(listed, where))


def test_which_of_several_boxes_is_taken() -> None:
    """One in the range of areas before one that is overlapped more; of two that are overlapped alike the last."""
    whole, upper, lower = ([0.0, 0, 10, 10, 1], [0.0, 0, 10, 8, 1], [0.0, 2, 10, 10, 1])
    area = [0.0, 90.0]
    for boxes in ([whole, upper], [upper, whole]):
        given = [Image(np.array(boxes), np.array([[*whole, 0.9]]))]
        assert_is_coco(values(coco_entries([1], area_range=area), given), [1], *coco(given, [1], OVERLAPS, area=area))
        assert values([entry("ObjectDetectionRecall", area_range=area)], given) == {"object_detection_recall": 1.0}
    for boxes, recall in (([upper, lower], 1.0), ([lower, upper], 0.5)):
        given = [Image(np.array(boxes), np.array([[*whole, 0.9], [*upper, 0.8]]))]
        assert_is_coco(values(coco_entries([1]), given), [1], *coco(given, [1], OVERLAPS))
        found = values([entry("ObjectDetectionRecall", iou_threshold=0.75)], given)
        assert found == {"object_detection_recall": recall}


def test_any_coordinates() -> None:
    """Also those whose areas are rounded."""
    scale = np.array([math.pi / 10, math.e / 10, math.pi / 10, math.e / 10])
    given = [
        Image(*(np.column_stack([100 + boxes[:, :4] * scale, boxes[:, 4:]]) for boxes in (image.true, image.found)))
        for image in images(33)
    ]
    area = [1.0, 40.0]
    found = values(coco_entries([1, 2], area_range=area), given)
    assert_is_coco(found, [1, 2], *coco(given, [1, 2], OVERLAPS, area=area))


def test_many_boxes_of_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pairs of boxes that overlap alike, more than are looked at together, and more than a hundred detections."""
    monkeypatch.setattr("evaluator_component.metrics.boxes._CELLS_AT_A_TIME", 1000)
    rng = np.random.default_rng(30)
    true = [_boxes(rng, 60, 24, [1, 2]) for _ in range(3)]
    scores = np.split((rng.permutation(450) + 1) / 512, 3)
    found = [np.column_stack([_boxes(rng, 150, 24, [1, 2]), own]) for own in scores]
    given = [Image(*both) for both in zip(true, found, strict=True)]
    for most in (None, 100, 10):
        found_values = values(coco_entries([1, 2], max_num_detections=most), given)
        assert_is_coco(found_values, [1, 2], *coco(given, [1, 2], OVERLAPS, most=most))


def column(*lengths: int) -> pa.ListArray:
    return pa.array([[float(k) for k in range(length)] for length in lengths], pa.list_(pa.float64()))


@pytest.mark.parametrize(
    ("stacking", "records", "row", "text"),
    [
        (
            Stacking(),
            [column(0, 5, 6), column(0, 0, 6)],
            2,
            "expects 5 numbers for each box of a label, and there are 6",
        ),
        (
            Stacking(),
            [column(0, 5, 5), column(0, 7, 5)],
            1,
            "expects 6 numbers for each box of a detection, and there are 7",
        ),
        (Stacking(1, 1), [column(0, 4), column(0, 0)], 1, "expects 5 numbers for each box of a label"),
        (
            Stacking(2, 0),
            [column(0, 4, 8), column(0, 1, 1), column(0, 6, 6)],
            2,
            "stacks 2 columns of a label that hold 8, 1 numbers; expected 5 numbers for each box in all",
        ),
        (Stacking(2, 0), [column(4, 8, 4), column(1, 7, 1), column(0, 0, 0)], 1, "stacks 2 columns of a label"),
        (
            Stacking(0, 3),
            [column(5, 5), column(0, 4), column(0, 1), column(0, 0)],
            1,
            "stacks 3 columns of a detection that hold 4, 1, 0 numbers; expected 6 numbers for each box in all",
        ),
        (Stacking(2, 3), [column(4), column(1), column(4), column(1), column(2)], 0, "hold 4, 1, 2 numbers"),
    ],
)
def test_lists_that_do_not_fit(stacking: Stacking, records: list[pa.ListArray], row: int, text: str) -> None:
    problem = stacking(records)
    assert problem is not None
    assert problem[1].count(text) == 1
    assert problem[0] == row


@pytest.mark.parametrize(
    ("sizes", "row"),
    [
        ([(4, 1), (8, 2), (8, 1)], 2),
        ([(4, 1), (0, 0), (4, 0)], 2),
        ([(0, 0), (4, 1), (9, 1)], 2),
        ([(4, 1), (4, 1), (6, 4)], 2),
        ([(4, 1), (3, 2)], 1),
    ],
)
def test_the_example_that_does_not_fit_is_the_one_that_is_told(sizes: list[tuple[int, int]], row: int) -> None:
    """Not the first that has boxes."""
    corners, rest = zip(*sizes, strict=True)
    problem = Stacking(2, 0)([column(*corners), column(*rest), column(*[0] * len(sizes))])
    assert problem is not None
    assert problem[0] == row
    assert ", ".join(map(str, sizes[row])) in problem[1]


@pytest.mark.parametrize("where", range(2))
@pytest.mark.parametrize("side", [(0, 2), (1, 3)])
def test_a_box_that_ends_before_it_begins(where: int, side: tuple[int, int]) -> None:
    given = images(31, 6)
    wrong = (given[4].true, given[4].found)[where]
    wrong[-1, list(side)] = [5.0, 4.75]
    reads = [Reads("label"), Reads("prediction")]
    problem = Stacking()([lists_of(one, given) for one in reads])
    assert problem is not None
    assert problem[0] == 4
    left, top, right, bottom = wrong[-1, :4]
    box = f"the {('label', 'detection')[where]}'s box {left:g}, {top:g}, {right:g}, {bottom:g} ends before it begins"
    assert problem[1] == f"expects left, top, right and bottom of a box, and {box}"
    stacked = [
        Reads("label", "corners"),
        Reads("label", "class"),
        *(Reads("prediction", k) for k in ("corners", "class and score")),
    ]
    assert Stacking(2, 2)([lists_of(one, given) for one in stacked]) == problem
    wrong[-1, list(side)] = 5.0
    assert Stacking()([lists_of(one, given) for one in reads]) is None


@pytest.mark.parametrize("size", [30, 1, 0])
@pytest.mark.parametrize(
    ("stacking", "columns"),
    [
        (Stacking(), [("label", ""), ("prediction", "")]),
        (Stacking(0, 0, True), [("label", ""), ("prediction", ""), ("prediction", "count")]),
        (Stacking(2, 0), [("label", "corners"), ("label", "class"), ("prediction", "")]),
        (Stacking(1, 2), [("label", ""), ("prediction", "corners"), ("prediction", "class and score")]),
    ],
)
def test_what_fits(stacking: Stacking, columns: list[tuple[Any, str]], size: int) -> None:
    """Also a batch of one image without anything, or of none."""
    given = [Image(image.true, image.found, 1) for image in images(32)][:size]
    assert stacking([lists_of(Reads(role, key), given) for role, key in columns]) is None


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("COCOAveragePrecision", {"class_id": -1}, "class_id: expected a whole number from 0 on, got -1"),
        ("COCOAveragePrecision", {"iou_threshold": 0}, "iou_threshold: expected a number above 0 and up to 1, got 0"),
        ("COCOAveragePrecision", {"iou_threshold": 1.5}, "iou_threshold: expected a number above 0 and up to 1"),
        ("COCOAveragePrecision", {"class_weight": -1}, "class_weight: expected a number from 0 on, got -1"),
        ("COCOAveragePrecision", {"area_range": [4, 3]}, "area_range: expected the least and the largest area"),
        ("COCOAveragePrecision", {"area_range": [4]}, "area_range: expected the least and the largest area"),
        ("COCOAveragePrecision", {"area_range": 4}, "area_range: expected the least and the largest area"),
        ("COCOAveragePrecision", {"max_num_detections": 0}, "max_num_detections: expected a whole number from 1 on"),
        ("COCOAveragePrecision", {"recalls": [0.5, 1.1]}, "recalls: expected numbers in [0, 1]"),
        ("COCOAveragePrecision", {"recalls": []}, "recalls: expected numbers in [0, 1]"),
        ("COCOAveragePrecision", {"num_recalls": 1}, "num_recalls: expected a whole number from 2 to 10,000"),
        ("COCOAveragePrecision", {"recalls": [0], "num_recalls": 3}, "only one of them can be given"),
        ("COCOAveragePrecision", {"labels_to_stack": ["a", 1]}, "labels_to_stack: expected a list of names"),
        ("COCOMeanAveragePrecision", {"class_ids": [1, "a"]}, "class_id: expected a whole number from 0 on"),
        ("COCOMeanAveragePrecision", {"class_ids": []}, "class_ids: "),
        ("COCOMeanAveragePrecision", {"iou_thresholds": []}, "'iou_thresholds' of COCOMeanAveragePrecision: expected"),
        ("COCOMeanAverageRecall", {"iou_thresholds": [0.5, 2]}, "iou_threshold: expected a number above 0 and up to 1"),
        ("COCOMeanAverageRecall", {"class_weights": [1]}, "class_weights: expected one for each of the 2 class_ids"),
        ("ObjectDetectionThresholdAtRecall", {"recall": 1.5}, "recall: expected a number in [0, 1], got 1.5"),
    ],
)
def test_options_that_make_no_sense(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        run([entry(name, **options)], images(0, 3))
    assert message in str(error.value)
