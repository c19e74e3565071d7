"""Which groups of values an example is in, against an oracle that takes one value after another."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evaluator_component.config import load_config
from evaluator_component.errors import ConfigError
from evaluator_component.slicing.codes import membership
from evaluator_component.slicing.encoding import encode_groups, shortest
from evaluator_component.slicing.names import Group, Value, format_slice, parse_slice
from evaluator_component.slicing.specs import groupings
from evaluator_component.slicing.values import Values, bucket_names
from tests.slicing.test_codes import Arrays, check_form, slices_of

law = settings(deadline=None, derandomize=True, max_examples=200)
EDGES = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5, unique=True).map(sorted)
FLOATS = st.floats(width=32) | st.sampled_from([0.1, 0.7, 20.0, -0.0, math.inf, -math.inf, math.nan])


def found(array: pa.ListArray, values: Values) -> list[list[str]]:
    """The slices of each example."""
    encoded = encode_groups(array, values)
    assert np.all(np.diff(encoded.rows) >= 0)
    pairs = list(zip(encoded.rows.tolist(), encoded.codes.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    result: list[list[str]] = [[] for _ in range(len(array))]
    for row, code in pairs:
        result[row].append(format_slice([("f", encoded.values[code])]))
    return result


def inside(value: float, name: str) -> bool:
    """Whether a number is in the interval that a bucket's name says."""
    low, high = (float(part.replace("∞", "inf")) for part in name[1:-1].split(","))
    return (low <= value or low == -math.inf) and (value < high or high == math.inf)


@law
@given(EDGES.filter(bool), st.lists(st.lists(FLOATS, max_size=3)))
@example([0.1, 0.7], [[0.1], [0.7], [0.6999999]])
def test_a_float_is_in_the_bucket_that_its_written_form_is_in(edges: list[float], rows: list[list[float]]) -> None:
    with np.errstate(over="ignore"):
        singles = np.float32(edges)
    slices = found(pa.array(rows, pa.list_(pa.float32())), Values("f", edges=tuple(edges)))
    for row, names_of_row in zip(rows, slices, strict=True):
        places = {sum(bool(np.float32(value) >= edge) for edge in singles) for value in row if not math.isnan(value)}
        assert set(names_of_row) == {format_slice([("f", bucket_names(edges)[place])]) for place in places}


@law
@given(EDGES.filter(bool), st.lists(st.integers(-(2**62), 2**62)))
def test_an_integer_is_in_one_bucket_and_inside_it(edges: list[float], numbers: list[int]) -> None:
    array = pa.array([[number] for number in numbers], pa.list_(pa.int64()))
    if any(abs(edge) > 2**53 for edge in edges):
        return
    for number, slices in zip(numbers, found(array, Values("f", edges=tuple(edges))), strict=True):
        ((_, value),) = parse_slice(slices[0])
        assert len(slices) == 1
        assert isinstance(value, Group)
        assert inside(number, value.text)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ((10.0, 20.0), ["(-∞,10)", "[10,20)", "[20,∞)"]),
        ((0.5,), ["(-∞,0.5)", "[0.5,∞)"]),
        ((-0.0, 1e-05, 1e22), ["(-∞,0)", "[0,1e-05)", "[1e-05,1e+22)", "[1e+22,∞)"]),
        ((), ["(-∞,∞)"]),
    ],
)
def test_names_of_buckets(edges: tuple[float, ...], expected: list[str]) -> None:
    assert [bucket.text for bucket in bucket_names(edges)] == expected
    assert [parse_slice(f"a∈{text}") for text in expected] == [(("a", Group(text)),) for text in expected]


def test_infinite_values_are_in_the_outer_buckets_and_not_a_number_is_missing() -> None:
    array = pa.array([[math.inf], [-math.inf], [math.nan], [], [math.nan, 1.0]], pa.list_(pa.float32()))
    with_missing = Values("f", edges=(1.0,), missing=True)
    assert found(array, with_missing) == [["f∈[1,∞)"], ["f∈(-∞,1)"], ["f∈missing"], ["f∈missing"], ["f∈[1,∞)"]]
    assert found(array, Values("f", edges=(1.0,)))[2:4] == [[], []]


def test_a_float_that_is_written_like_the_edge_is_not_below_it() -> None:
    array = pa.array([[0.7], [0.1]], pa.list_(pa.float32()))
    assert found(array, Values("f", edges=(0.1, 0.7))) == [["f∈[0.7,∞)"], ["f∈[0.1,0.7)"]]


