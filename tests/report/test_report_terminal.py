"""The terminal view."""

from __future__ import annotations

import dataclasses
import io
import re

import example_tables
import pytest
from rich.console import Console
from rich.text import Text

from evaluator_component.report import columns, terminal, wording
from evaluator_component.results import Evaluation, MetricTable, metrics_table


def shown(evaluation: Evaluation) -> str:
    stream = io.StringIO()
    terminal.show(evaluation, stream)
    return stream.getvalue()


def shown_on(width: int, evaluation: Evaluation) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(terminal.render(evaluation, width=width))
    return stream.getvalue()


def test_verdict_checks_overall_and_worst_slices_in_that_order(refused: Evaluation) -> None:
    text = shown(refused)
    parts = ["NOT BLESSED", "Checks, worst first", "Overall", "Worst slices by auc"]
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    worst = text[text.index("Worst slices by auc") :].splitlines()[2]
    assert worst.startswith("trip_start_hour=")
    assert worst.rstrip().endswith("worse")


def test_it_is_plain_where_there_is_no_terminal(refused: Evaluation) -> None:
    assert "\x1b" not in shown(refused)


def test_markup_in_the_data_is_text() -> None:
    table = metrics_table(
        {"split": "e", "slice": "Overall", "model": "m", "metric": ["[red]auc[/red]", "b"], "value": [0.5, 1.0], "n": 7,
         "reason": ["[/]", None]}
    )  # fmt: skip
    text = shown(Evaluation(MetricTable(table)))
    assert "[red]auc[/red]" in text
    assert "[/]" in text


def test_a_blessed_one(refused: Evaluation) -> None:
    assert refused.verdict is not None
    verdict = dataclasses.replace(refused.verdict, blessed=True, reasons=())
    assert "BLESSED  This model may be deployed." in shown(dataclasses.replace(refused, verdict=verdict))


def test_show_prints_it(refused: Evaluation, capsys: object) -> None:
    refused.show()
    assert "must not be deployed" in capsys.readouterr().out


def test_marks_show_where_the_worst_slices_lie(refused: Evaluation) -> None:
    lines = shown(refused).split("Worst slices by auc (at least 100 examples)")[1].splitlines()
    values = [refused.metrics.value("auc", f"trip_start_hour={hour}") for hour in (3, 2, 4)]
    assert lines[1].split()[2:5] == ["candidate", wording.number(min(values)), wording.number(0.8703)]
    assert [line.split()[0] for line in lines[2:5]] == [f"trip_start_hour={hour}" for hour in (3, 2, 4)]
    start = lines[2].index("●")
    assert lines[3].index("●") - start == round((values[1] - values[0]) / (0.8703 - values[0]) * 19)
    assert {line.index("┊") - start for line in lines[2:5]} == {19}  # the overall value, the largest of them


def test_a_narrow_terminal_has_no_marks(refused: Evaluation) -> None:
    assert "●" in shown_on(160, refused)
    assert "●" not in shown_on(80, refused)


@pytest.mark.parametrize("width", [72, 80, 100, 120])
def test_names_stay_and_numbers_are_whole_on_a_narrow_terminal(refused: Evaluation, width: int) -> None:
    text = shown_on(width, refused)
    assert max(map(len, text.splitlines())) <= width
    overall = text[text.index("\nOverall") :]
    assert "…" not in overall
    assert re.search(r"(?m)^binary_cross_entropy ", overall)
    worst = text[text.index("Worst slices by auc") :].splitlines()[2]
    change = refused.metrics.slice("trip_start_hour=3").filter(metric="auc", model="candidate").table["change"][0]
    assert worst.split()[:1] == ["trip_start_hour=3"]
    assert wording.number(refused.metrics.value("auc", "trip_start_hour=3")) in worst.split()
    assert wording.change(change.as_py()) in worst.split()


