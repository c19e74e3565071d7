"""What the installed peer (TFMA, and TFX's own Evaluator) says about a scenario."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from evaluator_component.config import complete_config, load_config, to_peer_json
from evaluator_component.gate import Verdict
from tests.gate import scenario_inputs
from tests.gate.scenarios import Scenario

NOTHING = "nothing written"


@dataclass(frozen=True)
class Answer:
    """What came out.

    Attributes:
      outcome: BLESSED, NOT_BLESSED, `NOTHING`, or "raises" and the error's class.
      details: The failures, one each, the slices that it missed, or the error's message.
    """

    outcome: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.outcome}: {'; '.join(self.details)}" if self.details else self.outcome


def load_peer() -> ModuleType:
    """Imports TFMA, which is complete only after TFX."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other packages say about themselves while they are imported
        importlib.import_module("tfx.v1")
        return importlib.import_module("tensorflow_model_analysis")


def peer_config(scenario: Scenario, *, models: bool = False) -> Any:
    """Returns the scenario's config in the peer's terms: min_slice_size is all it has in place of our gate block.

    Args:
      scenario: The scenario.
      models: Whether there will be models; else scores are read from the examples.
    """
    tfma = load_peer()
    from google.protobuf import json_format

    given = load_config(scenario.config_text)
    config = complete_config(given, scenario_inputs.compared(scenario))
    names = scenario_inputs.outputs(scenario)
    for spec in config.model_specs if not models else ():
        model = "baseline" if spec.is_baseline else "candidate"
        read = scenario_inputs.score_features(model, names)
        if names:
            spec.prediction_keys.update(read)
        else:
            spec.prediction_key = model
    peer = json_format.Parse(to_peer_json(given if models else config), tfma.EvalConfig())
    if given.gate.HasField("min_examples"):
        peer.options.min_slice_size.value = given.gate.min_examples
    return peer


def ask_tfma(scenario: Scenario, output: Path) -> Answer:
    """Returns the answer of TFMA's own extractors, evaluator and writer; an error is an answer too.

    Scores are read from the examples. Defaults are filled in and thresholds are looked for as TFX's Evaluator does
    both, and splits are flattened as it does.
    """
    tfma = load_peer()
    config = tfma.utils.update_eval_config_with_defaults(
        peer_config(scenario), has_baseline=scenario_inputs.compared(scenario), rubber_stamp=True
    )
    tfma.utils.verify_eval_config(config)
    if not tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config):
        return Answer(NOTHING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _run_tfma(config, record_batch(scenario), str(output))
        except Exception as error:
            return Answer(f"raises {type(error).__name__}", (str(error),))
        return read_answer(str(output))


def _run_tfma(config: Any, examples: pa.RecordBatch, output: str) -> None:
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.extractors import materialized_predictions_extractor as materialized
    from tensorflow_model_analysis.extractors import unbatch_extractor as unbatch

    extractors = [
        tfma.extractors.FeaturesExtractor(config),
        tfma.extractors.LabelsExtractor(config),
        tfma.extractors.ExampleWeightsExtractor(config),
        materialized.MaterializedPredictionsExtractor(config),
        unbatch.UnbatchExtractor(),
        tfma.extractors.SliceKeyExtractor(eval_config=config),
    ]
    evaluators = [tfma.evaluators.MetricsPlotsAndValidationsEvaluator(config)]
    # Each of its four files costs half a second of building a pipeline.
    writers = [tfma.writers.MetricsPlotsAndValidationsWriter({"validations": f"{output}/validations"}, config)]
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        _ = (
            pipeline
            | beam.Create([examples])
            | tfma.BatchedInputsToExtracts()
            | tfma.ExtractAndEvaluate(extractors=extractors, evaluators=evaluators)
            | tfma.WriteResults(writers)
        )


def record_batch(scenario: Scenario) -> pa.RecordBatch:
    """Returns the examples of all splits as TFX's readers give them to the peer: a list of values each."""
    rows = [row for columns in scenario.data.values() for row in scenario_inputs.features(columns)]
    columns = {name: [[_encoded(row[name])] for row in rows] for name in rows[0]}
    return pa.RecordBatch.from_pydict(columns)


def _encoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def verdict_answer(verdict: Verdict) -> Answer:
    """Returns what a verdict of ours says."""
    return Answer(verdict.outcome, (*(("rubber stamp",) if verdict.rubber_stamp else ()), *verdict.reasons))


def read_answer(output: str) -> Answer:
    """Returns what the peer's record of a validation says, the failures in alphabetical order."""
    result = load_peer().load_validation_result(output)
    details = [
        f"{_metric(failure.metric_key)} on {_slice(entry.slice_key)} {_seen(failure)}"
        for entry in result.metric_validations_per_slice
        for failure in entry.failures
    ]
    details += [f"no slice for {_spec(spec)}" for spec in result.missing_slices]
    return Answer("BLESSED" if result.validation_ok else "NOT_BLESSED", tuple(sorted(details)))


def _metric(key: Any) -> str:
    name = key.name + ("_diff" if key.is_diff else "")
    return f"{name} of {key.output_name}" if key.output_name else name


def _seen(failure: Any) -> str:
    value = failure.metric_value
    seen = f"is {value.double_value.value:.6g}" if value.HasField("double_value") else ""
    return ": ".join(filter(None, (seen, failure.message.strip())))


def _slice(key: Any) -> str:
    pairs = [(single.column, getattr(single, single.WhichOneof("kind"))) for single in key.single_slice_keys]
    shown = [(name, value.decode() if isinstance(value, bytes) else value) for name, value in pairs]
    return ", ".join(f"{name}={value}" for name, value in shown) or "Overall"


def _spec(spec: Any) -> str:
    values: Mapping[str, str] = spec.feature_values
    return ", ".join([*spec.feature_keys, *(f"{name}={value}" for name, value in values.items())]) or "Overall"
