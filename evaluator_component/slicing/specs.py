"""Slicing specs → groupings: each distinct set of features once, with the values that are wanted of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluator_component.config.slice_values import FILTER
from evaluator_component.config.slices import filter_name
from evaluator_component.errors import ConfigError
from evaluator_component.slicing.filters import Filter, read_filter
from evaluator_component.slicing.sql_slices import SqlSlices, read_sql
from evaluator_component.slicing.values import FEATURE, Values, read_values

Condition = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Grouping:
    """A set of features whose combinations of values are slices.

    Attributes:
        features: Sorted names, as slices have them; empty for the overall slice.
        wanted: Which combinations are slices: those that match one of these mappings from feature to value (as
            text); an empty mapping matches all.
        values: Of the features whose slices are not just the values of a column.
        filter: Which examples are in the slices; its name is the value of the feature "filter". None for all.
        sql: The SELECT that gives the slices of each example; None where they are made of the features themselves.
    """

    features: tuple[str, ...]
    wanted: tuple[Condition, ...]
    values: tuple[Values, ...] = ()
    filter: Filter | None = None
    sql: SqlSlices | None = None

    @property
    def takes_all(self) -> bool:
        """Whether every combination is a slice."""
        return any(not condition for condition in self.wanted)

    @property
    def columns(self) -> tuple[str, ...]:
        """The features of the data that it reads."""
        if self.sql is not None:
            return self.sql.columns
        made = {values.feature for values in self.values if values.source != FEATURE}
        if self.filter is None:
            return tuple(name for name in self.features if name not in made)
        own = {name for name in self.features if name not in made and name != FILTER}
        return tuple(sorted({*own, *self.filter.columns}))

    def values_of(self, feature: str) -> Values | None:
        """Where a feature's values come from and how they are grouped; None for the values of the column."""
        return next((values for values in self.values if values.feature == feature), None)

    def described(self) -> str:
        """The features, for a message."""
        known = {values.feature: values.described() for values in self.values}
        if self.filter is not None:
            known[FILTER] = self.filter.name
        return " × ".join(known.get(name, name) for name in self.features) or "Overall"


def groupings(specs: Sequence[Any]) -> tuple[Grouping, ...]:
    """Merges slicing specs, so that no combination of values is computed twice.

    Args:
        specs: SlicingSpec messages.

    Returns:
        One grouping per distinct set of features and ways to group them, the overall one included if it is asked for.

    Raises:
        ConfigError: A spec has a repeated feature, or SQL that cannot be parsed.
    """
    wanted: dict[Grouping, list[Condition]] = {}
    for i, spec in enumerate(specs):
        path = f"slicing_specs[{i}]"
        if spec.slice_keys_sql:
            select = read_sql(spec.slice_keys_sql, f"{path}.slice_keys_sql")
            wanted.setdefault(Grouping(select.keys, (), sql=select), [()])
            continue
        names = [*spec.feature_keys, *spec.feature_values]
        chosen = read_filter(spec.filter, filter_name(spec), f"{path}.filter") if spec.filter else None
        if len(set(names)) != len(names):
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise ConfigError(f"{path}: feature {repeated[0]!r} is named twice; name it in one place")
        values = [read_values(one, f"{path}.values[{j}]") for j, one in enumerate(spec.values)]
        features = tuple(sorted([*names, FILTER] if chosen else names))
        kind = Grouping(features, (), tuple(sorted(values, key=lambda one: one.feature)), chosen)
        condition = tuple(sorted(spec.feature_values.items()))
        conditions = wanted.setdefault(kind, [])
        if condition not in conditions:
            conditions.append(condition)
    ordered = sorted(wanted.items(), key=lambda item: item[0].features)
    return tuple(replace(kind, wanted=tuple(conditions)) for kind, conditions in ordered)


def feature_paths(specs: Sequence[Any]) -> Mapping[str, str]:
    """The config path at which each slicing feature is first named."""
    paths: dict[str, str] = {}
    for i, spec in enumerate(specs):
        for j, name in enumerate(spec.feature_keys):
            paths.setdefault(name, f"slicing_specs[{i}].feature_keys[{j}]")
        for name in spec.feature_values:
            paths.setdefault(name, f"slicing_specs[{i}].feature_values[{name!r}]")
        path = f"slicing_specs[{i}]"
        if spec.filter:
            for name in read_filter(spec.filter, filter_name(spec), f"{path}.filter").columns:
                paths.setdefault(name, f"{path}.filter")
        if spec.slice_keys_sql:
            for name in read_sql(spec.slice_keys_sql, f"{path}.slice_keys_sql").columns:
                paths.setdefault(name, f"{path}.slice_keys_sql")
    return paths


def check_kinds(groups: Sequence[Grouping], kinds: Mapping[str, str]) -> None:
    """Raises a ConfigError where the features do not hold what they are sliced by: strings for buckets, for example.

    Args:
        groups: The groupings.
        kinds: What features hold: "string", "int" or "float".
    """
    for group in groups:
        if group.filter is not None:
            group.filter.check(kinds)
        if group.sql is not None:
            group.sql.check(kinds)
        for values in group.values:
            if values.source == FEATURE and values.is_bucketed and kinds.get(values.feature) == "string":
                raise ConfigError(values.not_numbers())
