"""The report in a real browser: it sorts, filters, shows hostile text as text, and asks the network for nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import example_tables
import pyarrow as pa
import pytest

from evaluator_component.report import write_report
from evaluator_component.results import Evaluation, MetricTable, metrics_table

pytestmark = pytest.mark.browser

HOSTILE = "</script><img src=x onerror=\"document.title='hacked'\">"
Open = Callable[[Evaluation], Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        message = "no Chromium found; install one (apt-get install chromium)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    sync_api = (
        pytest.importorskip("playwright.sync_api")
        if not os.environ.get("CI")
        else __import__("playwright.sync_api", fromlist=["sync_playwright"])
    )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_report(chromium: Any, tmp_path: pathlib.Path) -> Iterator[Open]:
    """Opens an evaluation's report; fails the test at its end for any error or request that the page made."""
    complaints: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 900})

    def show(evaluation: Evaluation) -> Any:
        path = tmp_path / "report.html"
        write_report(evaluation, path)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: complaints.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield show
    context.close()
    assert not complaints


def column(page: Any, table: str, index: int) -> list[str]:
    """The texts of a table's column as they stand."""
    return [row.nth(index).inner_text() for row in rows(page, table)]


def rows(page: Any, table: str) -> list[Any]:
    return [row.locator("> *") for row in page.locator(f"#{table} tbody tr:not(.spacer)").all()]


def test_the_verdict_is_what_one_sees_first(open_report: Open, refused: Evaluation) -> None:
    page = open_report(refused)
    heading = page.get_by_role("heading", level=1)
    assert heading.inner_text() == "This model must not be deployed."
    assert heading.bounding_box()["y"] < 100


def test_a_header_sorts_worst_first_and_turns_round(open_report: Open, refused: Evaluation) -> None:
    page = open_report(refused)
    table = page.locator("#slices")
    button = table.get_by_role("button", name="auc, value")
    button.click()
    values = column(page, "slices", 2)
    assert values[-1] == "undefined"
    assert values[:-1] == sorted(values[:-1])
    assert table.locator("th[aria-sort=ascending]").count() == 1
    button.click()
    values = column(page, "slices", 2)
    assert values[-1] == "undefined"
    assert values[:-1] == sorted(values[:-1], reverse=True)
    assert table.locator("th[aria-sort=descending]").inner_text() == "value"
    table.get_by_role("button", name="binary_cross_entropy, value").click()
    losses = column(page, "slices", 8)
    assert losses == sorted(losses, reverse=True)
    table.get_by_role("button", name="slice", exact=True).click()
    names = column(page, "slices", 0)
    assert names.index("trip_start_hour=9") < names.index("trip_start_hour=10")


def test_the_keyboard_sorts_too(open_report: Open, refused: Evaluation) -> None:
    page = open_report(refused)
    button = page.locator("#slices").get_by_role("button", name="auc, change")
    button.focus()
    page.keyboard.press("Enter")
    assert column(page, "slices", 0)[0] == "trip_start_hour=3"
    assert button.evaluate("node => node === document.activeElement")
    page.keyboard.press("Space")
    assert column(page, "slices", 0)[0] != "trip_start_hour=3"


def test_filters_by_text_examples_and_outcome(open_report: Open, refused: Evaluation) -> None:
    page = open_report(refused)
    slices = page.locator("#slices")
    slices.get_by_label("Find").fill("payment CREDIT")
    assert column(page, "slices", 0) == ["payment_type=Credit Card"]
    assert slices.get_by_role("status").inner_text() == "1 of 32 rows"
    slices.get_by_label("Find").fill("no such slice")
    assert slices.get_by_text("No rows match.").is_visible()
    slices.get_by_label("Find").fill("")
    slices.get_by_label("At least").fill("5000")
    assert column(page, "slices", 0) == ["Overall", "payment_type=Cash", "payment_type=Credit Card"]
    checks = page.locator("#checks")
    checks.get_by_label("outcome").select_option("skipped")
    assert set(column(page, "checks", 0)) == {"skipped"}


