"""The catalogue in words, for the command and the documents."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from evaluator_component.metrics.metric import Definition
from evaluator_component.metrics.registry import catalogue

FAMILIES = (
    "counts",
    "binary at threshold",
    "binary over thresholds",
    "probabilistic",
    "multi-class",
    "multi-label",
    "sets",
    "regression",
    "ranking",
    "model against model",
    "fairness",
    "counterfactual",
    "text",
    "detection",
    "segmentation",
    "attributions",
    "samples",
    "plots",
    "user's own",
)
"""In the order in which they are shown."""


def by_family() -> dict[str, list[Definition]]:
    """The entries of each family that has some, by class name."""
    entries = sorted(catalogue().values(), key=lambda entry: entry.class_name)
    found = {family: [entry for entry in entries if entry.family == family] for family in FAMILIES}
    return {family: members for family, members in found.items() if members}


def better(entry: Definition) -> str:
    """Which values are better, in a word; '' when neither are."""
    return entry.direction or ""


def limits(entry: Definition) -> str:
    """The range as an interval: ``[0, 1]``, ``[0, ∞)``."""
    low, high = entry.range
    opening = "(−∞" if math.isinf(low) else f"[{_short(low)}"
    closing = "∞)" if math.isinf(high) else f"{_short(high)}]"
    return f"{opening}, {closing}"


def options(entry: Definition) -> Iterable[tuple[str, str]]:
    """Each option with its default, or ``must be given``."""
    for name, default in entry.options.items():
        yield name, "must be given" if name in entry.example else _default(default)


def example(entry: Definition) -> str:
    """The lines of a config in YAML."""
    lines = ["metrics_specs:", "- metrics:", f"  - class_name: {entry.class_name}"]
    if entry.example:
        lines.append(f"    config: {json.dumps(dict(entry.example))}")
    return "\n".join(lines)


def _short(number: float) -> str:
    return f"{number:g}".replace("-", "−")


def _default(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_default, value))
    if value is None:
        return "none"
    return f"{value:.12g}" if isinstance(value, float) and value else json.dumps(value)
