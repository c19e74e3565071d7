"""Models that cannot be evaluated: the message begins with the model's path and says what to change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evaluator_component as ec
from evaluator_component.errors import ConfigError, DataError, ModelError
from evaluator_component.models.opening import open_model
from tests import trips


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel with the signatures ``classify`` (outputs ``a``, ``b [2]``, ``name``) and ``regress``."""
    import tensorflow as tf

    class Several(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def classify(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            fare = trips.parse_floats(examples, ["fare"])["fare"]
            return {"a": fare, "b": tf.stack([fare, -fare], 1), "name": tf.as_string(fare)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def regress(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"value": trips.parse_floats(examples, ["fare"])["fare"]}

    folder = tmp_path_factory.mktemp("several")
    module = Several()
    signatures = {"classify": module.classify, "regress": module.regress}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Exports models that give one score for each of so many classes."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("classes")

    def export(count: int) -> Path:
        class Classes(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
            def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
                fare = trips.parse_floats(examples, ["fare"])["fare"]
                return {"scores": tf.nn.softmax(fare[:, tf.newaxis] * tf.range(1.0, count + 1))}

        folder = root / str(count)
        if not folder.exists():
            tf.saved_model.save(Classes(), str(folder), signatures={"serving_default": Classes().serve})
        return folder

    return export


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trips.write_records(tmp_path_factory.mktemp("data") / "trips", trips.make_trips(100).records)


def config(*metrics: str, **model_spec: Any) -> dict[str, Any]:
    return {
        "model_specs": [{"label_key": "tipped", **model_spec}],
        "metrics_specs": [{"metrics": [{"class_name": name} for name in metrics or ("MeanSquaredError",)]}],
    }


def of_class(number: int, **model_spec: Any) -> dict[str, Any]:
    metric = {"class_name": "AUC", "config": {"class_id": number}}
    return {**config(**model_spec), "metrics_specs": [{"metrics": [metric]}]}


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"^{tmp_path}/no: no such file or folder; expected a SavedModel folder or"):
        open_model(tmp_path / "no")


def test_folder_without_a_model_says_what_it_found(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"^{tmp_path}: holds no model; expected saved_model\.pb.* found nothing$"):
        open_model(tmp_path)
    (tmp_path / "variables").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelError, match=r"found notes\.txt, variables$"):
        open_model(tmp_path)


def test_folder_above_the_model_is_answered_with_the_models_own(tmp_path: Path, several: Path) -> None:
    shutil.copytree(several, tmp_path / "run" / "Format-Serving")

    with pytest.raises(ModelError, match=f"a model lies in {tmp_path}/run/Format-Serving$"):
        open_model(tmp_path)


def test_folder_above_a_keras_file_is_answered_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.keras").touch()

    with pytest.raises(ModelError, match=f"a model lies in {tmp_path}/run/model.keras$"):
        open_model(tmp_path)


def test_folder_with_several_keras_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.keras").touch()

    with pytest.raises(ModelError, match=r"expected saved_model\.pb or one \.keras file, found a\.keras, b\.keras"):
        open_model(tmp_path)


def test_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")

    with pytest.raises(ModelError, match=rf"^{tmp_path}/model\.h5: holds no model"):
        open_model(tmp_path / "model.h5")


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_damaged_saved_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)

    with pytest.raises(ModelError, match=f"^{tmp_path}: the SavedModel does not load"):
        open_model(tmp_path)


def test_saved_model_without_its_variables(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.variable = tf.Variable([1.0])
    tf.saved_model.save(module, str(tmp_path))
    shutil.rmtree(tmp_path / "variables")

    with pytest.raises(ModelError, match=f"^{tmp_path}: the SavedModel does not load"):
        open_model(tmp_path)


def test_damaged_keras_file(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04 not a zip")

    with pytest.raises(ModelError, match=rf"^{tmp_path}/model\.keras: the Keras model does not load"):
        open_model(tmp_path / "model.keras")


def test_saved_model_without_signatures(tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path))

    with pytest.raises(ModelError, match="has no signature; export one"):
        open_model(tmp_path)


def test_several_signatures_without_a_default_are_listed(several: Path) -> None:
    with pytest.raises(ModelError, match=r"set model_specs\.signature_name to one of: classify, regress"):
        open_model(several)

    assert [output.name for output in open_model(several, "regress").outputs] == ["value"]


def test_missing_signature_is_answered_with_the_nearest(several: Path) -> None:
    with pytest.raises(ModelError, match=f"^{several}: has no signature 'regres'; did you mean 'regress'"):
        open_model(several, "regres")


def test_several_outputs_without_a_key_are_listed(several: Path, data: Path) -> None:
    with pytest.raises(ModelError, match=r"^.*model_specs\[0\]\.prediction_key does not say.*a float32\[\?\]; b float"):
        ec.check(config(signature_name="classify"), several, data=data)


def test_missing_output_is_answered_with_the_nearest(several: Path, data: Path) -> None:
    with pytest.raises(ModelError, match=r"has no output 'valeu' \(model_specs\[0\]\.prediction_key\).*'value'"):
        ec.check(config(signature_name="regress", prediction_key="valeu"), several, data=data)


def test_output_of_strings(several: Path, data: Path) -> None:
    with pytest.raises(ModelError, match="output 'name' holds strings; expected numbers"):
        ec.check(config(signature_name="classify", prediction_key="name"), several, data=data)


def test_scores_of_classes_under_a_metric_of_one_number(classes: Callable[[int], Path], data: Path) -> None:
    notices = ec.check(config("AUC"), classes(3), data=data).notices
    assert [notice for notice in notices if "auc: over all 3 scores of each example as one pool" in notice]


def test_a_class_that_the_model_does_not_have(classes: Callable[[int], Path], several: Path, data: Path) -> None:
    asked = of_class(3)
    with pytest.raises(ModelError, match=r"metric 'auc' is asked for a class .* 3 scores .* from 0 to 2"):
        ec.check(asked, classes(3), data=data)
    asked = of_class(0, signature_name="regress")
    with pytest.raises(ModelError, match=r"metric 'auc' is asked for by class .* a single number per example"):
        ec.check(asked, several, data=data)


def test_one_number_under_a_metric_of_classes(several: Path, data: Path) -> None:
    with pytest.raises(ModelError, match="'sparse_categorical_accuracy' needs one score per class"):
        ec.check(config("SparseCategoricalAccuracy", signature_name="regress"), several, data=data)


def test_one_hot_label_of_another_width(classes: Callable[[int], Path], tmp_path: Path) -> None:
    records = [trips.example(fare=1.0, hot=[0, 1, 0, 0])] * 3
    data = trips.write_records(tmp_path / "hot", records)

    with pytest.raises(ModelError, match="compares labels of 4 classes with scores of 3 classes"):
        ec.check(config("CategoricalAccuracy", label_key="hot"), classes(3), data=data)


def test_one_hot_label_under_a_metric_of_one_label(several: Path, tmp_path: Path) -> None:
    data = trips.write_records(tmp_path / "hot", [trips.example(fare=1.0, hot=[0, 1])] * 3)

    with pytest.raises(ModelError, match="compares labels of 2 classes with scores of 1 classes"):
        ec.check(config("AUC", label_key="hot", signature_name="regress"), several, data=data)


def test_candidate_and_baseline_of_different_label_spaces(classes: Callable[[int], Path], data: Path) -> None:
    metrics = config("SparseCategoricalAccuracy", label_key="choice")

    with pytest.raises(ConfigError, match="candidate and baseline predict different things") as caught:
        ec.check(metrics, classes(3), classes(4), data)

    for part in ("scores float32[?, 3]", str(classes(3)), "scores float32[?, 4]", str(classes(4))):
        assert part in str(caught.value)


def test_model_that_takes_a_feature_which_the_data_lacks(tmp_path: Path, data: Path) -> None:
    import tensorflow as tf

    class Columns(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="fair")])
        def serve(self, fair: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"score": fair}

    tf.saved_model.save(Columns(), str(tmp_path), signatures={"serving_default": Columns().serve})

    with pytest.raises(ModelError, match=rf"^{tmp_path}: its signature takes the feature fair float32\[\?\].*'fare'"):
        ec.check(config(), tmp_path, data=data)


