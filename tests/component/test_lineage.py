"""The history of a pipeline's models, from a real ML Metadata store and from what a real pipeline publishes."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import evaluator_component as ec
from evaluator_component.cli import main
from evaluator_component.errors import ConfigError, DataError

pytestmark = pytest.mark.tfx

PIPELINE = "taxi"
CONFIG = {
    "model_specs": [{"label_key": "label"}],
    "slicing_specs": [{}, {"feature_keys": ["city"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "AUC", "threshold": {"value_threshold": {"lower_bound": 0.7}}},
            ]
        }
    ],
    "gate": {"plain_threshold_scope": "OVERALL"},
}


@dataclasses.dataclass
class Store:
    """An ML Metadata that one test fills by hand, as TFX does."""

    folder: Path
    material: Any

    @property
    def file(self) -> str:
        return str(self.folder / "mlmd.sqlite")

    def artifact(self, kind: str, uri: object, **properties: Any) -> Any:
        from ml_metadata.proto import metadata_store_pb2
        from tfx.types import standard_artifacts

        made = getattr(standard_artifacts, kind)()
        made.uri = str(uri)
        made.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
        for name, value in properties.items():
            put = made.set_int_custom_property if isinstance(value, int) else made.set_string_custom_property
            put(name, value)
        return made

    def model(self, name: str, pipeline: str = PIPELINE) -> Any:
        """A model of this name on record, as a Trainer leaves it."""
        uri = self.folder / "Trainer" / "model" / name
        uri.mkdir(parents=True, exist_ok=True)
        model = self.artifact("Model", uri)
        self.execute("Trainer", pipeline, {}, {"model": [model]})
        return model

    def evaluated(self, model: Any, artifact: str, state: str = "COMPLETE", **blessing: Any) -> Path:
        """An evaluation of the model on record; its numbers are those of one of the material's models."""
        folder = self.folder / "Evaluator" / artifact
        serving = getattr(self.material, artifact) / "Format-Serving"
        ec.evaluate(CONFIG, serving, None, self.material.examples / "Split-eval" / "*", folder)
        self.publish(model, folder, state, **blessing)
        return folder

    def publish(self, model: Any, folder: Path, state: str = "COMPLETE", pipeline: str = PIPELINE, **bless: Any) -> Any:
        evaluation = self.artifact("ModelEvaluation", folder)
        blessing = self.artifact("ModelBlessing", f"{folder}-blessing", **bless)
        outputs = {"blessing": [blessing], "evaluation": [evaluation]} if bless else {"evaluation": [evaluation]}
        baseline = self.artifact("Model", self.folder / "production")
        self.execute("Trainer", pipeline, {}, {"model": [baseline]})
        inputs = {"baseline_model": [baseline], **({"model": [model]} if model is not None else {})}
        self.execute("Evaluator", pipeline, inputs, outputs, state)
        return evaluation

    def execute(self, node: str, pipeline: str, inputs: Any, outputs: Any, state: str = "COMPLETE") -> None:
        from ml_metadata.proto import metadata_store_pb2
        from tfx.orchestration import metadata
        from tfx.orchestration.portable.mlmd import context_lib, execution_lib

        with metadata.Metadata(metadata.sqlite_metadata_connection_config(self.file)) as handle:
            context = context_lib.register_context_if_not_exists(handle, "pipeline", pipeline)
            execution = execution_lib.prepare_execution(
                handle,
                metadata_store_pb2.ExecutionType(name=node),
                metadata_store_pb2.Execution.State.Value(state),
            )
            execution_lib.put_execution(
                handle, execution, [context], input_artifacts=inputs or None, output_artifacts=outputs
            )


@pytest.fixture
def store(tmp_path: Path, material: Any) -> Store:
    return Store(tmp_path, material)


def test_versions_come_with_their_models_and_blessings(store: Store) -> None:
    models = {name: store.model(name) for name in ("8", "9", "10")}
    store.evaluated(models["10"], "better", blessed=1, blessing_message="BLESSED: 1 check passed")
    folder = store.evaluated(models["8"], "random", blessed=0, blessing_message="NOT_BLESSED: auc is too low")
    store.evaluated(models["9"], "good")
    before = Path(store.file).read_bytes()

    found = ec.history_of_metadata(store.file)
    assert Path(store.file).read_bytes() == before
    assert [version.label for version in found.versions] == ["10", "8", "9"]
    assert [version.blessed for version in found.versions] == [True, False, True]  # the last one's is its verdict.json
    assert [version.model_id for version in found.versions] == [models[name].id for name in ("10", "8", "9")]
    second = found.versions[1]
    assert (second.model, second.output, second.examples) == (models["8"].uri, str(folder), 400)
    assert second.summary == "NOT_BLESSED: auc is too low"
    assert found.versions[2].summary == "BLESSED: 1 check passed"
    assert second.time == ec.load(folder).run["started"]
    aucs = found.of("auc").table.column("value").to_pylist()
    assert aucs[0] > aucs[2] > aucs[1]
    assert found.notices == ()


