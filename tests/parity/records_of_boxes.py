"""Boxes and masks: made examples, and what the peer and this package make of them."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.parity.both import BOTH, GRID, IGNORES_WEIGHTS, Family, Row, config, drawn, evaluate_both, metric

BOX_CLASSES = 3
SCORES = 1 << 8
BETWEEN_SCORES = [(i + 0.5) / SCORES for i in range(SCORES)]
IOUS = (0.5, 0.75)
AREA = (400.0, 2000.0)


MISSED_FOUND = "missed boxes found there"
BELOW_SCORE = "a threshold below there"
NOT_REACHED = "not reached: −1e-7 there"
OVERLAP = "overlaps in single precision there"
FILTERED = "boxes out of range dropped there"
ABSENT_CLASS = "absent class 0 there"
TRUNCATES_NONE = "0 detections: all there"


def _box_rows(draw: np.random.Generator, count: int) -> list[Row]:
    """Images with some boxes, most of them found, and some detections of nothing; each score once."""
    rows = []
    for _ in range(count):
        many = draw.integers(0, 6)
        corner = draw.uniform(0, 100, (many, 2))
        classes = draw.integers(0, BOX_CLASSES, (many, 1))
        true = np.concatenate([corner, corner + draw.uniform(8, 60, (many, 2)), classes], axis=1).astype(np.float32)
        found = [box + np.append(draw.normal(0, 2, 4), 0) for box in true for _ in range(draw.integers(0, 3))]
        for box in found:
            box[4] = box[4] if draw.random() < 0.9 else draw.integers(0, BOX_CLASSES)
        corner, size = draw.uniform(0, 100, (2, 2)), draw.uniform(8, 60, (2, 2))
        nothing = np.concatenate([corner, corner + size, draw.integers(0, BOX_CLASSES, (2, 1))], axis=1)
        found += list(nothing[: draw.integers(0, 3)])
        rows.append({"true": true, "found": np.array(found, np.float32).reshape(-1, 5), **drawn(draw)})
    total = sum(len(row["found"]) for row in rows)
    assert total < SCORES, total
    scores = (draw.permutation(np.arange(1, SCORES))[:total] / SCORES).astype(np.float32)
    for row in rows:
        own, scores = scores[: len(row["found"])], scores[len(row["found"]) :]
        row["found"] = np.concatenate([row["found"], own[:, None]], axis=1)
    return rows


def make_boxes(folder: Path) -> Family:
    """Boxes as the label, detections as the prediction."""
    made = _box_rows(np.random.default_rng(47), 60)
    of_1 = {"class_id": 1}
    fast = {"num_thresholds": SCORES + 2}  # enough for these scores; its 10,000 take the peer minutes
    metrics = [
        metric("ObjectDetectionPrecision", thresholds=[0.3], iou_threshold=0.6, **of_1),
        metric("ObjectDetectionRecall", thresholds=[0.3], iou_threshold=0.6, **of_1),
        metric("ObjectDetectionRecall", name="od_recalls", thresholds=[0.2, 0.6], class_id=2, class_weight=0.5),
        metric("ObjectDetectionMaxRecall", **of_1),
        metric("ObjectDetectionMaxRecall", name="od_max_recall_of_1", class_id=0, max_num_detections=1),
        metric("ObjectDetectionPrecisionAtRecall", recall=[0.3, 0.6], thresholds=BETWEEN_SCORES, **of_1),
        metric("ObjectDetectionPrecisionAtRecall", name="od_precision_at_all", recall=[0.5, 0.95], **of_1),
        metric("ObjectDetectionThresholdAtRecall", recall=0.25, thresholds=BETWEEN_SCORES, **of_1),
        metric("ObjectDetectionThresholdAtRecall", name="od_threshold_at_all", recall=0.95, **of_1),
        metric("ObjectDetectionRecall", name="od_recall_in_range", area_range=AREA, **of_1),
        metric("ObjectDetectionPrecision", name="od_precision_in_range", thresholds=[0.1], area_range=AREA, **of_1),
    ]
    every = {"class_ids": [0, 1, 2]}
    means = [
        metric("COCOAveragePrecision", iou_threshold=0.5, **of_1, **fast),
        metric("COCOAveragePrecision", name="average_precision_at_11", num_recalls=11, class_id=2, **fast),
        metric("COCOAveragePrecision", name="average_precision_in_range", area_range=AREA, **of_1, **fast),
        metric("COCOAverageRecall", **of_1),
        metric("COCOMeanAveragePrecision", iou_thresholds=IOUS, **every, **fast),
        metric("COCOMeanAveragePrecision", name="with_absent", iou_thresholds=IOUS, class_ids=[0, 1, 7], **fast),
        metric("COCOMeanAverageRecall", class_weights=[1.0, 2.0, 0.5], **every),
        metric("COCOMeanAverageRecall", name="mean_average_recall_of_1", max_num_detections=1, **every),
        metric("COCOMeanAverageRecall", name="recall_with_absent", class_ids=[0, 1, 7]),
        metric("COCOAveragePrecision", name="precision_of_absent", class_id=7, **fast),
        metric("COCOAverageRecall", name="recall_of_absent", class_id=7),
    ]
    model = {"label_key": "boxes", "prediction_key": "found", "example_weight_key": "weight"}
    spec = {"metrics": [*metrics, *means], "example_weights": BOTH}
    classes: dict[str | tuple[str, bool], str] = {
        (name, True): IGNORES_WEIGHTS
        for name in (
            "average_precision", "average_precision_at_11", "average_precision_in_range", "average_recall",
            "mean_average_precision", "with_absent", "mean_average_recall", "mean_average_recall_of_1",
            "recall_with_absent",
        )
    }  # fmt: skip
    classes |= {
        "od_precision_at_all": MISSED_FOUND,
        "object_detection_threshold_at_recall": BELOW_SCORE,
        "od_threshold_at_all": NOT_REACHED,
        "od_precision_in_range": FILTERED,
        "average_precision_in_range": FILTERED,
        "with_absent": ABSENT_CLASS,
        "precision_of_absent": ABSENT_CLASS,
    }
    extracts = [
        {
            "labels": row["true"],
            "predictions": row["found"],
            "example_weights": np.array([row["weight"]], np.float32),
            "features": {"group": np.array([row["group"]])},
        }
        for row in made
    ]
    rows = [
        {"boxes": row["true"].ravel().tolist(), "found": row["found"].ravel().tolist(), **rest_of(row)} for row in made
    ]
    family = evaluate_both(
        folder,
        rows,
        config(spec, model=model),
        extracts=extracts,
        classes=classes,
    )
    return replace(family, rows=made)


def rest_of(row: Row) -> Row:
    return {name: row[name] for name in ("group", "weight")}


TIED_IOU = 0.65


def make_tied_boxes(folder: Path) -> Family:
    """Boxes 20 long of which a detection covers 12, 13 or 14: 13 is exactly 0.65 of 20, in double precision only."""
    draw = np.random.default_rng(61)
    rows, extracts = [], []
    for _ in range(40):
        true = np.array([[0, 0, 20, 1, 1]], np.float32)
        found = np.array([[0, 0, draw.choice([12, 13, 14]), 1, 1, 0.75]], np.float32)
        rows.append({"boxes": true.ravel().tolist(), "found": found.ravel().tolist(), **drawn(draw)})
        extracts.append({"labels": true, "predictions": found, "features": {"group": np.array([rows[-1]["group"]])}})
    chosen = config(
        {"metrics": [metric("ObjectDetectionMaxRecall", class_id=1, iou_threshold=TIED_IOU, name="od_max_recall")]},
        model={"label_key": "boxes", "prediction_key": "found"},
    )
    return evaluate_both(
        folder,
        rows,
        chosen,
        extracts=extracts,
        classes={"od_max_recall": OVERLAP},
    )


SIDES = ("left", "top", "right", "bottom")
TRUE_COLUMNS = [*SIDES, "class"]
FOUND_COLUMNS = [f"found_{name}" for name in (*SIDES, "class", "score")]
PADDED = 10
FINE = 4
"""Every so many images have detections with scores that the peer's 10,000 thresholds do not tell apart."""


