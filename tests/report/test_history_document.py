"""The document and the page of a history."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import carried
import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.report import history_document as page
from evaluator_component.report.series import series_of, sparkline
from evaluator_component.results import metrics_table
from evaluator_component.results.history import HISTORY_SCHEMA, History, Recorded, Version, assemble

AUCS = {"Overall": [0.7, 0.8, 0.75], "a=1": [0.6, None, float("nan")]}


def recorded(index: int) -> Recorded:
    names = [name for name, values in AUCS.items() if values[index] is not None]
    table = metrics_table(
        {
            "split": "eval",
            "slice": names,
            "metric": "auc",
            "value": [AUCS[name][index] for name in names],
            "lower": 0.5,
            "n": [100, 40][: len(names)],
            "direction": "higher",
            "reason": [None if AUCS[name][index] == AUCS[name][index] else "no example is positive" for name in names],
        }
    )
    version = Version(f"v{index}", f"out/{index}", f"2025-11-2{index}T10:00:00Z", index != 2, f"verdict <{index}>")
    return Recorded(version, table.select(HISTORY_SCHEMA.names[1:]), 0.95)


@pytest.fixture
def history() -> History:
    return assemble([recorded(index) for index in range(3)], ["v9 is left out"])


def test_the_document_holds_versions_and_one_narrow_table(history: History) -> None:
    document = page.history_document(history, {"metric": "auc"})
    meta = carried.meta(document)
    assert (meta["kind"], meta["title"], meta["splits"]) == ("history", "Model history: 3 versions", ["eval"])
    assert (meta["level"], meta["notices"], meta["state"]) == (0.95, ["v9 is left out"], {"metric": "auc"})
    assert meta["versions"][2] == {
        "label": "v2",
        "time": "2025-11-22T10:00:00Z",
        "blessed": False,
        "summary": "verdict <2>",
        "model": "",
        "output": "out/2",
        "examples": 0,
    }
    table = carried.tables(document)["history"]
    assert carried.column(table, "version") == [0, 0, 1, 2, 2]
    assert carried.column(table, "slice") == ["Overall", "a=1", "Overall", "Overall", "a=1"]
    assert carried.column(table, "value") == [np.float32(0.7), np.float32(0.6), np.float32(0.8), 0.75, None]
    assert carried.column(table, "reason")[-1] == "no example is positive"
    assert table.schema.field("slice").type == pa.dictionary(pa.int32(), pa.string())
    assert (table.schema.field("version").type, table.schema.field("value").type) == (pa.int32(), pa.float32())
    assert "upper" not in table.column_names
    assert page.history_document(history, {"metric": "auc"}) == document


def test_of_too_many_slices_the_largest_stay(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_ROWS", 4)
    document = page.history_document(history)
    assert carried.column(carried.tables(document)["history"], "slice") == ["Overall"] * 3
    begun = page.history_document(history, {"slices": ["a=1"]})
    assert set(carried.column(carried.tables(begun)["history"], "slice")) >= {"a=1"}
    assert carried.meta(document)["notices"][1] == "1 slice with the fewest examples are left out of this page"


def test_the_page_can_be_read_without_scripts(history: History, tmp_path: Path) -> None:
    page.write_history_report(history, tmp_path / "new" / "history.html")
    text = (tmp_path / "new" / "history.html").read_text(encoding="utf-8")
    assert "<title>Model history: 3 versions</title>" in text
    assert "<li>v2: verdict &lt;2&gt;</li>" in text
    assert "measured but not judged" not in text
    embedded = text.split('id="evaluator-document">')[1].split("</script>")[0]
    assert json.loads(embedded) == json.loads(page.history_document(history))
    page.write_history_report(history, tmp_path / "begun.html", metric="auc", slice="a=1")
    begun = (tmp_path / "begun.html").read_text(encoding="utf-8")
    state = {"metric": "auc", "slices": ["a=1"]}
    assert json.loads(begun.split('id="evaluator-document">')[1].split("</script>")[0])["meta"]["state"] == state
    unjudged = dataclasses.replace(history, versions=(Version("v", "out"),) * 3)
    assert "<li>v: not judged</li>" in page.render_history(unjudged)


def test_series_place_values_by_version(history: History) -> None:
    overall, part = series_of(history.table, 3)
    assert (overall.slice, overall.name, overall.direction) == ("Overall", "auc", "higher")
    assert overall.values.tolist() == [0.7, 0.8, 0.75]
    assert overall.lower.tolist() == [0.5] * 3
    assert overall.change(0) is None
    assert overall.change(2) == pytest.approx(-0.05)
    assert part.there.tolist() == [True, False, True]
    assert part.change(1) is None
    assert np.isnan(part.change(2) or 0.0)
    assert (part.latest, part.sizes.tolist()) == (2, [40, 0, 40])
    assert series_of(HISTORY_SCHEMA.empty_table(), 0) == []


def test_a_sparkline_has_a_character_per_value() -> None:
    assert sparkline([0.0, 1.0, 0.5, 0.14]) == "▁█▅▂"
    assert sparkline([2.0, float("nan"), 2.0]) == "▄ ▄"
    assert sparkline([float("nan"), float("inf")]) == "  "
    assert sparkline([]) == ""
