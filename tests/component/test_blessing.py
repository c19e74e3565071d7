"""The blessing: what Pusher and the resolvers read, in what order it is written, and Kubeflow's renaming of ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.errors import EvaluatorError
from evaluator_component.gate import BaselineState, BaselineStatus

pytestmark = pytest.mark.tfx

Make = Callable[..., Any]
WIRED = BaselineState(BaselineStatus.WIRED, "/models/1", 11)


def verdict_of(blessed: bool, baseline: BaselineState = WIRED) -> Any:
    """A verdict of the real gate: the metric is 0.8, the bound below or above it."""
    import pyarrow as pa

    from evaluator_component import config as configs
    from evaluator_component.gate import decide
    from evaluator_component.results import tables

    row: dict[str, Any] = {field.name: None for field in tables.METRICS_SCHEMA}
    row |= {"split": "eval", "slice": "Overall", "model": "candidate", "output": "", "sub_key": "", "metric": "auc"}
    row |= {"weighted": False, "value": 0.8, "n": 100, "weighted_n": 100.0, "direction": "higher"}
    bound = 0.5 if blessed else 0.9
    config = {
        "metrics_specs": [
            {"metrics": [{"class_name": "AUC", "threshold": {"value_threshold": {"lower_bound": bound}}}]}
        ]
    }
    table = pa.Table.from_pylist([row], schema=tables.METRICS_SCHEMA)
    verdict = decide(table, configs.complete_config(configs.load_config(config)), baseline)
    assert verdict.blessed == blessed
    return verdict


@pytest.mark.parametrize("blessed", [True, False])
def test_properties(artifact: Make, blessed: bool) -> None:
    from tfx.components.util import model_utils

    from evaluator_component.publish import describe_blessing

    blessing, verdict = artifact("ModelBlessing"), verdict_of(blessed)
    describe_blessing(blessing, verdict, [artifact("Model", "/models/2", 22)], {"current_component_id": "Gate"})
    properties = {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in blessing.mlmd_artifact.custom_properties.items()
    }
    assert properties == {
        "blessed": int(blessed),
        "current_model": "/models/2",
        "current_model_id": 22,
        "baseline_model": "/models/1",
        "baseline_model_id": 11,
        "component_id": "Gate",
        "blessing_message": verdict.summary,
    }
    assert model_utils.is_model_blessed(blessing) == blessed


def test_properties_of_what_is_not_there_are_left_out(artifact: Make) -> None:
    from evaluator_component.publish import describe_blessing

    blessing = artifact("ModelBlessing")
    describe_blessing(blessing, verdict_of(True, BaselineState(BaselineStatus.NOT_ASKED)), [], {})
    assert sorted(blessing.mlmd_artifact.custom_properties) == ["blessed", "blessing_message"]


def test_nothing_is_blessed_before_the_evaluation_is_complete(tmp_path: Path, artifact: Make) -> None:
    from evaluator_component.publish import publish

    outputs = {
        "evaluation": [artifact("ModelEvaluation", tmp_path / "evaluation")],
        "blessing": [artifact("ModelBlessing", tmp_path / "blessing")],
    }
    with pytest.raises(EvaluatorError, match=r"run\.json is missing"):
        publish(None, verdict_of(True), {}, outputs, {})  # type: ignore[arg-type]
    assert not (tmp_path / "blessing").exists()
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "run.json").touch()
    publish(None, verdict_of(True), {}, outputs, {})  # type: ignore[arg-type]
    assert [path.name for path in (tmp_path / "blessing").iterdir()] == ["BLESSED"]
    assert (tmp_path / "blessing" / "BLESSED").read_bytes() == b""


def test_a_retry_starts_without_the_last_attempts_blessing(tmp_path: Path, artifact: Make) -> None:
    from evaluator_component.publish import discard_blessing

    (tmp_path / "BLESSED").touch()
    discard_blessing({"blessing": [artifact("ModelBlessing", tmp_path)]})
    assert not list(tmp_path.iterdir())
    discard_blessing({"blessing": [artifact("ModelBlessing", tmp_path / "not_made_yet")]})


def test_kubeflow_takes_the_executor_for_the_stock_one() -> None:
    from tfx.components.evaluator import executor as stock
    from tfx.utils import import_utils, name_utils

    from evaluator_component.component import Evaluator

    by_path = import_utils.import_class_by_path(name_utils.get_full_name(Evaluator.EXECUTOR_SPEC.executor_class))
    assert issubclass(by_path, stock.Executor)
    assert stock.Executor not in by_path.__mro__


def test_kubeflow_renames_the_model_ids(artifact: Make) -> None:
    utils = pytest.importorskip("tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils")
    from evaluator_component.publish import describe_blessing

    blessing = artifact("ModelBlessing")
    describe_blessing(blessing, verdict_of(True), [artifact("Model", "/models/2", 22)], {})
    utils.refactor_model_blessing(blessing, {11: "projects/1/artifacts/base", 22: "projects/1/artifacts/new"})
    assert blessing.get_string_custom_property("current_model_id") == "projects/1/artifacts/new"
    assert blessing.get_string_custom_property("baseline_model_id") == "projects/1/artifacts/base"
    json.dumps(dict(utils.to_runtime_artifact(blessing, {}).metadata))
