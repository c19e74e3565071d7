"""What a config demands: its thresholds, taken apart into rules of one bound each."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evaluator_component.config import candidate_spec
from evaluator_component.config.complete import CANDIDATE
from evaluator_component.config.paths import MapKey, Path, render
from evaluator_component.errors import ConfigError, nearest
from evaluator_component.gate.baseline import BaselineState, BaselineStatus
from evaluator_component.gate.policies import Policy
from evaluator_component.gate.targets import ResultName, Target, find_target, names_of
from evaluator_component.proto import config_pb2


class Kind(enum.Enum):
    """What a rule demands. Each kind has one bound, except the last two, which demand only that there is a number."""

    LOWER_BOUND = "lower_bound"
    UPPER_BOUND = "upper_bound"
    CHANGE_AT_LEAST = "change_at_least"
    CHANGE_AT_MOST = "change_at_most"
    RELATIVE_CHANGE_AT_LEAST = "relative_change_at_least"
    RELATIVE_CHANGE_AT_MOST = "relative_change_at_most"
    VALUE_DEFINED = "value_defined"
    CHANGE_DEFINED = "change_defined"

    @property
    def is_change(self) -> bool:
        """Whether the rule compares with a baseline."""
        return "change" in self.value

    @property
    def is_relative(self) -> bool:
        """Whether the bound is a share of the baseline's value."""
        return self.value.startswith("relative")

    @property
    def is_upper(self) -> bool:
        """Whether the bound is the greatest that is allowed."""
        return self in (Kind.UPPER_BOUND, Kind.CHANGE_AT_MOST, Kind.RELATIVE_CHANGE_AT_MOST)


@dataclass(frozen=True)
class Rule:
    """One bound of one threshold.

    Attributes:
      threshold: The path of the threshold in the config; its rules share it.
      path: The path of the bound itself.
      bound: The bound as in the config; NaN for the kinds that have none.
      opposed: Whether it limits how much the metric may get better.
    """

    threshold: str
    path: str
    target: Target
    kind: Kind
    bound: float
    opposed: bool = False

    @property
    def needs_baseline(self) -> bool:
        """Whether it cannot be judged without a baseline."""
        return self.kind.is_change or self.target.compares


@dataclass(frozen=True)
class _Threshold:
    path: Path
    target: Target
    message: config_pb2.MetricThreshold


def collect_rules(
    config: config_pb2.EvalConfig,
    policy: Policy,
    directions: Mapping[str, str | None],
    result_name: ResultName | None = None,
) -> tuple[list[Rule], list[str]]:
    """Returns the rules of a config in its order, and notices about thresholds that demand less than they seem to.

    Args:
      config: The config.
      policy: Its choices.
      directions: For each metric in the results whether "higher" or "lower" is better; None for neither.
      result_name: Names the results of a MetricConfig; left out, the registry of metrics does.

    Raises:
      ConfigError: a threshold cannot be met or understood, or asks for what this version cannot do.
    """
    rules: list[Rule] = []
    notices: list[str] = []
    for threshold in _thresholds(config, policy, result_name or _registry_name):
        found = [*_value_rules(threshold), *_change_rules(threshold, directions)]
        if not found:
            notices.append(f"{render(threshold.path)}: holds no threshold, so it checks nothing")
        notices += [
            f"{rule.path}: has no bound, so it only asks that {_what_is_asked(rule)}"
            for rule in found
            if rule.kind in (Kind.VALUE_DEFINED, Kind.CHANGE_DEFINED)
        ]
        rules += found
    return rules, notices


