"""Classes, queries and two models: predictions in the data, and what the peer and this package make of them.

``python -m tests.parity.families`` prints the numbers of docs/parity.md.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests import trips

CLASSES = 4
SIZE = 600


class Key(NamedTuple):
    """What a value in a metrics file is the value of."""

    group: str
    name: str
    sub_key: str
    change: bool
    weighted: bool


@dataclass(frozen=True)
class Examples:
    """The columns of the data, ``[n]`` or ``[n, classes]`` each; everything in single precision."""

    label: np.ndarray
    scores: np.ndarray
    others: np.ndarray
    weight: np.ndarray
    target: np.ndarray
    estimate: np.ndarray
    query: np.ndarray
    relevance: np.ndarray
    rank_score: np.ndarray
    group: np.ndarray

    def rows(self) -> list[bytes]:
        """The records."""
        columns = self.__dict__
        return [trips.example(**{name: values[i].tolist() for name, values in columns.items()}) for i in range(SIZE)]

    def inside(self, group: str) -> np.ndarray:
        """bool ``[n]``: the examples of a slice, '' for all."""
        return np.ones(SIZE, bool) if not group else self.group == int(group)


def make_examples() -> Examples:
    """Examples of four classes, with ranks in queries that lie in one group each."""
    draw = np.random.default_rng(17)
    label = draw.integers(0, CLASSES, SIZE)
    scores = draw.dirichlet(np.ones(CLASSES), SIZE) + 0.4 * np.eye(CLASSES)[label]
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    query = draw.integers(0, 80, SIZE)
    target = draw.normal(3, 2, SIZE).astype(np.float32)
    return Examples(
        label,
        scores,
        np.roll(scores, 1, axis=1) * np.float32(0.5) + scores * np.float32(0.5),
        draw.choice(np.array([0.5, 1.0, 2.0, 4.0], np.float32), SIZE),
        target,
        (target + draw.normal(0, 1, SIZE)).astype(np.float32),
        query,
        draw.integers(0, 4, SIZE),
        draw.normal(0, 1, SIZE).astype(np.float32),
        query % 3,
    )


@dataclass(frozen=True)
class Families:
    """The examples, and the candidate's values that the peer and this package compute."""

    examples: Examples
    peer: dict[Key, Any]
    ours: dict[Key, Any]


def config() -> Any:
    """Specs by class, averaged, by rank, of queries and of two models; unweighted but for the classes."""
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format

    at = {"config": '{"thresholds": 0.3}'}
    binary = [
        {"class_name": "Recall", **at},
        {"class_name": "Precision", **at},
        {"class_name": "Specificity", **at},
        {"class_name": "AUC"},
        {"class_name": "MeanLabel"},
        {"class_name": "Calibration"},
    ]
    labels = {"classes": "label", "value": "target", "rank": "relevance"}
    keys = {"classes": "scores", "value": "estimate", "rank": "rank_score"}
    plain = {
        "model_specs": [
            {
                "name": "candidate",
                "label_keys": labels,
                "prediction_keys": keys,
                "example_weight_keys": {"classes": "weight"},
            },
            {
                "name": "baseline",
                "is_baseline": True,
                "label_keys": labels,
                "prediction_keys": {**keys, "classes": "others"},
                "example_weight_keys": {"classes": "weight"},
            },
        ],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": [
            {"output_names": ["classes"], "model_names": ["candidate", "baseline"], **more}
            for more in (
                {"metrics": binary, "binarize": {"class_ids": {"values": [1, 3]}, "k_list": {"values": [2]}}},
                {"metrics": binary, "aggregate": {"micro_average": True}},
                {
                    "metrics": binary[:4],
                    "aggregate": {"macro_average": True, "class_weights": {"0": 1.0, "1": 2.0, "3": 0.5}},
                },
                {"metrics": [binary[0]], "binarize": {"top_k_list": {"values": [2]}}},
                {
                    "metrics": [
                        {"class_name": "MultiClassConfusionMatrixAtThresholds", "config": '{"thresholds": [0.4]}'},
                        {"class_name": "SymmetricFlipRate", "config": '{"threshold": 0.3}'},
                        {"class_name": "BooleanFlipRates", "config": '{"threshold": 0.3}'},
                    ]
                },
                {"metrics": [{"class_name": "ModelCosineSimilarity"}], "example_weights": {"unweighted": True}},
            )
        ]
        + [
            {
                "output_names": ["value"],
                "model_names": ["candidate"],
                "metrics": [{"class_name": "SquaredPearsonCorrelation"}],
            },
            {
                "output_names": ["rank"],
                "model_names": ["candidate"],
                "query_key": "query",
                "metrics": [
                    {"class_name": "NDCG", "config": '{"gain_key": "relevance", "top_k_list": [3]}'},
                    {"class_name": "MinLabelPosition"},
                ],
            },
        ],
    }
    return json_format.ParseDict(plain, tfma.EvalConfig())


def run_both(folder: Path) -> Families:
    """Makes the data, and lets the peer and this package evaluate it."""
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import PipelineOptions

    import evaluator_component as ec

    examples = make_examples()
    data = trips.write_records(folder / "data", examples.rows())
    chosen = config()
    runner = "--runner=apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
    tfma.run_model_analysis(
        eval_config=chosen,
        data_location=str(data),
        output_path=str(folder / "peer"),
        pipeline_options=PipelineOptions([runner]),
    )
    ec.evaluate(chosen, data=str(data), output=folder / "ours", progress=False)
    return Families(examples, read_values(folder / "peer"), read_values(folder / "ours"))


def read_values(folder: Path) -> dict[Key, Any]:
    """The candidate's values in a folder: numbers, and matrices as mappings of (actual, predicted) to mass."""
    import tensorflow as tf
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    found: dict[Key, Any] = {}
    for record in tf.data.TFRecordDataset(sorted(map(str, folder.glob("metrics-*.tfrecord")))).as_numpy_iterator():
        message = metrics_for_slice_pb2.MetricsForSlice.FromString(record)
        group = "".join(str(key.int64_value) for key in message.slice_key.single_slice_keys)
        for pair in message.metric_keys_and_values:
            if pair.key.model_name != "candidate":
                continue
            sub_key = " ".join(
                [f"{field.name}:{value.value}" for field, value in pair.key.sub_key.ListFields()]
                + [field.name for field, _ in pair.key.aggregation_type.ListFields()]
            )
            key = Key(group, pair.key.name, sub_key, pair.key.is_diff, pair.key.example_weighted.value)
            kind = pair.value.WhichOneof("type")
            if kind == "multi_class_confusion_matrix_at_thresholds":
                found[key] = {
                    (entry.actual_class_id, entry.predicted_class_id): entry.num_weighted_examples
                    for matrix in pair.value.multi_class_confusion_matrix_at_thresholds.matrices
                    for entry in matrix.entries
                }
            else:
                found[key] = pair.value.double_value.value
    return found


def main() -> None:
    """Prints every overall value."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        import tfx.v1  # noqa: F401

        made = run_both(Path(folder))
    peer, ours = made.peer, made.ours
    for key in sorted({*peer, *ours}):
        if not key.group:
            change = "change" if key.change else ""
            values = f"{peer.get(key)!s:<24.24} {ours.get(key)!s:<24.24}"
            print(f"{key.name:44} {key.sub_key:14} {change:7} {values}")


if __name__ == "__main__":
    main()
