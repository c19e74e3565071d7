"""Boxes and masks against the peer; oracles where they differ. See records_of_boxes.py."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.parity.both import GRID, IGNORES_WEIGHTS, Row
from tests.parity.records import Records
from tests.parity.records_of_boxes import (
    ABSENT_CLASS,
    AREA,
    BELOW_SCORE,
    FILTERED,
    IOUS,
    MISSED_FOUND,
    NOT_REACHED,
    OVERLAP,
    SCORES,
    TIED_IOU,
    TRUNCATES_NONE,
)
from tests.parity.test_peer_records import close

pytestmark = pytest.mark.tfx


def coco(
    rows: Iterable[Row],
    class_ids: Sequence[int],
    ious: Sequence[float],
    *,
    area: tuple[float, float] = (0.0, 1e10),
    most: int = 1000,
    recalls: int = 101,
    weighted: bool = False,
    inside_only: bool = False,
    found: str = "found",
) -> COCOeval:
    """The evaluation by pycocotools; images are there as often as twice their weight, if they have one.

    Args:
        rows: The images.
        class_ids: The classes.
        ious: The overlaps.
        area: The range of areas.
        most: So many detections of each image and class count.
        recalls: The number of recalls for the average precision.
        weighted: Whether images have weights.
        inside_only: Whether boxes out of the range are taken out beforehand.
        found: The name of the detections.
    """
    rows = [row for row in rows for _ in range(int(2 * row["weight"]) if weighted else 1)]
    sides: dict[str, list[Row]] = {"true": [], found: []}
    for image, row in enumerate(rows):
        for side, boxes in sides.items():
            for left, top, right, bottom, number, *score in row[side].astype(np.float64).tolist():
                box = {
                    "id": len(boxes) + 1,
                    "image_id": image,
                    "category_id": int(number),
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                }
                if side == "true" and inside_only and not area[0] <= box["area"] <= area[1]:
                    continue
                boxes.append({**box, **({"score": score[0]} if score else {})})
    both = []
    with contextlib.redirect_stdout(io.StringIO()):
        for boxes in sides.values():
            one = COCO()
            one.dataset = {
                "images": [{"id": image} for image in range(len(rows))],
                "categories": [{"id": number} for number in range(max(*class_ids, 2) + 1)],
                "annotations": boxes,
            }
            one.createIndex()
            both.append(one)
        evaluation = COCOeval(*both, "bbox")
        evaluation.params.catIds = list(class_ids)
        evaluation.params.iouThrs = np.array(ious)
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [list(area)], ["all"]
        evaluation.params.maxDets = [most]
        evaluation.params.recThrs = np.linspace(0, 1, recalls)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


FIVE_TO_NINETY_FIVE = np.linspace(0.5, 0.95, 10).tolist()
COCO_OPTIONS: dict[str, tuple[str, Row]] = {
    "average_precision": ("precision", {"class_ids": [1], "ious": [0.5]}),
    "average_precision_at_11": ("precision", {"class_ids": [2], "ious": [0.5], "recalls": 11}),
    "average_precision_in_range": ("precision", {"class_ids": [1], "ious": [0.5], "area": AREA}),
    "average_recall": ("recall", {"class_ids": [1], "ious": FIVE_TO_NINETY_FIVE}),
    "mean_average_precision": ("precision", {"class_ids": [0, 1, 2], "ious": IOUS}),
    "with_absent": ("precision", {"class_ids": [0, 1, 7], "ious": IOUS}),
    "mean_average_recall": ("recall", {"class_ids": [0, 1, 2], "ious": FIVE_TO_NINETY_FIVE}),
    "mean_average_recall_of_1": ("recall", {"class_ids": [0, 1, 2], "ious": FIVE_TO_NINETY_FIVE, "most": 1}),
    "recall_with_absent": ("recall", {"class_ids": [0, 1, 7], "ious": FIVE_TO_NINETY_FIVE}),
}


def of_coco(rows: Iterable[Row], name: str, **more: Any) -> float:
    """A mean over classes, overlaps and recalls, without classes that there is no box of."""
    what, options = COCO_OPTIONS[name]
    values = coco(rows, **options, **more).eval[what]
    return float(np.mean(values[values > -1]))


def test_means_of_boxes_are_those_of_pycocotools_weighted_or_not(made: Records) -> None:
    seen = 0
    for key, value in made.boxes.ours.items():
        if key.name in COCO_OPTIONS:
            assert close(value, of_coco(made.boxes.inside(key.group), key.name, weighted=key.weighted)), key
            seen += 1
    assert seen == 8 * len(COCO_OPTIONS)


def test_the_peer_does_not_weigh_means_of_boxes(made: Records) -> None:
    different = 0
    for key, _, peer, ours in made.boxes.differing(IGNORES_WEIGHTS):
        assert close(peer, made.boxes.peer[key._replace(weighted=False)]), key
        different += not close(peer, ours, 1e-3)
    assert different > 30


def test_the_peer_counts_a_class_without_boxes_as_0(made: Records) -> None:
    for key, rows, peer, ours in made.boxes.differing(ABSENT_CLASS):
        if key.name == "precision_of_absent":
            assert math.isnan(ours)
            assert peer == 0.0
        elif not key.weighted:
            precision = coco(rows, [0, 1], IOUS).eval["precision"]
            assert close(ours, precision.mean()), key
            assert close(peer, precision.mean() * 2 / 3), key


def matched(rows: Iterable[Row], weighted: bool, **options: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Of a class at an overlap: scores of the detections, whether they find a box, weights; the weight of all boxes."""
    of_all, boxes = [], 0.0
    for row in rows:
        weight = row["weight"] if weighted else 1.0
        for image in coco([row], **options).evalImgs:
            if image is not None:
                counted = ~image["dtIgnore"][0].astype(bool)
                of_all += [
                    (score, match > 0, weight)
                    for score, match, use in zip(image["dtScores"], image["dtMatches"][0], counted, strict=True)
                    if use
                ]
                boxes += weight * (len(image["gtIgnore"]) - sum(image["gtIgnore"]))
    scores, hits, weights = np.array(sorted(of_all, reverse=True), np.float64).reshape(-1, 3).T
    return scores, hits, weights, boxes


