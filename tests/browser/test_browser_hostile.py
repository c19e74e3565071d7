"""What data, configs and file names say is shown as text, whatever it is."""

from __future__ import annotations

import csv
import io
import pathlib
from typing import Any

import pytest

from evaluator_component import gate
from evaluator_component.config import load_config
from evaluator_component.report import write_report
from evaluator_component.results import Evaluation, MetricTable, metrics_table
from evaluator_component.results.evaluation import PlotTable
from evaluator_component.results.tables import plots_table
from evaluator_component.slicing.names import format_slice
from tests.browser.conftest import Open, settle
from tests.browser.payloads import PAYLOADS

pytestmark = pytest.mark.browser

PAGES = ("verdict", "slices", "plots", "fairness", "run")


@pytest.fixture(scope="module")
def hostile() -> Evaluation:
    """Payloads as values of slices, reasons, class names, notices, paths and keys."""
    names = ["Overall", *(format_slice([("company", payload)]) for payload in PAYLOADS)]
    values = [0.9, *([0.5, float("nan")] * len(PAYLOADS))[: len(PAYLOADS)]]
    reasons = [payload if value != value else None for payload, value in zip(("", *PAYLOADS), values, strict=True)]
    table = metrics_table(
        {"split": "eval", "slice": names, "model": "candidate", "metric": "auc", "value": values, "n": 500,
         "weighted_n": 500.0, "direction": "higher", "reason": reasons}
    )  # fmt: skip
    plots = plots_table(
        {"split": "eval", "slice": [name for name in names for _ in range(3)], "model": "candidate",
         "plot": "confusion_matrix_plot", "plot_type": "ConfusionMatrixPlot", "bucket": [0, 1, 2] * len(names),
         "lower": [0.0, 0.5, 1.0] * len(names), "upper": [0.0, 0.5, 1.0] * len(names),
         "true_positives": [9.0, 5.0, 0.0] * len(names), "false_positives": [7.0, 2.0, 0.0] * len(names),
         "true_negatives": [0.0, 5.0, 7.0] * len(names), "false_negatives": [0.0, 4.0, 9.0] * len(names)}
    )  # fmt: skip
    config = load_config(
        "model_specs: [{label_key: y}]\nslicing_specs: [{}, {feature_keys: [company]}]\n"
        "metrics_specs: [{metrics: [{class_name: AUC, threshold: {value_threshold: {lower_bound: 0.7}}}]}]"
    )
    run = {
        "notices": list(PAYLOADS),
        "models": {payload: {"path": payload} for payload in PAYLOADS[:5]},
        **dict.fromkeys(PAYLOADS, "x"),
    }
    return Evaluation(
        MetricTable(table),
        PlotTable(plots),
        gate.decide(table, config, gate.BaselineState(gate.BaselineStatus.NOT_ASKED)),
        run,
        config,
    )


@pytest.mark.parametrize("name", PAGES)
def test_nothing_that_the_data_says_can_run(open_report: Open, hostile: Evaluation, name: str) -> None:
    page = open_report(hostile, f"page={name}&min=0&metric=auc&pins=%5B%22company%3Dconstructor%22%5D")
    page.wait_for_timeout(300)
    assert page.title() == "Model evaluation: not blessed"
    inside = page.locator("main")
    for element in ("script", "img", "iframe", "object", "embed", "link", "base", "meta", "form", "video", "audio"):
        assert inside.locator(element).count() == 0, element
    assert inside.locator("a[href^='javascript']").count() == 0
    assert page.locator("nav").is_visible()


def test_every_name_is_shown_and_exported_as_it_is(open_report: Open, hostile: Evaluation) -> None:
    page = open_report(hostile, "page=slices&min=0&metric=auc")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"), newline="")))
    assert len(rows) == 1 + len(PAYLOADS)
    assert {row["slice"] for row in rows} == {
        "Overall",
        *(format_slice([("company", payload)]) for payload in PAYLOADS),
    }
    page.get_by_label("Find").fill("onerror")
    wanted = [format_slice([("company", payload)]) for payload in PAYLOADS if "onerror" in payload]
    page.get_by_text(f"{len(wanted)} rows").wait_for()
    settle(page)
    titles = page.locator("[aria-label='Slices by auc'] tbody th").evaluate_all(
        "cells => cells.map((cell) => cell.title)"
    )
    assert sorted(titles) == sorted(wanted)


def test_a_row_keeps_its_height_whatever_the_name(open_report: Open, hostile: Evaluation) -> None:
    page = open_report(hostile, "page=slices&min=0&metric=auc")
    settle(page)
    heights = page.locator(".evc-table tbody tr:not(.evc-spacer)").evaluate_all(
        "rows => rows.map((row) => row.offsetHeight)"
    )
    assert set(heights) <= {30, 31}
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_its_policy_stops_a_script_that_gets_in(chromium: Any, tmp_path: pathlib.Path, hostile: Evaluation) -> None:
    path = tmp_path / "report.html"
    write_report(hostile, path)
    broken = path.read_text(encoding="utf-8").replace(
        "</body>", "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\"></body>"
    )
    path.write_text(broken, encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.locator("main").wait_for()
    assert page.title() == "Model evaluation: not blessed"
    page.close()
