"""Taxi trips and models for them, and what the peer and this package make of both.

``python -m tests.parity.taxi`` prints the numbers of docs/parity.md.
"""

from __future__ import annotations

import functools
import os
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests import trips
from tests.metrics.oracles import ORACLES
from tests.parity.results import RESULT_NAMES, Key, Results

OVER_CLASSES = ("SparseCategoricalAccuracy", "CategoricalAccuracy")
METRICS = [name for name in dict.fromkeys(RESULT_NAMES.values()) if name not in OVER_CLASSES]
MODELS = {"candidate": 0.3, "baseline": 2.0}

PRINTED = {(): "Overall", (("payment_type", b"Cash"),): "Cash"}


@dataclass(frozen=True)
class Taxi:
    """The data, the models and the results.

    Attributes:
        rows: The trips.
        binary: Candidate and baseline with one score, all slices, with and without weights.
        several: One model with five outputs.
        several_model: Its folder.
    """

    rows: list[dict[str, Any]]
    binary: Results
    several: Results
    folder: Path

    @functools.cached_property
    def scores(self) -> dict[str, dict[str, np.ndarray]]:
        """What each model gives for all rows, called directly."""
        import tensorflow as tf

        records = tf.constant([trips.example(**row) for row in self.rows])
        result = {}
        for name in (*MODELS, "several"):
            serve = tf.saved_model.load(str(self.folder / name)).signatures["serving_default"]
            result[name] = {key: value.numpy().astype(np.float64) for key, value in serve(examples=records).items()}
        return result

    def oracle(self, key: Key) -> float:
        """The value that scikit-learn, math.fsum or a quadrature gives, in double precision."""
        options = {"summation_method": "minoring"} if key.name == "minoring" else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn on slices of one class
            return ORACLES[RESULT_NAMES[key.name]](*self.examples(key), **options)

    def examples(self, key: Key) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The labels, predictions and weights that a value is computed from."""
        rows = np.array([all(row[name] == value for name, value in key.slice) for row in self.rows])
        label = {"sparse": "band", "one_hot": "band_one_hot"}.get(key.output, "big_tipper")
        labels = np.array([row[label] for row in self.rows], np.float64)[rows]
        weights = np.array([row["weight"] for row in self.rows], np.float64)[rows]
        output = self.scores[key.model or "several"][key.output or "score"]
        predictions = (output[:, 0] if output.shape[1] == 1 else output)[rows]
        return labels, predictions, weights if key.weighted else np.ones(len(weights))


def run_both(folder: Path) -> Taxi:
    """Makes the data and models, and lets the peer and this package evaluate them."""
    rows = list(read_trips())
    data = trips.write_records(folder / "trips.gz", [trips.example(**row) for row in rows], gz=True)
    export_models(folder)
    binary = evaluate(binary_config(), {name: folder / name for name in MODELS}, data, folder / "results" / "binary")
    several = evaluate(several_config(), {"": folder / "several"}, data, folder / "results" / "several")
    return Taxi(rows, binary, several, folder)


def read_trips() -> Iterable[dict[str, Any]]:
    """The shared real trips, or made ones where there are none, with labels and weights added."""
    shared = os.environ.get("EVALUATOR_SHARED_DATA") or str(Path(__file__).parents[3] / "shared" / "data")
    files = sorted(Path(shared).glob("taxi/examples/*.gz"))
    for row in _real_trips(files) if files else _made_trips():
        tip = row["tips"] / max(row["fare"], 0.01)
        row["big_tipper"] = int(tip > 0.2)
        row["weight"] = float(np.float32(0.5 + row["fare"] / 10))
        row["band"] = int(row["trip_miles"] > 1) + int(row["trip_miles"] > 3)
        row["band_one_hot"] = np.eye(3)[row["band"]].tolist()
        yield row


def _real_trips(files: list[Path]) -> Iterable[dict[str, Any]]:
    import tensorflow as tf

    for record in tf.data.TFRecordDataset([str(file) for file in files], "GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        row: dict[str, Any] = {name: features[name].float_list.value[0] for name in ("fare", "tips", "trip_miles")}
        row["trip_start_hour"] = features["trip_start_hour"].int64_list.value[0]
        row["payment_type"] = features["payment_type"].bytes_list.value[0]
        yield row


def _made_trips() -> Iterable[dict[str, Any]]:
    draw = np.random.default_rng(11)
    for _ in range(1500):
        payment = draw.choice([b"Cash", b"Credit Card", b"No Charge"], p=[0.6, 0.38, 0.02])
        fare, share = draw.gamma(4.0, 3.0) + 3, draw.gamma(2.0, 0.1)
        yield {
            "fare": float(np.float32(fare)),
            "tips": float(np.float32(fare * share)) if payment == b"Credit Card" else 0.0,
            "trip_miles": float(np.float32(draw.gamma(1.0, 2.5))),
            "trip_start_hour": int(draw.integers(0, 24)),
            "payment_type": payment,
        }


def export_models(folder: Path) -> None:
    """Exports candidate, baseline, and one model with several outputs; each takes serialized examples."""
    import tensorflow as tf

    columns = {
        "trip_miles": tf.io.FixedLenFeature([], tf.float32),
        "fare": tf.io.FixedLenFeature([], tf.float32),
        "payment_type": tf.io.FixedLenFeature([], tf.string),
    }

    def score(examples: Any, noise: float) -> Any:
        parsed = tf.io.parse_example(examples, columns)
        card = tf.cast(parsed["payment_type"] == "Credit Card", tf.float32)
        logit = -2.5 + 2.8 * card - 0.02 * parsed["trip_miles"] + noise * tf.sin(parsed["fare"] * 7.0)
        return tf.sigmoid(logit)[:, tf.newaxis], parsed

    class Scorer(tf.Module):
        def __init__(self, noise: float):
            super().__init__()
            self.noise = noise

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> Any:
            return {"score": score(examples, self.noise)[0]}

    class Several(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> Any:
            scores, parsed = score(examples, 0.3)
            bands = tf.nn.softmax(-tf.abs(parsed["fare"][:, tf.newaxis] - tf.constant([[6.0, 10.0, 18.0]])))
            near_one = tf.where(scores > 0.5, 1.0, 0.0)
            return {"sparse": bands, "one_hot": bands, "tiny": scores * 1e-6, "sure": near_one, "half": scores * 0.5}

    for name, noise in MODELS.items():
        model = Scorer(noise)
        tf.saved_model.save(model, str(folder / name), signatures={"serving_default": model.serve})
    several = Several()
    tf.saved_model.save(several, str(folder / "several"), signatures={"serving_default": several.serve})


def binary_config() -> Any:
    """One score, two models, with and without weights."""
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.proto import config_pb2

    both = config_pb2.ExampleWeightOptions(weighted=True, unweighted=True)
    specs = [
        tfma.ModelSpec(
            name=name,
            label_key="big_tipper",
            example_weight_key="weight",
            signature_name="serving_default",
            is_baseline=name == "baseline",
        )
        for name in MODELS
    ]
    plots = [tfma.MetricConfig(class_name=name) for name in ("CalibrationPlot", "ConfusionMatrixPlot")]
    return tfma.EvalConfig(
        model_specs=specs,
        slicing_specs=[
            tfma.SlicingSpec(),
            tfma.SlicingSpec(feature_keys=["trip_start_hour"]),
            tfma.SlicingSpec(feature_keys=["payment_type"]),
        ],
        metrics_specs=[
            tfma.MetricsSpec(metrics=[tfma.MetricConfig(class_name=name) for name in METRICS], example_weights=both),
            tfma.MetricsSpec(metrics=plots),
        ],
    )


def several_config() -> Any:
    """Five outputs: two of classes, scores near 0, scores of exactly 0 and 1, and none above the threshold."""
    import tensorflow_model_analysis as tfma

    outputs = {
        "sparse": ("band", ["SparseCategoricalAccuracy"]),
        "one_hot": ("band_one_hot", ["CategoricalAccuracy"]),
        "tiny": ("big_tipper", ["AUC", "AUCPrecisionRecall"]),
        "sure": ("big_tipper", ["BinaryCrossEntropy", "AUC", "BinaryAccuracy"]),
        "half": ("big_tipper", ["Precision", "Recall", "F1Score"]),
    }
    spec = tfma.ModelSpec(
        label_keys={output: label for output, (label, _) in outputs.items()},
        prediction_keys={output: output for output in outputs},
        example_weight_keys=dict.fromkeys(outputs, "weight"),
        signature_name="serving_default",
    )
    minoring = '"summation_method": "minoring", "name": "minoring"'
    lower_sum = tfma.MetricConfig(class_name="AUCPrecisionRecall", config=minoring)
    return tfma.EvalConfig(
        model_specs=[spec],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["payment_type"])],
        metrics_specs=[
            tfma.MetricsSpec(output_names=[output], metrics=[tfma.MetricConfig(class_name=name) for name in names])
            for output, (_, names) in outputs.items()
        ]
        + [tfma.MetricsSpec(output_names=["sure"], metrics=[lower_sum])],
    )


def evaluate(config: Any, models: Mapping[str, Path], data: Path, folder: Path) -> Results:
    """Runs the peer and this package."""
    import tensorflow_model_analysis as tfma
    from apache_beam.options.pipeline_options import PipelineOptions

    import evaluator_component as ec

    opened = [
        tfma.default_eval_shared_model(str(path), model_name=name, eval_config=config, tags=["serve"])
        for name, path in models.items()
    ]
    tfma.run_model_analysis(
        eval_shared_model=opened if len(opened) > 1 else opened[0],
        eval_config=config,
        data_location=str(data),
        output_path=str(folder / "peer"),
        pipeline_options=PipelineOptions(
            ["--runner=apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"]
        ),
    )
    candidate, *baseline = models.values()
    ec.evaluate(
        config, str(candidate), str(baseline[0]) if baseline else None, str(data), folder / "ours", progress=False
    )
    return Results(folder / "peer", folder / "ours")


def main() -> None:
    """Prints every metric's overall values."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        import tfx.v1  # noqa: F401

        taxi = run_both(Path(folder))
        print(f"{'slice':8} {'output':8} {'metric':28} weight {'peer':20} {'oracle':20} {'ours':20}")
        for results in (taxi.binary, taxi.several):
            peer, ours = results.values
            for key in sorted(ours, key=str):
                if key.slice not in PRINTED or key.model not in ("", "candidate") or key.change:
                    continue
                what = f"{PRINTED[key.slice]:8} {key.output:8} {key.name:28} {key.weighted!s:6}"
                print(f"{what} {peer[key]:<20.12g} {taxi.oracle(key):<20.12g} {ours[key]:<20.12g}")


if __name__ == "__main__":
    main()
