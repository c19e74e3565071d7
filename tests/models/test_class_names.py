"""Labels that name their class, for models that say which class a score is of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import evaluator_component as ec
from evaluator_component.errors import ConfigError, DataError, ModelError
from tests import trips

NAMES = [b"bus", b"taxi", b"tram"]
RNG = np.random.default_rng(1)
SCORES = RNG.dirichlet(np.ones(3), 60).astype(np.float32)
LABELS = [NAMES[i] for i in RNG.integers(0, 3, 60)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel that hands the scores through, with the names of its classes."""

    class Named(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            scores = tf.io.parse_example(examples, {"scores": tf.io.FixedLenFeature([3], tf.float32)})["scores"]
            return {"scores": scores, "classes": tf.repeat(tf.constant([NAMES]), tf.shape(scores)[0], axis=0)}

    folder = tmp_path_factory.mktemp("named")
    tf.saved_model.save(Named(), str(folder), signatures={"serving_default": Named().serve})
    return folder


def write(folder: Path, labels: list[Any]) -> Path:
    rows = [trips.example(scores=s.tolist(), label=label) for s, label in zip(SCORES, labels, strict=False)]
    return trips.write_records(folder / "data", rows)


def config(*metrics: str) -> dict[str, Any]:
    specs = [{"metrics": [{"class_name": name} for name in metrics]}]
    return {"model_specs": [{"label_key": "label"}], "metrics_specs": specs}


def test_names_are_matched_with_the_models(model: Path, tmp_path: Path) -> None:
    found = ec.evaluate(config("SparseCategoricalAccuracy"), model, data=write(tmp_path, LABELS), progress=False)
    right = [NAMES[best] == label for best, label in zip(SCORES.argmax(axis=1), LABELS, strict=True)]
    assert found.metrics.value("sparse_categorical_accuracy") == pytest.approx(np.mean(right), rel=1e-12)


def test_several_names_are_several_labels(model: Path, tmp_path: Path) -> None:
    several = [[b"bus", b"tram"], [b"taxi"], [b"tram"]]
    found = ec.evaluate(config("HammingLoss"), model, data=write(tmp_path, several), progress=False)
    labels = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]])
    assert found.metrics.value("hamming_loss") == pytest.approx(((SCORES[:3] > 0.5) != labels).mean(), rel=1e-12)


def test_a_name_that_the_model_does_not_know_is_told(model: Path, tmp_path: Path) -> None:
    data = write(tmp_path, [b"boat", *LABELS[1:]])
    rows = ec.evaluate(config("SparseCategoricalAccuracy"), model, data=data, progress=False).metrics.table.to_pylist()
    assert "1 of 60 labels are missing, not finite or out of range" in rows[0]["reason"]
    notices = ec.check(config("SparseCategoricalAccuracy"), model, data=data).notices
    assert any("'boat' is no class of the model" in notice for notice in notices)


INDEX = [NAMES.index(label) for label in LABELS]
RIGHT = float((SCORES.argmax(axis=1) == INDEX).mean())


def in_data(vocabulary: str = "", metric: str = "SparseCategoricalAccuracy") -> dict[str, Any]:
    """A config for predictions in the data."""
    spec = {"label_key": "label", "prediction_key": "scores", "label_vocabulary": vocabulary}
    return {"model_specs": [spec], "metrics_specs": [{"metrics": [{"class_name": metric}]}]}


def test_names_are_in_a_vocabulary(tmp_path: Path) -> None:
    data, names = write(tmp_path, LABELS), tmp_path / "names.txt"
    names.write_bytes(b"\n".join(NAMES) + b"\n")
    found = ec.evaluate(in_data(str(names)), data=data, output=tmp_path / "out", progress=False)
    assert found.metrics.value("sparse_categorical_accuracy") == pytest.approx(RIGHT, rel=1e-12)
    assert found.run["class_names"] == {"": ["bus", "taxi", "tram"]}
    assert "label_vocabulary" not in (tmp_path / "out" / "eval_config.json").read_text()
    assert ec.load(tmp_path / "out").run["class_names"] == found.run["class_names"]


