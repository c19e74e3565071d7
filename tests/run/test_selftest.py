"""How often a config refuses an equal model: counted, and foretold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

import evaluator_component as ec
from evaluator_component.engine.resample import draw, repeat, units
from evaluator_component.outlook import look_ahead, peer_differences
from tests import trips
from tests.engine.random_parts import batch, make


def config(threshold: str, gate: str = "", slices: str = "[{}]") -> str:
    return (
        f"model_specs: [{{label_key: tipped}}]\nslicing_specs: {slices}\nmetrics_specs: [{{metrics: [{{class_name: "
        f"BinaryAccuracy, threshold: {{{threshold}}}}}, {{class_name: AUC}}]}}]\ngate: {{{gate}}}"
    )


CHANGE = "change_threshold: {absolute: %s, direction: HIGHER_IS_BETTER}"


def accuracy_error(material: Any, *, paired: bool) -> float:
    """The standard error of the change of accuracy between equal models."""
    label = material.trips.tipped
    good, weak = ((material.trips.logit(name) > 0) == label for name in ("good", "weak"))
    if paired:
        return float(np.std(good.astype(float) - weak) / np.sqrt(len(label)))
    return float(np.sqrt(2 * good.mean() * (1 - good.mean()) / len(label)))


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("deviations", [0.0, 1.0])
def test_changes_vary_as_their_standard_errors_say(material: Any, paired: bool, deviations: float):
    margin = -deviations * accuracy_error(material, paired=paired)
    baseline = material.weak if paired else None
    result = ec.selftest(config(CHANGE % margin), material.good, baseline, str(material.plain), runs=150)
    wanted = scipy.stats.norm.cdf(-deviations)
    assert result.paired is paired
    assert result.examples == len(material.trips)
    assert result.refused / 150 == pytest.approx(wanted, abs=3 * np.sqrt(wanted * (1 - wanted) / 150))
    (rule,) = result.rules
    assert rule.refused == result.refused == rule.worst_refused
    assert rule.worst == "Overall"


def test_confidence_keeps_its_word(material: Any):
    """An equal model within the margin by 1.645 standard errors passes half of the time; of one beyond it 5 % do."""
    error = accuracy_error(material, paired=True)
    for deviations, wanted in ((-1.645, 0.5), (0.0, 0.95)):
        text = config(CHANGE % (deviations * error), "confidence: 0.95")
        result = ec.selftest(text, material.good, material.weak, str(material.plain), runs=100)
        assert result.refused / 100 == pytest.approx(wanted, abs=0.16)


def test_what_is_always_and_never_refused(material: Any):
    slices = "[{}, {feature_keys: [payment]}]"
    always = ec.selftest(
        config("value_threshold: {lower_bound: 0.99}", slices=slices), material.good, None, str(material.plain), runs=20
    )
    never = ec.selftest(config(CHANGE % -0.5, slices=slices), material.good, None, str(material.plain), runs=20)
    assert (always.refused, never.refused) == (20, 0)
    assert always.rules[0].slices == 4
    assert "This config refused 100.0 % [83.9, 100.0] of them." in always.explain()
    assert never.rules[0].worst == ""


def test_a_rule_that_nothing_is_large_enough_for_is_told(material: Any):
    result = ec.selftest(
        config(CHANGE % -0.5, "min_examples: 1000000"), material.good, None, str(material.plain), runs=20
    )
    assert result.refused == 20
    assert any("the evaluation set is too small" in reason for reason in result.reasons)


def test_the_outlook_foretells_what_the_selftest_counts(material: Any):
    error = accuracy_error(material, paired=True)
    text = config(CHANGE % (-1.5 * error), slices="[{}, {feature_keys: [payment]}]", gate="min_examples: 10")
    (outlook,) = look_ahead(ec.check(text, material.good, material.weak, str(material.plain)))
    assert (outlook.slices, outlook.skipped) == (4, 0)
    assert outlook.smallest == min(material.trips.payment.count(name) for name in (b"Cash", b"Credit Card", b"Mobile"))
    counted = ec.selftest(text, material.good, material.weak, str(material.plain), runs=150)
    assert outlook.refused == pytest.approx(counted.refused / 150, abs=0.15)
    assert "covers 4 slices" in str(outlook)


def test_the_outlook_of_a_rule_that_skips(material: Any):
    text = config(CHANGE % 0, slices="[{}, {feature_keys: [payment]}]", gate=f"min_examples: {len(material.trips)}")
    (outlook,) = look_ahead(ec.check(text, material.good, material.weak, str(material.plain)))
    assert (outlook.slices, outlook.skipped) == (4, 3)
    assert outlook.refused == pytest.approx(0.5)


def test_the_outlook_of_slices_too_small_for_a_test(tmp_path: Path, material: Any):
    data = trips.write_records(tmp_path / "data", trips.make_trips(90).records)
    text = (
        "model_specs: [{label_key: tipped}]\nslicing_specs: [{}, {feature_keys: [payment]}]\nmetrics_specs: [{metrics: "
        "[{class_name: BinaryCrossEntropy, threshold: {value_threshold: {upper_bound: 9}}}]}]\ngate: {confidence: 0.95}"
    )
    checked = ec.check(text, material.good, None, str(data))
    (outlook,) = look_ahead(checked)
    assert outlook.untested == 4
    assert outlook.refused == 1.0
    assert outlook.needed is not None
    assert outlook.needed >= 54  # that a normal approximation needs at 5 %
    assert f"4 with too few examples for a test, so inconclusive ({outlook.needed:,} are needed)" in str(outlook)
    assert not ec.evaluate(text, material.good, None, str(data), progress=False).verdict.blessed


def test_where_a_config_means_something_else_than_in_tfma():
    text = config("change_threshold: {relative: 0.1}", "min_examples: 5")
    told = list(peer_differences(ec.load_config(text), ["eval", "test"]))
    for words in (
        "size of the baseline's value",
        "too small is skipped",
        "each split is judged by itself",
        "AUC: over",
    ):
        assert sum(words in one for one in told) == 1
    assert list(peer_differences(ec.load_config("metrics_specs: [{metrics: [{class_name: Recall}]}]"), ["eval"])) == [
        "a config without thresholds is NOT_BLESSED with a reason; TFX then writes no blessing at all"
    ]


def test_copies_are_examples_of_their_own():
    plan = make(["BinaryAccuracy", "NDCG", "Rouge"], weighted=True, baseline=True)
    made = batch(plan, 3, 40)
    counts = np.random.default_rng(1).integers(0, 3, 40)
    copies = repeat(made, counts)
    wanted = [i for i, count in enumerate(counts) for _ in range(count)]
    assert copies.size == len(wanted)
    np.testing.assert_array_equal(copies.labels["score"], made.labels["score"][wanted])
    np.testing.assert_array_equal(copies.predictions[1, "score"], made.predictions[1, "score"][wanted])
    assert len(np.unique(copies.units)) == len(wanted)
    for source, lists in made.records.items():
        assert copies.records[source].to_pylist() == [lists[i].as_py() for i in wanted]
    own = sorted(zip(made.slices.rows.tolist(), made.slices.codes.tolist(), strict=True))
    found = sorted(zip(copies.slices.rows.tolist(), copies.slices.codes.tolist(), strict=True))
    assert found == sorted((new, code) for new, old in enumerate(wanted) for row, code in own if row == old)


def test_queries_are_drawn_as_a_whole():
    plan = make(["NDCG"], weighted=False, baseline=False)
    made = batch(plan, 4, 200)
    drawn = draw(made, 7)
    before, after = (b.queries["q"].to_pylist() for b in (made, drawn))
    for query in set(before):
        copies = {name for name in after if name.rpartition(b"#")[0] == query}
        for name in copies:
            assert after.count(name) == before.count(query)
    assert len(np.unique(units(made))) == len(set(before))
