"""TFMA opens our output and finds the values of our tables."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pathlib
import warnings
from typing import Any

import example_tables
import pyarrow.compute as pc
import pytest

from evaluator_component import gate
from evaluator_component.results import Evaluation, MetricTable, PlotTable, writing

pytestmark = pytest.mark.tfx


@pytest.fixture(scope="module")
def tfma() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other packages say about themselves while they are imported
        importlib.import_module("tfx.v1")  # the peer alone is incomplete
        return importlib.import_module("tensorflow_model_analysis")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    config = example_tables.config()
    found = dataclasses.replace(
        example_tables.evaluation(),
        metrics=MetricTable(example_tables.metric_rows(4_000)),
        plots=PlotTable(example_tables.plot_rows(10, 4_000)),
        config=config,
    )
    state = gate.BaselineState(gate.BaselineStatus.WIRED, uri="models/1")
    return dataclasses.replace(found, verdict=gate.decide(found.metrics.table, config, state))


@pytest.fixture(scope="module")
def output(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("out")
    writing.write(evaluation, path)
    return str(path)


def slice_name(key: tuple[tuple[str, object], ...]) -> str:
    return ", ".join(f"{feature}={value}" for feature, value in key) or "Overall"


def number(value: dict[str, Any]) -> float:
    return float(value["doubleValue"])


@pytest.mark.parametrize("model", ["candidate", "baseline"])
def test_metrics_of_each_model(tfma: Any, evaluation: Evaluation, output: str, model: str) -> None:
    result = tfma.load_eval_result(output, model_name=model)
    found = {
        (slice_name(key), metric): number(value)
        for key, metrics in result.slicing_metrics
        for metric, value in metrics[""][""].items()
    }
    rows = evaluation.metrics.filter(model=model).table.to_pylist()
    wanted = {(row["slice"], row["metric"]): row["value"] for row in rows}
    if model == "candidate":
        wanted |= {(row["slice"], f"{row['metric']}_diff"): row["change"] for row in rows}
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == value or (math.isnan(found[key]) and math.isnan(value)), key


def test_metrics_without_a_models_name_are_the_candidates(tfma: Any, evaluation: Evaluation, output: str) -> None:
    overall = dict(tfma.load_eval_result(output).slicing_metrics)[()]
    assert number(overall[""][""]["auc"]) == evaluation.metrics.value("auc")
    assert tfma.load_eval_result(output).get_metrics_for_slice()["auc"]["doubleValue"] == evaluation.metrics.value(
        "auc"
    )


def test_plots(tfma: Any, evaluation: Evaluation, output: str) -> None:
    plots = {slice_name(key): plot[""][""] for key, plot in tfma.load_eval_result(output, model_name="baseline").plots}
    table = evaluation.plots.filter(model="baseline", plot="calibration_plot")
    for name, plot in plots.items():
        rows = table.filter(slice=name).table
        buckets = plot["calibrationHistogramBuckets"]["buckets"]
        assert [bucket.get("numWeightedExamples") for bucket in buckets] == rows.column("weighted_examples").to_pylist()
        assert [float(bucket.get("upperThresholdExclusive", 0)) for bucket in buckets] == rows.column(
            "upper"
        ).to_pylist()
    matrices = plots["Overall"]["confusionMatrixAtThresholds"]["matrices"]
    rows = evaluation.plots.filter(model="baseline", plot="confusion_matrix_plot").table
    assert [matrix.get("truePositives", 0) for matrix in matrices] == rows.column("true_positives").to_pylist()
    assert len(plots) == len(pc.unique(table.table.column("slice")))


def test_config_is_read(tfma: Any, evaluation: Evaluation, output: str) -> None:
    result = tfma.load_eval_result(output)
    assert [spec.name for spec in result.config.model_specs] == ["candidate", "baseline"]
    assert result.data_location == "data/eval-*.gz"


def test_validation_result(tfma: Any, evaluation: Evaluation, output: str) -> None:
    assert evaluation.verdict is not None
    result = tfma.load_validation_result(output)
    assert not result.validation_ok
    assert not result.missing_thresholds
    assert not result.rubber_stamp
    assert [dict(spec.feature_values) for spec in result.missing_slices] == [{"trip_start_hour": "77"}]
    failures = {
        (
            tuple(single.int64_value for single in entry.slice_key.single_slice_keys),
            failure.metric_key.name,
            failure.metric_key.is_diff,
        ): failure
        for entry in result.metric_validations_per_slice
        for failure in entry.failures
    }
    failed = [check for check in evaluation.verdict.checks if check.outcome is gate.Outcome.FAIL]
    assert len(failures) == len(failed) - 1  # the missing slice is told otherwise
    value = failures[(3,), "auc", False]
    assert value.metric_threshold.value_threshold.lower_bound.value == 0.7
    assert value.metric_value.double_value.value == evaluation.metrics.value("auc", "trip_start_hour=3")
    change = failures[(3,), "auc", True]
    assert change.metric_threshold.change_threshold.absolute.value == -0.05
    details = {
        tuple(detail.slicing_spec.feature_keys): detail.num_matching_slices
        for detail in result.validation_details.slicing_details
    }
    assert details == {(): 32, ("payment_type",): 7}


def test_no_thresholds_and_a_single_model(tfma: Any, tmp_path: pathlib.Path) -> None:
    config = example_tables.config()
    del config.model_specs[1]
    for metric in config.metrics_specs[0].metrics:
        metric.ClearField("threshold")
        metric.ClearField("per_slice_thresholds")
    metrics = MetricTable(example_tables.metric_rows(2_000, baseline=False))
    verdict = gate.decide(metrics.table, config, gate.BaselineState(gate.BaselineStatus.NOT_ASKED))
    run = {"data": "data", "models": {"candidate": "models/2"}}
    writing.write(Evaluation(metrics, verdict=verdict, config=config, run=run), tmp_path)
    result = tfma.load_validation_result(str(tmp_path))
    assert (result.validation_ok, result.missing_thresholds) == (False, True)
    loaded = tfma.load_eval_result(str(tmp_path))
    assert loaded.model_location == "models/2"
    overall = dict(loaded.slicing_metrics)[()][""][""]
    assert number(overall["auc"]) == metrics.value("auc")
    assert "auc_diff" not in overall
