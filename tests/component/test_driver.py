"""The driver against a real ML Metadata store: which baseline it finds, and that it never raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.gate import BaselineStatus

pytestmark = pytest.mark.tfx

Make = Callable[..., Any]
PIPELINE = "taxi"
CHANGE_RULE = {
    "metrics_specs": [
        {"metrics": [{"class_name": "AUC"}], "thresholds": {"auc": {"change_threshold": {"absolute": 0.0}}}}
    ]
}


class Store:
    """An ML Metadata that one test fills by hand."""

    def __init__(self, folder: Path) -> None:
        from tfx.orchestration import metadata

        self.connection = metadata.Metadata(metadata.sqlite_metadata_connection_config(str(folder / "mlmd.sqlite")))
        self.folder = folder

    def add(self, kind: str, pipeline: str = PIPELINE, **custom_properties: int) -> Any:
        """Registers an artifact as the output of an execution in the pipeline."""
        return self._publish(kind, pipeline, None, custom_properties)

    def push(self, model: Any, pushed: int = 1) -> Any:
        """Registers a PushedModel that a Pusher made of the model."""
        return self._publish("PushedModel", PIPELINE, model, {"pushed": pushed})

    def _publish(self, kind: str, pipeline: str, model: Any, custom_properties: dict[str, int]) -> Any:
        from ml_metadata.proto import metadata_store_pb2
        from tfx.orchestration.portable.mlmd import context_lib, execution_lib
        from tfx.types import standard_artifacts

        artifact = getattr(standard_artifacts, kind)()
        with self.connection as handle:
            context = context_lib.register_context_if_not_exists(handle, "pipeline", pipeline)
            artifact.uri = str(self.folder / f"{kind}-{len(handle.store.get_artifacts())}")
            Path(artifact.uri).mkdir()
            for name, value in custom_properties.items():
                artifact.set_int_custom_property(name, value)
            artifact.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
            execution = execution_lib.prepare_execution(
                handle, metadata_store_pb2.ExecutionType(name="Node"), metadata_store_pb2.Execution.COMPLETE
            )
            execution_lib.put_execution(
                handle,
                execution,
                [context],
                input_artifacts={"model": [model]} if model is not None else None,
                output_artifacts={kind.lower(): [artifact]},
            )
        return artifact


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def find(store: Store, config: dict[str, Any] = CHANGE_RULE, candidate: Any = None) -> Any:
    from evaluator_component import config as configs
    from evaluator_component.driver import find_baseline

    inputs = {"model": [candidate]} if candidate is not None else {}
    return find_baseline(inputs, {"baseline_wired": 0}, configs.load_config(config), PIPELINE, store.connection)


def test_nothing_is_looked_up_without_a_rule_that_needs_it(store: Store) -> None:
    store.add("ModelBlessing", blessed=1, current_model_id=store.add("Model").id)
    assert find(store, {"metrics_specs": [{"metrics": [{"class_name": "AUC"}]}]}).status is BaselineStatus.NOT_ASKED


def test_none_yet(store: Store) -> None:
    assert find(store).status is BaselineStatus.NONE_YET
    store.add("ModelBlessing", blessed=0, current_model_id=store.add("Model").id)
    store.add("ModelBlessing", "another", blessed=1, current_model_id=store.add("Model", "another").id)
    assert find(store).status is BaselineStatus.NONE_YET


def test_the_newest_blessed_model_is_resolved_as_the_stock_resolver_does(store: Store) -> None:
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

    models = [store.add("Model") for _ in range(4)]
    blessings = [
        store.add("ModelBlessing", blessed=blessed, current_model_id=models[index].id)
        for index, blessed in ((2, 1), (1, 1), (3, 0), (0, 1))
    ]
    found = find(store)
    assert (found.status, found.uri, found.model_id) == (BaselineStatus.RESOLVED, models[2].uri, models[2].id)
    with store.connection as handle:
        stock = LatestBlessedModelStrategy().resolve_artifacts(
            handle.store, {"model": list(models), "blessing": list(blessings)}
        )
    assert stock["model"][0].id == found.model_id


def test_a_candidate_that_is_itself_the_baseline_is_said(store: Store) -> None:
    model = store.add("Model")
    store.add("ModelBlessing", blessed=1, current_model_id=model.id)
    assert "the candidate itself" in find(store, candidate=model).detail
    assert "the candidate itself" not in find(store).detail


def test_lost(store: Store) -> None:
    model = store.add("Model")
    store.add("ModelBlessing", blessed=1, current_model_id=model.id)
    Path(model.uri).rmdir()
    found = find(store)
    assert (found.status, found.model_id) == (BaselineStatus.LOST, model.id)
    assert model.uri in found.detail


def test_latest_pushed(store: Store) -> None:
    config = {**CHANGE_RULE, "gate": {"baseline": "LATEST_PUSHED"}}
    models = [store.add("Model") for _ in range(3)]
    store.add("ModelBlessing", blessed=1, current_model_id=models[2].id)
    assert find(store, config).status is BaselineStatus.NONE_YET
    store.push(models[0])
    store.push(models[1], pushed=0)
    found = find(store, config)
    assert (found.status, found.model_id, found.uri) == (BaselineStatus.RESOLVED, models[0].id, models[0].uri)
    copy = store.push(None)
    assert find(store, config).model_id == copy.id


def test_trouble_is_handed_over_and_not_raised(store: Store) -> None:
    from evaluator_component.driver import hand_over

    wrong = hand_over({}, {"eval_config": json.dumps({"metric_specs": []})}, PIPELINE, store.connection)
    assert str(wrong["preflight_error"]).startswith("ConfigError: metric_specs")
    no_examples = hand_over({}, {"eval_config": json.dumps(CHANGE_RULE)}, PIPELINE, store.connection)
    assert str(no_examples["preflight_error"]).startswith("DataError: examples: ")
    assert no_examples["baseline_state"] == "NONE_YET"


def test_a_lost_baseline_is_no_reason_to_stop(tmp_path: Path, store: Store, artifact: Make) -> None:
    from evaluator_component.driver import EvaluatorDriver

    driver = EvaluatorDriver(metadata_handle=store.connection)
    here, gone = artifact("Model", tmp_path), artifact("Model", tmp_path / "gone")
    driver.verify_input_artifacts({"model": [here], "baseline_model": [gone]})
    with pytest.raises(RuntimeError, match="missing"):
        driver.verify_input_artifacts({"model": [gone]})
