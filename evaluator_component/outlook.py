"""What each rule of a config would do on the user's slices, told before the run from its first examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from evaluator_component.config import baseline_spec, candidate_spec
from evaluator_component.config.complete import BASELINE, CANDIDATE
from evaluator_component.config.intervals import complete_intervals
from evaluator_component.engine.accumulate import Accumulator
from evaluator_component.engine.finalise import finalise
from evaluator_component.engine.job import Job
from evaluator_component.gate.causes import Cause
from evaluator_component.gate.certainty import Certainty, certainty
from evaluator_component.gate.frame import Codes, Floats, Frame, read_frame
from evaluator_component.gate.judge import select
from evaluator_component.gate.matching import SliceIndex
from evaluator_component.gate.policies import Policy, read_policy, too_small
from evaluator_component.gate.rules import Rule, collect_rules
from evaluator_component.preflight import Preflight
from evaluator_component.proto.config_pb2 import CrossSlicingSpec
from evaluator_component.slicing.names import is_pair

EXAMPLES = 20_000
"""So many examples of each split are looked at."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Outlook:
    """What one bound would do.

    Attributes:
        path: Where the bound is in the config.
        slices: How many slices it covers.
        skipped: How many of them are too small to be judged.
        smallest: Examples of the smallest that is judged; None where none is.
        untested: How many have too few examples for the test that there is, so that they come out inconclusive.
        unknown: On how many slices the chance below cannot be told.
        refused: The chance that a model is refused which is in truth as good as the baseline, or as it is itself:
            that the bound fails on some slice. None where it cannot be told of any.
        needed: From how many examples on the test of each of the untested would decide; None where that cannot be told.
    """

    path: str
    slices: int
    skipped: int
    smallest: int | None
    untested: int
    unknown: int
    refused: float | None
    needed: int | None = None

    def __str__(self) -> str:
        judged = self.slices - self.skipped
        parts = [f"covers {self.slices:,} slice{'' if self.slices == 1 else 's'}"]
        if self.skipped:
            parts.append(f"{self.skipped:,} too small and skipped")
        if self.smallest is not None and judged > 1:
            parts.append(f"the smallest judged has {self.smallest:,} examples")
        if self.untested:
            needs = "" if self.needed is None else f" ({self.needed:,} are needed)"
            parts.append(f"{self.untested:,} with too few examples for a test, so inconclusive{needs}")
        if self.refused is not None:
            but = f", {self.unknown:,} left out of account" if self.unknown else ""
            parts.append(f"refuses an equal model with a chance of about {_percent(self.refused)}{but}")
        return f"{self.path}: {'; '.join(parts)}"


def _percent(chance: float) -> str:
    if chance < 1e-4:
        return "0 %"
    return f"{100 * chance:.2g} %" if chance < 0.995 else "100 %"


def look_ahead(checked: Preflight, examples: int = EXAMPLES) -> tuple[Outlook, ...]:
    """Evaluates the first examples of each split and tells of each bound what it would do at the sizes of its slices.

    Values are taken to vary as their standard errors say, a change around 0 and a value around what was found, and
    slices independently of each other. The sizes are those among the examples looked at.
    """
    frame, policy = _frame(checked, examples)
    rules, _ = collect_rules(checked.config, policy, frame.directions)
    index = SliceIndex(frame.slices)
    splits = np.ones(len(frame.splits), bool)
    return tuple(_of_rule(frame, rule, policy, index, splits) for rule in rules)


def _frame(checked: Preflight, examples: int) -> tuple[Frame, Policy]:
    from evaluator_component.data.reader import read_blocks
    from evaluator_component.engine.worker import Worker

    config: Any = type(checked.config)()
    config.CopyFrom(checked.config)
    config.options.compute_confidence_intervals.value = True
    complete_intervals(config)
    job: Job = replace(checked.job, config=config.SerializeToString(deterministic=True))
    worker = Worker(job, checked.predictors)
    sums: dict[str, Accumulator] = {}
    seen: dict[str, int] = {}
    for shard in checked.shards:
        for block in read_blocks(shard):
            if seen.get(shard.split, 0) >= examples:
                break
            sums.setdefault(shard.split, Accumulator(job.plan)).add(worker.evaluate(block))
            seen[shard.split] = seen.get(shard.split, 0) + len(block)
    table, _ = finalise(job.plan, {split: part.state() for split, part in sums.items()})
    reference = baseline_spec(config)
    names = candidate_spec(config).name or CANDIDATE, (reference.name if reference else "") or BASELINE
    return read_frame(table, *names), read_policy(config)


