"""The gate: thresholds and policies to a verdict, as a pure function of the metric table."""

from __future__ import annotations

from evaluator_component.gate.baseline import BaselineState, BaselineStatus
from evaluator_component.gate.causes import Cause, Outcome
from evaluator_component.gate.checks import CHECKS_SCHEMA, Check, Checks
from evaluator_component.gate.decision import decide
from evaluator_component.gate.policies import Policy, read_policy
from evaluator_component.gate.rules import Kind, Rule, check_baseline, collect_rules, unknown_threshold_names
from evaluator_component.gate.verdict import SCHEMA_VERSION, Verdict

__all__ = [
    "CHECKS_SCHEMA",
    "SCHEMA_VERSION",
    "BaselineState",
    "BaselineStatus",
    "Cause",
    "Check",
    "Checks",
    "Kind",
    "Outcome",
    "Policy",
    "Rule",
    "Verdict",
    "check_baseline",
    "collect_rules",
    "decide",
    "read_policy",
    "unknown_threshold_names",
]
