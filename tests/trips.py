"""Deterministic taxi-like trips, as arrays and as tf.Examples, and models that score them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

PAYMENTS = (b"Cash", b"Credit Card", b"Mobile")
TAGS = (b"airport", b"night", b"shared")
COEFFICIENTS = {"good": (0.9, 1.3, -0.4), "weak": (0.2, 1.1, 0.3)}


@dataclass(frozen=True)
class Trips:
    """Trips whose tip is likelier the higher fare and distance are (both standardised).

    Attributes:
        fare, distance: float32 ``[n]``.
        hour: int64 ``[n]``, 0 to 5.
        payment: names ``[n]``.
        company: name, or None where it is missing.
        tags: between none and three names.
        weight: float32 ``[n]``, multiples of 1/4.
        tipped: int64 ``[n]``, the label.
        choice: int64 ``[n]``, a label of three classes.
    """

    fare: np.ndarray
    distance: np.ndarray
    hour: np.ndarray
    payment: list[bytes]
    company: list[bytes | None]
    tags: list[list[bytes]]
    weight: np.ndarray
    tipped: np.ndarray
    choice: np.ndarray

    def __len__(self) -> int:
        return len(self.fare)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The features of each trip."""
        columns = zip(
            self.fare, self.distance, self.hour, self.payment, self.company, self.tags, self.weight, self.tipped,
            self.choice, strict=True,
        )  # fmt: skip
        return [
            {
                "fare": float(fare), "distance": float(distance), "hour": int(hour), "payment": payment,
                "company": company, "tags": tags, "weight": float(weight), "tipped": int(tipped), "choice": int(choice),
            }
            for fare, distance, hour, payment, company, tags, weight, tipped, choice in columns
        ]  # fmt: skip

    @cached_property
    def records(self) -> list[bytes]:
        """Serialized tf.Examples."""
        return [example(**row) for row in self.rows]

    def logit(self, model: str) -> np.ndarray:
        """What a model of that name computes before its sigmoid, float64 ``[n]``."""
        fare, distance, bias = COEFFICIENTS[model]
        return self.fare * fare + self.distance * distance + bias


def make_trips(count: int, seed: int = 5) -> Trips:
    """Makes trips; the same seed makes the same ones."""
    draw = np.random.default_rng(seed)
    fare, distance = draw.normal(size=(2, count)).astype(np.float32)
    hour = draw.integers(0, 6, count)
    strength = np.where(hour == 3, 0.2, 1.5)  # the models are weak in this hour
    chance = 1 / (1 + np.exp(-strength * (fare + distance)))
    tags = draw.random((count, len(TAGS))) < 0.3
    company = draw.integers(0, 3, count)
    return Trips(
        fare,
        distance,
        hour,
        [PAYMENTS[i] for i in draw.integers(0, len(PAYMENTS), count)],
        [None if i == 0 else b"Company %d" % i for i in company],
        [[tag for tag, has in zip(TAGS, row, strict=True) if has] for row in tags],
        (draw.integers(1, 9, count) / 4).astype(np.float32),
        (draw.random(count) < chance).astype(np.int64),
        np.digitize(fare + draw.normal(size=count) / 2, (-0.5, 0.5)).astype(np.int64),
    )


def example(**features: Any) -> bytes:
    """A serialized tf.Example; None and [] leave a feature out."""
    import tensorflow as tf

    fields = {}
    for name, value in features.items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        if not values:
            continue
        if isinstance(values[0], (bytes, str)):
            encoded = [v.encode() if isinstance(v, str) else v for v in values]
            fields[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
        elif isinstance(values[0], float):
            fields[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            fields[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return bytes(tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString(deterministic=True))


def write_records(path: Path, records: Iterable[bytes], *, gz: bool = False) -> Path:
    """Writes a TFRecord file, compressed or not whatever its name says."""
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP" if gz else None) as writer:
        for record in records:
            writer.write(record)
    return path


def record_offsets(content: bytes) -> list[int]:
    """Where each record of an uncompressed TFRecord file begins, and where the last one ends."""
    offsets = [0]
    while offsets[-1] < len(content):
        (length,) = struct.unpack_from("<Q", content, offsets[-1])
        offsets.append(offsets[-1] + 16 + length)
    return offsets


def export_scorer(folder: Path, model: str = "good") -> Path:
    """Exports a SavedModel whose signature takes serialized examples and gives ``score`` ``[n, 1]``."""
    import tensorflow as tf

    fare, distance, bias = COEFFICIENTS[model]

    class Scorer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            parsed = parse_floats(examples, ("fare", "distance"))
            return {"score": tf.sigmoid(parsed["fare"] * fare + parsed["distance"] * distance + bias)[:, tf.newaxis]}

    return save(folder, {"serving_default": Scorer().serve})


def parse_floats(examples: Any, names: Sequence[str]) -> dict[str, Any]:
    """Parses features of one float each, inside a model's graph."""
    import tensorflow as tf

    return dict(tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([], tf.float32) for name in names}))


def save(folder: Path, signatures: Mapping[str, Any]) -> Path:
    """Saves the module that the signatures are methods of."""
    import tensorflow as tf

    module = tf.Module()
    module.functions = dict(signatures)
    tf.saved_model.save(module, str(folder), signatures=dict(signatures))
    return folder


def keras_scorer(model: str = "good") -> Any:
    """A Keras model with one input per feature, and the weights of the scorer of that name."""
    import keras

    fare, distance, bias = COEFFICIENTS[model]
    inputs = {name: keras.Input((1,), name=name) for name in ("fare", "distance")}
    joined = keras.layers.Concatenate()([inputs["fare"], inputs["distance"]])
    layer = keras.layers.Dense(1, activation="sigmoid", name="score")
    built = keras.Model(inputs, layer(joined))
    layer.set_weights([np.array([[fare], [distance]], np.float32), np.array([bias], np.float32)])
    return built
