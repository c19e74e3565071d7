"""The files of TensorFlow Model Analysis (TFMA), so that its tools open our results.

One record per slice in metrics-*.tfrecord and plots-*.tfrecord, one ValidationResult in validations.tfrecord, and the
run's config in eval_config.json. The rows are those of all splits merged (or of the only one). What TFMA 0.52 writes is
followed where it is visible to a reader: a single model has no name, a change is a row of the candidate with
``is_diff``, plots with default names share one message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.proto import metrics_for_slice_pb2
from evaluator_component.results import tables, wire
from evaluator_component.slicing import names

METRICS_FILE: Final = "metrics-00000-of-00001.tfrecord"
PLOTS_FILE: Final = "plots-00000-of-00001.tfrecord"
CONFIG_FILE: Final = "eval_config.json"

PEER_VERSION: Final = "0.52.0"
"""The TFMA release whose files these are like; its loader asks that a version be there."""

_SLICE_KEY = _KEY = 1
_CROSS_SLICE_KEY = 3
_VALUE = 2
_METRIC_KEYS_AND_VALUES = 51
_SUB_KEY: Final = re.compile(r"(classId|k|topK):(-?\d+)")
_OPTION: Final = re.compile(r" ?\b[a-z_]+=(\S+)")
_ARRAY_VALUE, _FLOAT64_VALUES = 7, 7
_SUB_KEY_FIELDS: Final = {"classId": "class_id", "k": "k", "topK": "top_k"}

Doubles = npt.NDArray[np.float64]


def metric_records(table: pa.Table, further: Mapping[str, bytes], intervals: bool = False) -> Iterator[bytes]:
    """Yields a serialized MetricsForSlice for each slice.

    Args:
      table: a metric table in canonical order.
      further: further fields of MetricsForSlice by slice: matrices and samples.
      intervals: whether values come with their intervals, where they have some.
    """
    table = merged(table)
    left = dict(further)
    if table.num_rows:
        for name, fields in _metrics(table, intervals):
            yield slice_key_field(name) + fields + left.pop(name, b"")
    for name, fields in left.items():
        yield slice_key_field(name) + fields


def _metrics(table: pa.Table, intervals: bool) -> Iterator[tuple[str, bytes]]:
    """Yields each slice's name and its metrics."""
    plain_names = single_model(table)
    changes = table.filter(pc.is_valid(table.column("change")))
    codes, keys = _key_codes(table, ("model", "output", "sub_key", "metric", "weighted"))
    change_codes, change_keys = _key_codes(changes, ("model", "output", "sub_key", "metric", "weighted"))
    prefixes, places = _metric_prefixes(keys, is_diff=False, unnamed=plain_names)
    change_prefixes, change_places = _metric_prefixes(change_keys, is_diff=True, unnamed=plain_names)
    slices, words = tables.codes_and_words(table.column("slice"))
    change_slices = _codes_in(changes.column("slice"), words)
    all_places = np.concatenate([places[codes], change_places[change_codes] + len(keys)])
    order = np.lexsort((all_places, np.concatenate([slices, change_slices])))
    every = prefixes + change_prefixes
    rows = np.concatenate([codes, change_codes + len(keys)])
    values = np.concatenate([doubles_of(table, "value"), doubles_of(changes, "change")])
    tails, tailed = None, frozenset[int]()
    if intervals:
        tails = np.concatenate([_interval_bytes(table, ""), _interval_bytes(changes, "change_")])[order]
        roomy, single = _with_room([*keys, *change_keys], len(keys), plain_names, tails.shape[1])
        rows = np.where(_have_intervals(table, changes) & single[rows], rows + len(every), rows)
        tailed = frozenset(range(len(every), 2 * len(every)))
        every += roomy
    body, offsets = wire.doubles_after(every, rows[order], values[order], tails, tailed)
    counts = np.bincount(slices, minlength=len(words)) + np.bincount(change_slices, minlength=len(words))
    ends = offsets[np.cumsum(counts)].tolist()
    start = 0
    for name, end in zip(words.to_pylist(), ends, strict=True):
        yield name, body[start:end].tobytes()
        start = end


_INTERVAL = 3
_ENDS: Final = (("upper", 1), ("lower", 2), ("std_error", 3))
_DEGREES = 4


