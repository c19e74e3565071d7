"""The page of the verdict in a real browser."""

from __future__ import annotations

import dataclasses
import re

import pytest
from playwright.sync_api import expect

from evaluator_component.results import Evaluation
from tests.browser.conftest import CONFIG, Open, cells, settle

pytestmark = pytest.mark.browser


def test_the_verdict_is_what_one_sees_first(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    heading = page.get_by_role("heading", level=1)
    assert heading.inner_text() == "This model must not be deployed."
    assert heading.bounding_box()["y"] < 150
    assert page.title() == "Model evaluation: not blessed"


def test_each_slice_stands_with_its_interval_against_the_bound(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    figure = page.locator("figure").first
    assert figure.locator("figcaption > span").first.inner_text() == "auc"
    expect(figure.locator("g[data-mark=dot]")).not_to_have_count(0)
    assert figure.locator("g[data-mark=dot] path, g[data-mark=dot] circle").count() >= 28
    settle(page)
    lines = figure.locator("g[data-mark=rule] line")
    lengths = lines.evaluate_all("lines => lines.map((line) => line.x2.baseVal.value - line.x1.baseVal.value)")
    assert sum(length > 1 for length in lengths) == 28
    checks = evaluated.verdict.checks
    settle(page)
    told = figure.locator("g[data-mark=dot] title").all_text_contents()
    assert set(told) == set(checks.sentences())


def test_checks_are_filtered_and_sorted(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    counts = evaluated.verdict.checks.counts
    page.get_by_label("Outcome", exact=True).select_option(label="failed")
    assert set(cells(page, "All checks", 1)) == {"failed"}
    assert len(cells(page, "All checks", 1)) == counts["FAIL"] > 0
    page.get_by_label("Outcome", exact=True).select_option(label="any")
    page.get_by_label("Find").fill("hour=3 cash")
    expect(page.locator(".evc-checks").get_by_text("1 row")).to_be_visible()
    page.get_by_label("Find").fill("no such slice")
    page.get_by_text("No rows match.").wait_for()
    page.get_by_label("Find").fill("")
    page.locator(".evc-checks").get_by_role("button", name="to spare").click()
    spare = [float(text.replace("−", "-")) for text in cells(page, "All checks", 8)]
    assert spare == sorted(spare)


def test_candidate_beside_baseline(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    row = page.get_by_role("region", name="Metrics of Overall").locator(
        "tr", has=page.locator("th", has_text=re.compile("^auc$"))
    )
    texts = row.locator("td").all_inner_texts()
    table = evaluated.metrics.filter(metric="auc", slice="Overall", model="candidate").table.to_pylist()[0]
    assert texts[0] == f"{table['value']:.4f}"
    assert texts[1] == f"{table['lower']:.4f} to {table['upper']:.4f}"
    assert texts[2] == f"{table['baseline_value']:.4f}"
    assert texts[3] == f"+{table['change']:.4f}"
    assert texts[5] == "better"
    assert page.get_by_text("How it was judged").is_visible()


def test_without_a_verdict_it_says_what_to_do(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(dataclasses.replace(evaluated, verdict=None))
    assert page.get_by_role("heading", level=1).inner_text() == "This evaluation was not judged."
    assert page.get_by_text("No checks were made").is_visible()


@pytest.mark.parametrize("least", [5_000, 20_000])
def test_few_slices_are_drawn_as_well(open_report: Open, evaluated: Evaluation, least: int) -> None:
    from evaluator_component import gate
    from evaluator_component.config import load_config

    config = load_config({**CONFIG, "gate": {"min_examples": least}})
    table = evaluated.metrics.table
    verdict = gate.decide(table, config, gate.BaselineState(gate.BaselineStatus.WIRED, uri="weak"))
    page = open_report(dataclasses.replace(evaluated, verdict=verdict))
    judged = 4 if least == 5_000 else 1
    assert verdict.checks.counts["PASS"] == judged
    dots = page.locator("figure").first.locator("g[data-mark=dot] title")
    expect(dots).to_have_count(28)
