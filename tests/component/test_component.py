"""The component's face: the stock one's constructor, its spec, and what it answers to wrong arguments."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from evaluator_component.errors import ConfigError

pytestmark = pytest.mark.tfx

VALUE_RULE = {
    "model_specs": [{"label_key": "label"}],
    "metrics_specs": [{"metrics": [{"class_name": "AUC", "threshold": {"value_threshold": {"lower_bound": 0.5}}}]}],
}
CHANGE_RULE = {
    "model_specs": [{"label_key": "label"}],
    "metrics_specs": [
        {"thresholds": {"auc": {"change_threshold": {"absolute": 0.0}}}, "metrics": [{"class_name": "AUC"}]}
    ],
}


def channel(kind: str) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    return types.Channel(type=getattr(standard_artifacts, kind))


def make(**arguments: Any) -> Any:
    from evaluator_component.component import Evaluator

    return Evaluator(**{"examples": channel("Examples"), "model": channel("Model"), **arguments})


def test_constructor_has_the_stock_names_order_and_defaults() -> None:
    from tfx.components import Evaluator as Stock

    from evaluator_component.component import Evaluator

    stock = list(inspect.signature(Stock.__init__).parameters.values())
    ours = list(inspect.signature(Evaluator.__init__).parameters.values())
    described = [(parameter.name, parameter.default, parameter.kind) for parameter in ours]
    assert described[: len(stock)] == [(parameter.name, parameter.default, parameter.kind) for parameter in stock]
    assert [parameter.name for parameter in ours[len(stock) :]] == ["report"]


def test_node_is_the_stock_one_to_the_rest_of_tfx() -> None:
    from tfx.components import Evaluator as Stock
    from tfx.dsl.components.base import base_beam_component, base_driver, executor_spec
    from tfx.orchestration.portable import base_driver as portable_base_driver

    node = make(eval_config=VALUE_RULE, baseline_model=channel("Model"), schema=channel("Schema"))
    assert isinstance(node, base_beam_component.BaseBeamComponent)
    assert isinstance(node.executor_spec, executor_spec.BeamExecutorSpec)
    assert node.id == "Evaluator"
    assert node.type_annotation is Stock.SPEC_CLASS.TYPE_ANNOTATION
    assert {name: found.type for name, found in node.outputs.items()} == {
        name: parameter.type for name, parameter in Stock.SPEC_CLASS.OUTPUTS.items()
    }
    assert {name: found.type for name, found in node.inputs.items()} == {
        name: parameter.type for name, parameter in Stock.SPEC_CLASS.INPUTS.items()
    }
    assert issubclass(node.driver_class, base_driver.BaseDriver)
    assert issubclass(node.driver_class, portable_base_driver.BaseDriver)
    assert node.with_id("Gate").with_beam_pipeline_args(["--direct_num_workers=2"]).id == "Gate"


def test_config_is_the_same_json_from_every_form(tmp_path: Any) -> None:
    import tensorflow_model_analysis as tfma
    import yaml
    from google.protobuf import json_format

    from evaluator_component.proto import config_pb2

    path = tmp_path / "eval.yaml"
    path.write_text(yaml.safe_dump(VALUE_RULE))
    forms = [
        VALUE_RULE,
        json.dumps(VALUE_RULE),
        yaml.safe_dump(VALUE_RULE),
        str(path),
        path,
        json_format.ParseDict(VALUE_RULE, tfma.EvalConfig()),
        json_format.ParseDict(VALUE_RULE, config_pb2.EvalConfig()),
    ]
    stored = {make(eval_config=form).exec_properties["eval_config"] for form in forms}
    assert [json.loads(text) for text in stored] == [VALUE_RULE]


def test_extensions_reach_the_stored_config() -> None:
    stored = make(eval_config={**VALUE_RULE, "gate": {"min_examples": 50}}).exec_properties["eval_config"]
    assert int(json.loads(stored)["gate"]["min_examples"]) == 50


def test_the_way_back_is_a_tfma_config() -> None:
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format

    from evaluator_component import config as configs

    ours = configs.load_config({**CHANGE_RULE, "gate": {"min_examples": 50}, "engine": {"batch_size": 64}})
    theirs = json_format.Parse(configs.to_peer_json(ours), tfma.EvalConfig())
    assert theirs == json_format.ParseDict(CHANGE_RULE, tfma.EvalConfig())


def test_config_may_be_a_runtime_parameter() -> None:
    from tfx.orchestration import data_types

    parameter = data_types.RuntimeParameter(name="eval-config", ptype=str)
    assert make(eval_config=parameter).exec_properties["eval_config"] is parameter


def test_splits_are_stored_as_the_stock_stores_them() -> None:
    assert make(eval_config=VALUE_RULE).exec_properties["example_splits"] == "null"
    assert make(eval_config=VALUE_RULE, example_splits=["a", "b"]).exec_properties["example_splits"] == '["a", "b"]'


def test_report_is_an_output_only_when_asked_for() -> None:
    assert set(make(eval_config=VALUE_RULE).outputs) == {"evaluation", "blessing"}
    assert set(make(eval_config=VALUE_RULE, report=True).outputs) == {"evaluation", "blessing", "report"}


def test_feature_slicing_spec_is_answered_with_the_config_to_write() -> None:
    from tfx.proto import evaluator_pb2

    old = evaluator_pb2.FeatureSlicingSpec(
        specs=[evaluator_pb2.SingleSlicingSpec(column_for_slicing=["city", "hour"]), evaluator_pb2.SingleSlicingSpec()]
    )
    with pytest.raises(ConfigError, match=r"^feature_slicing_spec: ") as caught:
        make(feature_slicing_spec=old)
    written = str(caught.value).split("\n\n", 1)[1].replace("<the feature that holds the label>", "label")
    stored = json.loads(make(eval_config=written).exec_properties["eval_config"])
    assert stored["slicing_specs"] == [{}, {"feature_keys": ["city", "hour"]}]


def test_fairness_thresholds_are_answered_with_the_metrics_to_write() -> None:
    import yaml

    from evaluator_component import config as configs
    from evaluator_component.metrics import registry

    with pytest.raises(ConfigError) as caught:
        make(eval_config=VALUE_RULE, fairness_indicator_thresholds=[0.25])
    metrics = yaml.safe_load(str(caught.value).split("\n\n", 1)[1])
    config = configs.load_config({"metrics_specs": [{"metrics": metrics}]})
    names = [metric.name for metric in registry.build(config.metrics_specs[0].metrics[0])]
    assert "fairness_indicators_metrics/false_positive_rate@0.25" in names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"^eval_config: it is required"),
        (
            {"eval_config": VALUE_RULE, "fairness_indicator_thresholds": [0.25]},
            r"^fairness_indicator_thresholds: \[0.25\]",
        ),
        ({"eval_config": VALUE_RULE, "module_file": "a.py", "module_path": "a"}, r"^module_path: .*module_file"),
        ({"eval_config": {"metric_specs": []}}, r"^metric_specs.*metrics_specs"),
    ],
)
def test_wrong_arguments_are_answered_with_what_to_change(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**arguments)


def read_from(module: str, node: Any) -> Any:
    """Reads the node's parameters as code of that module would."""
    namespace: dict[str, Any] = {"__name__": module}
    exec("def read(node):\n    return node.exec_properties", namespace)
    return namespace["read"](node)


def test_change_rule_without_baseline_cannot_be_built_for_kubeflow() -> None:
    builder = "tfx.orchestration.kubeflow.v2.step_builder"
    unwired = make(eval_config=CHANGE_RULE)
    assert read_from("tfx.dsl.compiler.compiler", unwired)
    with pytest.raises(ConfigError, match=r"^baseline_model: .*Resolver with LatestBlessedModelStrategy"):
        read_from(builder, unwired)
    assert read_from(builder, make(eval_config=CHANGE_RULE, baseline_model=channel("Model")))
    assert read_from(builder, make(eval_config=VALUE_RULE))