def _of_rule(frame: Frame, rule: Rule, policy: Policy, index: SliceIndex, splits: Mask) -> Outlook:
    slices = np.array([not is_pair(name) for name in frame.slices], bool)
    if rule.target.specs is not None:
        slices[:] = False
        for spec in rule.target.specs:
            slices[index.match_pairs(spec) if isinstance(spec, CrossSlicingSpec) else index.match(spec)] = True
    rows = select(frame, rule.target, rule.threshold, slices, splits)
    judged = too_small(frame, policy)[rows] == Cause.JUDGED.code
    sizes = frame.n[rows][judged]
    outlook = Outlook(rule.path, len(rows), int((~judged).sum()), int(sizes.min()) if len(sizes) else None, 0, 0, None)
    if np.isnan(rule.bound) or not judged.any():
        return outlook
    chance = 0.5 if np.isnan(policy.alpha) else policy.alpha
    found = certainty(frame, rule, rows[judged], chance)
    refused = _refusal(frame, rule, rows[judged], found.std_error, chance)
    known = ~np.isnan(refused)
    untested, needed = np.zeros(len(known), bool), None
    if policy.confidence is not None:
        untested, needed = _untested(found, chance / len(known) if policy.blocks else chance, policy)
    outlook = replace(outlook, untested=int(untested.sum()), unknown=int((~known).sum()), needed=needed)
    if untested.any() and not policy.blocks and policy.inconclusive == "FAIL":
        return replace(outlook, refused=1.0)
    if not known.any():
        return outlook
    together = 1.0 - float(np.prod(1.0 - refused[known]))
    return replace(outlook, refused=min(together, policy.alpha) if policy.blocks else together)


def _untested(found: Certainty, chance: float, policy: Policy) -> tuple[Mask, int | None]:
    """Which slices have too few examples for the test that decides about them, and how many that test needs."""
    if policy.blocks:
        trusted, least = found.trusted_to_break(chance), found.needed_to_break(chance)
    else:
        trusted, least = found.trusted_to_keep(chance), found.needed_to_keep(chance)
    untested = found.known & ~trusted
    told = untested & np.isfinite(least)
    return untested, int(least[told].max()) if told.any() else None


def _refusal(frame: Frame, rule: Rule, rows: Codes, std_error: Floats, chance: float) -> Floats:
    """The chance that each slice refuses a model whose change is 0, or whose value is what was found."""
    if rule.kind.is_change:
        margin = -rule.bound * (np.abs(frame.baseline_value[rows]) if rule.kind.is_relative else 1.0)
    else:
        margin = frame.value[rows] - rule.bound
    margin = -margin if rule.kind.is_upper else margin
    needed = scipy.special.ndtri(1 - chance)  # standard errors that the estimate must be on the good side by
    with np.errstate(divide="ignore", invalid="ignore"):
        refused = scipy.special.ndtr(needed - np.broadcast_to(margin, len(rows)) / std_error)
    return np.asarray(np.where(std_error > 0, refused, np.nan))


def peer_differences(config: Any, splits: Sequence[str]) -> Iterator[str]:
    """Where this config means something else here than in TensorFlow Model Analysis, on purpose."""
    thresholds = list(_thresholds(config))
    changes = [t.change_threshold for t in thresholds if t.HasField("change_threshold")]
    if any(change.HasField("relative") for change in changes):
        yield (
            "a relative change is measured against the size of the baseline's value; TFMA divides by the value itself, "
            "so that a negative baseline turns the rule around and one of 0 refuses every model"
        )
    if any(not change.HasField("relative") and not change.HasField("absolute") for change in changes):
        yield "a change threshold without bounds asks that both values be defined; TFMA lets an undefined change pass"
    if changes:
        yield "change thresholds pass with a notice while no model is blessed; TFX then writes no blessing at all"
    if not thresholds:
        yield "a config without thresholds is NOT_BLESSED with a reason; TFX then writes no blessing at all"
    if config.options.min_slice_size.value > 1 or config.gate.HasField("min_examples"):
        yield "a threshold on a slice that is too small is skipped; TFMA refuses the model ('Metric not found')"
    if len(splits) > 1:
        yield f"each split is judged by itself ({', '.join(splits)}); TFMA flattens them into one"
    of_pairs = [bool(metric.cross_slice_thresholds) for spec in config.metrics_specs for metric in spec.metrics]
    if any(of_pairs) or any(spec.cross_slice_thresholds for spec in config.metrics_specs):
        yield "thresholds on pairs of slices can be met; in TFMA they never are"
    names = {metric.class_name for spec in config.metrics_specs for metric in spec.metrics}
    if names & _OVER_SCORES:
        listed = ", ".join(sorted(names & _OVER_SCORES))
        yield f"{listed}: over all distinct scores, or in a bracket that is told; TFMA's scores are rounded to 1/10,000"


_OVER_SCORES = frozenset(
    (
        "AUC",
        "AUCPrecisionRecall",
        "PrecisionAtRecall",
        "RecallAtPrecision",
        "RecallAtFalsePositiveRate",
        "SensitivityAtSpecificity",
        "SpecificityAtSensitivity",
        "ThresholdAtRecall",
    )
)


def _thresholds(config: Any) -> Iterator[Any]:
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            if metric.HasField("threshold"):
                yield metric.threshold
            for rules in (metric.per_slice_thresholds, metric.cross_slice_thresholds):
                yield from (rule.threshold for rule in rules)
        yield from spec.thresholds.values()
        for by_name in (spec.per_slice_thresholds, spec.cross_slice_thresholds):
            yield from (rule.threshold for rules in by_name.values() for rule in rules.thresholds)
