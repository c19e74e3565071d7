"""Standard errors of numbers that lie far from 0 for how little they vary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evaluator_component as ec
from tests import trips

COUNT = 2_000


@pytest.mark.parametrize("weighted", [False, True])
def test_labels_around_a_billion(tmp_path: Path, weighted: bool):
    rng = np.random.default_rng(5)
    # Features are single precision: numbers around 2^30 are told apart by 128.
    label = np.round(rng.normal(0, 3, COUNT)) * 128 + 2.0**30
    weight = rng.choice([0.5, 1.0, 2.0], COUNT) if weighted else np.ones(COUNT)
    place = np.where(np.arange(COUNT) % 2, "a", "b")
    records = [
        trips.example(label=float(y), score=float(y), weight=float(w), place=str(p))
        for y, w, p in zip(label, weight, place, strict=True)
    ]
    config = {
        "model_specs": [
            {"label_key": "label", "prediction_key": "score", **({"example_weight_key": "weight"} if weighted else {})}
        ],
        "slicing_specs": [{}, {"feature_keys": ["place"]}],
        "metrics_specs": [{"metrics": [{"class_name": "MeanLabel"}, {"class_name": "MeanPrediction"}]}],
        "options": {"compute_confidence_intervals": {"value": True}},
        "gate": {"no_thresholds": "BLESS"},
    }
    path = trips.write_records(tmp_path / "data", records)
    rows = ec.evaluate(config, data=str(path), progress=False).metrics.table.to_pylist()
    for name, inside in (("Overall", np.ones(COUNT, bool)), ("place=a", place == "a"), ("place=b", place == "b")):
        y, w = label[inside], weight[inside]
        mean, n = np.average(y, weights=w), len(y)
        wanted = np.sqrt(np.sum((w * (y - mean)) ** 2) * n / (n - 1)) / w.sum()
        found = [row["std_error"] for row in rows if row["slice"] == name]
        assert found == pytest.approx([wanted] * 2, rel=1e-6)
