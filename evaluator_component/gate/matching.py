"""Which slices a slicing spec means."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import numpy.typing as npt

from evaluator_component.config.slice_values import FILTER, how_grouped
from evaluator_component.config.slices import filter_name
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.names import (
    OVERALL,
    Group,
    Value,
    format_pair,
    format_value,
    matches,
    numeral,
    parse_pair,
    parse_slice,
    single,
)
from evaluator_component.slicing.nearest import nearest_slice
from evaluator_component.slicing.sql_slices import read_sql
from evaluator_component.slicing.values import as_text, read_values

Codes = npt.NDArray[np.int64]
Kind = tuple[tuple[str, ...], str]

_SHOWN_VALUES = 20


@dataclass
class _Group:
    """The slices that are made of the same features."""

    codes: list[int] = field(default_factory=list)
    by_value: list[dict[object, list[int]]] = field(default_factory=list)
    values: list[dict[tuple[type, str], tuple[Value, list[int]]]] = field(default_factory=list)

    def occurring(self, position: int) -> list[Value]:
        """The values, and groups of values, of one of the features."""
        return [value for value, _ in self.values[position].values()]


class SliceIndex:
    """Finds slices by the features and values that they are made of.

    A spec matches the slices of exactly its features and filter: any value, or group of values, of a feature in
    ``feature_keys``, the given one of a feature in ``feature_values``; of a feature in ``values``, those that these
    make. An empty spec matches the overall slice.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._groups: dict[Kind, _Group] = {}
        codes = {name: code for code, name in enumerate(names)}
        self._of_pairs: list[tuple[int, int, int]] = []
        for code, name in enumerate(names):
            both = parse_pair(name)
            if both is not None:
                self._of_pairs.append((code, codes.get(both[0], -1), codes.get(both[1], -1)))
                continue
            pairs = parse_slice(name)
            chosen = next((value.text for key, value in pairs if key == FILTER and isinstance(value, Group)), "")
            if chosen:
                pairs = tuple(pair for pair in pairs if pair[0] != FILTER)
            group = self._groups.setdefault((tuple(feature for feature, _ in pairs), chosen), _Group())
            if not group.by_value:
                group.by_value = [{} for _ in pairs]
                group.values = [{} for _ in pairs]
            group.codes.append(code)
            for position, (_, value) in enumerate(pairs):
                for key in _keys(value):
                    group.by_value[position].setdefault(key, []).append(code)
                written = type(value), format_value(value)
                group.values[position].setdefault(written, (value, []))[1].append(code)

    def match(self, spec: config_pb2.SlicingSpec) -> Codes:
        """Returns the codes of the slices that the spec means, in ascending order."""
        features = spec_features(spec)
        group = self._groups.get((features, filter_name(spec)))
        if group is None:
            return np.zeros(0, np.int64)
        found = [np.asarray(group.codes, np.int64)]
        for message in spec.values:
            made = read_values(message, "")
            by_slice = group.values[features.index(message.feature)]
            codes = {code for value, own in by_slice.values() if made.makes(value) for code in own}
            found.append(np.asarray(sorted(codes), np.int64))
        for position, feature in enumerate(features):
            if feature in spec.feature_values:
                by_value = group.by_value[position]
                codes = {code for key in _meant(spec.feature_values[feature]) for code in by_value.get(key, ())}
                found.append(np.asarray(sorted(codes), np.int64))
        return reduce(np.intersect1d, found)

    def match_pairs(self, spec: config_pb2.CrossSlicingSpec) -> Codes:
        """Returns the codes of the differences that a spec of pairs means; without slicing_specs, with any slice."""
        left = set(self.match(spec.baseline_spec).tolist())
        right = {code for one in spec.slicing_specs for code in self.match(one).tolist()}
        anything = not spec.slicing_specs
        found = [code for code, a, b in self._of_pairs if a in left and (b in right or (anything and b not in left))]
        return np.asarray(sorted(found), np.int64)

    def occurring(self, spec: config_pb2.SlicingSpec) -> str:
        """Returns what there is instead of a spec that matches nothing, for a message."""
        features, chosen = spec_features(spec), filter_name(spec)
        group = self._groups.get((features, chosen))
        if group is None:
            known = ", ".join(sorted(_described(*kind) for kind in self._groups)) or "nothing"
            return f"no slices of {_described(features, chosen)} were evaluated; there are slices of {known}"
        return "; ".join(
            _instead(feature, spec.feature_values.get(feature, ""), group.occurring(position))
            for position, feature in enumerate(features)
            if feature in spec.feature_values or feature in {values.feature for values in spec.values}
        )


