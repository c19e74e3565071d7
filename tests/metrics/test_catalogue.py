"""The catalogue as it is told: its document is fresh, and the names that the peer registers mean the same here."""

from __future__ import annotations

import importlib
import inspect
import runpy
import warnings
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.metrics import describe
from evaluator_component.metrics.registry import catalogue

ROOT = Path(__file__).parents[2]

NOT_YET = [
    "Bleu",
    "BooleanFlipRates",
    "COCOAveragePrecision",
    "COCOAverageRecall",
    "COCOMeanAveragePrecision",
    "COCOMeanAverageRecall",
    "ExactMatch",
    "FalseNegativeFeatureSampler",
    "FalsePositiveFeatureSampler",
    "FixedSizeSample",
    "Mean",
    "MeanAbsoluteAttributions",
    "MeanAttributions",
    "MinLabelPosition",
    "ModelCosineSimilarity",
    "NDCG",
    "NegToNegFlipRate",
    "NegToPosFlipRate",
    "ObjectDetectionConfusionMatrixPlot",
    "ObjectDetectionMaxRecall",
    "ObjectDetectionPrecision",
    "ObjectDetectionPrecisionAtRecall",
    "ObjectDetectionRecall",
    "ObjectDetectionThresholdAtRecall",
    "PosToNegFlipRate",
    "PosToPosFlipRate",
    "QueryStatistics",
    "Rouge",
    "SemanticSegmentationConfusionMatrix",
    "SemanticSegmentationFalsePositive",
    "SemanticSegmentationTruePositive",
    "SetMatchPrecision",
    "SetMatchRecall",
    "SquaredPearsonCorrelation",
    "SymmetricFlipRate",
    "SymmetricPredictionDifference",
    "TotalAbsoluteAttributions",
    "TotalAttributions",
]
"""Names of the peer that a config is refused for so far; a name that is added here must go from this list."""


def test_the_document_is_fresh() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "generate_metrics_doc.py"))
    assert tool["text"]() == (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8"), "run make docs"


def test_every_entry_is_described() -> None:
    shown = [entry.class_name for entries in describe.by_family().values() for entry in entries]
    assert sorted(shown) == sorted(catalogue())


@pytest.fixture(scope="module")
def peers() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other packages say about themselves while they are imported
        importlib.import_module("tfx.v1")  # the peer alone is incomplete
        types = importlib.import_module("tensorflow_model_analysis.metrics.metric_types")
    registered: dict[str, Any] = types.registered_metrics()
    return registered


@pytest.mark.tfx
def test_the_peers_names_resolve(peers: dict[str, Any]) -> None:
    assert len(peers) > 90
    assert sorted(set(peers) - set(catalogue())) == sorted(set(NOT_YET) & set(peers))
    assert not set(NOT_YET) & set(catalogue())


@pytest.mark.tfx
def test_results_have_the_peers_names(peers: dict[str, Any]) -> None:
    for class_name, peer in peers.items():
        if class_name not in catalogue():
            continue
        parameter = inspect.signature(peer.__init__).parameters["name"].default
        name = parameter or peer._default_name(object.__new__(peer))
        assert catalogue()[class_name].name == name, class_name
