"""Plots and confusion matrices as TensorFlow Model Analysis writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.proto import metrics_for_slice_pb2
from evaluator_component.results import tables, wire
from evaluator_component.results.peer_files import (
    Doubles,
    doubles_of,
    merged,
    metric_key,
    set_sub_key,
    single_model,
    slice_key_field,
)

_CALIBRATION: Final = wire.NumbersMessage(
    number=1,
    doubles=(
        ("lower", 1),
        ("upper", 2),
        ("weighted_examples", 3),
        ("weighted_labels", 4),
        ("weighted_predictions", 5),
    ),
    wrapped=frozenset({"weighted_examples", "weighted_labels", "weighted_predictions"}),
)
_CONFUSION: Final = wire.NumbersMessage(
    number=1,
    doubles=(
        ("threshold", 1),
        ("false_negatives", 2),
        ("true_negatives", 3),
        ("false_positives", 4),
        ("true_positives", 5),
        ("precision", 6),
        ("recall", 7),
        ("false_positive_rate", 20),
        ("f1", 21),
        ("accuracy", 22),
        ("false_omission_rate", 23),
    ),
)
_MULTI_CLASS: Final = wire.NumbersMessage(
    number=2,
    doubles=(("weighted_examples", 3),),
    integers=(("actual_class", 1), ("predicted_class", 2)),
)
_MULTI_LABEL: Final = wire.NumbersMessage(
    number=2,
    doubles=(("false_negatives", 3), ("true_negatives", 4), ("false_positives", 5), ("true_positives", 6)),
    integers=(("actual_class", 1), ("predicted_class", 2)),
)
_MATRIX = 1  # in both of the messages that hold matrices by threshold
_UNNAMED_PLOTS: Final = ("calibration_plot", "confusion_matrix_plot")
_KEY, _VALUE = 1, 2
_PLOT_KEYS_AND_VALUES = 8
_METRIC_KEYS_AND_VALUES = 51
_MATRIX_COUNTS: Final = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def plot_records(table: pa.Table) -> Iterator[bytes]:
    """Yields a serialized PlotsForSlice for each slice of a plot table in canonical order that has plots."""
    by_slice: dict[str, dict[bytes, bytes]] = {}
    for (slice_name, model, output, sub_key, plot, kind), rows in _groups(table):
        if kind in _PLOT_FIELDS:
            number, encode = _PLOT_FIELDS[kind]
            key = _plot_key(model, output, sub_key, plot)
            plots = by_slice.setdefault(slice_name, {})
            plots[key] = plots.get(key, b"") + wire.field(number, encode(rows))
    for slice_name, plots in by_slice.items():
        yield slice_key_field(slice_name) + b"".join(
            wire.field(_PLOT_KEYS_AND_VALUES, wire.field(_KEY, key) + wire.field(_VALUE, data))
            for key, data in plots.items()
        )


def matrices(table: pa.Table) -> dict[str, bytes]:
    """Returns for each slice the fields of MetricsForSlice that hold the matrices which the peer counts as metrics."""
    by_slice: dict[str, bytes] = {}
    for (slice_name, model, output, sub_key, plot, kind), rows in _groups(table):
        if kind in _METRIC_FIELDS:
            number, encode = _METRIC_FIELDS[kind]
            key = metric_key(model, output, sub_key, plot, bool(rows["weighted"][0]))
            value = wire.field(_KEY, key.SerializeToString(deterministic=True))
            value += wire.field(_VALUE, wire.field(number, encode(rows)))
            by_slice[slice_name] = by_slice.get(slice_name, b"") + wire.field(_METRIC_KEYS_AND_VALUES, value)
    return by_slice


def samples(table: pa.Table) -> dict[str, bytes]:
    """Returns for each slice the fields of MetricsForSlice that hold samples, which the peer counts as metrics."""
    table = merged(table)
    table = table.filter(pc.is_valid(table.column("sample")))
    unnamed = single_model(table) if table.num_rows else True
    found: dict[tuple[str, bytes], list[bytes]] = {}
    for row in table.select(["slice", "model", "output", "sub_key", "plot", "weighted", "sample"]).to_pylist():
        model = "" if unnamed else row["model"]
        key = metric_key(model, row["output"], row["sub_key"], row["plot"], row["weighted"])
        named = (row["slice"], key.SerializeToString(deterministic=True))
        found.setdefault(named, []).append(row["sample"].encode())
    by_slice: dict[str, bytes] = {}
    for (name, own), texts in found.items():
        array = metrics_for_slice_pb2.ArrayValue(
            data_type=metrics_for_slice_pb2.ArrayValue.BYTES, shape=[len(texts)], bytes_values=texts
        )
        value = metrics_for_slice_pb2.MetricValue(array_value=array).SerializeToString(deterministic=True)
        message = wire.field(_KEY, own) + wire.field(_VALUE, value)
        by_slice[name] = by_slice.get(name, b"") + wire.field(_METRIC_KEYS_AND_VALUES, message)
    return by_slice


def _groups(table: pa.Table) -> Iterator[tuple[tuple[str, ...], dict[str, npt.NDArray[Any]]]]:
    """Yields (slice, model, output, sub_key, plot, plot_type) and the rows' numbers of each plot."""
    table = merged(table)
    if not table.num_rows:
        return
    unnamed = single_model(table)
    coded = [
        tables.codes_and_words(table.column(name))
        for name in ("slice", "model", "output", "sub_key", "plot", "plot_type")
    ]
    changed = np.logical_or.reduce([np.diff(codes) != 0 for codes, _ in coded])
    starts = np.concatenate([[0], np.flatnonzero(changed) + 1])
    ends = np.append(starts[1:], table.num_rows)
    columns: dict[str, npt.NDArray[Any]] = {}
    for field in table.schema:
        if pa.types.is_floating(field.type):
            columns[field.name] = doubles_of(table, field.name)
        elif pa.types.is_integer(field.type) or pa.types.is_boolean(field.type):
            columns[field.name] = pc.fill_null(table.column(field.name).cast(pa.int32()), 0).to_numpy()
    words = [word.to_pylist() for _, word in coded]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        names = [word[codes[start]] for word, (codes, _) in zip(words, coded, strict=True)]
        if unnamed:
            names[1] = ""
        yield tuple(names), {name: values[start:end] for name, values in columns.items()}


