"""The model: `preprocessing_fn` for Transform and `run_fn` for Trainer, a small Keras network on integer codes.

Transform turns every feature into one code: a place in a vocabulary, a quantile bucket, or the number itself. The
network gives each code an embedding. What is served takes serialized `tf.Example` records as they come, so no caller
has to know about the codes.

`custom_config` of Trainer decides how good the model becomes: `features` names what it may see, `epochs` how long it
learns.

This file has a folder of its own, because TFX packs every Python file beside a `module_file` into a wheel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "big_tipper"
VOCABULARIES = ("payment_type", "company")
BUCKETED = ("fare", "trip_miles", "trip_seconds")
BUCKETS = 16
CODES = {"trip_start_hour": 24, "trip_start_day": 8, "trip_start_month": 13}  # feature: number of codes
FEATURES = (*VOCABULARIES, *BUCKETED, *CODES)

_MAX_VOCABULARY = 200
_BATCH_SIZE = 128
_SEED = 7


def preprocessing_fn(inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Turns raw features into integer codes of shape [batch]; a missing value is code 0, the label passes through."""
    codes = {
        name: tft.compute_and_apply_vocabulary(
            _dense(inputs[name], ""), top_k=_MAX_VOCABULARY, default_value=-1, vocab_filename=name
        )
        + 1
        for name in VOCABULARIES
    }
    for name in BUCKETED:
        codes[name] = tft.bucketize(_dense(tf.cast(inputs[name], tf.float32), -1.0), BUCKETS)
    for name, size in CODES.items():
        codes[name] = tf.clip_by_value(_dense(inputs[name], 0), 0, size - 1)
    return {**codes, LABEL: _dense(inputs[LABEL], 0)}


def run_fn(fn_args: Any) -> None:
    """Trains on the transformed examples and saves a model that takes serialized raw examples."""
    import keras

    keras.utils.set_random_seed(_SEED)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    features = sorted(fn_args.custom_config["features"])
    model = _network({name: _code_count(transform_output, name) for name in features})
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="binary_crossentropy")
    model.fit(
        _batches(fn_args.train_files, transform_output, features),
        epochs=fn_args.custom_config["epochs"],
        verbose=0,
    )
    server = _Server(model, transform_output, features)
    tf.saved_model.save(server, fn_args.serving_model_dir, signatures={"serving_default": server.serve})


def _network(sizes: Mapping[str, int]) -> Any:
    """Returns an untrained network; `sizes` gives the number of codes of each of its inputs."""
    import keras

    inputs = {name: keras.Input(shape=(), name=name, dtype="int64") for name in sizes}
    # Sum of one weight per code (a logistic regression), and a small hidden layer for what the features do together.
    weights = [keras.layers.Embedding(size, 1)(inputs[name]) for name, size in sizes.items()]
    embedded = [keras.layers.Embedding(size, 4)(inputs[name]) for name, size in sizes.items()]
    hidden = keras.layers.Dense(16, activation="relu")(keras.layers.Concatenate()([*embedded, *weights]))
    score = keras.layers.Dense(1, activation="sigmoid", name=LABEL)(keras.layers.Concatenate()([hidden, *weights]))
    return keras.Model(inputs, score)


def _code_count(transform_output: tft.TFTransformOutput, name: str) -> int:
    if name in VOCABULARIES:
        return int(transform_output.vocabulary_size_by_name(name)) + 1
    return BUCKETS if name in BUCKETED else CODES[name]


def _batches(files: Sequence[str], transform_output: tft.TFTransformOutput, features: Sequence[str]) -> tf.data.Dataset:
    """Returns the transformed examples in shuffled batches of (inputs, label)."""
    spec = transform_output.transformed_feature_spec()
    wanted = {name: spec[name] for name in (*features, LABEL)}

    def parse(records: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        parsed = tf.io.parse_example(records, wanted)
        return parsed, parsed.pop(LABEL)

    paths = tf.data.Dataset.list_files(files, shuffle=False)
    records = tf.data.TFRecordDataset(paths, compression_type="GZIP").cache()
    return records.shuffle(50_000, seed=_SEED).batch(_BATCH_SIZE).map(parse)


class _Server(tf.Module):
    """What is exported: Transform's graph and the network in one function of serialized examples."""

    def __init__(self, model: Any, transform_output: tft.TFTransformOutput, features: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.transform = transform_output.transform_features_layer()
        self._features = tuple(features)
        self._raw_spec = {name: spec for name, spec in transform_output.raw_feature_spec().items() if name in FEATURES}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the probability of a big tip, shape [batch, 1]."""
        codes = self.transform(tf.io.parse_example(examples, self._raw_spec))
        return {"outputs": self.model({name: codes[name] for name in self._features})}


def _dense(values: Any, default: Any) -> tf.Tensor:
    """Returns one value per example, shape [batch]; Transform gives sparse tensors where a value may be missing."""
    if isinstance(values, tf.SparseTensor):
        shape = [values.dense_shape[0], 1]
        values = tf.sparse.to_dense(tf.SparseTensor(values.indices, values.values, shape), default)
    return tf.squeeze(values, axis=1)
