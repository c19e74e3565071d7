"""The gate with a confidence, on metric tables that are written down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from evaluator_component.config import load_config
from evaluator_component.gate import BaselineState, BaselineStatus, Cause, Outcome, Verdict, decide
from evaluator_component.results.tables import metrics_table

WIRED = BaselineState(BaselineStatus.WIRED)
MODELS = "model_specs: [{name: candidate}, {name: baseline, is_baseline: true}]\n"
LARGE = 100_000


def rule(threshold: str, gate: str) -> str:
    return f"{MODELS}metrics_specs: [{{thresholds: {{m: {{{threshold}}}}}}}]\ngate: {{{gate}}}"


def judged(text: str, rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judges rows of the metric m; what they leave out is that of an unremarkable mean of many examples."""
    full = []
    for number, row in enumerate(rows):
        slice_ = row.get("slice", f"s={number}")
        value = row.get("value", 0.5)
        base = row.get("baseline_value", value - row["change"] if "change" in row else None)
        common = {"split": "eval", "slice": slice_, "metric": "m", "n": row.get("n", LARGE), "weighted_n": 1.0}
        candidate = {
            "interval_method": "delta" if "std_error" in row else None,
            "change_interval_method": "paired delta" if "change_std_error" in row else None,
            "direction": "higher",
            **row,
            **common,
            "model": "candidate",
            "value": value,
            "baseline_value": base,
        }
        full.append(candidate)
        if base is not None:
            full.append({**common, "model": "baseline", "value": base, "std_error": row.get("baseline_std_error")})
    for row in full:
        row.pop("baseline_std_error", None)
    names = {name for row in full for name in row}
    table = metrics_table({name: [row.get(name) for row in full] for name in names})
    return decide(table, load_config(text), WIRED)


CHANGE = "change_threshold: {absolute: %s, direction: HIGHER_IS_BETTER}"
FALL = {"slice": "Overall", "change": -0.002, "change_std_error": 0.0015}


def test_33_the_numbers_of_the_specification():
    (check,) = judged(rule(CHANGE % -0.005, "confidence: 0.95"), [FALL]).checks
    assert check.outcome is Outcome.PASS
    assert check.p_value == pytest.approx(scipy.stats.norm.sf(2.0))
    assert check.lower == pytest.approx(-0.00447, abs=5e-6)


def test_34_and_a_smaller_margin():
    verdict = judged(rule(CHANGE % -0.004, "confidence: 0.95"), [FALL])
    (check,) = verdict.checks
    assert not verdict.blessed
    assert (check.outcome, check.cause) == (Outcome.INCONCLUSIVE, Cause.UNCERTAIN)
    z = scipy.stats.norm.ppf([0.95, 0.8])
    assert check.detectable == pytest.approx(z.sum() * 0.0015)
    # With so many more the limit would just reach the bound.
    assert check.more_examples is not None
    shrunk = 0.0015 * math.sqrt(LARGE / (LARGE + check.more_examples))
    assert -0.002 - z[0] * shrunk == pytest.approx(-0.004, abs=1e-7)


def test_a_fall_beyond_doubt():
    (check,) = judged(rule(CHANGE % 0.001, "confidence: 0.95"), [FALL]).checks
    assert check.outcome is Outcome.FAIL
    assert check.sentence == (
        "m on Overall fell by 0.002 [-0.0004673, 0.004467] (n = 100,000); a rise of at least 0.001 is required"
    )


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ({"change": 0.01, "change_std_error": 0.0}, Cause.NO_INTERVAL),
        ({"change": 0.01}, Cause.NO_INTERVAL),
        ({"change": 0.01, "change_std_error": 1e-6, "n": 20}, Cause.NOT_NORMAL),
        ({"change": 0.01, "change_std_error": 1e-6, "n": 200, "change_skewness": 3.0}, Cause.NOT_NORMAL),
        ({"change": 0.01, "change_std_error": 0.01}, Cause.UNCERTAIN),
    ],
)
def test_what_decides_nothing(row: Mapping[str, Any], cause: Cause):
    known = {"change": 0.1, "change_std_error": 0.001}
    first, _ = judged(rule(CHANGE % 0.0, "confidence: 0.95"), [row, known]).checks
    assert (first.outcome, first.cause) == (Outcome.INCONCLUSIVE, cause)


