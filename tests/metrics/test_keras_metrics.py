"""Metrics and losses of Keras by name, against Keras itself."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator_component.errors import ConfigError
from evaluator_component.metrics.registry import build, result_name
from evaluator_component.proto import config_pb2
from tests.metrics.pass_over import Examples, add_up, plan, tables

ONE_SCORE = ["Hinge", "SquaredHinge", "Poisson", "LogCoshError", "Accuracy"]
SEVERAL = ["KLDivergence", "CosineSimilarity", "CategoricalHinge"]
LOSSES = [("Huber", {"delta": 0.3}), ("LogCosh", {}), ("BinaryFocalCrossentropy", {"gamma": 1.0})]


def examples(*, several: bool) -> Examples:
    rng = np.random.default_rng(4)
    weights = rng.gamma(2.0, 1.0, 200).astype(np.float32).astype(float)
    groups = rng.integers(-1, 2, 200)
    if several:
        labels = np.eye(3)[rng.integers(0, 3, 200)] * 0.8 + 0.1
        return Examples(labels, rng.dirichlet(np.ones(3), 200).astype(np.float32).astype(float), weights, groups)
    labels = (rng.random(200) < 0.4).astype(float)
    return Examples(labels, rng.random(200).astype(np.float32).astype(float), weights, groups)


def found(name: str, data: Examples, module: str = "", **options: Any) -> dict[str, float]:
    metric = {"class_name": name, "config": options, **({"module": module} if module else {})}
    rows, _ = tables([metric], data)
    return {row["slice"]: row["value"] for row in rows}


def expected(made: Any, data: Examples) -> float:
    """What Keras gives for all examples at once."""
    columns = [array if array.ndim == 2 else array[:, None] for array in (data.labels, data.predictions)]
    made.update_state(*columns, sample_weight=data.weights)
    return float(made.result())


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
@pytest.mark.parametrize("name", [*ONE_SCORE, *SEVERAL])
def test_a_metric_is_what_keras_computes(name: str, package: str) -> None:
    data = examples(several=name in SEVERAL)
    values = found(name, data, f"{package}.metrics")
    assert data.groups is not None
    declared = getattr(importlib.import_module(f"{package}.metrics"), name)
    for slice_name, rows in (("Overall", np.arange(200)), ("group=1", np.flatnonzero(data.groups == 1))):
        assert values[slice_name] == pytest.approx(expected(declared(), data.rows(rows)), rel=1e-5)


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
@pytest.mark.parametrize(("name", "options"), LOSSES)
def test_a_loss_is_a_mean_over_examples(name: str, options: dict[str, Any], package: str) -> None:
    data = examples(several=False)
    module = importlib.import_module(f"{package}.losses")
    each = [
        float(getattr(module, name)(**options)(data.labels[i : i + 1, None], data.predictions[i : i + 1, None]))
        for i in range(200)
    ]
    # As Keras writes a loss into a config.
    values = found(name, data, f"{package}.losses", **options, reduction="sum_over_batch_size", dtype="float32")
    assert values["Overall"] == pytest.approx(float(np.average(each, weights=data.weights)), rel=1e-5)


def test_a_name_alone_is_enough() -> None:
    data = examples(several=False)
    assert found("Hinge", data) == found("Hinge", data, "tf_keras.metrics")
    assert result_name(config_pb2.MetricConfig(class_name="KLDivergence")) == "kl_divergence"
    named = config_pb2.MetricConfig(class_name="Hinge", config=json.dumps({"name": "mine"}))
    assert result_name(named) == build(named)[0].name == "mine"


@pytest.mark.parametrize("name", ["KLDivergence", "CategoricalHinge", "CosineSimilarity"])
def test_class_indices_are_what_one_hot_labels_are(name: str) -> None:
    data = examples(several=True)
    index = data.labels.argmax(axis=1)
    hot = replace(data, labels=np.eye(3)[index])
    assert found(name, replace(data, labels=index.astype(float))) == found(name, hot)


def test_of_a_class_it_is_of_that_class_against_the_rest() -> None:
    data = examples(several=True)
    data = replace(data, labels=np.eye(3)[data.labels.argmax(axis=1)])
    spec = {"binarize": {"class_ids": {"values": [2]}}, "aggregate": {"micro_average": True}}
    rows, _ = tables([{"class_name": "Hinge"}], data, spec=spec)
    values = {row["sub_key"]: row["value"] for row in rows if row["slice"] == "Overall"}
    alone = replace(data, labels=data.labels[:, 2], predictions=data.predictions[:, 2])
    assert values == pytest.approx(dict.fromkeys(("classId:2", "micro_average"), found("Hinge", alone)["Overall"]))


def test_unusable_labels_are_told() -> None:
    data = examples(several=False)
    data.labels[0] = math.nan
    rows, _ = tables([{"class_name": "Hinge"}], data)
    (overall,) = (row for row in rows if row["slice"] == "Overall")
    assert overall["reason"].startswith("1 of 200 labels are missing")


IOUS = [
    ("MeanIoU", {"num_classes": 3}, 1),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, 1),
    ("BinaryIoU", {"target_class_ids": [0, 1], "threshold": 0.3}, 1),
    ("OneHotMeanIoU", {"num_classes": 3}, 3),
]


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
@pytest.mark.parametrize(("name", "options", "scores"), IOUS)
def test_variables_that_add_up_are_summed(name: str, options: dict[str, Any], scores: int, package: str) -> None:
    data = examples(several=scores > 1)
    if scores == 1 and name != "BinaryIoU":
        draw = np.random.default_rng(6)
        data = replace(data, labels=draw.integers(0, 3, 200) * 1.0, predictions=draw.integers(0, 3, 200) * 1.0)
    if scores > 1:
        data = replace(data, labels=np.round(data.labels))
    values = found(name, data, f"{package}.metrics", **options)
    assert data.groups is not None
    declared = getattr(importlib.import_module(f"{package}.metrics"), name)
    for slice_name, rows in (("Overall", np.arange(200)), ("group=1", np.flatnonzero(data.groups == 1))):
        assert values[slice_name] == pytest.approx(
            expected(declared(**options, dtype="float64"), data.rows(rows)), rel=1e-5
        )


OWN = '''
import {package}


class LargestMiss({package}.metrics.Metric):
    """The largest miss."""

    def __init__(self, name="largest_miss", **more):
        super().__init__(name=name, **more)
        self.largest = self.{add}(shape=(), initializer="zeros", name="largest")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.largest.assign({ops}.maximum(self.largest, {reduce_max}({ops}.abs(y_true - y_pred))))

    def result(self):
        return self.largest


class MissesPerPositive({package}.metrics.Metric):
    """Misses over positives."""

    def __init__(self, threshold=0.5, name="misses", **more):
        super().__init__(name=name, **more)
        self.threshold = threshold
        self.misses = self.{add}(shape=(), initializer="zeros", name="misses")
        self.positives = self.{add}(shape=(), initializer="zeros", name="positives")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = {ops}.cast(y_true, self.dtype)
        missed = y_true * {ops}.cast(y_pred <= self.threshold, self.dtype)
        weight = {ops}.reshape({ops}.cast(sample_weight, self.dtype), (-1, 1))
        self.misses.assign_add({reduce_sum}(missed * weight))
        self.positives.assign_add({reduce_sum}(y_true * weight))

    def result(self):
        return self.misses / self.positives

    def get_config(self):
        return {{**super().get_config(), "threshold": self.threshold}}
'''
WORDS = {
    "keras": {"package": "keras", "ops": "keras.ops", "add": "add_variable", "reduce_sum": "keras.ops.sum",
              "reduce_max": "keras.ops.max"},
    "tf_keras": {"package": "tf_keras", "ops": "tf", "add": "add_weight", "reduce_sum": "tf.reduce_sum",
                 "reduce_max": "tf.reduce_max"},
}  # fmt: skip


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_a_class_of_ones_own_is_computed_if_its_variables_add_up(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"own_metrics_of_{package}"
    content = OWN.format(**WORDS[package])
    (tmp_path / f"{module}.py").write_text(("import tensorflow as tf\n" if package == "tf_keras" else "") + content)
    monkeypatch.syspath_prepend(str(tmp_path))
    data = examples(several=False)
    missed = ((data.predictions <= 0.3) * data.labels) @ data.mass / (data.labels @ data.mass)
    assert found("MissesPerPositive", data, module, threshold=0.3)["Overall"] == pytest.approx(missed, rel=1e-5)
    negatives = replace(data, labels=np.zeros(200))
    rows, _ = tables([{"class_name": "MissesPerPositive", "module": module}], negatives)
    assert all(math.isnan(row["value"]) and "gives no number" in row["reason"] for row in rows)
    with pytest.raises(ConfigError, match=rf"{module}.LargestMiss is no mean .* do not add up from part to part"):
        build(config_pb2.MetricConfig(class_name="LargestMiss", module=module))


def test_too_many_slices_are_told() -> None:
    data = replace(examples(several=False), groups=np.arange(200) // 1)
    big = Examples(*(np.tile(column, 4) for column in (data.labels, data.predictions)), None, np.arange(800))
    with pytest.raises(ConfigError, match="'MeanIoU': Keras computes it slice by slice, for at most 500 slices"):
        add_up(plan([{"class_name": "MeanIoU", "config": {"num_classes": 2}}], weighted=False), big, batch=800)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (
            {"class_name": "FBetaScore", "module": "keras.metrics"},
            "'FBetaScore': .*no variables before it sees examples",
        ),
        ({"class_name": "Dice", "module": "keras.losses"}, "'Dice': .* is no mean over examples"),
        ({"class_name": "Hinge", "config": '{"margin": 2}'}, "'Hinge': tf_keras.metrics refuses its config"),
        ({"class_name": "Hinge", "module": "os.path"}, "'os.path' .* has no metric or loss of Keras called 'Hinge'"),
        ({"class_name": "Own", "module": "no.such.module"}, "module: 'no.such.module' cannot be imported"),
        ({"class_name": "Hing"}, "unknown metric 'Hing'"),
    ],
)
def test_what_cannot_be_computed_is_refused(metric: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(config_pb2.MetricConfig(**metric))
