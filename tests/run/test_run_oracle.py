"""The whole run against scikit-learn, overall and on every slice."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

import evaluator_component as ec
from tests import trips

CONFIG = {
    "model_specs": [{"label_key": "tipped", "example_weight_key": "weight"}],
    "slicing_specs": [
        {},
        {"feature_keys": ["hour"]},
        {"feature_keys": ["payment", "tags"]},
        {"feature_values": {"company": "Company 1"}},
    ],
    "metrics_specs": [
        {
            "example_weights": {"weighted": True, "unweighted": True},
            "metrics": [
                {"class_name": name}
                for name in (
                    "ExampleCount",
                    "AUC",
                    "BinaryAccuracy",
                    "Precision",
                    "Recall",
                    "F1Score",
                    "BinaryCrossEntropy",
                    "MeanSquaredError",
                    "MeanAbsoluteError",
                    "MeanLabel",
                    "MeanPrediction",
                    "Calibration",
                )
            ],
        }
    ],
}

Expected = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
ORACLES: dict[str, Expected] = {
    "auc": lambda y, p, w: oracle.roc_auc_score(y, p, sample_weight=w),
    "binary_accuracy": lambda y, p, w: oracle.accuracy_score(y, p > 0.5, sample_weight=w),
    "precision": lambda y, p, w: oracle.precision_score(y, p > 0.5, sample_weight=w),
    "recall": lambda y, p, w: oracle.recall_score(y, p > 0.5, sample_weight=w),
    "f1_score": lambda y, p, w: oracle.f1_score(y, p > 0.5, sample_weight=w),
    "binary_crossentropy": lambda y, p, w: oracle.log_loss(y, p, sample_weight=w),
    "mean_squared_error": lambda y, p, w: oracle.mean_squared_error(y, p, sample_weight=w),
    "mean_absolute_error": lambda y, p, w: oracle.mean_absolute_error(y, p, sample_weight=w),
    "mean_label": lambda y, _, w: np.average(y, weights=w),
    "mean_prediction": lambda _, p, w: np.average(p, weights=w),
    "calibration": lambda y, p, w: np.average(p, weights=w) / np.average(y, weights=w),
}


@pytest.fixture(scope="module")
def result(material: Any) -> ec.Evaluation:
    return ec.evaluate(CONFIG, material.good, material.weak, material.plain, progress=False)


@pytest.fixture(scope="module")
def scores(material: Any) -> dict[str, np.ndarray]:
    import tensorflow as tf

    records = tf.constant(material.trips.records)
    loaded = {"candidate": material.good, "baseline": material.weak}
    return {
        name: tf.saved_model.load(str(path)).signatures["serving_default"](records)["score"].numpy()[:, 0].astype(float)
        for name, path in loaded.items()
    }


@pytest.fixture(scope="module")
def masks(material: Any) -> dict[str, np.ndarray]:
    """Which trips are in which slice."""
    made = material.trips
    result = {"Overall": np.ones(len(made), bool)}
    result |= {f"hour={hour}": made.hour == hour for hour in range(6)}
    for payment, tag in itertools.product(trips.PAYMENTS, trips.TAGS):
        name = f"payment={payment.decode()}, tags={tag.decode()}"
        result[name] = np.array([p == payment and tag in tags for p, tags in zip(made.payment, made.tags, strict=True)])
    result["company=Company 1"] = np.array([company == b"Company 1" for company in made.company])
    return result


def test_slices_are_those_of_the_config(result: ec.Evaluation, masks: dict[str, np.ndarray]) -> None:
    assert set(result.metrics.table.column("slice").to_pylist()) == set(masks)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", list(ORACLES))
def test_values_agree_with_the_oracle_on_every_slice(
    name: str,
    weighted: bool,
    result: ec.Evaluation,
    scores: dict[str, np.ndarray],
    masks: dict[str, np.ndarray],
    material: Any,
) -> None:
    labels, weights = material.trips.tipped, material.trips.weight.astype(float)
    if not weighted:
        weights = np.ones(len(labels))
    rows = result.metrics.filter(metric=name, weighted=weighted).table.to_pylist()

    assert len(rows) == 2 * len(masks)
    for row in rows:
        mask = masks[row["slice"]]
        expected = {model: ORACLES[name](labels[mask], score[mask], weights[mask]) for model, score in scores.items()}
        assert row["value"] == pytest.approx(expected[row["model"]], rel=1e-9, abs=1e-12), row["slice"]
        assert row["n"] == mask.sum()
        assert row["weighted_n"] == pytest.approx(weights[mask].sum(), rel=1e-12)
        assert row["reason"] is None
        if row["model"] == "candidate":
            assert row["baseline_value"] == pytest.approx(expected["baseline"], rel=1e-9, abs=1e-12)
            assert row["change"] == pytest.approx(expected["candidate"] - expected["baseline"], abs=1e-9)


def test_examples_are_counted_once_per_slice(result: ec.Evaluation, masks: dict[str, np.ndarray]) -> None:
    rows = result.metrics.filter(metric="example_count", model="candidate").table.to_pylist()

    assert {row["slice"]: row["value"] for row in rows} == {name: mask.sum() for name, mask in masks.items()}
    assert result.run["examples"] == {"eval": 20_000}


def test_merged_rows_of_two_splits_are_those_of_one_split_with_all_files(material: Any) -> None:
    first, *rest = sorted(material.spread.iterdir())
    apart = ec.evaluate(CONFIG, material.good, None, {"train": first, "eval": rest}, progress=False).metrics
    together = ec.evaluate(CONFIG, material.good, None, material.spread, progress=False).metrics

    assert set(apart.table.column("split").to_pylist()) == {"train", "eval", "*"}
    assert apart.value("example_count", split="train", weighted=False) == 100
    assert apart.value("example_count", split="eval", weighted=False) == 19_900
    merged, whole = apart.filter(split="*").table, together.filter(split="eval").table
    for column in ("slice", "metric", "weighted", "n", "value"):
        assert merged.column(column).to_pylist() == whole.column(column).to_pylist()
