"""What can be wrong with a config by itself, before any data or model is seen."""

from __future__ import annotations

import math
from typing import Any

from evaluator_component.config.intervals import check_intervals
from evaluator_component.config.options import metric_options, options_json
from evaluator_component.config.paths import FieldError, MapKey, Path
from evaluator_component.config.rule_slices import check_rule_slices
from evaluator_component.config.slices import check_slices
from evaluator_component.errors import nearest
from evaluator_component.proto import config_pb2

CANDIDATE = "candidate"
BASELINE = "baseline"

_ONE_OR_SEVERAL = (
    ("label_key", "label_keys"),
    ("prediction_key", "prediction_keys"),
    ("example_weight_key", "example_weight_keys"),
)


def check_config(config: config_pb2.EvalConfig) -> None:
    """Raises a ConfigError at the first thing in a config that contradicts itself or can have no effect."""
    _check_models(config.model_specs)
    for index, spec in enumerate(config.metrics_specs):
        path: Path = ("metrics_specs", index)
        _check_model_names(spec, config.model_specs, path)
        _check_metrics(spec.metrics, path)
        _check_thresholds(spec, path)
    check_slices(config)
    check_rule_slices(config)
    _check_gate(config.gate)
    _check_engine(config)
    check_intervals(config)


def _check_models(specs: Any) -> None:
    names: dict[str, int] = {}
    baselines: list[int] = []
    candidates: list[int] = []
    for index, spec in enumerate(specs):
        path: Path = ("model_specs", index)
        for one, several in _ONE_OR_SEVERAL:
            if getattr(spec, one) and getattr(spec, several):
                raise FieldError((*path, several), f"{one} is given as well; only one of the two can be")
        if spec.label_vocabulary and spec.label_keys:
            problem = "it names the classes of one output, and label_keys describes several; evaluate them one by one"
            raise FieldError((*path, "label_vocabulary"), problem)
        if spec.inference_batch_size < 0:
            raise FieldError((*path, "inference_batch_size"), f"expected at least 1, got {spec.inference_batch_size}")
        (baselines if spec.is_baseline else candidates).append(index)
        if spec.name and spec.name in names:
            raise FieldError((*path, "name"), f"model_specs[{names[spec.name]}] has the name {spec.name!r} as well")
        names[spec.name] = index
        if spec.name == (CANDIDATE if spec.is_baseline else BASELINE):
            raise FieldError((*path, "name"), f"{spec.name!r} is what the other model is called; choose another name")
    if len(baselines) > 1:
        first, second = baselines[:2]
        raise FieldError(("model_specs", second, "is_baseline"), f"model_specs[{first}] is the baseline already")
    if len(candidates) > 1:
        first, second = candidates[:2]
        problem = f"model_specs[{first}] is the candidate already; mark one as is_baseline, or evaluate them one by one"
        raise FieldError(("model_specs", second), problem)
    if baselines and not candidates:
        raise FieldError(("model_specs",), "only a baseline is described; add a spec for the candidate")


def _check_model_names(spec: config_pb2.MetricsSpec, models: Any, path: Path) -> None:
    known = {model.name for model in models} | {"", CANDIDATE, BASELINE}
    for index, name in enumerate(spec.model_names):
        if name not in known:
            problem = f"no model_specs entry has the name {name!r}; {nearest(name, known - {''})}"
            raise FieldError((*path, "model_names", index), problem)


def _check_metrics(metrics: Any, path: Path) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for index, metric in enumerate(metrics):
        here = (*path, "metrics", index)
        if not metric.class_name:
            raise FieldError((*here, "class_name"), "missing; name a metric, for example AUC")
        key = (metric.module, metric.class_name, options_json(metric_options(metric, here), here))
        if key in seen:
            raise FieldError(here, f"{metric.class_name} is the same as metrics[{seen[key]}]; leave it out")
        seen[key] = index


