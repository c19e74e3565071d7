"""Columns of boxes that do not fit each other, and options that make no sense."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from evaluator_component import ConfigError
from evaluator_component.metrics.boxes import Stacking
from evaluator_component.metrics.records import Reads
from tests.metrics.images import Image, images, lists_of, run
from tests.metrics.pass_over import entry


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
