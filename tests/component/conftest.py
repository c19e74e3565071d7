"""Small real artifacts: tf.Examples on disk, SavedModels, and an ML Metadata in a file."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROWS = 400
CONFIG = """
model_specs:
  - label_key: label
slicing_specs:
  - {}
  - feature_keys: [city]
metrics_specs:
  - metrics:
      - class_name: ExampleCount
      - class_name: AUC
        threshold:
          value_threshold: {lower_bound: 0.6}
          change_threshold: {absolute: -0.01, direction: HIGHER_IS_BETTER}
gate:
  plain_threshold_scope: OVERALL
"""


@dataclasses.dataclass(frozen=True)
class Material:
    """Where a test's examples and models lie.

    Attributes:
        examples: folder with Split-train and Split-eval, as an ExampleGen writes it.
        good, better, worse, random: folders of Model artifacts (with Format-Serving inside), by how well they rank.
    """

    examples: Path
    good: Path
    better: Path
    worse: Path
    random: Path


@pytest.fixture(scope="session", autouse=True)
def _tfx() -> None:
    """Imports TFX once, without the dozens of warnings that its dependencies' sources give when they are compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tfx.v1  # noqa: F401


@pytest.fixture(scope="session")
def material(_tfx: None, tmp_path_factory: pytest.TempPathFactory) -> Material:
    root = tmp_path_factory.mktemp("material")
    for split in ("train", "eval"):
        write_examples(root / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz")
    return Material(
        examples=root / "examples",
        good=export_model(root / "good", noise=1.0),
        better=export_model(root / "better", noise=0.3),
        worse=export_model(root / "worse", noise=2.0),
        random=export_model(root / "random", noise=100.0),
    )


def write_examples(path: Path) -> None:
    """Writes rows whose label is likelier 1 the higher ``signal`` is; ``noise`` says nothing about it."""
    import tensorflow as tf

    generator = np.random.default_rng(7)
    signal, noise = generator.normal(size=ROWS), generator.normal(size=ROWS)
    label = (signal + 0.5 * generator.normal(size=ROWS) > 0).astype(int)
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in range(ROWS):
            feature = {
                "signal": tf.train.Feature(float_list=tf.train.FloatList(value=[signal[row]])),
                "noise": tf.train.Feature(float_list=tf.train.FloatList(value=[noise[row]])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label[row]])),
                "city": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"ab"[row % 2 : row % 2 + 1]])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def export_model(folder: Path, noise: float) -> Path:
    """Exports a model that scores signal + noise times the noise feature; the less noise, the better it ranks."""
    import tensorflow as tf

    class Scorer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            columns = {name: tf.io.FixedLenFeature([], tf.float32) for name in ("signal", "noise")}
            parsed = tf.io.parse_example(examples, columns)
            return {"score": tf.sigmoid(parsed["signal"] + noise * parsed["noise"])[:, tf.newaxis]}

    scorer = Scorer()
    tf.saved_model.save(scorer, str(folder / "Format-Serving"), signatures={"serving_default": scorer.serve})
    return folder


@pytest.fixture
def artifact() -> Callable[..., object]:
    """Makes an artifact of a standard type: ``artifact("Model", uri, id)``."""
    from tfx.types import standard_artifacts

    def make(kind: str, uri: object = "", artifact_id: int = 0) -> object:
        made = getattr(standard_artifacts, kind)()
        made.uri = str(uri)
        made.id = artifact_id
        if kind == "Examples":
            made.split_names = '["train", "eval"]'
        return made

    return make
