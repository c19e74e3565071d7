"""Metrics of images that have a class for each pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.metrics.metric import (
    HIGHER,
    LOWER,
    Definition,
    Direction,
    Metric,
    Options,
    Plot,
    PlotData,
    Values,
)
from evaluator_component.metrics.records import Reads, Role, lengths, numbers, owners
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind, View

_FAMILY = "segmentation"
_CELLS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


@dataclass(frozen=True)
class PixelCounts:
    """For each class: w times the pixels that are of it and predicted so, predicted wrongly, neither, and missed.

    Attributes:
        class_ids: The classes.
        ignored: Pixels of this class do not count, unless it is one of ``class_ids``; None for all do.
    """

    class_ids: tuple[int, ...]
    ignored: int | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        return tuple(f"{cell}_{number}" for number in self.class_ids for cell in _CELLS)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        true, predicted = view.records
        classes = np.array(self.class_ids)
        count = len(classes)
        rows, columns = _places(numbers(true), classes), _places(numbers(predicted), classes)
        if self.ignored is not None and self.ignored not in self.class_ids:
            rows = np.where(numbers(true) == self.ignored, count + 1, rows)
        cell = (owners(true) * (count + 2) + rows) * (count + 1) + columns
        cells = np.bincount(cell, minlength=len(view) * (count + 2) * (count + 1)).astype(np.float64)
        matrix: Float64 = cells.reshape(len(view), count + 2, count + 1)
        result: list[Float64] = []
        for place, number in enumerate(self.class_ids):
            counted = matrix
            if self.ignored in self.class_ids and self.ignored != number:  # its pixels are wrong for no other class
                counted = matrix.copy()
                counted[:, self.class_ids.index(self.ignored)] = 0.0
            positives, found = counted[:, place].sum(axis=1), counted[:, : count + 1, place].sum(axis=1)
            both = counted[:, place, place]
            total = counted[:, : count + 1].sum(axis=(1, 2))
            neither: Float64 = total - positives - found + both
            result += [both, found - both, neither, positives - both]
        return tuple(view.weights * column for column in result)


def _places(values: Float64, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The place of each value among the classes, their number where it is none of them."""
    order = np.argsort(classes)
    place = np.searchsorted(classes[order], values)
    known = (place < len(classes)) & (classes[order][np.minimum(place, len(classes) - 1)] == values)
    return np.where(known, order[np.minimum(place, len(classes) - 1)], len(classes))


def _same_size(records: Sequence[pa.ListArray]) -> tuple[int, str] | None:
    sizes = [lengths(lists) for lists in records]
    odd = np.flatnonzero((sizes[0] != sizes[1]) & (sizes[0] > 0) & (sizes[1] > 0))
    if not len(odd):
        return None
    row = int(odd[0])
    return row, f"compares a mask of {sizes[0][row]} pixels with a predicted one of {sizes[1][row]}; expected the same"


_SIDES: tuple[tuple[Role, str, str], ...] = (
    ("label", "ground_truth_key", "decode_ground_truth"),
    ("prediction", "prediction_key", "decode_prediction"),
)


def _terms(given: Options) -> tuple[PixelCounts, tuple[Reads, ...]]:
    ids = given["class_ids"] if isinstance(given["class_ids"], (list, tuple)) else [given["class_ids"]]
    for number in ids:
        if not isinstance(number, int) or isinstance(number, bool):
            raise ValueError(  # noqa: TRY004 - it is told as one of the config
                f"class_ids: expected whole numbers, got {number!r}"
            )
    if len(set(ids)) < len(ids):
        raise ValueError(f"class_ids: {ids} names a class twice")
    ignored = given["ignore_ground_truth_id"]
    if ignored is not None and not isinstance(ignored, int):
        raise ValueError(f"ignore_ground_truth_id: expected a whole number, got {ignored!r}")
    reads = (
        Reads(
            "label", str(given["ground_truth_key"]), image=bool(given["decode_ground_truth"]), least=1, holds="numbers"
        ),
        Reads(
            "prediction", str(given["prediction_key"]), image=bool(given["decode_prediction"]), least=1, holds="numbers"
        ),
    )
    return PixelCounts(tuple(ids), ignored), reads


_OPTIONS: Options = {
    "class_ids": None,
    "ground_truth_key": None,
    "prediction_key": None,
    "decode_ground_truth": True,
    "decode_prediction": False,
    "ignore_ground_truth_id": None,
}
_EXAMPLE: Options = {"class_ids": [1, 2], "ground_truth_key": "mask", "prediction_key": "classes"}


@dataclass(frozen=True)
class _Count:
    terms: PixelCounts
    column: int

    def __call__(self, totals: Totals) -> Values:
        return Values(totals[self.terms][self.column])


