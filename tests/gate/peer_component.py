"""What the two Evaluator components, ours and TFX's with TFMA inside, make of a scenario's artifacts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import evaluator_component as ec
from evaluator_component.config import load_config, to_json
from evaluator_component.gate import BaselineStatus
from tests.gate.peer_scenarios import NOTHING, Answer, load_peer, peer_config, read_answer, verdict_answer
from tests.gate.scenario_inputs import examples
from tests.gate.scenarios import Scenario
from tests.trips import write_records


def ask_component(
    scenario: Scenario, folder: Path, models: Sequence[Path], baselines: Sequence[Path], *, peer: bool
) -> Answer:
    """Runs the executor of an Evaluator; an error is an answer too.

    Args:
      scenario: The scenario.
      folder: Where its data and the outputs are written.
      models: Folders of the Model artifacts that come in as candidates.
      baselines: Those that come in as baselines.
      peer: TFX's Evaluator rather than ours.
    """
    load_peer()
    from tfx.types import standard_artifacts as kinds

    channels = {
        "examples": [_examples(scenario, folder)],
        "model": [_artifact(kinds.Model, path, number) for number, path in enumerate(models, 1)],
        "baseline_model": [_artifact(kinds.Model, path, number) for number, path in enumerate(baselines, 11)],
    }
    outputs = {
        "evaluation": [_artifact(kinds.ModelEvaluation, folder / "evaluation")],
        "blessing": [_artifact(kinds.ModelBlessing, folder / "blessing")],
    }
    properties = {"eval_config": _config(scenario, peer), "example_splits": json.dumps(list(scenario.data))}
    if scenario.baseline.status is BaselineStatus.NONE_YET:
        properties["baseline_wired"] = 1  # as our component says of a wired channel
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _executor(folder, peer).Do({key: found for key, found in channels.items() if found}, outputs, properties)
        except Exception as error:
            return Answer(f"raises {type(error).__name__}", (str(error),))
        return _blessing(folder, outputs["blessing"][0], peer)


def _executor(folder: Path, peer: bool) -> Any:
    if peer:
        from tfx.components.evaluator.executor import Executor
    else:
        from evaluator_component.executor import Executor
    return Executor(Executor.Context(beam_pipeline_args=["--runner=FnApiRunner"], tmp_dir=str(folder / "tmp")))


def _config(scenario: Scenario, peer: bool) -> str:
    from google.protobuf import json_format

    if peer:
        return json_format.MessageToJson(peer_config(scenario, models=not scenario.no_model))
    return to_json(load_config(scenario.config_text))


def _artifact(kind: Any, path: Path, number: int = 0) -> Any:
    artifact = kind()
    artifact.uri, artifact.id = str(path), number
    return artifact


def _examples(scenario: Scenario, folder: Path) -> Any:
    from tfx.types import standard_artifacts

    artifact = _artifact(standard_artifacts.Examples, folder / "examples")
    artifact.split_names = json.dumps(list(scenario.data))
    for split, records in examples(scenario).items():
        write_records(folder / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz", records, gz=True)
    return artifact


def _blessing(folder: Path, blessing: Any, peer: bool) -> Answer:
    """Returns what a Pusher would find, and the reasons that are on record."""
    files = {path.name for path in (folder / "blessing").glob("*")}
    blessed = blessing.mlmd_artifact.custom_properties.get("blessed")
    if not files and blessed is None:
        return Answer(NOTHING)
    assert blessed is not None
    answer = read_answer(str(folder / "evaluation")) if peer else _our_answer(folder / "evaluation")
    assert files == {answer.outcome}
    assert blessed.int_value == (answer.outcome == "BLESSED")
    return answer


def _our_answer(evaluation: Path) -> Answer:
    verdict = ec.load(evaluation).verdict
    assert verdict is not None
    return verdict_answer(verdict)
