"""The terminal view."""

from __future__ import annotations

import dataclasses
import io

from evaluator_component.report import terminal
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