@dataclass(frozen=True)
class _MeanShare:
    """The mean over classes of k·TP / (k·TP + FP + FN), without those that are neither there nor predicted."""

    terms: PixelCounts
    k: float

    def __call__(self, totals: Totals) -> Values:
        cells = np.array(totals[self.terms]).reshape(len(self.terms.class_ids), 4, -1)
        shared = self.k * cells[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = shared / (shared + cells[:, 1] + cells[:, 3])
            count = (~np.isnan(share)).sum(axis=0)
            mean = np.nansum(share, axis=0) / count
        notes = np.full(share.shape[1], None, object)
        for row in np.flatnonzero(np.isnan(share).any(axis=0)):
            gone = [
                str(number)
                for number, missing in zip(self.terms.class_ids, np.isnan(share[:, row]), strict=True)
                if missing
            ]
            notes[row] = f"without classes that no pixel is of or predicted to be: {', '.join(gone)}"
        return Values(mean, "no pixel is of one of the classes or predicted to be", notes=notes)


def _metric(
    name: str,
    terms: PixelCounts,
    reads: tuple[Reads, ...],
    result: Callable[[Totals], Values],
    direction: Direction,
    sub_key: str = "",
) -> Metric:
    return Metric(
        name,
        Kind.MASKS,
        result,
        (terms,),
        direction=direction,
        interval="delta",
        sub_key=sub_key,
        reads=reads,
        fits=_same_size,
    )


def _register(
    class_name: str,
    name: str,
    summary: str,
    build: Callable[[str, Options], tuple[Metric | Plot, ...]],
    direction: Direction,
    limits: tuple[float, float],
) -> None:
    register(
        Definition(
            class_name,
            name,
            _FAMILY,
            summary,
            _OPTIONS,
            build,
            direction=direction,
            interval="delta",
            range=limits,
            example=_EXAMPLE,
        )
    )


def _count(class_name: str, name: str, summary: str, cell: int, direction: Direction) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        terms, reads = _terms(given)
        return tuple(
            _metric(name, terms, reads, _Count(terms, 4 * place + cell), direction, f"classId:{number}")
            for place, number in enumerate(terms.class_ids)
        )

    _register(class_name, name, summary, build, direction, (0.0, np.inf))


_count(
    "SemanticSegmentationTruePositive",
    "semantic_segmentation_true_positives",
    "How many pixels are of the class and predicted to be, for each class.",
    0,
    HIGHER,
)
_count(
    "SemanticSegmentationFalsePositive",
    "semantic_segmentation_false_positives",
    "How many pixels are predicted to be of the class and are not, for each class.",
    1,
    LOWER,
)


def _share(class_name: str, name: str, summary: str, k: float) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        terms, reads = _terms(given)
        return (_metric(name, terms, reads, _MeanShare(terms, k), HIGHER),)

    _register(class_name, name, summary, build, HIGHER, (0.0, 1.0))


_share(
    "SemanticSegmentationMeanIoU",
    "semantic_segmentation_mean_iou",
    "The mean over classes of TP / (TP + FP + FN), in pixels: intersection over union. (Jaccard 1912)",
    1.0,
)
_share(
    "SemanticSegmentationDice",
    "semantic_segmentation_dice",
    "The mean over classes of 2·TP / (2·TP + FP + FN), in pixels. (Dice 1945)",
    2.0,
)


@dataclass(frozen=True)
class _Matrices:
    terms: PixelCounts

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        count = len(self.terms.class_ids)
        cells = np.array(totals[self.terms]).reshape(count, 4, -1)[:, :, wanted]
        flat = cells.transpose(1, 2, 0).reshape(4, -1)
        none = np.zeros(flat.shape[1])
        columns: dict[str, npt.NDArray[Any]] = dict(zip(_CELLS, flat, strict=True))
        columns["actual_class"] = np.tile(np.array(self.terms.class_ids, np.int32), len(wanted))
        slices = np.repeat(np.asarray(wanted, np.int32), count)
        return PlotData(slices, np.tile(np.arange(count, dtype=np.int32), len(wanted)), none, none, columns)


def _build_matrix(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    terms, reads = _terms(given)
    class_name = "SemanticSegmentationConfusionMatrix"
    return (Plot(name, class_name, Kind.MASKS, (), _Matrices(terms), (terms,), reads=reads, fits=_same_size),)


register(
    Definition(
        "SemanticSegmentationConfusionMatrix",
        "_semantic_segmentation_confusion_matrix",
        "plots",
        "Pixels rightly and wrongly predicted to be of each class, and not to be.",
        _OPTIONS,
        _build_matrix,
        example=_EXAMPLE,
    )
)
