"""Kinds of features, from the schema and from the first records; batches of the needed ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from evaluator_component.data.batch import Batch, Parser, unit_hashes
from evaluator_component.data.features import ValueKind, find_features, load_schema
from evaluator_component.data.files import Shard, find_shards
from evaluator_component.data.reader import Block
from evaluator_component.errors import ConfigError, DataError
from tests import trips

SCHEMA = """
feature { name: "fare" type: FLOAT }
feature { name: "tipped" type: INT }
feature { name: "company" type: BYTES }
feature { name: "open" }
"""
ROWS = [
    {"fare": 1.5, "tipped": 1, "tags": ["a", "b"], "zone": 7},
    {"tipped": 0, "tags": ["b"], "zone": [7, 8]},
    {"fare": -2.0, "tags": []},
]


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    (found,) = find_shards(trips.write_records(tmp_path / "data", [trips.example(**row) for row in ROWS]))
    return found


def parse(shard: Shard, keep_serialized: bool = False, first_row: int = 0, **kinds: ValueKind) -> Batch:
    block = Block(shard, first_row, [trips.example(**row) for row in ROWS])
    return Parser(kinds, keep_serialized).parse(block)


def test_kinds_are_found_in_the_records_without_a_schema(shard: Shard) -> None:
    features = find_features([shard])

    assert features.kinds == {
        "fare": ValueKind.FLOAT,
        "tipped": ValueKind.INT,
        "tags": ValueKind.BYTES,
        "zone": ValueKind.INT,
    }
    assert features.in_schema is None


def test_schema_adds_what_the_records_do_not_show(shard: Shard) -> None:
    from google.protobuf import text_format

    features = find_features([shard], text_format.Parse(SCHEMA, schema_pb2.Schema()))

    assert features.kinds["company"] is ValueKind.BYTES
    assert features.in_schema == {"fare", "tipped", "company", "open"}
    with pytest.raises(ConfigError, match="neither the schema nor the data has it"):
        features.require("open", "model_specs[0].label_key")  # in the schema without a type, and in no record


def test_later_file_is_looked_at_for_a_feature_that_the_first_lacks(tmp_path: Path) -> None:
    trips.write_records(tmp_path / "a", [trips.example(fare=1.0)])
    trips.write_records(tmp_path / "b", [trips.example(rare=1)])

    assert find_features(find_shards(tmp_path), wanted=["rare"]).kinds["rare"] is ValueKind.INT


def test_unknown_feature_is_answered_with_the_nearest_names(shard: Shard) -> None:
    features = find_features([shard], wanted=["tiped"])

    with pytest.raises(ConfigError, match=r"model_specs\[0\]\.label_key: unknown feature 'tiped'.*'tipped'"):
        features.require("tiped", "model_specs[0].label_key")


def test_schema_from_a_file_a_folder_and_a_message(tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text(SCHEMA)

    from_file, from_folder = load_schema(tmp_path / "schema.pbtxt"), load_schema(str(tmp_path))

    assert from_file == from_folder == load_schema(from_file)
    assert [feature.name for feature in from_file.feature] == ["fare", "tipped", "company", "open"]
    assert load_schema(None) is None


def test_schema_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.pbtxt").write_text("feature { nome: 1 }")

    with pytest.raises(DataError, match=r"bad\.pbtxt: not a tensorflow-metadata Schema"):
        load_schema(tmp_path / "bad.pbtxt")
    with pytest.raises(DataError, match=r"missing\.pbtxt: no such file"):
        load_schema(tmp_path / "missing.pbtxt")


def test_only_the_needed_columns_are_parsed(shard: Shard) -> None:
    batch = parse(shard, tipped=ValueKind.INT, fare=ValueKind.FLOAT)

    assert batch.columns.schema.names == ["fare", "tipped"]
    assert batch.serialized is None
    assert parse(shard).columns.num_columns == 0


def test_column_that_is_not_needed_may_be_of_any_kind(shard: Shard) -> None:
    records = [trips.example(fare=1.0, note="x"), trips.example(fare=2.0, note=1)]

    batch = Parser({"fare": ValueKind.FLOAT}, keep_serialized=False).parse(Block(shard, 0, records))

    assert batch.column("fare").to_pylist() == [[1.0], [2.0]]


def test_missing_and_multiple_values_are_lists(shard: Shard) -> None:
    batch = parse(shard, fare=ValueKind.FLOAT, tags=ValueKind.BYTES, zone=ValueKind.INT, absent=ValueKind.BYTES)

    assert batch.column("fare").to_pylist() == [[1.5], [], [-2.0]]
    assert batch.column("tags").to_pylist() == [[b"a", b"b"], [b"b"], []]
    assert batch.column("zone").to_pylist() == [[7], [7, 8], []]
    assert batch.column("absent").to_pylist() == [[], [], []]
    assert batch.column("zone").type.value_type == pa.int64()
    assert batch.column("tags").type.value_type == pa.binary()


def test_serialized_records_are_kept_only_for_a_model_that_wants_them(shard: Shard) -> None:
    batch = parse(shard, keep_serialized=True, fare=ValueKind.FLOAT)

    assert list(batch.serialized.numpy()) == [trips.example(**row) for row in ROWS]


def test_numbers_have_nan_where_missing(shard: Shard) -> None:
    batch = parse(shard, fare=ValueKind.FLOAT, tipped=ValueKind.INT, absent=ValueKind.INT)

    np.testing.assert_array_equal(batch.numbers("fare", "label"), [1.5, np.nan, -2.0])
    np.testing.assert_array_equal(batch.numbers("tipped", "label"), [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(batch.numbers("absent", "label"), [np.nan] * 3)


def test_numbers_of_several_values_are_rows(shard: Shard) -> None:
    records = [trips.example(hot=[0, 1, 0]), trips.example(), trips.example(hot=[1, 0, 0])]
    batch = Parser({"hot": ValueKind.INT}, keep_serialized=False).parse(Block(shard, 0, records))

    np.testing.assert_array_equal(batch.numbers("hot", "label"), [[0, 1, 0], [np.nan] * 3, [1, 0, 0]])


def test_numbers_of_uneven_lists_name_the_record(shard: Shard) -> None:
    batch = parse(shard, first_row=100, zone=ValueKind.INT)

    with pytest.raises(DataError, match=r"record 100: label 'zone' has 1 values where other records have 2"):
        batch.numbers("zone", "label")


def test_numbers_of_strings_name_the_first_record_that_has_one(shard: Shard) -> None:
    records = [trips.example(), trips.example(payment="Cash")]
    batch = Parser({"payment": ValueKind.BYTES}, keep_serialized=False).parse(Block(shard, 8192, records))

    with pytest.raises(DataError, match="record 8193: label 'payment' holds strings, and a number is needed"):
        batch.numbers("payment", "label")


def test_unit_hashes_of_a_batch_come_from_the_files_name_and_the_record_numbers(shard: Shard) -> None:
    np.testing.assert_array_equal(parse(shard, first_row=8192).unit_hashes(), unit_hashes(shard.name, 8192, len(ROWS)))
