"""The report as text: what it says, that it is safe, and that it needs nothing else."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html.parser
import json
import pathlib
import re
import time

import example_tables
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator_component import gate
from evaluator_component.report import columns, render_report, wording, write_report
from evaluator_component.results import Evaluation, MetricTable, metrics_table

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(html.parser.HTMLParser):
    """The elements of a page with their attributes, and the text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.text = ""
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.raw:
            self.inside.append(tag)
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.raw[self.inside[-1]][-1] += data
        else:
            self.text += data

    def data(self, identity: str) -> list[columns.Column]:
        ids = [attributes.get("id") for tag, attributes in self.elements if tag == "script"]
        return list(json.loads(self.raw["script"][ids.index(identity)]))


def test_the_verdict_comes_first(refused: Evaluation) -> None:
    page = Page(render_report(refused))
    words = re.sub(r"\s+", " ", page.text)
    assert words.index("This model must not be deployed.") < words.index("Why") < words.index("Failed checks")
    assert words.index("Failed checks") < words.index("Overall") < words.index("About this run")
    assert refused.verdict is not None
    assert refused.verdict.reasons[0] in words


def test_blessed_and_rubber_stamped(refused: Evaluation) -> None:
    assert refused.verdict is not None
    blessed = dataclasses.replace(refused.verdict, blessed=True, reasons=())
    assert "This model may be deployed." in render_report(dataclasses.replace(refused, verdict=blessed))
    stamped = dataclasses.replace(blessed, rubber_stamp=True)
    assert "no earlier model to compare" in render_report(dataclasses.replace(refused, verdict=stamped))
    assert "measured but not judged" in render_report(dataclasses.replace(refused, verdict=None))


def test_it_needs_nothing_else(refused: Evaluation) -> None:
    page = Page(render_report(refused))
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "href", "style", "srcset"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]


