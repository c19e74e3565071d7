"""Whether a file ends where its last record ends.

TensorFlow takes a file that stops inside a record's header, or a gzip stream that stops between two records, for a
whole one: without this check the examples behind the cut would be missing from the result, and nobody would know.
"""

from __future__ import annotations

import gzip
import zlib

from evaluator_component.data.files import Shard, open_shard
from evaluator_component.errors import DataError

_CHUNK = 1 << 20


def check_ending(shard: Shard, rows: int, content: int) -> None:
    """Compares what was read of a TFRecord file with its length.

    Args:
        shard: The file.
        rows: Number of records that were read.
        content: Their bytes with headers and checksums, uncompressed.

    Raises:
        DataError: The file goes on behind the last whole record, or its gzip stream has no end.
    """
    if not shard.compression:
        left = shard.size - content
        problem = "" if left == 0 else f"{left} bytes follow the last whole record"
    else:
        # A gzip stream ends with the length of its content, so a glance at the end is enough for the usual file. Only
        # a file of several streams, or a damaged one, is read again.
        problem = "" if _last_length(shard) == content % (1 << 32) else _read_again(shard, content)
    if problem:
        raise DataError(
            f"{shard.path}: record {rows} cannot be read: the file is truncated ({rows} records before it are fine; "
            f"{problem}). Write the file again, or leave it out of the data."
        )


def _last_length(shard: Shard) -> int:
    with open_shard(shard) as file:
        file.seek(max(shard.size - 4, 0))
        return int.from_bytes(file.read(4), "little")


def _read_again(shard: Shard, content: int) -> str:
    length = 0
    try:
        with open_shard(shard) as raw, gzip.GzipFile(fileobj=raw) as file:
            while chunk := file.read(_CHUNK):
                length += len(chunk)
    except (OSError, EOFError, zlib.error) as error:
        return f"its gzip stream is damaged: {error}"
    return "" if length == content else f"{length - content} bytes follow the last whole record"