def _check_thresholds(spec: config_pb2.MetricsSpec, path: Path) -> None:
    for index, metric in enumerate(spec.metrics):
        here = (*path, "metrics", index)
        _check_bounds(metric.threshold, (*here, "threshold"))
        _check_rules(metric.per_slice_thresholds, "slicing_specs", (*here, "per_slice_thresholds"))
        _check_rules(metric.cross_slice_thresholds, "cross_slicing_specs", (*here, "cross_slice_thresholds"))
    for name, threshold in sorted(spec.thresholds.items()):
        _check_bounds(threshold, (*path, "thresholds", MapKey(name)))
    for field, specs in (
        ("per_slice_thresholds", "slicing_specs"),
        ("cross_slice_thresholds", "cross_slicing_specs"),
    ):
        for name, rules in sorted(getattr(spec, field).items()):
            _check_rules(rules.thresholds, specs, (*path, field, MapKey(name), "thresholds"))


def _check_rules(rules: Any, specs: str, path: Path) -> None:
    for index, rule in enumerate(rules):
        if not getattr(rule, specs):
            raise FieldError((*path, index, specs), "missing; say where the rule applies ([{}] is the overall slice)")
        _check_bounds(rule.threshold, (*path, index, "threshold"))


def _check_bounds(threshold: config_pb2.MetricThreshold, path: Path) -> None:
    for kind, names in (
        ("value_threshold", ("lower_bound", "upper_bound")),
        ("change_threshold", ("absolute", "relative")),
    ):
        bounds = getattr(threshold, kind)
        for name in names:
            if math.isnan(getattr(bounds, name).value):
                raise FieldError((*path, kind, name), "a bound cannot be NaN")
    value = threshold.value_threshold
    if value.HasField("lower_bound") and value.HasField("upper_bound"):
        lower, upper = value.lower_bound.value, value.upper_bound.value
        if lower > upper:
            problem = f"lower_bound {lower} is above upper_bound {upper}: nothing can pass"
            raise FieldError((*path, "value_threshold"), problem)


def _check_gate(gate: config_pb2.GateOptions) -> None:
    if gate.HasField("confidence") and not 0.5 <= gate.confidence < 1:
        raise FieldError(
            ("gate", "confidence"), f"expected at least 0.5 and below 1 (0.95, say), got {gate.confidence}"
        )
    for name in ("min_examples", "min_weight"):
        value = getattr(gate, name)
        if not value >= 0 or math.isinf(value):
            raise FieldError(("gate", name), f"expected 0 or more, got {value}")
    if gate.HasField("max_skipped_fraction") and not 0 <= gate.max_skipped_fraction <= 1:
        problem = f"expected a fraction from 0 to 1, got {gate.max_skipped_fraction}"
        raise FieldError(("gate", "max_skipped_fraction"), problem)
    block = gate.multiplicity == gate.MULTIPLICITY_BLOCK_ON_SIGNIFICANT_REGRESSION
    if block and not gate.HasField("confidence"):
        raise FieldError(("gate", "multiplicity"), "BLOCK_ON_SIGNIFICANT_REGRESSION needs gate.confidence")
    if gate.correction and not block:
        problem = "has no effect without gate.multiplicity: BLOCK_ON_SIGNIFICANT_REGRESSION"
        raise FieldError(("gate", "correction"), problem)
    splits = list(gate.splits)
    for index, split in enumerate(splits):
        if not split or split in splits[:index]:
            raise FieldError(("gate", "splits", index), "named twice" if split else "empty; give the split's name")


def _check_engine(config: config_pb2.EvalConfig) -> None:
    engine: Any = config.engine
    for name, least in (("max_distinct_scores", 2), ("max_plot_slices", 0), ("batch_size", 1)):
        if engine.HasField(name) and getattr(engine, name) < least:
            problem = f"expected at least {least}, got {getattr(engine, name)}"
            raise FieldError(("engine", name), problem)
    size = config.options.min_slice_size.value
    if size < 0:
        raise FieldError(("options", "min_slice_size"), f"expected 0 or more, got {size}")