def unknown_threshold_names(config: config_pb2.EvalConfig, known_names: Collection[str]) -> list[tuple[str, str, str]]:
    """Returns (path, name, hint) for each threshold on what is no metric of the results: a misspelt name, or a plot.

    Args:
      config: The config.
      known_names: The names of the results that will be computed, those compiled into the model included.
    """
    unknown = []
    for i, spec in enumerate(config.metrics_specs):
        for j, metric in enumerate(spec.metrics):
            if not (metric.HasField("threshold") or metric.per_slice_thresholds or metric.cross_slice_thresholds):
                continue
            name = _registry_name(metric)
            if name not in known_names:
                path = render(("metrics_specs", i, "metrics", j))
                prefixed = sorted(known for known in known_names if known.startswith(f"{name}/"))
                names = [*names_of(metric, _registry_name)[1:], *prefixed]
                hint = "a plot has no single value that a threshold could judge"
                if names:
                    hint = (
                        f"it has several values; name one of them in the thresholds of the metrics spec, as {names[0]}"
                    )
                unknown.append((path, name, hint))
        for field in ("thresholds", "per_slice_thresholds", "cross_slice_thresholds"):
            for name in sorted(getattr(spec, field)):
                if name not in known_names:
                    path = render(("metrics_specs", i, field, MapKey(name)))
                    unknown.append((path, name, nearest(name, known_names)))
    return unknown


def check_baseline(rules: list[Rule], policy: Policy, baseline: BaselineState) -> None:
    """Refuses change rules without a baseline when nobody could have known of one and no policy was written.

    Raises:
      ConfigError: as said.
    """
    change = next((rule for rule in rules if rule.needs_baseline), None)
    if change and baseline.status is BaselineStatus.NOT_ASKED and not policy.no_baseline_in_words:
        raise ConfigError(
            f"{change.path}: compares with a baseline, but none was given and there is no ML Metadata to look one up "
            "in. Give a baseline model, remove the threshold, or say in gate.no_baseline what to do "
            "(PASS_WITH_NOTICE or FAIL)."
        )


def _registry_name(metric: config_pb2.MetricConfig) -> str:
    from evaluator_component.metrics.registry import result_name

    return result_name(metric)


def _thresholds(config: config_pb2.EvalConfig, policy: Policy, result_name: ResultName) -> Iterator[_Threshold]:
    everywhere = None if policy.plain_threshold_scope == "EVERY_SLICE" else (config_pb2.SlicingSpec(),)
    for i, spec in enumerate(config.metrics_specs):
        here: Path = ("metrics_specs", i)
        for j, metric in enumerate(spec.metrics):
            path = (*here, "metrics", j)
            if not (metric.HasField("threshold") or metric.per_slice_thresholds or metric.cross_slice_thresholds):
                continue
            _check_model_names(config, spec, here)
            name = result_name(metric)
            if metric.HasField("threshold"):
                yield _Threshold(
                    (*path, "threshold"), find_target(spec, name, everywhere, path, result_name), metric.threshold
                )
            yield from _per_slice(spec, name, (*path, "per_slice_thresholds"), metric.per_slice_thresholds, result_name)
            pairs = metric.cross_slice_thresholds
            yield from _of_pairs(spec, name, (*path, "cross_slice_thresholds"), pairs, result_name)
        if spec.thresholds or spec.per_slice_thresholds or spec.cross_slice_thresholds:
            _check_model_names(config, spec, here)
        for name in sorted(spec.thresholds):
            path = (*here, "thresholds", MapKey(name))
            yield _Threshold(path, find_target(spec, name, everywhere, path, result_name), spec.thresholds[name])
        for name in sorted(spec.per_slice_thresholds):
            path = (*here, "per_slice_thresholds", MapKey(name), "thresholds")
            yield from _per_slice(spec, name, path, spec.per_slice_thresholds[name].thresholds, result_name)
        for name in sorted(spec.cross_slice_thresholds):
            path = (*here, "cross_slice_thresholds", MapKey(name), "thresholds")
            yield from _of_pairs(spec, name, path, spec.cross_slice_thresholds[name].thresholds, result_name)


def _of_pairs(
    spec: config_pb2.MetricsSpec,
    name: str,
    path: Path,
    entries: Collection[config_pb2.CrossSliceMetricThreshold],
    result_name: ResultName,
) -> Iterator[_Threshold]:
    for k, entry in enumerate(entries):
        target = find_target(spec, name, tuple(entry.cross_slicing_specs), path, result_name)
        yield _Threshold((*path, k, "threshold"), target, entry.threshold)


