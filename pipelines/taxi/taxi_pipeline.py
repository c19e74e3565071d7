"""The taxi pipeline, from CSV files to a pushed model. Nothing in it knows which orchestrator runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx import v1 as tfx

from evaluator_component.component import Evaluator

HERE = Path(__file__).resolve().parent
MODULE_FILE = HERE / "modules" / "taxi_model.py"
EVAL_CONFIG = HERE / "eval.yaml"

# Trainer's custom_config: the features that the model may see, and how long it learns.
TRAINING: Mapping[str, Any] = {
    "features": ["payment_type", "company", "fare", "trip_miles", "trip_seconds", "trip_start_hour", "trip_start_day"],
    "epochs": 8,
}

# Beam's own choice of a local runner depends on what it can download: name the one that is always there.
LOCAL_BEAM_ARGS = ("--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1")


def create_pipeline(
    name: str,
    *,
    root: str,
    data_root: str,
    serving_dir: str,
    training: Mapping[str, Any] = TRAINING,
    metadata_path: str | None = None,
    beam_args: Sequence[str] = LOCAL_BEAM_ARGS,
) -> tfx.dsl.Pipeline:
    """Returns the pipeline.

    Args:
        name: Name of the pipeline; models of one name are compared with each other.
        root: Folder for the artifacts, local or of a cloud storage.
        data_root: Folder that holds the trips as CSV files.
        serving_dir: Where blessed models are pushed to.
        training: Trainer's `custom_config`, as in `TRAINING`.
        metadata_path: SQLite file of ML Metadata; None where the orchestrator brings its own.
        beam_args: Beam's pipeline options, for every component that uses Beam.
    """
    example_gen = tfx.components.CsvExampleGen(
        input_base=data_root,
        input_config=tfx.proto.Input(splits=[tfx.proto.Input.Split(name="trips", pattern="*.csv")]),
    )
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        module_file=str(MODULE_FILE),
    )
    trainer = tfx.components.Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        module_file=str(MODULE_FILE),
        custom_config=dict(training),
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
    )
    latest_blessed = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model")
    evaluator = Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=latest_blessed.outputs["model"],
        schema=schema_gen.outputs["schema"],
        eval_config=str(EVAL_CONFIG),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving_dir)
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            trainer,
            latest_blessed,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata_path
        and tfx.orchestration.metadata.sqlite_metadata_connection_config(metadata_path),
        beam_pipeline_args=list(beam_args),
    )
