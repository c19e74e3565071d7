"""Slices by TFMA's SQL, against Python that goes through the examples one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.config import load_config
from evaluator_component.errors import ConfigError, DataError
from evaluator_component.gate.matching import SliceIndex
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.codes import membership
from evaluator_component.slicing.names import format_slice
from evaluator_component.slicing.specs import check_kinds, feature_paths, groupings
from evaluator_component.slicing.sql_slices import read_sql
from tests.slicing.test_codes import Arrays, check_form, slices_of
from tests.slicing.test_filters import TYPES

law = settings(deadline=None, derandomize=True, max_examples=60)
KINDS = {"fixed_int": "int", "fixed_float": "float", "fixed_string": "string", "Fixed_int": "string", "row": "int"}
Rows = Sequence[Mapping[str, list[Any]]]


def slices(rows: Rows, *specs: str | dict[str, Any]) -> list[set[str]]:
    given_specs = [{"slice_keys_sql": spec} if isinstance(spec, str) else spec for spec in specs]
    messages = load_config({"slicing_specs": given_specs}).slicing_specs
    groups = groupings(messages)
    check_kinds(groups, KINDS)
    assert {name for group in groups for name in group.columns} == set(feature_paths(messages))
    arrays = {
        name: pa.array([row.get(name, []) for row in rows], pa.list_(TYPES[kind])) for name, kind in KINDS.items()
    }
    found = membership(groups, Arrays(arrays), len(rows))
    check_form(found, len(rows))
    return slices_of(found, len(rows))


# The examples, and the statements, of the peer's own test of its SQL slicer.
PEERS: Rows = [
    {"fixed_int": [1], "fixed_float": [1.0], "fixed_string": [b"fixed_string1"]},
    {"fixed_int": [1], "fixed_float": [1.0], "fixed_string": [b"fixed_string2"]},
    {"fixed_int": [2], "fixed_float": [0.0], "fixed_string": [b"fixed_string3"]},
]


def test_the_peers_example() -> None:
    statement = """
        SELECT
          STRUCT(fixed_string)
        FROM
          example.fixed_string,
          example.fixed_int
        WHERE fixed_int = 1
        """
    assert slices(PEERS, statement) == [{"fixed_string=fixed_string1"}, {"fixed_string=fixed_string2"}, set()]


def test_the_peers_example_of_a_cross_whose_values_keep_their_type() -> None:
    statement = """
        SELECT
          STRUCT(fixed_string, fixed_int)
        FROM
          example.fixed_string,
          example.fixed_int
        WHERE fixed_int = 1
        """
    expected = [{"fixed_int=1, fixed_string=fixed_string1"}, {"fixed_int=1, fixed_string=fixed_string2"}, set()]
    assert slices(PEERS, statement) == expected


ROWS: Rows = [
    {"fixed_int": [1, 2, 1], "fixed_float": [0.1], "fixed_string": [b"a", b"b"], "Fixed_int": [b"A"]},
    {"fixed_int": [], "fixed_float": [0.7], "fixed_string": [b"c"], "row": [7]},
    {"fixed_int": [3], "fixed_float": [], "fixed_string": [b"1"], "row": [8]},
    {"fixed_int": [-1], "fixed_float": [2.0], "fixed_string": [b"\xff"]},
]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "SELECT STRUCT(fixed_int) FROM example.fixed_int",
            ["fixed_int=1 fixed_int=2", "", "fixed_int=3", "fixed_int=-1"],
        ),
        (
            "SELECT STRUCT(fixed_string) FROM example.fixed_string",
            ["fixed_string=a fixed_string=b", "fixed_string=c", 'fixed_string="1"', "fixed_string=\\xff"],
        ),
        ("SELECT STRUCT(x AS k) FROM example.fixed_float AS x", ["k=0.1", "k=0.7", "", "k=2.0"]),
        ("SELECT STRUCT(x AS k) FROM example.fixed_float x WHERE x > 0.5", ["", "k=0.7", "", "k=2.0"]),
        ("SELECT STRUCT(x AS k) FROM UNNEST(example.fixed_int) AS x WHERE x BETWEEN 2 AND 3", ["k=2", "", "k=3", ""]),
        ("SELECT STRUCT(FIXED_INT) FROM example.Fixed_int", ["FIXED_INT=A", "", "", ""]),
        ("SELECT STRUCT(row) FROM example.row", ["", "row=7", "row=8", ""]),
        (
            "SELECT STRUCT(x > 0 AS positive) FROM example.fixed_int AS x",
            ["positive=true", "", "positive=true", "positive=false"],
        ),
        ('SELECT STRUCT("yes" AS has) FROM example.fixed_int AS x WHERE x = 1', ["has=yes", "", "", ""]),
        (
            "SELECT STRUCT(IF(x > 1, 'many', 'few') AS k) FROM example.fixed_int AS x",
            ["k=few k=many", "", "k=many", "k=few"],
        ),
        ("SELECT STRUCT(ARRAY_LENGTH(example.fixed_int) AS n)", ["n=3", "n=0", "n=1", "n=1"]),
        ("SELECT STRUCT(ARRAY_LENGTH(fixed_int) AS n)", ["n=3", "n=0", "n=1", "n=1"]),
        (
            "SELECT STRUCT(s) FROM example.fixed_string AS s WHERE 2 IN UNNEST(example.fixed_int)",
            ["s=a s=b", "", "", ""],
        ),
        (
            (
                "SELECT STRUCT(s) FROM example.fixed_string AS s "
                "WHERE NOT EXISTS (SELECT 1 FROM example.row AS r WHERE r = 8)"
            ),
            ["s=a s=b", "s=c", "", "s=\\xff"],
        ),
        ("SELECT STRUCT((SELECT MAX(i) FROM example.fixed_int AS i) AS top)", ["top=2", "", "top=3", "top=-1"]),
        ("SELECT STRUCT(SAFE_CAST(s AS INT64) AS i) FROM example.fixed_string AS s", ["", "", "i=1", ""]),
        ("SELECT STRUCT(x * 0.5 AS half) FROM example.fixed_int AS x WHERE x = 3", ["", "", "half=1.5", ""]),
        (
            "SELECT DISTINCT STRUCT(UPPER(s) AS s) FROM example.fixed_string AS s JOIN example.fixed_int AS i ON i < 2",
            ["s=A s=B", "", "", "s=\\XFF"],
        ),
    ],
)
def test_statements(statement: str, expected: list[str]) -> None:
    assert slices(ROWS, statement) == [set(names.split()) for names in expected]


VALUES = {"fixed_int": st.integers(0, 3), "fixed_string": st.sampled_from([b"a", b"b", b"1"])}
EXAMPLES = st.fixed_dictionaries({name: st.lists(values, max_size=3) for name, values in VALUES.items()})
CASES: list[tuple[str, Callable[[list[int], list[str]], Iterable[list[tuple[str, Any]]]]]] = [
    (
        "SELECT STRUCT(s AS t, i) FROM example.fixed_string AS s, example.fixed_int AS i",
        lambda ints, texts: ([("t", t), ("i", i)] for t, i in itertools.product(texts, ints)),
    ),
    (
        "SELECT STRUCT(i + 1 AS next) FROM example.fixed_int AS i WHERE i > 1 OR 'a' IN UNNEST(example.fixed_string)",
        lambda ints, texts: ([("next", i + 1)] for i in ints if i > 1 or "a" in texts),
    ),
    (
        "SELECT STRUCT(a, b) FROM example.fixed_int AS a, example.fixed_int AS b WHERE a < b",
        lambda ints, _: ([("a", a), ("b", b)] for a, b in itertools.product(ints, ints) if a < b),
    ),
]


@law
@given(st.lists(EXAMPLES, max_size=8), st.sampled_from(CASES))
def test_every_row_is_a_slice_of_its_example(rows: Rows, case: tuple[str, Callable[..., Any]]) -> None:
    statement, oracle = case
    expected = [
        {format_slice(pairs) for pairs in oracle(row["fixed_int"], [text.decode() for text in row["fixed_string"]])}
        for row in rows
    ]
    assert slices(rows, statement) == expected


def test_sql_and_features_can_make_one_slice() -> None:
    statement = "SELECT STRUCT(fixed_string) FROM example.fixed_string, example.fixed_int WHERE fixed_int = 1"
    assert slices(PEERS, statement, {"feature_values": {"fixed_string": "fixed_string3"}}, {}) == [
        {"Overall", "fixed_string=fixed_string1"},
        {"Overall", "fixed_string=fixed_string2"},
        {"Overall", "fixed_string=fixed_string3"},
    ]
    both = slices(PEERS, statement, {"feature_keys": ["fixed_string"]})
    assert both == [{f"fixed_string=fixed_string{i}"} for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT", "expected one SELECT of one STRUCT"),
        ("SELEC STRUCT(a)", "SQL"),
        ("SELECT 1", "expected one SELECT of one STRUCT"),
        ("SELECT STRUCT(a), STRUCT(a) FROM example.a", "expected one SELECT of one STRUCT"),
        ("SELECT STRUCT(a) FROM example.a; SELECT 1", "expected one SELECT of one STRUCT"),
        ("DROP TABLE examples", "expected one SELECT of one STRUCT"),
        ("SELECT STRUCT() FROM example.a", "the STRUCT is empty"),
        ("SELECT STRUCT(a + 1) FROM example.a", "a + 1 in the STRUCT has no name; add one with AS"),
        ("SELECT STRUCT(a, b AS a) FROM example.a, example.b", "the STRUCT has 'a' twice"),
        ("SELECT STRUCT(a) FROM a", "a is no feature of the example; write FROM example.NAME"),
        ("SELECT STRUCT(a) FROM read_csv('/etc/passwd') AS a", "is no feature of the example"),
        ("SELECT STRUCT(s.a AS k) FROM (SELECT a FROM example.a) AS s", "s.a is nothing that the SELECT knows"),
        ("SELECT STRUCT(COUNT(*) AS n) FROM example.a", "COUNT(*) is over several rows"),
        ("SELECT STRUCT(a) FROM example.a GROUP BY a", "GROUP BY is not supported"),
        ("SELECT STRUCT(a) FROM example.a LIMIT 1", "LIMIT is not supported"),
        ("SELECT STRUCT(a) FROM example.a LEFT JOIN example.b ON TRUE", "side by side"),
        ("SELECT STRUCT(RAND() AS r) FROM example.a", "has another value each time"),
    ],
)
def test_other_sql_is_refused(statement: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_sql(statement, "slicing_specs[0].slice_keys_sql")
    assert str(caught.value).startswith("slicing_specs[0].slice_keys_sql: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT STRUCT(fixed_int) FROM example.fixed_int WHERE fixed_int LIKE 'a'", "argument types"),
        ("SELECT STRUCT(example.fixed_int AS k)", "k is of the type BIGINT\\[\\], which names no slice"),
        ("SELECT STRUCT(flare(x) AS k) FROM example.fixed_int AS x", "flare"),
    ],
)
def test_what_the_features_do_not_allow_is_refused(statement: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"^slicing_specs\[0\]\.slice_keys_sql: .*{words}"):
        slices(ROWS, statement)


def test_a_value_that_the_statement_fails_on_is_told() -> None:
    with pytest.raises(DataError, match=r"^record 0 and after: slicing_specs\[0\]\.slice_keys_sql: .*'a'"):
        slices(ROWS, "SELECT STRUCT(CAST(s AS INT64) AS i) FROM example.fixed_string AS s")


def test_a_spec_means_the_slices_of_its_struct() -> None:
    index = SliceIndex(["Overall", "a=1", "a=1, b=x", "a=2, b=x"])
    spec = config_pb2.SlicingSpec(slice_keys_sql="SELECT STRUCT(a, c AS b) FROM example.a, example.c")
    assert index.match(spec).tolist() == [2, 3]
    assert index.match(config_pb2.SlicingSpec(feature_keys=["b"], feature_values={"a": "2"})).tolist() == [3]
