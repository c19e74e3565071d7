"""Filters in SQL, against Python."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.config import load_config
from evaluator_component.errors import ConfigError, DataError
from evaluator_component.slicing.codes import membership
from evaluator_component.slicing.filters import read_filter
from evaluator_component.slicing.specs import check_kinds, feature_paths, groupings
from tests.slicing.test_codes import Arrays, check_form, slices_of

law = settings(deadline=None, derandomize=True, max_examples=60)
KINDS = {"fare": "float", "Fare": "int", "company": "string", "tags": "string", "hour": "int", "a b": "int", "s": "int"}
TYPES = {"string": pa.binary(), "int": pa.int64(), "float": pa.float32()}
ROWS: list[dict[str, list[Any]]] = [
    {"fare": [10.0], "Fare": [1], "company": [b"Flash Cab"], "tags": [b"airport", b"night"], "hour": [3]},
    {"fare": [0.1], "Fare": [2], "company": [], "tags": [], "hour": [4], "a b": [7]},
    {"fare": [], "company": [b"it's"], "tags": [b"night"], "hour": [5], "s": [1]},
    {"fare": [float("nan")], "company": [b"caf\xc3\xa9"], "tags": [b"\xff"], "hour": []},
    {"fare": [float("inf")], "company": [b""], "tags": [b"airport"], "hour": [-1]},
]


def arrays(rows: list[dict[str, list[Any]]]) -> dict[str, pa.ListArray]:
    return {name: pa.array([row.get(name, []) for row in rows], pa.list_(TYPES[kind])) for name, kind in KINDS.items()}


def holds(expression: str, rows: list[dict[str, list[Any]]] = ROWS) -> list[int]:
    chosen = read_filter(expression, "x", "slicing_specs[0].filter")
    chosen.check(KINDS)
    columns = Arrays(arrays(rows))
    return chosen.holds(columns.feature, columns.where, len(rows)).tolist()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("fare > 5", [0, 4]),
        ("fare = 0.1", [1]),
        ("NOT fare > 5", [1]),
        ("fare IS NULL", [2, 3]),
        ("fare > 5 OR company IS NULL", [0, 1, 4]),
        ('"Fare" = 2', [1]),
        ('fare > 5 AND "Fare" = 1', [0]),
        ('"a b" = 7', [1]),
        ("company = 'it''s'", [2]),
        ("company = 'café'", [3]),
        ("company = ''", [4]),
        ("company LIKE '%Cab'", [0]),
        ("company IN ('Flash Cab', 'x')", [0]),
        ("lower(company) LIKE 'flash%'", [0]),
        ("regexp_matches(company, '^[A-Z]')", [0]),
        ("list_contains(lists.tags, 'airport')", [0, 4]),
        ("len(lists.tags) = 0", [1]),
        ("lists.tags[1] = 'night'", [2]),
        ("list_contains(lists.tags, '\\xff')", [3]),
        ("hour BETWEEN 3 AND 4", [0, 1]),
        ("hour % 2 = 1", [0, 2]),
        ("CASE WHEN fare > 5 THEN hour = 3 ELSE TRUE END", [0, 1, 2, 3]),
        ("CAST(hour AS VARCHAR) = '3'", [0]),
        ("s = 1", [2]),
        ("TRUE", [0, 1, 2, 3, 4]),
        ("NULL::BOOLEAN", []),
    ],
)
def test_examples_for_which_it_is_true(expression: str, expected: list[int]) -> None:
    assert holds(expression) == expected


@law
@given(
    st.lists(st.tuples(st.none() | st.floats(width=32, allow_nan=False), st.none() | st.integers(-3, 3)), max_size=40),
    st.sampled_from(
        [
            ("fare > 1.5", lambda f, h: f is not None and f > 1.5),
            ("fare > 1.5 AND hour >= 0", lambda f, h: f is not None and f > 1.5 and h is not None and h >= 0),
            ("coalesce(hour, 9) = 9", lambda f, h: h is None),
            ("hour IN (1, 2) OR fare < 0", lambda f, h: h in (1, 2) or (f is not None and f < 0)),
        ]
    ),
)
def test_rows_keep_their_order(
    rows: list[tuple[float | None, int | None]], case: tuple[str, Callable[..., bool]]
) -> None:
    made = [{"fare": [] if f is None else [f], "hour": [] if h is None else [h]} for f, h in rows]
    assert holds(case[0], made) == [i for i, (f, h) in enumerate(rows) if case[1](f, h)]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("fare >", "is not an SQL expression"),
        ("", "is not an expression over"),
        ("fare", "gives FLOAT; expected a condition"),
        ("fare + 1", "gives"),
        ("SELECT 1", "is not an expression over"),
        ("fare > 1; DROP TABLE examples", "is not an expression over"),
        ("fare > 1) FROM read_csv('/etc/passwd') WHERE (true", "is not an SQL expression"),
        ("fare IN (SELECT 1)", "is not an expression over"),
        ("EXISTS (SELECT * FROM read_text('/etc/passwd'))", "is not an expression over"),
        ("avg(fare) > 1", "is not an expression over"),
        ("favg(fare) > 1", "has not one value for each example"),
        ("row_number() OVER () > 1", "is not an expression over"),
        ("*", "is not an expression over"),
        ("COLUMNS('v.*') > fare + hour", "has not one value for each example"),
        ("random() > 0.5", "RANDOM has another value each time"),
        ("now() > TIMESTAMP '2020-01-01'", "NOW has another value"),
        ("CURRENT_DATE > DATE '2020-01-01'", "CURRENT_DATE has another value"),
        ("flare(fare)", "flare"),
        ("list.tags = 1", "is no feature's name"),
        ("company > 1 + hour AND fare LIKE 3", "argument types"),
        ("SET threads = 3", "is not an expression over"),
    ],
)
def test_what_is_no_condition_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        holds(expression)
    assert str(caught.value).startswith("slicing_specs[0].filter: ")
    assert words in str(caught.value)
    assert "LINE" not in str(caught.value)


def test_an_example_with_several_values_is_named() -> None:
    with pytest.raises(
        DataError, match=r"^record 0: feature 'tags' has 2 values, and slicing_specs\[0\]\.filter takes"
    ):
        holds("tags = 'night'")


def test_a_value_that_the_expression_fails_on_is_told() -> None:
    with pytest.raises(DataError, match=r"^record 0 and after: slicing_specs\[0\]\.filter: .*Flash Cab.*to INT"):
        holds("CAST(company AS INT) = 1")


def slices(*specs: dict[str, Any]) -> list[set[str]]:
    messages = load_config({"slicing_specs": list(specs)}).slicing_specs
    groups = groupings(messages)
    check_kinds(groups, KINDS)
    found = membership(groups, Arrays(arrays(ROWS)), len(ROWS))
    check_form(found, len(ROWS))
    assert set(feature_paths(messages)) == {name for group in groups for name in group.columns}
    return slices_of(found, len(ROWS))


def test_a_filter_is_an_intersection_with_the_other_slices() -> None:
    named = {"filter": "fare > 5", "filter_name": "long trips"}
    found = slices({}, named, {"feature_keys": ["hour"], **named}, {"feature_values": {"company": ""}, **named})
    assert found == [
        {"Overall", "filter∈long trips", "filter∈long trips, hour=3"},
        {"Overall"},
        {"Overall"},
        {"Overall"},
        {"Overall", "filter∈long trips", "filter∈long trips, hour=-1", 'company="", filter∈long trips'},
    ]


def test_the_expression_names_a_filter_without_a_name() -> None:
    found = slices({"filter": " fare > 5 "}, {"filter": "company = 'it''s'"})
    assert found == [{"filter∈fare > 5"}, set(), {"filter∈\"company = 'it''s'\""}, set(), {"filter∈fare > 5"}]


def test_a_feature_that_is_called_filter_can_be_filtered_by() -> None:
    spec = load_config({"slicing_specs": [{"filter": "filter = 1"}]}).slicing_specs
    assert groupings(spec)[0].columns == ("filter",)


def test_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name=name)
        return imported(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"filter: SQL needs DuckDB and sqlglot, and duckdb is missing: pip install"):
        read_filter("fare > 77", "x", "slicing_specs[0].filter")