def make_stacked(folder: Path) -> Family:
    """A column for each side of the boxes; detections are padded with others that would count."""
    draw = np.random.default_rng(53)
    made = _box_rows(draw, 60)
    rows, extracts = [], []
    for i, row in enumerate(made):
        found = row["found"]
        padding = np.tile(np.array([[0, 0, 30, 30, 1, 0.9]], np.float32), (PADDED - len(found), 1))
        fine, fine_true = (boxes[: len(boxes) if i % FINE == 0 else 0].copy() for boxes in (found, row["true"]))
        fine[:, 5] = draw.random(len(fine)).astype(np.float32) * np.float32(1e-3)
        padded = np.concatenate([found, padding])
        row |= {"fine": fine, "fine_true": fine_true, "padded": padded}
        columns = {name: row["true"][:, i] for i, name in enumerate(TRUE_COLUMNS)}
        columns |= {name: padded[:, i] for i, name in enumerate(FOUND_COLUMNS)}
        rows.append(
            {
                **{name: values.tolist() for name, values in columns.items()},
                "fine_true": fine_true.ravel().tolist(),
                "fine": fine.ravel().tolist(),
                "count": len(found),
                **rest_of(row),
            }
        )
        extracts.append(
            {
                "features": {
                    **columns,
                    "fine_true": fine_true,
                    "fine": fine,
                    "count": np.array([len(found)]),
                    "group": np.array([row["group"]]),
                }
            }
        )
    sides = {"class_id": 1, "labels_to_stack": TRUE_COLUMNS, "predictions_to_stack": FOUND_COLUMNS}
    counted = {**sides, "num_detections_key": "count"}
    fine = {"class_id": 1, "labels_to_stack": ["fine_true"], "predictions_to_stack": ["fine"]}
    # The peer does not tell metrics apart by the columns that they stack: each has an overlap of its own.
    fast = {"num_thresholds": SCORES + 2}
    metrics = [
        metric("ObjectDetectionPrecision", name="od_precision_of_all", iou_threshold=0.52, **sides),
        metric("ObjectDetectionPrecision", iou_threshold=0.53, **counted),
        metric("ObjectDetectionRecall", thresholds=[0.1], iou_threshold=0.54, **counted),
        metric("COCOAveragePrecision", iou_threshold=0.55, **counted, **fast),
        metric("COCOAverageRecall", iou_thresholds=[0.56, 0.66], **sides),
        metric("COCOAveragePrecision", name="average_precision_of_fine", iou_threshold=0.57, **fine),
    ]
    classes = {
        "object_detection_precision": TRUNCATES_NONE,
        "average_precision": TRUNCATES_NONE,
        "average_precision_of_fine": GRID,
    }
    family = evaluate_both(
        folder,
        rows,
        config({"metrics": metrics}, model={"label_key": "fine_true", "prediction_key": "fine"}),
        extracts=extracts,
        classes=classes,
    )
    return replace(family, rows=made)


