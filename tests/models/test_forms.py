"""One model in every form: the same predictions; each form's own inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluator_component as ec
from evaluator_component.data.batch import Batch
from evaluator_component.errors import ModelError
from evaluator_component.models.opening import open_model
from tests import trips

BatchOf = Callable[..., Batch]


@pytest.mark.parametrize("form", ["keras", "serialized", "columns", "exported"])
def test_same_weights_give_the_same_predictions_in_every_form(
    form: str, exports: dict[str, Path], few: trips.Trips, batch_of: BatchOf
) -> None:
    predictor = open_model(exports[form])
    (output,) = predictor.outputs

    scores = predictor.predict(batch_of("distance", "fare"))[output.name]

    assert scores.shape == (len(few), 1)
    np.testing.assert_allclose(scores[:, 0], 1 / (1 + np.exp(-few.logit("good"))), rtol=1e-6)


@pytest.mark.parametrize(
    ("form", "inputs"),
    [
        ("serialized", None),
        ("columns", ["distance float32[?, 1]", "fare float32[?]"]),
        ("exported", ["distance float32[?, 1]", "fare float32[?, 1]"]),
        ("keras", ["distance float32[?, 1]", "fare float32[?, 1]"]),
    ],
)
def test_inputs_are_the_features_that_the_model_takes(
    form: str, inputs: list[str] | None, exports: dict[str, Path]
) -> None:
    found = open_model(exports[form]).inputs

    assert (None if found is None else sorted(map(str, found))) == inputs


def test_folder_that_holds_one_keras_file_is_that_model(exports: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(exports["keras"].read_bytes())

    assert open_model(tmp_path).path == str(tmp_path / "model.keras")


def test_signature_of_several_types_and_ranks(tmp_path: Path, few: trips.Trips, batch_of: BatchOf) -> None:
    import tensorflow as tf

    class Mixed(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.float64, name="fare"),
                tf.TensorSpec([None, 1], tf.int32, name="hour"),
                tf.TensorSpec([None, 1], tf.string, name="payment"),
                tf.TensorSpec([None, 2], tf.int64, name="pair"),
                tf.TensorSpec([None, 3, 1], tf.float32, name="cube"),
            ]
        )
        def serve(self, fare: Any, hour: Any, payment: Any, pair: Any, cube: Any) -> dict[str, Any]:
            cash = tf.cast(payment[:, 0] == b"Cash", tf.float64)
            whole = tf.cast(hour[:, 0] + tf.cast(pair[:, 0] - pair[:, 1], tf.int32), tf.float64)
            return {"score": fare + 10 * cash + 100 * whole + 1000 * tf.cast(cube[:, 2, 0], tf.float64)}

    tf.saved_model.save(Mixed(), str(tmp_path / "mixed"), signatures={"serving_default": Mixed().serve})
    rows = [{**row, "pair": [i, 2 * i], "cube": [0.0, 1.0, float(i)]} for i, row in enumerate(few.rows)]
    batch = batch_of("fare", "hour", "payment", "pair", "cube", records=[trips.example(**row) for row in rows])

    scores = open_model(tmp_path / "mixed").predict(batch)["score"]

    index = np.arange(len(few))
    cash = np.array([payment == b"Cash" for payment in few.payment])
    expected = few.fare.astype(np.float64) + 10 * cash + 100 * (few.hour - index) + 1000 * index
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict:UserWarning")
@pytest.mark.parametrize("how", ["single", "list", "dict", "dict with other names"])
def test_keras_inputs(how: str, tmp_path: Path, few: trips.Trips, batch_of: BatchOf) -> None:
    import keras

    fare, distance = keras.Input((1,), name="fare"), keras.Input((1,), name="distance")
    if how == "single":
        model = keras.Model(fare, fare * 1.0)
    elif how == "list":
        model = keras.Model([fare, distance], fare - 2 * distance)
    elif how == "dict":
        model = keras.Model({"fare": fare, "distance": distance}, fare - 2 * distance)
    else:  # the keys of the dict are the features, whatever the layers are called
        a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
        model = keras.Model({"fare": a, "distance": b}, a - 2 * b)
    model.save(tmp_path / "model.keras")
    predictor = open_model(tmp_path / "model.keras")

    scores = predictor.predict(batch_of("fare", "distance"))["output"]

    expected = few.fare if how == "single" else few.fare - 2 * few.distance
    np.testing.assert_allclose(scores[:, 0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("as_dict", [False, True])
def test_keras_outputs_are_named(as_dict: bool, tmp_path: Path, few: trips.Trips, batch_of: BatchOf) -> None:
    import keras

    fare = keras.Input((1,), name="fare")
    twice = keras.layers.Rescaling(2.0, name="twice")(fare)
    half = keras.layers.Rescaling(0.5, name="half")(fare)
    keras.Model(fare, {"b": twice, "a": half} if as_dict else [twice, half]).save(tmp_path / "model.keras")
    predictor = open_model(tmp_path / "model.keras")

    predictions = predictor.predict(batch_of("fare"))

    names = {"b": 2.0, "a": 0.5} if as_dict else {"twice": 2.0, "half": 0.5}
    assert set(predictions) == set(names)
    for name, factor in names.items():
        np.testing.assert_allclose(predictions[name][:, 0], few.fare * factor, rtol=1e-6)


def test_keras_model_that_is_subclassed_says_what_to_do(tmp_path: Path, batch_of: BatchOf) -> None:
    import keras

    @keras.saving.register_keras_serializable("tests")
    class Own(keras.Model):
        def call(self, inputs: Any) -> Any:
            return inputs * 2.0

    model = Own()
    model(np.zeros((1, 1), np.float32))
    model.save(tmp_path / "own.keras")

    with pytest.raises(ModelError, match=r"own\.keras: the Keras model does not know its inputs.*keras\.Input"):
        open_model(tmp_path / "own.keras")


def test_missing_values_under_a_model_of_columns_name_the_record(exports: dict[str, Path], batch_of: BatchOf) -> None:
    records = [trips.example(fare=1.0, distance=2.0), trips.example(fare=1.0), trips.example(fare=1.0, distance=0.5)]

    with pytest.raises(ModelError, match=r"input distance float32\[\?, 1\] needs 1 value.*record 1 has 0") as caught:
        open_model(exports["columns"]).predict(batch_of("fare", "distance", records=records))

    assert "takes serialized examples" in str(caught.value)


def test_single_input_of_strings_that_is_a_feature_takes_the_feature(tmp_path: Path, few: trips.Trips) -> None:
    import tensorflow as tf

    class Length(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="payment")])
        def serve(self, payment: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"length": tf.cast(tf.strings.length(payment), tf.float32)}

    tf.saved_model.save(Length(), str(tmp_path / "length"), signatures={"serving_default": Length().serve})
    data = trips.write_records(tmp_path / "trips", few.records)
    config = {
        "model_specs": [{"label_key": "tipped"}],
        "metrics_specs": [{"metrics": [{"class_name": "MeanPrediction"}]}],
    }

    result = ec.evaluate(config, tmp_path / "length", data=data, progress=False)

    assert result.metrics.value("mean_prediction") == pytest.approx(np.mean([len(p) for p in few.payment]))
