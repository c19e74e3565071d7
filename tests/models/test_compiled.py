"""Metrics that were compiled into a Keras model: found, computed, and told as the model names them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as skm

import evaluator_component as ec
from evaluator_component.models.compiled import compiled_metrics
from tests import trips

SIZE = 400
RNG = np.random.default_rng(8)
FARE = RNG.normal(0, 1, (SIZE, 1)).astype(np.float32)
LABEL = (RNG.random(SIZE) < 1 / (1 + np.exp(-2 * FARE[:, 0]))).astype(np.int64)
CONFIG: dict[str, Any] = {
    "model_specs": [{"label_key": "label", "signature_name": "serving_default"}],
    "metrics_specs": [{"metrics": [{"class_name": "ExampleCount"}]}],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [trips.example(fare=float(fare), label=int(label)) for fare, label in zip(FARE[:, 0], LABEL, strict=True)]
    return trips.write_records(tmp_path_factory.mktemp("compiled") / "data", rows)


def made(package: str, **compiled: Any) -> Any:
    keras = importlib.import_module(package)
    given = keras.Input((1,), name="fare")
    model = keras.Model({"fare": given}, keras.layers.Dense(1, activation="sigmoid", kernel_initializer="ones")(given))
    model.compile(**compiled)
    return model


def save(model: Any, package: str, folder: Path) -> Path:
    if package == "keras":
        model.save(folder / "model.keras")
        return folder / "model.keras"
    model.fit({"fare": FARE[:4]}, LABEL[:4], verbose=0, epochs=1)
    model.save(folder / "saved", save_format="tf")
    return folder / "saved"


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_they_are_what_the_model_computes(package: str, data: Path, tmp_path: Path) -> None:
    keras = importlib.import_module(package)
    metrics = ["accuracy", keras.metrics.AUC(name="my_auc"), keras.metrics.Hinge(name="hinged"), "mse"]
    model = made(package, loss="binary_crossentropy", metrics=metrics)
    path = save(model, package, tmp_path)
    result = ec.evaluate(CONFIG, path, data=data, progress=False)
    found = {row["metric"]: row["value"] for row in result.metrics.table.to_pylist()}
    assert set(found) == {"example_count", "loss", "accuracy", "my_auc", "hinged", "mse"}
    labels = LABEL.astype(np.float32)[:, None]
    expected = model.evaluate({"fare": FARE}, labels, verbose=0, return_dict=True, batch_size=SIZE)
    for name in ("loss", "accuracy", "hinged", "mse"):
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name
    scores = model.predict({"fare": FARE}, verbose=0)[:, 0]
    assert found["my_auc"] == pytest.approx(skm.roc_auc_score(LABEL, scores), rel=1e-6)


def test_they_can_be_switched_off_and_judged(data: Path, tmp_path: Path) -> None:
    path = save(made("keras", loss="binary_crossentropy", metrics=["accuracy"]), "keras", tmp_path)
    off = ec.evaluate({**CONFIG, "options": {"include_default_metrics": False}}, path, data=data, progress=False)
    assert {row["metric"] for row in off.metrics.table.to_pylist()} == {"example_count"}
    bound = {"loss": {"value_threshold": {"upper_bound": {"value": 0.01}}}}
    specs = [{**CONFIG["metrics_specs"][0], "thresholds": bound}]
    verdict = ec.evaluate({**CONFIG, "metrics_specs": specs}, path, data=data, progress=False).verdict
    assert verdict is not None
    assert not verdict.blessed
    assert [check.metric for check in verdict.checks] == ["loss"]


def test_a_name_that_the_config_has_is_the_configs(data: Path, tmp_path: Path) -> None:
    path = save(made("keras", loss="mse", metrics=["accuracy"]), "keras", tmp_path)
    own = {"class_name": "MeanLabel", "config": {"name": "accuracy"}}
    found = ec.evaluate({**CONFIG, "metrics_specs": [{"metrics": [own]}]}, path, data=data, progress=False).metrics
    assert found.value("accuracy") == pytest.approx(LABEL.mean())


def test_what_cannot_be_computed_is_told(data: Path, tmp_path: Path) -> None:
    keras = importlib.import_module("keras")
    model = made("keras", loss="mse", metrics=[keras.metrics.FBetaScore(name="f2")])
    path = save(model, "keras", tmp_path)
    notices = ec.check(CONFIG, path, data=data).notices
    assert any("'f2', compiled into the model, is left out" in notice for notice in notices)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("by_name", [True, False])
def test_outputs_have_their_own(package: str, by_name: bool, data: Path, tmp_path: Path) -> None:
    keras = importlib.import_module(package)
    given = keras.Input((1,), name="fare")
    outputs = {
        name: keras.layers.Dense(1, activation="sigmoid", kernel_initializer=start, name=name)(given)
        for name, start in (("tip", "ones"), ("again", "zeros"))
    }
    model = keras.Model({"fare": given}, outputs if by_name else list(outputs.values()))
    loss, metrics = {"tip": "mse", "again": "binary_crossentropy"}, {"tip": ["accuracy"], "again": ["mae", "mse"]}
    model.compile(loss=loss if by_name else list(loss.values()), metrics=metrics if by_name else list(metrics.values()))
    if package == "keras":
        path = tmp_path / "model.keras"
        model.save(path)
    else:
        labels = dict.fromkeys(outputs, LABEL[:4].astype(np.float32))
        model.fit({"fare": FARE[:4]}, labels if by_name else list(labels.values()), verbose=0, epochs=1)
        path = tmp_path / "saved"
        model.save(path, save_format="tf")
    spec = {"label_keys": dict.fromkeys(outputs, "label"), "signature_name": "serving_default"}
    config = {**CONFIG, "model_specs": [spec]}
    table = ec.evaluate(config, path, data=data, progress=False).metrics.table.to_pylist()
    found = {(row["output"], row["metric"]): row["value"] for row in table if row["metric"] != "example_count"}
    losses = {("tip", "loss"), ("again", "loss")}
    told = {("tip", "accuracy"), ("again", "mae"), ("again", "mse")}
    if by_name or package == "keras":  # a SavedModel's signature does not have the order of the outputs
        told |= losses
    assert set(found) == told
    one = {**CONFIG, "model_specs": [{**CONFIG["model_specs"][0], "prediction_key": "again"}]}
    table = ec.evaluate(one, path, data=data, progress=False).metrics.table.to_pylist()
    named = {("again", row["metric"]): row["value"] for row in table if row["metric"] != "example_count"}
    assert named == {key: value for key, value in found.items() if key[0] == "again"}
    predicted = model.predict({"fare": FARE}, verbose=0)
    tip, again = (np.asarray(predicted[name if by_name else i])[:, 0] for i, name in enumerate(outputs))
    expected = {
        ("tip", "loss"): ((tip - LABEL) ** 2).mean(),
        ("again", "loss"): skm.log_loss(LABEL, again.astype(float)),
        ("tip", "accuracy"): ((tip > 0.5) == LABEL).mean(),
        ("again", "mae"): np.abs(again - LABEL).mean(),
        ("again", "mse"): ((again - LABEL) ** 2).mean(),
    }
    assert found == pytest.approx({key: expected[key] for key in told}, rel=1e-5)


@pytest.mark.parametrize(("loss", "name"), [
    ("sparse_categorical_crossentropy", "SparseCategoricalAccuracy"),
    ("categorical_crossentropy", "CategoricalAccuracy"),
])  # fmt: skip
def test_accuracy_is_that_of_the_labels_that_the_loss_takes(loss: str, name: str, tmp_path: Path) -> None:
    path = save(made("keras", loss=loss, metrics=["accuracy"]), "keras", tmp_path)
    assert [entry["class_name"] for entry in compiled_metrics(str(path), 3)][1] == name
    assert compiled_metrics(str(path), 1)[1]["class_name"] == "BinaryAccuracy"


def test_other_models_have_none(tmp_path: Path) -> None:
    assert compiled_metrics(str(tmp_path), 1) == []
