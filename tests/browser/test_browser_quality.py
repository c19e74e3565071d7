"""The report for everyone: screen readers, contrast, small screens, paper, speed, one small file."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import pytest
from playwright.sync_api import expect

from evaluator_component.report import write_report
from evaluator_component.results import Evaluation, MetricTable
from tests.browser.conftest import Open, cells
from tests.report.frontend_tools import FRONTEND, install

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "results"))

import example_tables

pytestmark = pytest.mark.browser

PAGES = ("verdict", "slices", "plots", "fairness", "run")


@pytest.fixture(scope="module")
def axe() -> str:
    install()
    return (FRONTEND / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(
    chromium: Any, tmp_path: pathlib.Path, evaluated: Evaluation, axe: str, name: str, scheme: str
) -> None:
    path = tmp_path / "report.html"
    write_report(evaluated, path)
    context = chromium.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{path.as_uri()}#page={name}&metric=auc&pins=%5B%22hour%3D3%22%5D")
    page.locator("main h1").wait_for(state="attached")
    page.wait_for_timeout(300)
    page.add_script_tag(content=axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    context.close()
    serious = [
        (rule["id"], rule["nodes"][0]["html"][:200], len(rule["nodes"]))
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert len(found["passes"]) > 10


def test_the_colours_follow_the_system_or_the_choice(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    html, light, dark = page.locator("html"), "rgb(255, 255, 255)", "rgb(20, 24, 29)"
    expect(html).to_have_css("background-color", light)
    page.emulate_media(color_scheme="dark")
    expect(html).to_have_css("background-color", dark)
    page.get_by_role("button", name="Colours: system").click()
    expect(html).to_have_css("background-color", light)
    page.get_by_role("button", name="Colours: light").click()
    page.emulate_media(color_scheme="light")
    expect(html).to_have_css("background-color", dark)


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_screen_needs_no_sideways_scrolling(open_report: Open, evaluated: Evaluation, name: str) -> None:
    page = open_report(evaluated, f"page={name}")
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_on_paper_controls_are_gone(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated)
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.locator(".evc-checks").is_visible()


def test_all_rows_are_printed(open_report: Open, evaluated: Evaluation, tmp_path: pathlib.Path) -> None:
    page = open_report(evaluated)
    rows = page.locator("[aria-label='All checks'] tbody tr:not(.evc-spacer)")
    assert rows.count() < len(evaluated.verdict.checks)
    page.evaluate("window.printed = 0")
    page.evaluate(
        "addEventListener('beforeprint', () => { window.printed = "
        "document.querySelectorAll(\"[aria-label='All checks'] tbody tr:not(.evc-spacer)\").length; })"
    )
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert page.evaluate("window.printed") == len(evaluated.verdict.checks)
    expect(rows).not_to_have_count(len(evaluated.verdict.checks))


def test_without_a_script_the_verdict_can_be_read(chromium: Any, tmp_path: pathlib.Path, evaluated: Evaluation) -> None:
    path = tmp_path / "report.html"
    write_report(evaluated, path)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.get_by_role("heading", level=1).inner_text() == "NOT BLESSED: This model must not be deployed."
    assert "need JavaScript" in page.locator("noscript").inner_text()
    context.close()


def test_the_page_is_small_without_data() -> None:
    static = FRONTEND.parent / "static"
    assert (static / "report.js").stat().st_size + (static / "report.css").stat().st_size < 1_000_000


def opened(page_of: Open, evaluation: Evaluation, view: str, rows: str) -> Any:
    """The page with its table; tells after how many seconds of its life the browser painted, and showed the rows."""
    page = page_of(evaluation, view)
    page.get_by_text(rows).wait_for()
    painted, shown = page.evaluate(
        "[performance.getEntriesByName('first-contentful-paint')[0].startTime, performance.now()].map((t) => t / 1000)"
    )
    print(f"{rows} of {view}: first paint after {painted:.2f} s, the table after {shown:.2f} s")
    return page


def test_twenty_thousand_slices_scroll(open_report: Open) -> None:
    evaluation = Evaluation(MetricTable(example_tables.many_slices(20_000, 10, True)))
    page = opened(open_report, evaluation, "page=slices&metric=auc&min=0", "20,000 rows")
    assert page.locator(".evc-table tbody tr").count() < 200
    page.get_by_role("button", name="auc, value").click()
    first = cells(page, "Slices by auc", 0)[0]
    values = [float(value) for value in cells(page, "Slices by auc", 2)]
    assert values == sorted(values)
    page.get_by_role("region", name="Slices by auc").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    page.locator("tr[aria-rowindex='20001']").wait_for()
    assert first not in cells(page, "Slices by auc", 0)
    page.get_by_label("Find").fill("area=76")
    page.get_by_text("259 rows").wait_for()


def test_five_hundred_slices_of_fifty_metrics_open(open_report: Open) -> None:
    evaluation = Evaluation(MetricTable(example_tables.many_slices(500, 50, True)))
    page = opened(open_report, evaluation, "page=slices&metric=auc&min=0&all=1", "500 rows")
    assert page.locator(".evc-table thead tr").last.locator("th").count() == 4 + 49
