"""Labels that name their class, for models that say which class a score is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluator_component as ec
from evaluator_component.errors import DataError
from tests import trips

NAMES = [b"bus", b"taxi", b"tram"]
RNG = np.random.default_rng(1)
SCORES = RNG.dirichlet(np.ones(3), 60).astype(np.float32)
LABELS = [NAMES[i] for i in RNG.integers(0, 3, 60)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel that hands the scores through, with the names of its classes."""
    import tensorflow as tf

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


def test_names_without_a_model_that_knows_them_are_refused(tmp_path: Path) -> None:
    plain = config("SparseCategoricalAccuracy")
    plain["model_specs"][0]["prediction_key"] = "scores"
    with pytest.raises(DataError, match=r"label 'label' holds strings.* export a model that gives them as 'classes'"):
        ec.evaluate(plain, data=write(tmp_path, LABELS), progress=False)