def with_vocabulary(model: Path, folder: Path, content: bytes) -> Path:
    shutil.copytree(model, folder)
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "classes").write_bytes(content)
    return folder


def test_the_vocabulary_can_be_among_the_assets_and_must_not_contradict_the_model(model: Path, tmp_path: Path) -> None:
    data = write(tmp_path, LABELS)
    setup = config("SparseCategoricalAccuracy")
    setup["model_specs"][0]["label_vocabulary"] = "classes"
    copy = with_vocabulary(model, tmp_path / "fine", b"bus\ntaxi\ntram\n")
    found = ec.evaluate(setup, copy, data=data, progress=False)
    assert found.metrics.value("sparse_categorical_accuracy") == pytest.approx(RIGHT, rel=1e-12)
    other = with_vocabulary(model, tmp_path / "other", b"tram\nbus\ntaxi\n")
    message = (
        "label_vocabulary: names 'tram', 'bus', 'taxi', and the model says that its scores are of 'bus', 'taxi', 'tram'"
    )
    with pytest.raises(ModelError, match=message):
        ec.evaluate(setup, other, data=data, progress=False)


def export(folder: Path, order: list[int], *, named: bool = True, names: list[bytes] = NAMES) -> Path:
    """The same scores, in another order."""

    class Ordered(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            scores = tf.io.parse_example(examples, {"scores": tf.io.FixedLenFeature([3], tf.float32)})["scores"]
            own = tf.repeat(tf.constant([[names[i] for i in order]]), tf.shape(scores)[0], axis=0)
            return {"scores": tf.gather(scores, order, axis=1), **({"classes": own} if named else {})}

    tf.saved_model.save(Ordered(), str(folder), signatures={"serving_default": Ordered().serve})
    return folder


def test_the_baselines_scores_are_put_in_the_candidates_order(model: Path, tmp_path: Path) -> None:
    data, setup = write(tmp_path, LABELS), config("SparseCategoricalAccuracy")
    baseline = export(tmp_path / "named", [2, 0, 1])
    row = ec.evaluate(setup, model, baseline, data=data, progress=False).metrics.table.to_pylist()[0]
    assert row["baseline_value"] == pytest.approx(RIGHT, rel=1e-12)
    unnamed = export(tmp_path / "unnamed", [2, 0, 1], named=False)
    (tmp_path / "order").write_bytes(b"tram\nbus\ntaxi\n")
    setup["model_specs"] += [{"is_baseline": True, "label_key": "label", "label_vocabulary": str(tmp_path / "order")}]
    row = ec.evaluate(setup, model, unnamed, data=data, progress=False).metrics.table.to_pylist()[0]
    assert row["baseline_value"] == pytest.approx(RIGHT, rel=1e-12)
    foreign = export(tmp_path / "foreign", [0, 1, 2], names=[b"bus", b"taxi", b"boat"])
    with pytest.raises(ModelError, match=r"'baseline' cannot be compared .* are of 'bus', 'taxi', 'boat'"):
        ec.evaluate(config("SparseCategoricalAccuracy"), model, foreign, data=data, progress=False)


def test_one_class_is_needed_where_one_is_compared(tmp_path: Path) -> None:
    """Several labels of an example, or none, are not taken for the first class."""
    data = write(tmp_path, [[0, 2], [1], [2], []])
    (row,) = ec.evaluate(in_data(), data=data, progress=False).metrics.table.to_pylist()
    assert row["reason"].startswith("2 of 4 labels are missing, not finite or out of range (expected one class")


def test_the_schema_says_that_there_can_be_several(tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text('feature { name: "label" type: INT value_count { min: 0 max: 3 } }')
    data = write(tmp_path / "data", [[0], [1], [2]])
    found = ec.evaluate(in_data(metric="HammingLoss"), data=data, schema=tmp_path, progress=False)
    assert found.metrics.value("hamming_loss") == pytest.approx(((SCORES[:3] > 0.5) != np.eye(3)).mean(), rel=1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_names_are_those_of_the_schema(shared: bool, tmp_path: Path) -> None:
    values = "".join(f'value: "{name.decode()}" ' for name in NAMES)
    domain = 'domain: "kinds"' if shared else f"string_domain {{ {values} }}"
    (tmp_path / "schema.pbtxt").write_text(
        f'feature {{ name: "label" type: BYTES {domain} }} '
        + (f'string_domain {{ name: "kinds" {values} }}' if shared else "")
    )
    data = write(tmp_path / "data", LABELS)
    found = ec.evaluate(in_data(), data=data, schema=tmp_path, progress=False)
    assert found.metrics.value("sparse_categorical_accuracy") == pytest.approx(RIGHT, rel=1e-12)
    assert found.run["class_names"] == {"": ["bus", "taxi", "tram"]}
    (notice,) = found.run["notices"]
    assert notice.startswith(
        "label 'label': the model's scores are taken to be in the order of the schema's string domain"
    )
    assert "(0 is 'bus', 1 is 'taxi', 2 is 'tram')" in notice


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"model_specs\[0\].label_vocabulary: no file .*names.txt; expected a text file"),
        (b"", "names.txt is empty"),
        (b"bus\ntaxi\nbus\n", "names the class 'bus' twice"),
        (b"bus\ntaxi\n", "names 2 classes, and the model gives 3 scores per example"),
    ],
)
def test_a_vocabulary_that_is_of_no_use_is_told(content: bytes | None, message: str, tmp_path: Path) -> None:
    data, names = write(tmp_path, LABELS), tmp_path / "names.txt"
    if content is not None:
        names.write_bytes(content)
    with pytest.raises((ConfigError, ModelError), match=message):
        ec.evaluate(in_data(str(names)), data=data, progress=False)


