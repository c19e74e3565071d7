"""The defaults of a config, filled in, so that nothing downstream has to know them."""

from __future__ import annotations

from typing import Any

from evaluator_component.config.check import BASELINE, CANDIDATE, check_config
from evaluator_component.config.intervals import complete_intervals, wants_intervals
from evaluator_component.config.slices import add_compared, put_found
from evaluator_component.proto import config_pb2

__all__ = ["BASELINE", "CANDIDATE", "baseline_spec", "candidate_spec", "complete_config"]

MAX_DISTINCT_SCORES = 65_536
MAX_PLOT_SLICES = 1_000
BATCH_SIZE = 8_192


def complete_config(config: config_pb2.EvalConfig, has_baseline: bool = False) -> config_pb2.EvalConfig:
    """Returns a copy with the defaults filled in.

    - Models: one spec if there is none. With a baseline, models without a name are called "candidate" and "baseline";
      a baseline's label and weight keys are the candidate's where it names none.
    - Slices: the overall slice if none is asked for, and those that are compared with each other. What was found of a
      feature is known wherever it is grouped so.
    - Engine: every bound set.
    - Intervals: every choice made, if they are asked for.

    The gate's choices stay as they are: what a policy does can depend on whether it was given in words.

    Args:
      config: A config; not changed.
      has_baseline: Add a baseline, like the candidate in all but its name, if the config describes none.

    Raises:
      ConfigError: if the config contradicts itself.
    """
    check_config(config)
    complete = config_pb2.EvalConfig()
    complete.CopyFrom(config)
    if not complete.model_specs:
        complete.model_specs.add()
    _complete_baseline(complete, has_baseline)
    if not complete.slicing_specs:
        complete.slicing_specs.add()
    add_compared(complete)
    put_found(complete, complete)
    engine: Any = complete.engine
    for name, default in (
        ("max_distinct_scores", MAX_DISTINCT_SCORES),
        ("max_plot_slices", MAX_PLOT_SLICES),
        ("batch_size", BATCH_SIZE),
    ):
        if not engine.HasField(name):
            setattr(engine, name, default)
    if wants_intervals(complete):
        complete_intervals(complete)
    return complete


def candidate_spec(config: config_pb2.EvalConfig) -> config_pb2.ModelSpec:
    """Returns the spec of the model under evaluation; an empty one if the config describes none."""
    return next((spec for spec in config.model_specs if not spec.is_baseline), config_pb2.ModelSpec())


def baseline_spec(config: config_pb2.EvalConfig) -> config_pb2.ModelSpec | None:
    """Returns the spec of the model that the candidate is compared with, if the config describes one."""
    return next((spec for spec in config.model_specs if spec.is_baseline), None)


def _complete_baseline(config: config_pb2.EvalConfig, has_baseline: bool) -> None:
    candidate, baseline = candidate_spec(config), baseline_spec(config)
    if baseline is None:
        if not has_baseline:
            return
        baseline = config.model_specs.add()
        baseline.CopyFrom(candidate)
        baseline.ClearField("name")
        baseline.is_baseline = True
    candidate.name = candidate.name or CANDIDATE
    baseline.name = baseline.name or BASELINE
    for one, several in (("label_key", "label_keys"), ("example_weight_key", "example_weight_keys")):
        if not getattr(baseline, one) and not getattr(baseline, several):
            setattr(baseline, one, getattr(candidate, one))
            getattr(baseline, several).update(getattr(candidate, several))
