from __future__ import annotations

import io
import json
import math
import re

import pytest

from evaluator_component.config import load_config
from evaluator_component.errors import ConfigError
from evaluator_component.gate import BaselineState, BaselineStatus, Cause, Checks, Outcome, Verdict, decide
from evaluator_component.results.tables import metrics_table

WIRED = BaselineState(BaselineStatus.WIRED)
LOWER = "metrics_specs: [{thresholds: {m: {value_threshold: {lower_bound: 0.75}}}}]\n"
FALL = "metrics_specs: [{thresholds: {m: {change_threshold: {absolute: -0.01, direction: HIGHER_IS_BETTER}}}}]\n"
RELATIVE = "metrics_specs: [{thresholds: {m: {change_threshold: {relative: -0.01, direction: HIGHER_IS_BETTER}}}}]\n"


def table(**columns):
    given = {"split": "eval", "slice": ["Overall"], "model": "candidate", "metric": "m", "n": 100, "weighted_n": 100.0}
    return metrics_table({**given, **columns})


def verdict(config: str, baseline: BaselineState = WIRED, **columns) -> Verdict:
    return decide(table(**columns), load_config(config), baseline)


@pytest.mark.parametrize(
    ("lower", "upper", "outcome"),
    [
        (0.75, 0.77, Outcome.PASS),
        (0.74, 0.77, Outcome.INCONCLUSIVE),
        (0.73, 0.75, Outcome.INCONCLUSIVE),
        (0.73, 0.7499, Outcome.FAIL),
    ],
)
def test_a_bracket_decides_only_where_all_of_it_is_on_one_side(lower, upper, outcome):
    found = verdict(LOWER, value=(lower + upper) / 2, bracket_lower=lower, bracket_upper=upper)
    assert found.checks[0].outcome is outcome
    assert (found.checks[0].cause is Cause.BRACKET) == (outcome is Outcome.INCONCLUSIVE)
    assert found.blessed == (outcome is Outcome.PASS)


@pytest.mark.parametrize(("policy", "blessed"), [("FAIL", False), ("PASS", True), ("POINT_ESTIMATE", True)])
def test_inconclusive_by_policy(policy, blessed):
    found = verdict(f"{LOWER}gate: {{inconclusive: {policy}}}", value=0.76, bracket_lower=0.74, bracket_upper=0.78)
    assert found.blessed is blessed
    assert "between 0.74 and 0.78 (n = 100; known only as a range" in found.checks[0].sentence


def test_a_point_estimate_can_fail():
    found = verdict(
        f"{LOWER}gate: {{inconclusive: POINT_ESTIMATE}}", value=0.74, bracket_lower=0.72, bracket_upper=0.76
    )
    assert not found.blessed
    assert "decided by the point estimate" in found.reasons[0]


@pytest.mark.parametrize(("half", "outcome"), [(0.001, Outcome.PASS), (0.004, Outcome.INCONCLUSIVE)])
def test_brackets_of_both_models_count_in_a_relative_change(half, outcome):
    """Baseline 0.8 ± half, candidate 0.796 ± half: a fall of 0.5 %, 1 % (0.008) is allowed."""
    found = verdict(
        RELATIVE,
        value=0.796,
        bracket_lower=0.796 - half,
        bracket_upper=0.796 + half,
        baseline_value=0.8,
        change=-0.004,
        change_bracket_lower=-0.004 - 2 * half,
        change_bracket_upper=-0.004 + 2 * half,
    )
    assert found.checks[0].outcome is outcome


