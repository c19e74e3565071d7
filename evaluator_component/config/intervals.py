"""Whether a config asks for intervals, and of what kind."""

from __future__ import annotations

from typing import Any

from evaluator_component.config.paths import FieldError
from evaluator_component.proto import config_pb2

LEVEL = 0.95
GROUPS = 64
REPLICATES = 200


def wants_intervals(config: config_pb2.EvalConfig) -> bool:
    """Whether standard errors and intervals are to be made."""
    options = config.options
    if options.HasField("compute_confidence_intervals"):
        return bool(options.compute_confidence_intervals.value)
    return config.HasField("intervals") or config.gate.HasField("confidence")


def complete_intervals(config: config_pb2.EvalConfig) -> None:
    """Fills in the choices that the config leaves open."""
    chosen: Any = config.intervals
    for name, default in (("level", LEVEL), ("groups", GROUPS), ("replicates", REPLICATES)):
        if not chosen.HasField(name):
            setattr(chosen, name, default)


def check_intervals(config: config_pb2.EvalConfig) -> None:
    """Raises a ConfigError for what cannot be computed or contradicts itself."""
    chosen: Any = config.intervals
    path = "intervals"
    if chosen.HasField("level") and not 0 < chosen.level < 1:
        raise FieldError((path, "level"), f"expected a number between 0 and 1 (0.95, say), got {chosen.level}")
    for name, least, most in (("groups", 10, 1000), ("replicates", 20, 10_000)):
        if chosen.HasField(name) and not least <= getattr(chosen, name) <= most:
            raise FieldError((path, name), f"expected {least} to {most:,}, got {getattr(chosen, name)}")
    if wants_intervals(config):
        return
    if config.gate.HasField("confidence"):
        problem = "needs standard errors, and options.compute_confidence_intervals is false; leave that out"
        raise FieldError(("gate", "confidence"), problem)
    if config.HasField("intervals"):
        problem = "has no effect, since options.compute_confidence_intervals is false; leave one of the two out"
        raise FieldError((path,), problem)