def test_any_number_of_class_numbers_are_several_labels(tmp_path: Path) -> None:
    """Among them none, in a record that comes late, and a record of as many as there are classes."""
    several = [[0, 2], [1], [2], [], [0, 1, 2]]
    data = write(tmp_path, several)
    labels = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1]])
    found = ec.evaluate(in_data(metric="HammingLoss"), data=data, progress=False)
    assert found.metrics.value("hamming_loss") == pytest.approx(((SCORES[:5] > 0.5) != labels).mean(), rel=1e-12)


def test_a_class_number_that_the_model_does_not_know_is_told(tmp_path: Path) -> None:
    found = ec.evaluate(in_data(metric="HammingLoss"), data=write(tmp_path, [[0, 2], [3]]), progress=False)
    (row,) = found.metrics.table.to_pylist()
    assert row["reason"].startswith("1 of 2 labels are missing, not finite or out of range")


def test_several_names_that_come_late_are_told(model: Path, tmp_path: Path) -> None:
    labels: list[Any] = [b"bus"] * 59 + [[b"bus", b"tram"]]
    rows = [
        trips.example(scores=SCORES[i % 60].tolist(), label=labels[i % 60] if i > 100 else b"bus") for i in range(120)
    ]
    data = trips.write_records(tmp_path / "data", rows)
    with pytest.raises(
        DataError, match=r"data: record 119: label 'label' has 2 values where the first records have one"
    ):
        ec.evaluate(config("SparseCategoricalAccuracy"), model, data=data, progress=False)


def test_names_without_a_model_that_knows_them_are_refused(tmp_path: Path) -> None:
    plain = config("SparseCategoricalAccuracy")
    plain["model_specs"][0]["prediction_key"] = "scores"
    with pytest.raises(DataError, match=r"label 'label' holds strings.* export a model that gives them as 'classes'"):
        ec.evaluate(plain, data=write(tmp_path, LABELS), progress=False)
