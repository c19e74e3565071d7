"""An evaluation in a notebook needs nothing of what Beam loads there for itself."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pytest

import evaluator_component as ec
from tests.conftest import Material


def test_beams_notebook_labels_are_not_asked_for(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(transform: Any, pvalueish: Any) -> None:
        raise ModuleNotFoundError("No module named 'pandas'")

    monkeypatch.setattr(beam.pipeline, "alter_label_if_ipython", refuse)
    config = {
        "model_specs": [{"label_key": "tipped"}],
        "metrics_specs": [{"metrics": [{"class_name": "ExampleCount"}]}],
    }
    result = ec.evaluate(config=config, model=str(material.good), data=str(material.gz))
    assert result.metrics.value("example_count") == 20_000
    assert beam.pipeline.alter_label_if_ipython is refuse