def test_the_peer_finds_boxes_that_no_detection_finds(made: Records) -> None:
    """Its lowest threshold lies below the score 0 of a box that is missed: the box counts as found there."""
    different = 0
    for key, rows, peer, ours in made.boxes.differing(MISSED_FOUND):
        _, hits, weights, boxes = matched(rows, key.weighted, class_ids=[1], ious=[0.5])
        recall, precision = np.cumsum(hits * weights) / boxes, np.cumsum(hits * weights) / np.cumsum(weights)
        best = [max(precision[recall >= least], default=0.0) for least in (0.5, 0.95)]
        all_found = boxes / (boxes + np.sum(weights * (1 - hits)))
        assert close(ours, best), key
        assert close(peer, np.maximum(best, all_found)), key
        assert best[1] == 0.0
        different += not close(peer, ours)
    assert different == 8


def test_the_peers_threshold_for_a_recall_lies_below_the_score(made: Records) -> None:
    for key, rows, peer, ours in made.boxes.differing(BELOW_SCORE):
        scores, hits, weights, boxes = matched(rows, key.weighted, class_ids=[1], ious=[0.5])
        assert close(ours, scores[np.cumsum(hits * weights) / boxes >= 0.25][0]), key
        assert close(peer, ours - 0.5 / SCORES), key


def test_the_peer_has_a_threshold_for_a_recall_that_no_score_reaches(made: Records) -> None:
    for key, rows, peer, ours in made.boxes.differing(NOT_REACHED):
        _, hits, weights, boxes = matched(rows, key.weighted, class_ids=[1], ious=[0.5])
        assert np.sum(hits * weights) < 0.95 * boxes
        assert math.isnan(ours), key
        assert peer == -1e-7, key


def test_the_peer_drops_boxes_out_of_range_before_it_matches(made: Records) -> None:
    """A detection that finds such a box is wrong there; it does not count in the COCO challenge and here."""
    different = 0
    for key, rows, peer, ours in made.boxes.differing(FILTERED):
        for value, inside_only in ((ours, False), (peer, True)):
            options: Row = {"class_ids": [1], "ious": [0.5], "area": AREA, "inside_only": inside_only}
            if key.name == "average_precision_in_range":
                assert close(value, coco(rows, **options).eval["precision"].mean()), key
            else:
                scores, hits, weights, _ = matched(rows, key.weighted, **options)
                assert close(value, np.average(hits[scores > 0.1], weights=weights[scores > 0.1])), key
        different += not close(peer, ours)
    assert different >= 6


