"""The two tidy tables that every other output is a view of, and their canonical form.

A metric row is keyed by (split, slice, model, output, sub_key, metric, weighted), a plot row by (split, slice, model,
output, sub_key, plot, bucket). Columns of strings are dictionaries, because names repeat. Two tables with the same rows
have one canonical form, whatever the order of their rows, chunks and dictionaries; files are written from that form, so
equal results give equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ALL_SPLITS: Final = "*"
"""The split of the rows that merge several evaluated splits; with a single split there are no such rows."""

EXACT: Final = "exact"
"""The interval method of values that are what they are, such as the number of examples."""
IDENTICAL: Final = "identical"
"""The interval method of changes between models that agree on every example."""
PAIRED_SCORE: Final = "paired score"
WILSON: Final = "wilson"
OF_MEAN: Final = " (mean)"
"""What the interval method of a mean of as many numbers as there are examples ends with, where their skewness is known.
"""

NAME: Final = pa.dictionary(pa.int32(), pa.string())

METRICS_SCHEMA: Final = pa.schema(
    [
        ("split", NAME),
        ("slice", NAME),
        ("model", NAME),
        ("output", NAME),
        ("sub_key", NAME),
        ("metric", NAME),
        ("weighted", pa.bool_()),
        ("value", pa.float64()),
        ("n", pa.int64()),
        ("weighted_n", pa.float64()),
        ("std_error", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("interval_method", NAME),
        ("effective_n", pa.float64()),
        ("df", pa.float64()),
        ("skewness", pa.float64()),
        ("bracket_lower", pa.float64()),
        ("bracket_upper", pa.float64()),
        ("baseline_value", pa.float64()),
        ("change", pa.float64()),
        ("change_bracket_lower", pa.float64()),
        ("change_bracket_upper", pa.float64()),
        ("change_std_error", pa.float64()),
        ("change_lower", pa.float64()),
        ("change_upper", pa.float64()),
        ("change_interval_method", NAME),
        ("change_df", pa.float64()),
        ("change_skewness", pa.float64()),
        ("trials", pa.float64()),
        ("gained", pa.float64()),
        ("lost", pa.float64()),
        ("p_value", pa.float64()),
        ("direction", NAME),
        ("reason", NAME),
    ]
)
METRICS_KEY: Final = ("split", "slice", "model", "output", "sub_key", "metric", "weighted")

PLOTS_SCHEMA: Final = pa.schema(
    [
        ("split", NAME),
        ("slice", NAME),
        ("model", NAME),
        ("output", NAME),
        ("sub_key", NAME),
        ("plot", NAME),
        ("plot_type", NAME),
        ("weighted", pa.bool_()),
        ("bucket", pa.int32()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("weighted_examples", pa.float64()),
        ("weighted_labels", pa.float64()),
        ("weighted_predictions", pa.float64()),
        ("true_positives", pa.float64()),
        ("false_positives", pa.float64()),
        ("true_negatives", pa.float64()),
        ("false_negatives", pa.float64()),
        ("actual_class", pa.int32()),
        ("predicted_class", pa.int32()),
        ("sample", pa.string()),
    ]
)
PLOTS_KEY: Final = ("split", "slice", "model", "output", "sub_key", "plot", "bucket")


def without_options(sub_key: str) -> str:
    """The part of a sub-key that names classes or ranks, without options of the metric such as ``threshold=0.5``."""
    return " ".join(part for part in sub_key.split() if "=" not in part)


def metrics_table(columns: Mapping[str, Any]) -> pa.Table:
    """Returns a table of METRICS_SCHEMA; a column may be an array, a list or one value for all rows.

    Columns that are left out are null, except ``output`` and ``sub_key`` (empty) and ``weighted`` (False).

    Raises:
      ValueError: a column is unknown or has another length than the rest.
    """
    return _table(METRICS_SCHEMA, {"output": "", "sub_key": "", "weighted": False, **columns})


def plots_table(columns: Mapping[str, Any]) -> pa.Table:
    """Returns a table of PLOTS_SCHEMA, as `metrics_table` does."""
    return _table(PLOTS_SCHEMA, {"output": "", "sub_key": "", "weighted": False, **columns})


def canonical_metrics(table: pa.Table) -> pa.Table:
    """Returns the rows in key order, in one chunk, with sorted dictionaries that hold only the names in use.

    Raises:
      ValueError: two rows have the same key, or a column is missing.
    """
    return _canonical(table, METRICS_SCHEMA, METRICS_KEY)


def canonical_plots(table: pa.Table) -> pa.Table:
    """Returns the plot rows in canonical form; see `canonical_metrics`."""
    return _canonical(table, PLOTS_SCHEMA, PLOTS_KEY)


def merged_split(table: pa.Table) -> str:
    """Returns the split whose rows stand for the whole evaluation: "*", or the only one; "" for an empty table."""
    splits = names(table, "split")
    return ALL_SPLITS if ALL_SPLITS in splits else (splits[0] if splits else "")


def names(table: pa.Table, column: str) -> list[str]:
    """Returns the sorted distinct values of a string column, nulls left out."""
    return sorted(value for value in pc.unique(table.column(column)).to_pylist() if value is not None)


def equal(column: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    """Returns where a dictionary column has the value; only the dictionary's words are compared as strings."""
    chunks = []
    for chunk in column.chunks:
        codes = np.flatnonzero(np.asarray(pc.equal(chunk.dictionary, value).to_numpy(zero_copy_only=False), dtype=bool))
        chunks.append(pc.is_in(chunk.indices, value_set=pa.array(codes, type=chunk.indices.type)))
    return pa.chunked_array(chunks, type=pa.bool_())


