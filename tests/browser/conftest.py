from __future__ import annotations

import dataclasses
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "results"))

import example_tables

from evaluator_component import gate
from evaluator_component.results import Evaluation


def judged(**changes: object) -> Evaluation:
    config = example_tables.config()
    found = dataclasses.replace(example_tables.evaluation(), config=config, **changes)
    baseline = gate.BaselineState(gate.BaselineStatus.WIRED, uri="models/1")
    return dataclasses.replace(found, verdict=gate.decide(found.metrics.table, config, baseline))


@pytest.fixture(scope="session")
def refused() -> Evaluation:
    """A candidate that is better overall and refused for three hours of the night."""
    return judged()
