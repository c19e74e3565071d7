"""Checks of the slices that a config asks for, and of the slices that its rules speak of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluator_component.config.paths import FieldError, MapKey, Path
from evaluator_component.errors import nearest
from evaluator_component.proto import config_pb2


def check_slices(config: config_pb2.EvalConfig) -> None:
    """Raises a ConfigError for a slicing spec that contradicts itself, or a rule for slices that are never made."""
    for index, spec in enumerate(config.slicing_specs):
        _check_spec(spec, ("slicing_specs", index))
    for index, pair in enumerate(config.cross_slicing_specs):
        _check_pair(pair, ("cross_slicing_specs", index))
    for path, spec in _rule_specs(config):
        _check_spec(spec, path)
        if not _is_made(spec, config):
            made = sorted({feature for known in config.slicing_specs for feature in _features(known)})
            hint = nearest(_features(spec)[0], made)
            problem = f"no entry of slicing_specs makes slices of {' and '.join(_features(spec))}; add one"
            raise FieldError(path, f"{problem} ({hint})" if hint else problem)


def _check_pair(pair: config_pb2.CrossSlicingSpec, path: Path) -> None:
    _check_spec(pair.baseline_spec, (*path, "baseline_spec"))
    for index, spec in enumerate(pair.slicing_specs):
        _check_spec(spec, (*path, "slicing_specs", index))


def _check_spec(spec: config_pb2.SlicingSpec, path: Path) -> None:
    keys = list(spec.feature_keys)
    for index, key in enumerate(keys):
        if not key:
            raise FieldError((*path, "feature_keys", index), "empty; give the feature's name")
        if key in keys[:index]:
            raise FieldError((*path, "feature_keys", index), f"{key!r} is named twice")
        if key in spec.feature_values:
            problem = f"{key!r} is in feature_values as well; it can be in only one of the two"
            raise FieldError((*path, "feature_keys", index), problem)
    if "" in spec.feature_values:
        raise FieldError((*path, "feature_values", MapKey("")), "empty; give the feature's name")


def _is_made(spec: config_pb2.SlicingSpec, config: config_pb2.EvalConfig) -> bool:
    """Returns whether slices of the spec's features are computed; with SQL or an overall spec, that is not judged."""
    if not _features(spec) or spec.slice_keys_sql or any(made.slice_keys_sql for made in config.slicing_specs):
        return True
    return any(_features(made) == _features(spec) for made in config.slicing_specs)


def _features(spec: config_pb2.SlicingSpec) -> list[str]:
    return sorted({*spec.feature_keys, *spec.feature_values})


def _rule_specs(config: config_pb2.EvalConfig) -> Iterator[tuple[Path, Any]]:
    """Yields the slicing specs of all rules for single slices, with their paths."""
    for index, spec in enumerate(config.metrics_specs):
        here: Path = ("metrics_specs", index)
        groups: list[tuple[Path, Any]] = [
            ((*here, "metrics", number, "per_slice_thresholds"), metric.per_slice_thresholds)
            for number, metric in enumerate(spec.metrics)
        ]
        groups += [
            ((*here, "per_slice_thresholds", MapKey(name), "thresholds"), rules.thresholds)
            for name, rules in sorted(spec.per_slice_thresholds.items())
        ]
        for path, rules in groups:
            for number, rule in enumerate(rules):
                for position, slicing in enumerate(rule.slicing_specs):
                    yield (*path, number, "slicing_specs", position), slicing