def test_what_cannot_be_shown_is_told(store: Store) -> None:
    kept = store.evaluated(store.model("1"), "good", blessed=1)
    lost, stopped, damaged = (shutil.copytree(kept, kept.with_name(name)) for name in ("lost", "stopped", "damaged"))
    peer = kept.with_name("peer")
    peer.mkdir()
    for name in ("eval_config.json", "metrics-00000-of-00001.tfrecord", "validations.tfrecord"):
        shutil.copy(kept / name, peer / name)
    ids = [store.publish(store.model("2"), folder, blessed=1).id for folder in (lost, peer, stopped, damaged)]
    shutil.rmtree(lost)
    (stopped / "run.json").unlink()
    (damaged / "metrics.parquet").write_bytes(b"PAR1")

    found = ec.history_of_metadata(store.file)
    assert [version.label for version in found.versions] == ["1"]
    told = ("its files are gone", "TFMA wrote it", "run.json is missing", "cannot be read")
    assert len(found.notices) == 4
    for key, words, notice in zip(ids, told, found.notices, strict=True):
        assert notice.startswith(f"ModelEvaluation {key}: left out, ")
        assert words in notice


def test_one_evaluation_counts_once_though_the_cache_served_it_again(store: Store) -> None:
    model = store.model("1")
    store.evaluated(model, "good", blessed=1)
    again = ec.history_of_metadata(store.file)
    from tfx.orchestration import metadata

    with metadata.Metadata(metadata.sqlite_metadata_connection_config(store.file)) as handle:
        (evaluation,) = handle.store.get_artifacts_by_type("ModelEvaluation")
    cached = store.artifact("ModelEvaluation", evaluation.uri)
    cached.set_mlmd_artifact(evaluation)
    store.evaluated(store.model("2"), "better", blessed=1)
    store.execute("Evaluator", PIPELINE, {"model": [model]}, {"evaluation": [cached]}, "CACHED")
    found = ec.history_of_metadata(store.file)
    assert [version.label for version in found.versions] == ["1", "2"]
    assert found.versions[0] == again.versions[0]


def test_pipelines_are_told_apart(store: Store) -> None:
    folder = store.evaluated(store.model("1"), "good", blessed=1)
    other = shutil.copytree(folder, folder.with_name("other"))
    store.publish(store.model("2", "fares"), other, pipeline="fares", blessed=0)
    assert [version.label for version in ec.history_of_metadata(store.file).versions] == ["1", "2"]
    assert [version.label for version in ec.history_of_metadata(store.file, pipeline="fares").versions] == ["2"]
    with pytest.raises(ConfigError, match=r"pipeline: there is none of the name 'taxy'; did you mean 'taxi'"):
        ec.history_of_metadata(store.file, pipeline="taxy")


def test_a_connection_config_and_predictions_in_the_data(store: Store) -> None:
    from tfx.orchestration import metadata

    store.publish(None, shutil.copytree(store.evaluated(store.model("1"), "good"), store.folder / "alone"))
    found = ec.history_of_metadata(metadata.sqlite_metadata_connection_config(store.file))
    assert [(version.label, version.model_id is None) for version in found.versions] == [("1", False), ("alone", True)]


def test_a_store_without_evaluations_and_no_store(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mlmd\.sqlite: no such file"):
        ec.history_of_metadata(store.file)
    assert not Path(store.file).exists()
    store.model("1")
    with pytest.raises(DataError, match="has no finished evaluation on record"):
        ec.history_of_metadata(store.file)
    store.publish(store.model("2"), tmp_path / "gone")
    with pytest.raises(DataError, match=r"of pipeline 'taxi' on record \(ModelEvaluation \d+: left out, its files"):
        ec.history_of_metadata(store.file, pipeline=PIPELINE)
    (tmp_path / "junk").write_text("no database" * 100)
    with pytest.raises(DataError, match="junk: cannot be read as ML Metadata"):
        ec.history_of_metadata(str(tmp_path / "junk"))


def test_the_command_reads_ml_metadata(store: Store) -> None:
    store.evaluated(store.model("7"), "good", blessed=1)
    store.publish(store.model("8"), store.folder / "gone", blessed=1)
    shown = CliRunner().invoke(main, ["history", "--mlmd", store.file, "--pipeline", PIPELINE])
    assert shown.exit_code == 0, shown.output
    assert "BLESSED" in shown.output
    assert "left out, its files are gone" in shown.output
    wrong = CliRunner().invoke(main, ["history", "--mlmd", store.file, "--pipeline", "taxy"])
    assert wrong.exit_code == 2
    assert "did you mean 'taxi'" in wrong.output