def test_the_peer_misses_overlaps_that_are_exactly_the_threshold(made: Records) -> None:
    for key, rows, peer, ours in made.tied_boxes.differing(OVERLAP):
        overlaps = np.array([row["found"][2] for row in rows]) / 20
        assert close(ours, np.mean(overlaps >= TIED_IOU)), key
        assert close(peer, np.mean(overlaps > TIED_IOU)), key
        boxes = [{name: np.array([row[of]]) for name, of in (("true", "boxes"), ("found", "found"))} for row in rows]
        assert close(ours, coco(boxes, [1], [TIED_IOU]).eval["recall"].item()), key


def interpolated_precision(scores: np.ndarray, hits: np.ndarray, boxes: float, thresholds: np.ndarray) -> float:
    """The mean over 101 recalls of the highest precision at a threshold that has at least that recall."""
    above = scores[:, None] > thresholds
    found = (hits[:, None] * above).sum(axis=0)
    recall, precision = found / boxes, found / np.maximum(above.sum(axis=0), 1)
    return float(np.mean([max(precision[recall >= least], default=0.0) for least in np.linspace(0, 1, 101)]))


def test_the_peer_keeps_the_padding_where_there_is_no_detection(made: Records) -> None:
    different = set()
    for key, rows, peer, ours in made.stacked.differing(TRUNCATES_NONE):
        for value, kept in ((ours, False), (peer, True)):
            chosen = [{**row, "found": row["padded"]} if kept and not len(row["found"]) else row for row in rows]
            if key.name == "average_precision":
                scores, hits, _, boxes = matched(chosen, False, class_ids=[1], ious=[0.55])
                expected = interpolated_precision(scores, hits, boxes, np.unique([0.0, *scores]))
            else:
                scores, hits, _, _ = matched(chosen, False, class_ids=[1], ious=[0.53])
                expected = hits[scores > 0.5].mean()
            assert close(value, expected), key
        if peer < ours - 0.05:
            different.add(key.name)
    assert different == {"average_precision", "object_detection_precision"}


def test_the_peers_average_precision_is_that_of_its_10_000_thresholds(made: Records) -> None:
    thresholds = np.array([1e-12, *((i + 1) / 9_999 for i in range(9_998)), 1 - 1e-12])
    different = 0
    for key, rows, peer, ours in made.stacked.differing(GRID):
        chosen = [{**row, "true": row["fine_true"]} for row in rows]
        options: Row = {"class_ids": [1], "ious": [0.57], "found": "fine"}
        assert close(ours, coco(chosen, **options).eval["precision"].mean()), key
        scores, hits, _, boxes = matched(chosen, False, **options)
        assert close(peer, interpolated_precision(scores, hits, boxes, thresholds)), key
        different += not close(peer, ours, 1e-3)
    assert different >= 2


def test_masks_are_weighted_here_only(made: Records) -> None:
    from tensorflow_model_analysis.metrics import preprocessors

    weighted = [key for key in made.masks.ours if key.weighted]
    assert len(weighted) == 64
    for key in weighted:
        number, ignored = int(key.sub_key.removeprefix("class_id:")), {"0": 0, "1": 1}.get(key.name[-1])
        total = 0.0
        for row in made.masks.inside(key.group):
            right = row["true"] == number
            counted = right if "true" in key.name else ~right & (row["true"] != ignored)
            total += row["weight"] * np.sum(counted & (row["found"] == number))
        assert close(made.masks.ours[key], total), key
    reader = preprocessors.DecodeImagePreprocessor("true", "found", decode_ground_truth=False, decode_prediction=False)
    extracts = {"features": {name: np.ones((2, 2)) for name in ("true", "found")}}
    assert len(list(reader.process(extracts))) == 1
    with pytest.raises(AttributeError, match="keys"):  # it takes the weights for the images
        list(reader.process({**extracts, "example_weights": np.array([2.0])}))