def test_the_security_policy_allows_its_own_script_and_style_only(refused: Evaluation) -> None:
    page = Page(render_report(refused))
    policy = next(
        attributes["content"]
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for source in (page.raw["style"][0], page.raw["script"][-1]):
        assert base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() in policy


@pytest.mark.parametrize("text", [HOSTILE, "<!--<script>", "]]>", "\u2028\u2029", "a&lt;b", "{{ 7 * 7 }}", "\"'`"])
def test_text_from_the_data_stays_text(text: str) -> None:
    name = f"feature={json.dumps(text, ensure_ascii=False)}"
    table = metrics_table(
        {"split": "eval", "slice": ["Overall", name], "model": "candidate", "metric": ["auc", text],
         "value": [0.5, 0.4], "n": 7, "reason": text}
    )  # fmt: skip
    evaluation = Evaluation(MetricTable(table), run={"warnings": [text], text: text})
    page = Page(render_report(evaluation))
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert not {"img", "iframe"} & {tag for tag, _ in page.elements}
    assert text in page.text
    assert page.data("slices-data")[0]["values"][1] == name


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_data_is_read_back_and_cannot_leave_its_element(data: object) -> None:
    text = columns.embedded(data)
    assert json.loads(text) == data
    assert not set("<>&\u2028\u2029") & set(text)


def test_lone_surrogates_do_not_stop_a_report() -> None:
    table = metrics_table({"split": "e", "slice": ["Overall"], "model": "m", "metric": "auc", "value": [0.5], "n": 7})
    evaluation = Evaluation(MetricTable(table), run={"data": {"eval": "file-\udcff"}})
    assert "file-" in render_report(evaluation).encode().decode()


def test_slice_columns_hold_values_changes_and_reasons(refused: Evaluation) -> None:
    found, left_out = columns.slice_columns(refused.metrics.table, "candidate")
    assert left_out == 0
    labels = [(column["label"], column["kind"]) for column in found]
    assert labels[:4] == [("slice", "text"), ("examples", "count"), ("auc", "number"), ("auc", "change")]
    assert ("example_count", "number") not in labels  # said by the column of examples
    names, auc, change = found[0]["values"], found[2], found[3]
    assert names[0] == "Overall"
    assert names.index("trip_start_hour=9") < names.index("trip_start_hour=10")
    for index, name in enumerate(names):
        expected = refused.metrics.value("auc", name)
        if np.isnan(expected):
            assert auc["values"][index] is None
            assert "examples are positive" in auc["notes"][index]
        else:
            assert auc["values"][index] == pytest.approx(expected, rel=1e-5)
    assert change["values"][0] == pytest.approx(
        refused.metrics.value("auc") - refused.metrics.value("auc", model="baseline"), rel=1e-4
    )
    assert change["better"] == "higher"


def test_missing_results_are_blank_and_infinite_ones_are_words() -> None:
    table = metrics_table(
        {"split": ["a", "a", "b"], "slice": ["Overall", "x=1", "Overall"], "model": "m",
         "metric": ["loss", "auc", "loss"], "value": [np.inf, 0.5, -np.inf], "n": [9, 3, 5]}
    )  # fmt: skip
    found, _ = columns.slice_columns(table, "m")
    assert found[0]["words"] == ["a", "b"]
    values = {column["label"]: column["values"] for column in found if column["kind"] == "number"}
    assert set(values["loss"]) == {"", "∞", "−∞"}
    assert values["auc"].count("") == 2


def test_weighted_and_unweighted_results_are_told_apart() -> None:
    table = metrics_table(
        {"split": "e", "slice": "Overall", "model": "m", "metric": "auc", "weighted": [True, False], "output": "head",
         "value": [0.5, 0.6], "n": 9}
    )  # fmt: skip
    found, _ = columns.slice_columns(table, "m")
    assert [column["label"] for column in found[2:]] == ["auc (head)", "auc (head, weighted)"]


def test_too_many_slices_keep_the_largest_and_those_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MAX_ROWS", 50)
    table = example_tables.many_slices(200, 2)
    smallest = min(table.to_pylist(), key=lambda row: row["n"])["slice"]
    found, left_out = columns.slice_columns(table, "candidate", frozenset({smallest}))
    assert left_out == 150
    assert smallest in found[0]["values"]
    assert len(found[0]["values"]) == 50
    page = Page(render_report(Evaluation(MetricTable(table))))
    assert "150 slices with fewer examples are not shown" in page.text


def test_it_is_written_quickly(refused: Evaluation, tmp_path: pathlib.Path) -> None:
    render_report(refused)
    times = []
    for _ in range(5):
        start = time.process_time()
        write_report(refused, tmp_path / "report.html")
        times.append(time.process_time() - start)
    assert min(times) < 0.1
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_checks_are_worst_first(refused: Evaluation) -> None:
    assert refused.verdict is not None
    found = [check.outcome.value for check in refused.verdict.checks.worst_first()]
    assert found == sorted(found, key=wording.SEVERITY.index)
    assert len(found) == len(refused.verdict.checks)
    only = refused.verdict.checks.worst_first(2, ("SKIPPED",))
    assert {check.outcome for check in only} == {gate.Outcome.SKIPPED}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5000"), (1.0, "1.0000"), (20000.0, "20,000"), (1234.5, "1,234.5"), (0.0, "0"), (1e-5, "1.00e-05"),
     (-0.25, "−0.2500"), (float("nan"), "undefined"), (float("-inf"), "−∞"), (None, ""), (1e300, "1.00e+300")],
)  # fmt: skip
def test_numbers(value: float | None, text: str) -> None:
    assert wording.number(value) == text


def test_changes() -> None:
    assert wording.change(0.031) == "+0.0310"
    assert wording.change(-0.031) == "−0.0310"
    assert wording.judgement(-0.1, "lower") == "better"
    assert wording.judgement(-0.1, "higher") == "worse"
    assert wording.judgement(-0.1, None) == ""
