"""Small batches of trips to predict on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.data.batch import Batch, Parser
from evaluator_component.data.features import find_features
from evaluator_component.data.files import Shard
from evaluator_component.data.reader import Block
from tests import trips

ROWS = 300


@pytest.fixture(scope="session")
def few() -> trips.Trips:
    return trips.make_trips(ROWS, seed=11)


@pytest.fixture(scope="session")
def batch_of(few: trips.Trips, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Batch]:
    """Makes a batch with the features named; ``records`` replaces the trips."""
    folder = tmp_path_factory.mktemp("batches")

    def make(*names: str, records: list[bytes] | None = None) -> Batch:
        records = few.records if records is None else records
        path = trips.write_records(folder / "trips", records)
        shard = Shard("eval", str(path), "", path.stat().st_size)
        kinds = find_features([shard]).kinds
        return Parser({name: kinds[name] for name in names}, keep_serialized=True).parse(Block(shard, 0, records))

    return make


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One Keras model in each of the forms that can be evaluated."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("exports")
    model = trips.keras_scorer()
    model.save(root / "model.keras")

    class Exported(tf.Module):
        def __init__(self, wrapped: Any) -> None:
            super().__init__()
            self.wrapped = wrapped

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def from_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            parsed = trips.parse_floats(examples, ("fare", "distance"))
            return {"score": self.wrapped({name: value[:, tf.newaxis] for name, value in parsed.items()})}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.float32, name="fare"),
                tf.TensorSpec([None, 1], tf.float32, name="distance"),
            ]
        )
        def from_columns(self, fare: tf.Tensor, distance: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"score": self.wrapped({"fare": fare[:, tf.newaxis], "distance": distance})}

    module = Exported(model)
    for name, function in (("serialized", module.from_examples), ("columns", module.from_columns)):
        tf.saved_model.save(module, str(root / name), signatures={"serving_default": function})
    model.export(root / "exported", verbose=False)
    return {
        "keras": root / "model.keras",
        "serialized": root / "serialized",
        "columns": root / "columns",
        "exported": root / "exported",
    }
