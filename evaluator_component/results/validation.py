"""The verdict as TFMA's ValidationResult, which `tfma.load_validation_result` reads.

It knows neither splits nor passed, skipped and inconclusive checks: it lists the checks that stand in the way of the
blessing, those of all splits together. verdict.json has the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.config.write import is_peers_spec
from evaluator_component.gate.matching import SliceIndex, describe_pair, describe_spec
from evaluator_component.proto import config_pb2, validation_result_pb2
from evaluator_component.results import peer_files, tables
from evaluator_component.slicing.names import is_pair, parse_pair

if TYPE_CHECKING:
    from evaluator_component.gate import Check, Verdict

_STEP: Final = re.compile(r'\["(?P<key>.*?)"\](?=[.\[]|$)|\[(?P<index>\d+)\]|\.?(?P<field>\w+)')
_KINDS: Final = ("value_threshold", "change_threshold")


def validation_result(verdict: Verdict, config: config_pb2.EvalConfig | None, metrics: pa.Table) -> Any:
    """Returns the ValidationResult of a verdict.

    Args:
      verdict: the verdict.
      config: the config it was reached with; without one the failures do not say their thresholds.
      metrics: the metric table, for the number of slices that each spec matches.
    """
    config = config or config_pb2.EvalConfig()
    result = validation_result_pb2.ValidationResult(
        validation_ok=verdict.blessed, rubber_stamp=verdict.rubber_stamp, missing_thresholds=not _has_thresholds(config)
    )
    several_models = len(tables.names(metrics, "model")) > 1
    by_slice: dict[str, Any] = {}
    seen = set()
    missing = set()
    for check in _blocking(verdict):
        threshold_path, kind = _threshold(check.path)
        if check.cause.value == "missing_slice":
            if (threshold_path, check.slice) not in missing:
                missing.add((threshold_path, check.slice))
                result.missing_slices.extend(_specs(config, threshold_path, check.slice))
                result.missing_cross_slices.extend(_pairs(config, threshold_path, check.slice))
            continue
        identity = (
            check.split,
            check.slice,
            check.metric,
            check.output,
            check.sub_key,
            check.weighted,
            threshold_path,
            kind,
        )
        if identity in seen:  # a threshold with two bounds is one threshold to the peer
            continue
        seen.add(identity)
        if check.slice not in by_slice:
            by_slice[check.slice] = result.metric_validations_per_slice.add()
            both = parse_pair(check.slice)
            if both is None:
                by_slice[check.slice].slice_key.CopyFrom(peer_files.slice_key(check.slice))
            else:
                by_slice[check.slice].cross_slice_key.CopyFrom(peer_files.cross_slice_key(*both))
        _add_failure(by_slice[check.slice], check, config, f"{threshold_path}.{kind}", several_models)
    _add_details(result, config, metrics)
    return result


def _blocking(verdict: Verdict) -> Iterator[Check]:
    """Yields the failed checks, and the inconclusive ones where those count as failed."""
    column = verdict.checks.table.column("outcome")
    found = np.logical_or.reduce([tables.equal(column, outcome).to_numpy() for outcome in ("FAIL", "INCONCLUSIVE")])
    yield from filter(verdict.refuses, verdict.checks.take(np.flatnonzero(found)))


def _add_failure(entry: Any, check: Check, config: config_pb2.EvalConfig, path: str, several_models: bool) -> None:
    is_change = path.endswith("change_threshold")
    model = check.model if several_models else ""
    key = peer_files.metric_key(model, check.output, check.sub_key, check.metric, check.weighted, is_change)
    failure = entry.failures.add(metric_key=key, message=check.sentence)
    threshold = _resolve(config, path)
    if threshold is not None:
        getattr(failure.metric_threshold, "change_threshold" if is_change else "value_threshold").CopyFrom(threshold)
    value = check.change if is_change else check.observed
    failure.metric_value.double_value.value = math.nan if value is None else value


def _threshold(path: str) -> tuple[str, str]:
    """Returns the path of a bound's MetricThreshold, and which of its two kinds the bound belongs to."""
    for kind in _KINDS:
        before, found, _ = path.rpartition(f".{kind}")
        if found:
            return before, kind
    return path, ""


def _resolve(config: config_pb2.EvalConfig, path: str) -> Any:
    """Returns the message at a path such as ``metrics_specs[0].thresholds["auc"].value_threshold``, or None."""
    here: Any = config
    for step in _STEP.finditer(path):
        try:
            if step["key"] is not None:
                here = here.get(step["key"])
            elif step["index"] is not None:
                here = here[int(step["index"])]
            else:
                here = getattr(here, step["field"])
        except (IndexError, AttributeError):
            return None
        if here is None:
            return None
    return here


def _specs(config: config_pb2.EvalConfig, threshold_path: str, described: str) -> list[Any]:
    """Returns the slicing spec of a per-slice threshold that is written as ``described``, if TFMA knows such specs."""
    entry = _resolve(config, threshold_path.removesuffix(".threshold"))
    found = [spec for spec in getattr(entry, "slicing_specs", ()) if describe_spec(spec) == described]
    return [spec for spec in found if is_peers_spec(spec)][:1]


def _pairs(config: config_pb2.EvalConfig, threshold_path: str, described: str) -> list[Any]:
    """Returns the pair of slicing specs of a threshold that is written as ``described``."""
    entry = _resolve(config, threshold_path.removesuffix(".threshold"))
    found = [pair for pair in getattr(entry, "cross_slicing_specs", ()) if describe_pair(pair) == described]
    return [pair for pair in found if all(map(is_peers_spec, (pair.baseline_spec, *pair.slicing_specs)))][:1]


def _has_thresholds(config: config_pb2.EvalConfig) -> bool:
    return any(True for _ in _rules(config))


def _rules(config: config_pb2.EvalConfig) -> Iterator[tuple[Any, ...] | None]:
    """Yields the slicing specs of every threshold; None for one that holds everywhere, none for one of pairs."""
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            if metric.HasField("threshold"):
                yield None
            yield from (tuple(entry.slicing_specs) for entry in metric.per_slice_thresholds)
            yield from (() for _ in metric.cross_slice_thresholds)
        yield from (None for _ in spec.thresholds)
        yield from (() for rules in spec.cross_slice_thresholds.values() for _ in rules.thresholds)
        for name in sorted(spec.per_slice_thresholds):
            yield from (tuple(entry.slicing_specs) for entry in spec.per_slice_thresholds[name].thresholds)


def _add_details(result: Any, config: config_pb2.EvalConfig, metrics: pa.Table) -> None:
    """Adds for each slicing spec that has a threshold how many slices it matches."""
    rules = list(_rules(config))
    if not rules:
        return
    rows = metrics.filter(tables.equal(metrics.column("split"), tables.merged_split(metrics)))
    slices = [name for name in pc.unique(rows.column("slice")).to_pylist() if name is not None and not is_pair(name)]
    index = SliceIndex(slices) if any(specs is not None for specs in rules) else None
    counted = set()
    for specs in rules:
        for spec in specs if specs is not None else (config_pb2.SlicingSpec(),):
            written = spec.SerializeToString(deterministic=True)
            count = len(slices) if specs is None or index is None else len(index.match(spec))
            if written not in counted and count and is_peers_spec(spec):
                counted.add(written)
                result.validation_details.slicing_details.add(slicing_spec=spec, num_matching_slices=count)