def test_models_that_agree_are_certain():
    row = {"change": 0.0, "change_std_error": 0.0, "change_interval_method": "identical", "n": 5}
    (check,) = judged(rule(CHANGE % 0.0, "confidence: 0.95"), [row]).checks
    assert check.outcome is Outcome.PASS


def test_45_a_score_interval_where_the_standard_error_says_nothing():
    row = {"change": -0.02, "change_std_error": 0.02, "change_interval_method": "paired score"}
    counts = {"n": 50, "trials": 50.0, "gained": 0.0, "lost": 1.0}
    (check,) = judged(rule(CHANGE % -0.01, "confidence: 0.95"), [{**row, **counts}]).checks
    assert check.outcome is Outcome.INCONCLUSIVE
    assert check.lower is not None
    assert check.upper is not None
    assert check.lower < -0.05
    assert check.upper > 0.02


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.floats(0.1, 0.9), st.floats(-0.05, 0.05), st.floats(1e-4, 0.02), st.floats(1e-4, 0.02), st.floats(-0.2, 0.2))
def test_a_relative_change_has_the_variance_of_its_parts(
    base: float, change: float, error: float, base_error: float, bound: float
):
    correlation = 0.3
    factor = 1 + bound
    together = correlation * error * base_error
    of_change = math.sqrt(error**2 + base_error**2 - 2 * together)
    row = {
        "value": base + change,
        "baseline_value": base,
        "change": change,
        "std_error": error,
        "baseline_std_error": base_error,
        "change_std_error": of_change,
    }
    text = f"change_threshold: {{relative: {bound}, direction: HIGHER_IS_BETTER}}"
    (check,) = judged(rule(text, "confidence: 0.9"), [row]).checks
    theta = change - bound * base
    spread = math.sqrt(error**2 + factor**2 * base_error**2 - 2 * factor * together)
    z = scipy.stats.norm.ppf(0.9)
    wanted = "PASS" if theta - z * spread >= 0 else "FAIL" if theta + z * spread < 0 else "INCONCLUSIVE"
    assert check.outcome.value == wanted


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.floats(-0.02, 0.02), st.floats(1e-5, 0.01), st.floats(-0.01, 0.01))
def test_more_confidence_decides_less(change: float, error: float, bound: float):
    row = {"change": change, "change_std_error": error}
    less, more = (
        judged(rule(CHANGE % bound, f"confidence: {confidence}"), [row]).checks[0].outcome for confidence in (0.8, 0.99)
    )
    assert more in (less, Outcome.INCONCLUSIVE)


def test_without_standard_errors_nothing_is_decided():
    verdict = judged(rule(CHANGE % 0.0, "confidence: 0.95"), [{"change": 0.1}])
    (check,) = verdict.checks
    assert (check.outcome, check.cause) == (Outcome.INCONCLUSIVE, Cause.NO_INTERVAL)
    assert "it has no standard error that says how sure it is" in check.sentence
    assert not verdict.blessed


SKEWED = {"slice": "s", "n": 2_000, "change_df": 1_999.0, "change_interval_method": "paired delta (mean)"}