@pytest.mark.parametrize(
    ("config", "columns", "sentence"),
    [
        (LOWER, {"value": 0.7499999, "n": 5000}, "m on Overall is 0.7499999 (n = 5,000); at least 0.75 is required"),
        (LOWER, {"value": math.inf}, "m on Overall is inf (n = 100); at least 0.75 is required"),
        (FALL, {"value": 0.5, "baseline_value": 0.531, "change": 0.5 - 0.531, "n": 412, "slice": ["trip_start_hour=2"]},
         "m on trip_start_hour=2 fell by 0.031 (n = 412); a fall of at most 0.01 is allowed"),
        (FALL, {"value": 0.5, "baseline_value": 0.5, "change": 0.0},
         "m on Overall did not change (n = 100); a fall of at most 0.01 is allowed"),
        (RELATIVE, {"value": 0.38, "baseline_value": 0.4, "change": 0.38 - 0.4},
         "m on Overall fell by 5 % (n = 100); a fall of at most 1 % is allowed"),
        (RELATIVE, {"value": -0.1, "baseline_value": 0.0, "change": -0.1},
         "m on Overall fell by 0.1 (n = 100); no fall is allowed"),
        (RELATIVE, {"value": 1.0, "baseline_value": math.inf, "change": -math.inf},
         "the change of m on Overall is undefined (n = 100): a relative change needs a finite baseline"),
        (FALL, {"value": 1.0},
         "the change of m on Overall is undefined (n = 100): one of the two values is not there or not finite"),
        (LOWER, {"value": 0.5, "output": "tips", "sub_key": "class_id=1"},
         "m of tips (class_id=1) on Overall is 0.5 (n = 100); at least 0.75 is required"),
    ],
)  # fmt: skip
def test_sentences(config, columns, sentence):
    assert verdict(config, **columns).checks[0].sentence == sentence


def test_the_worst_comes_first():
    found = verdict(
        LOWER,
        slice=["a=1", "a=2", "a=3", "Overall"],
        value=[0.1, 0.7, 0.7, 0.74],
        n=[3, 500, 50, 553],
        weighted_n=1.0,
    )
    assert [re.search(r"on (\S+)", reason).group(1) for reason in found.reasons] == ["Overall", "a=2", "a=3", "a=1"]
    assert found.summary.startswith("NOT_BLESSED: m on Overall is 0.74")
    assert found.summary.endswith("(and 3 more reasons)")
    assert found.explain().splitlines()[1] == f"  - {found.reasons[0]}"


def test_reasons_are_cut_and_checks_are_not():
    found = verdict(LOWER, slice=[f"a={i}" for i in range(300)], value=[0.5] * 300)
    assert len(found.checks) == 300
    assert len(found.reasons) == 101
    assert found.reasons[-1] == "and 200 more checks failed"
    assert found.reason_count == 300
    assert "over 99 more reasons" in found.summary


def test_a_private_slice_shows_neither_values_nor_size():
    config = f"options: {{min_slice_size: 50}}\n{LOWER}"
    found = verdict(config, slice=["Overall", "a=1"], value=[0.9, 0.123456], n=[400, 49], weighted_n=[400.0, 49.0])
    assert found.blessed
    assert found.checks[1].sentence == "m on a=1 was not judged: it has fewer than 50 examples (options.min_slice_size)"
    assert "0.123456" not in found.to_json()
    assert '"n": 49' not in found.to_json()


@pytest.mark.parametrize(("fraction", "blessed"), [(0.5, True), (0.4, False)])
def test_too_many_skipped(fraction, blessed):
    config = f"{LOWER}gate: {{min_examples: 50, max_skipped_fraction: {fraction}}}"
    found = verdict(config, slice=["Overall", "a=1"], value=[0.9, 0.9], n=[100, 10])
    assert found.blessed is blessed


def test_min_weight():
    found = verdict(
        f"{LOWER}gate: {{min_weight: 5}}", slice=["Overall", "a=1"], value=[0.9, 0.1], weighted_n=[100.0, 4.5]
    )
    assert found.blessed
    assert found.checks[1].cause is Cause.TOO_LIGHT


