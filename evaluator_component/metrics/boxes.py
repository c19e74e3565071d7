"""Boxes that a detector finds, matched with those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.metrics.pairs import Rows
from evaluator_component.metrics.records import lengths, numbers
from evaluator_component.metrics.view import Float64, View

Index = npt.NDArray[np.intp]
Bool = npt.NDArray[np.bool_]

_CELLS_AT_A_TIME = 1 << 22
_ALMOST_1 = 1.0 - 1e-10

TRUE_WIDTH, FOUND_WIDTH = 5, 6
"""left, top, right, bottom, class; and of a detection its score."""


@dataclass(frozen=True)
class Stacking:
    """How boxes are made of the columns that are read.

    Attributes:
        labels: How many columns of labels are stacked, 0 where one column has whole boxes.
        predictions: As many of predictions.
        counted: Whether a further column has the number of detections of each example that count.
    """

    labels: int = 0
    predictions: int = 0
    counted: bool = False

    def __call__(self, records: Sequence[pa.ListArray]) -> tuple[int, str] | None:
        """The ``fits`` of a :class:`~evaluator_component.metrics.metric.Metric` of boxes."""
        labels, predictions, _ = self.split(records)
        for columns, width, what in ((labels, TRUE_WIDTH, "label"), (predictions, FOUND_WIDTH, "detection")):
            sizes = np.array([lengths(column) for column in columns])
            if len(columns) == 1:
                odd = np.flatnonzero(sizes[0] % width)
                if len(odd):
                    row = int(odd[0])
                    return row, f"expects {width} numbers for each box of a {what}, and there are {sizes[0, row]}"
                continue
            _, odd = _widths(sizes, width)
            if len(odd):
                row = int(odd[0])
                found = ", ".join(map(str, sizes[:, row]))
                stacked = f"stacks {len(columns)} columns of a {what} that hold {found} numbers"
                return row, f"{stacked}; expected {width} numbers for each box in all"
        for columns, width, what in ((labels, TRUE_WIDTH, "label"), (predictions, FOUND_WIDTH, "detection")):
            boxes, owner = _stack(columns, width)
            wrong = np.flatnonzero((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1]))
            if len(wrong):
                left, top, right, bottom = boxes[wrong[0], :4]
                return int(owner[wrong[0]]), (
                    f"expects left, top, right and bottom of a box, and the {what}'s box {left:g}, {top:g}, {right:g}, "
                    f"{bottom:g} ends before it begins"
                )
        return None

    def split(
        self, records: Sequence[pa.ListArray]
    ) -> tuple[Sequence[pa.ListArray], Sequence[pa.ListArray], pa.ListArray | None]:
        """The columns of labels, those of predictions, and the number of detections."""
        first = max(self.labels, 1)
        second = first + max(self.predictions, 1)
        return records[:first], records[first:second], records[second] if self.counted else None

    def boxes(self, view: View) -> Boxes:
        """The boxes of all examples."""
        key = (Boxes, self)
        if key not in view.derived:
            labels, predictions, count = self.split(view.records)
            true, true_owner = _stack(labels, TRUE_WIDTH)
            found, owner = _stack(predictions, FOUND_WIDTH)
            if count is not None:
                most = np.full(len(view), np.iinfo(np.intp).max)
                given = np.flatnonzero(lengths(count))
                most[given] = numbers(count).astype(np.intp)
                counts = np.bincount(owner, minlength=len(view))
                number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
                found, owner = found[number < most[owner]], owner[number < most[owner]]
            view.derived[key] = Boxes(true, true_owner, found, owner)
        made: Boxes = view.derived[key]
        return made


def _widths(sizes: Index, width: int) -> tuple[list[int], Index]:
    """How many numbers of a box each column has, and the examples that do not fit."""
    total = sizes.sum(axis=0)
    boxes = total // width
    some = np.flatnonzero((boxes > 0) & (total % width == 0))
    if not len(some):
        return [width, *[0] * (len(sizes) - 1)], np.flatnonzero(total)
    widths = sizes[:, some[0]] // boxes[some[0]]
    return widths.tolist(), np.flatnonzero((sizes != widths[:, None] * boxes).any(axis=0))


def _stack(columns: Sequence[pa.ListArray], width: int) -> tuple[Float64, Index]:
    """Boxes float64 ``[boxes, width]`` and the example of each."""
    sizes = np.array([lengths(column) for column in columns])
    boxes = sizes.sum(axis=0) // width
    owner = np.repeat(np.arange(len(boxes)), boxes)
    if len(columns) == 1:
        return numbers(columns[0]).reshape(-1, width), owner
    widths, _ = _widths(sizes, width)
    parts = [numbers(column).reshape(len(owner), own) for column, own in zip(columns, widths, strict=True)]
    return np.concatenate(parts, axis=1), owner


@dataclass(frozen=True)
class Boxes:
    """The boxes of a batch.

    Attributes:
        true: float64 ``[labels, 5]``: left, top, right, bottom, class.
        true_owner: Int ``[labels]``: the example of each.
        found: float64 ``[detections, 6]``: those, and the score.
        owner: Int ``[detections]``.
    """

    true: Float64
    true_owner: Index
    found: Float64
    owner: Index

    @cached_property
    def areas(self) -> tuple[Float64, Float64]:
        """The areas of the true boxes and of the detections."""
        return _area(self.true), _area(self.found)


def _area(boxes: Float64) -> Float64:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


@dataclass(frozen=True)
class BoxPairs:
    """A row for each detection of a class (is there a box, and its score) and for each box that is not found.

    Detections take turns by falling score. Each takes the box that it overlaps most, if its overlap (intersection over
    union) is at least the threshold and no earlier one took it. A box outside the range of areas is neither found nor
    missed, and takes detections away; so is a detection outside it that finds none. (Lin et al. 2014)

    Attributes:
        class_id: The class.
        iou: The least overlap.
        area: The least and the largest area.
        most: So many detections of an example and class count, those of the highest scores; 0 for all.
        weight: What the weight of each row is multiplied with.
        stacking: How the boxes are made.
    """

    class_id: int
    iou: float
    area: tuple[float, float] = (0.0, np.inf)
    most: int = 0
    weight: float = 1.0
    stacking: Stacking = Stacking()

    def rows(self, view: View) -> Rows:
        """See :class:`~evaluator_component.metrics.pairs.Pairing`."""
        boxes = self.stacking.boxes(view)
        key = ("matches", self.class_id, self.area, self.most, self.stacking)
        if key not in view.derived:
            view.derived[key] = _Matching.of(boxes, self.class_id, self.area, self.most, len(view))
        matching: _Matching = view.derived[key]
        found, taken = matching.match(self.iou)
        counted = found != _IGNORED
        missed = ~taken & ~matching.ignored
        owner = np.concatenate([matching.owner[counted], matching.true_owner[missed]])
        return Rows.of(
            owner,
            np.concatenate([(found[counted] == _FOUND).astype(np.float64), np.ones(int(missed.sum()))]),
            np.concatenate([matching.scores[counted], np.full(int(missed.sum()), -np.inf)]),
            view.weights[owner] * self.weight,
            len(view),
        )


_NOT_FOUND, _FOUND, _IGNORED = range(3)


@dataclass(frozen=True)
class _Matching:
    """Boxes of one class that can be matched.

    Attributes:
        owner: Int ``[detections]``, in the order of examples and falling scores.
        scores: float64 ``[detections]``.
        outside: Bool ``[detections]``: whether the area is out of range.
        true_owner: Int ``[labels]``, in the order of examples.
        ignored: Bool ``[labels]``: whether the area is out of range.
        turn: Int ``[detections]``: the number of the detection in its example.
        detection: Int ``[overlaps]``, with ``label`` and ``overlap``: pairs of one example that overlap.
    """

    owner: Index
    scores: Float64
    outside: Bool
    true_owner: Index
    ignored: Bool
    turn: Index
    detection: Index
    label: Index
    overlap: Float64

    @classmethod
    def of(cls, boxes: Boxes, class_id: int, area: tuple[float, float], most: int, count: int) -> _Matching:
        """Finds the pairs that overlap."""
        true_area, area_found = boxes.areas
        true = np.flatnonzero(boxes.true[:, 4] == class_id)
        found = np.flatnonzero(boxes.found[:, 4] == class_id)
        found = found[np.lexsort((-boxes.found[found, 5], boxes.owner[found]))]
        owner = boxes.owner[found]
        turn = np.arange(len(found)) - np.searchsorted(owner, owner)
        if most:
            found, owner, turn = (array[turn < most] for array in (found, owner, turn))
        low, high = area
        true_owner = boxes.true_owner[true]
        detection, label = _same_example(owner, true_owner, count)
        overlap = _overlaps(boxes.found, boxes.true, (area_found, true_area), found[detection], true[label])
        some = overlap > 0
        return cls(
            owner,
            boxes.found[found, 5],
            (area_found[found] < low) | (area_found[found] > high),
            true_owner,
            (true_area[true] < low) | (true_area[true] > high),
            turn,
            detection[some],
            label[some],
            overlap[some],
        )

    def match(self, iou: float) -> tuple[npt.NDArray[np.int8], Bool]:
        """Matches greedily.

        Returns:
            For each detection whether it found a box, and for each true box whether it was taken.
        """
        found = np.where(self.outside, _IGNORED, _NOT_FOUND).astype(np.int8)
        taken = np.zeros(len(self.true_owner), bool)
        enough = np.flatnonzero(self.overlap >= min(iou, _ALMOST_1))
        # By turn, then by detection; boxes within the range before others, then by overlap, of equal ones the last.
        order = enough[
            np.lexsort(
                (
                    -self.label[enough],
                    -self.overlap[enough],
                    self.ignored[self.label[enough]],
                    self.detection[enough],
                    self.turn[self.detection[enough]],
                )
            )
        ]
        turns = self.turn[self.detection[order]]
        bounds = np.flatnonzero(np.diff(turns, prepend=-1, append=-1))
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            pairs = order[start:stop]
            free = pairs[~taken[self.label[pairs]]]
            best = free[np.diff(self.detection[free], prepend=-1) != 0]
            taken[self.label[best]] = True
            found[self.detection[best]] = np.where(self.ignored[self.label[best]], _IGNORED, _FOUND)
        return found, taken


def _same_example(owner: Index, true_owner: Index, count: int) -> tuple[Index, Index]:
    """All pairs of a detection and a true box of one example; both are in the order of examples."""
    many = np.bincount(true_owner, minlength=count)
    first = np.cumsum(many) - many
    each = many[owner]
    detection = np.repeat(np.arange(len(owner)), each)
    number = np.arange(len(detection)) - np.repeat(np.cumsum(each) - each, each)
    return detection, first[owner[detection]] + number


def _overlaps(found: Float64, true: Float64, areas: tuple[Float64, Float64], detection: Index, label: Index) -> Float64:
    """Intersection over union of pairs, 0 where both have no area."""
    result = np.zeros(len(detection))
    for start in range(0, len(detection), _CELLS_AT_A_TIME):
        part = slice(start, start + _CELLS_AT_A_TIME)
        one, other = found[detection[part]], true[label[part]]
        width = np.minimum(one[:, 2], other[:, 2]) - np.maximum(one[:, 0], other[:, 0])
        height = np.minimum(one[:, 3], other[:, 3]) - np.maximum(one[:, 1], other[:, 1])
        shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        union = areas[0][detection[part]] + areas[1][label[part]] - shared
        result[part] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result