@pytest.mark.parametrize("skewness", [-3.0, 0.0, 1.5])
@pytest.mark.parametrize("direction", ["HIGHER_IS_BETTER", "LOWER_IS_BETTER"])
def test_a_mean_is_judged_by_halls_transformation_where_t_is_less_cautious(skewness: float, direction: str):
    row = {**SKEWED, "change": 0.002, "change_std_error": 0.001, "change_skewness": skewness}
    text = f"change_threshold: {{absolute: 0, direction: {direction}}}"
    (check,) = judged(rule(text, "confidence: 0.95"), [row]).checks
    assert check.method == "t with skewness (Hall 1992)"
    # From the published formula: the bound is a limit where the transformed statistic is the quantile.
    n, q = 2_000, scipy.stats.t.ppf(0.95, 1_999)

    def hall(t: float) -> float:
        s = t / math.sqrt(n)
        return math.sqrt(n) * (s + skewness * s**2 / 3 + skewness**2 * s**3 / 27 + skewness / (6 * n))

    reach = [max(q, scipy.optimize.brentq(lambda t, x=x: hall(x * t) - x * q, 0, 9)) for x in (1.0, -1.0)]
    assert check.lower == pytest.approx(0.002 - 0.001 * reach[0])
    assert check.upper == pytest.approx(0.002 + 0.001 * reach[1])
    higher = direction == "HIGHER_IS_BETTER"
    chances = [scipy.stats.t.sf(x, 1_999) for x in (2.0, hall(2.0))]
    kept = max(chances) if higher else max(1 - chance for chance in chances)
    assert check.p_value == pytest.approx(kept)
    assert check.outcome is (Outcome.PASS if higher else Outcome.FAIL)


