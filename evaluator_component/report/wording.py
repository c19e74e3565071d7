"""Numbers, changes and outcomes in the words of a report, the same in HTML and in the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from evaluator_component.gate import Checks, Verdict

UNDEFINED: Final = "undefined"
SEVERITY: Final = ("FAIL", "INCONCLUSIVE", "SKIPPED", "PASS")
BLOCKING: Final = ("FAIL", "INCONCLUSIVE")
OUTCOMES: Final = {"FAIL": "failed", "INCONCLUSIVE": "inconclusive", "SKIPPED": "skipped", "PASS": "passed"}


def number(value: float | None) -> str:
    """Returns a metric's value with four decimals, or three digits where those would not show it; "" for None."""
    if value is None:
        return ""
    if math.isnan(value):
        return UNDEFINED
    if value < 0:
        return "−" + number(-value)
    if math.isinf(value) or value == 0:
        return "∞" if value else "0"
    if value >= 1e15 or value < 1e-4:
        return f"{value:.2e}"
    if value < 1e-3:
        return f"{value:.3g}"
    if value == int(value) and value >= 2:
        return f"{int(value):,}"
    return f"{value:,.1f}" if value >= 1000 else f"{value:.4f}"


def change(value: float | None) -> str:
    """Returns a change with its sign; "" for None."""
    if value is None:
        return ""
    if math.isnan(value):
        return UNDEFINED
    if value == 0:
        return "0"
    return ("+" if value > 0 else "") + number(value)


def interval(lower: float | None, upper: float | None, form: Callable[[float | None], str] = number) -> str:
    """Returns both ends of an interval; "" where there is none."""
    return "" if lower is None or upper is None else f"[{form(lower)}, {form(upper)}]"


def judgement(value: float | None, direction: str | None) -> str:
    """Returns whether a change is "better" or "worse" by the metric's direction; "" where it is neither."""
    if value is None or direction is None or math.isnan(value) or abs(value) < 1e-12:
        return ""
    return "better" if (value > 0) == (direction == "higher") else "worse"


def headline(verdict: Verdict | None) -> str:
    """Returns the verdict in one sentence for someone who has to act on it."""
    if verdict is None:
        return "This model was measured but not judged."
    if not verdict.blessed:
        return "This model must not be deployed."
    if verdict.rubber_stamp:
        return "This model may be deployed. There was no earlier model to compare it with."
    return "This model may be deployed."


def tally(checks: Checks) -> str:
    """Returns how the checks ended: "Of 66 checks: 2 failed, 3 skipped, 61 passed."."""
    if not len(checks):
        return "No checks were made."
    counts = checks.counts
    total = f"{len(checks):,} check" + ("" if len(checks) == 1 else "s")
    if counts["PASS"] == len(checks):
        return "The one check passed." if len(checks) == 1 else f"All {total} passed."
    parts = [f"{counts[name]:,} {OUTCOMES[name]}" for name in SEVERITY if counts[name]]
    return f"Of {total}: {', '.join(parts)}."


def split_name(split: str) -> str:
    """Returns a split's name as people say it."""
    return "all splits" if split == tables.ALL_SPLITS else split


def result_name(metric: str, output: str, sub_key: str, weighted: bool, both: bool = False) -> str:
    """Returns a metric's name with what tells it from others; ``both``: it is there with and without weights."""
    details = [part for part in (output, sub_key, "weighted" if weighted and both else "") if part]
    return f"{metric} ({', '.join(details)})" if details else metric


def natural(name: str) -> tuple[bool, list[tuple[int, float, str]]]:
    """Returns a sort key that puts Overall first and ``hour=2`` before ``hour=10``."""
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    key = [(0, float(part), "") if index % 2 else (1, 0.0, part.lower()) for index, part in enumerate(parts)]
    return name != OVERALL, key
