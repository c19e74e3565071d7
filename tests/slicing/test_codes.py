"""Which slices an example is in, against an oracle that walks through the examples one by one in Python."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component import ConfigError
from evaluator_component.config import load_config
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.codes import Membership, membership
from evaluator_component.slicing.names import format_slice, matches, parse_slice
from evaluator_component.slicing.specs import groupings
from evaluator_component.slicing.values import Values

law = settings(deadline=None, derandomize=True, max_examples=150)

TYPES = {"i": pa.int64(), "j": pa.int64(), "f": pa.float32(), "s": pa.binary(), "t": pa.binary()}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-1, 2),
    "j": st.sampled_from([0, 1, 2**40, -(2**63)]),
    "f": st.sampled_from([0.0, -0.0, 1.0, 0.1, 2.5, 1e-12, 1e30, math.inf]).map(lambda v: float(np.float32(v))),
    "s": st.sampled_from([b"x", b"y", b"", b"1", b"1.0", "é".encode(), b"a, b=c", b"\xff", b"\\xff", b"Overall"]),
    "t": st.sampled_from([b"u", b"\xff\xfe", b"0"]),
}
TEXTS = ["x", "y", "1", "1.0", "0", "0.1", "2", "-1", "\\xff", "é", "absent", "1e-12", str(2**40)]

Columns = Mapping[str, Sequence[Sequence[Any]]]
Specs = Sequence[Mapping[str, Any]]


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    """Each example has 0 to 3 values of each feature, repeats among them."""
    size = draw(st.integers(0, 8))
    lengths = draw(st.sampled_from([st.integers(0, 3), st.just(1), st.integers(0, 1)]))

    def lists(name: str) -> list[list[Any]]:
        return [draw(st.lists(VALUES[name], min_size=(n := draw(lengths)), max_size=n)) for _ in range(size)]

    return {name: lists(name) for name in TYPES}


@st.composite
def specs(draw: st.DrawFn) -> Specs:
    """Slicing specs over one to three features, taken whole or with one value; the overall one; repeats."""

    def one() -> dict[str, Any]:
        names = draw(st.lists(st.sampled_from(sorted(TYPES)), max_size=3, unique=True))
        fixed = [name for name in names if draw(st.booleans())]
        return {
            "feature_keys": [name for name in names if name not in fixed],
            "feature_values": {name: draw(st.sampled_from(TEXTS)) for name in fixed},
        }

    return [one() for _ in range(draw(st.integers(1, 4)))]


def in_words(value: Any) -> Any:
    """The value as it names a slice: text for bytes, the shortest number for a float32."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        return float(np.format_float_scientific(np.float32(value))) + 0.0
    return value


def oracle(columns: Columns, specs: Specs, size: int) -> list[set[str]]:
    """The names of each example's slices."""
    result = []
    for row in range(size):
        names = set()
        for spec in specs:
            keys, wanted = spec.get("feature_keys", []), spec.get("feature_values", {})
            features = [*keys, *wanted]
            options = [{in_words(value) for value in columns[name][row]} for name in features]
            for combination in itertools.product(*options):
                pairs = dict(zip(features, combination, strict=True))
                if all(matches(pairs[name], text) for name, text in wanted.items()):
                    names.add(format_slice(list(pairs.items())))
        result.append(names)
    return result


@dataclass(frozen=True)
class Arrays:
    """Columns in memory; what is derived from a model is called like its feature."""

    arrays: Mapping[str, pa.ListArray]

    def feature(self, name: str) -> pa.ListArray:
        return self.arrays[name]

    def derived(self, values: Values) -> pa.ListArray:
        return self.arrays[values.feature]

    def where(self, row: int) -> str:
        return f"record {row}"


def compute(columns: Columns, specs: Specs, size: int, types: Mapping[str, pa.DataType] | None = None) -> Membership:
    groups = groupings(load_config({"slicing_specs": [dict(spec) for spec in specs]}).slicing_specs)
    kinds = {**TYPES, **(types or {})}
    arrays = {name: pa.array(values, pa.list_(kinds[name])) for name, values in columns.items()}
    found = membership(groups, Arrays(arrays), size)
    check_form(found, size)
    return found


def check_form(found: Membership, size: int) -> None:
    assert found.rows.dtype == found.codes.dtype == np.int32
    assert found.rows.shape == found.codes.shape
    assert len(set(zip(found.rows.tolist(), found.codes.tolist(), strict=True))) == len(found.rows), "no pair twice"
    assert len(set(found.names)) == len(found.names), "no name twice"
    occurring = set(found.codes.tolist())
    assert {name for i, name in enumerate(found.names) if i not in occurring} <= ({"Overall"} if not size else set())


def slices_of(found: Membership, size: int) -> list[set[str]]:
    result: list[set[str]] = [set() for _ in range(size)]
    for row, code in zip(found.rows.tolist(), found.codes.tolist(), strict=True):
        result[row].add(found.names[code])
    return result