def png(pixels: np.ndarray) -> bytes:
    """An image as it lies in a file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def make_masks(folder: Path) -> Family:
    """Images of different sizes with four classes of pixels, as numbers and as files."""
    draw = np.random.default_rng(59)
    made, rows, extracts = [], [], []
    for _ in range(60):
        true = draw.integers(0, 4, draw.integers(3, 9, 2))
        found = np.where(draw.random(true.shape) < 0.7, true, draw.integers(0, 4, true.shape))
        row = {"true": true, "found": found, **drawn(draw)}
        made.append(row)
        images = {"image": png(true), "found_image": png(found)}
        rows.append({"true": true.ravel().tolist(), "found": found.ravel().tolist(), **images, **rest_of(row)})
        features = {"true": true, "found": found, **{name: np.array([image]) for name, image in images.items()}}
        extracts.append({"features": {**features, "group": np.array([row["group"]])}})
    numbers = {
        "class_ids": [1, 3], "ground_truth_key": "true", "prediction_key": "found", "decode_ground_truth": False,
    }  # fmt: skip
    images = {
        "class_ids": [0, 2], "ground_truth_key": "image", "prediction_key": "found_image", "decode_prediction": True,
    }  # fmt: skip
    metrics = [
        metric(f"SemanticSegmentation{what}Positive", **({"name": f"{what.lower()}{name}"} if name else {}), **options)
        for what in ("True", "False")
        for name, options in {
            "": numbers,
            "_of_images": images,
            "_without_0": {**numbers, "ignore_ground_truth_id": 0},
            "_without_1": {**numbers, "ignore_ground_truth_id": 1},
        }.items()
    ]
    model = {"label_key": "true", "prediction_key": "found"}
    family = evaluate_both(
        folder,
        rows,
        config({"metrics": metrics}, model=model),
        extracts=extracts,
        ours=config({"metrics": metrics, "example_weights": BOTH}, model={**model, "example_weight_key": "weight"}),
    )
    return replace(family, rows=made)