def test_hostile_text_is_shown_as_text(open_report: Open, refused: Evaluation) -> None:
    name = f"company={json.dumps(HOSTILE)}"
    table = metrics_table(
        {"split": "eval", "slice": ["Overall", name], "model": "candidate", "metric": ["auc", HOSTILE],
         "value": [0.5, float("nan")], "n": 7, "reason": HOSTILE}
    )  # fmt: skip
    evaluation = Evaluation(MetricTable(table), run={"warnings": [HOSTILE], HOSTILE: HOSTILE})
    page = open_report(evaluation)
    page.wait_for_timeout(200)
    assert page.title() == "Model evaluation: not judged"
    assert page.locator("img").count() == 0
    assert column(page, "slices", 0)[1] == name
    assert page.locator("#slices td.undefined").first.get_attribute("title") == HOSTILE
    assert page.get_by_text(HOSTILE, exact=True).count() >= 2


def test_its_policy_stops_a_script_that_gets_in(chromium: Any, tmp_path: pathlib.Path, refused: Evaluation) -> None:
    path = tmp_path / "report.html"
    write_report(refused, path)
    path.write_text(path.read_text().replace("</main>", "<script>document.title='hacked'</script></main>"))
    page = chromium.new_page()
    page.goto(path.as_uri())
    assert page.title() == "Model evaluation: not blessed"
    page.close()


def test_twenty_thousand_slices_stay_quick(open_report: Open) -> None:
    page = open_report(Evaluation(MetricTable(example_tables.many_slices(20_000, 10, True))))
    table = page.locator("#slices")
    assert table.locator("tbody tr").count() < 200
    assert table.get_by_role("status").inner_text() == "20,000 rows"
    table.get_by_role("button", name="auc, value").click()
    first = column(page, "slices", 0)[0]
    values = [float(value) for value in column(page, "slices", 2)]
    assert values == sorted(values)
    table.locator(".scroller").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    page.wait_for_function(
        "document.querySelector('#slices tbody tr:last-child').getAttribute('aria-rowindex') === '20001'"
    )
    assert first not in column(page, "slices", 0)
    spent = page.evaluate(
        """() => {
          const table = document.getElementById("slices").table;
          const start = performance.now();
          table.sort(table.columns[0]);
          table.search.value = "area=76";
          table.filter();
          document.body.offsetHeight;
          return performance.now() - start;
        }"""
    )
    assert spent < 3_000
    assert table.get_by_role("status").inner_text() == "259 of 20,000 rows"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_report: Open, refused: Evaluation, scheme: str) -> None:
    page = open_report(refused)
    page.emulate_media(color_scheme=scheme)
    ratios = page.evaluate(
        """() => {
          const light = (color) => {
            const parts = color.match(/[0-9.]+/g).slice(0, 3).map(Number).map((part) => part / 255)
              .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
          };
          const ground = (node) => {
            for (let at = node; at; at = at.parentElement) {
              const color = getComputedStyle(at).backgroundColor;
              if (color !== "rgba(0, 0, 0, 0)") return color;
            }
            return "rgb(255, 255, 255)";
          };
          return [...document.querySelectorAll("h1, li, th, td, dt, dd, p, .tag, .better, .worse")]
            .filter((node) => node.innerText.trim())
            .map((node) => {
              const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
              return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.innerText];
            });
        }"""
    )
    assert [text for ratio, text in ratios if ratio < 4.5] == []


def test_a_narrow_screen_needs_no_sideways_scrolling(open_report: Open, refused: Evaluation) -> None:
    page = open_report(refused)
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_printing_shows_the_rows(open_report: Open, refused: Evaluation) -> None:
    page = open_report(refused)
    assert len(page.pdf()) > 10_000
    page.emulate_media(media="print")
    assert not page.locator("#slices .controls").is_visible()
    box = page.locator("#slices .scroller").bounding_box()
    assert box["height"] > 32 * 15


def test_several_splits_have_a_choice(open_report: Open) -> None:
    parts = [example_tables.metric_rows(2_000, split=split) for split in ("eval", "test", "*")]
    page = open_report(Evaluation(MetricTable(pa.concat_tables(parts))))
    choice = page.locator("#slices").get_by_label("split")
    choice.select_option("all splits")
    assert set(column(page, "slices", 0)) == {"all splits"}
    assert page.get_by_role("heading", name="Overall · test").count() == 1


def test_without_a_baseline_there_are_no_changes(open_report: Open, refused: Evaluation) -> None:
    metrics = MetricTable(example_tables.metric_rows(2_000, baseline=False))
    page = open_report(dataclasses.replace(refused, metrics=metrics))
    assert page.locator("#slices").get_by_role("button", name="change").count() == 0
    assert page.get_by_role("columnheader", name="Baseline").count() == 0