def _plot_key(model: str, output: str, sub_key: str, plot: str) -> bytes:
    key = metrics_for_slice_pb2.PlotKey(model_name=model, output_name=output)
    if plot not in _UNNAMED_PLOTS:
        key.name = plot
    set_sub_key(key, sub_key)
    return bytes(key.SerializeToString(deterministic=True))


def _binary_matrices(rows: Mapping[str, Doubles]) -> bytes:
    """Returns the matrices with the rates that the peer derives from them; 0/0 is 1 for precision, NaN for omission."""
    tp, fp, tn, fn = (rows[name] for name in _MATRIX_COUNTS)
    precision = _ratio(tp, tp + fp, 1.0)
    recall = _ratio(tp, tp + fn, 0.0)
    derived = {
        "threshold": rows["lower"],
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * precision * recall, precision + recall, 0.0),
        "accuracy": _ratio(tp + tn, tp + tn + fp + fn, 0.0),
        "false_positive_rate": _ratio(fp, tn + fp, 0.0),
        "false_omission_rate": _ratio(fn, tn + fn, np.nan),
    }
    return _CONFUSION.encode({**rows, **derived})


def _by_threshold(entries: wire.NumbersMessage) -> Callable[[Mapping[str, npt.NDArray[Any]]], bytes]:
    """Returns an encoder of matrices: one message per threshold, with its entries."""

    def encode(rows: Mapping[str, npt.NDArray[Any]]) -> bytes:
        thresholds, starts = np.unique(rows["lower"], return_index=True)  # rows are sorted by threshold
        ends = np.append(starts[1:], len(rows["lower"]))
        parts = []
        for threshold, start, end in zip(thresholds.tolist(), starts.tolist(), ends.tolist(), strict=True):
            opening = wire.tag(1, wire.FIXED64) + np.float64(threshold).tobytes()
            content = entries.encode({name: values[start:end] for name, values in rows.items()})
            parts.append(wire.field(_MATRIX, opening + content))
        return b"".join(parts)

    return encode


_PLOT_FIELDS: Final[Mapping[str, tuple[int, Callable[[Mapping[str, Any]], bytes]]]] = {
    "CalibrationPlot": (1, _CALIBRATION.encode),
    "ReliabilityDiagram": (1, _CALIBRATION.encode),
    "ConfusionMatrixPlot": (2, _binary_matrices),
    "ScoreDistributionPlot": (2, _binary_matrices),
    "MultiClassConfusionMatrixPlot": (4, _by_threshold(_MULTI_CLASS)),
    "MultiLabelConfusionMatrixPlot": (5, _by_threshold(_MULTI_LABEL)),
}
"""Field of PlotData and encoder by type of plot; the peer knows no others."""

_METRIC_FIELDS: Final[Mapping[str, tuple[int, Callable[[Mapping[str, Any]], bytes]]]] = {
    "ConfusionMatrixAtThresholds": (5, _binary_matrices),
    "MultiClassConfusionMatrixAtThresholds": (11, _by_threshold(_MULTI_CLASS)),
}
"""Field of MetricValue and encoder by type of plot, of those that are metrics for the peer."""


def _ratio(numerator: Doubles, denominator: Doubles, undefined: float) -> Doubles:
    return np.divide(numerator, denominator, out=np.full_like(numerator, undefined), where=denominator > 0)
