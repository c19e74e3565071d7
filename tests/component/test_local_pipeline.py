"""Real pipelines on LocalDagRunner with sqlite ML Metadata: real Pusher, real Resolver, our Evaluator between them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tfx

STOCK_IMPORT = "from tfx.components import Evaluator"
OUR_IMPORT = "from evaluator_component import Evaluator"
PIPELINE = """
{evaluator_import}
import tensorflow_model_analysis as tfma
from tfx import v1 as tfx
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy


def make(examples, model, push_to, root, metadata_path):
    data = tfx.dsl.Importer(
        source_uri=examples, artifact_type=tfx.types.standard_artifacts.Examples,
        properties={{"split_names": '["train", "eval"]'}},
    ).with_id("Data")
    trained = tfx.dsl.Importer(source_uri=model, artifact_type=tfx.types.standard_artifacts.Model).with_id("Trained")
    baseline = tfx.dsl.Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("Baseline")
    eval_config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="label")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=[
            tfma.MetricConfig(class_name="ExampleCount"),
            tfma.MetricConfig(class_name="AUC", threshold=tfma.MetricThreshold(
                value_threshold=tfma.GenericValueThreshold(lower_bound={{"value": 0.6}}),
                change_threshold=tfma.GenericChangeThreshold(
                    direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={{"value": -0.01}}),
            )),
        ])],
    )
    evaluator = Evaluator(
        examples=data.outputs["result"], model=trained.outputs["result"],
        baseline_model=baseline.outputs["model"], eval_config=eval_config,
    )
    pusher = tfx.components.Pusher(
        model=trained.outputs["result"], model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=push_to)),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="swap", pipeline_root=root, components=[data, trained, baseline, evaluator, pusher],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(metadata_path),
    )
