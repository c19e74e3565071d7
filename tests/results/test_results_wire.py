"""Bytes that are written without protobuf are what protobuf writes, read by protobuf."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evaluator_component.engine import finalise
from evaluator_component.metrics import Kind
from evaluator_component.proto import metrics_for_slice_pb2 as pb
from evaluator_component.results import peer_files, peer_plots, tables, wire
from tests.metrics import pass_over

DOUBLES = hnp.arrays(np.float64, st.shared(st.integers(0, 20), key="rows"), elements=st.floats(width=64))


def same(left: float, right: float) -> bool:
    return np.float64(left).tobytes() == np.float64(right).tobytes() or (np.isnan(left) and np.isnan(right))


@given(lower=DOUBLES, upper=DOUBLES, examples=DOUBLES, labels=DOUBLES, predictions=DOUBLES)
def test_calibration_buckets(**columns: npt.NDArray[np.float64]) -> None:
    names = {"examples": "weighted_examples", "labels": "weighted_labels", "predictions": "weighted_predictions"}
    values = {names.get(name, name): column for name, column in columns.items()}
    parsed = pb.CalibrationHistogramBuckets.FromString(peer_plots._CALIBRATION.encode(values))
    assert len(parsed.buckets) == len(columns["lower"])
    for index, bucket in enumerate(parsed.buckets):
        assert same(bucket.lower_threshold_inclusive, columns["lower"][index])
        assert same(bucket.upper_threshold_exclusive, columns["upper"][index])
        assert same(bucket.num_weighted_examples.value, columns["examples"][index])
        assert same(bucket.total_weighted_label.value, columns["labels"][index])
        assert same(bucket.total_weighted_refined_prediction.value, columns["predictions"][index])
        assert bucket.HasField("num_weighted_examples")


def test_confusion_matrices_with_their_rates() -> None:
    counts = np.array([[3, 1, 4, 2], [0, 0, 5, 5], [5, 5, 0, 0], [0, 0, 0, 0]], dtype=np.float64).T
    rows = dict(zip(("true_positives", "false_positives", "true_negatives", "false_negatives"), counts, strict=True))
    parsed = pb.ConfusionMatrixAtThresholds.FromString(
        peer_plots._binary_matrices({"lower": np.linspace(0, 1, 4), **rows})
    )
    first, none_positive, all_positive, empty = parsed.matrices
    assert (first.true_positives, first.false_positives, first.true_negatives, first.false_negatives) == (3, 1, 4, 2)
    assert (first.precision, first.recall, first.accuracy) == (0.75, 0.6, 0.7)
    assert first.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert (first.false_positive_rate, first.false_omission_rate) == (0.2, pytest.approx(1 / 3))
    assert (none_positive.precision, none_positive.recall, none_positive.threshold) == (1, 0, 1 / 3)
    assert np.isnan(all_positive.false_omission_rate)
    assert (empty.precision, empty.recall, empty.accuracy, empty.f1) == (1, 0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(width=64)), max_size=30))
def test_doubles_after_prefixes(rows: list[tuple[int, float]]) -> None:
    prefixes = [b"", b"one", b"the other"]
    codes = np.array([code for code, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows], dtype=np.float64)
    body, offsets = wire.doubles_after(prefixes, codes, values)
    pieces = [prefixes[code] + value.tobytes() for code, value in zip(codes, values, strict=True)]
    assert body.tobytes() == b"".join(pieces)
    assert offsets.tolist() == np.cumsum([0, *(len(piece) for piece in pieces)]).tolist()


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 1 << 21, (1 << 32) - 1])
def test_varint(value: int) -> None:
    message = pb.MetricKey(output_name="x" * 0)
    message.sub_key.class_id.value = min(value, (1 << 31) - 1)
    assert wire.varint(min(value, (1 << 31) - 1)) in message.SerializeToString() or value == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Overall", []),
        ("a=1", [("a", "int64_value", 1)]),
        ("a=1.5", [("a", "float_value", 1.5)]),
        ('a="1"', [("a", "bytes_value", b"1")]),
        ("a=x, b=-2", [("a", "bytes_value", b"x"), ("b", "int64_value", -2)]),
        ("a=naïve", [("a", "bytes_value", "naïve".encode())]),
    ],
)
def test_slice_keys_keep_the_types_of_their_values(name: str, expected: list[tuple[str, str, object]]) -> None:
    key = pb.MetricsForSlice.FromString(peer_files.slice_key_field(name)).slice_key
    found = [
        (single.column, single.WhichOneof("kind"), getattr(single, single.WhichOneof("kind")))
        for single in key.single_slice_keys
    ]
    assert found == expected


def test_sub_keys_and_aggregations() -> None:
    key = peer_files.metric_key("", "", "classId:0", "auc", False)
    assert key.sub_key.HasField("class_id")
    assert peer_files.metric_key("", "", "topK:3 macro_average", "auc", True).sub_key.top_k.value == 3
    assert peer_files.metric_key("", "", "topK:3 macro_average", "auc", True).aggregation_type.macro_average
    assert not peer_files.metric_key("", "", "weighted_macro_average", "a", True).aggregation_type.macro_average


def test_a_metric_at_several_thresholds_is_an_array_in_their_order() -> None:
    """As the peer writes it: one key, the values by rising threshold; other metrics stay numbers of their own."""
    thresholds = [0.5, 1e-05, 0.05, 0.9]
    metrics = [
        {"class_name": "AUC"},
        {"class_name": "Precision", "config": {"thresholds": thresholds}},
        {"class_name": "Recall", "config": {"thresholds": [0.3]}},
        {"class_name": "SensitivityAtSpecificity", "config": {"specificity": [0.9, 0.5]}},
    ]
    planned = pass_over.plan(metrics, weighted=False)
    examples = pass_over.sample(Kind.BINARY, 3, grouped=True)
    table, _ = finalise.finalise(planned, {"eval": pass_over.add_up(planned, examples)})
    table = tables.canonical_metrics(table)
    rows = {(row["slice"], row["metric"], row["sub_key"]): row["value"] for row in table.to_pylist()}
    records = [pb.MetricsForSlice.FromString(record) for record in peer_files.metric_records(table, {})]
    assert len(records) == 4
    for record in records:
        name = ", ".join(f"{k.column}={k.int64_value}" for k in record.slice_key.single_slice_keys) or "Overall"
        found = {item.key.name: item.value for item in record.metric_keys_and_values}
        assert len(record.metric_keys_and_values) == len(found) == 4
        assert found["auc"].double_value.value == rows[name, "auc", ""]
        assert found["recall"].double_value.value == rows[name, "recall", ""]
        assert found["precision"].array_value.data_type == pb.ArrayValue.FLOAT64
        assert list(found["precision"].array_value.shape) == [4]
        values = list(found["precision"].array_value.float64_values)
        expected = [rows[name, "precision", f"threshold={t!r}"] for t in sorted(thresholds)]
        np.testing.assert_array_equal(values, expected)  # NaN among them
        at = list(found["sensitivity_at_specificity"].array_value.float64_values)
        assert at == [rows[name, "sensitivity_at_specificity", f"specificity={s!r}"] for s in (0.5, 0.9)]