def test_columns_make_room_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    table = metrics_table(
        {"split": "e", "slice": ["Overall", "company=Blue Ribbon Taxi Association"], "model": "candidate",
         "metric": "auc", "value": [0.75, 0.5], "lower": [0.625, 0.25], "upper": [0.875, 0.625], "n": 20_000,
         "baseline_value": 0.8125, "change": [-0.0625, -0.3125], "change_lower": -0.5, "change_upper": 0.25,
         "direction": "higher"}
    )  # fmt: skip

    def kept(width: int) -> tuple[bool, ...]:
        monkeypatch.setenv("COLUMNS", str(width))
        lines = slices(Evaluation(MetricTable(table)), min_examples=0)
        assert max(map(len, lines)) <= width
        worst = " ".join(lines[2:])
        assert all(word in worst for word in ("company=", "20,000", "0.5000", "−0.3125", "worse"))
        return "●" in worst, "[−0.5000, +0.2500]" in worst, "[0.2500, 0.6250]" in worst, "0.8125" in worst

    assert list(dict.fromkeys(kept(width) for width in range(160, 56, -1))) == [
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, True),
        (False, False, False, False),
    ]


def test_a_long_name_is_folded() -> None:
    name = "company=" + "Taxi Affiliation Services " * 8 + "end"
    stream = io.StringIO()
    Console(file=stream, width=40).print(columns.fitted("t", [columns.Column("slice", [Text(name)], folds=True)], 40))
    assert "".join(stream.getvalue().split()) == "tslice" + "".join(name.split())


def test_piped_output_is_as_wide_as_columns_says(refused: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    for said, width in (("90", 90), ("", 160), ("wide", 160), ("0", 160)):
        monkeypatch.setenv("COLUMNS", said)
        assert terminal.console_of(io.StringIO()).width == width
    monkeypatch.setenv("COLUMNS", "90")
    assert max(map(len, shown(refused).splitlines())) <= 90


def test_reasons_that_are_only_counted_count(refused: Evaluation) -> None:
    assert refused.verdict is not None
    reasons = (*(f"reason {index}" for index in range(101)), "and 2,447 more checks failed")
    verdict = dataclasses.replace(refused.verdict, reasons=reasons)
    assert verdict.reason_count == 2_548
    assert "… and 2,545 more\n" in shown(dataclasses.replace(refused, verdict=verdict))


def test_colours_say_better_and_worse(refused: Evaluation) -> None:
    stream = io.StringIO()
    Console(file=stream, width=160, force_terminal=True, color_system="standard").print(terminal.render(refused))
    red = [line for line in stream.getvalue().splitlines() if re.search(r"\x1b\[31m *●", line)]
    assert len(red) >= 9  # three nights for each of three metrics
    assert all("trip_start_hour" in line or "payment_type" in line for line in red)


def slices(evaluation: Evaluation, metric: str | None = None, **keys: int) -> list[str]:
    stream = io.StringIO()
    terminal.show_slices(evaluation, metric, stream, **keys)
    return stream.getvalue().splitlines()


def test_slices_are_listed_worst_first_with_overall_among_them(refused: Evaluation) -> None:
    lines = slices(refused, "binary_cross_entropy")
    assert lines[0].strip() == "Slices by binary_cross_entropy, worst first (at least 100 examples)"
    names = [line.split()[0] for line in lines[2:]]
    assert "Overall" in names
    assert "payment_type=<b>tip</b>" not in names  # it has five examples
    losses = [float(line.split(" 0.")[1].split()[0]) for line in lines[2:]]
    assert losses == sorted(losses, reverse=True)
    assert len(lines) == 2 + 31


def test_slices_of_the_first_metric_with_a_threshold_and_of_a_minimal_size(refused: Evaluation) -> None:
    lines = slices(refused, min_examples=5_000)
    assert lines[0].strip() == "Slices by auc, worst first (at least 5,000 examples)"
    assert [line.split("  ")[0] for line in lines[2:]] == ["payment_type=Cash", "Overall", "payment_type=Credit Card"]
    assert slices(refused, min_examples=50_000) == ["No slice has at least 50,000 examples."]


def test_many_slices_end_in_a_count() -> None:
    lines = slices(Evaluation(MetricTable(example_tables.many_slices(200, 2))), "mean_label", min_examples=0)
    assert lines[-1] == "… and 150 more slices"