TEXTS = [[b"Flash Cab"], [b"Blue Taxi", b"Flash Taxi"], [], [b"other"], [b"Flash Cab", b"Flash Cab"], [b"x", b"y"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"top": 2, "found_values": ("Flash Cab", "other")},
            [{"f=Flash Cab"}, {"f∈other"}, set(), {"f=other"}, {"f=Flash Cab"}, {"f∈other"}],
        ),
        (
            {"pattern": r"(\w+) (?:Cab|Taxi)", "missing": True},
            [{"f∈Flash"}, {"f∈Blue", "f∈Flash"}, {"f∈missing"}, {"f∈other"}, {"f∈Flash"}, {"f∈other"}],
        ),
        ({"pattern": "Taxi|other"}, [{"f∈other"}, {"f∈Taxi"}, set(), {'f∈"\\"other\\""'}, {"f∈other"}, {"f∈other"}]),
        ({"pattern": "(q)|Cab"}, [{"f∈Cab"}, {"f∈other"}, set(), {"f∈other"}, {"f∈Cab"}, {"f∈other"}]),
        ({"prefix": 5}, [{"f∈Flash*"}, {"f∈Blue *", "f∈Flash*"}, set(), {"f∈other*"}, {"f∈Flash*"}, {"f∈x", "f∈y"}]),
        (
            {"missing": True},
            [
                {"f=Flash Cab"},
                {"f=Blue Taxi", "f=Flash Taxi"},
                {"f∈missing"},
                {"f=other"},
                {"f=Flash Cab"},
                {"f=x", "f=y"},
            ],
        ),
    ],
)
def test_groups_of_texts(values: Mapping[str, Any], expected: list[set[str]]) -> None:
    described = Values("f", **values)
    encoded = encode_groups(pa.array(TEXTS, pa.list_(pa.binary())), described)
    assert [set(slices) for slices in found(pa.array(TEXTS, pa.list_(pa.binary())), described)] == expected
    assert all(described.makes(value) for value in encoded.values)


def test_numbers_are_grouped_by_how_they_are_written() -> None:
    numbers = pa.array([[94110], [94], [7]], pa.list_(pa.int64()))
    assert found(numbers, Values("f", prefix=3)) == [["f∈941*"], ["f∈94"], ["f∈7"]]
    assert found(numbers, Values("f", top=1, found_values=("94",))) == [["f∈other"], ["f=94"], ["f∈other"]]
    floats = pa.array([[0.1], [2.0]], pa.list_(pa.float32()))
    assert found(floats, Values("f", top=1, found_values=("0.1",))) == [["f=0.1"], ["f∈other"]]
    assert found(floats, Values("f", pattern="^[0-9]")) == [["f∈0"], ["f∈2"]]


def test_texts_have_no_buckets() -> None:
    with pytest.raises(ConfigError, match=r"slicing_specs\[0\]\.values\[0\]: 'f' holds strings, and buckets need"):
        encode_groups(
            pa.array(TEXTS, pa.list_(pa.binary())), Values("f", edges=(1.0,), path="slicing_specs[0].values[0]")
        )


def names(columns: Mapping[str, Sequence[Any]], types: Mapping[str, pa.DataType], *specs: Any) -> list[set[str]]:
    size = len(next(iter(columns.values())))
    groups = groupings(load_config({"slicing_specs": list(specs)}).slicing_specs)
    arrays = {name: pa.array(values, pa.list_(types[name])) for name, values in columns.items()}
    result = membership(groups, Arrays(arrays), size)
    check_form(result, size)
    return slices_of(result, size)


FARES = {"fare": [[5.0], [10.0], [25.0], []], "company": [[b"a"], [b"a"], [b"b"], [b"b"]]}
KINDS = {"fare": pa.float32(), "company": pa.binary()}
BUCKETS = {"feature": "fare", "edges": [10, 20]}


def test_exact_and_grouped_slices_of_a_feature_stand_side_by_side() -> None:
    specs = [{"feature_keys": ["fare"]}, {"feature_keys": ["fare"], "values": [BUCKETS]}]
    assert names(FARES, KINDS, *specs) == [
        {"fare=5.0", "fare∈(-∞,10)"},
        {"fare=10.0", "fare∈[10,20)"},
        {"fare=25.0", "fare∈[20,∞)"},
        set(),
    ]


def test_slices_of_one_name_are_one_slice() -> None:
    top = {"feature": "company", "top": 1, "found_values": ["a"]}
    specs = [{"feature_keys": ["company"]}, {"feature_keys": ["company"], "values": [top]}]
    assert names(FARES, KINDS, *specs) == [{"company=a"}] * 2 + [{"company=b", "company∈other"}] * 2


def test_crosses_and_values_in_the_spec() -> None:
    crossed = {"feature_keys": ["fare", "company"], "values": [{**BUCKETS, "missing": True}]}
    picked = {"feature_keys": ["company"], "feature_values": {"fare": "[10,20)"}, "values": [BUCKETS]}
    assert names(FARES, KINDS, crossed) == [
        {"company=a, fare∈(-∞,10)"},
        {"company=a, fare∈[10,20)"},
        {"company=b, fare∈[20,∞)"},
        {"company=b, fare∈missing"},
    ]
    assert names(FARES, KINDS, picked) == [set(), {"company=a, fare∈[10,20)"}, set(), set()]


