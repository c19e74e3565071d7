"""The slicing browser in a real browser: histogram, least size, order, a slice and its plots."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from evaluator_component.results import Evaluation
from tests.browser.conftest import Open, cells, settle

pytestmark = pytest.mark.browser

SLICES = "Slices by auc"


def drag(page: Any, low: float, high: float) -> None:
    """Drags over the histogram, from one value to another."""
    settle(page)
    overlay = page.locator(".evc-brush .overlay").bounding_box()
    left, right = (float(text) for text in page.locator("svg[role=img]").first.evaluate(
        """chart => {
            const bars = [...chart.querySelectorAll('g[data-mark=rect] rect title')].map((title) => title.textContent);
            const number = (text) => Number(text.replace('−', '-'));
            const ends = bars.map((text) => text.split(/ to |:/).slice(0, 2).map(number));
            return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))].map(String);
        }"""
    ))  # fmt: skip
    x = [
        overlay["x"] + overlay["width"] * (value - left) / (right - left)
        for value in (max(low, left), min(high, right))
    ]
    y = overlay["y"] + overlay["height"] / 2
    page.mouse.move(x[0], y)
    page.mouse.down()
    page.mouse.move(x[1], y, steps=5)
    page.mouse.up()


def test_the_weak_slice_is_found_by_looking(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    page.get_by_role("link", name="Slices").click()
    page.get_by_label("Metric", exact=True).select_option(label="auc")
    assert page.get_by_label(re.compile("At least")).input_value() != "0"
    assert page.get_by_text("At least 100 examples").is_visible()
    drag(page, 0.5, 0.7)
    page.get_by_role("button", name="auc, value").click()
    names, values = cells(page, SLICES, 0), [float(text) for text in cells(page, SLICES, 2)]
    assert "hour=3" in names
    assert [name for name in names if "hour=3" not in name] == []
    assert values == sorted(values)
    assert values[-1] < 0.7
    lowest = names[0]
    page.get_by_role("button", name=lowest, exact=True).click()
    pinned = page.get_by_role("region", name="Pinned slices", exact=True)
    assert (
        pinned.get_by_role("heading", name="ROC curve").or_(pinned.locator("figcaption", has_text="ROC curve")).count()
    )
    settle(page)
    auc = evaluated.metrics.value("auc", lowest)
    own = pinned.get_by_role("region", name="Metrics of pinned slices").locator(
        "tr", has=page.locator("th", has_text=re.compile("^auc$"))
    )
    beside = [text.split()[0] for text in own.locator("td").all_inner_texts()]
    assert beside == [f"{evaluated.metrics.value('auc'):.4f}", f"{auc:.4f}"]
    drawn = pinned.locator("figure", has_text="ROC curve").locator("svg[role=img]").get_attribute("aria-label")
    areas = [float(text) for text in re.findall(r"(?:candidate|baseline) (\d\.\d+)", drawn)]
    assert areas[2] == pytest.approx(auc, abs=2e-3)  # of 1,000 thresholds
    assert areas[0] == pytest.approx(evaluated.metrics.value("auc"), abs=2e-3)


def test_the_range_can_be_typed_and_taken_back(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&metric=auc")
    everything = cells(page, SLICES, 0)
    page.get_by_label("to", exact=True).fill("0.7")
    page.keyboard.press("Enter")
    assert all("hour=3" in name for name in cells(page, SLICES, 0))
    page.get_by_role("button", name="Whole range").click()
    assert cells(page, SLICES, 0) == everything


def test_small_slices_appear_when_asked_for(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&metric=auc&min=5000")
    assert cells(page, SLICES, 0) == ["Overall", *(f"payment={p}" for p in ("Cash", "Credit Card", "Mobile"))]
    slider = page.get_by_label(re.compile("At least"))
    slider.focus()
    page.keyboard.press("Home")
    assert page.get_by_text("At least 0 examples").is_visible()
    assert page.get_by_text("28 of 28 slices are shown").is_visible()


def test_filter_order_and_csv(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&metric=auc")
    page.get_by_label("Find").fill("cash HOUR")
    expect(page.get_by_text("6 rows")).to_be_visible()
    page.get_by_role("button", name="examples").click()
    page.get_by_role("button", name="Copy as CSV").click()
    page.get_by_text("copied").wait_for()
    rows = list(csv.DictReader(io.StringIO(page.evaluate("navigator.clipboard.readText()"))))
    assert [row["slice"] for row in rows] == cells(page, SLICES, 0)
    sizes = [int(row["examples"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    for row in rows:
        known = evaluated.metrics.filter(metric="auc", slice=row["slice"], model="candidate").table.to_pylist()[0]
        for shown, name in (
            ("value", "value"),
            ("95 %, lower", "lower"),
            ("95 %, upper", "upper"),
            ("change", "change"),
        ):
            assert float(row[f"auc {shown}"]) == pytest.approx(known[name], rel=1e-6)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "slices-auc.csv"


def test_weighing_by_examples_changes_the_heights(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&metric=auc&min=0")
    titles = page.locator("g[data-mark=rect] rect title")
    expect(titles).to_have_count(30)

    def total() -> float:
        settle(page)
        return sum(float(text.split(": ")[1].replace(",", "")) for text in titles.all_text_contents())

    assert total() == 27  # without Overall
    page.get_by_label("Weigh by examples").check()
    expect(page.locator("figure svg[role=img]").first).to_contain_text("examples")
    assert total() == 3 * 20_000  # by hour, by payment, by both


def test_all_metrics_and_undefined_values_with_their_reason(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&metric=auc&all=1&find=Cash")
    region = page.get_by_role("region", name=SLICES)
    shown = region.locator("thead tr").last.all_inner_texts()[0]
    for name in ("binary_accuracy", "precision", "recall"):
        assert name in shown
    assert np.isclose(
        float(cells(page, SLICES, shown.split("\t").index("precision"))[0]),
        evaluated.metrics.value("precision", cells(page, SLICES, 0)[0]),
        atol=1e-4,
    )


def test_a_link_keeps_the_view(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    page.get_by_role("link", name="Slices").click()
    page.get_by_label("Metric", exact=True).select_option(label="recall")
    page.get_by_label("Find").fill("hour=3")
    page.get_by_role("button", name="recall, value").click()
    page.get_by_role("button", name="hour=3", exact=True).click()
    expect(page).to_have_url(re.compile("find="))
    again = page.context.new_page()
    again.goto(page.url)
    again.locator("main").wait_for()
    assert again.get_by_label("Metric", exact=True).input_value() == "recall|||"
    assert cells(again, "Slices by recall", 0) == cells(page, "Slices by recall", 0)
    assert again.get_by_role("button", name="hour=3", exact=True).get_attribute("aria-pressed") == "true"
    again.evaluate("location.hash = 'page=run'")
    assert again.get_by_role("link", name="Run").get_attribute("aria-current") == "page"


def test_the_keyboard_does_all_of_it(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&metric=auc")
    button = page.get_by_role("button", name="auc, value")
    button.focus()
    page.keyboard.press("Enter")
    assert "hour=3" in cells(page, SLICES, 0)[0]
    assert button.evaluate("node => node === document.activeElement")
    page.keyboard.press("Space")
    assert "hour=3" not in cells(page, SLICES, 0)[0]
    assert page.get_by_role("columnheader", name="value").get_attribute("aria-sort") == "descending"
    pin = page.get_by_role("region", name=SLICES).locator("tbody button").first
    pin.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("region", name="Pinned slices", exact=True).is_visible()


def test_a_click_anywhere_in_a_row_pins_it_and_back_leads_to_the_page_before(
    open_report: Open, evaluated: Evaluation
) -> None:
    page = open_report(evaluated)
    page.get_by_role("link", name="Slices").click()
    page.get_by_role("region", name=re.compile("^Slices by")).locator("tbody tr").nth(3).locator("td").nth(2).click()
    expect(page.get_by_role("region", name="Pinned slices", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="Verdict")).to_have_attribute("aria-current", "page")
    page.go_forward()
    expect(page.get_by_role("link", name="Slices")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize(
    "view",
    ["page=slices&metric=auc&min=abc", "page=slices&metric=none&low=x", "page=xyz", "page=slices&low=0.9&high=0.1"],
)
def test_an_address_that_says_nothing_shows_the_usual(open_report: Open, evaluated: Evaluation, view: str) -> None:
    page = open_report(evaluated, view)
    if "xyz" in view:
        assert page.get_by_role("link", name="Verdict").get_attribute("aria-current") == "page"
    else:
        assert page.get_by_text("At least 100 examples").is_visible()
        assert "Overall" in cells(page, SLICES, 0)


def test_pins_of_other_evaluations_are_told(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&pins=%5B%22hour%3D77%22%5D")
    assert page.get_by_text("This page has no slice hour=77").is_visible()
    page = open_report(evaluated, "page=plots&slices=%5B%22hour%3D77%22%5D")
    assert page.get_by_text("This page has no slice hour=77").is_visible()
