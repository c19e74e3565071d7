"""Slicing specs → groupings: each distinct set of features once, with the values that are wanted of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator_component.errors import ConfigError
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
    """

    features: tuple[str, ...]
    wanted: tuple[Condition, ...]
    values: tuple[Values, ...] = ()

    @property
    def takes_all(self) -> bool:
        """Whether every combination is a slice."""
        return any(not condition for condition in self.wanted)

    @property
    def columns(self) -> tuple[str, ...]:
        """The features of the data that it reads."""
        made = {values.feature for values in self.values if values.source != FEATURE}
        return tuple(name for name in self.features if name not in made)

    def values_of(self, feature: str) -> Values | None:
        """Where a feature's values come from and how they are grouped; None for the values of the column."""
        return next((values for values in self.values if values.feature == feature), None)

    def described(self) -> str:
        """The features, for a message."""
        known = {values.feature: values.described() for values in self.values}
        return " × ".join(known.get(name, name) for name in self.features) or "Overall"


def groupings(specs: Sequence[Any]) -> tuple[Grouping, ...]:
    """Merges slicing specs, so that no combination of values is computed twice.

    Args:
        specs: SlicingSpec messages.

    Returns:
        One grouping per distinct set of features and ways to group them, the overall one included if it is asked for.

    Raises:
        ConfigError: A spec has a repeated feature, or slices by SQL.
    """
    wanted: dict[tuple[tuple[str, ...], tuple[Values, ...]], list[Condition]] = {}
    for i, spec in enumerate(specs):
        path = f"slicing_specs[{i}]"
        if spec.slice_keys_sql:
            raise ConfigError(f"{path}.slice_keys_sql: slicing by SQL is not supported yet; use feature_keys")
        names = [*spec.feature_keys, *spec.feature_values]
        if len(set(names)) != len(names):
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise ConfigError(f"{path}: feature {repeated[0]!r} is named twice; name it in one place")
        values = [read_values(one, f"{path}.values[{j}]") for j, one in enumerate(spec.values)]
        kind = tuple(sorted(names)), tuple(sorted(values, key=lambda one: one.feature))
        condition = tuple(sorted(spec.feature_values.items()))
        conditions = wanted.setdefault(kind, [])
        if condition not in conditions:
            conditions.append(condition)
    ordered = sorted(wanted.items(), key=lambda item: item[0][0])
    return tuple(Grouping(features, tuple(conditions), values) for (features, values), conditions in ordered)


def feature_paths(specs: Sequence[Any]) -> Mapping[str, str]:
    """The config path at which each slicing feature is first named."""
    paths: dict[str, str] = {}
    for i, spec in enumerate(specs):
        for j, name in enumerate(spec.feature_keys):
            paths.setdefault(name, f"slicing_specs[{i}].feature_keys[{j}]")
        for name in spec.feature_values:
            paths.setdefault(name, f"slicing_specs[{i}].feature_values[{name!r}]")
    return paths


def check_values(groups: Sequence[Grouping], kinds: Mapping[str, str]) -> None:
    """Raises a ConfigError where features that hold strings are put into buckets.

    Args:
        groups: The groupings.
        kinds: What features hold: "string", "int" or "float".
    """
    for group in groups:
        for values in group.values:
            if values.source == FEATURE and values.is_bucketed and kinds.get(values.feature) == "string":
                raise ConfigError(values.not_numbers())
