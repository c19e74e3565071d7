"""The gate's scenarios on what the engine makes of real examples and models."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import evaluator_component as ec
from evaluator_component import gate
from evaluator_component.config import load_config
from evaluator_component.errors import ConfigError, ModelError
from tests.gate import scenario_inputs as inputs
from tests.gate.scenario_tables import scenario_table
from tests.gate.scenarios import ENGINE_SCENARIOS, HIGHER, SCENARIOS, WIRED, Scenario, accuracy, ten

REFUSED = [s for s in (*SCENARIOS, *ENGINE_SCENARIOS) if s.error or s.preflight_error]
JUDGED = [s for s in (*SCENARIOS, *ENGINE_SCENARIOS) if not s.error and not s.preflight_error]
CHANGE = Scenario("", "", accuracy(f"change_threshold: {{absolute: 0, {HIGHER}}}"), {"eval": ten(9, 8)}, WIRED)

Arguments = Callable[[Scenario], dict[str, Any]]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenario-models")


@pytest.fixture
def arguments(tmp_path: Path, models: Path) -> Arguments:
    return lambda scenario: inputs.arguments(scenario, tmp_path / "data", models)


def title(scenario: Scenario) -> str:
    return f"{scenario.number} {scenario.title}"


@pytest.mark.parametrize("scenario", JUDGED, ids=title)
def test_scenario(scenario: Scenario, tmp_path: Path, models: Path):
    verdict = inputs.ask_us(scenario, tmp_path, models).verdict
    assert verdict is not None
    assert verdict.blessed is scenario.blessed, verdict.explain()
    assert verdict.rubber_stamp is scenario.rubber_stamp
    assert len(verdict.reasons) == len(scenario.reasons), verdict.explain()
    for reason, text in zip(verdict.reasons, scenario.reasons, strict=True):
        assert text in reason
    for text in scenario.notices:
        assert any(text in notice for notice in verdict.notices), verdict.notices
    for name, outcomes in scenario.outcomes.items():
        assert " ".join(check.outcome.value for check in verdict.checks if check.slice == name) == outcomes
    if scenario in SCENARIOS:
        config = load_config(scenario.config_text)
        by_hand = gate.decide(scenario_table(config, scenario.data), config, scenario.baseline)
        assert_same(verdict.to_dict(), by_hand.to_dict())


def assert_same(found: Any, wanted: Any) -> None:
    """Every field of both verdicts is the same, but for the last digits of numbers."""
    found, wanted = dict(leaves(found)), dict(leaves(wanted))
    assert found.keys() == wanted.keys()
    for place, value in wanted.items():
        if isinstance(value, float):
            assert math.isclose(found[place], value, rel_tol=1e-9, abs_tol=1e-12), place
        else:
            assert found[place] == value, place


def leaves(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from leaves(value, f"{place}.{key}")
    else:
        yield place, content


@pytest.mark.parametrize("scenario", REFUSED, ids=title)
def test_a_scenario_that_cannot_be_judged_is_refused_before_anything_is_evaluated(
    scenario: Scenario, arguments: Arguments
):
    with pytest.raises(ConfigError) as caught:
        ec.check(**arguments(scenario))
    assert re.search(scenario.preflight_error or scenario.error, str(caught.value)), caught.value


@pytest.mark.parametrize("is_baseline", ["false", "true"])
def test_37_two_candidates_or_two_baselines(is_baseline: str, arguments: Arguments):
    given = arguments(CHANGE)
    spec = "{name: %s, label_key: label, is_baseline: %s}"
    specs = [spec % ("one", is_baseline), spec % ("two", is_baseline), spec % ("three", str(is_baseline == "false"))]
    given["config"] = f"model_specs: [{', '.join(specs)}]\n{CHANGE.config}"
    with pytest.raises(ConfigError, match=r"model_specs\[1\]"):
        ec.check(**given)


def test_39_different_label_spaces(arguments: Arguments, models: Path):
    given = arguments(CHANGE)
    given["baseline"] = str(inputs.serving(inputs.export(models, "baseline", width=3)))
    with pytest.raises(ConfigError, match=r"predict different things: score float32\[\?, 1\].*score float32\[\?, 3\]"):
        ec.check(**given)


def test_39_different_signatures(arguments: Arguments, models: Path):
    config = CHANGE.config_text.replace("label_key: label", "label_key: label, prediction_key: score")
    given = arguments(CHANGE) | {"config": config}
    assert ec.check(**given).baseline == WIRED
    given["baseline"] = str(inputs.serving(inputs.export(models, "baseline", ("one", "two"))))
    given["baseline_state"] = None
    with pytest.raises(ModelError, match=r"has no output 'score'.*one, two"):
        ec.check(**given)


@pytest.mark.parametrize("threshold", [f"change_threshold: {{absolute: 0, {HIGHER}}}", "value_threshold: {}"])
@pytest.mark.parametrize("status", [gate.BaselineStatus.WIRED, gate.BaselineStatus.RESOLVED])
def test_43_the_folder_of_the_baseline_is_deleted(
    status: gate.BaselineStatus, threshold: str, arguments: Arguments, tmp_path: Path
):
    given = arguments(CHANGE) | {"config": f"model_specs: [{{label_key: label}}]\n{accuracy(threshold)}"}
    gone = tmp_path / "baseline"
    shutil.copytree(given["baseline"], gone)
    given |= {"baseline": str(gone), "baseline_state": gate.BaselineState(status, str(gone))}
    kept = ec.evaluate(**given, progress=False).verdict
    shutil.rmtree(gone)
    lost = ec.evaluate(**given, progress=False).verdict
    assert kept is not None
    assert lost is not None
    assert kept.blessed, kept.explain()
    assert not lost.blessed
    assert not lost.rubber_stamp
    assert lost.baseline.status is gate.BaselineStatus.LOST
    assert lost.reasons[0].startswith(f"the baseline {gone} is lost")
    assert "no such file or folder" in lost.reasons[0]
    assert len(lost.reasons) == 1
