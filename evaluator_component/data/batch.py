"""Blocks of records → batches of only the columns that are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.data.features import ValueKind, not_an_example
from evaluator_component.data.files import Shard
from evaluator_component.data.reader import Block
from evaluator_component.errors import DataError


@dataclass(frozen=True)
class Batch:
    """Columns of consecutive records of one file.

    Attributes:
        shard: The file.
        first_row: Number of the first record in the file, from 0.
        size: Number of records.
        columns: One Arrow list array per feature: binary, int64 or float values; an empty list where it is missing.
        serialized: The records as a string tensor ``[size]`` for models that parse them themselves, else None.
    """

    shard: Shard
    first_row: int
    size: int
    columns: pa.RecordBatch
    serialized: Any = None

    def column(self, name: str) -> pa.ListArray:
        """A feature's lists of values."""
        return self.columns.column(self.columns.schema.get_field_index(name))

    def where(self, row: int) -> str:
        """Names a record of the batch in an error message."""
        return f"{self.shard.path}: record {self.first_row + row}"

    def unit_hashes(self) -> npt.NDArray[np.uint64]:
        """uint64 ``[size]``: a hash of (base name of the file, record number), the unit of resampling.

        A file has the same whether it is compressed or not.
        """
        return unit_hashes(self.shard.name.removesuffix(".gz"), self.first_row, self.size)

    def numbers(self, name: str, what: str) -> npt.NDArray[np.float64]:
        """A numeric feature, float64 ``[size]`` or ``[size, k]``; NaN where it is missing.

        Args:
            name: The feature.
            what: What it is used as ("label", "weight"), for the message.

        Raises:
            DataError: It holds strings, or lists of different lengths.
        """
        array = self.column(name)
        if pa.types.is_binary(array.type.value_type):
            rows = np.flatnonzero(np.diff(array.offsets.to_numpy()))
            row = int(rows[0]) if len(rows) else 0
            raise DataError(
                f"{self.where(row)}: {what} {name!r} holds strings, and a number is needed; name a numeric feature, "
                "convert it in the pipeline, or, for the names of classes, list them in label_vocabulary of the model "
                "spec, in the schema's string domain, or export a model that gives them as 'classes'"
            )
        offsets = array.offsets.to_numpy()
        values: npt.NDArray[np.float64] = array.values.to_numpy(zero_copy_only=False).astype(np.float64)
        lengths = np.diff(offsets)
        counts = np.bincount(lengths[lengths > 0])
        width = len(counts) - 1 - int(counts[::-1].argmax()) if len(counts) else 1  # what most records have
        if lengths.max(initial=0) <= 1:
            if len(values) == self.size:
                return values
            result = np.full(self.size, np.nan)
            result[lengths == 1] = values
            return result
        odd = np.flatnonzero((lengths != width) & (lengths != 0))
        if len(odd):
            raise DataError(
                f"{self.where(int(odd[0]))}: {what} {name!r} has {lengths[odd[0]]} values where other records have "
                f"{width}; expected the same number in every record"
            )
        table = np.full((self.size, width), np.nan)
        table[lengths == width] = values.reshape(-1, width)
        return table

    def named_classes(self, name: str, names: Sequence[bytes]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
        """A label that names its classes: the index of each name, NaN if it is unknown, and how many a record has."""
        array = self.column(name)
        place = {class_name: float(index) for index, class_name in enumerate(names)}
        index = np.array([place.get(value, np.nan) for value in array.flatten().to_pylist()], np.float64)
        return index, np.diff(array.offsets.to_numpy()).astype(np.intp)

    def numbered_classes(self, name: str, classes: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
        """A label that lists its classes: each one, NaN where it is none of the model's, and how many a record has."""
        array = self.column(name)
        index = array.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        index[(index < 0) | (index >= classes)] = np.nan
        return index, np.diff(array.offsets.to_numpy()).astype(np.intp)

    def one_class(
        self, name: str, index: npt.NDArray[np.float64], counts: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.float64]:
        """The class of each record, float64 ``[size]``; NaN where it is missing or unknown.

        Raises:
            DataError: A record has several.
        """
        odd = np.flatnonzero(counts > 1)
        if len(odd):
            raise DataError(
                f"{self.where(int(odd[0]))}: label {name!r} has {counts[odd[0]]} values where the first records have "
                "one; put a record with several among the first of the files"
            )
        labels = np.full(self.size, np.nan)
        labels[counts == 1] = index
        return labels

    def multi_hot(
        self, index: npt.NDArray[np.float64], counts: npt.NDArray[np.intp], classes: int
    ) -> npt.NDArray[np.float64]:
        """1 for each class of a record, float64 ``[size, classes]``; NaN for a record with an unknown one."""
        labels = np.zeros((self.size, classes))
        rows = np.repeat(np.arange(self.size), counts)
        known = ~np.isnan(index)
        labels[rows[known], index[known].astype(np.intp)] = 1.0
        labels[rows[~known]] = np.nan
        return labels

    def is_text(self, name: str) -> bool:
        """Whether a feature holds strings."""
        return bool(pa.types.is_binary(self.column(name).type.value_type))

    def ids(self, name: str, what: str) -> pa.BinaryArray:
        """A feature that names things: its one value in each record, as bytes.

        Raises:
            DataError: A record has none, or several.
        """
        array = self.column(name)
        lengths = np.diff(array.offsets.to_numpy())
        odd = np.flatnonzero(lengths != 1)
        if len(odd):
            raise DataError(
                f"{self.where(int(odd[0]))}: {what} {name!r} has {lengths[odd[0]]} values; expected one in every record"
            )
        values = array.flatten()
        return values if pa.types.is_binary(values.type) else values.cast(pa.string()).cast(pa.binary())


def unit_hashes(file_name: str, first_row: int, size: int) -> npt.NDArray[np.uint64]:
    """uint64 ``[size]``: hashes of (file name, record number), by splitmix64 over a CRC of the name. (Steele 2014)"""
    import zlib

    seed = np.uint64(zlib.crc32(file_name.encode()) << 32)
    state = seed + np.arange(first_row, first_row + size, dtype=np.uint64)
    with np.errstate(over="ignore"):
        state = (state + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(1)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


class Parser:
    """Parses blocks into batches.

    Args:
        kinds: The features to parse, with the kind of their values.
        keep_serialized: Whether a model wants the records themselves.
    """

    def __init__(self, kinds: Mapping[str, ValueKind], keep_serialized: bool):
        self._kinds = dict(sorted(kinds.items()))
        self._keep = keep_serialized

    def parse(self, block: Block) -> Batch:
        """Parses one block.

        Raises:
            DataError: A record is not a tf.Example, or a feature holds another kind of values.
        """
        import tensorflow as tf

        records = tf.constant(block.records) if isinstance(block.records, list) else block.records
        arrays = []
        if self._kinds:
            try:
                parsed = tf.io.parse_example(records, self._specification())
            except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:  # the latter from raw bytes in it
                raise self._unparsable(block, records, error) from error
            arrays = [_to_arrow(parsed[name]) for name in self._kinds]
        columns = pa.RecordBatch.from_arrays(arrays, names=list(self._kinds))
        return Batch(block.shard, block.first_row, len(block), columns, records if self._keep else None)

    def _specification(self) -> dict[str, Any]:
        import tensorflow as tf

        types = {ValueKind.BYTES: tf.string, ValueKind.INT: tf.int64, ValueKind.FLOAT: tf.float32}
        return {name: tf.io.RaggedFeature(types[kind], row_splits_dtype=tf.int32) for name, kind in self._kinds.items()}

    def _unparsable(self, block: Block, records: Any, error: Exception) -> DataError:
        """Finds the first record that cannot be parsed, by halving."""
        import tensorflow as tf

        low, high = 0, len(block)
        while high - low > 1:
            middle = (low + high) // 2
            try:
                tf.io.parse_example(records[low:middle], self._specification())
                low = middle
            except (tf.errors.InvalidArgumentError, UnicodeDecodeError):
                high = middle
        row = block.first_row + low
        try:
            example = tf.train.Example.FromString(records[low].numpy())
        except Exception:
            return not_an_example(block.shard, row)
        by_field = {"bytes_list": ValueKind.BYTES, "int64_list": ValueKind.INT, "float_list": ValueKind.FLOAT}
        for name, kind in self._kinds.items():
            field = example.features.feature[name].WhichOneof("kind") if name in example.features.feature else None
            if field is not None and by_field[field] is not kind:
                return DataError(
                    f"{block.shard.path}: record {row}: feature {name!r} holds {by_field[field].value} values; "
                    f"expected {kind.value} as in the schema or the first records"
                )
        return DataError(f"{block.shard.path}: record {row} cannot be parsed: {str(error).splitlines()[0]}")


def _to_arrow(ragged: Any) -> pa.ListArray:
    values = ragged.flat_values.numpy()
    flat = pa.array(values, pa.binary()) if values.dtype == object else pa.array(values)
    return pa.ListArray.from_arrays(pa.array(ragged.row_splits.numpy()), flat)
