"""The maximum batch size is hard; what does not fit into memory is halved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluator_component as ec
from evaluator_component.data.batch import Batch
from evaluator_component.errors import ModelError
from evaluator_component.models.chunks import Chunks
from evaluator_component.models.opening import open_model
from tests import trips

BatchOf = Callable[..., Batch]
MOST = 37


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models, one for each kind of input, whose graphs refuse more than MOST examples."""
    import keras
    import tensorflow as tf

    root = tmp_path_factory.mktemp("strict")

    class Strict(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def from_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.from_columns(trips.parse_floats(examples, ["fare"])["fare"])

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="fare")])
        def from_columns(self, fare: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.control_dependencies([tf.debugging.assert_less_equal(tf.size(fare), MOST)]):
                return {"score": tf.sigmoid(fare)}

    module = Strict()
    for name, function in (("examples", module.from_examples), ("columns", module.from_columns)):
        tf.saved_model.save(module, str(root / name), signatures={"serving_default": function})

    @keras.saving.register_keras_serializable("tests")
    class AtMost(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            with tf.control_dependencies([tf.debugging.assert_less_equal(tf.shape(inputs)[0], MOST)]):
                return tf.identity(inputs)

    fare = keras.Input((1,), name="fare")
    keras.Model(fare, keras.layers.Activation("sigmoid")(AtMost()(fare))).save(root / "model.keras")
    return {"examples": root / "examples", "columns": root / "columns", "keras": root / "model.keras"}


@pytest.mark.parametrize("form", ["examples", "columns", "keras"])
def test_no_call_gets_more_examples_than_allowed(
    form: str, strict: dict[str, Path], few: trips.Trips, batch_of: BatchOf
) -> None:
    batch = batch_of("fare")

    (scores,) = open_model(strict[form], batch_size=MOST).predict(batch).values()

    np.testing.assert_allclose(scores.reshape(-1), 1 / (1 + np.exp(-few.fare)), rtol=1e-6)
    with pytest.raises(ModelError, match=f"the model fails on records 0 to {MOST} of .*trips: InvalidArgumentError"):
        open_model(strict[form], batch_size=MOST + 1).predict(batch)


@pytest.mark.parametrize(
    "options",
    [{"engine": {"batch_size": MOST}}, {"model_specs": [{"label_key": "tipped", "inference_batch_size": MOST}]}],
    ids=["engine.batch_size", "inference_batch_size"],
)
def test_config_sets_the_maximum(options: dict[str, Any], strict: dict[str, Path], tmp_path: Path) -> None:
    made = trips.make_trips(500)
    data = trips.write_records(tmp_path / "trips", made.records)
    config = {
        "model_specs": [{"label_key": "tipped"}],
        "metrics_specs": [{"metrics": [{"class_name": "MeanPrediction"}]}],
        **options,
    }

    result = ec.evaluate(config, strict["examples"], strict["columns"], data, progress=False)

    expected = np.mean(1 / (1 + np.exp(-made.fare.astype(np.float64))))
    assert result.metrics.value("mean_prediction") == pytest.approx(expected, rel=1e-6)


def test_batches_are_halved_until_they_fit_into_memory(batch_of: BatchOf) -> None:
    import tensorflow as tf

    batch = batch_of("fare")
    sizes = []

    def call(columns: dict[str, Any]) -> dict[str, Any]:
        sizes.append(len(columns["fare"]))
        if sizes[-1] > 80:
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        return {"score": columns["fare"] * 2}

    fare = batch.numbers("fare", "feature")
    chunks = Chunks("model", 8192)
    joined = chunks.call(call, {"fare": fare}, batch)

    assert sizes == [300, 150, 75, 75, 75, 75]
    np.testing.assert_array_equal(joined["score"], fare * 2)
    assert chunks.halved
    chunks.call(call, {"fare": fare}, batch)
    assert sizes[6:] == [75, 75, 75, 75]  # it does not fail again


def test_run_json_tells_that_batches_were_halved(tmp_path: Path) -> None:
    import tensorflow as tf

    class Large(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            big = tf.cast(tf.size(examples) > 100, tf.int64)  # more memory than there is
            room = tf.zeros(big * 2**50 + 1, tf.int8)
            fare = trips.parse_floats(examples, ["fare"])["fare"]
            return {"score": fare + tf.cast(room[0], tf.float32)}

    tf.saved_model.save(Large(), str(tmp_path / "large"), signatures={"serving_default": Large().serve})
    data = trips.write_records(tmp_path / "trips", trips.make_trips(300).records)
    config = {
        "model_specs": [{"label_key": "tipped"}],
        "metrics_specs": [{"metrics": [{"class_name": "MeanPrediction"}]}],
    }

    run = ec.evaluate(config, tmp_path / "large", data=data, progress=False).run

    assert run["deterministic"] is False
    assert str(tmp_path / "large") in run["warnings"][0]


def test_model_that_does_not_fit_with_one_example_fails(batch_of: BatchOf) -> None:
    import tensorflow as tf

    def call(_: dict[str, Any]) -> dict[str, Any]:
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    with pytest.raises(ModelError, match=r"records 0 to 0 of .*ResourceExhaustedError: out of memory"):
        Chunks("model", 8192).call(call, {"fare": np.zeros(300)}, batch_of("fare"))


def test_output_without_a_row_per_example(batch_of: BatchOf) -> None:
    def call(columns: dict[str, Any]) -> dict[str, Any]:
        return {"mean": columns["fare"].mean()}

    with pytest.raises(ModelError, match=r"output 'mean' has shape \(\) for 300 examples; expected one row per"):
        Chunks("model", 8192).call(call, {"fare": np.zeros(300)}, batch_of("fare"))