def _per_slice(
    spec: config_pb2.MetricsSpec,
    name: str,
    path: Path,
    entries: Collection[config_pb2.PerSliceMetricThreshold],
    result_name: ResultName,
) -> Iterator[_Threshold]:
    for k, entry in enumerate(entries):
        if not entry.slicing_specs:
            raise ConfigError(
                f"{render((*path, k))}.slicing_specs: is empty, so the threshold applies to no slice; "
                "write [{}] for the overall slice"
            )
        for s, slicing in enumerate(entry.slicing_specs):
            if slicing.slice_keys_sql:
                raise ConfigError(
                    f"{render((*path, k, 'slicing_specs', s))}.slice_keys_sql: a threshold's slices are named by "
                    "feature_keys and feature_values, not by SQL"
                )
        yield _Threshold(
            (*path, k, "threshold"),
            find_target(spec, name, tuple(entry.slicing_specs), path, result_name),
            entry.threshold,
        )


def _check_model_names(config: config_pb2.EvalConfig, spec: config_pb2.MetricsSpec, path: Path) -> None:
    candidate = candidate_spec(config).name
    if spec.model_names and not {candidate, candidate or CANDIDATE} & set(spec.model_names):
        raise ConfigError(
            f"{render(path)}.model_names: thresholds are judged on the candidate {candidate or CANDIDATE!r}, but only "
            f"{', '.join(spec.model_names)} is named"
        )


def _value_rules(threshold: _Threshold) -> list[Rule]:
    if not threshold.message.HasField("value_threshold"):
        return []
    message, path = threshold.message.value_threshold, render((*threshold.path, "value_threshold"))
    rules = [
        Rule(render(threshold.path), f"{path}.{kind.value}", threshold.target, kind, bound)
        for kind in (Kind.LOWER_BOUND, Kind.UPPER_BOUND)
        if (bound := _bound(message, kind.value, path)) is not None
    ]
    if len(rules) == 2 and rules[0].bound > rules[1].bound:
        raise ConfigError(
            f"{path}: no value lies between lower_bound = {rules[0].bound:g} and upper_bound = {rules[1].bound:g}"
        )
    return rules or [Rule(render(threshold.path), path, threshold.target, Kind.VALUE_DEFINED, math.nan)]


def _change_rules(threshold: _Threshold, directions: Mapping[str, str | None]) -> list[Rule]:
    if not threshold.message.HasField("change_threshold"):
        return []
    message, path = threshold.message.change_threshold, render((*threshold.path, "change_threshold"))
    metric = threshold.target.metric
    bounds = [(name, bound) for name in ("absolute", "relative") if (bound := _bound(message, name, path)) is not None]
    if not bounds:
        return [Rule(render(threshold.path), path, threshold.target, Kind.CHANGE_DEFINED, math.nan)]
    better = directions.get(metric, "higher")  # a metric that the results do not have is refused later, by its name
    own = {config_pb2.HIGHER_IS_BETTER: "higher", config_pb2.LOWER_IS_BETTER: "lower"}.get(message.direction)
    direction = own or better
    if direction is None:
        raise ConfigError(
            f"{path}.direction: {metric} has no direction of its own; write HIGHER_IS_BETTER or LOWER_IS_BETTER"
        )
    kinds = {
        ("absolute", "higher"): Kind.CHANGE_AT_LEAST,
        ("absolute", "lower"): Kind.CHANGE_AT_MOST,
        ("relative", "higher"): Kind.RELATIVE_CHANGE_AT_LEAST,
        ("relative", "lower"): Kind.RELATIVE_CHANGE_AT_MOST,
    }
    opposed = better is not None and direction != better
    return [
        Rule(render(threshold.path), f"{path}.{name}", threshold.target, kinds[name, direction], bound, opposed)
        for name, bound in bounds
    ]


def _bound(message: Any, name: str, path: str) -> float | None:
    if not message.HasField(name):
        return None
    bound = float(getattr(message, name).value)
    if math.isnan(bound):
        raise ConfigError(f"{path}.{name}: is not a number, so no value can be compared with it")
    return bound


def _what_is_asked(rule: Rule) -> str:
    return "both values are defined" if rule.kind is Kind.CHANGE_DEFINED else "the value is defined"
