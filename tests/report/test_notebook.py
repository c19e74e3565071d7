"""The report in a notebook: a widget, a page, and what is printed where there is no notebook."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import carried
import pytest

from evaluator_component.report import html, notebook, render_report, wording
from evaluator_component.report.document import evaluation_document
from evaluator_component.report.history_document import history_document, render_history
from evaluator_component.results import Evaluation, metrics_table
from evaluator_component.results.history import HISTORY_SCHEMA, Recorded, Version, assemble

HOSTILE = '"></iframe><script>alert(1)</script>'


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a cell shows, as if this process were a notebook's kernel."""
    import IPython
    import IPython.display

    shown: list[Any] = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(IPython.display, "display", shown.append)
    return shown


def attributes_of(frame: str) -> dict[str, str | None]:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(frame)
    (tag, attributes), *others = found
    assert tag == "iframe"
    assert not others
    return attributes


def test_a_widget_carries_document_and_front_end(refused: Evaluation) -> None:
    import anywidget

    document = evaluation_document(refused)
    widget = notebook.widget(document)
    assert isinstance(widget, anywidget.AnyWidget)
    state = widget.get_state()
    assert state["document"] == document
    assert state["theme"] == "auto"
    assert state["_esm"].rstrip() == html.static_file("report.js").rstrip()
    assert state["_css"].rstrip() == html.static_file("report.css").rstrip()
    assert notebook.widget(document, "dark").get_state()["theme"] == "dark"


def test_where_no_widget_can_be_shown_its_verdict_is(refused: Evaluation) -> None:
    data, _ = notebook.widget(evaluation_document(refused))._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"]
    for kind in ("text/plain", "text/html"):
        assert "NOT BLESSED: This model must not be deployed." in data[kind]
        assert "show(static=True)" in data[kind]
    hostile = dataclasses.replace(refused.verdict, reasons=[HOSTILE])
    _, shown = notebook.without_widget(evaluation_document(dataclasses.replace(refused, verdict=hostile)))
    assert f"<li>{escape(HOSTILE)}</li>" in shown
    assert "<script" not in shown
    text, _ = notebook.without_widget(evaluation_document(dataclasses.replace(refused, verdict=None)))
    assert text.startswith("Model evaluation: not judged")


def test_a_page_in_a_notebook_is_whole_and_shut_in() -> None:
    page = f"<!doctype html><title>{HOSTILE}</title><p>a & b\u2028</p>"
    attributes = attributes_of(notebook.static(page)._repr_html_())
    assert attributes["srcdoc"] == page
    assert attributes["sandbox"] == "allow-scripts allow-downloads"
    assert attributes["style"] == "width:100%;height:820px;border:0"
    assert repr(notebook.static(page)) == "Evaluation report"


def test_a_notebook_shows_the_widget_or_if_asked_the_page(refused: Evaluation, cell: list[Any]) -> None:
    refused.show()
    refused.show(static=True)
    widget, page = cell
    assert widget.document == evaluation_document(refused)
    assert attributes_of(page._repr_html_())["srcdoc"] == render_report(refused)


def test_without_anywidget_it_is_the_page(
    refused: Evaluation, cell: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "anywidget" else find(name))
    refused.show_plots()
    (page,) = cell
    assert isinstance(page, notebook.StaticPage)


def test_each_view_begins_where_it_is_asked_to(refused: Evaluation, cell: list[Any]) -> None:
    refused.show_slices("auc", min_examples=7)
    refused.show_slices()
    refused.show_plots("trip_start_hour=2")
    refused.show_plots()
    refused.show_fairness("payment_type", "precision")
    refused.show_fairness()
    refused.show_fairness("payment_type", "recall", "payment_type=Cash", min_examples=5)
    assert [carried.meta(widget.document)["state"] for widget in cell] == [
        {"page": "slices", "sort": "value", "metric": "auc", "min": 7},
        {"page": "slices", "sort": "value", "min": 100},
        {"page": "plots", "slices": ["trip_start_hour=2"]},
        {"page": "plots", "slices": ["Overall"]},
        {"page": "fairness", "feature": "payment_type", "fair": "precision"},
        {"page": "fairness"},
        {"page": "fairness", "feature": "payment_type", "fair": "recall", "base": "payment_type=Cash", "min": 5},
    ]


