"""Metrics of detectors against pycocotools, and against loops over images where it has no such metric.

Coordinates are quarters, so that areas and overlaps are the same to the bit whoever computes them. pycocotools adds
2.2e-16 to the number of detections that precision is divided by, which is at least 1: 1e-9 is ample.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from tests.metrics.images import (
    NO_BOX,
    NOWHERE,
    OVERLAPS,
    WITHOUT_BOX,
    Image,
    assert_is_coco,
    close,
    coco,
    coco_entries,
    images,
    loop,
    run,
    values,
)
from tests.metrics.pass_over import entry


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