def codes_and_words(column: pa.ChunkedArray) -> tuple[np.ndarray[Any, np.dtype[np.int32]], pa.Array]:
    """Returns a dictionary column as codes (null: -1) into its words, which are sorted, distinct and all in use."""
    array = column.unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # older Arrow keeps the chunks of an empty column
        array = array.chunk(0) if array.num_chunks else pa.array([], type=column.type)
    codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    encoded = array.dictionary.dictionary_encode()
    distinct = encoded.dictionary
    codes = np.append(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64), -1)[codes]
    used = np.zeros(len(distinct) + 1, dtype=bool)
    used[codes] = True
    order = pc.array_sort_indices(distinct).to_numpy(zero_copy_only=False)
    order = order[used[order]]
    rank = np.full(len(distinct) + 1, -1, dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[codes], distinct.take(pa.array(order))


def _table(schema: pa.Schema, columns: Mapping[str, Any]) -> pa.Table:
    unknown = set(columns) - set(schema.names)
    if unknown:
        raise ValueError(f"unknown columns {sorted(unknown)}; known: {schema.names}")
    lengths = {len(value) for value in columns.values() if _is_column(value)}
    if len(lengths) > 1:
        sizes = {name: len(value) for name, value in columns.items() if _is_column(value)}
        raise ValueError(f"the columns must have one length, but have {sizes}")
    rows = lengths.pop() if lengths else 1
    arrays = [_column(columns.get(field.name), field.type, rows) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _is_column(value: object) -> bool:
    return isinstance(value, (pa.Array, pa.ChunkedArray, np.ndarray)) or (
        isinstance(value, Sequence) and not isinstance(value, str)
    )


def _column(value: Any, to: pa.DataType, rows: int) -> pa.Array | pa.ChunkedArray:
    if not _is_column(value):
        if not pa.types.is_dictionary(to):
            return pa.nulls(rows, to) if value is None else pa.array(np.full(rows, value), type=to)
        code = pa.nulls(rows, pa.int32()) if value is None else pa.array(np.zeros(rows, np.int32))
        return pa.DictionaryArray.from_arrays(code, pa.array([] if value is None else [value], pa.string()))
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        array = value
    elif pa.types.is_dictionary(to):
        array = pa.array(value, type=pa.string())
    else:
        array = pa.array(value, type=to)
    if array.type == to:
        return array
    return array.cast(pa.string()).dictionary_encode() if pa.types.is_dictionary(to) else array.cast(to)


def _canonical(table: pa.Table, schema: pa.Schema, key: Sequence[str]) -> pa.Table:
    missing = set(schema.names) - set(table.column_names)
    if missing:
        raise ValueError(f"the table lacks the columns {sorted(missing)}")
    table = pa.Table.from_arrays([_column(table.column(field.name), field.type, 0) for field in schema], schema=schema)
    coded = {f.name: codes_and_words(table.column(f.name)) for f in schema if pa.types.is_dictionary(f.type)}
    parts = [coded[name][0] if name in coded else _numbers(table.column(name)) for name in key]
    order = _order(parts)
    arrays = []
    for field in schema:
        if field.name in coded:
            codes, words = coded[field.name]
            codes = codes if order is None else codes[order]
            arrays.append(pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), words))
        else:
            values = table.column(field.name)
            values = values if order is None else values.take(pa.array(order))
            arrays.append(_one_chunk(values))
    return pa.Table.from_arrays(arrays, schema=schema)


def _numbers(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(column.cast(pa.int32()).to_numpy(), dtype=np.int64)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """Returns one array without the leftovers of masking and slicing: values under a null are zero, NaN is one NaN."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], type=column.type)
    if not pa.types.is_floating(array.type):
        return array
    mask = array.is_null().to_numpy(zero_copy_only=False)
    values = np.array(pc.fill_null(array, 0.0).to_numpy(zero_copy_only=False), dtype=np.float64)
    values[np.isnan(values)] = np.nan
    return pa.array(values, type=array.type, mask=mask if mask.any() else None)


def _order(parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """Returns the order of the rows by their key parts (first is slowest); None where they are in order already."""
    if not len(parts[0]):
        return None
    spans = [int(part.max()) + 2 for part in parts]
    if float(np.prod([float(span) for span in spans])) >= 2.0**62:
        order = np.lexsort(list(reversed(parts)))
        same = np.logical_and.reduce([part[order[1:]] == part[order[:-1]] for part in parts])
    else:
        joined = np.zeros(len(parts[0]), dtype=np.int64)
        for part, span in zip(parts, spans, strict=True):
            joined = joined * span + part + 1
        steps = np.diff(joined)
        if (steps > 0).all():
            return None
        order = np.argsort(joined, kind="stable")
        same = np.diff(joined[order]) == 0
    if same.any():
        raise ValueError(f"{int(same.sum())} rows repeat the key of another row, first at row {order[1:][same][0]}")
    return order
