from __future__ import annotations

import math
import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.slicing.names import (
    OVERALL,
    Group,
    format_slice,
    format_value,
    matches,
    parse_slice,
    parse_value,
)

settings.register_profile("names", deadline=None)
settings.load_profile("names")

# Low surrogates are what bytes that are not UTF-8 decode to with errors="surrogateescape".
TRICKY = st.sampled_from(
    [
        "",
        " ",
        "1",
        "1.0",
        "01",
        "1e3",
        "nan",
        "-inf",
        "Infinity",
        "1_0",
        "１",
        'a"b',
        "a=b",
        "a, b",
        "Overall",
        "a\nb",
        "\\",
        '"',
        "\u2028",
        "a\u202eb",
        "\u200f",
        "\u2066x\u2069",
        "\udc80",
        "é",
        "x\x7f",
        "+1",
        ".5",
        "5.",
        "null",
        "a∈b",
        "[10,20)",
        "(-∞,1e-05)",
        "[10, 20)",
        "[a,b)",
        "[1,2),3",
    ]
)
TEXT = st.one_of(TRICKY, st.text(), st.text(alphabet='ab1=∈[)∞, ".\\-'))
SCALAR = st.one_of(TEXT, st.integers(), st.floats(allow_nan=True))
VALUE = st.one_of(SCALAR, TEXT.map(Group))
PAIRS = st.dictionaries(TEXT, VALUE, max_size=4).map(lambda items: list(items.items()))


def identity(value: object) -> tuple[str, object]:
    return type(value).__name__, struct.pack("d", value) if isinstance(value, float) and value == value else repr(value)


def canonical(pairs):
    return tuple((feature, identity(value)) for feature, value in sorted(pairs, key=lambda pair: pair[0]))


@given(PAIRS)
def test_a_name_reads_back_to_the_same_values_and_types(pairs):
    assert canonical(parse_slice(format_slice(pairs))) == canonical(pairs)


@given(PAIRS, PAIRS)
def test_different_slices_have_different_names(left, right):
    assert (format_slice(left) == format_slice(right)) == (canonical(left) == canonical(right))


@given(PAIRS)
def test_a_name_does_not_depend_on_the_order_of_the_features(pairs):
    assert format_slice(pairs) == format_slice(pairs[::-1])


@given(PAIRS)
def test_a_name_is_one_line_of_valid_utf8(pairs):
    name = format_slice(pairs)
    assert name.encode().decode() == name
    assert len(name.splitlines()) == 1
    assert not re.search("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", name)


@given(st.one_of(TEXT, st.text(alphabet='a1=∈[)∞, "\\')))
def test_what_is_read_is_exactly_what_is_written(text):
    try:
        pairs = parse_slice(text)
    except ValueError:
        return
    assert format_slice(pairs) == text


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        ([], "Overall"),
        ([("trip_start_hour", 2)], "trip_start_hour=2"),
        ([("b", "x"), ("a", 1)], "a=1, b=x"),
        ([("a", "1")], 'a="1"'),
        ([("a", 1.0)], "a=1.0"),
        ([("a", "01234")], 'a="01234"'),
        ([("a", math.inf)], "a=inf"),
        ([("a", "inf")], 'a="inf"'),
        ([("a", 1e22)], "a=1e+22"),
        ([("company", "Taxi Affiliation Services")], "company=Taxi Affiliation Services"),
        ([("company", "Smith, Jones")], 'company="Smith, Jones"'),
        ([("a=b", "")], '"a=b"=""'),
        ([("a", "Zürich")], "a=Zürich"),
        ([("a", "x\u202egpj.exe")], r'a="x\u202egpj.exe"'),
        ([("a\u200e", Group("\u2066y\u2069"))], r'"a\u200e"∈"\u2066y\u2069"'),
        ([("a", "\x00\x7f")], r'a="\u0000\u007f"'),
        ([("a", "שלום")], "a=שלום"),
        ([("a", "Overall")], "a=Overall"),
        ([("a", "other")], "a=other"),
        ([("a", Group("other"))], "a∈other"),
        ([("a", Group("[10,20)")), ("b", 1)], "a∈[10,20), b=1"),
        ([("a", "[10,20)")], 'a="[10,20)"'),
        ([("a", Group("(-∞,-0.5)"))], "a∈(-∞,-0.5)"),
        ([("a", Group("[1e-05,∞)"))], "a∈[1e-05,∞)"),
        ([("a", Group("[10, 20)"))], 'a∈"[10, 20)"'),
        ([("zip", Group("941"))], "zip∈941"),
        ([("zip", Group("941*"))], "zip∈941*"),
        ([("filter", Group("fare > 20"))], "filter∈fare > 20"),
        ([("filter", Group("a = 'x'"))], "filter∈\"a = 'x'\""),
        ([("a∈b", "x∈y")], '"a∈b"="x∈y"'),
        ([("a", Group(""))], 'a∈""'),
    ],
)
def test_examples(pairs, name):
    assert format_slice(pairs) == name
    assert parse_slice(name) == tuple(sorted(pairs))


@pytest.mark.parametrize(
    "name",
    [
        "a=x\u202ey",
        *("", "a", "a=", "=1", "a=1,b=2", "b=1, a=2", "a=1, ", "a=01", "a=1, a=2", 'a="x"', 'a="1', "overall"),
        *("a∈", "a=∈b", "a∈=b", "a=[1,2)", 'a∈"other"', 'a∈"[1,2)"', "a∈[1, 2)", "a∈b∈c", "a=1, a∈b", "a∈[01,2), b"),
    ],
)
def test_other_text_is_refused(name):
    with pytest.raises(ValueError, match="slice"):
        parse_slice(name)


def test_a_feature_occurs_once():
    with pytest.raises(ValueError, match="twice"):
        format_slice([("a", 1), ("a", 2)])


def test_overall_is_no_features():
    assert parse_slice(OVERALL) == ()


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        (2, "2", True),
        (2.0, "2", True),
        ("2", "2", True),
        (2, "2.0", True),
        ("2", "2.0", False),
        (3, "2", False),
        ("01234", "01234", True),
        (1234, "01234", False),
        (1234, "1234", True),
        ("1234", "1234", True),
        ("01234", "1234", False),
        (0.10000000149011612, "0.1", True),
        (0.1, "0.1", True),
        (0.2, "0.1", False),
        (math.nan, "nan", True),
        (math.inf, "inf", True),
        (2, " 2", False),
        ("", "", True),
        (0, "", False),
        (10**30, str(10**30), True),
        (10**30, "1e30", False),
        (3.5e38, "1e39", False),
        (math.inf, "1e39", False),
        (-5, "-5", True),
        (2**53 + 1, str(2**53), False),
        (Group("[10,20)"), "[10,20)", True),
        (Group("1"), "1", True),
        (Group("1"), "1.0", False),
        (Group("other"), "missing", False),
    ],
)
def test_matches(value, text, expected):
    assert matches(value, text) is expected


@given(SCALAR.filter(lambda value: not isinstance(value, str)))
def test_a_number_matches_its_own_written_form(value):
    assert matches(value, format_value(value))
    assert identity(parse_value(format_value(value))) == identity(value)