def test_a_name_of_several_sources_is_what_the_source_says() -> None:
    score = {"feature": "score", "source": "PREDICTION", "edges": [0.5]}
    columns = {"score": [[0.25], [0.5], [0.75]]}
    expected = [{"score∈(-∞,0.5)"}, {"score∈[0.5,∞)"}, {"score∈[0.5,∞)"}]
    assert names(columns, {"score": pa.float64()}, {"feature_keys": ["score"], "values": [score]}) == expected


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"values": [{"feature": "far", "top": 1}]}, "values[0].feature", "did you mean 'fare'"),
        ({"values": [{"feature": "fare"}]}, "values[0]", "says nothing of 'fare'"),
        ({"values": [{"feature": "fare", "top": 1, "prefix": 2}]}, "values[0].prefix", "top is given as well"),
        ({"values": [{"feature": "fare", "edges": [2, 1]}]}, "values[0].edges[1]", "expected more than 2"),
        ({"values": [{"feature": "fare", "edges": [1, "nan"]}]}, "values[0].edges[1]", "finite"),
        ({"values": [{"feature": "fare", "quantiles": 1}]}, "values[0].quantiles", "at least 2"),
        ({"values": [{"feature": "fare", "top": -1}]}, "values[0].top", "at least 1"),
        ({"values": [{"feature": "fare", "pattern": "("}]}, "values[0].pattern", "not a regular expression"),
        ({"values": [{"feature": "fare", "output": "a", "top": 1}]}, "values[0].output", "no effect"),
        ({"values": [{"feature": "fare", "source": "OUTPUT"}]}, "values[0].output", "missing"),
        ({"values": [{"feature": "fare", "source": "LABLE"}]}, "values[0].source", "LABEL"),
        ({"values": [{"feature": "fare", "top": 1, "found_edges": [1]}]}, "values[0].found_edges", "quantiles"),
        ({"values": [{"feature": "fare", "top": 1}] * 2}, "values[1].feature", "described twice"),
        (
            {"values": [{"feature": "fare", "top": 1, "found_values": ['"x']}]},
            "values[0].found_values[0]",
            "not written as a value",
        ),
        (
            {"feature_keys": [], "feature_values": {"fare": "[1,3)"}, "values": [{"feature": "fare", "edges": [1, 2]}]},
            'feature_values["fare"]',
            "expected one of (-∞,1), [1,2), [2,∞)",
        ),
        ({"filter_name": "x"}, "filter_name", "no filter"),
        ({"filter": " "}, "filter", "blank"),
        ({"feature_keys": ["filter"], "filter": "a > 1"}, "filter", "is called 'filter'"),
        ({"slice_keys_sql": "SELECT STRUCT(a) FROM example.a"}, "slice_keys_sql", "stands alone"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(spec: Mapping[str, Any], path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"slicing_specs": [{}, {"feature_keys": ["fare"], **spec}]})
    assert str(caught.value).startswith(f"slicing_specs[1].{path}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("specs", "path", "words"),
    [
        (
            [{"feature_keys": ["fare"], "values": [{"feature": "fare", "top": n}]} for n in (1, 2)],
            "slicing_specs[1].values[0]",
            "grouped in another way in slicing_specs[0].values[0]",
        ),
        (
            [
                {"feature_keys": ["fare"]},
                {"feature_keys": ["fare"], "values": [{"feature": "fare", "source": "LABEL"}]},
            ],
            "slicing_specs[1].values[0]",
            "comes from somewhere else in slicing_specs[0]",
        ),
        (
            [{"filter": "a > 1", "filter_name": "x"}, {"filter": "a > 2", "filter_name": "x"}],
            "slicing_specs[1].filter",
            "another filter",
        ),
    ],
)
def test_a_name_has_one_meaning(specs: list[Any], path: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(path)}: .*{re.escape(words)}"):
        load_config({"slicing_specs": specs})


@law
@given(st.floats(width=32, allow_nan=False))
def test_shortest_reads_back(value: float) -> None:
    assert np.float32(shortest(value)) == np.float32(value)


def test_values_of_unknown_slices_are_not_made() -> None:
    made: list[tuple[Values, Value, bool]] = [
        (Values("f", edges=(1.0,)), Group("[1,∞)"), True),
        (Values("f", edges=(1.0,)), Group("[2,∞)"), False),
        (Values("f", edges=(1.0,)), 1.0, False),
        (Values("f", edges=(1.0,)), Group("missing"), False),
        (Values("f", top=1, found_values=("a",)), "b", False),
        (Values("f", pattern="a"), "a", False),
        (Values("f", missing=True), "a", True),
        (Values("f", missing=True), Group("other"), False),
    ]
    assert [values.makes(value) for values, value, _ in made] == [expected for *_, expected in made]
