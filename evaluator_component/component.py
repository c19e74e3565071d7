"""The Evaluator component: the stock one's place in a pipeline, by changing one import."""

from __future__ import annotations

import json
import sys
from typing import Any

from tfx import types
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.placeholder import placeholder
from tfx.orchestration import data_types
from tfx.types import component_spec, standard_artifacts, standard_component_specs, system_executions
from tfx.utils import json_utils

from evaluator_component import config as configs
from evaluator_component import interactive
from evaluator_component.artifacts import BASELINE_WIRED_PROPERTY, has_change_rule, no_baseline_message
from evaluator_component.driver import EvaluatorDriver
from evaluator_component.errors import ConfigError
from evaluator_component.executor import Executor
from evaluator_component.publish import REPORT_KEY

_STARTER = """\
    model_specs:
      - label_key: <the feature that holds the label>
    slicing_specs:
      - {}
%s    metrics_specs:
      - metrics:
          - class_name: ExampleCount
          - class_name: AUC
            threshold: {value_threshold: {lower_bound: 0.7}}
"""


class EvaluationReport(types.Artifact):  # type: ignore[misc]
    """The HTML report of an evaluation: one self-contained file, ``report.html``."""

    TYPE_NAME = "EvaluationReport"


interactive.register(EvaluationReport)


class EvaluatorSpec(types.ComponentSpec):  # type: ignore[misc]
    """Inputs, outputs and parameters of the component; named as the stock ones."""

    PARAMETERS = {  # noqa: RUF012 - TFX declares specs this way
        standard_component_specs.EVAL_CONFIG_KEY: component_spec.ExecutionParameter(type=str),
        standard_component_specs.EXAMPLE_SPLITS_KEY: component_spec.ExecutionParameter(type=str, optional=True),
        standard_component_specs.MODULE_FILE_KEY: component_spec.ExecutionParameter(type=str, optional=True),
        standard_component_specs.MODULE_PATH_KEY: component_spec.ExecutionParameter(type=str, optional=True),
        BASELINE_WIRED_PROPERTY: component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {  # noqa: RUF012
        standard_component_specs.EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        standard_component_specs.MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
        standard_component_specs.BASELINE_MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
        standard_component_specs.SCHEMA_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Schema, optional=True
        ),
    }
    OUTPUTS = {  # noqa: RUF012
        standard_component_specs.EVALUATION_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelEvaluation
        ),
        standard_component_specs.BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        REPORT_KEY: component_spec.ChannelParameter(type=EvaluationReport, optional=True),
    }
    TYPE_ANNOTATION = system_executions.Evaluate


