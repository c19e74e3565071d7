"""The history of a pipeline's models, from the evaluations that ML Metadata has on record."""

from __future__ import annotations

import dataclasses
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ml_metadata import MetadataStore
from ml_metadata import errors as store_errors
from ml_metadata.proto import metadata_store_pb2

from evaluator_component.errors import ConfigError, DataError, nearest
from evaluator_component.results import files, outputs, peer_files, writing
from evaluator_component.results.history import History, Recorded, Version, assemble, record

_EVALUATION: Final = "ModelEvaluation"
_BLESSING: Final = "ModelBlessing"
_PIPELINE: Final = "pipeline"
_MODEL_INPUT: Final = "model"
_INPUTS: Final = (metadata_store_pb2.Event.INPUT, metadata_store_pb2.Event.DECLARED_INPUT)
_OUTPUTS: Final = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)
_SHOWN: Final = 3


@dataclasses.dataclass(frozen=True)
class _Evaluated:
    """An evaluation on record: its artifact, the model that went in, and the blessing that came out with it."""

    evaluation: Any
    model: Any | None
    blessing: Any | None


def history_of_metadata(
    connection: str | os.PathLike[str] | metadata_store_pb2.ConnectionConfig, *, pipeline: str | None = None
) -> History:
    """Puts the evaluations in a row that ML Metadata has on record. Needs ml-metadata, which comes with TFX.

    Verdicts are those of the blessings, models those that went into the evaluations. Nothing is written.

    Args:
        connection: path of a sqlite file, or a ConnectionConfig of ml_metadata.
        pipeline: only evaluations of the pipeline of this name; by default of all.

    Returns:
        The versions in the order of the executions that evaluated them. Its ``notices`` name evaluations that were
        left out: files that are gone, runs that did not finish, and what another evaluator wrote.

    Raises:
        ConfigError: there is no pipeline of this name.
        DataError: the store cannot be read, or has no evaluation of ours on record.
    """
    where = os.fspath(connection) if isinstance(connection, (str, os.PathLike)) else "ML Metadata"
    try:
        found = _evaluations(_open(connection, where), pipeline)
    except (RuntimeError, store_errors.StatusError) as error:  # RuntimeError: what the sqlite binding raises on opening
        raise DataError(f"{where}: cannot be read as ML Metadata ({error})") from error
    recorded: list[Recorded] = []
    notices: list[str] = []
    for evaluated in found:
        problem = _why_left_out(evaluated.evaluation)
        try:
            if not problem:
                recorded.append(_recorded(evaluated))
        except DataError as error:
            problem = str(error)
        if problem:
            notices.append(f"ModelEvaluation {evaluated.evaluation.id}: left out, {problem}")
    if not recorded:
        pipeline_named = f" of pipeline {pipeline!r}" if pipeline else ""
        told = "; ".join(notices[:_SHOWN])
        raise DataError(f"{where}: has no finished evaluation{pipeline_named} on record{f' ({told})' if told else ''}")
    return assemble(list(_labelled(recorded)), notices)


def _open(connection: Any, where: str) -> MetadataStore:
    """Opens a store; a sqlite file only for reading, so that a misspelt path makes no new one."""
    if isinstance(connection, metadata_store_pb2.ConnectionConfig):
        return MetadataStore(connection)
    if not Path(where).is_file():
        raise DataError(f"{where}: no such file; expected the sqlite file of ML Metadata")
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = where
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    return MetadataStore(config)


