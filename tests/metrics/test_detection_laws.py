"""Laws of detections: weights, slices, forms of the columns, brackets, and what cannot be used."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.metrics.images import (
    OVERLAPS,
    WITHOUT_BOX,
    Array,
    Image,
    Table,
    _boxes,
    assert_is_coco,
    close,
    coco,
    coco_entries,
    images,
    run,
    values,
    without_class,
)
from tests.metrics.pass_over import Examples, Row, entry, tables


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
