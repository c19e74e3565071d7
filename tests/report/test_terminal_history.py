"""The terminal view of a history."""

from __future__ import annotations

import io

import pytest

from evaluator_component.report import terminal_history
from evaluator_component.results import metrics_table
from evaluator_component.results.history import HISTORY_SCHEMA, History, Recorded, Version, assemble


def version(index: int, **columns: object) -> Recorded:
    table = metrics_table({"split": "eval", "n": 500, "direction": "higher", **columns})
    named = Version(f"v{index}", f"out/{index}", f"2025-11-28T10:{index:02d}:30Z", (True, False, None)[index % 3])
    return Recorded(named, table.select(HISTORY_SCHEMA.names[1:]), 0.9)


def shown(history: History, **options: object) -> str:
    file = io.StringIO()
    terminal_history.show(history, file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def line(text: str, start: str, after: str = "") -> list[str]:
    rest = text[text.index(after) :]
    return next(row for row in rest.splitlines() if row.startswith(start)).split()


def test_versions_and_trends() -> None:
    history = assemble(
        [
            version(0, slice="Overall", metric=["auc", "loss"], value=[0.8, 0.5], direction=["higher", "lower"]),
            version(1, slice="Overall", metric=["auc", "loss"], value=[0.7, 0.25], direction=["higher", "lower"]),
            version(2, slice="Overall", metric=["auc"], value=[0.75], lower=[0.7], upper=[0.8]),
        ],
        ["v9 is left out"],
    )
    text = shown(history)
    assert line(text, "v0") == ["v0", "2025-11-28", "10:00", "BLESSED", "500", "0.8000", "0.5000"]
    assert line(text, "v1")[3:] == ["NOT", "BLESSED", "500", "0.7000", "−0.1000", "0.2500", "−0.2500"]
    assert line(text, "v2")[3:] == ["not", "judged", "500", "0.7500", "+0.0500", "–"]
    assert line(text, "auc", "Trends") == ["auc", "█▁▅", "0.8000", "0.7500", "[0.7000,", "0.8000]", "+0.0500", "better"]
    assert line(text, "loss", "Trends") == ["loss", "█▁", "0.5000", "0.2500", "−0.2500", "better"]
    assert "90 %" in text
    assert "note: v9 is left out" in text


def test_slices_of_a_metric_are_sorted_by_how_much_it_got_worse() -> None:
    names = ["Overall", "a=1", "a=2", "a=3", "a=4 − a=1"]
    history = assemble(
        [
            version(0, slice=names, metric="auc", value=[0.8, 0.8, 0.8, 0.8, 0.0], n=[500, 200, 200, 10, 200]),
            version(1, slice=names, metric="auc", value=[0.7, 0.79, 0.6, 0.1, 0.0], n=[500, 200, 200, 10, 200]),
        ]
    )
    trends = shown(history, metric="auc").partition("Trends of auc")[2]
    assert [row.split()[0] for row in trends.splitlines()[-3:]] == ["Overall", "a=2", "a=1"]
    assert "a=3" in shown(history, metric="auc", min_examples=5)
    assert line(shown(history, metric="auc", slice="a=3"), "v1")[4:] == ["BLESSED", "10", "0.1000", "−0.7000"]


@pytest.mark.parametrize("width", [64, 80, 100])
def test_names_stay_and_numbers_are_whole_on_a_narrow_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = ["auc", "binary_crossentropy", "precision", "recall", "f1_score"]
    columns = {"slice": "Overall", "metric": metrics, "lower": 0.125, "upper": 0.875}
    history = assemble([version(index, value=0.25 + index / 100, **columns) for index in range(50)])
    monkeypatch.setenv("COLUMNS", str(width))
    text = shown(history)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text.replace("… and 30 earlier", "")
    assert line(text, "v49")[-2:] == ["0.7400", "+0.0100"]
    assert line(text, "binary_crossentropy", "Trends")[-2:] == ["+0.0100", "better"]


def test_without_the_overall_slice_the_first_stands_beside_the_versions() -> None:
    history = assemble([version(0, slice=["b=1", "a=1"], metric=["auc", "f1_score"], value=[0.5, 0.25])])
    assert shown(history).startswith("a=1")
    assert "Trends of auc" in shown(history, metric="auc")
    with pytest.raises(LookupError, match="no metric 'aucc'; did you mean 'auc'"):
        shown(history, metric="aucc")


def test_of_many_versions_the_last_are_listed() -> None:
    history = assemble([version(index, slice="Overall", metric="auc", value=index / 50) for index in range(50)])
    text = shown(history)
    assert "… and 30 earlier versions" in text
    assert [row.split()[0] for row in text.splitlines()[2:22]] == [f"v{index}" for index in range(30, 50)]
    assert len(line(text, "auc", "Trends")[1]) == 40
