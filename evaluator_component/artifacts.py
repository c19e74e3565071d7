"""From TFX artifacts to what an evaluation reads: folders of models and data, and the state of the baseline."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils

from evaluator_component import config as configs
from evaluator_component import errors
from evaluator_component.gate import BaselineState, BaselineStatus
from evaluator_component.proto import config_pb2

if TYPE_CHECKING:
    from tfx.types import Artifact

BASELINE_WIRED_PROPERTY = "baseline_wired"
BASELINE_STATE_PROPERTY = "baseline_state"
BASELINE_URI_PROPERTY = "baseline_uri"
BASELINE_ID_PROPERTY = "baseline_id"
BASELINE_DETAIL_PROPERTY = "baseline_detail"

_MODEL = standard_component_specs.MODEL_KEY
_BASELINE = standard_component_specs.BASELINE_MODEL_KEY
_DEFAULT_SPLITS = ("eval",)
_LOADABLE_FORMAT = "FORMAT_TF_EXAMPLE"


@dataclasses.dataclass(frozen=True)
class EvaluationInputs:
    """What one run evaluates: the config, and where everything lies.

    Attributes:
        config: the config as the user gave it.
        model: folder of the candidate; None when the predictions are in the data.
        baseline: folder of the baseline; None without one.
        baseline_state: how the baseline was found, with its artifact's uri and id.
        data: split name -> folders of its files, one per Examples artifact.
        schema: folder of the schema artifact.
    """

    config: config_pb2.EvalConfig
    model: str | None
    baseline: str | None
    baseline_state: BaselineState
    data: dict[str, list[str]]
    schema: str | None


def resolve(
    input_dict: Mapping[str, list[Artifact]],
    exec_properties: Mapping[str, Any],
    baseline_state: BaselineState | None = None,
) -> EvaluationInputs:
    """Finds the folders of the inputs.

    Args:
        input_dict: artifacts by input.
        exec_properties: the component's parameters and what the driver added.
        baseline_state: the baseline, where the caller knows it already.

    Raises:
        ConfigError: more than one candidate or baseline, or a change rule without anything to compare with.
        DataError: a split that the examples do not have, or a payload that is not tf.Example.
    """
    config = configs.load_config(exec_properties[standard_component_specs.EVAL_CONFIG_KEY])
    state = baseline_state or found_baseline(input_dict, exec_properties, config)
    schema = input_dict.get(standard_component_specs.SCHEMA_KEY)
    return EvaluationInputs(
        config=config,
        model=_candidate_folder(input_dict, configs.candidate_spec(config).model_type),
        baseline=baseline_folder(input_dict, config, state),
        baseline_state=state,
        data=split_folders(
            input_dict.get(standard_component_specs.EXAMPLES_KEY) or [],
            json.loads(exec_properties.get(standard_component_specs.EXAMPLE_SPLITS_KEY) or "null"),
        ),
        schema=artifact_utils.get_single_uri(schema) if schema else None,
    )


def found_baseline(
    input_dict: Mapping[str, list[Artifact]], exec_properties: Mapping[str, Any], config: config_pb2.EvalConfig
) -> BaselineState:
    """Says which baseline this run has: what the driver found; where none ran, the wired one.

    Raises:
        ConfigError: the config has a change rule, no baseline is wired and no driver ran to ask ML Metadata.
    """
    if BASELINE_STATE_PROPERTY in exec_properties:
        return BaselineState(
            status=BaselineStatus[exec_properties[BASELINE_STATE_PROPERTY]],
            uri=exec_properties.get(BASELINE_URI_PROPERTY) or "",
            model_id=int(exec_properties.get(BASELINE_ID_PROPERTY) or 0) or None,
            detail=exec_properties.get(BASELINE_DETAIL_PROPERTY) or "",
        )
    wired = wired_baseline(input_dict, exec_properties)
    if wired is not None:
        return wired
    if has_change_rule(config):
        raise errors.ConfigError(no_baseline_message())
    return BaselineState(status=BaselineStatus.NOT_ASKED)


def no_baseline_message() -> str:
    """The error for a change rule where nothing can look a baseline up."""
    return (
        "baseline_model: the eval_config has a change_threshold but no baseline is wired, and this orchestrator "
        "(Kubeflow) lets no driver look for the latest blessed model. Add a Resolver with LatestBlessedModelStrategy "
        "and pass baseline_model=resolver.outputs['model'], or take the change_threshold out of the eval_config."
    )


def wired_baseline(
    input_dict: Mapping[str, list[Artifact]], exec_properties: Mapping[str, Any]
) -> BaselineState | None:
    """The state of a wired baseline; None when none is wired."""
    artifacts = input_dict.get(_BASELINE) or []
    if len(artifacts) > 1:
        raise errors.ConfigError(
            f"baseline_model: there can be one baseline, {len(artifacts)} are wired: {_uris(artifacts)}"
        )
    if artifacts:
        uri, model_id = artifacts[0].uri, artifacts[0].id or None
        if fileio.exists(uri):
            return BaselineState(status=BaselineStatus.WIRED, uri=uri, model_id=model_id)
        return BaselineState(BaselineStatus.LOST, uri, model_id, f"the wired baseline's folder {uri} is gone")
    if exec_properties.get(BASELINE_WIRED_PROPERTY):
        return BaselineState(status=BaselineStatus.NONE_YET, detail="a baseline is wired, but its channel is empty")
    return None


def asks_for_baseline(config: config_pb2.EvalConfig) -> bool:
    """True if the config names a baseline or holds a rule about the change from one."""
    return configs.baseline_spec(config) is not None or has_change_rule(config)


def has_change_rule(config: config_pb2.EvalConfig) -> bool:
    """True if some rule is about the change from a baseline."""
    return _holds(config, config_pb2.GenericChangeThreshold.DESCRIPTOR.full_name)


def _holds(message: Any, type_name: str) -> bool:
    """True if a message of this type is set anywhere inside ``message``."""
    if message.DESCRIPTOR.full_name == type_name:
        return True
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is None:
                continue
            children = value.values()
        else:
            # A singular message has a descriptor of its own, a repeated field has not.
            children = [value] if hasattr(value, "DESCRIPTOR") else value
        if any(_holds(child, type_name) for child in children):
            return True
    return False


def split_folders(examples: Sequence[Artifact], example_splits: Sequence[str] | None) -> dict[str, list[str]]:
    """The folders of each evaluated split, one per Examples artifact.

    Raises:
        DataError: no examples, a split that an artifact does not have, or a payload that is not tf.Example.
    """
    if not examples:
        raise errors.DataError("examples: no Examples artifact came in; wire the output of an ExampleGen or Transform")
    for artifact in examples:
        payload = artifact.get_string_custom_property("payload_format") or _LOADABLE_FORMAT
        if payload != _LOADABLE_FORMAT:
            raise errors.DataError(f"{artifact.uri}: the payload is {payload}; expected {_LOADABLE_FORMAT}")
    folders = {}
    for split in example_splits or _DEFAULT_SPLITS:
        for artifact in examples:
            names = artifact_utils.decode_split_names(artifact.split_names)
            if split not in names:
                raise errors.DataError(
                    f"{artifact.uri}: there is no split {split!r}; set example_splits: {errors.nearest(split, names)}"
                )
        folders[split] = [str(uri) for uri in artifact_utils.get_split_uris(list(examples), split)]
    return folders


def _candidate_folder(input_dict: Mapping[str, list[Artifact]], model_type: str) -> str | None:
    if _MODEL not in input_dict:
        return None
    artifacts = input_dict[_MODEL]
    if len(artifacts) != 1:
        raise errors.ConfigError(
            f"model: expected one candidate, {len(artifacts)} came in{': ' if artifacts else ''}{_uris(artifacts)}"
        )
    return model_folder(artifacts[0].uri, model_type, path_utils.is_old_model_artifact(artifacts[0]))


def baseline_folder(
    input_dict: Mapping[str, list[Artifact]], config: config_pb2.EvalConfig, state: BaselineState
) -> str | None:
    """The folder of the baseline to load; None without one."""
    if state.status not in (BaselineStatus.WIRED, BaselineStatus.RESOLVED):
        return None
    spec = configs.baseline_spec(config) or configs.candidate_spec(config)
    wired = input_dict.get(_BASELINE) or []
    is_old = path_utils.is_old_model_artifact(wired[0]) if wired else False
    return model_folder(state.uri, spec.model_type, is_old)


def model_folder(uri: str, model_type: str, is_old: bool = False) -> str:
    """The folder to load inside a Model artifact.

    That is where a Trainer exports to; else, for a model imported from elsewhere, the artifact's own folder.
    """
    find = path_utils.eval_model_path if model_type == "tfma_eval" else path_utils.serving_model_path
    for old_layout in (is_old, not is_old):
        folder = str(find(uri, old_layout))
        if fileio.exists(folder):
            return folder
    return uri


def _uris(artifacts: Sequence[Artifact]) -> str:
    return ", ".join(artifact.uri for artifact in artifacts)
