"""The terminal view."""

from __future__ import annotations

import dataclasses
import io
import re

import example_tables
from rich.console import Console

from evaluator_component.report import terminal, wording
from evaluator_component.results import Evaluation, MetricTable, metrics_table


def shown(evaluation: Evaluation) -> str:
    stream = io.StringIO()
    terminal.show(evaluation, stream)
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
    stream = io.StringIO()
    Console(file=stream, width=80).print(terminal.render(refused, marked=False))
    assert "●" not in stream.getvalue()


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