@pytest.mark.parametrize(
    ("examples", "skewness", "trusted"),
    [
        (2_000, 2.0, True),
        (1_200, 2.0, False),
        (25_000, 7.0, True),
        (1_200, -6.0, True),  # a long tail that makes low means rarer
        (1_000, -6.0, False),  # 0.75 % of examples could have a value that is not among these
        (800, 0.05, True),  # as ever, without skewness
    ],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_skewed_slices_are_tested_in_a_family_of_200(examples: int, skewness: float, trusted: bool, sign: float):
    row = {"change_interval_method": "paired delta (mean)", "change_std_error": 0.001, "n": examples}
    row |= {"change_df": examples - 1.0, "change_skewness": sign * skewness}
    direction = "HIGHER_IS_BETTER" if sign > 0 else "LOWER_IS_BETTER"
    rows = [{**row, "change": -0.01 * sign if number == 7 else 0.0} for number in range(200)]
    text = f"change_threshold: {{absolute: 0, direction: {direction}}}"
    checks = {check.slice: check for check in judged(rule(text, BLOCK % "HOLM"), rows).checks}
    assert checks["s=7"].outcome is (Outcome.FAIL if trusted else Outcome.INCONCLUSIVE)
    assert checks["s=8"].outcome is (Outcome.PASS if trusted else Outcome.INCONCLUSIVE)


def test_a_mean_of_unknown_skewness_is_judged_by_t():
    row = {**SKEWED, "change": 0.002, "change_std_error": 0.001}
    (check,) = judged(rule(CHANGE % 0.0, "confidence: 0.95"), [row]).checks
    assert check.outcome is Outcome.PASS
    assert check.p_value == pytest.approx(scipy.stats.t.sf(2.0, 1_999))


def test_of_a_mean_fewer_examples_are_wanted():
    row = {**SKEWED, "n": 500, "change_df": 499.0, "change": 0.01, "change_std_error": 0.001, "change_skewness": -6.0}
    of_mean, other = (
        judged(rule(CHANGE % 0.0, "confidence: 0.95"), [{**row, "change_interval_method": method}]).checks[0]
        for method in ("paired delta (mean)", "paired delta")
    )
    assert of_mean.cause is other.cause is Cause.NOT_NORMAL
    assert of_mean.more_examples == math.ceil((6 * scipy.stats.norm.ppf(0.95) / 0.18) ** 2) - 500
    assert other.more_examples > of_mean.more_examples


BLOCK = "confidence: 0.95, multiplicity: BLOCK_ON_SIGNIFICANT_REGRESSION, correction: %s"


@pytest.mark.parametrize(("correction", "oracle"), [("HOLM", "holm"), ("BENJAMINI_HOCHBERG", "fdr_bh")])
def test_families_are_corrected_as_statsmodels_does(correction: str, oracle: str):
    rng = np.random.default_rng(3)
    z = rng.normal(-1.5, 1.5, 40)
    rows = [{"change": float(x) / 100, "change_std_error": 0.01} for x in z]
    rows += [{"slice": "Overall", "change": 0.01, "change_std_error": 0.001}]
    verdict = judged(rule(CHANGE % 0.0, BLOCK % correction), rows)
    checks = {check.slice: check for check in verdict.checks}
    refused, adjusted, _, _ = multipletests(scipy.stats.norm.cdf(z), 0.05, method=oracle)
    assert 0 < refused.sum() < 40
    for number in range(40):
        check = checks[f"s={number}"]
        assert check.outcome is (Outcome.FAIL if refused[number] else Outcome.PASS)
        assert check.adjusted_p_value == pytest.approx(adjusted[number])
        assert check.family_size == 40
    assert checks["Overall"].outcome is Outcome.PASS
    assert checks["Overall"].family_size is None
    (family,) = verdict.families
    assert (family.size, family.level, family.correction) == (40, pytest.approx(0.05), correction)
    worst = next(check for check in verdict.checks if check.outcome is Outcome.FAIL)
    assert "significant among 40 slices (corrected p = " in worst.sentence


def test_rules_share_the_level():
    text = "change_threshold: {absolute: 0, relative: 0, direction: HIGHER_IS_BETTER}"
    row = {"change": -0.02, "change_std_error": 0.01, "std_error": 0.01, "baseline_std_error": 0.01}
    verdict = judged(rule(text, BLOCK % "HOLM"), [row])
    assert [family.level for family in verdict.families] == [pytest.approx(0.025)] * 2
    assert verdict.blessed is bool(scipy.stats.norm.cdf(-2.0) > 0.025)


UNTESTED = {"change_std_error": 0.001, "n": 20, "change_skewness": 2.0}


@pytest.mark.parametrize(
    ("change", "more", "blessed"),
    [
        (-0.001, "", True),
        (-0.001, ", inconclusive: PASS", True),
        (-0.001, ", inconclusive: FAIL", False),
        (-0.1, "", False),
        (-0.1, ", inconclusive: PASS", True),
        (-0.1, ", inconclusive: FAIL", False),
    ],
)
def test_what_cannot_be_tested_blocks_if_it_looks_bad_or_in_words(change: float, more: str, blessed: bool):
    rows = [{**UNTESTED, "change": change}, {"slice": "Overall", "change": 0.01, "change_std_error": 0.001}]
    verdict = judged(rule(CHANGE % 0.0, BLOCK % "HOLM" + more), rows)
    checks = {check.slice: check for check in verdict.checks}
    assert (checks["s=0"].outcome, checks["s=0"].cause) == (Outcome.INCONCLUSIVE, Cause.NOT_NORMAL)
    assert ("it looks significant, but too few examples" in checks["s=0"].sentence) is (change < -0.01)
    assert verdict.blessed is blessed
    assert Verdict.from_dict(verdict.to_dict()).refuses(checks["s=0"]) is not blessed
    assert any("1 inconclusive checks count as passed" in notice for notice in verdict.notices) is blessed


def test_the_overall_slice_must_pass_whatever_the_slices_do():
    rows = [
        {"change": 0.01, "change_std_error": 0.001},
        {"slice": "Overall", "change": -0.001, "change_std_error": 0.001},
    ]
    verdict = judged(rule(CHANGE % 0.0, BLOCK % "HOLM"), rows)
    assert not verdict.blessed
    assert {check.slice: check.outcome for check in verdict.checks} == {
        "Overall": Outcome.INCONCLUSIVE,
        "s=0": Outcome.PASS,
    }
