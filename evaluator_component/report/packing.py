"""Arrow tables as short texts, which a page or a notebook carries and the browser reads."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.results import tables

_WHOLE_IN_FLOAT32: Final = 2.0**24
"""Up to here float32 holds every whole number."""
_LEVEL: Final = 4
"""A tenth larger than the usual 6, in half the time."""


def packed(table: pa.Table) -> str:
    """Returns the table as an Arrow IPC stream of one batch, gzip-compressed, in base64; the same for equal tables."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        for batch in table.combine_chunks().to_batches():
            stream.write_batch(batch)
    return base64.b64encode(gzip.compress(sink.getvalue(), _LEVEL, mtime=0)).decode("ascii")


def narrow(table: pa.Table, wide: Iterable[str] = ()) -> pa.Table:
    """Returns the table as a browser needs it: narrow numbers, tidy dictionaries, and no column that says nothing.

    Columns of which every value is null are left out. Floats become float32, unless a whole number in their column
    would lose digits; NaN becomes null. Integers become int32 where they fit, else float64. Dictionaries are sorted
    and hold only what is in use.

    Args:
      table: Any table of names, numbers, booleans and texts.
      wide: Columns of floats that stay float64.
    """
    keep = frozenset(wide)
    columns: dict[str, pa.Array] = {}
    for field in table.schema:
        column = _narrow_column(table.column(field.name), field.name in keep)
        if column.null_count < len(column):
            columns[field.name] = column
    return pa.table(columns)


def texts(values: Iterable[str | None]) -> pa.Array:
    """Returns a column of texts; what UTF-8 has no bytes for (half of a character) is written as an escape."""
    return pa.array(
        [None if value is None else value.encode("utf-8", "backslashreplace").decode() for value in values], pa.string()
    )


def _narrow_column(column: pa.ChunkedArray, wide: bool) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        codes, words = tables.codes_and_words(column)
        indices = pa.array(np.where(codes < 0, 0, codes).astype(np.int32), mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, words)
    if pa.types.is_floating(kind):
        values = np.array(pc.fill_null(column, np.nan).to_numpy(), dtype=np.float64)
        return _numbers(values, np.isnan(values), np.float64 if wide or _has_large(values) else np.float32)
    if pa.types.is_integer(kind):
        missing = np.asarray(column.is_null().to_numpy(), dtype=bool)
        whole = np.asarray(pc.fill_null(column, 0).to_numpy())
        fits = not len(whole) or (whole.min() >= -(2**31) and whole.max() < 2**31)
        return _numbers(whole, missing, np.int32 if fits else np.float64)
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # older Arrow keeps the chunks of an empty column
        array = array.chunk(0) if array.num_chunks else pa.array([], type=kind)
    return array


def _has_large(values: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    large = values[np.isfinite(values) & (np.abs(values) > _WHOLE_IN_FLOAT32)]
    return bool((large == np.floor(large)).any())


def _numbers(values: np.ndarray[Any, Any], missing: np.ndarray[Any, np.dtype[np.bool_]], kind: Any) -> pa.Array:
    """One array with zeros under its nulls."""
    filled = np.where(missing, 0, values).astype(kind)
    return pa.array(filled, mask=missing if missing.any() else None)