class Evaluator(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """Evaluates a model on every example and decides whether it may be deployed.

    Outputs:

    - ``evaluation`` (ModelEvaluation): metrics, plots, verdict; ``evaluator_component.load`` and TFMA read it.
    - ``blessing`` (ModelBlessing): always written; Pusher and LatestBlessedModelStrategy read it.
    - ``report`` (EvaluationReport): the HTML report alone, if ``report=True``.
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = EvaluatorDriver

    _needs_metadata = False

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel | None = None,
        baseline_model: types.BaseChannel | None = None,
        feature_slicing_spec: Any = None,
        fairness_indicator_thresholds: Any = None,
        example_splits: list[str] | None = None,
        eval_config: Any = None,
        schema: types.BaseChannel | None = None,
        module_file: str | None = None,
        module_path: str | None = None,
        report: bool = False,
    ) -> None:
        """Makes the pipeline node.

        Args:
            examples: channel of Examples to evaluate on.
            model: channel of the Model to evaluate, the candidate; left out when the predictions are in the data.
            baseline_model: channel of the Model to compare with, best from a Resolver with
                LatestBlessedModelStrategy. Left out, a config that compares with a baseline gets the latest blessed
                model of this pipeline (not on Kubeflow, where it must be wired).
            feature_slicing_spec: not supported; the error shows the eval_config to write.
            fairness_indicator_thresholds: not supported; the error shows the metric to write.
            example_splits: names of the splits to evaluate; None or empty: ``eval``.
            eval_config: what to evaluate and what a model must reach: ``tfma.EvalConfig``, our EvalConfig, JSON or
                YAML text, a mapping, the path of a config file, or a RuntimeParameter of type str.
            schema: channel of the Schema of the examples.
            module_file: Python file with metrics of your own; every ``*.py`` beside it is packaged as well.
            module_path: importable name of such a module; not together with ``module_file``.
            report: also give the HTML report as an output of its own.

        Raises:
            ConfigError: the arguments contradict each other, or the eval_config has an error.
        """
        if module_file and module_path:
            raise ConfigError("module_path: cannot be set together with module_file; give one of the two")
        _refuse_stock_only(feature_slicing_spec, fairness_indicator_thresholds)
        spec_config = _spec_config(eval_config)
        outputs = {
            standard_component_specs.EVALUATION_KEY: types.Channel(type=standard_artifacts.ModelEvaluation),
            standard_component_specs.BLESSING_KEY: types.Channel(type=standard_artifacts.ModelBlessing),
        }
        if report:
            outputs[REPORT_KEY] = types.Channel(type=EvaluationReport)
        spec = EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            schema=schema,
            eval_config=spec_config,
            example_splits=json_utils.dumps(example_splits),
            module_file=module_file,
            module_path=module_path,
            **{BASELINE_WIRED_PROPERTY: int(baseline_model is not None)},
            **outputs,
        )
        super().__init__(spec=spec)
        self._needs_metadata = (
            baseline_model is None
            and isinstance(spec_config, str)
            and has_change_rule(configs.load_config(spec_config))
        )
        if udf_utils.should_package_user_modules():
            # TFX packs the module into a wheel when the pipeline is built, and moves the parameter to module_path.
            udf_utils.add_user_module_dependency(
                self, standard_component_specs.MODULE_FILE_KEY, standard_component_specs.MODULE_PATH_KEY
            )

    @property
    def exec_properties(self) -> dict[str, Any]:
        """The node's parameters.

        Raises:
            ConfigError: the pipeline is being built for Kubeflow, where no driver can find the baseline that the
                config asks for.
        """
        if self._needs_metadata and _read_by_kubeflow():
            raise ConfigError(no_baseline_message())
        parameters: dict[str, Any] = super().exec_properties
        return parameters


def _read_by_kubeflow() -> bool:
    """True if the property that calls this is read by Kubeflow's compiler, the one place where TFX drops drivers.

    TFX gives a component no other way to learn what it is built for.
    """
    reader = sys._getframe(2).f_globals.get("__name__", "")
    return str(reader).startswith("tfx.orchestration.kubeflow.")


def _spec_config(eval_config: Any) -> Any:
    """The config as the spec's string; what is known only at run time passes through."""
    if isinstance(eval_config, (data_types.RuntimeParameter, placeholder.Placeholder)):
        return eval_config
    if eval_config is None:
        raise ConfigError(f"eval_config: it is required; for example\n\n{_STARTER % ''}")
    return configs.to_json(configs.load_config(eval_config))


def _refuse_stock_only(feature_slicing_spec: Any, fairness_indicator_thresholds: Any) -> None:
    if feature_slicing_spec is not None:
        raise ConfigError(
            "feature_slicing_spec: Estimators and their slicing spec are not supported; pass an eval_config such as"
            f"\n\n{_STARTER % _slicing_lines(feature_slicing_spec)}"
        )
    if fairness_indicator_thresholds:
        given = (
            ""
            if isinstance(fairness_indicator_thresholds, data_types.RuntimeParameter)
            else (f" {list(fairness_indicator_thresholds)}")
        )
        raise ConfigError(
            f"fairness_indicator_thresholds:{given} is not supported; ask for the rates in the eval_config:\n\n"
            "    - class_name: FairnessIndicators\n"
            f"      config: {{thresholds: {given.strip() or [0.25, 0.5, 0.75]}}}\n"
        )


def _slicing_lines(feature_slicing_spec: Any) -> str:
    """The slicing specs of the old form, as lines of an eval_config."""
    if isinstance(feature_slicing_spec, str):
        feature_slicing_spec = json.loads(feature_slicing_spec)
    if isinstance(feature_slicing_spec, dict):
        columns = [spec.get("column_for_slicing", []) for spec in feature_slicing_spec.get("specs", [])]
    else:
        columns = [list(spec.column_for_slicing) for spec in getattr(feature_slicing_spec, "specs", [])]
    return "".join(f"      - feature_keys: {json.dumps(keys)}\n" for keys in columns if keys)
