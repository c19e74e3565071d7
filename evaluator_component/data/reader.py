"""Files → blocks of serialized records, cut at fixed positions."""

from __future__ import annotations

import gzip
import itertools
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evaluator_component.data.ending import check_ending
from evaluator_component.data.files import Shard, open_shard
from evaluator_component.errors import DataError

BLOCK_ROWS = 8192
BLOCK_BYTES = 64 << 20
"""A block has at most this many records, and fewer if the file's first records are so long that they would exceed
this many bytes. Both depend on the file alone, so the blocks of a file are the same on any runner."""

_PEEK = 32
_FRAME = 16
_LONGEST = 1 << 31


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

    dataset = _dataset(shard)
    row = content = 0
    try:
        blocks = dataset.batch(_block_rows(shard)).prefetch(2)
        for records in blocks:
            yield Block(shard, row, records)
            count = int(records.shape[0])
            row += count
            content += int(tf.reduce_sum(tf.strings.length(records))) + count * _FRAME
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise _damaged(shard, dataset, row, error) from error
    check_ending(shard, row, content)


def read_first(shard: Shard, count: int) -> list[bytes]:
    """The first ``count`` serialized records (fewer if the file has fewer).

    Raises:
        DataError: One of them cannot be read.
    """
    records = list(itertools.islice(_peek(shard), count))
    if len(records) == count:
        return records
    return [record for block in read_blocks(shard) for record in block.records.numpy()]  # short, or damaged


def _dataset(shard: Shard) -> Any:
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False  # nothing here is tuned, and its thread can hold up the end of a file by 0.5 s
    return tf.data.TFRecordDataset(shard.path, shard.compression or None).with_options(options)


def _block_rows(shard: Shard) -> int:
    """How many records a block of this file has; damage is left to the reading itself."""
    rows = BLOCK_ROWS
    longest = max((len(record) for record in itertools.islice(_peek(shard), _PEEK)), default=1)
    while rows > 1 and rows * longest > BLOCK_BYTES:
        rows //= 2
    return rows


def _peek(shard: Shard) -> Iterator[bytes]:
    """Records from the start of a file, without their checksums being looked at; ends where anything is odd.

    A record is its length, the length's checksum, the data, and their checksum.
    """
    with open_shard(shard) as raw:
        file = gzip.GzipFile(fileobj=raw) if shard.compression else raw
        try:
            while len(head := file.read(12)) == 12:
                (length,) = struct.unpack("<Q", head[:8])
                if length > _LONGEST:
                    return
                record = file.read(length)
                if len(record) < length or len(file.read(4)) < 4:
                    return
                yield record
        except (OSError, EOFError, zlib.error):
            return


def _damaged(shard: Shard, dataset: Any, row: int, error: Exception) -> DataError:
    """Finds the first record that cannot be read, counting on from ``row``."""
    good = row
    try:
        for _ in dataset.skip(row):
            good += 1
    except Exception:  # noqa: S110 - whatever it is, the count up to here is the answer
        pass
    cause = re.sub(r"^\{\{.*?\}\} ", "", str(error)).split("\n", 1)[0].split(" [Op:", 1)[0]
    return DataError(
        f"{shard.path}: record {good} cannot be read: the file is truncated, damaged or not a TFRecord file "
        f"({good} records before it are fine; {cause}). Write the file again, or leave it out of the data."
    )
