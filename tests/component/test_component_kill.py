"""The executor is killed at any moment: no blessing without its results, and the next attempt is right."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.tfx, pytest.mark.slow]

CONFIG = {
    "model_specs": [{"label_key": "label"}],
    "slicing_specs": [{}, {"feature_keys": ["city"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {
                    "class_name": "AUC",
                    "threshold": {"change_threshold": {"absolute": 0.0, "direction": "HIGHER_IS_BETTER"}},
                },
            ]
        }
    ],
    "gate": {"plain_threshold_scope": "OVERALL"},
}
OUTPUTS = {"evaluation": "ModelEvaluation", "blessing": "ModelBlessing", "report": "EvaluationReport"}
OUTCOMES = ("BLESSED", "NOT_BLESSED")
SAME_BYTES = ("metrics.parquet", "verdict.json", "validations.tfrecord")
PROPERTIES_FILE = "properties.json"

Moment = Callable[[set[str], set[str]], bool]


def attempt(models: tuple[Path, Path], examples: Path, root: Path) -> None:
    """What the processes run: one attempt at an execution whose outputs lie in ``root``."""
    from tfx.types import artifact_utils, standard_artifacts

    from evaluator_component.component import EvaluationReport
    from evaluator_component.executor import Executor

    def artifact(kind: str, uri: Path, artifact_id: int = 0) -> Any:
        made = EvaluationReport() if kind == "EvaluationReport" else getattr(standard_artifacts, kind)()
        made.uri, made.id = str(uri), artifact_id
        if kind == "Examples":
            made.split_names = artifact_utils.encode_split_names(["train", "eval"])
        return made

    inputs = {
        "examples": [artifact("Examples", examples)],
        "model": [artifact("Model", models[0], 22)],
        "baseline_model": [artifact("Model", models[1], 11)],
    }
    outputs = {name: [artifact(kind, root / name)] for name, kind in OUTPUTS.items()}
    parameters = {"eval_config": json.dumps(CONFIG), "example_splits": '["eval"]', "current_component_id": "Gate"}
    context = Executor.Context(beam_pipeline_args=[], tmp_dir=str(root / "tmp"))
    Executor(context).Do(inputs, outputs, parameters)
    properties = {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in outputs["blessing"][0].mlmd_artifact.custom_properties.items()
    }
    (root / PROPERTIES_FILE).write_text(json.dumps(properties))


class Attempts:
    """Starts attempts in processes of their own, forked from one that has imported TFX, TensorFlow and Beam."""

    def __init__(self, material: Any) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["evaluator_component.component", "evaluator_component.engine.beam"])
        self._models = {
            "BLESSED": (material.better, material.worse),
            "NOT_BLESSED": (material.worse, material.better),
        }
        self._examples = material.examples

    def start(self, outcome: str, root: Path) -> Any:
        """Starts an attempt that ends with that outcome."""
        process = self._context.Process(target=attempt, args=(self._models[outcome], self._examples, root))
        process.start()
        return process

    def finish(self, outcome: str, root: Path) -> Path:
        """Makes such an attempt without disturbing it."""
        process = self.start(outcome, root)
        process.join()
        assert process.exitcode == 0
        return root

    def properties(self, outcome: str) -> dict[str, Any]:
        """What the blessing of that outcome must say, the message apart."""
        candidate, baseline = self._models[outcome]
        return {
            "blessed": int(outcome == "BLESSED"),
            "current_model": str(candidate),
            "current_model_id": 22,
            "baseline_model": str(baseline),
            "baseline_model_id": 11,
            "component_id": "Gate",
        }


@pytest.fixture(scope="module")
def attempts(material: Any) -> Attempts:
    return Attempts(material)


@pytest.fixture(scope="module")
def undisturbed(attempts: Attempts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The outputs of a finished execution with either outcome."""
    root = tmp_path_factory.mktemp("undisturbed")
    return {outcome: attempts.finish(outcome, root / outcome) for outcome in OUTCOMES}


