from __future__ import annotations

import re

import pytest
from scenario_tables import scenario_table
from scenarios import SCENARIOS, Scenario

from evaluator_component.config import complete_config, load_config
from evaluator_component.errors import ConfigError
from evaluator_component.gate import Verdict, decide


def judged(scenario: Scenario) -> Verdict:
    config = load_config(scenario.config_text)
    return decide(scenario_table(config, scenario.data), config, scenario.baseline)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.number} {scenario.title}")
def test_scenario(scenario: Scenario):
    if scenario.error:
        with pytest.raises(ConfigError) as caught:
            judged(scenario)
        assert re.search(scenario.error, str(caught.value)), caught.value
        return
    verdict = judged(scenario)
    assert verdict.blessed is scenario.blessed, verdict.explain()
    assert verdict.rubber_stamp is scenario.rubber_stamp
    assert len(verdict.reasons) == len(scenario.reasons), verdict.explain()
    for reason, text in zip(verdict.reasons, scenario.reasons, strict=True):
        assert text in reason
    for text in scenario.notices:
        assert any(text in notice for notice in verdict.notices), verdict.notices
    for name, outcomes in scenario.outcomes.items():
        assert " ".join(check.outcome.value for check in verdict.checks if check.slice == name) == outcomes


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.blessed is not None], ids=lambda s: s.number)
def test_a_completed_config_gives_the_same_verdict(scenario: Scenario):
    config = load_config(scenario.config_text)
    table = scenario_table(config, scenario.data)
    complete = decide(table, complete_config(config), scenario.baseline)
    given = decide(table, config, scenario.baseline)
    assert complete == given


def test_the_numbers_are_unique():
    assert len({scenario.number for scenario in SCENARIOS}) == len(SCENARIOS)
