"""Laws that hold for any table and any thresholds."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_tables import scenario_table
from scenarios import LOST, NONE_YET, SCENARIOS, WIRED

from evaluator_component.config import load_config
from evaluator_component.gate import Cause, Kind, Outcome, Verdict, decide
from evaluator_component.proto import config_pb2
from evaluator_component.results.tables import metrics_table

settings.register_profile("gate", max_examples=30, deadline=None)
settings.load_profile("gate")

GRID = st.integers(-10, 10).map(lambda tenths: tenths / 10)
NUMBER = st.one_of(GRID, st.just(math.nan), st.floats(-2, 2), st.sampled_from([math.inf, -math.inf]))
SLICES = ["Overall", "a=1", "a=2", "b=x"]
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "verdict.schema.json").read_text())


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """One metric on up to four slices and two splits, compared with a baseline, some values known as ranges."""
    slices = draw(st.lists(st.sampled_from(SLICES), min_size=1, unique=True))
    splits = draw(st.sampled_from([["eval"], ["eval", "test"]]))
    keys = [(split, name) for split in splits for name in slices]
    value = [draw(NUMBER) for _ in keys]
    base = [draw(NUMBER) for _ in keys]
    width = [draw(st.sampled_from([None, None, 0.0, 0.05, 0.3])) for _ in keys]
    bracketed = [
        w is not None and math.isfinite(v) and math.isfinite(b) for w, v, b in zip(width, value, base, strict=True)
    ]
    change = [v - b for v, b in zip(value, base, strict=True)]

    def ends(centre: list[float], sign: float, scale: float) -> list[float | None]:
        return [c + sign * scale * (w or 0) if k else None for c, w, k in zip(centre, width, bracketed, strict=True)]

    return metrics_table(
        {
            "split": [split for split, _ in keys],
            "slice": [name for _, name in keys],
            "model": "candidate",
            "metric": "m",
            "value": value,
            "n": [draw(st.integers(0, 50)) for _ in keys],
            "weighted_n": 1.0,
            "bracket_lower": ends(value, -1, 1),
            "bracket_upper": ends(value, 1, 1),
            "baseline_value": base,
            "change": change,
            "change_bracket_lower": ends(change, -1, 2),
            "change_bracket_upper": ends(change, 1, 2),
            "direction": draw(st.sampled_from(["higher", "lower"])),
            "reason": [None if v == v else "no examples" for v in value],
        }
    )


BOUNDS = st.one_of(st.none(), GRID, st.floats(-2, 2))
DIRECTIONS = st.sampled_from([config_pb2.HIGHER_IS_BETTER, config_pb2.LOWER_IS_BETTER])


@st.composite
def configs(draw: st.DrawFn) -> config_pb2.EvalConfig:
    config = config_pb2.EvalConfig()
    threshold = config.metrics_specs.add().thresholds["m"]
    lower, upper = draw(BOUNDS), draw(BOUNDS)
    if lower is not None:
        threshold.value_threshold.lower_bound.value = lower
    if upper is not None:
        threshold.value_threshold.upper_bound.value = upper if lower is None else max(lower, upper)
    if draw(st.booleans()):
        threshold.change_threshold.direction = draw(DIRECTIONS)
        for name in ("absolute", "relative"):
            bound = draw(BOUNDS)
            if bound is not None:
                getattr(threshold.change_threshold, name).value = bound
    gate = config.gate
    gate.inconclusive = draw(st.integers(0, 3))
    gate.plain_threshold_scope = draw(st.integers(0, 2))
    gate.no_baseline = draw(st.integers(0, 2))
    if draw(st.booleans()):
        gate.min_examples = draw(st.integers(0, 60))
    return config


STATES = st.sampled_from([WIRED, NONE_YET, LOST])


def by_place(verdict: Verdict) -> dict[tuple[str, str, str], Outcome]:
    return {(check.path, check.slice, check.split): check.outcome for check in verdict.checks}


def fails(check, policy) -> bool:
    return check.outcome is Outcome.FAIL or (check.outcome is Outcome.INCONCLUSIVE and policy["inconclusive"] == "FAIL")


@given(tables(), configs(), STATES, st.randoms())
def test_the_order_of_rows_does_not_matter(table, config, state, random):
    order = list(range(table.num_rows))
    random.shuffle(order)
    assert decide(table.take(pa.array(order)), config, state) == decide(table, config, state)


@given(tables(), configs(), STATES)
def test_a_verdict_is_written_and_read_back(table, config, state):
    verdict = decide(table, config, state)
    content = json.loads(verdict.to_json())
    jsonschema.validate(content, SCHEMA)
    assert content == json.loads(json.dumps(verdict.to_dict()))
    assert Verdict.from_dict(content) == verdict


@given(tables(), configs(), STATES)
def test_blessed_means_that_nothing_failed_and_something_was_asked(table, config, state):
    verdict = decide(table, config, state)
    failed = [check for check in verdict.checks if fails(check, verdict.policy)]
    assert verdict.blessed == (not verdict.reasons)
    if failed or not verdict.checks or state is LOST:
        assert not verdict.blessed
    for check in failed:
        explained = check.cause in (Cause.NO_BASELINE, Cause.BASELINE_LOST)
        assert explained or check.sentence in verdict.reasons


@given(tables(), configs(), STATES)
def test_rubber_stamp_means_that_changes_were_waved_through(table, config, state):
    verdict = decide(table, config, state)
    waved = [check for check in verdict.checks if check.cause is Cause.NO_BASELINE and check.outcome is Outcome.SKIPPED]
    assert verdict.rubber_stamp == bool(waved)
    assert not waved or state is NONE_YET


@given(tables(), configs(), STATES)
def test_each_bound_is_checked_once_on_each_slice_and_split(table, config, state):
    verdict = decide(table, config, state)
    places = by_place(verdict)
    assert len(places) == len(verdict.checks)
    if verdict.policy["plain_threshold_scope"] == "EVERY_SLICE":
        assert len(places) == len({check.path for check in verdict.checks}) * table.num_rows


@given(tables(), configs(), st.sampled_from(["lower_bound", "upper_bound", "absolute", "relative"]), st.floats(0, 1))
def test_a_tighter_bound_passes_no_more(table, config, name, tighter):
    message = config.metrics_specs[0].thresholds["m"]
    message = message.value_threshold if name.endswith("bound") else message.change_threshold
    if not message.HasField(name):
        return
    before = decide(table, config, WIRED)
    upper = name == "upper_bound" or (not name.endswith("bound") and message.direction == config_pb2.LOWER_IS_BETTER)
    getattr(message, name).value += -tighter if upper else tighter
    value = config.metrics_specs[0].thresholds["m"].value_threshold
    if (
        value.HasField("lower_bound")
        and value.HasField("upper_bound")
        and value.lower_bound.value > value.upper_bound.value
    ):
        return
    after = decide(table, config, WIRED)
    ranks = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.PASS: 2}
    later = by_place(after)
    for place, outcome in by_place(before).items():
        assert (outcome is Outcome.SKIPPED) == (later[place] is Outcome.SKIPPED)
        assert outcome is Outcome.SKIPPED or ranks[later[place]] <= ranks[outcome]
    assert before.blessed or not after.blessed


@given(tables(), configs(), st.floats(-2, 2))
def test_another_rule_mends_nothing(table, config, bound):
    before = decide(table, config, WIRED)
    spec = config.metrics_specs.add()
    spec.thresholds["m"].value_threshold.lower_bound.value = bound
    after = decide(table, config, WIRED)
    if any(fails(check, before.policy) for check in before.checks):
        assert not after.blessed
    added = [check for check in after.checks if check.path.startswith("metrics_specs[1]")]
    if before.blessed and not any(fails(check, after.policy) for check in added):
        assert after.blessed


@given(tables(), configs(), st.integers(0, 60))
def test_asking_for_more_examples_only_skips(table, config, more):
    before = decide(table, config, WIRED)
    config.gate.min_examples = max(config.gate.min_examples, more)
    after = by_place(decide(table, config, WIRED))
    for place, outcome in by_place(before).items():
        assert after[place] in (outcome, Outcome.SKIPPED)


@given(tables(), configs())
def test_mirrored_values_under_mirrored_rules(table, config):
    """LOWER_IS_BETTER on values is HIGHER_IS_BETTER on their negatives."""
    mirrored = table
    swap = {"bracket_lower": "bracket_upper", "change_bracket_lower": "change_bracket_upper"}
    swap |= {there: here for here, there in swap.items()}
    for name in ("value", "baseline_value", "change", *swap):
        column = table.column(swap.get(name, name)).to_numpy()
        index = mirrored.schema.get_field_index(name)
        mirrored = mirrored.set_column(index, name, pa.array(-column, from_pandas=name in swap))
    other = config_pb2.EvalConfig()
    other.CopyFrom(config)
    threshold, turned = (c.metrics_specs[0].thresholds["m"] for c in (config, other))
    turned.ClearField("value_threshold")
    if threshold.HasField("value_threshold"):
        turned.value_threshold.SetInParent()
        for here, there in (("lower_bound", "upper_bound"), ("upper_bound", "lower_bound")):
            if threshold.value_threshold.HasField(here):
                getattr(turned.value_threshold, there).value = -getattr(threshold.value_threshold, here).value
    if threshold.HasField("change_threshold"):
        turned.change_threshold.direction = 3 - threshold.change_threshold.direction
        for name in ("absolute", "relative"):
            if threshold.change_threshold.HasField(name):
                getattr(turned.change_threshold, name).value *= -1
    left, right = decide(table, config, WIRED), decide(mirrored, other, WIRED)
    assert sorted((c.slice, c.split, c.outcome.value) for c in left.checks) == sorted(
        (c.slice, c.split, c.outcome.value) for c in right.checks
    )


def exact_distance(check) -> Fraction | None:
    """How far a check is on the good side, in exact arithmetic on the two values; None where it is not finite."""
    numbers = [x for x in (check.observed, check.bound) if x is not None]
    if len(numbers) < 2 or not all(map(math.isfinite, numbers)):
        return None
    kind = Kind(check.rule)
    distance = Fraction(check.observed) - Fraction(check.bound)
    return -distance if kind.is_upper else distance


@given(tables(), configs())
def test_outcomes_agree_with_exact_arithmetic(table, config):
    for check in decide(table, config, WIRED).checks:
        distance = exact_distance(check)
        if distance is None or check.cause is not Cause.JUDGED or check.lower is not None:
            continue
        kind = Kind(check.rule)
        if kind.is_change and abs(distance) < Fraction(1, 10**12):
            continue
        assert (check.outcome is Outcome.PASS) == (distance >= 0)


@given(GRID, GRID, DIRECTIONS)
def test_a_change_that_meets_its_bound_in_decimals_passes(value, base, direction):
    """0.9 - 0.8 is not 0.1 in binary; that must not decide a verdict."""
    table = metrics_table({"split": "eval", "slice": "Overall", "model": "candidate", "metric": ["m"], "value": value,
                           "n": 10, "weighted_n": 10.0, "baseline_value": base, "change": value - base})  # fmt: skip
    config = config_pb2.EvalConfig()
    threshold = config.metrics_specs.add().thresholds["m"].change_threshold
    threshold.direction = direction
    threshold.absolute.value = (round(value * 10) - round(base * 10)) / 10
    assert decide(table, config, WIRED).blessed
    sign = 1 if direction == config_pb2.HIGHER_IS_BETTER else -1
    threshold.absolute.value += sign * 1e-9
    assert not decide(table, config, WIRED).blessed


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.blessed is not None], ids=lambda s: s.number)
def test_scenarios_fit_the_published_schema(scenario):
    config = load_config(scenario.config_text)
    verdict = decide(scenario_table(config, scenario.data), config, scenario.baseline)
    content = json.loads(verdict.to_json())
    jsonschema.validate(content, SCHEMA)
    again = Verdict.from_dict(content)
    assert again == verdict
    assert again.explain() == verdict.explain()
