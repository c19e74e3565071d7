"""Checks of the slices that a config asks for, and of the slices that its rules speak of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from evaluator_component.config.paths import FieldError, MapKey, Path, render
from evaluator_component.config.slice_values import FILTER, check_values, how_grouped, meaning, was_found
from evaluator_component.errors import nearest
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.values import MISSING, bucket_names


def check_slices(config: config_pb2.EvalConfig) -> None:
    """Raises a ConfigError for a slicing spec that contradicts itself, or a rule for slices that are never made."""
    for path, spec in all_specs(config):
        _check_spec(spec, path)
    _check_names(config)
    for path, spec in _rule_specs(config):
        if _is_named(spec) and not any(_makes(made, spec, index) for index, made in enumerate(config.slicing_specs)):
            raise FieldError(path, _never_made(spec, config))


def all_specs(config: config_pb2.EvalConfig) -> Iterator[tuple[Path, config_pb2.SlicingSpec]]:
    """Yields every slicing spec of a config with its path: those that are made, compared, and judged."""
    for index, spec in enumerate(config.slicing_specs):
        yield ("slicing_specs", index), spec
    for path, pair in _pairs(config):
        yield (*path, "baseline_spec"), pair.baseline_spec
        for index, spec in enumerate(pair.slicing_specs):
            yield (*path, "slicing_specs", index), spec
    yield from _rule_specs(config)


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


def _rule_specs(config: config_pb2.EvalConfig) -> Iterator[tuple[Path, config_pb2.SlicingSpec]]:
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
    features = _features(spec)
    for index, values in enumerate(spec.values):
        here: Path = (*path, "values", index)
        if values.feature in [other.feature for other in spec.values[:index]]:
            raise FieldError((*here, "feature"), f"{values.feature!r} is described twice")
        if values.feature not in features:
            hint = nearest(values.feature, features) or "add it there"
            problem = f"{values.feature!r} is neither in feature_keys nor in feature_values of this spec; {hint}"
            raise FieldError((*here, "feature"), problem)
        check_values(values, here)
        _check_bucket(values, spec, path)
    _check_filter(spec, path)


def _check_bucket(values: config_pb2.SliceValues, spec: config_pb2.SlicingSpec, path: Path) -> None:
    """A value that the spec names must be one of the buckets that it describes."""
    name = spec.feature_values.get(values.feature, "")
    known = [bucket.text for bucket in bucket_names(values.edges)] + [MISSING.text] * values.missing
    if name and values.edges and name not in known:
        problem = f"{name!r} is none of the buckets of these edges; expected one of {', '.join(known)}"
        raise FieldError((*path, "feature_values", MapKey(values.feature)), problem)


def _check_filter(spec: config_pb2.SlicingSpec, path: Path) -> None:
    if spec.filter_name and not spec.filter:
        raise FieldError((*path, "filter_name"), "there is no filter to name; add filter, or leave it out")
    if spec.filter and not spec.filter.strip():
        raise FieldError((*path, "filter"), "blank; write an expression, for example fare > 20")
    if spec.filter and FILTER in _features(spec):
        problem = f"a feature of this spec is called {FILTER!r}, as filters are in the names of slices; leave one out"
        raise FieldError((*path, "filter"), problem)
    if spec.slice_keys_sql and (_features(spec) or spec.filter):
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
        for name in _features(spec):
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


def _is_named(spec: config_pb2.SlicingSpec) -> bool:
    """Whether a spec says by names which slices it means: not by SQL, and not all examples."""
    return bool(_features(spec) or spec.filter) and not spec.slice_keys_sql


def _makes(made: config_pb2.SlicingSpec, wanted: config_pb2.SlicingSpec, index: int) -> bool:
    """Whether a spec, of this index among ``slicing_specs``, makes slices that a rule's spec can mean."""
    known = {values.feature: meaning(values) for values in made.values}
    return (
        _made_features(made, index) == _features(wanted)
        and (made.filter.strip(), filter_name(made)) == (wanted.filter.strip(), filter_name(wanted))
        and all(known.get(values.feature) == meaning(values) for values in wanted.values)
    )


def _made_features(spec: config_pb2.SlicingSpec, index: int) -> list[str]:
    """The features of the slices that a spec makes."""
    if not spec.slice_keys_sql:
        return _features(spec)
    from evaluator_component.slicing.sql_slices import read_sql

    return list(read_sql(spec.slice_keys_sql, f"slicing_specs[{index}].slice_keys_sql").keys)


def _never_made(spec: config_pb2.SlicingSpec, config: config_pb2.EvalConfig) -> str:
    features = _features(spec)
    what = f"slices of {' and '.join(features)}" if features else "slices"
    if spec.filter:
        what += f" with the filter {filter_name(spec)}"
    if spec.values and any(_features(made) == features for made in config.slicing_specs):
        return f"no entry of slicing_specs makes {what} from these values; write values as in the entry that makes them"
    problem = f"no entry of slicing_specs makes {what}; add one"
    if spec.filter:
        hint = nearest(filter_name(spec), [filter_name(made) for made in config.slicing_specs if made.filter])
    else:
        made = (_made_features(spec, index) for index, spec in enumerate(config.slicing_specs))
        hint = nearest(features[0], itertools.chain(*made))
    return f"{problem} ({hint})" if hint else problem


def _features(spec: config_pb2.SlicingSpec) -> list[str]:
    return sorted({*spec.feature_keys, *spec.feature_values})
