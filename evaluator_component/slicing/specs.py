"""Slicing specs → groupings: each distinct set of features once, with the values that are wanted of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator_component.errors import ConfigError


@dataclass(frozen=True)
class Grouping:
    """A set of features whose combinations of values are slices.

    Attributes:
        features: Sorted names; empty for the overall slice.
        wanted: Which combinations are slices: those that match one of these mappings from feature to value (as
            text); an empty mapping matches all.
    """

    features: tuple[str, ...]
    wanted: tuple[tuple[tuple[str, str], ...], ...]

    @property
    def takes_all(self) -> bool:
        """Whether every combination is a slice."""
        return any(not condition for condition in self.wanted)


def groupings(specs: Sequence[Any]) -> tuple[Grouping, ...]:
    """Merges slicing specs, so that no slice is counted twice.

    Args:
        specs: SlicingSpec messages.

    Returns:
        One grouping per distinct set of features, the overall one included if it is asked for.

    Raises:
        ConfigError: A spec has a repeated feature, or slices by SQL.
    """
    wanted: dict[tuple[str, ...], list[tuple[tuple[str, str], ...]]] = {}
    for i, spec in enumerate(specs):
        path = f"slicing_specs[{i}]"
        if spec.slice_keys_sql:
            raise ConfigError(f"{path}.slice_keys_sql: slicing by SQL is not supported yet; use feature_keys")
        names = [*spec.feature_keys, *spec.feature_values]
        if len(set(names)) != len(names):
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise ConfigError(f"{path}: feature {repeated[0]!r} is named twice; name it in one place")
        condition = tuple(sorted(spec.feature_values.items()))
        conditions = wanted.setdefault(tuple(sorted(names)), [])
        if condition not in conditions:
            conditions.append(condition)
    return tuple(Grouping(features, tuple(conditions)) for features, conditions in sorted(wanted.items()))


def feature_paths(specs: Sequence[Any]) -> Mapping[str, str]:
    """The config path at which each slicing feature is first named."""
    paths: dict[str, str] = {}
    for i, spec in enumerate(specs):
        for j, name in enumerate(spec.feature_keys):
            paths.setdefault(name, f"slicing_specs[{i}].feature_keys[{j}]")
        for name in spec.feature_values:
            paths.setdefault(name, f"slicing_specs[{i}].feature_values[{name!r}]")
    return paths
