"""What a threshold is about: the metric, slices, outputs and readings of classes that its metrics spec computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluator_component.config.paths import Path
from evaluator_component.errors import ConfigError
from evaluator_component.proto import config_pb2
from evaluator_component.results.tables import without_options

if TYPE_CHECKING:
    from evaluator_component.metrics.metric import Definition

ResultName = Callable[[config_pb2.MetricConfig], str]
Specs = tuple[config_pb2.SlicingSpec, ...] | tuple[config_pb2.CrossSlicingSpec, ...]


@dataclass(frozen=True)
class Target:
    """What a threshold looks at.

    Attributes:
      metric: The metric's name in the results.
      specs: The slicing specs it applies to, or those of pairs of slices; None for every slice.
      outputs: The outputs it applies to; empty for all.
      weighting: The weightings it applies to; None for the one that the metrics spec has by default.
      readings: The names of the readings of classes that it is meant for ('' where classes are not told apart).
      compares: Whether the metric compares the candidate with the baseline, so that there is no value without one.
    """

    metric: str
    specs: Specs | None
    outputs: tuple[str, ...]
    weighting: frozenset[bool] | None
    readings: frozenset[str]
    compares: bool = False


def find_target(
    spec: config_pb2.MetricsSpec,
    metric: str,
    specs: Specs | None,
    path: Path,
    result_name: ResultName,
) -> Target:
    """The target of a threshold.

    Args:
        spec: The metrics spec that it stands in.
        metric: The name of the metric's results.
        specs: The slices that it names; None for all that are evaluated.
        path: Where it is in the config.
        result_name: The name of the results of a config's entry.
    """
    weights = spec.example_weights
    weighting = {flag for flag, on in ((True, weights.weighted), (False, weights.unweighted)) if on}
    entries = [(j, entry) for j, entry in enumerate(spec.metrics) if metric in names_of(entry, result_name)]
    readings = _readings(spec, entries, path)
    compares = any(declared.compares for _, entry in entries if (declared := _declared(entry)) is not None)
    return Target(metric, specs, tuple(spec.output_names), frozenset(weighting) or None, readings, compares)


def _declared(entry: config_pb2.MetricConfig) -> Definition | None:
    """The catalogue's entry, if it has one."""
    from evaluator_component.metrics.registry import catalogue

    return catalogue().get(entry.class_name)


def names_of(entry: config_pb2.MetricConfig, result_name: ResultName) -> tuple[str, ...]:
    """The names of an entry's results."""
    declared = _declared(entry)
    return (result_name(entry), *(declared.names[1:] if declared is not None else ()))


def _readings(
    spec: config_pb2.MetricsSpec, entries: list[tuple[int, config_pb2.MetricConfig]], path: Path
) -> frozenset[str]:
    """The readings of classes that the spec asks of some of its metrics, or that these have of their own."""
    from evaluator_component.metrics.readings import read_classes

    found: set[str] = set()
    for j, entry in entries or [(0, config_pb2.MetricConfig())]:
        asked = {reading.sub_key for reading in read_classes(spec, entry, (*path[:2], "metrics", j))}
        own = _own_readings(entry, tuple(spec.binarize.top_k_list.values))
        found |= asked if own is None else own
    return frozenset(found)


def _own_readings(entry: config_pb2.MetricConfig, top_k_list: tuple[int, ...]) -> frozenset[str] | None:
    """The readings of a metric that does not care what is said of classes; None of one that does."""
    from evaluator_component.metrics.registry import build

    if _declared(entry) is None:
        return None
    try:
        made = build(entry, top_k_list=top_k_list)
    except ConfigError:  # the plan tells it
        return None
    return frozenset(without_options(one.sub_key) for one in made) if made[0].kind.is_whole else None