"""


@dataclasses.dataclass
class Workplace:
    """One ML Metadata, one pipeline root and one push destination, shared by the runs of a test."""

    folder: Path
    material: Any

    @property
    def metadata(self) -> str:
        return str(self.folder / "metadata.sqlite")

    @property
    def pushed(self) -> list[str]:
        destination = self.folder / "pushed"
        return sorted(path.name for path in destination.iterdir()) if destination.exists() else []

    def artifacts(self, kind: str) -> list[Any]:
        """All artifacts of a type, oldest first."""
        from tfx.orchestration import metadata

        with metadata.Metadata(metadata.sqlite_metadata_connection_config(self.metadata)) as handle:
            return sorted((found for found in handle.store.get_artifacts() if found.type == kind), key=lambda a: a.id)

    def executions(self) -> list[Any]:
        """The executions of our Evaluator, oldest first."""
        from tfx.orchestration import metadata

        with metadata.Metadata(metadata.sqlite_metadata_connection_config(self.metadata)) as handle:
            found = handle.store.get_executions_by_type("evaluator_component.component.Evaluator")
            return sorted(found, key=lambda execution: execution.id)

    def blessing(self) -> dict[str, Any]:
        """The newest blessing's properties."""
        newest = self.artifacts("ModelBlessing")[-1]
        found = {name: getattr(value, value.WhichOneof("value")) for name, value in newest.custom_properties.items()}
        return {**found, "files": sorted(path.name for path in Path(newest.uri).iterdir())}

    def run_swapped(self, model: Path, evaluator_import: str = OUR_IMPORT) -> None:
        """Runs the pipeline above, after changing nothing but the import."""
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        LocalDagRunner().run(self.swapped(model, evaluator_import))

    def swapped(self, model: Path, evaluator_import: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(PIPELINE.format(evaluator_import=evaluator_import), namespace)
        folders = (str(self.folder / "pushed"), str(self.folder / "root"), self.metadata)
        return namespace["make"](str(self.material.examples), str(model), *folders)

    def run(self, model: Path | None, config: Any, baseline: Path | None = None, **arguments: Any) -> None:
        """Runs Importers and our Evaluator."""
        from tfx import v1 as tfx
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        from evaluator_component.component import Evaluator

        def imported(path: Path, kind: str, name: str, **properties: Any) -> Any:
            artifact_type = getattr(tfx.types.standard_artifacts, kind)
            return tfx.dsl.Importer(source_uri=str(path), artifact_type=artifact_type, **properties).with_id(name)

        split_names = {"split_names": '["train", "eval"]'}
        nodes = [imported(self.material.examples, "Examples", "Data", properties=split_names)]
        for key, path in (("model", model), ("baseline_model", baseline)):
            if path is not None:
                nodes.append(imported(path, "Model", key))
                arguments[key] = nodes[-1].outputs["result"]
        beam_args = arguments.pop("beam_pipeline_args", [])
        nodes.append(Evaluator(examples=nodes[0].outputs["result"], eval_config=config, **arguments))
        connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(self.metadata)
        LocalDagRunner().run(
            tfx.dsl.Pipeline(
                pipeline_name="direct",
                pipeline_root=str(self.folder / "root"),
                components=nodes,
                metadata_connection_config=connection,
                enable_cache=True,
                beam_pipeline_args=beam_args,
            )
        )


@pytest.fixture
def work(tmp_path: Path, material: Any) -> Workplace:
    return Workplace(tmp_path, material)


def test_swapping_the_import_is_all(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    stock, ours = (work.swapped(work.material.good, line) for line in (STOCK_IMPORT, OUR_IMPORT))
    assert [node.id for node in stock.components] == [node.id for node in ours.components]

    clock = iter(range(1_000, 10_000, 1_000))
    monkeypatch.setattr("tfx.components.pusher.executor.time", _Clock(lambda: next(clock), time))
    work.run_swapped(work.material.good)
    first = work.blessing()
    assert (first["blessed"], first["files"], len(work.pushed)) == (1, ["BLESSED"], 1)
    assert "rubber stamp" in first["blessing_message"]
    assert "baseline_model" not in first

    work.run_swapped(work.material.better)
    second = work.blessing()
    assert (second["blessed"], second["files"], len(work.pushed)) == (1, ["BLESSED"], 2)
    assert "rubber stamp" not in second["blessing_message"]
    assert (second["current_model"], second["baseline_model"]) == (str(work.material.better), str(work.material.good))
    assert second["baseline_model_id"] == first["current_model_id"]

    work.run_swapped(work.material.worse)
    third = work.blessing()
    assert (third["blessed"], third["files"], len(work.pushed)) == (0, ["NOT_BLESSED"], 2)
    assert third["baseline_model_id"] == second["current_model_id"]
    assert "auc" in third["blessing_message"]

    check_history(work, [first, second, third])


def check_history(work: Workplace, blessings: list[dict[str, Any]]) -> None:
    """Whether the history that ML Metadata tells is that of these blessings."""
    import evaluator_component as ec

    found = ec.history_of_metadata(work.metadata, pipeline="swap")
    assert [version.label for version in found.versions] == ["good", "better", "worse"]
    assert [version.blessed for version in found.versions] == [bool(one["blessed"]) for one in blessings]
    assert [version.summary for version in found.versions] == [one["blessing_message"] for one in blessings]
    assert [version.model_id for version in found.versions] == [one["current_model_id"] for one in blessings]
    assert found.versions == tuple(sorted(found.versions, key=lambda version: version.time))
    aucs = found.of("auc").table.column("value").to_pylist()
    assert aucs[1] > aucs[0] > aucs[2]


class _Clock:
    """Stands in for the time module, so that two pushes within a second do not meet in one folder."""

    def __init__(self, now: Callable[[], int], module: Any) -> None:
        self.time = now
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def test_tfma_opens_what_we_publish(work: Workplace) -> None:
    import tensorflow_model_analysis as tfma

    import evaluator_component as ec

    work.run(work.material.good, config_of(value=0.6), report=True)
    folder = work.artifacts("ModelEvaluation")[-1].uri
    assert tfma.load_validation_result(folder).validation_ok
    overall = dict(tfma.load_eval_result(folder).slicing_metrics)[()]
    auc = overall[""][""]["auc"]["doubleValue"]
    assert auc == pytest.approx(ec.load(folder).metrics.value("auc"), abs=1e-12)
    report = Path(work.artifacts("EvaluationReport")[-1].uri) / "report.html"
    assert "<html" in report.read_text()


def config_of(
    value: float | None = None, change: float | None = None, label: str = "label", **gate: Any
) -> dict[str, Any]:
    threshold: dict[str, Any] = {}
    if value is not None:
        threshold["value_threshold"] = {"lower_bound": value}
    if change is not None:
        threshold["change_threshold"] = {"absolute": change, "direction": "HIGHER_IS_BETTER"}
    metrics = [{"class_name": "ExampleCount"}, {"class_name": "AUC", "threshold": threshold}]
    return {"model_specs": [{"label_key": label}], "metrics_specs": [{"metrics": metrics}], "gate": gate}


def state_of(execution: Any) -> tuple[str, dict[str, Any]]:
    from ml_metadata.proto import metadata_store_pb2

    properties = {name: getattr(v, v.WhichOneof("value")) for name, v in execution.custom_properties.items()}
    return metadata_store_pb2.Execution.State.Name(execution.last_known_state), properties


def test_a_failed_preflight_is_failed_in_ml_metadata(work: Workplace) -> None:
    from evaluator_component.errors import ConfigError

    with pytest.raises(ConfigError, match="labell"):
        work.run(work.material.good, config_of(value=0.6, label="labell"))
    states = [state_of(execution)[0] for execution in work.executions()]
    assert states == ["FAILED"]
    assert work.artifacts("ModelBlessing") == []


def test_without_thresholds_the_blessing_is_still_written(work: Workplace) -> None:
    work.run(work.material.good, config_of())
    blessing = work.blessing()
    assert (blessing["blessed"], blessing["files"]) == (0, ["NOT_BLESSED"])


def test_driver_resolves_the_latest_blessed_model(work: Workplace) -> None:
    config = config_of(change=-0.01)
    work.run(work.material.good, config)
    assert state_of(work.executions()[-1])[1]["baseline_state"] == "NONE_YET"
    first = work.blessing()
    assert (first["blessed"], "rubber stamp" in first["blessing_message"]) == (1, True)

    work.run(work.material.worse, config)
    assert state_of(work.executions()[-1])[1]["baseline_state"] == "RESOLVED"
    second = work.blessing()
    assert (second["blessed"], second["baseline_model_id"]) == (0, first["current_model_id"])

    work.run(work.material.better, config)
    third = work.blessing()
    assert (third["blessed"], third["baseline_model_id"]) == (1, first["current_model_id"])


@pytest.mark.parametrize("damage", ["deleted", "broken"])
def test_a_lost_baseline_is_refused_by_verdict(work: Workplace, damage: str) -> None:
    precious = work.folder / "precious"
    shutil.copytree(work.material.good, precious)
    work.run(precious, config_of(change=-0.01))
    assert work.blessing()["blessed"] == 1
    if damage == "deleted":
        shutil.rmtree(precious)
    else:
        (precious / "Format-Serving" / "saved_model.pb").write_bytes(b"not a model")
    work.run(work.material.better, config_of(change=-0.01))
    assert state_of(work.executions()[-1])[1]["baseline_state"] == "LOST"
    blessing = work.blessing()
    assert (blessing["blessed"], blessing["files"]) == (0, ["NOT_BLESSED"])
    assert "baseline" in blessing["blessing_message"]


def test_a_wired_baseline_is_compared_without_rules(work: Workplace) -> None:
    import evaluator_component as ec

    work.run(work.material.worse, config_of(value=0.6), baseline=work.material.good)
    evaluation = ec.load(work.artifacts("ModelEvaluation")[-1].uri)
    assert evaluation.metrics.filter(metric="auc", model="candidate").table["change"][0].as_py() < 0
    assert work.blessing()["baseline_model"] == str(work.material.good)


def test_the_cache_serves_what_would_be_judged_the_same_way(work: Workplace) -> None:
    import evaluator_component as ec

    config = config_of(value=0.6, change=-0.01)
    for _ in range(3):
        work.run(work.material.good, config)
    states = [state_of(execution) for execution in work.executions()]
    assert [state for state, _ in states] == ["COMPLETE", "COMPLETE", "CACHED"]
    # The second run had a baseline, the first had none; the third found nothing new.
    assert [properties["baseline_state"] for _, properties in states[:2]] == ["NONE_YET", "RESOLVED"]
    assert [version.label for version in ec.history_of_metadata(work.metadata).versions] == ["good", "good (2)"]


def test_a_named_baseline_without_rules_may_be_missing(work: Workplace) -> None:
    config = config_of(value=0.6)
    config["model_specs"] = [
        {"name": "candidate", "label_key": "label"},
        {"name": "baseline", "label_key": "label", "is_baseline": True},
    ]
    work.run(work.material.good, config)
    blessing = work.blessing()
    assert (blessing["blessed"], "rubber stamp" in blessing["blessing_message"]) == (1, False)


MODULE = '''
from evaluator_component.metrics import metric


@metric(lambda v: {"over": v.weights * (v.predictions > 0.5), "weight": v.weights}, direction="lower")
def share_predicted_positive(totals):
    """Share of the examples with a score above one half."""
    return totals["over"] / totals["weight"]
'''


def test_a_users_metric_travels_in_a_wheel(work: Workplace) -> None:
    import evaluator_component as ec

    module = work.folder / "module" / "share_metrics.py"
    module.parent.mkdir()
    module.write_text(MODULE)
    config = config_of(value=0.6)
    config["metrics_specs"][0]["metrics"].append({"class_name": "SharePredictedPositive"})
    work.run(work.material.good, config, module_file=str(module))
    evaluation = ec.load(work.artifacts("ModelEvaluation")[-1].uri)
    assert 0.3 < evaluation.metrics.value("share_predicted_positive") < 0.7


@pytest.mark.slow
def test_a_users_metric_reaches_worker_processes(work: Workplace) -> None:
    import evaluator_component as ec

    module = work.folder / "module" / "share_metrics_elsewhere.py"
    module.parent.mkdir()
    module.write_text(MODULE)
    config = config_of(value=0.6)
    config["metrics_specs"][0]["metrics"].append({"class_name": "SharePredictedPositive"})
    beam_args = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    work.run(work.material.good, config, module_file=str(module), beam_pipeline_args=beam_args)
    evaluation = ec.load(work.artifacts("ModelEvaluation")[-1].uri)
    assert 0.3 < evaluation.metrics.value("share_predicted_positive") < 0.7


def test_stock_hooks_fail_the_run_with_our_replacement(work: Workplace) -> None:
    from evaluator_component.errors import ConfigError

    module = work.folder / "module" / "hooks.py"
    module.parent.mkdir()
    module.write_text("def custom_extractors(**_):\n    return []\n")
    with pytest.raises(ConfigError, match=r"defines custom_extractors.*Instead"):
        work.run(work.material.good, config_of(value=0.6), module_file=str(module))
    assert [state_of(execution)[0] for execution in work.executions()] == ["FAILED"]
