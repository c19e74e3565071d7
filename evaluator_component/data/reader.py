"""Files → blocks of serialized records, cut at fixed positions."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from evaluator_component.data.files import Shard
from evaluator_component.errors import DataError

BLOCK_ROWS = 8192
BLOCK_BYTES = 64 << 20
"""A block has at most this many records, and fewer if the file's first records are so long that they would exceed
this many bytes. Both depend on the file alone, so the blocks of a file are the same on any runner."""

_PEEK = 32


@dataclass(frozen=True)
class Block:
    """Consecutive records of one file.

    Attributes:
        shard: The file.
        first_row: Number of its first record in the file, from 0.
        records: Serialized records: a string tensor ``[n]``, or a list of bytes once it has travelled.
    """

    shard: Shard
    first_row: int
    records: Any

    def __len__(self) -> int:
        return len(self.records)

    def __reduce__(self) -> tuple[Any, ...]:
        records = self.records if isinstance(self.records, list) else list(self.records.numpy())
        return Block, (self.shard, self.first_row, records)


def read_blocks(shard: Shard) -> Iterator[Block]:
    """Reads a TFRecord file.

    Raises:
        DataError: The file is truncated or damaged; the message has the number of the record.
    """
    import tensorflow as tf

    dataset = tf.data.TFRecordDataset(shard.path, shard.compression or None, buffer_size=1 << 20)
    row = 0
    try:
        blocks = dataset.batch(_block_rows(shard)).prefetch(2)
        for records in blocks:
            yield Block(shard, row, records)
            row += int(records.shape[0])
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise _damaged(shard, dataset, row, error) from error


def read_first(shard: Shard, count: int) -> list[bytes]:
    """The first ``count`` serialized records (fewer if the file has fewer)."""
    import tensorflow as tf

    dataset = tf.data.TFRecordDataset(shard.path, shard.compression or None)
    records: list[bytes] = []
    try:
        for batch in dataset.take(count).batch(count):
            records += list(batch.numpy())
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise _damaged(shard, dataset, 0, error) from error
    return records


def _block_rows(shard: Shard) -> int:
    """How many records a block of this file has; damage is left to the reading itself."""
    rows = BLOCK_ROWS
    longest = max(_first_lengths(shard), default=1)
    while rows > 1 and rows * longest > BLOCK_BYTES:
        rows //= 2
    return rows


def _first_lengths(shard: Shard) -> list[int]:
    """Lengths of the first records: each record is a length, its checksum, the data and their checksum."""
    lengths: list[int] = []
    with _open(shard) as raw:
        file = gzip.GzipFile(fileobj=raw) if shard.compression else raw
        try:
            while len(lengths) < _PEEK and len(head := file.read(12)) == 12:
                (length,) = struct.unpack("<Q", head[:8])
                if length > BLOCK_BYTES:
                    break
                lengths.append(length)
                file.read(length + 4)
        except (OSError, EOFError, zlib.error):
            pass
    return lengths


def _open(shard: Shard) -> IO[bytes]:
    if "://" in shard.path:
        import tensorflow as tf

        remote: IO[bytes] = tf.io.gfile.GFile(shard.path, "rb")
        return remote
    return Path(shard.path).open("rb")


def _damaged(shard: Shard, dataset: Any, row: int, error: Exception) -> DataError:
    """Finds the first record that cannot be read, counting on from ``row``."""
    good = row
    try:
        for _ in dataset.skip(row):
            good += 1
    except Exception:  # noqa: S110 - whatever it is, the count up to here is the answer
        pass
    cause = str(error).split("\n", 1)[0].split(" [Op:", 1)[0]
    return DataError(
        f"{shard.path}: record {good} cannot be read: the file is truncated, damaged or not a TFRecord file "
        f"({good} records before it are fine; {cause}). Write the file again, or leave it out of the data."
    )