def test_a_slice_without_a_row_of_the_metric_fails():
    rows = {"slice": ["Overall", "Overall", "a=1"], "metric": ["m", "example_count", "example_count"], "n": [9, 9, 4]}
    found = verdict(LOWER, value=[0.9, 9.0, 4.0], **rows)
    assert found.reasons == ("m has no value on a=1 (n = 4)",)


def test_a_slice_without_a_row_is_skipped_only_if_it_is_known_to_be_small():
    rows = {"slice": ["Overall", "a=1"], "metric": ["m", "example_count"], "value": [0.9, 4.0]}
    config = f"{LOWER}gate: {{min_examples: 5}}"
    assert [check.cause for check in verdict(config, **rows, n=[9, 4]).checks] == [Cause.JUDGED, Cause.TOO_FEW]
    assert [check.cause for check in verdict(config, **rows, n=[9, None]).checks] == [Cause.JUDGED, Cause.NO_VALUE]
    private = verdict(f"options: {{min_slice_size: 5}}\n{LOWER}", **rows, n=[9, None])
    assert [check.cause for check in private.checks] == [Cause.JUDGED, Cause.PRIVATE]


def test_an_empty_table_is_not_blessed():
    found = decide(table(value=0.9).slice(0, 0), load_config(LOWER), WIRED)
    assert not found.blessed
    assert "holds no values" in found.reasons[0]
    assert list(found.checks) == []
    assert Verdict.from_dict(json.loads(found.to_json())) == found


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (LOWER.replace("m:", "n:"), "no metric named 'n'.*m"),
        (LOWER + "gate: {splits: [evl]}", r"gate.splits\[0\]: no split 'evl'.*'eval'"),
        (LOWER + "model_specs: [{name: other}]", "no model named 'other'.*candidate"),
        (LOWER.replace("[{", "[{output_names: [tops], "), "not evaluated on output 'tops'.*'tips'"),
    ],
)
def test_results_that_do_not_hold_what_the_config_names(config, message):
    with pytest.raises(ConfigError, match=message):
        verdict(config, value=0.9, output="tips")


def test_a_named_output_of_a_model_with_one_output():
    assert verdict(LOWER.replace("[{", "[{output_names: [tips], "), value=0.9).blessed


def test_the_merged_rows_of_all_splits_are_judged_only_where_they_are_named():
    rows = {"split": ["eval", "test", "*"], "slice": ["Overall"] * 3, "value": [0.9, 0.9, 0.1]}
    assert verdict(LOWER, **rows).blessed
    assert not verdict(LOWER + "gate: {splits: ['*']}", **rows).blessed


def test_another_models_rows_do_not_count():
    rows = {"model": ["candidate", "baseline"], "slice": ["Overall"] * 2, "value": [0.9, 0.1]}
    assert verdict(LOWER, **rows).blessed


def test_checks_are_a_sequence():
    checks = verdict(LOWER, slice=["Overall", "a=1", "a=2"], value=[0.9, 0.8, 0.1]).checks
    assert [check.slice for check in checks] == ["Overall", "a=1", "a=2"]
    assert checks[-1].outcome is Outcome.FAIL
    assert [check.slice for check in checks[1:]] == ["a=1", "a=2"]
    assert checks.counts == {"PASS": 2, "FAIL": 1, "SKIPPED": 0, "INCONCLUSIVE": 0}
    assert Checks.from_dicts([check.to_dict() for check in checks]) == checks
    with pytest.raises(IndexError):
        checks[3]


def test_a_verdict_of_another_version_is_refused():
    content = {**verdict(LOWER, value=0.9).to_dict(), "schema_version": 99}
    with pytest.raises(ValueError, match="99"):
        Verdict.from_dict(content)


def test_many_slices_are_judged_and_written():
    count = 20_000
    found = verdict(LOWER, slice=[f"a={i}" for i in range(count)], value=[0.9] * count)
    stream = io.StringIO()
    found.write_json(stream)
    assert found.blessed
    assert len(json.loads(stream.getvalue())["checks"]) == count
