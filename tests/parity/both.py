"""An evaluation of made examples by the peer and by this package, and the values that they write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests import trips

Row = dict[str, Any]
"""The features of an example."""

SAME, SINGLE, GRID = "same", "single precision", "grid"
IGNORES_WEIGHTS = "not weighted there"

WEIGHTS = np.array([0.5, 1.0, 2.0, 4.0], np.float32)
GROUPS = 3
CLASSES = 4
"""Scores of boxes are multiples of 1 over this, each there once: so many thresholds tell them apart."""


class Key(NamedTuple):
    """What a value in a metrics file is the value of."""

    group: str
    name: str
    sub_key: str
    weighted: bool


Values = dict[Key, Any]
"""Numbers, and tuples of several."""


@dataclass(frozen=True)
class Family:
    """Examples of one kind, and what the peer and this package compute.

    Attributes:
        rows: The examples.
        peer: The peer's values, under our keys.
        ours: This package's values.
        classes: How the two compare, by name or by name and whether weighted; ``same`` where nothing is said.
        folder: Where the results are.
    """

    rows: list[Row]
    peer: Values
    ours: Values
    classes: Mapping[str | tuple[str, bool], str]
    folder: Path

    def class_of(self, key: Key) -> str:
        """How the two values of a key compare."""
        return self.classes.get((key.name, key.weighted), self.classes.get(key.name, SAME))

    def inside(self, group: str) -> list[Row]:
        """The examples of a slice, '' for all."""
        return [row for row in self.rows if not group or row["group"] == int(group)]

    def differing(self, name: str) -> Iterator[tuple[Key, list[Row], Any, Any]]:
        """For each key of a class of differences: the key, its examples, the peer's value and ours."""
        for key, value in self.ours.items():
            if self.class_of(key) == name:
                yield key, self.inside(key.group), self.peer[key], value


BOTH: Row = {"weighted": True, "unweighted": True}
UNWEIGHTED: Row = {"unweighted": True}


def metric(class_name: str, **options: Any) -> Row:
    """A metric of a config."""
    return {"class_name": class_name, "config": json.dumps(options)}


def config(*specs: Row, model: Row) -> Any:
    """The peer's EvalConfig, with the slices of all families."""
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format

    plain = {
        "model_specs": [model],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": list(specs),
    }
    return json_format.ParseDict(plain, tfma.EvalConfig())


def drawn(draw: np.random.Generator) -> Row:
    """A slice and a weight."""
    return {"group": int(draw.integers(0, GROUPS)), "weight": float(draw.choice(WEIGHTS))}


def evaluate_both(
    folder: Path,
    rows: list[Row],
    chosen: Any,
    *,
    extracts: Sequence[Row] | None = None,
    ours: Any = None,
    classes: Mapping[str | tuple[str, bool], str] | None = None,
    rename: Callable[[Key], Key] = lambda key: key,
) -> Family:
    """Lets both evaluate.

    Args:
        folder: Where everything goes.
        rows: The examples.
        chosen: The config.
        extracts: What the peer is given in memory; None lets it read the file.
        ours: Our config where it cannot be the peer's.
        classes: See :class:`Family`.
        rename: From the peer's key to ours.
    """
    import tensorflow_model_analysis as tfma

    import evaluator_component as ec

    data = trips.write_records(folder / "data", [trips.example(**row) for row in rows])
    if extracts is None:
        tfma.run_model_analysis(
            eval_config=chosen,
            data_location=str(data),
            output_path=str(folder / "peer"),
            pipeline_options=_runner(),
        )
    else:
        _evaluate_in_memory(folder / "peer", extracts, chosen)
    ec.evaluate(chosen if ours is None else ours, data=str(data), output=folder / "ours", progress=False)
    peer = {rename(key): value for key, value in read_values(folder / "peer").items()}
    return Family(rows, peer, read_values(folder / "ours"), classes or {}, folder)


def _runner() -> Any:
    from apache_beam.options.pipeline_options import PipelineOptions

    return PipelineOptions(["--runner=apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"])


def _evaluate_in_memory(folder: Path, extracts: Sequence[Row], chosen: Any) -> None:
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.extractors import slice_key_extractor

    folder.mkdir(parents=True)
    with beam.Pipeline(options=_runner()) as pipeline:
        evaluation = (
            pipeline
            | beam.Create(extracts, reshuffle=False)
            | tfma.ExtractAndEvaluate(
                extractors=[slice_key_extractor.SliceKeyExtractor(eval_config=chosen, materialize=False)],
                evaluators=tfma.default_evaluators(eval_config=chosen),
            )
        )
        evaluation["metrics"] = evaluation["metrics"] | beam.Map(_as_numbers)
        writers = tfma.default_writers(output_path=str(folder), eval_config=chosen)
        _ = evaluation | tfma.WriteResults(writers=writers)


def _as_numbers(of_slice: Any) -> Any:
    """The metrics of a slice; the peer would write scores of texts as text (those of BLEU with two decimals)."""
    where, values = of_slice
    return where, {key: _as_number(value) for key, value in values.items()}


def _as_number(value: Any) -> Any:
    if hasattr(value, "fmeasure"):
        return np.array([value.precision, value.recall, value.fmeasure])
    return value.score if hasattr(value, "score") else value


def read_values(folder: Path) -> Values:
    """The values in a folder, whoever wrote them; those of a ROUGE one by one."""
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    found: Values = {}
    for message in _messages(folder, "metrics", metrics_for_slice_pb2.MetricsForSlice):
        for pair in message.metric_keys_and_values:
            key = Key(_group(message), pair.key.name, _sub_key(pair.key), pair.key.example_weighted.value)
            assert key not in found, key
            if pair.value.WhichOneof("type") == "double_value":
                found[key] = pair.value.double_value.value
                continue
            values = tuple(pair.value.array_value.float64_values)
            assert values, (key, pair.value)
            if key.name.startswith("rouge"):
                names = ("precision", "recall", "fmeasure")
                found |= {
                    key._replace(name=f"{key.name}/{name}"): value for name, value in zip(names, values, strict=True)
                }
            else:
                found[key] = values if len(values) > 1 else values[0]
    return found


def read_matrices(folder: Path) -> dict[tuple[Any, ...], tuple[float, ...]]:
    """The matrices of several labels in a folder: (slice, threshold, actual, predicted) to TP, FP, TN and FN."""
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    return {
        (_group(message), matrix.threshold, entry.actual_class_id, entry.predicted_class_id): (
            entry.true_positives,
            entry.false_positives,
            entry.true_negatives,
            entry.false_negatives,
        )
        for message in _messages(folder, "plots", metrics_for_slice_pb2.PlotsForSlice)
        for pair in message.plot_keys_and_values
        for matrix in pair.value.multi_label_confusion_matrix_at_thresholds.matrices
        for entry in matrix.entries
    }


def _messages(folder: Path, what: str, of: Any) -> Iterator[Any]:
    import tensorflow as tf

    for record in tf.data.TFRecordDataset(sorted(map(str, folder.glob(f"{what}-*.tfrecord")))).as_numpy_iterator():
        yield of.FromString(record)


def _group(message: Any) -> str:
    return "".join(str(key.int64_value) for key in message.slice_key.single_slice_keys)


def _sub_key(key: Any) -> str:
    return " ".join(
        [f"{field.name}:{value.value}" for field, value in key.sub_key.ListFields()]
        + [field.name for field, _ in key.aggregation_type.ListFields()]
    )