def _evaluations(store: MetadataStore, pipeline: str | None) -> list[_Evaluated]:
    """The evaluations of finished executions, in the order of these."""
    evaluations = {artifact.id: artifact for artifact in store.get_artifacts_by_type(_EVALUATION)}
    if pipeline is not None:
        evaluations = {key: evaluations[key] for key in _of_pipeline(store, pipeline) if key in evaluations}
    made_by: dict[int, int] = {}
    for event in _events_of_artifacts(store, evaluations):
        if event.type in _OUTPUTS:  # an execution that was served from the cache has the same artifact, and comes later
            before = made_by.get(event.artifact_id, event.execution_id)
            made_by[event.artifact_id] = min(before, event.execution_id)
    models: dict[int, int] = {}
    outputs_of: dict[int, list[int]] = defaultdict(list)
    for event in store.get_events_by_execution_ids(sorted(set(made_by.values()))) if made_by else ():
        if event.type in _INPUTS and _MODEL_INPUT in [step.key for step in event.path.steps if step.HasField("key")]:
            models[event.execution_id] = event.artifact_id
        elif event.type in _OUTPUTS:
            outputs_of[event.execution_id].append(event.artifact_id)
    model_artifacts = {found.id: found for found in store.get_artifacts_by_id(sorted(set(models.values())))}
    blessings = {artifact.id: artifact for artifact in store.get_artifacts_by_type(_BLESSING)}
    return [
        _Evaluated(
            evaluations[key],
            model_artifacts.get(models.get(execution, 0)),
            next((blessings[output] for output in outputs_of[execution] if output in blessings), None),
        )
        for key, execution in sorted(made_by.items(), key=lambda item: (item[1], item[0]))
    ]


def _of_pipeline(store: MetadataStore, pipeline: str) -> Iterator[int]:
    """The ids of the pipeline's artifacts.

    Raises:
        ConfigError: there is no such pipeline.
    """
    context = store.get_context_by_type_and_name(_PIPELINE, pipeline)
    if context is None:
        known = [found.name for found in store.get_contexts_by_type(_PIPELINE)]
        raise ConfigError(f"pipeline: there is none of the name {pipeline!r}; {nearest(pipeline, known)}")
    yield from (artifact.id for artifact in store.get_artifacts_by_context(context.id))


def _events_of_artifacts(store: MetadataStore, artifacts: Mapping[int, Any]) -> Iterable[Any]:
    return store.get_events_by_artifact_ids(sorted(artifacts)) if artifacts else ()


def _why_left_out(evaluation: Any) -> str:
    """Why an evaluation on record has nothing to show; "" if it has."""
    present = set(files.folder(evaluation.uri).names())
    if writing.RUN_FILE in present:
        return ""
    if not present:
        return f"its files are gone: {evaluation.uri}"
    if writing.METRICS_FILE not in present and peer_files.CONFIG_FILE in present:
        return (
            f"TFMA wrote it (the stock Evaluator), and this history shows evaluations of evaluator_component: "
            f"{evaluation.uri}"
        )
    return f"{evaluation.uri}: {writing.why_incomplete(present)}"


def _recorded(evaluated: _Evaluated) -> Recorded:
    """The evaluation with its model and verdict as ML Metadata has them; its label is the place of its model."""
    read = record(evaluated.evaluation.uri)
    changed: dict[str, Any] = {"label": evaluated.evaluation.uri}
    if not read.version.time:
        seconds = evaluated.evaluation.create_time_since_epoch / 1000
        changed["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    if evaluated.model is not None:
        uri = evaluated.model.uri
        changed |= {"label": uri, "model": uri, "model_id": evaluated.model.id}
    if evaluated.blessing is not None:
        properties = evaluated.blessing.custom_properties
        changed["blessed"] = properties["blessed"].int_value == 1
        changed["summary"] = properties["blessing_message"].string_value or read.version.summary
    return dataclasses.replace(read, version=dataclasses.replace(read.version, **changed))


def _labelled(recorded: list[Recorded]) -> Iterator[Recorded]:
    """Shortens the labels, which are whole places, to what tells them apart."""
    short = outputs.short_names([one.version.label for one in recorded])
    for one, label in zip(recorded, short, strict=True):
        version: Version = dataclasses.replace(one.version, label=label)
        yield dataclasses.replace(one, version=version)