def names(folder: Path) -> set[str]:
    with contextlib.suppress(FileNotFoundError):
        return {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    return set()


def outcome_of(root: Path) -> str:
    return "BLESSED" if json.loads((root / "evaluation" / "verdict.json").read_text())["blessed"] else "NOT_BLESSED"


def written_again(name: str) -> Moment:
    """Once the old file of that name is gone: as soon as the new one is there."""
    gone = False

    def reached(evaluation: set[str], blessing: set[str]) -> bool:
        nonlocal gone
        gone = gone or name not in evaluation
        return gone and name in evaluation

    return reached


def blessed_again() -> Moment:
    """Once the old blessing is gone: as soon as the new one is there."""
    gone = False

    def reached(evaluation: set[str], blessing: set[str]) -> bool:
        nonlocal gone
        gone = gone or not blessing
        return gone and bool(blessing)

    return reached


MOMENTS: dict[str, Callable[[], Moment]] = {
    "the old blessing is gone": lambda: lambda evaluation, blessing: not blessing,
    "the old result is gone": lambda: lambda evaluation, blessing: "metrics.parquet" not in evaluation,
    "the new metrics": lambda: written_again("metrics.parquet"),
    "the new verdict": lambda: written_again("verdict.json"),
    "the new result": lambda: written_again("run.json"),
    "the new blessing": blessed_again,
}
TRIED: set[str] = set()
HIT: dict[str, tuple[set[str], set[str]]] = {}
"""What the kills that came in time left in the evaluation's and the blessing's folder, by moment."""


def kill_at(process: Any, root: Path, moment: Moment, *, refused: bool) -> bool:
    """Kills an attempt when its folders are as wanted; returns whether that was before its end.

    On the way it looks that, where the old result was blessed and the new one is refused, no BLESSED lies beside an
    evaluation that is no longer the old one.
    """
    replaced = False
    try:
        while process.is_alive():
            evaluation = names(root / "evaluation")
            blessing = names(root / "blessing")
            replaced = replaced or "run.json" not in evaluation
            assert not (refused and replaced and "BLESSED" in blessing)
            if moment(evaluation, blessing):
                break
            time.sleep(0.0005)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.join()
    assert process.exitcode in (-signal.SIGKILL, 0)
    return bool(process.exitcode != 0)


@pytest.mark.parametrize(
    ("moment", "new"),
    [*((moment, "NOT_BLESSED") for moment in MOMENTS), ("the new verdict", "BLESSED"), ("the new result", "BLESSED")],
)
def test_killed_attempt_leaves_no_blessing_without_its_results_and_the_next_is_right(
    moment: str, new: str, attempts: Attempts, undisturbed: dict[str, Path], tmp_path: Path
) -> None:
    old = "NOT_BLESSED" if new == "BLESSED" else "BLESSED"
    root = tmp_path / "outputs"
    shutil.copytree(undisturbed[old], root)
    (root / PROPERTIES_FILE).unlink()
    assert names(root / "blessing") == {old}

    TRIED.add(moment)
    in_time = kill_at(attempts.start(new, root), root, MOMENTS[moment](), refused=new == "NOT_BLESSED")

    evaluation, blessing = names(root / "evaluation"), names(root / "blessing")
    if in_time:
        HIT[f"{moment}, {new}"] = evaluation, blessing
    assert blessing in (set(), {new})
    if blessing:
        assert "run.json" in evaluation
        assert_complete(root, new, undisturbed)

    attempts.finish(new, root)
    assert names(root / "blessing") == {new}
    assert_complete(root, new, undisturbed)
    properties = json.loads((root / PROPERTIES_FILE).read_text())
    verdict = json.loads((root / "evaluation" / "verdict.json").read_text())
    assert properties.pop("blessing_message") == verdict["summary"]
    assert properties == attempts.properties(new)


def assert_complete(root: Path, outcome: str, undisturbed: dict[str, Path]) -> None:
    """The evaluation is whole, and is that of an undisturbed execution with the outcome."""
    import evaluator_component as ec

    evaluation, expected = root / "evaluation", undisturbed[outcome] / "evaluation"
    assert names(evaluation) == names(expected)
    for name in SAME_BYTES:
        assert (evaluation / name).read_bytes() == (expected / name).read_bytes(), name
    json.loads((evaluation / "run.json").read_text())
    assert outcome_of(root) == outcome
    verdict = ec.load(evaluation).verdict
    assert verdict is not None
    assert verdict.outcome == outcome
    assert (root / "report" / "report.html").is_file()


def test_the_old_outcomes_differ(undisturbed: dict[str, Path]) -> None:
    for outcome, root in undisturbed.items():
        assert names(root / "blessing") == {outcome}
        assert outcome_of(root) == outcome


@pytest.mark.parametrize("found", ["ConfigError: some trouble", ""], ids=["by the driver", "by the executor"])
def test_a_refused_config_leaves_no_blessing_of_an_earlier_attempt(
    found: str, artifact: Callable[..., Any], tmp_path: Path
) -> None:
    from evaluator_component.errors import ConfigError
    from evaluator_component.executor import Executor

    outputs = {"evaluation": [artifact("ModelEvaluation", tmp_path)], "blessing": [artifact("ModelBlessing", tmp_path)]}
    (tmp_path / "BLESSED").touch()
    with pytest.raises(ConfigError):
        Executor().Do({}, outputs, {"eval_config": '{"metrics": []}', "preflight_error": found})
    assert names(tmp_path) == set()


def test_kills_came_in_time() -> None:
    if len(TRIED) < len(MOMENTS):
        pytest.skip("needs all of the tests above")

    assert len(HIT) >= 5
    assert any("metrics.parquet" not in evaluation for evaluation, _ in HIT.values())
    assert any("metrics.parquet" in evaluation and "run.json" not in evaluation for evaluation, _ in HIT.values())
    assert any("verdict.json" in HIT[moment][0] and not HIT[moment][1] for moment in HIT if "the new" in moment)