def _have_intervals(*parts: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows of a table, and then of a table of changes, have an interval."""
    names = ("lower", "change_lower")
    return np.concatenate([pc.is_valid(part.column(name)).to_numpy() for part, name in zip(parts, names, strict=True)])


def _interval_bytes(table: pa.Table, prefix: str) -> npt.NDArray[np.uint8]:
    """The ConfidenceInterval of each row as a field of MetricKeyAndValue, ``[rows, bytes]``.

    A normal distribution has as many degrees of freedom as a double counts.
    """
    df = np.clip(doubles_of(table, f"{prefix}df"), 0.0, 2.0**53).astype(np.int64)
    double = wire.tag(1, wire.LENGTH_DELIMITED) + wire.varint(9) + wire.tag(1, wire.FIXED64)  # MetricValue.double_value
    parts: list[npt.NDArray[np.uint8]] = []
    for name, number in _ENDS:
        opening = wire.tag(number, wire.LENGTH_DELIMITED) + wire.varint(len(double) + 8) + double
        parts += [_repeated(opening, len(df)), _eight_bytes(doubles_of(table, f"{prefix}{name}"))]
    degrees = wire.varints(df)
    count = wire.tag(1, wire.VARINT)
    opening = wire.tag(_DEGREES, wire.LENGTH_DELIMITED) + wire.varint(len(count) + degrees.shape[1]) + count
    content = np.hstack([*parts, _repeated(opening, len(df)), degrees])
    whole = wire.tag(_INTERVAL, wire.LENGTH_DELIMITED) + wire.varint(content.shape[1])
    return np.hstack([_repeated(whole, len(df)), content])


def _repeated(content: bytes, count: int) -> npt.NDArray[np.uint8]:
    return np.tile(np.frombuffer(content, np.uint8), (count, 1))


def _eight_bytes(values: Doubles) -> npt.NDArray[np.uint8]:
    return values.astype("<f8").view(np.uint8).reshape(-1, 8)


def eval_run_json(peer_config: str, data_location: str, model_locations: Mapping[str, str]) -> str:
    """Returns eval_config.json: the config with where data and models were.

    Args:
      peer_config: the config as JSON without our extensions.
      data_location: the files evaluated, as the user named them.
      model_locations: the path of each model by its name; one model alone is named "".
    """
    if len(model_locations) == 1:
        model_locations = {"": next(iter(model_locations.values()))}
    run = {
        "evalConfig": json.loads(peer_config),
        "version": PEER_VERSION,
        "dataLocation": data_location,
        "fileFormat": "tfrecords",
        "modelLocations": dict(model_locations) or {"": ""},
    }
    return json.dumps(run, indent=2, sort_keys=True) + "\n"


def write_records(path: str, records: Iterable[bytes]) -> None:
    """Writes a TFRecord file."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)


def slice_key_field(name: str) -> bytes:
    """Returns the field of MetricsForSlice that says of which slice it is, or of which difference of slices."""
    both = names.parse_pair(name)
    if both is not None:
        return wire.field(_CROSS_SLICE_KEY, cross_slice_key(*both).SerializeToString(deterministic=True))
    return wire.field(_SLICE_KEY, slice_key(name).SerializeToString(deterministic=True))


def cross_slice_key(left: str, right: str) -> Any:
    """Returns the CrossSliceKey of the difference of two slices."""
    key = metrics_for_slice_pb2.CrossSliceKey()
    key.baseline_slice_key.CopyFrom(slice_key(left))
    key.comparison_slice_key.CopyFrom(slice_key(right))
    return key


def slice_key(name: str) -> Any:
    """Returns the SliceKey of a slice's name; its values keep their type, and a group of values is its text."""
    key = metrics_for_slice_pb2.SliceKey()
    for feature, value in names.parse_slice(name):
        single = key.single_slice_keys.add(column=feature)
        if isinstance(value, names.Group):
            single.bytes_value = value.text.encode("utf-8", "surrogateescape")
        elif isinstance(value, str):
            single.bytes_value = value.encode("utf-8", "surrogateescape")
        elif isinstance(value, float):
            single.float_value = value
        else:
            single.int64_value = value
    return key


def metric_key(model: str, output: str, sub_key: str, metric: str, weighted: bool, is_diff: bool = False) -> Any:
    """Returns the MetricKey of a row."""
    key = metrics_for_slice_pb2.MetricKey(name=metric, model_name=model, output_name=output, is_diff=is_diff)
    key.example_weighted.value = weighted
    set_sub_key(key, sub_key)
    return key


def set_sub_key(key: Any, sub_key: str) -> None:
    """Sets the fields of a MetricKey or PlotKey that a sub-key names."""
    for kind, number in _SUB_KEY.findall(sub_key):
        getattr(key.sub_key, _SUB_KEY_FIELDS[kind]).value = int(number)
    for aggregation in ("micro_average", "macro_average", "weighted_macro_average"):
        if hasattr(key, "aggregation_type") and aggregation in sub_key.split():
            setattr(key.aggregation_type, aggregation, True)


def _metric_prefixes(
    keys: Sequence[tuple[str, str, str, str, bool]], *, is_diff: bool, unnamed: bool
) -> tuple[list[bytes], npt.NDArray[np.int64]]:
    """Returns what comes before each key's value, and the place of the key among the keys of a slice.

    A metric at several thresholds is one key with an array of values: the first of them opens the array, and the
    others follow it, by rising threshold.
    """
    groups: dict[tuple[str, str, str, str, bool], list[tuple[float, int]]] = {}
    for number, (model, output, sub_key, metric, weighted) in enumerate(keys):
        option = _OPTION.search(sub_key)
        rest = tables.without_options(sub_key)
        place = (float(option[1]) if option else 0.0, number)
        groups.setdefault((model, output, rest, metric, weighted), []).append(place)
    prefixes = [b""] * len(keys)
    places = np.zeros(len(keys), np.int64)
    arranged = 0
    for (model, output, rest, metric, weighted), members in groups.items():
        numbers = [number for _, number in sorted(members)]
        several = len(numbers) > 1 or bool(_OPTION.search(keys[numbers[0]][2]))
        key = metric_key("" if unnamed else model, output, rest, metric, weighted, is_diff)
        prefixes[numbers[0]] = _array_prefix(key, len(numbers)) if several else _double_prefix(key)
        places[numbers] = np.arange(arranged, arranged + len(numbers))
        arranged += len(numbers)
    return prefixes, places


def _with_room(
    keys: Sequence[tuple[str, str, str, str, bool]], changes_from: int, unnamed: bool, room: int
) -> tuple[list[bytes], npt.NDArray[np.bool_]]:
    """Returns what comes before each key's value where so many bytes come after it, and which keys have one value."""
    single = [_OPTION.search(sub_key) is None for _, _, sub_key, _, _ in keys]
    prefixes = []
    for number, (model, output, sub_key, metric, weighted) in enumerate(keys):
        rest, is_diff = tables.without_options(sub_key), number >= changes_from
        key = metric_key("" if unnamed else model, output, rest, metric, weighted, is_diff)
        prefixes.append(_double_prefix(key, room))
    return prefixes, np.array(single, bool)


def _double_prefix(key: Any, room: int = 0) -> bytes:
    """Returns the bytes of a MetricKeyAndValue up to the eight bytes of its value."""
    double = wire.tag(1, wire.FIXED64)
    double = wire.tag(1, wire.LENGTH_DELIMITED) + wire.varint(len(double) + 8) + double  # DoubleValue
    return _key_and_value(key, double, 1, room)


def _array_prefix(key: Any, count: int) -> bytes:
    """Returns the bytes of a MetricKeyAndValue up to the first of its values."""
    array = metrics_for_slice_pb2.ArrayValue(data_type=metrics_for_slice_pb2.ArrayValue.FLOAT64, shape=[count])
    packed = wire.tag(_FLOAT64_VALUES, wire.LENGTH_DELIMITED) + wire.varint(8 * count)
    content = bytes(array.SerializeToString(deterministic=True)) + packed
    opening = wire.tag(_ARRAY_VALUE, wire.LENGTH_DELIMITED) + wire.varint(len(content) + 8 * count)
    return _key_and_value(key, opening + content, count)


def _key_and_value(key: Any, value: bytes, doubles: int, room: int = 0) -> bytes:
    """Returns the key and the opening of a MetricValue that ends with so many doubles, and has room after it."""
    opening = wire.field(_KEY, key.SerializeToString(deterministic=True))
    opening += wire.tag(_VALUE, wire.LENGTH_DELIMITED) + wire.varint(len(value) + 8 * doubles) + value
    size = len(opening) + 8 * doubles + room
    return wire.tag(_METRIC_KEYS_AND_VALUES, wire.LENGTH_DELIMITED) + wire.varint(size) + opening


def merged(table: pa.Table) -> pa.Table:
    """The rows of the only split, or of all splits together."""
    if len(tables.names(table, "split")) < 2:
        return table
    return table.filter(tables.equal(table.column("split"), tables.merged_split(table)))


def single_model(table: pa.Table) -> bool:
    """Whether there is one model only, whose name is then left out."""
    return len(tables.names(table, "model")) == 1


def doubles_of(table: pa.Table, column: str) -> Doubles:
    """A column's numbers, 0 where it is null."""
    return np.asarray(pc.fill_null(table.column(column), 0.0).to_numpy(), dtype=np.float64)


def _codes_in(column: pa.ChunkedArray, words: pa.Array) -> npt.NDArray[np.int64]:
    codes, own = tables.codes_and_words(column)
    places: npt.NDArray[np.int64] = pc.index_in(own, words).to_numpy(zero_copy_only=False).astype(np.int64)
    return places[codes] if len(codes) else codes.astype(np.int64)


def _key_codes(table: pa.Table, columns: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], list[tuple[Any, ...]]]:
    """Returns for each row a code into the distinct combinations of the columns, and those combinations."""
    codes = np.zeros(table.num_rows, dtype=np.int64)
    levels: list[list[Any]] = []
    for name in columns:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            part, words = tables.codes_and_words(column)
            level = words.to_pylist()
        else:
            part, level = np.asarray(column.to_numpy(), dtype=np.int64), [False, True]
        codes = codes * max(len(level), 1) + part
        levels.append(level)
    distinct, inverse = np.unique(codes, return_inverse=True)
    keys = []
    for code in distinct.tolist():
        key: list[Any] = []
        for level in reversed(levels):
            code, index = divmod(code, max(len(level), 1))
            key.append(level[index])
        keys.append(tuple(reversed(key)))
    return inverse.reshape(-1).astype(np.int64), keys
