"""The report as text: what it says, that it is safe, and that it needs nothing else."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import pathlib
import re
import time
from html.parser import HTMLParser

import carried
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator_component import gate
from evaluator_component.report import html, render_report, wording, write_report
from evaluator_component.report.document import evaluation_document
from evaluator_component.results import Evaluation, MetricTable, metrics_table

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
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


def test_the_verdict_is_read_without_a_script(refused: Evaluation) -> None:
    assert refused.verdict is not None
    reasons = (HOSTILE, *refused.verdict.reasons)
    refused = dataclasses.replace(refused, verdict=dataclasses.replace(refused.verdict, reasons=reasons))
    text = render_report(refused)
    page = Page(text)
    words = re.sub(r"\s+", " ", page.text)
    tally = f"Of {len(refused.verdict.checks)} checks: "
    assert words.index("NOT BLESSED: This model must not be deployed.") < words.index(tally)
    assert words.index(tally) < words.index(HOSTILE) < words.index(refused.verdict.reasons[1])
    assert f"… and {len(reasons) - 6:,} more." in words
    assert text.index('id="evaluator-report"') < text.index("NOT BLESSED") < text.index('id="evaluator-document"')


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


def test_the_security_policy_allows_its_own_script_only(refused: Evaluation) -> None:
    page = Page(render_report(refused))
    policy = next(
        attributes["content"]
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    digest = base64.b64encode(hashlib.sha256(page.raw["script"][-1].encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest}'",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_in_the_front_end_ends_its_element() -> None:
    script, style = html.static_file("report.js"), html.static_file("report.css")
    assert not re.search(r"</script|<script|<!--|\0|\r", script, re.IGNORECASE)
    assert not re.search(r"</style|<!--|@import|url\((?!['\"]?data:)", style, re.IGNORECASE)


def test_the_page_holds_document_and_front_end(refused: Evaluation) -> None:
    document = evaluation_document(refused)
    page = Page(html.render_page(document, "A & B"))
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "evaluator-document"}, {"type": "module"}]
    assert json.loads(page.raw["script"][0]) == json.loads(document)
    assert page.raw["script"][1] == html.static_file("report.js")
    assert page.raw["style"] == [html.static_file("report.css")]
    assert page.text.strip().startswith("A & B")


@pytest.mark.parametrize("text", [HOSTILE, "<!--<script>", "]]>", "\u2028\u2029", "a&lt;b", "{{ 7 * 7 }}", "\"'`"])
def test_text_from_the_data_stays_text(text: str) -> None:
    name = f"feature={json.dumps(text, ensure_ascii=False)}"
    table = metrics_table(
        {"split": "eval", "slice": ["Overall", name], "model": "candidate", "metric": ["auc", text],
         "value": [0.5, 0.4], "n": 7, "reason": text}
    )  # fmt: skip
    evaluation = Evaluation(MetricTable(table), run={"warnings": [text], text: text})
    page = Page(render_report(evaluation))
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert not {"img", "iframe"} & {tag for tag, _ in page.elements}
    document = page.raw["script"][0]
    assert carried.meta(document)["run"] == {"warnings": [text], text: text}
    found = carried.tables(document)["metrics"]
    rows = dict(zip(carried.column(found, "slice"), carried.column(found, "metric"), strict=True))
    assert rows == {"Overall": "auc", name: text}
    assert set(carried.column(found, "reason")) == {text}


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_data_is_read_back_and_cannot_leave_its_element(data: object) -> None:
    text = html.embedded(json.dumps(data, ensure_ascii=False))
    assert json.loads(text) == data
    assert not set("<>&\u2028\u2029") & set(text)


def test_lone_surrogates_do_not_stop_a_report() -> None:
    table = metrics_table({"split": "e", "slice": ["Overall"], "model": "m", "metric": "auc", "value": [0.5], "n": 7})
    evaluation = Evaluation(MetricTable(table), run={"data": {"eval": "file-\udcff"}})
    assert "file-" in render_report(evaluation).encode().decode()


def test_equal_evaluations_give_equal_pages(refused: Evaluation) -> None:
    again = dataclasses.replace(refused, run=dict(refused.run))
    assert render_report(again) == render_report(refused)


def test_a_page_begins_as_it_is_told(refused: Evaluation) -> None:
    page = Page(render_report(refused, {"page": "plots", "slices": [HOSTILE]}))
    assert carried.meta(page.raw["script"][0])["state"] == {"page": "plots", "slices": [HOSTILE]}


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
