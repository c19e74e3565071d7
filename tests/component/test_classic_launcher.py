"""The classic launcher, with which Airflow and notebooks run a component: driver, executor and publisher in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.errors import ConfigError

pytestmark = [
    pytest.mark.tfx,
    # TFX's classic driver warns about its own use of a channel's property.
    pytest.mark.filterwarnings("ignore:.*matching_channel_name"),
]


class Launcher:
    """Runs our Evaluator on given folders, as Airflow's operator and InteractiveContext do."""

    def __init__(self, folder: Path, material: Any) -> None:
        from tfx.orchestration import data_types, metadata

        self.material = material
        self.connection = metadata.Metadata(metadata.sqlite_metadata_connection_config(str(folder / "mlmd.sqlite")))
        self.pipeline = data_types.PipelineInfo("classic", str(folder / "root"))
        self.runs = 0

    def published(self, kind: str, uri: Path) -> Any:
        """A channel of one artifact that ML Metadata knows."""
        from tfx import types
        from tfx.orchestration.portable import outputs_utils
        from tfx.types import standard_artifacts

        artifact = getattr(standard_artifacts, kind)()
        artifact.uri = str(uri)
        if kind == "Examples":
            artifact.split_names = '["train", "eval"]'
        outputs_utils.tag_output_artifacts_with_version({"output": [artifact]})
        with self.connection as handle:
            handle.publish_artifacts([artifact])
        return types.Channel(type=type(artifact)).set_artifacts([artifact])

    def run(self, model: Path, config: Any, **arguments: Any) -> Any:
        """Returns the execution's info."""
        from tfx.orchestration import data_types
        from tfx.orchestration.launcher import in_process_component_launcher

        from evaluator_component.component import Evaluator

        self.runs += 1
        self.pipeline.run_id = str(self.runs)
        evaluator = Evaluator(
            examples=self.published("Examples", self.material.examples),
            model=self.published("Model", model),
            eval_config=config,
            **arguments,
        )
        return in_process_component_launcher.InProcessComponentLauncher.create(
            component=evaluator,
            pipeline_info=self.pipeline,
            driver_args=data_types.DriverArgs(enable_cache=True, interactive_resolution=True),
            metadata_connection=self.connection,
            beam_pipeline_args=[],
            additional_pipeline_args={},
        ).launch()

    def states(self) -> list[str]:
        """The state of every execution of the component, oldest first."""
        with self.connection as handle:
            found = handle.store.get_executions_by_type("evaluator_component.component.Evaluator")
        return [str(execution.properties["state"].string_value) for execution in sorted(found, key=lambda e: e.id)]


@pytest.fixture
def launcher(tmp_path: Path, material: Any) -> Launcher:
    return Launcher(tmp_path, material)


def config_of(label: str = "label") -> str:
    rule = {"change_threshold": {"absolute": -0.01, "direction": "HIGHER_IS_BETTER"}}
    metrics = [{"class_name": "AUC", "threshold": rule}]
    return json.dumps({"model_specs": [{"label_key": label}], "metrics_specs": [{"metrics": metrics}]})


def blessing_of(info: Any) -> Any:
    return info.output_dict["blessing"][0]


def test_the_driver_resolves_the_baseline(launcher: Launcher, material: Any) -> None:
    first = launcher.run(material.good, config_of())
    assert first.exec_properties["baseline_state"] == "NONE_YET"
    assert blessing_of(first).get_int_custom_property("blessed") == 1
    second = launcher.run(material.worse, config_of())
    assert second.exec_properties["baseline_state"] == "RESOLVED"
    assert blessing_of(second).get_int_custom_property("blessed") == 0
    assert blessing_of(second).get_int_custom_property("baseline_model_id") == first.input_dict["model"][0].id
    assert launcher.states() == ["complete", "complete"]


def test_a_wired_baseline_that_is_gone_is_refused_by_verdict(launcher: Launcher, material: Any, tmp_path: Path) -> None:
    gone = launcher.published("Model", tmp_path / "gone")
    info = launcher.run(material.good, config_of(), baseline_model=gone)
    assert info.exec_properties["baseline_state"] == "LOST"
    assert [path.name for path in Path(blessing_of(info).uri).iterdir()] == ["NOT_BLESSED"]


def test_a_failed_preflight_is_raised_by_the_executor(launcher: Launcher, material: Any) -> None:
    with pytest.raises(ConfigError, match="labell"):
        launcher.run(material.good, config_of("labell"))
