"""The taxi pipeline as a graph, its config, and the demo's usage errors: nothing is run here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMPONENTS = [
    "CsvExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "latest_blessed_model",
    "Evaluator",
    "Pusher",
]


def test_config_compares_with_a_baseline(pipelines: Path) -> None:
    from evaluator_component.config import baseline_spec, candidate_spec, complete_config, load_config

    config = complete_config(load_config(pipelines / "taxi" / "eval.yaml"))
    candidate, baseline = candidate_spec(config), baseline_spec(config)
    assert candidate is not None
    assert baseline is not None
    assert candidate.label_key == baseline.label_key == "big_tipper"
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["trip_start_hour"], ["payment_type"]]


@pytest.mark.tfx
def test_graph(taxi: Path, tmp_path: Path) -> None:
    from taxi_pipeline import create_pipeline

    from evaluator_component.component import Evaluator

    made = create_pipeline("taxi", root=str(tmp_path), data_root=str(tmp_path), serving_dir=str(tmp_path / "serving"))
    by_id: dict[str, Any] = {component.id: component for component in made.components}
    assert sorted(by_id) == sorted(COMPONENTS)
    assert isinstance(by_id["Evaluator"], Evaluator)
    needs = {component.id for component in by_id["Evaluator"].upstream_nodes}
    assert needs == {"CsvExampleGen", "SchemaGen", "Trainer", "latest_blessed_model"}
    assert {component.id for component in by_id["Pusher"].upstream_nodes} == {"Trainer", "Evaluator"}
    assert not list(tmp_path.iterdir()), "building the pipeline writes nothing"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "{full}"], "holds something else"),
        (["--output", "{new}", "--data-root", "{new}"], "no .csv file in"),
    ],
)
def test_demo_refuses_wrong_folders(pipelines: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "demo.log").touch()
    (full / "mine.txt").write_text("keep me")
    command = [argument.format(full=full, new=tmp_path / "new") for argument in arguments]
    done = subprocess.run(
        [sys.executable, str(pipelines / "taxi" / "run.py"), *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert (full / "mine.txt").read_text() == "keep me"


def test_an_earlier_demo_is_replaced(taxi: Path, tmp_path: Path) -> None:
    from run import Folders

    folders = Folders(tmp_path / "demo")
    folders.start_afresh()
    (folders.serving / "1").mkdir(parents=True)
    folders.log.touch()
    assert folders.replaceable()
    assert folders.pushed() == {"1"}
    folders.start_afresh()
    assert list(folders.output.iterdir()) == []
    (folders.output / "notes.txt").touch()
    assert not folders.replaceable()
