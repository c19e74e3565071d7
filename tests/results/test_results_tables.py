"""The canonical form: equal rows are equal bytes, whatever their order, chunks and dictionaries."""

from __future__ import annotations

import example_tables
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.results import metrics_table, tables
from evaluator_component.results.writing import table_bytes

NAMES = st.sampled_from(["Overall", "a=1", "a=2", 'a="1"', "b=é", "z"])


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return example_tables.metric_rows(2_000)


def scrambled(table: pa.Table, seed: int) -> pa.Table:
    """The same rows in another order, in several chunks, each with dictionaries of its own and unused words."""
    rng = np.random.default_rng(seed)
    table = table.take(pa.array(rng.permutation(table.num_rows)))
    pieces = np.array_split(np.arange(table.num_rows), 4)
    chunks = []
    for piece in pieces:
        part = table.take(pa.array(piece))
        for index, field in enumerate(part.schema):
            if pa.types.is_dictionary(field.type):
                texts = part.column(index).cast(pa.string()).to_pylist()
                words = [*rng.permutation(sorted({text for text in texts if text is not None})).tolist(), "unused"]
                codes = pa.array([None if text is None else words.index(text) for text in texts], pa.int32())
                part = part.set_column(
                    index, field, pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string()))
                )
        chunks.append(part)
    return pa.concat_tables(chunks)


@pytest.mark.parametrize("seed", range(3))
def test_equal_rows_give_equal_bytes(rows: pa.Table, seed: int) -> None:
    expected = table_bytes(tables.canonical_metrics(rows))
    assert table_bytes(tables.canonical_metrics(scrambled(rows, seed))) == expected


def test_equal_plots_give_equal_bytes() -> None:
    plots = example_tables.plot_rows(20, 2_000)
    expected = table_bytes(tables.canonical_plots(plots))
    assert table_bytes(tables.canonical_plots(scrambled(plots, 5))) == expected


def test_canonical_form_is_its_own_canonical_form(rows: pa.Table) -> None:
    once = tables.canonical_metrics(rows)
    assert table_bytes(tables.canonical_metrics(once)) == table_bytes(once)


def test_rows_are_sorted_by_their_key(rows: pa.Table) -> None:
    table = tables.canonical_metrics(scrambled(rows, 1))
    keys = list(zip(*(table.column(name).to_pylist() for name in tables.METRICS_KEY), strict=True))
    assert keys == sorted(keys)
    assert table.column("slice").chunk(0).dictionary.to_pylist() == sorted(set(table.column("slice").to_pylist()))


def test_bytes_do_not_see_what_lies_under_a_null_or_in_a_nan() -> None:
    payload = np.array([0x7FF8000000000123], dtype=np.uint64).view(np.float64)
    plain = metrics_table({"split": "eval", "slice": ["Overall"], "model": "m", "metric": "auc", "value": [np.nan]})
    under = pa.array([5.0], mask=np.array([True]))
    odd = metrics_table(
        {"split": "eval", "slice": ["Overall"], "model": "m", "metric": "auc", "value": payload, "change": under}
    )
    assert table_bytes(tables.canonical_metrics(odd)) == table_bytes(tables.canonical_metrics(plain))


def test_bytes_hold_no_metadata(rows: pa.Table) -> None:
    table = tables.canonical_metrics(rows)
    assert table_bytes(table.replace_schema_metadata({"pandas": "{}"})) == table_bytes(table)


def test_a_repeated_key_is_refused(rows: pa.Table) -> None:
    with pytest.raises(ValueError, match="repeat the key"):
        tables.canonical_metrics(pa.concat_tables([rows, rows.slice(0, 1)]))


def test_empty_tables_have_a_canonical_form() -> None:
    for schema, canonical in (
        (tables.METRICS_SCHEMA, tables.canonical_metrics),
        (tables.PLOTS_SCHEMA, tables.canonical_plots),
    ):
        assert canonical(schema.empty_table()).num_rows == 0
        assert table_bytes(canonical(schema.empty_table())) == table_bytes(canonical(schema.empty_table()))


def test_a_table_says_what_is_wrong_with_its_columns() -> None:
    with pytest.raises(ValueError, match="unknown columns"):
        metrics_table({"valeu": [1.0]})
    with pytest.raises(ValueError, match="one length"):
        metrics_table({"value": [1.0], "n": [1, 2]})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES, st.booleans()), unique=True), st.randoms(use_true_random=False))
def test_canonical_order_is_a_property_of_the_set_of_rows(keys: list[tuple[str, str, bool]], random: object) -> None:
    def build(order: list[int]) -> bytes:
        chosen = [keys[index] for index in order]
        columns = {
            "split": "eval",
            "slice": [key[0] for key in chosen],
            "model": "candidate",
            "metric": [key[1] for key in chosen],
            "weighted": [key[2] for key in chosen],
            "value": [float(index) for index in order],
        }
        return table_bytes(tables.canonical_metrics(metrics_table(columns)))

    order = list(range(len(keys)))
    expected = build(order)
    random.shuffle(order)
    assert build(order) == expected


@given(st.lists(st.one_of(st.none(), NAMES)))
def test_codes_and_words_say_the_column(values: list[str | None]) -> None:
    column = pa.chunked_array([pa.array(values, pa.string()).dictionary_encode()])
    codes, words = tables.codes_and_words(column)
    texts = [*words.to_pylist(), None]
    assert [texts[code] for code in codes] == values
    assert words.to_pylist() == sorted(set(values) - {None})
