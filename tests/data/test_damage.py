"""Damaged and foreign files: the error names the file and the record, wherever in the run it is met."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

import evaluator_component as ec
from evaluator_component.data.batch import Parser
from evaluator_component.data.features import ValueKind, find_features
from evaluator_component.data.files import find_shards
from evaluator_component.data.reader import read_blocks, read_first
from evaluator_component.errors import DataError
from tests import trips

ROWS = 9_000  # more than a block
CONFIG = {
    "model_specs": [{"label_key": "tipped", "prediction_key": "fare"}],
    "slicing_specs": [{}, {"feature_keys": ["payment"]}],
    "metrics_specs": [{"metrics": [{"class_name": "ExampleCount"}, {"class_name": "MeanSquaredError"}]}],
}


@pytest.fixture(scope="module")
def records(material: Any) -> list[bytes]:
    return material.trips.records[:ROWS]


def read_all(path: Path) -> int:
    (shard,) = find_shards(path)
    return sum(len(block) for block in read_blocks(shard))


def failure(path: Path) -> str:
    """The message of the whole run's error."""
    with pytest.raises(DataError) as caught:
        ec.evaluate(CONFIG, data=path, progress=False)
    return str(caught.value)


@pytest.mark.parametrize("record", [0, 1, 8_191, 8_192, 8_999])
@pytest.mark.parametrize("into", [3, 20])
def test_plain_file_cut_inside_a_record(tmp_path: Path, records: list[bytes], record: int, into: int) -> None:
    path = trips.write_records(tmp_path / "cut", records)
    content = path.read_bytes()
    path.write_bytes(content[: trips.record_offsets(content)[record] + into])

    with pytest.raises(DataError, match=f"{path}: record {record} cannot be read: the file is truncated"):
        read_all(path)


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("part", [8, 12 + 5], ids=["length", "data"])
def test_wrong_checksum(tmp_path: Path, records: list[bytes], part: int, gz: bool) -> None:
    path = trips.write_records(tmp_path / "flipped", records)
    content = bytearray(path.read_bytes())
    content[trips.record_offsets(bytes(content))[8_500] + part] ^= 0x10
    path.write_bytes(gzip.compress(content) if gz else content)

    with pytest.raises(DataError, match=rf"{path}: record 8500 cannot be read.*\(8500 records before it are fine"):
        read_all(path)


@pytest.mark.parametrize("share", [0.1, 0.6, 0.999])
def test_gz_file_cut_anywhere(tmp_path: Path, records: list[bytes], share: float) -> None:
    plain = trips.write_records(tmp_path / "plain", records).read_bytes()
    path = tmp_path / "cut"
    compressed = gzip.compress(plain)
    path.write_bytes(compressed[: int(len(compressed) * share)])

    with pytest.raises(DataError) as caught:
        read_all(path)

    decompressor = gzip.zlib.decompressobj(31)  # type: ignore[attr-defined]
    readable = len(decompressor.decompress(path.read_bytes()))
    whole = sum(end <= readable for end in trips.record_offsets(plain)[1:])
    assert f"{path}: record {whole} cannot be read" in str(caught.value)


def test_gz_file_cut_at_the_end_of_a_record_is_not_taken_for_whole(tmp_path: Path, records: list[bytes]) -> None:
    plain = trips.write_records(tmp_path / "plain", records).read_bytes()
    offset = trips.record_offsets(plain)[8_700]
    compressor = gzip.zlib.compressobj(6, gzip.zlib.DEFLATED, 31)  # type: ignore[attr-defined]
    path = tmp_path / "cut"
    path.write_bytes(compressor.compress(plain[:offset]) + compressor.flush(gzip.zlib.Z_SYNC_FLUSH))  # type: ignore[attr-defined]

    with pytest.raises(DataError, match="record 8700 cannot be read"):
        read_all(path)


def test_file_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_text("fare,tipped\n" + "1.5,0\n" * 100)

    with pytest.raises(DataError, match=rf"{path}: record 0 cannot be read.*not a TFRecord file"):
        read_all(path)
    assert "record 0 cannot be read" in failure(path)


@pytest.mark.parametrize("at", [0, 255, 256, 8_200])
def test_record_that_is_not_an_example(tmp_path: Path, records: list[bytes], at: int) -> None:
    path = trips.write_records(tmp_path / "foreign", [*records[:at], b"\xff not a proto", *records[at + 1 :]], gz=True)

    assert f"{path}: record {at} is not a tf.Example" in failure(path)


def test_damage_is_told_by_the_whole_run(tmp_path: Path, records: list[bytes]) -> None:
    path = trips.write_records(tmp_path / "cut", records)
    content = path.read_bytes()
    path.write_bytes(content[: trips.record_offsets(content)[8_700] + 30])

    assert f"{path}: record 8700 cannot be read" in failure(path)


def test_feature_of_another_kind_in_a_later_file(tmp_path: Path, material: Any) -> None:
    rows = material.trips.rows
    trips.write_records(tmp_path / "a", [trips.example(**row) for row in rows[:300]])
    later = [trips.example(**row) for row in rows[300:600]]
    later[41] = trips.example(**{**rows[341], "tipped": 1.0})
    path = trips.write_records(tmp_path / "b", later)

    message = failure(tmp_path)

    assert message.startswith(f"{path}: record 41: feature 'tipped' holds float values; expected int")


def test_feature_of_two_kinds_in_the_first_records(tmp_path: Path) -> None:
    path = trips.write_records(tmp_path / "a", [trips.example(fare=1.0), trips.example(fare="1.0")])

    with pytest.raises(DataError, match=f"{path}: record 1: feature 'fare' holds string values, and float values in"):
        find_features(find_shards(path), wanted=["fare"])


def test_first_of_two_damaged_files_is_named(tmp_path: Path, records: list[bytes]) -> None:
    for name in ("b", "a"):
        trips.write_records(tmp_path / name, [*records[:500], b"\xff", *records[500:1000]])

    assert failure(tmp_path).startswith(f"{tmp_path}/a: record 500 is not a tf.Example")


@pytest.mark.parametrize("gz", [False, True])
def test_split_whose_files_hold_no_record(tmp_path: Path, records: list[bytes], gz: bool) -> None:
    full = trips.write_records(tmp_path / "full", records[:10])
    none = trips.write_records(tmp_path / "none", [], gz=gz)
    message = "all of its 1 files are empty" if not gz else "its files hold no record"

    with pytest.raises(DataError, match=f"split 'test': {message}"):
        ec.check(CONFIG, data={"eval": full, "test": none})


def test_missing_checksum_at_the_end_of_the_peek(tmp_path: Path, records: list[bytes]) -> None:
    path = trips.write_records(tmp_path / "cut", records[:3])
    path.write_bytes(path.read_bytes()[:-2])
    (shard,) = find_shards(path)

    assert read_first(shard, 2) == records[:2]
    with pytest.raises(DataError, match="record 2 cannot be read"):
        read_first(shard, 3)


def test_parser_names_the_record_by_its_number_in_the_file(tmp_path: Path, records: list[bytes]) -> None:
    path = trips.write_records(tmp_path / "foreign", [*records[:8_300], b"\xff", *records[:10]])
    (shard,) = find_shards(path)
    parser = Parser({"fare": ValueKind.FLOAT}, keep_serialized=False)
    _, second = read_blocks(shard)

    with pytest.raises(DataError, match=r"record 8300 is not a tf\.Example"):
        parser.parse(second)
