"""The pages of plots and of fairness in a real browser, against what the engine says."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from sklearn import metrics as sklearn_metrics

from evaluator_component.results import Evaluation
from evaluator_component.results.evaluation import PlotTable
from evaluator_component.results.tables import plots_table
from tests.browser.conftest import Open, cells, settle

pytestmark = pytest.mark.browser


def scores(material: Any, model: str) -> np.ndarray:
    return 1 / (1 + np.exp(-material.trips.logit(model)))


def shown_matrix(page: Any, model: str) -> list[int]:
    settle(page)
    table = page.locator(".evc-matrix", has_text=model).first
    return [
        int(table.locator(f"[data-cell={name}] strong").inner_text().replace(",", ""))
        for name in ("tn", "fp", "fn", "tp")
    ]


@pytest.mark.parametrize("threshold", [0.5, 0.237, 0.81])
def test_the_threshold_moves_the_matrix(
    open_report: Open, evaluated: Evaluation, material: Any, threshold: float
) -> None:
    page = open_report(evaluated, "page=plots")
    field = page.get_by_label("or exactly")
    field.fill(str(threshold))
    field.press("Enter")
    for model, name in (("candidate", "good"), ("baseline", "weak")):
        predicted = scores(material, name) > threshold
        expected = sklearn_metrics.confusion_matrix(material.trips.tipped, predicted).ravel().tolist()
        assert shown_matrix(page, model) == expected
    rates = dict(zip(cells(page, "Rates at the threshold", 0), cells(page, "Rates at the threshold", 1), strict=True))
    predicted = scores(material, "good") > threshold
    assert float(rates["precision"]) == pytest.approx(
        sklearn_metrics.precision_score(material.trips.tipped, predicted), abs=1e-4
    )
    assert float(rates["recall"]) == pytest.approx(
        sklearn_metrics.recall_score(material.trips.tipped, predicted), abs=1e-4
    )
    assert float(rates["F1 score"]) == pytest.approx(
        sklearn_metrics.f1_score(material.trips.tipped, predicted), abs=1e-4
    )
    assert float(rates["Matthews correlation"]) == pytest.approx(
        sklearn_metrics.matthews_corrcoef(material.trips.tipped, predicted), abs=1e-4
    )


def test_the_slider_agrees_with_the_metrics_of_the_engine(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=plots")
    slider = page.get_by_label("Threshold", exact=True)
    slider.focus()
    assert slider.input_value() == "0.5"
    rates = dict(zip(cells(page, "Rates at the threshold", 0), cells(page, "Rates at the threshold", 1), strict=True))
    assert float(rates["accuracy"]) == pytest.approx(evaluated.metrics.value("binary_accuracy"), abs=1e-4)
    before = shown_matrix(page, "candidate")
    for _ in range(50):
        page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) == pytest.approx(0.55)
    assert shown_matrix(page, "candidate") != before


def test_curves_of_slices_and_models(open_report: Open, evaluated: Evaluation, material: Any) -> None:
    page = open_report(evaluated, "page=plots")
    page.get_by_label("Add a slice").fill("hour=3")
    chip = page.locator(".evc-chip", has_text="hour=3")
    chip.wait_for()
    assert page.get_by_role("list", name="Lines").locator("li").count() == 4
    settle(page)
    label = page.locator("figure", has_text="ROC curve").locator("svg[role=img]").get_attribute("aria-label")
    areas = [float(text) for text in re.findall(r"(?:candidate|baseline) (\d\.\d+)", label)]
    hour = material.trips.hour == 3
    expected = [
        sklearn_metrics.roc_auc_score(material.trips.tipped[mask], scores(material, model)[mask])
        for mask in (hour | True, hour)
        for model in ("good", "weak")
    ]
    assert areas == pytest.approx(expected, abs=2e-3)
    for title in ("Precision and recall", "Calibration", "Gain", "Lift", "Distribution of predictions"):
        assert page.locator("figcaption", has_text=title).count() == 1
    chip.get_by_role("button").click()
    assert page.get_by_role("list", name="Lines").locator("li").count() == 2


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_a_figure_can_be_taken_away(open_report: Open, evaluated: Evaluation, kind: str) -> None:
    page = open_report(evaluated, "page=plots")
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download ROC curve as {kind}").click()
    content = download.value.path().read_bytes()
    assert download.value.suggested_filename == f"roc.{kind.lower()}"
    assert content.startswith(b"<svg" if kind == "SVG" else b"\x89PNG")
    assert len(content) > 3_000


def test_the_largest_gap_is_named(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=fairness&feature=hour")
    page.get_by_label("by", exact=True).select_option("auc")
    values = {f"hour={h}": evaluated.metrics.value("auc", f"hour={h}") for h in range(6)}
    best, worst = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    settle(page)
    lead = page.locator(".evc-lead").inner_text()
    assert worst == "hour=3"
    assert f"{values[best]:.4f} on {best}" in lead
    assert f"{values[worst]:.4f} on {worst}" in lead
    assert (
        f"a difference of {values[best] - values[worst]:.4f} and a ratio of {values[worst] / values[best]:.4f}" in lead
    )
    page.get_by_label("compared with", exact=True).select_option("hour=0")
    region = "Slices compared with hour=0"
    names, differences = cells(page, region, 0), cells(page, region, 4)
    shown = dict(zip(names, (float(text.replace("−", "-")) for text in differences), strict=True))
    assert shown == pytest.approx({name: values[name] - values["hour=0"] for name in values}, abs=6e-5)
    rows = {row["slice"]: row for row in evaluated.metrics.filter(metric="auc", model="candidate").table.to_pylist()}
    (low, high), (other_low, other_high) = (
        [rows[name][end] for end in ("lower", "upper")] for name in ("hour=3", "hour=0")
    )
    below = np.hypot(values["hour=3"] - low, other_high - values["hour=0"])  # Newcombe's way
    above = np.hypot(high - values["hour=3"], values["hour=0"] - other_low)
    difference = values["hour=3"] - values["hour=0"]
    limits = cells(page, region, 5)[names.index("hour=3")].replace("−", "-").split(" to ")
    assert [float(limit) for limit in limits] == pytest.approx([difference - below, difference + above], abs=6e-5)


@pytest.mark.parametrize(("least", "left"), [(4_000, 3), (6_700, 1)])
def test_few_groups_are_compared_as_well(open_report: Open, evaluated: Evaluation, least: int, left: int) -> None:
    page = open_report(evaluated, f"page=fairness&feature=payment&fair=auc&min={least}")
    sizes = [row["n"] for row in evaluated.metrics.filter(metric="auc", model="candidate").table.to_pylist()]
    assert sum(size >= least for size in sizes) == left + 1  # Overall as well
    expect(page.get_by_text("slices with fewer than")).to_have_count(int(left < 3))
    assert len(cells(page, "Slices compared with Overall", 0)) == left


def test_indicators_by_threshold(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=fairness&feature=payment")
    assert page.get_by_label("by", exact=True).input_value().endswith("false_positive_rate")
    for threshold in ("0.25", "0.75"):
        page.get_by_label("at", exact=True).select_option(label=threshold)
        value = evaluated.metrics.value(
            f"fairness_indicators_metrics/false_positive_rate@{threshold[:4]}", "payment=Cash"
        )
        names, values = (cells(page, "Slices compared with Overall", column) for column in (0, 2))
        assert float(values[names.index("payment=Cash")]) == pytest.approx(value, abs=6e-5)
    assert page.locator("figcaption", has_text="by threshold").count() == 1


def test_without_plots_it_says_what_to_add(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(
        dataclasses.replace(evaluated, plots=type(evaluated.plots)(evaluated.plots.table.slice(0, 0))), "page=plots"
    )
    assert page.get_by_text("{class_name: ConfusionMatrixPlot}").is_visible()


def test_another_output_has_curves_of_its_own(open_report: Open, evaluated: Evaluation) -> None:
    found = {"false_positives": {"a": [6.0, 3.0, 0.0], "b": [6.0, 0.0, 0.0]}, "true_positives": [4.0, 4.0, 0.0]}
    plots = plots_table(
        {"split": "eval", "slice": "Overall", "model": "candidate", "output": ["a"] * 3 + ["b"] * 3,
         "plot": "confusion_matrix_plot", "plot_type": "ConfusionMatrixPlot", "bucket": [0, 1, 2] * 2,
         "lower": [0.0, 0.5, 1.0] * 2, "upper": [0.0, 0.5, 1.0] * 2,
         "true_positives": found["true_positives"] * 2, "false_negatives": [0.0, 0.0, 4.0] * 2,
         "false_positives": found["false_positives"]["a"] + found["false_positives"]["b"],
         "true_negatives": [0.0, 3.0, 6.0, 0.0, 6.0, 6.0]}
    )  # fmt: skip
    page = open_report(dataclasses.replace(evaluated, plots=PlotTable(plots)), "page=plots")
    chart = page.locator("figure", has_text="ROC curve").locator("svg[role=img]")
    for output, area in (("a", "0.7500"), ("b", "1.0000"), ("a", "0.7500")):
        page.get_by_label("Of", exact=True).select_option(output)
        expect(chart).to_have_attribute("aria-label", re.compile(f"candidate {area}"))


def test_no_range_leaves_no_mark_on_the_histogram(open_report: Open, evaluated: Evaluation) -> None:
    page = open_report(evaluated, "page=slices&metric=auc&low=0.6&high=0.7")
    mark = page.locator(".evc-brush .selection")
    expect(mark).to_be_visible()
    page.get_by_role("button", name="Whole range").click()
    expect(mark).to_be_hidden()