@pytest.mark.parametrize(
    ("feature", "dtype", "message"),
    [
        ("payment", "float32", "takes numbers, and feature 'payment' holds strings"),
        ("hour", "string", "takes strings, and feature 'hour' holds numbers"),
    ],
)
def test_model_that_takes_another_kind_than_the_data_holds(
    feature: str, dtype: str, message: str, tmp_path: Path, data: Path
) -> None:
    import tensorflow as tf

    class Columns(tf.Module):
        @tf.function(
            input_signature=[tf.TensorSpec([None, 1], dtype, name=feature), tf.TensorSpec([None], name="fare")]
        )
        def serve(self, odd: tf.Tensor, fare: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"score": fare + tf.cast(tf.size(odd), tf.float32)}

    tf.saved_model.save(Columns(), str(tmp_path), signatures={"serving_default": Columns().serve})

    with pytest.raises(ModelError, match=rf"^{tmp_path}: input {feature} .*{message}"):
        ec.check(config(), tmp_path, data=data)


def test_model_that_fails_on_a_record_names_the_records(several: Path, tmp_path: Path) -> None:
    data = trips.write_records(tmp_path / "holes", [trips.example(tipped=1)] * 5)  # the model parses fare

    with pytest.raises(ModelError, match=f"^{several}: the model fails on records 0 to 4 of {data}: InvalidArgument"):
        ec.check(config(signature_name="regress"), several, data=data)


def test_no_data() -> None:
    with pytest.raises(DataError, match="data: not given"):
        ec.check(config(prediction_key="fare"))
