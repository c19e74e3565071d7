"""The gate: from metrics, config and the state of the baseline to a verdict."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.config import baseline_spec, candidate_spec
from evaluator_component.config.complete import BASELINE, CANDIDATE
from evaluator_component.gate.baseline import BaselineState
from evaluator_component.gate.families import Family, find_regressions
from evaluator_component.gate.frame import Frame, read_frame
from evaluator_component.gate.judge import Judgement, judge, select, slices_without_value
from evaluator_component.gate.ledger import Ledger
from evaluator_component.gate.matching import SliceIndex, describe_pair, describe_spec
from evaluator_component.gate.outcome import Tally, find_refusals, list_failures, list_notices
from evaluator_component.gate.policies import Policy, check_splits, read_policy, too_small
from evaluator_component.gate.rules import Rule, check_baseline, collect_rules
from evaluator_component.gate.verdict import Verdict
from evaluator_component.proto import config_pb2
from evaluator_component.results.tables import ALL_SPLITS
from evaluator_component.slicing.names import is_pair

Mask = npt.NDArray[np.bool_]
Absent = list[tuple[int, int]]
"""Slices and outputs, by code, on which a rule's metric has no value."""


def decide(metrics: pa.Table, config: config_pb2.EvalConfig, baseline: BaselineState) -> Verdict:
    """Judges a finished evaluation.

    It reads nothing else, and the order of the table's rows does not matter.

    Args:
      metrics: The metric table.
      config: The config. Choices of its gate block that nobody made in words must be unset.
      baseline: What is known about the baseline.

    Raises:
      ConfigError: a threshold cannot be judged: it names a metric, output or split that the results do not have, lacks
        a direction, needs a baseline that was never given, or asks for what this version cannot do.
    """
    policy = read_policy(config)
    reference = baseline_spec(config)
    frame = read_frame(
        metrics, candidate_spec(config).name or CANDIDATE, (reference.name if reference else "") or BASELINE
    )
    rules, notices = collect_rules(config, policy, frame.directions)
    check_baseline(rules, policy, baseline)
    splits = _judged_splits(frame, policy)
    ledger = Ledger(frame, policy)
    families: tuple[Family, ...] = ()
    if len(frame):
        families = _judge_all(frame, rules, policy, baseline, splits, ledger)
    checks = ledger.checks(name_split=int(splits.sum()) > 1)
    tally = Tally(checks, policy)
    refusals = find_refusals(tally, rules, frame, policy, baseline, splits)
    failures = list_failures(tally)
    return Verdict(
        blessed=not refusals and not tally.failed.any(),
        rubber_stamp=bool(tally.waved_through.any()),
        reasons=(*refusals, *failures),
        notices=(*notices, *list_notices(tally, rules, policy, baseline)),
        checks=checks,
        policy=policy.to_dict(),
        baseline=baseline,
        families=families,
    )


def _judged_splits(frame: Frame, policy: Policy) -> Mask:
    """Every evaluated split by default; the rows that merge them only where they are asked for."""
    if len(frame):
        check_splits(policy.splits, frame.splits)
    return np.asarray(
        [name in policy.splits if policy.splits else name != ALL_SPLITS for name in frame.splits], dtype=bool
    )


def _judge_all(
    frame: Frame, rules: list[Rule], policy: Policy, baseline: BaselineState, splits: Mask, ledger: Ledger
) -> tuple[Family, ...]:
    small = too_small(frame, policy)
    index = SliceIndex(frame.slices) if any(rule.target.specs is not None for rule in rules) else None
    pairs = np.asarray([is_pair(name) for name in frame.slices], dtype=bool)
    judged: list[tuple[Rule, Judgement]] = []
    absent: list[list[tuple[int, Absent]]] = []
    for _, group in itertools.groupby(rules, key=lambda rule: rule.threshold):
        of_threshold = list(group)
        first = of_threshold[0]
        slices = ~pairs
        if index is not None and first.target.specs is not None:
            slices = _named_slices(frame, first, index, splits, ledger)
        rows = select(frame, first.target, first.threshold, slices, splits)
        without = [
            (int(split), slices_without_value(frame, rows, slices, int(split))) for split in np.flatnonzero(splits)
        ]
        for rule in of_threshold:
            judged.append((rule, judge(frame, rule, rows, small[rows], policy, baseline)))
            absent.append(without)
    tested, families = find_regressions(judged, frame, policy)
    for (rule, judgement), without in zip(tested, absent, strict=True):
        ledger.add(rule, judgement)
        for split, places in without:
            if places:
                ledger.add_absent(rule, split, places)
    return families


def _named_slices(frame: Frame, rule: Rule, index: SliceIndex, splits: Mask, ledger: Ledger) -> Mask:
    """Returns the slices that a threshold names; the specs that match none in a split go on record."""
    named = np.zeros(len(frame.slices), dtype=bool)
    for spec in rule.target.specs or ():
        if isinstance(spec, config_pb2.CrossSlicingSpec):
            codes, told = index.match_pairs(spec), describe_pair(spec)
        else:
            codes, told = index.match(spec), describe_spec(spec)
        named[codes] = True
        for split in np.flatnonzero(splits):
            if not np.isin(codes, frame.slices_of_split.get(int(split), ())).any():
                ledger.add_missing(rule, int(split), told, _what_there_is(index, spec))
    return named


def _what_there_is(index: SliceIndex, spec: config_pb2.SlicingSpec | config_pb2.CrossSlicingSpec) -> str:
    """Returns what occurs instead of what a spec names, for a message."""
    if isinstance(spec, config_pb2.SlicingSpec):
        return index.occurring(spec)
    parts = [spec.baseline_spec, *spec.slicing_specs]
    return "; ".join(dict.fromkeys(filter(None, (index.occurring(one) for one in parts if not len(index.match(one))))))
