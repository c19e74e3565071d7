"""Blocks: fixed positions of a file, whatever its compression."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator_component.data.batch import unit_hashes
from evaluator_component.data.files import Shard, find_shards
from evaluator_component.data.reader import BLOCK_BYTES, BLOCK_ROWS, Block, read_blocks
from tests import trips


def only_shard(path: Path) -> Shard:
    (shard,) = find_shards(path)
    return shard


def blocks_of(path: Path) -> list[tuple[int, list[bytes]]]:
    return [(block.first_row, list(block.records.numpy())) for block in read_blocks(only_shard(path))]


def test_blocks_are_cut_every_so_many_records_in_order(material: Any) -> None:
    blocks = blocks_of(material.plain)

    assert [(first, len(records)) for first, records in blocks] == [
        (0, BLOCK_ROWS),
        (BLOCK_ROWS, BLOCK_ROWS),
        (2 * BLOCK_ROWS, len(material.trips) - 2 * BLOCK_ROWS),
    ]
    assert [record for _, records in blocks for record in records] == material.trips.records


def test_blocks_of_a_gz_file_are_those_of_the_plain_one(material: Any) -> None:
    assert blocks_of(material.gz) == blocks_of(material.plain)


def test_gz_file_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    records = [trips.example(row=i) for i in range(40)]
    parts = [trips.write_records(tmp_path / f"part-{i}", records[i * 20 : i * 20 + 20], gz=True) for i in range(2)]
    joined = tmp_path / "joined"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))

    assert [record for _, block in blocks_of(joined) for record in block] == records


@pytest.mark.parametrize("gz", [False, True])
def test_long_records_make_shorter_blocks(tmp_path: Path, gz: bool) -> None:
    length = BLOCK_BYTES // 4
    records = [bytes([i]) * length for i in range(5)]

    blocks = blocks_of(trips.write_records(tmp_path / "long", records, gz=gz))

    assert [len(block) for _, block in blocks] == [4, 1]
    assert [first for first, _ in blocks] == [0, 4]


def test_file_of_exactly_one_block_has_no_empty_one_after_it(tmp_path: Path) -> None:
    path = trips.write_records(tmp_path / "exact", [b"x"] * BLOCK_ROWS)

    assert [(first, len(records)) for first, records in blocks_of(path)] == [(0, BLOCK_ROWS)]


def test_block_travels_as_bytes(tmp_path: Path) -> None:
    (block,) = read_blocks(only_shard(trips.write_records(tmp_path / "few", [b"a", b"b\0c"])))

    once = pickle.loads(pickle.dumps(block))
    twice = pickle.loads(pickle.dumps(once))

    assert once.records == twice.records == [b"a", b"b\0c"]
    assert (once.shard, once.first_row, len(once)) == (block.shard, 0, 2)
    assert isinstance(twice, Block)


def test_unit_hashes_differ_between_records_and_files() -> None:
    hashes = np.concatenate([unit_hashes(f"data-{i:05d}-of-00010", 0, 100_000) for i in range(10)])

    assert hashes.dtype == np.uint64
    assert len(np.unique(hashes)) == len(hashes)


def test_unit_hash_of_a_record_does_not_depend_on_where_its_block_begins() -> None:
    whole = unit_hashes("data", 0, 1000)

    assert np.array_equal(whole, np.concatenate([unit_hashes("data", 0, 333), unit_hashes("data", 333, 667)]))


def test_unit_hashes_fill_groups_evenly() -> None:
    groups = unit_hashes("data-00000-of-00001.gz", 0, 64_000) % np.uint64(64)

    counts = np.bincount(groups.astype(np.int64), minlength=64)
    chi_square = float(np.sum((counts - 1000) ** 2 / 1000))
    assert chi_square < 117  # 63 degrees of freedom: exceeded once in 25,000 times by chance
