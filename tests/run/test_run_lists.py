"""Texts, sets, boxes and masks from files and models to results, verdicts and errors."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import evaluator_component as ec
from evaluator_component.errors import ConfigError, DataError, ModelError
from tests import trips

SIZE = 40
BOXES = 3
RNG = np.random.default_rng(9)
CORNERS = RNG.integers(0, 50, (SIZE, BOXES, 2)).astype(np.float32)
TRUE = np.concatenate([CORNERS, CORNERS + 10, RNG.integers(1, 3, (SIZE, BOXES, 1))], axis=2).astype(np.float32)
MASK = RNG.integers(0, 3, (SIZE, 4, 6)).astype(np.uint8)


def png(mask: np.ndarray, mode: str = "L") -> bytes:
    image = Image.fromarray(mask, mode="L")
    if mode == "P":
        image.putpalette([value for i in range(256) for value in (255 - i, i, 7)])
    if mode == "RGB":
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def record(i: int, **changed: Any) -> bytes:
    row = {
        "reference": [f"the {i} cats sat".encode(), b"cats"],
        "text": [f"the {i} cats {'sat' if i % 2 else 'ran'}".encode()],
        "boxes": TRUE[i].ravel().tolist(),
        "tags": [b"sun", b"moon"][: i % 3],
        "found_tags": [b"sun", b"sea"],
        "tag_scores": [0.9, 0.7],
        "mask": [png(MASK[i], "P" if i % 2 else "L")],
        "found_mask": np.where(MASK[i] == 2, 0, MASK[i]).ravel().tolist(),
        "group": [b"a" if i < 25 else b"b"],
    } | changed
    return trips.example(**{name: value for name, value in row.items() if len(value)})


def write(folder: Path, **changed: Any) -> Path:
    rows = [record(i) for i in range(SIZE)]
    rows[7] = record(7, **changed)
    return trips.write_records(folder / "data", rows)


def metric(class_name: str, bound: float | None = None, **options: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"class_name": class_name, "config": options}
    if bound is not None:
        entry["threshold"] = {"value_threshold": {"lower_bound": {"value": bound}}}
    return entry


TEXT = [metric("Bleu"), metric("Rouge", rouge_type="rouge1"), metric("ExampleCount")]
SETS = [metric("SetMatchPrecision", prediction_class_key="found_tags", prediction_score_key="tag_scores")]
MASKS = [
    metric(name, bound, class_ids=[0, 1], ground_truth_key="mask", prediction_key="found_mask")
    for name, bound in (("SemanticSegmentationTruePositive", 100.0), ("SemanticSegmentationMeanIoU", None))
]
DETECTION = [metric("COCOMeanAveragePrecision", class_ids=[1, 2]), metric("ObjectDetectionRecall", 0.4, class_id=1)]


def config(metrics: list[dict[str, Any]], label: str, prediction: str = "") -> dict[str, Any]:
    return {
        "model_specs": [{"label_key": label, "prediction_key": prediction}],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": [{"metrics": metrics}],
    }


def rows(result: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(row["slice"], row["metric"], row["sub_key"]): row for row in result.metrics.table.to_pylist()}


def test_texts_and_sets_in_the_data(tmp_path: Path) -> None:
    data = write(tmp_path)
    found = rows(ec.evaluate(config(TEXT, "reference", "text"), data=data, progress=False))
    assert found["group=a", "example_count", ""]["value"] == 25
    assert found["Overall", "rouge1/recall", ""]["value"] == pytest.approx((20 * 1.0 + 20 * 0.75) / 40)
    assert 0 < found["group=b", "BLEU", ""]["value"] < 100
    found = rows(ec.evaluate(config(SETS, "tags", "found_tags"), data=data, progress=False))
    labels = np.arange(SIZE) % 3
    assert found["Overall", "set_match_precision", ""]["value"] == pytest.approx((labels > 0).sum() / (2 * SIZE))


def test_one_of_several_values_of_a_metric_is_bounded_by_its_name(tmp_path: Path) -> None:
    data = write(tmp_path)
    bound = {"value_threshold": {"lower_bound": {"value": 0.9}}}
    setup = config([metric("Rouge", rouge_type="rouge1")], "reference", "text")
    setup["metrics_specs"][0]["thresholds"] = {"rouge1/fmeasure": bound}
    verdict = ec.evaluate(setup, data=data, progress=False).verdict
    assert not verdict.blessed
    assert [check.metric for check in verdict.checks] == ["rouge1/fmeasure"] * 3
    with pytest.raises(ConfigError, match=r"'rouge1'; it has several values; name one of them .*, as rouge1/fmeasure"):
        ec.evaluate(config([metric("Rouge", 0.9, rouge_type="rouge1")], "reference", "text"), data=data, progress=False)


def test_masks_are_decoded_also_those_with_a_palette_and_judged_by_class(tmp_path: Path) -> None:
    result = ec.evaluate(config(MASKS, "mask", "found_mask"), data=write(tmp_path), progress=False)
    found = rows(result)
    for number in (0, 1):
        count = found["Overall", "semantic_segmentation_true_positives", f"classId:{number}"]["value"]
        assert count == (number == MASK).sum()
    shares = [(MASK == 0).sum() / (MASK != 1).sum(), 1.0]
    assert found["Overall", "semantic_segmentation_mean_iou", ""]["value"] == pytest.approx(np.mean(shares), rel=1e-9)
    assert result.verdict.blessed
    assert len(result.verdict.checks) == 6  # two classes in three slices


class Detector(tf.Module):
    """Finds the boxes of the data, moved by 1, and gives all places of its lists something."""

    def __init__(self, padding: int):
        super().__init__()
        self.padding = padding

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(
            examples, {"boxes": tf.io.FixedLenFeature([BOXES * 5], tf.float32, [0.0] * BOXES * 5)}
        )["boxes"]
        boxes = tf.reshape(parsed, [-1, BOXES, 5])
        count = tf.shape(boxes)[0]
        pad = tf.zeros([count, self.padding, 5])
        moved = boxes + tf.constant([1.0, 0.0, 1.0, 0.0, 0.0])
        scores = tf.tile(tf.constant([[0.9, 0.8, 0.3] + [1.0] * self.padding]), [count, 1])
        whole = tf.concat([moved, pad], axis=1)
        return {
            "detection_boxes": whole[:, :, :4],
            "detection_classes": whole[:, :, 4],
            "detection_scores": scores,
            "num_detections": tf.fill([count], float(BOXES)),
        }


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    def make(padding: int) -> str:
        folder = tmp_path_factory.mktemp("detector")
        model = Detector(padding)
        tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})
        return str(folder)

    return make


STACKED = {
    "predictions_to_stack": ["detection_boxes", "detection_classes", "detection_scores"],
    "num_detections_key": "num_detections",
}


def stacked(**more: Any) -> list[dict[str, Any]]:
    return [{**entry, "config": {**entry["config"], **STACKED, **more}} for entry in DETECTION]


def test_a_detector_with_padded_outputs(detector: Callable[[int], str], tmp_path: Path) -> None:
    data = write(tmp_path, boxes=[])  # an image without a box
    with_padding = rows(ec.evaluate(config(stacked(), "boxes"), detector(4), data=data, progress=False))
    without = rows(ec.evaluate(config(stacked(), "boxes"), detector(0), data=data, progress=False))
    # A box moved by 1 of 10 overlaps 90 / 110: enough for overlaps from 0.5 to 0.8, which are 7 of 10.
    assert without["Overall", "object_detection_recall", "classId:1"]["value"] > 0.5
    assert 0.4 < without["Overall", "mean_average_precision", ""]["value"] <= 0.7
    assert {key: row["value"] for key, row in with_padding.items()} == {
        key: row["value"] for key, row in without.items()
    }


def test_what_does_not_fit_is_told_with_file_record_and_metric(detector: Callable[[int], str], tmp_path: Path) -> None:
    model = detector(0)
    data = write(tmp_path, boxes=[1.0, 2.0, 3.0] * 5)
    with pytest.raises(DataError, match=r"data: record 7: .*ends before it begins \(metrics_specs\[0\]"):
        ec.evaluate(config(stacked(), "boxes"), model, data=data, progress=False)
    with pytest.raises(ModelError, match=r"has no output 'detection_box' \(metrics_specs\[0\].metrics\[0\]\); did you"):
        ec.evaluate(config(stacked(predictions_to_stack=["detection_box"]), "boxes"), model, data=data, progress=False)
    with pytest.raises(ConfigError, match=r"metrics_specs\[0\].metrics\[0\]: unknown feature 'box'.*'boxes'"):
        ec.evaluate(
            config(stacked(labels_to_stack=["box"]), "boxes"), model, data=write(tmp_path / "b"), progress=False
        )


@pytest.mark.parametrize(
    ("changed", "metrics", "label", "prediction", "message"),
    [
        ({"mask": [b"no image"]}, MASKS, "mask", "found_mask", "label 'mask' is no image"),
        ({"mask": [png(MASK[0], "RGB")]}, MASKS, "mask", "found_mask", "is an image of 3 channels"),
        ({"mask": [png(MASK[0])] * 2}, MASKS, "mask", "found_mask", "has 2 values; expected one encoded image"),
        ({"found_mask": [0, 1]}, MASKS, "mask", "found_mask", "compares a mask of 24 pixels with a predicted one of 2"),
        ({"text": [b"a", b"b"]}, TEXT, "reference", "text", r"prediction 'text' has 2 values; expected 1 \(metrics"),
        ({"tag_scores": [0.5]}, SETS, "tags", "found_tags", "gives 2 classes and 1 scores"),
    ],
)
def test_wrong_records_are_told(
    changed: Any, metrics: list[dict[str, Any]], label: str, prediction: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"data: record 7: .*{message}"):
        ec.evaluate(config(metrics, label, prediction), data=write(tmp_path, **changed), progress=False)


def test_several_workers_give_the_same_bytes(tmp_path: Path) -> None:
    rows_of = [record(i) for i in range(SIZE)]
    for i in range(4):
        trips.write_records(tmp_path / "data" / f"part-{i}", rows_of[i * 10 : i * 10 + 10])
    for name, beam in (("one", []), ("two", ["--direct_num_workers=2", "--direct_running_mode=multi_threading"])):
        setup = config(TEXT, "reference", "text")
        ec.evaluate(setup, data=tmp_path / "data", output=tmp_path / name, beam_args=beam, progress=False)
    one, two = ((tmp_path / name / "metrics.parquet").read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(
    ("metrics", "label", "prediction", "message"),
    [
        (TEXT, "reference", "tag_scores", "prediction 'tag_scores' holds numbers; expected texts"),
        (SETS, "boxes", "found_tags", "compares labels that are numbers with classes that are texts"),
        (
            [metric("COCOAverageRecall", class_id=1)],
            "reference",
            "boxes",
            "label 'reference' holds texts; expected num",
        ),
        (
            [metric("CounterfactualChange", counterfactual_key="text")],
            "tag_scores",
            "found_mask",
            "holds texts; expected",
        ),
    ],
)
def test_columns_of_another_kind_are_told(
    metrics: list[dict[str, Any]], label: str, prediction: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        ec.evaluate(config(metrics, label, prediction), data=write(tmp_path), progress=False)


def test_a_label_is_needed_only_by_metrics_that_see_it(tmp_path: Path) -> None:
    data = write(tmp_path)
    found = ec.evaluate(config([*MASKS, metric("ExampleCount")], "", "found_mask"), data=data, progress=False)
    assert found.metrics.value("example_count") == SIZE
    with pytest.raises(ConfigError, match=r"model_specs\[0\].label_key: not set; .*\('BLEU' needs it\)"):
        ec.evaluate(config(TEXT, "", "text"), data=data, progress=False)
