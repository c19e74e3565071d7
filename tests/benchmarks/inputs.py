"""Data and models of the measurements: taxi-like trips, and two logistic models that parse them themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

FOLDER = Path(os.environ.get("EVALUATOR_BENCH_DIR", ".bench"))
SHARDS = 4
PAYMENT_TYPES = np.array(["Cash", "Credit Card", "No Charge", "Dispute", "Unknown", "Prcard", "Pcard"])
PAYMENT_SHARES = [0.55, 0.40, 0.02, 0.01, 0.01, 0.005, 0.005]
COMPANIES = np.array([f"company {i}" for i in range(60)])

Records = Callable[[np.random.Generator, int, int], Iterator[bytes]]
"""Makes the records of a shard: of a generator, the number of the first, and how many."""


def examples(count: int) -> Path:
    """Writes ``count`` trips in gz files, once; returns their folder."""
    return _write(f"trips-{count}", count, np.random.default_rng(20), _trips)


def class_examples(count: int) -> Path:
    """Writes ``count`` examples of 1,000 classes in gz files, once; returns their folder."""
    return _write(f"classes-{count}", count, np.random.default_rng(21), _of_classes)


def _write(name: str, count: int, random: np.random.Generator, records: Records) -> Path:
    import tensorflow as tf

    folder = FOLDER / name
    if (folder / "DONE").exists():
        return folder / "files"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
    bounds = np.linspace(0, count, SHARDS + 1).astype(int)
    for shard in range(SHARDS):
        file = f"data_tfrecord-{shard:05d}-of-{SHARDS:05d}.gz"
        with tf.io.TFRecordWriter(str(folder / "files" / file), options) as writer:
            for record in records(random, int(bounds[shard]), int(bounds[shard + 1] - bounds[shard])):
                writer.write(record)
    (folder / "DONE").touch()
    return folder / "files"


def _trips(random: np.random.Generator, first: int, count: int) -> Iterator[bytes]:
    import tensorflow as tf

    miles = random.gamma(1.3, 2.6, count).astype(np.float32)
    fare = (3.25 + 2.1 * miles + random.gamma(2.0, 1.2, count)).astype(np.float32)
    hour = random.integers(0, 24, count)
    payment = random.choice(len(PAYMENT_TYPES), count, p=PAYMENT_SHARES)
    company = random.integers(0, len(COMPANIES), count)
    seconds = (miles * 180 + random.gamma(2, 60, count)).astype(np.int64)
    chance = 1 / (1 + np.exp(-(-2.2 + 2.4 * (payment == 1) + 0.05 * miles)))
    label = (random.random(count) < chance).astype(np.int64)
    place = random.integers(1, 78, count)
    latitude = (41.6 + random.random(count) * 0.4).astype(np.float32)
    user = (first + np.arange(count)) % 100_000

    def number(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))

    def real(value):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[float(value)]))

    def text(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(value).encode()]))

    for i in range(count):
        feature = {
            "trip_miles": real(miles[i]),
            "fare": real(fare[i]),
            "trip_start_hour": number(hour[i]),
            "trip_start_day": number(i % 7 + 1),
            "trip_start_month": number(i % 12 + 1),
            "trip_seconds": number(seconds[i]),
            "payment_type": text(PAYMENT_TYPES[payment[i]]),
            "company": text(COMPANIES[company[i]]),
            "pickup_community_area": number(place[i]),
            "dropoff_community_area": number(place[-i]),
            "pickup_latitude": real(latitude[i]),
            "user": number(user[i]),
            "big_tipper": number(label[i]),
        }
        yield tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def models() -> tuple[Path, Path]:
    """Exports the candidate and the baseline, once."""
    candidate, baseline = FOLDER / "candidate", FOLDER / "baseline"
    if not (baseline / "saved_model.pb").exists():
        _export(candidate, (0.02, 0.05, 2.4, -2.3))
        _export(baseline, (0.03, 0.02, 1.9, -2.0))
    return candidate, baseline


def _export(path: Path, weights: tuple[float, float, float, float]) -> None:
    import tensorflow as tf

    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(tf.constant(weights[:3], shape=[3, 1]))
            self.bias = tf.Variable([weights[3]])

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            parsed = tf.io.parse_example(
                examples,
                {
                    "fare": tf.io.FixedLenFeature([1], tf.float32, [0.0]),
                    "trip_miles": tf.io.FixedLenFeature([1], tf.float32, [0.0]),
                    "payment_type": tf.io.FixedLenFeature([1], tf.string, [""]),
                },
            )
            credit = tf.cast(parsed["payment_type"] == "Credit Card", tf.float32)
            inputs = tf.concat([parsed["fare"], parsed["trip_miles"], credit], axis=1)
            return {"predictions": tf.sigmoid(inputs @ self.kernel + self.bias)}

    model = Model()
    tf.saved_model.save(model, str(path), signatures=model.serve)


CLASSES = 1000
_WIDTH = 16


def _of_classes(random: np.random.Generator, _: int, count: int) -> Iterator[bytes]:
    import tensorflow as tf

    inputs = random.normal(size=(count, _WIDTH)).astype(np.float32)
    labels = (inputs @ _class_kernel() + random.gumbel(size=(count, CLASSES))).argmax(axis=1)
    for i in range(count):
        feature = {
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=inputs[i])),
            "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[labels[i]])),
            "hour": tf.train.Feature(int64_list=tf.train.Int64List(value=[i % 24])),
        }
        yield tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _class_kernel() -> np.ndarray:
    return np.random.default_rng(22).normal(size=(_WIDTH, CLASSES)).astype(np.float32)


def class_model() -> Path:
    """Exports the model of 1,000 classes, once."""
    import tensorflow as tf

    path = FOLDER / "class-model"
    if (path / "saved_model.pb").exists():
        return path

    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(_class_kernel())

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([_WIDTH], tf.float32)})
            return {"scores": tf.nn.softmax(parsed["x"] @ self.kernel)}

    model = Model()
    tf.saved_model.save(model, str(path), signatures=model.serve)
    return path