@law
@given(columns(), specs())
def test_an_example_is_in_the_slices_of_its_values(columns: Columns, specs: Specs) -> None:
    size = len(columns["i"])
    assert slices_of(compute(columns, specs, size), size) == oracle(columns, specs, size)


@law
@given(columns(), specs(), st.integers(0, 8), st.integers(0, 8))
def test_a_part_of_a_column_is_sliced_as_a_column(columns: Columns, specs: Specs, start: int, stop: int) -> None:
    size = len(columns["i"])
    start, stop = sorted((min(start, size), min(stop, size)))
    groups = groupings(load_config({"slicing_specs": [dict(spec) for spec in specs]}).slicing_specs)
    arrays = {
        name: pa.array(values, pa.list_(TYPES[name])).slice(start, stop - start) for name, values in columns.items()
    }
    found = membership(groups, Arrays(arrays), stop - start)
    check_form(found, stop - start)
    assert slices_of(found, stop - start) == oracle(columns, specs, size)[start:stop]


@law
@given(columns(), specs())
def test_names_say_features_and_values(columns: Columns, specs: Specs) -> None:
    for name in compute(columns, specs, len(columns["i"])).names:
        assert format_slice(parse_slice(name)) == name


def names(columns: Columns, *specs: Mapping[str, Any], **types: pa.DataType) -> list[set[str]]:
    size = len(next(iter(columns.values())))
    return slices_of(compute(columns, specs, size, types), size)


def test_overall_holds_every_example() -> None:
    assert names({"i": [[], [1], [1, 2]]}, {}) == [{"Overall"}] * 3


def test_a_feature_with_several_values_puts_an_example_into_each() -> None:
    assert names({"i": [[1, 2], [], [2, 2]]}, {"feature_keys": ["i"]}) == [{"i=1", "i=2"}, set(), {"i=2"}]


def test_a_cross_has_every_combination_of_an_examples_values() -> None:
    columns = {"i": [[1, 2], [1]], "s": [[b"x", b"y"], []]}
    crossed = {"i=1, s=x", "i=1, s=y", "i=2, s=x", "i=2, s=y"}
    assert names(columns, {"feature_keys": ["s", "i"]}) == [crossed, set()]


def test_a_value_in_the_spec_picks_one_slice() -> None:
    columns = {"s": [[b"x"], [b"y"], [b"x", b"y"]], "i": [[1], [1], [2]]}
    assert names(columns, {"feature_values": {"s": "x"}}) == [{"s=x"}, set(), {"s=x"}]
    both = {"feature_keys": ["i"], "feature_values": {"s": "x"}}
    assert names(columns, both) == [{"i=1, s=x"}, set(), {"i=2, s=x"}]


def test_overlapping_specs_count_an_example_once() -> None:
    columns = {"i": [[1], [2]]}
    specs = ({}, {}, {"feature_keys": ["i"]}, {"feature_values": {"i": "1"}}, {"feature_values": {"i": "1"}})
    assert names(columns, *specs) == [{"Overall", "i=1"}, {"Overall", "i=2"}]


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [
        (pa.int64(), 1, "v=1"),
        (pa.float32(), 1.0, "v=1.0"),
        (pa.binary(), b"1", 'v="1"'),
        (pa.binary(), b"1.0", 'v="1.0"'),
        (pa.float32(), 0.1, "v=0.1"),
        (pa.float32(), -0.0, "v=0.0"),
        (pa.float32(), math.nan, "v=nan"),
        (pa.binary(), b"nan", 'v="nan"'),
        (pa.binary(), b"", 'v=""'),
        (pa.binary(), b"a, b=c", 'v="a, b=c"'),
        (pa.binary(), b"\xff", "v=\\xff"),
        (pa.binary(), "naïve".encode(), "v=naïve"),
    ],
)
def test_integers_floats_and_strings_are_kept_apart(kind: pa.DataType, value: Any, name: str) -> None:
    assert names({"v": [[value], []]}, {"feature_keys": ["v"]}, v=kind) == [{name}, set()]


def test_not_a_number_is_one_value() -> None:
    found = names({"f": [[math.nan], [math.nan, math.nan], [1.0]]}, {"feature_keys": ["f"]})
    assert found == [{"f=nan"}, {"f=nan"}, {"f=1.0"}]


def test_more_combinations_than_an_integer_counts_are_told_apart() -> None:
    columns = {name: [[i * 7 + k for k in range(2 if name < "c" else 1)] for i in range(300)] for name in "abcdefgh"}
    spec = {"feature_keys": list(columns)}
    found = compute(columns, [spec], 300, dict.fromkeys(columns, pa.int64()))
    assert slices_of(found, 300) == oracle(columns, [spec], 300)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"feature_keys": ["i", "i"]}, r"slicing_specs\[0\]: feature 'i' is named twice"),
        ({"feature_keys": ["i"], "feature_values": {"i": "1"}}, r"slicing_specs\[0\]: feature 'i' is named twice"),
        ({"slice_keys_sql": "SELECT 1"}, r"slicing_specs\[0\].slice_keys_sql"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(spec: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        groupings([config_pb2.SlicingSpec(**spec)])
