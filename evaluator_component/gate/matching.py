"""Which slices a slicing spec means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import numpy.typing as npt

from evaluator_component.proto import config_pb2
from evaluator_component.slicing.names import OVERALL, Value, format_value, numeral, parse_slice, single

Codes = npt.NDArray[np.int64]

_SHOWN_VALUES = 20


@dataclass
class _Group:
    """The slices that are made of the same features."""

    codes: list[int] = field(default_factory=list)
    by_value: list[dict[object, list[int]]] = field(default_factory=list)
    values: list[dict[str, Value]] = field(default_factory=list)


class SliceIndex:
    """Finds slices by the features and values that they are made of.

    A spec matches the slices of exactly its features: any value of a feature in ``feature_keys``, the given value of
    one in ``feature_values``. An empty spec matches the overall slice.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._groups: dict[tuple[str, ...], _Group] = {}
        for code, name in enumerate(names):
            pairs = parse_slice(name)
            group = self._groups.setdefault(tuple(feature for feature, _ in pairs), _Group())
            if not group.by_value:
                group.by_value = [{} for _ in pairs]
                group.values = [{} for _ in pairs]
            group.codes.append(code)
            for position, (_, value) in enumerate(pairs):
                for key in _keys(value):
                    group.by_value[position].setdefault(key, []).append(code)
                group.values[position].setdefault(format_value(value), value)

    def match(self, spec: config_pb2.SlicingSpec) -> Codes:
        """Returns the codes of the slices that the spec means, in ascending order."""
        features = spec_features(spec)
        group = self._groups.get(features)
        if group is None:
            return np.zeros(0, np.int64)
        found = [np.asarray(group.codes, np.int64)]
        for position, feature in enumerate(features):
            if feature in spec.feature_values:
                by_value = group.by_value[position]
                codes = {code for key in _meant(spec.feature_values[feature]) for code in by_value.get(key, ())}
                found.append(np.asarray(sorted(codes), np.int64))
        return reduce(np.intersect1d, found)

    def occurring(self, spec: config_pb2.SlicingSpec) -> str:
        """Returns what there is instead of a spec that matches nothing, for a message."""
        features = spec_features(spec)
        group = self._groups.get(features)
        if group is None:
            known = ", ".join(sorted(" × ".join(names) or OVERALL for names in self._groups)) or "nothing"
            return f"no slices of {' × '.join(features) or OVERALL} were evaluated; there are slices of {known}"
        return "; ".join(
            f"values of {feature} that occur: {_listed(group.values[position])}"
            for position, feature in enumerate(features)
            if feature in spec.feature_values
        )


def spec_features(spec: config_pb2.SlicingSpec) -> tuple[str, ...]:
    """Returns the features that a spec slices by, sorted."""
    return tuple(sorted({*spec.feature_keys, *spec.feature_values}))


def describe_spec(spec: config_pb2.SlicingSpec) -> str:
    """Returns the spec in the manner of a slice's name, with * for any value."""
    pairs = [f"{feature}={spec.feature_values.get(feature, '*')}" for feature in spec_features(spec)]
    return ", ".join(pairs) or OVERALL


def _keys(value: Value) -> tuple[object, ...]:
    """Returns what finds the value in an index: equal numbers have an equal key, however they are stored."""
    if isinstance(value, str):
        return (("text", value),)
    number = "nan" if math.isnan(value) else value
    return (number, ("single", number)) if isinstance(value, float) else (number,)


def _meant(text: str) -> set[object]:
    """Returns the keys of all values that a spec's text means; the same values as `names.matches` says."""
    keys: set[object] = {("text", text)}
    number = numeral(text)
    if number is not None:
        keys |= {"nan"} if math.isnan(number) else {number, ("single", single(number))}
    return keys


def _listed(values: dict[str, Value]) -> str:
    numbers = sorted((v for v in values.values() if not isinstance(v, str)), key=lambda v: (math.isnan(v), v))
    texts = sorted(v for v in values.values() if isinstance(v, str))
    shown = [format_value(value) for value in (*numbers, *texts)][:_SHOWN_VALUES]
    return ", ".join(shown) + (f", … ({len(values):,} in all)" if len(values) > _SHOWN_VALUES else "")
