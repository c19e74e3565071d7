"""What is planned: each distinct term once, and each metric once."""

from __future__ import annotations

import pytest

from evaluator_component.config import complete_config, load_config
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.errors import ConfigError
from evaluator_component.metrics.histograms import ScoreHistogram
from evaluator_component.metrics.terms import AboveThreshold, LabelMass


def plan_of(metrics: str, **model: str) -> Plan:
    spec = {"label_key": "label", **model}
    config = load_config({"model_specs": [spec], "metrics_specs": [{"metrics": load_list(metrics)}]})
    return make_plan(complete_config(config), evaluate_baseline=False)


def load_list(names: str) -> list[dict[str, str]]:
    return [{"class_name": name} for name in names.split()]


def test_metrics_that_need_the_same_terms_share_them() -> None:
    plan = plan_of("BinaryAccuracy Precision Recall F1Score FPR FNR AUC AUCPrecisionRecall")
    terms = [terms for _, terms in plan.slice_terms]
    assert terms.count(LabelMass()) == 1
    assert terms.count(AboveThreshold(0.5)) == 1
    assert [terms for _, terms in plan.keyed_terms] == [ScoreHistogram()]


def test_weighted_and_unweighted_values_are_told_apart_and_a_plot_is_made_once() -> None:
    config = load_config(
        {
            "model_specs": [{"label_key": "label", "example_weight_key": "weight"}],
            "metrics_specs": [
                {
                    "metrics": load_list("AUC ExampleCount CalibrationPlot"),
                    "example_weights": {"weighted": True, "unweighted": True},
                }
            ],
        }
    )
    plan = make_plan(complete_config(config), evaluate_baseline=False)
    found = [(planned.metric.name, planned.weighted) for planned in plan.metrics]
    assert sorted(found) == [("auc", False), ("auc", True), ("calibration_plot", True), ("example_count", False)]


def test_the_same_metric_in_two_specs_is_computed_once() -> None:
    specs = [{"metrics": load_list("AUC")}, {"metrics": load_list("AUC Precision")}]
    config = complete_config(load_config({"model_specs": [{"label_key": "label"}], "metrics_specs": specs}))
    plan = make_plan(config, evaluate_baseline=False)
    assert [planned.metric.name for planned in plan.metrics] == ["auc", "precision"]


def test_a_config_without_metrics_is_refused() -> None:
    config = complete_config(load_config({"model_specs": [{"label_key": "label"}]}))
    with pytest.raises(ConfigError, match="no metric is configured"):
        make_plan(config, evaluate_baseline=False)
