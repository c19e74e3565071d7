"""The taxi pipeline for the other orchestrators: compiled and loaded as a user would, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tfx, pytest.mark.slow]

EXECUTOR = "evaluator_component.executor.Executor"
LOAD_DAGS = """
import json, sys
from airflow.models import DagBag
bag = DagBag(sys.argv[1], include_examples=False)
tasks = {task.task_id: sorted(task.upstream_task_ids) for dag in bag.dags.values() for task in dag.tasks}
print(json.dumps({"errors": bag.import_errors, "dags": list(bag.dags), "tasks": tasks}))
"""


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


@needs("kfp")
@pytest.mark.parametrize("suffix", ["yaml"])
def test_kubeflow_runs_our_executor(pipelines: Path, tmp_path: Path, suffix: str) -> None:
    import yaml

    output = tmp_path / f"taxi.{suffix}"
    folders = {"root": tmp_path / "root", "data-root": tmp_path / "data", "serving-dir": tmp_path / "serving"}
    command = [sys.executable, str(pipelines / "kubeflow" / "pipeline.py"), "--image", "image", "--output", str(output)]
    for name, folder in folders.items():
        command += [f"--{name}", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    spec = yaml.safe_load(output.read_text())
    executors = spec["deploymentSpec"]["executors"]
    assert EXECUTOR in executors["Evaluator_executor"]["container"]["args"]
    assert executors["Evaluator_executor"]["container"]["image"] == "image"
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Evaluator"]["inputs"]["artifacts"]["baseline_model"]
    assert "Evaluator" in tasks["Pusher"]["dependentTasks"]


@needs("airflow")
def test_airflow_loads_the_dag(pipelines: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "TAXI_HOME": str(tmp_path / "taxi"),
        "TAXI_DATA": str(tmp_path / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD_DAGS, str(pipelines / "airflow")],
        check=True, capture_output=True, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded["errors"] == {}
    assert loaded["dags"] == ["taxi"]
    assert set(loaded["tasks"]["Evaluator"]) == {"CsvExampleGen", "SchemaGen", "Trainer", "latest_blessed_model"}
    assert "Evaluator" in loaded["tasks"]["Pusher"]
