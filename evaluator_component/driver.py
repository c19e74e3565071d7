"""The component's driver: preflight, and the baseline from ML Metadata.

TFX registers the execution before it runs a driver and leaves it RUNNING if the driver raises. So nothing is raised
here: what is wrong goes to the executor as an execution property, and ML Metadata shows FAILED.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ml_metadata.proto import metadata_store_pb2
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_driver
from tfx.dsl.io import fileio
from tfx.orchestration import data_types, metadata
from tfx.orchestration.portable import base_driver as portable_base_driver
from tfx.orchestration.portable import data_types as portable_data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import standard_artifacts, standard_component_specs

from evaluator_component import config as configs
from evaluator_component import errors
from evaluator_component.artifacts import (
    BASELINE_DETAIL_PROPERTY,
    BASELINE_ID_PROPERTY,
    BASELINE_STATE_PROPERTY,
    BASELINE_URI_PROPERTY,
    EvaluationInputs,
    asks_for_baseline,
    resolve,
    wired_baseline,
)
from evaluator_component.executor import PREFLIGHT_ERROR_PROPERTY, refuse_stock_hooks, user_module
from evaluator_component.gate import BaselineState, BaselineStatus
from evaluator_component.proto import config_pb2

if TYPE_CHECKING:
    from tfx.types import Artifact, BaseChannel, Channel

_PIPELINE_CONTEXT = "pipeline"
_PUSHED = "pushed"


class EvaluatorDriver(base_driver.BaseDriver, portable_base_driver.BaseDriver):  # type: ignore[misc]
    """Both of TFX's drivers in one: LocalDagRunner calls ``run``; Airflow and notebooks call ``pre_execution``."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        """Takes the connection to ML Metadata, which the classic launcher has opened and the portable one has not."""
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_base_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: portable_data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Returns what is to be added to the execution properties."""
        handed = hand_over(
            execution_info.input_dict,
            execution_info.exec_properties,
            execution_info.pipeline_info.id,
            self._mlmd_connection,
        )
        output = driver_output_pb2.DriverOutput()
        for name, value in handed.items():
            if isinstance(value, int):
                output.exec_properties[name].int_value = value
            else:
                output.exec_properties[name].string_value = value
        return output

    def pre_execution(
        self,
        input_dict: dict[str, BaseChannel],
        output_dict: dict[str, Channel],
        exec_properties: dict[str, Any],
        driver_args: data_types.DriverArgs,
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> data_types.ExecutionDecision:
        """Adds to the execution properties before they are registered, so that they are in the cache key."""
        artifacts = self.resolve_input_artifacts(input_dict, exec_properties, driver_args, pipeline_info)
        handed = hand_over(
            artifacts,
            exec_properties,
            pipeline_info.pipeline_context_name,
            contextlib.nullcontext(self._metadata_handle),
        )
        return super().pre_execution(
            input_dict, output_dict, {**exec_properties, **handed}, driver_args, pipeline_info, component_info
        )

    def verify_input_artifacts(self, artifacts_dict: dict[str, list[Artifact]]) -> None:
        """Verifies that the inputs exist, but for the baseline: a lost one is refused by verdict, not by a crash."""
        baseline = standard_component_specs.BASELINE_MODEL_KEY
        super().verify_input_artifacts({name: found for name, found in artifacts_dict.items() if name != baseline})


def hand_over(
    input_dict: Mapping[str, list[Artifact]],
    exec_properties: Mapping[str, Any],
    pipeline: str,
    connection: contextlib.AbstractContextManager[metadata.Metadata],
) -> dict[str, str | int]:
    """Finds the baseline and runs the preflight.

    Args:
        input_dict: artifacts by input.
        exec_properties: the component's parameters.
        pipeline: name of the pipeline's context in ML Metadata.
        connection: gives an open ML Metadata.

    Returns:
        The execution properties to add: the baseline's state, uri and id, and what the preflight found wrong.
    """
    state = BaselineState(status=BaselineStatus.NOT_ASKED)
    error = ""
    try:
        config = configs.load_config(exec_properties[standard_component_specs.EVAL_CONFIG_KEY])
        state = find_baseline(input_dict, exec_properties, config, pipeline, connection)
        with user_module(exec_properties) as module:
            refuse_stock_hooks(module.source)
            state = check(resolve(input_dict, exec_properties, state), module.name)
    except errors.EvaluatorError as problem:
        error = f"{type(problem).__name__}: {problem}"
    except Exception as problem:
        logging.getLogger(__name__).exception("the preflight failed")
        error = f"{type(problem).__name__}: {problem}"
    return {
        BASELINE_STATE_PROPERTY: state.status.name,
        BASELINE_URI_PROPERTY: state.uri,
        BASELINE_ID_PROPERTY: state.model_id or 0,
        BASELINE_DETAIL_PROPERTY: state.detail,
        PREFLIGHT_ERROR_PROPERTY: error,
    }


def check(inputs: EvaluationInputs, module: str | None) -> BaselineState:
    """Runs the preflight and logs what it noticed.

    Returns:
        The baseline's state: LOST if its files are there but do not load.

    Raises:
        ConfigError, DataError, ModelError: with what to change.
    """
    from evaluator_component import preflight

    found = preflight.check(
        inputs.config,
        model=inputs.model,
        baseline=inputs.baseline,
        data=inputs.data,
        schema=inputs.schema,
        module_file=module,
        baseline_state=inputs.baseline_state,
    )
    for notice in found.notices:
        logging.getLogger(__name__).warning("%s", notice)
    return found.baseline


def find_baseline(
    input_dict: Mapping[str, list[Artifact]],
    exec_properties: Mapping[str, Any],
    config: config_pb2.EvalConfig,
    pipeline: str,
    connection: contextlib.AbstractContextManager[metadata.Metadata],
) -> BaselineState:
    """The wired baseline; else, if the config asks for one, the latest blessed or pushed model of the pipeline."""
    wired = wired_baseline(input_dict, exec_properties)
    if wired is not None:
        return wired
    if not asks_for_baseline(config):
        return BaselineState(status=BaselineStatus.NOT_ASKED)
    candidates = [artifact.id for artifact in input_dict.get(standard_component_specs.MODEL_KEY) or []]
    with connection as handle:
        if config.gate.baseline == config_pb2.GateOptions.BASELINE_LATEST_PUSHED:
            return latest_pushed(handle.store, pipeline, candidates)
        return latest_blessed(handle.store, pipeline, candidates)


def latest_blessed(store: Any, pipeline: str, candidates: Iterable[int] = ()) -> BaselineState:
    """The newest model of the pipeline that is on record as blessed, as LatestBlessedModelStrategy finds it."""
    blessings = _artifacts(store, pipeline, standard_artifacts.ModelBlessing.TYPE_NAME)
    model_ids = [
        blessing.custom_properties[constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY].int_value
        for blessing in blessings
        if blessing.custom_properties[constants.ARTIFACT_PROPERTY_BLESSED_KEY].int_value == constants.BLESSED_VALUE
    ]
    models = store.get_artifacts_by_id([max(model_ids)]) if model_ids else []
    if not models:
        return BaselineState(status=BaselineStatus.NONE_YET, detail="no model of this pipeline has been blessed yet")
    return _state_of(models[0], "the latest blessed model", candidates)


def latest_pushed(store: Any, pipeline: str, candidates: Iterable[int] = ()) -> BaselineState:
    """The newest model of the pipeline that a Pusher pushed; its archived copy if the model itself is not on record."""
    pushed = [
        artifact
        for artifact in _artifacts(store, pipeline, standard_artifacts.PushedModel.TYPE_NAME)
        if artifact.custom_properties[_PUSHED].int_value == 1
    ]
    if not pushed:
        return BaselineState(status=BaselineStatus.NONE_YET, detail="no model of this pipeline has been pushed yet")
    latest = max(pushed, key=lambda artifact: artifact.id)
    model = _pushed_from(store, latest.id)
    return _state_of(latest if model is None else model, "the latest pushed model", candidates)


def _pushed_from(store: Any, pushed_id: int) -> Any:
    """The Model artifact that the push started from; None if it is not on record."""
    executions = [
        event.execution_id
        for event in store.get_events_by_artifact_ids([pushed_id])
        if event.type == metadata_store_pb2.Event.OUTPUT
    ]
    if not executions:
        return None
    for event in store.get_events_by_execution_ids(executions):
        keys = [step.key for step in event.path.steps if step.HasField("key")]
        if event.type == metadata_store_pb2.Event.INPUT and keys == [standard_component_specs.MODEL_KEY]:
            return store.get_artifacts_by_id([event.artifact_id])[0]
    return None


def _state_of(artifact: Any, which: str, candidates: Iterable[int]) -> BaselineState:
    if not fileio.exists(artifact.uri):
        detail = f"{which} is on record (id {artifact.id}), but its folder {artifact.uri} is gone"
        return BaselineState(BaselineStatus.LOST, artifact.uri, artifact.id, detail)
    itself = ", which is the candidate itself" if artifact.id in set(candidates) else ""
    return BaselineState(BaselineStatus.RESOLVED, artifact.uri, artifact.id, f"{which} (id {artifact.id}){itself}")


def _artifacts(store: Any, pipeline: str, type_name: str) -> list[Any]:
    """The published artifacts of one type in the pipeline's context."""
    context = store.get_context_by_type_and_name(_PIPELINE_CONTEXT, pipeline)
    if context is None:
        return []
    live = metadata_store_pb2.Artifact.LIVE
    found = store.get_artifacts_by_context(context.id)
    return [artifact for artifact in found if artifact.type == type_name and artifact.state in (live, 0)]
