"""What a verdict says in words."""

from __future__ import annotations

import re

import pytest

from evaluator_component.gate import Outcome
from tests.gate.test_certainty import BLOCK, CHANGE, judged, rule

MANY = [{"value": 0.8 + number / 1000, "slice": f"s={number}"} for number in range(40)]


def test_the_worst_slices_of_each_bound_are_told_even_when_all_pass():
    verdict = judged(rule("value_threshold: {lower_bound: 0.8, upper_bound: 0.9}", ""), MANY)
    told = verdict.explain()
    assert told.startswith("BLESSED\nchecks: 80 pass, 0 fail, 0 skipped, 0 inconclusive\n")
    lower, upper = re.findall(r"^closest to (.*):\n((?:  .*\n?)+)", told, re.MULTILINE)
    assert lower[0].endswith("lower_bound")
    assert upper[0].endswith("upper_bound")
    assert [re.search(r"s=\d+", line)[0] for line in lower[1].splitlines()] == [f"s={i}" for i in range(5)]  # type: ignore[index]
    assert [re.search(r"s=\d+", line)[0] for line in upper[1].splitlines()] == [f"s={i}" for i in range(39, 34, -1)]  # type: ignore[index]
    assert lower[1].splitlines()[1] == (
        "  0.001 to spare       m on s=1 is 0.801 (n = 100,000); at least 0.8 is required"
    )


def test_how_far_a_failure_is_off():
    verdict = judged(rule("value_threshold: {lower_bound: 0.805}", ""), MANY)
    assert "  short by 0.005       m on s=0 is 0.8 (n = 100,000); at least 0.805 is required" in verdict.explain()
    first = verdict.checks.closest(3)[0]
    assert first.margins == pytest.approx([-0.005, -0.004, -0.003])
    assert [check.outcome for check in first] == [Outcome.FAIL] * 3


def test_families_are_told_with_their_size_and_level():
    rows = [{"change": -0.001 * number, "change_std_error": 0.01} for number in range(25)]
    told = judged(rule(CHANGE % 0.0, BLOCK % "HOLM"), rows).explain()
    assert (
        'metrics_specs[0].thresholds["m"].change_threshold.absolute: 25 slices of split eval are tested together at a '
        "level of 0.05 (HOLM)" in told
    )
    assert "not significant among 25 slices (corrected p = " in told


def test_inconclusive_checks_are_told_worst_first():
    rows = [{"change": 0.02 - 0.01 * number, "change_std_error": 0.1, "slice": f"s={number}"} for number in range(5)]
    verdict = judged(rule(CHANGE % 0.0, "confidence: 0.95"), rows)
    told = verdict.checks.worst_first(outcomes=["INCONCLUSIVE"])
    assert [check.slice for check in told] == [f"s={number}" for number in (4, 3, 2, 1, 0)]
    assert [check.slice for check in verdict.checks.worst_first(2)] == ["s=4", "s=3"]
    lines = [line for line in verdict.explain().splitlines() if line.startswith("  INCONCLUSIVE")]
    assert [re.search(r"s=\d", line)[0] for line in lines] == ["s=4", "s=3", "s=2", "s=1", "s=0"]  # type: ignore[index]
