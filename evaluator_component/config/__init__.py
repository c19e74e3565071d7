"""Evaluation configs: read from any form, checked, completed, and written as JSON."""

from __future__ import annotations

from evaluator_component.config.complete import baseline_spec, candidate_spec, complete_config
from evaluator_component.config.load import load_config
from evaluator_component.config.options import metric_options
from evaluator_component.config.write import to_json, to_peer_json

__all__ = [
    "baseline_spec",
    "candidate_spec",
    "complete_config",
    "load_config",
    "metric_options",
    "to_json",
    "to_peer_json",
]