def spec_features(spec: config_pb2.SlicingSpec) -> tuple[str, ...]:
    """Returns the features that a spec slices by, sorted: with SQL, the names of the fields of its STRUCT."""
    if spec.slice_keys_sql:
        return read_sql(spec.slice_keys_sql, "slice_keys_sql").keys
    return tuple(sorted({*spec.feature_keys, *spec.feature_values}))


def describe_spec(spec: config_pb2.SlicingSpec) -> str:
    """Returns the spec in the manner of a slice's name, with * for any value."""
    grouped = {values.feature for values in spec.values if how_grouped(values)}
    pairs = [
        f"{feature}{'∈' if feature in grouped else '='}{spec.feature_values.get(feature, '*')}"
        for feature in spec_features(spec)
    ]
    if spec.filter:
        pairs.append(f"{FILTER}∈{format_value(Group(filter_name(spec)))}")
    return ", ".join(pairs) or OVERALL


def describe_pair(spec: config_pb2.CrossSlicingSpec) -> str:
    """Returns a spec of pairs in the manner of a difference's name."""
    others = " or ".join(describe_spec(one) for one in spec.slicing_specs) or "any other slice"
    return format_pair(describe_spec(spec.baseline_spec), others)


def _described(features: tuple[str, ...], chosen: str) -> str:
    """What slices are of."""
    return " × ".join([*features, *([f"the filter {chosen}"] if chosen else [])]) or OVERALL


def _keys(value: Value) -> tuple[object, ...]:
    """Returns what finds the value in an index: equal numbers have an equal key, however they are stored."""
    if isinstance(value, Group):
        return (("group", value.text),)
    if isinstance(value, str):
        return (("text", value),)
    number = "nan" if math.isnan(value) else value
    return (number, ("single", number)) if isinstance(value, float) else (number,)


def _meant(text: str) -> set[object]:
    """Returns the keys of all values that a spec's text means; the same values as `names.matches` says."""
    keys: set[object] = {("text", text), ("group", text)}
    number = numeral(text)
    if number is not None:
        keys |= {"nan"} if math.isnan(number) else {number, ("single", single(number))}
    return keys


def _instead(feature: str, text: str, values: Collection[Value]) -> str:
    """The values of a feature that occur, and which of them a text was probably meant for, if it is none itself."""
    told = f"values of {feature} that occur: {_listed(values)}"
    if not text or any(matches(value, text) for value in values):
        return told
    near = nearest_slice(text, [value.text if isinstance(value, Group) else as_text(value) for value in values])
    return f"{told}; did you mean {near!r}?" if near else told


def _listed(values: Collection[Value]) -> str:
    numbers = sorted((v for v in values if isinstance(v, (int, float))), key=lambda v: (math.isnan(v), v))
    texts = sorted(v for v in values if isinstance(v, str))
    groups = sorted(v.text for v in values if isinstance(v, Group))
    kinds = [("", [format_value(value) for value in (*numbers, *texts)]), ("groups of values: ", groups)]
    return "; ".join(
        heading + ", ".join(words[:_SHOWN_VALUES]) + (f", … ({len(words):,} in all)" if words[_SHOWN_VALUES:] else "")
        for heading, words in kinds
        if words
    )
