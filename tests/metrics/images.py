"""Images with boxes and detections, a pass over them, and two oracles: pycocotools and a loop.

Coordinates are quarters, so that areas and overlaps are the same to the bit whoever computes them.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluator_component.engine import finalise
from evaluator_component.engine.accumulate import accumulate, merge
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.metrics.records import Reads
from evaluator_component.slicing.codes import Membership
from tests.metrics.pass_over import Row, entry, plan

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
