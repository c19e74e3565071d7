"""Which files are examples of which split."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator_component.data.files import find_shards, locations
from evaluator_component.data.reader import read_blocks
from evaluator_component.errors import DataError
from tests import trips


@pytest.fixture
def records() -> list[bytes]:
    return [trips.example(row=i) for i in range(5)]


def test_compression_is_told_from_the_content_whatever_the_name_says(tmp_path: Path, records: list[bytes]) -> None:
    trips.write_records(tmp_path / "really_plain.gz", records)
    trips.write_records(tmp_path / "really_gz.tfrecord", records, gz=True)

    shards = find_shards(tmp_path)

    assert {shard.name: shard.compression for shard in shards} == {
        "really_gz.tfrecord": "GZIP",
        "really_plain.gz": "",
    }
    for shard in shards:
        assert [record for block in read_blocks(shard) for record in block.records.numpy()] == records


def test_where_the_data_is_told_as_it_was_said() -> None:
    assert locations("data/*") == {"eval": "data/*"}
    assert locations({"eval": ["b/*", Path("a")], "a": Path("c")}) == {"a": "c", "eval": "b/*, a"}
    assert locations([f"data-{index}" for index in range(4)]) == {"eval": "4 paths: data-0 … data-3"}


def test_folder_gives_its_files_but_not_hidden_ones(tmp_path: Path, records: list[bytes]) -> None:
    for name in ("b", "a", ".hidden", "_SUCCESS"):
        trips.write_records(tmp_path / name, records)
    (tmp_path / "nested").mkdir()

    assert [shard.name for shard in find_shards(tmp_path)] == ["a", "b"]


def test_file_that_two_patterns_match_counts_once(tmp_path: Path, records: list[bytes]) -> None:
    for name in ("a-0", "a-1"):
        trips.write_records(tmp_path / name, records)

    shards = find_shards([tmp_path / "a-*", tmp_path, tmp_path / "a-1"])

    assert [shard.name for shard in shards] == ["a-0", "a-1"]


def test_pattern_with_stars_for_folders_and_splits(tmp_path: Path, records: list[bytes]) -> None:
    for name in ("2024/01/x", "2024/02/y", "other/z"):
        trips.write_records(tmp_path / name, records)

    shards = find_shards({"late": tmp_path / "other", "early": str(tmp_path / "2024" / "**" / "*")})

    assert [(shard.split, shard.name) for shard in shards] == [("early", "x"), ("early", "y"), ("late", "z")]


def test_empty_file_beside_others_is_left_out(tmp_path: Path, records: list[bytes]) -> None:
    (tmp_path / "empty").touch()
    trips.write_records(tmp_path / "full", records)

    assert [shard.name for shard in find_shards(tmp_path)] == ["full"]


def test_only_empty_files_are_an_error_that_names_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()

    with pytest.raises(DataError, match=rf"split 'eval': all of its 2 files are empty \(first: {tmp_path}/a\)"):
        find_shards(tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing/*.gz", r"nothing/\*\.gz: no file matches \(split 'eval'\)"),
        ("missing", r"missing: no file matches \(split 'eval'\)"),
        ("folder", r"folder: the folder has no file; split 'eval' expects TFRecord files"),
        ([], r"split 'eval': no pattern given"),
        ({}, r"data: no split to evaluate"),
        ({"train": "missing"}, r"missing: no file matches \(split 'train'\)"),
    ],
)
def test_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: object, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()

    with pytest.raises(DataError, match=message):
        find_shards(source)
