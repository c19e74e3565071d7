"""States as Arrow IPC bytes, and their partition by slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.engine import exact
from evaluator_component.engine.accumulate import State
from evaluator_component.engine.hashing import hash_names
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.queries import QueryRows, take
from evaluator_component.engine.samples import SampleRows
from evaluator_component.engine.sums import Sums, spread

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
"""Counts are small numbers in wide cells: they pack to a quarter."""


def to_bytes(state: State) -> bytes:
    """Writes a state: one Arrow stream for the names, one per table."""
    sink = pa.BufferOutputStream()
    counts = {"examples": state.examples, "queries": len(state.queries), "samples": len(state.samples)}
    header = {name.encode(): str(count).encode() for name, count in counts.items()}
    _write(sink, pa.RecordBatch.from_arrays([state.names], schema=pa.schema([("name", pa.string())], header)))
    for table in state.tables:
        arrays = [pa.array(table.slices)]
        names = ["slice"]
        if table.keys is not None:
            arrays.append(pa.array(table.keys))
            names.append("key")
        if table.levels is not None:
            arrays.append(pa.array(table.levels))
            names.append("level")
        for i, column in enumerate(table.columns):
            arrays.append(exact.to_arrow(column))
            names.append(f"c{i}")
        fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
        schema = pa.schema(fields, {b"classes": str(table.classes).encode()})
        _write(sink, pa.RecordBatch.from_arrays(arrays, schema=schema))
    for rows in state.queries:
        columns = {f"c{i}": column for i, column in enumerate(rows.columns)}
        for part in (
            {"name": rows.names},
            {"query": rows.query, **columns},
            {"query": rows.member_query, "slice": rows.member_slice},
        ):
            _write(sink, pa.RecordBatch.from_pydict(part))
    for sample in state.samples:
        fields = [pa.field("slice", pa.int32()), pa.field("key", pa.float64()), pa.field("value", pa.binary())]
        schema = pa.schema(fields, {b"classes": str(sample.classes).encode()})
        arrays = [pa.array(sample.slices), pa.array(sample.keys), sample.values]
        _write(sink, pa.RecordBatch.from_arrays(arrays, schema=schema))
    return bytes(sink.getvalue())


def from_bytes(data: bytes) -> State:
    """The inverse of :func:`to_bytes`."""
    source = pa.BufferReader(data)
    header = _read(source)
    examples = int(header.schema.metadata[b"examples"])
    batches = []
    while source.tell() < len(data):
        batches.append(_read(source))
    sampled = len(batches) - int(header.schema.metadata[b"samples"])
    samples = tuple(_sample_rows(batch) for batch in batches[sampled:])
    batches = batches[:sampled]
    kept = _PER_QUERY * int(header.schema.metadata[b"queries"])
    tables = []
    for batch in batches[: len(batches) - kept]:
        names = batch.schema.names
        columns = {name: exact.from_arrow(batch.column(i)) for i, name in enumerate(names)}
        tables.append(
            Sums(
                columns["slice"].astype(np.int32, copy=False),
                columns["key"].astype(np.uint64, copy=False) if "key" in columns else None,
                columns["level"].astype(np.uint8, copy=False) if "level" in columns else None,
                tuple(columns[name] for name in names if name.startswith("c")),
                int(batch.schema.metadata[b"classes"]),
            )
        )
    parts = batches[len(batches) - kept :]
    queries = tuple(_query_rows(*parts[i : i + _PER_QUERY]) for i in range(0, kept, _PER_QUERY))
    return State(header.column(0), tuple(tables), examples, queries, samples)


_PER_QUERY = 3
"""So many batches hold the rows of one kind of query."""


def _query_rows(names: pa.RecordBatch, docs: pa.RecordBatch, members: pa.RecordBatch) -> QueryRows:
    query, *columns = (column.to_numpy(zero_copy_only=False) for column in docs.columns)
    member_query, member_slice = (column.to_numpy(zero_copy_only=False) for column in members.columns)
    return QueryRows(names.column(0), query, tuple(columns), member_query, member_slice)


def _sample_rows(batch: pa.RecordBatch) -> SampleRows:
    slices, keys, values = batch.columns
    classes = int(batch.schema.metadata[b"classes"])
    return SampleRows(slices.to_numpy(), keys.to_numpy(), values, classes)


def _write(sink: pa.BufferOutputStream, batch: pa.RecordBatch) -> None:
    with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as writer:
        writer.write_batch(batch)


def _read(source: pa.BufferReader) -> pa.RecordBatch:
    with pa.ipc.open_stream(source) as reader:
        (batch,) = list(reader)  # to the stream's end, where the next one begins
        return batch


def partition(plan: Plan, state: State, count: int) -> list[State]:
    """Splits a state into ``count`` states; their merge is the state again.

    Sums go by a hash of the slice's name, documents by a hash of the query's: all documents of a query come together.
    """
    if count == 1:
        return [state]
    owner = hash_names(state.names) % np.uint64(count)
    owners = [hash_names(rows.names) % np.uint64(count) for rows in state.queries]
    parts = []
    for i in range(count):
        wanted = owner == i
        kept = [take(rows, own == i) for rows, own in zip(state.queries, owners, strict=True)]
        named = wanted.copy()
        for rows in kept:
            named[rows.member_slice] = True
        position = (np.cumsum(named) - 1).astype(np.int32)
        parts.append(
            State(
                state.names.filter(pa.array(named)),
                tuple(_rows(table, wanted, position) for table in state.tables),
                state.examples if i == 0 else 0,
                tuple(replace(rows, member_slice=position[rows.member_slice]) for rows in kept),
                tuple(
                    rows.take(wanted[rows.slices // np.int32(rows.classes)]).rename(position) for rows in state.samples
                ),
            )
        )
    return parts


def _rows(table: Sums, wanted: npt.NDArray[np.bool_], position: npt.NDArray[np.int32]) -> Sums:
    rows = np.repeat(wanted, table.classes)[table.slices]
    return Sums(
        spread(position, table.classes)[table.slices[rows]],
        None if table.keys is None else table.keys[rows],
        None if table.levels is None else table.levels[rows],
        tuple(exact.canonical(column[rows]) for column in table.columns),
        table.classes,
    )