def test_misspelt_names_are_told_with_the_nearest(refused: Evaluation) -> None:
    with pytest.raises(LookupError, match="no metric 'acu'; did you mean 'auc'"):
        refused.show_slices("acu")
    with pytest.raises(LookupError, match=r"no slice with plots 'trip_start_hour=24'; did you mean 'trip_start_hour="):
        refused.show_plots("trip_start_hour=24")
    with pytest.raises(LookupError, match="no feature of slices 'payment'; did you mean 'payment_type'"):
        refused.show_fairness("payment")
    with pytest.raises(LookupError, match="no metric 'recal'; did you mean 'recall'"):
        refused.show_fairness(metric="recal")
    with pytest.raises(LookupError, match="no slice to compare with 'type=Cash'; did you mean 'payment_type=Cash'"):
        refused.show_fairness("payment_type", base="type=Cash")


def test_wrong_sizes_are_told(refused: Evaluation) -> None:
    for call in (refused.show_slices, refused.show_fairness, functools.partial(refused.metrics.worst, "auc")):
        with pytest.raises(TypeError, match="min_examples: expected a whole number of at least 0, got 'x'"):
            call(min_examples="x")


def test_elsewhere_it_is_printed(refused: Evaluation, capsys: pytest.CaptureFixture[str]) -> None:
    refused.show_slices("auc")
    assert "Slices by auc, worst first" in capsys.readouterr().out
    refused.show_plots()
    assert capsys.readouterr().out == (
        "Plots need a notebook, or a page: give evaluate() an output folder, then: evaluator report FOLDER --open\n"
    )
    folder = "/somewhere/" + "long/" * 40
    Evaluation(refused.metrics, refused.plots, output=folder).show_plots()
    assert capsys.readouterr().out == f"Plots need a notebook, or a page: evaluator report {folder} --open\n"
    refused.show_fairness("payment_type", "recall", "payment_type=Cash", min_examples=500)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip() == "recall by payment_type, compared with payment_type=Cash"
    assert lines[1].split() == ["slice", "examples", "value", "difference", "ratio"]
    rows = [line.split("  ")[0] for line in lines[2:]]
    assert rows == [f"payment_type={name}" for name in ("Cash", "Credit Card", "Mobile", "No Charge", "Prcard")]
    value, cash = (refused.metrics.value("recall", f"payment_type={name}") for name in ("Mobile", "Cash"))
    mobile = lines[4].split()
    assert mobile[2:] == [wording.number(value), wording.change(value - cash), wording.number(value / cash)]
    refused.show_fairness()
    assert capsys.readouterr().out.startswith("auc by ")


def test_a_shell_without_a_kernel_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython

    assert not notebook.in_notebook()
    monkeypatch.setattr(IPython, "get_ipython", SimpleNamespace)
    assert not notebook.in_notebook()
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    assert notebook.in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.in_notebook()


def test_asking_loads_no_ipython() -> None:
    code = (
        "import sys; from evaluator_component.report import notebook, showing; assert not notebook.in_notebook(); "
        "print([name for name in ('IPython', 'anywidget', 'ipywidgets') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_view_of_a_slice_has_its_plots_however_small_it_is(
    refused: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluator_component.report import excerpt

    monkeypatch.setattr(excerpt, "MAX_PLOT_ROWS", 5_000)
    for state, there in (({}, False), ({"page": "plots", "slices": ["payment_type=<b>tip</b>"]}, True)):
        found = carried.tables(evaluation_document(refused, state))["plots"]
        assert ("payment_type=<b>tip</b>" in carried.column(found, "slice")) == there


def test_a_history_is_shown_in_a_notebook_and_printed_elsewhere(
    cell: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = metrics_table({"split": "eval", "slice": "Overall", "metric": "auc", "value": 0.5, "n": 7})
    history = assemble([Recorded(Version("v1", "out"), table.select(HISTORY_SCHEMA.names[1:]), None)])
    history.show()
    history.show(static=True)
    widget, page = cell
    assert widget.document == history_document(history)
    assert attributes_of(page._repr_html_())["srcdoc"] == render_history(history)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(notebook, "in_notebook", lambda: False)
    history.show()
    assert "Trends" in capsys.readouterr().out
