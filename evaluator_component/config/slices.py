"""Checks of the slices that a config asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evaluator_component.config.paths import FieldError, MapKey, Path, render
from evaluator_component.config.slice_values import FILTER, check_values, how_grouped, was_found
from evaluator_component.errors import nearest
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.values import read_values


def check_slices(config: config_pb2.EvalConfig) -> None:
    """Raises a ConfigError for a slicing spec that contradicts itself, or another one."""
    filters = {filter_name(spec): spec.filter.strip() for spec in config.slicing_specs if spec.filter}
    for path, spec in all_specs(config):
        _check_spec(spec, path)
        _check_filter(spec, path, filters)
    _check_names(config)


def all_specs(config: config_pb2.EvalConfig) -> Iterator[tuple[Path, config_pb2.SlicingSpec]]:
    """Yields every slicing spec of a config with its path: those that are made, compared, and judged."""
    for index, spec in enumerate(config.slicing_specs):
        yield ("slicing_specs", index), spec
    yield from specs_of_pairs(config)
    yield from rule_specs(config)


def specs_of_pairs(config: config_pb2.EvalConfig) -> Iterator[tuple[Path, config_pb2.SlicingSpec]]:
    """Yields every slicing spec whose slices are compared with others, with its path."""
    for path, pair in _pairs(config):
        yield (*path, "baseline_spec"), pair.baseline_spec
        for index, spec in enumerate(pair.slicing_specs):
            yield (*path, "slicing_specs", index), spec


def compared_specs(config: config_pb2.EvalConfig) -> list[config_pb2.CrossSlicingSpec]:
    """Returns the pairs of slicing specs whose slices are compared, those that only a rule names among them."""
    found: dict[bytes, config_pb2.CrossSlicingSpec] = {}
    for _, pair in _pairs(config):
        found.setdefault(pair.SerializeToString(deterministic=True), pair)
    return list(found.values())


def add_compared(config: config_pb2.EvalConfig) -> None:
    """Adds the slices that are compared to those that are made."""
    made = {spec.SerializeToString(deterministic=True) for spec in config.slicing_specs}
    for pair in compared_specs(config):
        for spec in (pair.baseline_spec, *pair.slicing_specs):
            written = spec.SerializeToString(deterministic=True)
            if written not in made:
                made.add(written)
                config.slicing_specs.add().CopyFrom(spec)


def _pairs(config: config_pb2.EvalConfig) -> Iterator[tuple[Path, config_pb2.CrossSlicingSpec]]:
    """Yields every pair of slicing specs."""
    for index, pair in enumerate(config.cross_slicing_specs):
        yield ("cross_slicing_specs", index), pair
    for path, rules in rule_lists(config, "cross_slice_thresholds"):
        for number, rule in enumerate(rules):
            for index, pair in enumerate(rule.cross_slicing_specs):
                yield (*path, number, "cross_slicing_specs", index), pair


def rule_specs(config: config_pb2.EvalConfig) -> Iterator[tuple[Path, config_pb2.SlicingSpec]]:
    """Yields the slicing specs of all rules for single slices, with their paths."""
    for path, rules in rule_lists(config, "per_slice_thresholds"):
        for number, rule in enumerate(rules):
            for position, slicing in enumerate(rule.slicing_specs):
                yield (*path, number, "slicing_specs", position), slicing


def rule_lists(config: config_pb2.EvalConfig, field: str) -> Iterator[tuple[Path, Any]]:
    """Yields the lists of rules of a field (per_slice_thresholds, cross_slice_thresholds), with their paths."""
    for index, spec in enumerate(config.metrics_specs):
        here: Path = ("metrics_specs", index)
        for number, metric in enumerate(spec.metrics):
            yield (*here, "metrics", number, field), getattr(metric, field)
        for name, rules in sorted(getattr(spec, field).items()):
            yield (*here, field, MapKey(name), "thresholds"), rules.thresholds


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
    features = named_features(spec)
    for index, values in enumerate(spec.values):
        here: Path = (*path, "values", index)
        if values.feature in [other.feature for other in spec.values[:index]]:
            raise FieldError((*here, "feature"), f"{values.feature!r} is described twice")
        if values.feature not in features:
            hint = nearest(values.feature, features) or "add it there"
            problem = f"{values.feature!r} is neither in feature_keys nor in feature_values of this spec; {hint}"
            raise FieldError((*here, "feature"), problem)
        check_values(values, here)
        _check_named(values, spec, path)


def _check_named(message: config_pb2.SliceValues, spec: config_pb2.SlicingSpec, path: Path) -> None:
    """A value that the spec names must be one of the slices that it describes."""
    name, values = spec.feature_values.get(message.feature, ""), read_values(message, "")
    if name and not values.can_be_named(name, values.is_bucketed):
        kind = "none of the buckets of these edges" if values.edges else "no slice that these values make"
        made = f"one of {', '.join(values.known_names)}" if values.edges else values.slices_told()
        problem = f"{name!r} is {kind}; expected {made}"
        raise FieldError((*path, "feature_values", MapKey(message.feature)), problem)


def _check_filter(spec: config_pb2.SlicingSpec, path: Path, filters: Mapping[str, str]) -> None:
    if spec.filter_name and not spec.filter:
        known = filters.get(spec.filter_name, "")
        step = f"repeat the filter of that name, filter: {known}" if known else "add filter, or leave it out"
        raise FieldError((*path, "filter_name"), f"there is no filter to name; {step}")
    if spec.filter and not spec.filter.strip():
        raise FieldError((*path, "filter"), "blank; write an expression, for example fare > 20")
    if spec.filter and FILTER in named_features(spec):
        problem = f"a feature of this spec is called {FILTER!r}, as filters are in the names of slices; leave one out"
        raise FieldError((*path, "filter"), problem)
    if spec.slice_keys_sql and (named_features(spec) or spec.filter):
        problem = "stands alone: put what feature_keys, feature_values and filter say into the SELECT, or into a spec"
        raise FieldError((*path, "slice_keys_sql"), f"{problem} of its own")


def _check_names(config: config_pb2.EvalConfig) -> None:
    """One name in slices has one meaning: a feature has one source and is grouped in one way, a filter has its own."""
    made = [(("slicing_specs", index), spec) for index, spec in enumerate(config.slicing_specs)]
    sources: dict[str, tuple[Any, Path]] = {}
    grouped: dict[str, tuple[Any, Path]] = {}
    found: dict[str, tuple[Any, Path]] = {}
    filters: dict[str, tuple[Any, Path]] = {}
    for path, spec in made:
        described = {values.feature: (index, values) for index, values in enumerate(spec.values)}
        for name in named_features(spec):
            index, values = described.get(name, (0, config_pb2.SliceValues()))
            here: Path = (*path, "values", index) if name in described else path
            _check_same(sources, name, (values.source, values.output), here, f"{name!r} comes from somewhere else in")
            if how_grouped(values):
                _check_same(grouped, name, how_grouped(values), here, f"{name!r} is grouped in another way in")
            if was_found(values):
                _check_same(found, name, was_found(values), here, f"something else was found of {name!r} in")
        if spec.filter:
            name = filter_name(spec)
            _check_same(
                filters, name, spec.filter.strip(), (*path, "filter"), f"{name!r} is the name of another filter in"
            )


def _check_same(known: dict[str, tuple[Any, Path]], name: str, value: Any, path: Path, problem: str) -> None:
    first, place = known.setdefault(name, (value, path))
    if first != value:
        raise FieldError(path, f"{problem} {render(place)}; a name in slices can mean one thing only")


def put_found(config: config_pb2.EvalConfig, source: config_pb2.EvalConfig) -> None:
    """Adds what was found of a feature's values wherever a config groups them so.

    Args:
        config: Is changed: in the slices that it makes, compares and judges.
        source: The config whose ``slicing_specs`` say what was found.
    """
    known = [values for spec in source.slicing_specs for values in spec.values if was_found(values)]
    found = {(values.feature, how_grouped(values)): values for values in known}
    for _, spec in all_specs(config):
        for values in spec.values:
            same = found.get((values.feature, how_grouped(values)))
            if same is not None and not was_found(values):
                values.found_edges.extend(same.found_edges)
                values.found_values.extend(same.found_values)


def filter_name(spec: config_pb2.SlicingSpec) -> str:
    """What a spec's filter is called in slices."""
    return spec.filter_name or spec.filter.strip()


def named_features(spec: config_pb2.SlicingSpec) -> list[str]:
    """The features that a spec names, sorted."""
    return sorted({*spec.feature_keys, *spec.feature_values})
