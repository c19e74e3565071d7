"""The page of a history in a real browser."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
from playwright.sync_api import expect

import evaluator_component as ec
from evaluator_component.report.history_document import history_document
from evaluator_component.report.html import render_page
from evaluator_component.results.history import History
from tests.browser.conftest import CONFIG, Open, settle

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def past(material: Any, tmp_path_factory: pytest.TempPathFactory) -> History:
    """A weak model that is blessed, a good one, and the weak one again, which is refused."""
    root = tmp_path_factory.mktemp("past")
    metrics = [
        {"class_name": "AUC", "threshold": {"value_threshold": {"lower_bound": 0.4}}},
        {"class_name": "BinaryCrossEntropy"},
        {"class_name": "BinaryAccuracy", "threshold": {"change_threshold": {"absolute": -0.01}}},
    ]
    config = {**CONFIG, "metrics_specs": [{"metrics": metrics}], "gate": {"plain_threshold_scope": "OVERALL"}}
    pairs = [(material.weak, material.weak), (material.good, material.weak), (material.weak, material.good)]
    for number, (candidate, baseline) in enumerate(pairs, 1):
        ec.evaluate(config, candidate, baseline, str(material.plain), root / str(number), progress=False)
    return ec.history([root / str(number) for number in (1, 2, 3)])


def test_versions_stand_with_their_verdicts(open_page: Open, tmp_path: pathlib.Path, past: History) -> None:
    assert [version.blessed for version in past.versions] == [True, True, False]
    path = tmp_path / "history.html"
    path.write_text(render_page(history_document(past), "History"), encoding="utf-8")
    page = open_page(path)
    expect(page.get_by_text("3 versions, 2 of them blessed.")).to_be_visible()
    rows = page.get_by_role("region", name="Versions").locator("tbody tr")
    assert [text.split("\t")[2] for text in rows.all_inner_texts()] == ["not blessed", "blessed", "blessed"]
    values = past.of("auc").table.column("value").to_pylist()
    shown = [text.split("\t")[3].split()[0] for text in rows.all_inner_texts()]
    assert shown == [f"{value:.4f}" for value in reversed(values)]
    steps = rows.locator("td:nth-child(4) small")
    assert [node.get_attribute("class") for node in steps.all()] == ["evc-worse", "evc-better", "evc-quiet"]
    settle(page)
    told = page.locator("figure g[data-mark=dot] title").all_text_contents()
    assert len(told) == 3
    assert told[2].startswith(f"3, Overall: {values[2]:.4f}")


def test_a_metric_and_a_slice_are_chosen(open_page: Open, tmp_path: pathlib.Path, past: History) -> None:
    path = tmp_path / "history.html"
    path.write_text(render_page(history_document(past), "History"), encoding="utf-8")
    page = open_page(path)
    page.get_by_label("Metric", exact=True).select_option("binary_crossentropy")
    page.get_by_label("Add a slice").fill("hour=3")
    heads = page.get_by_role("region", name="Versions").locator("thead th")
    expect(heads).to_have_text(["version", "time", "verdict", "Overall", "hour=3", "summary"])
    expect(page.locator("figure g[data-mark=dot] title")).to_have_count(6)
    expect(page).to_have_url(re.compile("metric=binary_crossentropy"))
    settle(page)
    losses = past.of("binary_crossentropy", slice="hour=3").table.column("value").to_pylist()
    shown = page.get_by_role("region", name="Versions").locator("tbody td:nth-child(6), tbody td:nth-child(5)")
    assert f"{losses[2]:.4f}" in shown.all_inner_texts()[0]
