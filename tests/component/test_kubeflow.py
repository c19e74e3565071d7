"""Kubeflow v2: the compiled step, and its executor run through TFX's own entrypoint, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.tfx


@pytest.fixture(autouse=True)
def _kfp(_tfx: None) -> None:
    pytest.importorskip("kfp.pipeline_spec", reason="the orchestrators group is not installed")


def config_of(change: bool) -> dict[str, Any]:
    rule: dict[str, Any] = {"value_threshold": {"lower_bound": 0.6}}
    if change:
        rule["change_threshold"] = {"absolute": -0.01, "direction": "HIGHER_IS_BETTER"}
    metrics = [{"class_name": "ExampleCount"}, {"class_name": "AUC", "threshold": rule}]
    return {"model_specs": [{"label_key": "label"}], "metrics_specs": [{"metrics": metrics}]}


def runtime_artifact(kind: str, uri: Path, name: str, **metadata: str) -> dict[str, Any]:
    title = {"schemaTitle": f"tfx.{kind}", "schemaVersion": "0.0.1"}
    return {"artifacts": [{"name": name, "uri": str(uri), "type": title, "metadata": metadata}]}


def run_step(folder: Path, material: Any, change: bool, baseline: Path | None, wired: bool) -> dict[str, Any]:
    """Runs the executor as a Kubeflow step would; returns the output artifacts that it reports."""
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    inputs = {
        "examples": runtime_artifact("Examples", material.examples, "a/examples", split_names='["train", "eval"]'),
        "model": runtime_artifact("Model", material.good, "a/candidate"),
    }
    if baseline is not None:
        inputs["baseline_model"] = runtime_artifact("Model", baseline, "a/baseline")
    parameters = {
        "eval_config": {"stringValue": json.dumps(config_of(change))},
        "example_splits": {"stringValue": "null"},
        "baseline_wired": {"intValue": int(wired)},
    }
    outputs = {
        "evaluation": runtime_artifact("ModelEvaluation", folder / "evaluation", "a/evaluation"),
        "blessing": runtime_artifact("ModelBlessing", folder / "blessing", "a/blessing"),
    }
    reported = folder / "task" / "executor_output.json"
    invocation = {
        "inputs": {"artifacts": inputs, "parameters": parameters},
        "outputs": {"artifacts": outputs, "outputFile": str(reported)},
    }
    step = SimpleNamespace(
        executor_class_path="evaluator_component.executor.Executor",
        json_serialized_invocation_args=json.dumps(invocation),
    )
    kubeflow_v2_run_executor._run_executor(step, [])
    found = json.loads(reported.read_text())["artifacts"]
    return {name: artifact["artifacts"][0] for name, artifact in found.items()}


def test_the_blessing_names_the_models_by_resource(tmp_path: Path, material: Any) -> None:
    blessing = run_step(tmp_path, material, change=True, baseline=material.good, wired=True)["blessing"]
    assert blessing["metadata"]["blessed"] == 1
    assert blessing["metadata"]["current_model_id"] == "a/candidate"
    assert blessing["metadata"]["baseline_model_id"] == "a/baseline"
    assert (tmp_path / "blessing" / "BLESSED").exists()
    assert (tmp_path / "evaluation" / "run.json").exists()


def test_an_empty_resolver_is_a_first_run(tmp_path: Path, material: Any) -> None:
    blessing = run_step(tmp_path, material, change=True, baseline=None, wired=True)["blessing"]
    assert blessing["metadata"]["blessed"] == 1
    assert "rubber stamp" in blessing["metadata"]["blessing_message"]
    assert "baseline_model_id" not in blessing["metadata"]


def test_a_change_rule_without_wired_baseline_is_never_stamped(tmp_path: Path, material: Any) -> None:
    from evaluator_component.errors import ConfigError

    with pytest.raises(ConfigError, match=r"^baseline_model: .*no baseline is wired"):
        run_step(tmp_path, material, change=True, baseline=None, wired=False)
    assert not (tmp_path / "blessing").exists()


def test_the_executor_runs_the_preflight_itself(tmp_path: Path, material: Any) -> None:
    from evaluator_component.errors import DataError

    with pytest.raises(DataError, match="no file matches"):
        run_step(tmp_path, SimpleNamespace(examples=tmp_path, good=material.good), False, None, wired=False)


@pytest.mark.parametrize("wired", [True, False])
def test_compiling(tmp_path: Path, material: Any, wired: bool) -> None:
    from tfx import v1 as tfx
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
    from tfx.types import standard_artifacts

    from evaluator_component.component import Evaluator
    from evaluator_component.errors import ConfigError

    data = tfx.dsl.Importer(
        source_uri="gs://bucket/data", artifact_type=standard_artifacts.Examples, properties={"split_names": '["eval"]'}
    ).with_id("Data")
    model = tfx.dsl.Importer(source_uri="gs://bucket/model", artifact_type=standard_artifacts.Model).with_id("Trained")
    baseline = {"baseline_model": model.outputs["result"]} if wired else {}
    evaluator = Evaluator(
        examples=data.outputs["result"], model=model.outputs["result"], eval_config=config_of(change=True), **baseline
    )
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="compiled", pipeline_root="gs://bucket/root", components=[data, model, evaluator]
    )
    path = tmp_path / "pipeline.json"
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image="image"), output_filename=str(path)
    )
    if not wired:
        with pytest.raises(ConfigError, match=r"^baseline_model: .*Resolver"):
            runner.run(pipeline)
        return
    runner.run(pipeline)
    executors = json.loads(path.read_text())["pipelineSpec"]["deploymentSpec"]["executors"]
    arguments = executors["Evaluator_executor"]["container"]["args"]
    assert arguments[:2] == ["--executor_class_path", "evaluator_component.executor.Executor"]
