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
from tests.metrics.pass_over import built

ROOT = Path(__file__).parents[2]


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
    assert set(peers) - set(catalogue()) == set()


@pytest.mark.tfx
def test_results_have_the_peers_names(peers: dict[str, Any]) -> None:
    for class_name, peer in peers.items():
        if class_name not in catalogue() or catalogue()[class_name].name_of is not None:
            continue
        parameters = inspect.signature(peer.__init__).parameters
        given = [p.default for key, p in parameters.items() if key == "name" or key.endswith("_name")]
        names = [name or peer._default_name(object.__new__(peer)) for name in given]
        assert [*(catalogue()[class_name].names or (catalogue()[class_name].name,))] == names, class_name


@pytest.mark.tfx
def test_the_mean_of_a_feature_is_named_as_the_peer_names_it(peers: dict[str, Any]) -> None:
    for path in (["fare"], ["features", "fare"]):
        (metric,) = built("Mean", feature_key_path=path)
        assert metric.name == peers["Mean"](path).get_config()["name"]
