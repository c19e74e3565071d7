"""Configs of slices, and the slices that pandas makes, for tests of whole runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

import evaluator_component as ec

METRICS = [{"metrics": [{"class_name": name} for name in ("ExampleCount", "MeanLabel", "MeanPrediction")]}]


def config(*specs: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "model_specs": [{"label_key": "tipped"}],
        "slicing_specs": list(specs),
        "metrics_specs": METRICS,
        **changes,
    }


def values(feature: str, **how: Any) -> dict[str, Any]:
    return {"feature_keys": [feature], "values": [{"feature": feature, **how}]}


def check(result: ec.Evaluation, expected: Mapping[str, pd.Series], frame: pd.DataFrame) -> None:
    """Every slice that is expected, no other, with the number of examples and the means of both models."""
    rows = result.metrics.filter(metric="mean_prediction").table.to_pylist()
    assert {row["slice"] for row in rows} == {name for name, mask in expected.items() if mask.any()}
    for row in rows:
        inside = frame[expected[row["slice"]]]
        assert row["n"] == len(inside), row["slice"]
        assert row["value"] == pytest.approx(inside["good" if row["model"] == "candidate" else "weak"].mean(), rel=1e-9)
