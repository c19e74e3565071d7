"""Metrics of columns beside label and prediction, from files to results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evaluator_component as ec
from tests import trips


def test_a_second_prediction_with_a_feature_replaced(tmp_path: Path) -> None:
    rows = [
        trips.example(
            label=i % 2, score=0.4, replaced=[0.4 + 0.1 * (i % 4)] if i != 9 else [], group=[b"ab"[i % 2 :][:1]]
        )
        for i in range(20)
    ]
    metrics = [
        {"class_name": name, "config": {"counterfactual_key": "replaced"}}
        for name in ("CounterfactualChange", "CounterfactualFlipRate")
    ]
    config = {
        "model_specs": [{"label_key": "label", "prediction_key": "score"}],
        "slicing_specs": [{"feature_keys": ["group"]}],
        "metrics_specs": [{"metrics": metrics}],
    }
    table = ec.evaluate(config, data=trips.write_records(tmp_path / "data", rows), progress=False).metrics.table
    rows_of = {(row["slice"], row["metric"]): row for row in table.to_pylist()}
    assert rows_of["group=a", "counterfactual_change"]["value"] == pytest.approx(0.1, rel=1e-6)
    assert rows_of["group=a", "counterfactual_flip_rate"]["value"] == 0.5
    assert "1 of 10 predictions are missing, NaN or infinite" in rows_of["group=b", "counterfactual_change"]["reason"]


def test_the_mean_of_a_feature_can_have_weights_of_its_own(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    fare, own, weight = draw.random((3, 50)).astype(np.float32)
    rows = [
        trips.example(label=1, score=0.5, fare=[float(f)] if i % 7 else [], own=float(o), weight=float(w))
        for i, (f, o, w) in enumerate(zip(fare, own, weight, strict=True))
    ]
    options = {"feature_key_path": ["features", "fare"], "example_weights_key_path": ["features", "own"]}
    metrics = [{"class_name": name, "config": options} for name in ("Mean", "MissingRate")]
    model = {"label_key": "label", "prediction_key": "score", "example_weight_key": "weight"}
    config = {"model_specs": [model], "metrics_specs": [{"metrics": metrics}]}
    data = trips.write_records(tmp_path / "data", rows)
    found = ec.evaluate(config, data=data, progress=False).metrics
    there, mass = np.arange(50) % 7 > 0, own.astype(float)
    assert found.value("mean_features.fare") == pytest.approx(np.average(fare[there], weights=mass[there]), rel=1e-6)
    assert found.value("missing_rate_features.fare") == pytest.approx(mass[~there].sum() / mass.sum(), rel=1e-6)
