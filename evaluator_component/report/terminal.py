"""The terminal view: verdict, checks that matter, overall metrics, and the worst slices under a threshold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from evaluator_component.report import wording
from evaluator_component.report.columns import Column, fitted, titled
from evaluator_component.report.marks import Scale
from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from evaluator_component.gate import Checks, Verdict
    from evaluator_component.results import Evaluation

_REASONS: Final = 3
_CHECKS: Final = 12
_WORST: Final = 5
_LISTED: Final = 50
_PLAIN_WIDTH: Final = 160
_STYLES: Final = {"FAIL": "bold red", "INCONCLUSIVE": "yellow", "SKIPPED": "dim", "PASS": "green"}
_JUDGED: Final = {"better": "green", "worse": "red", "": ""}


def show(evaluation: Evaluation, file: IO[str] | None = None, *, min_examples: int = 100) -> None:
    """Prints an evaluation; without colours and escape codes where the file is not a terminal.

    Args:
      evaluation: what to print.
      file: where to; standard output by default.
      min_examples: slices with fewer examples are not among the worst.
    """
    console = console_of(file)
    console.print(render(evaluation, min_examples=min_examples, width=console.width))


def show_slices(
    evaluation: Evaluation, metric: str | None = None, file: IO[str] | None = None, *, min_examples: int = 100
) -> None:
    """Prints the slices by a metric, worst first, and the overall value among them.

    Args:
      evaluation: what to print of.
      metric: the metric's result name; by default the first that has a threshold, else the first.
      file: where to; standard output by default.
      min_examples: slices with fewer examples are left out.
    """
    console = console_of(file)
    table = evaluation.metrics.table
    thresholds = tables.names(evaluation.verdict.checks.table, "metric") if evaluation.verdict is not None else []
    known = tables.names(table, "metric")
    metric = metric or next((name for name in (*thresholds, *known) if name in known), None)
    found = _worst(evaluation, metric, min_examples) if metric is not None else table.slice(0, 0)
    if not found.num_rows:
        console.print(f"No slice has at least {min_examples:,} examples.")
        return
    title = f"Slices by {metric}, worst first (at least {min_examples:,} examples)"
    console.print(_slice_table(evaluation, title, found, _LISTED, console.width))
    if found.num_rows > _LISTED:
        console.print(f"… and {found.num_rows - _LISTED:,} more slices", style="dim")


def show_text(text: str, file: IO[str] | None = None) -> None:
    """Prints a sentence as it is."""
    console_of(file).print(Text(text), soft_wrap=True)


def render(evaluation: Evaluation, *, min_examples: int = 100, width: int = _PLAIN_WIDTH) -> Group:
    """Returns the view as something that rich prints, for a terminal of this width."""
    parts: list[RenderableType] = []
    verdict = evaluation.verdict
    if verdict is not None:
        parts += [verdict_text(verdict), *_checks(verdict.checks)]
    parts += _overalls(evaluation, width)
    if verdict is not None:
        parts += _worst_slices(evaluation, min_examples, width)
    if evaluation.output:
        parts.append(Text(f"\n{evaluation.output}", style="dim"))
    return Group(*parts)


def verdict_text(verdict: Verdict) -> Text:
    """Returns the outcome, what it means, and why."""
    style = "bold green" if verdict.blessed else "bold red"
    text = Text()
    text.append("BLESSED" if verdict.blessed else "NOT BLESSED", style=style)
    text.append(f"  {wording.headline(verdict)}\n", style="bold")
    text.append(f"{wording.tally(verdict.checks)}\n", style="dim")
    for reason in verdict.reasons[:_REASONS]:
        text.append(f"  • {reason}\n", style="red")
    if verdict.reason_count > _REASONS:
        text.append(f"  … and {verdict.reason_count - _REASONS:,} more\n", style="dim")
    for notice in verdict.notices:
        text.append(f"  note: {notice}\n", style="yellow")
    return text


def _checks(checks: Checks) -> list[RenderableType]:
    if not len(checks):
        return []
    several = len(tables.names(checks.table, "split")) > 1
    table = titled("Checks, worst first")
    table.add_column("outcome", no_wrap=True)
    if several:
        table.add_column("split")
    table.add_column("examples", justify="right", no_wrap=True)
    table.add_column("what was found", overflow="fold")
    troubled = [name for name in wording.SEVERITY if name != "PASS"]
    shown = checks.worst_first(_CHECKS, troubled) or checks.worst_first(_CHECKS)
    for check in shown:
        outcome = Text(wording.OUTCOMES[check.outcome.value], style=_STYLES[check.outcome.value])
        split = [escape(wording.split_name(check.split))] if several else []
        table.add_row(outcome, *split, "" if check.n is None else f"{check.n:,}", escape(check.sentence))
    more = [Text(f"… and {len(checks) - len(shown):,} more checks", style="dim")] if len(checks) > len(shown) else []
    return [table, *more]


def _overalls(evaluation: Evaluation, width: int) -> list[RenderableType]:
    rows = evaluation.metrics.table
    rows = rows.filter(tables.equal(rows.column("slice"), OVERALL))
    rows = rows.filter(tables.equal(rows.column("model"), evaluation.metrics.candidate))
    splits = tables.names(rows, "split")
    views: list[RenderableType] = []
    for split in splits:
        part = rows.filter(tables.equal(rows.column("split"), split)).to_pylist()
        title = "Overall" + (f" · {wording.split_name(split)}" if len(splits) > 1 else "")
        named = [(_name(row, part), row) for row in part]
        views += ["", _value_table(title, "metric", named, width, level=_level(evaluation))]
    return views


def _worst_slices(evaluation: Evaluation, min_examples: int, width: int) -> list[RenderableType]:
    """Returns the worst slices of each metric that has a threshold."""
    assert evaluation.verdict is not None
    views: list[RenderableType] = []
    known = tables.names(evaluation.metrics.table, "metric")
    for metric in tables.names(evaluation.verdict.checks.table, "metric"):
        if metric not in known:
            continue
        found = _worst(evaluation, metric, min_examples)
        found = found.filter(pc.invert(tables.equal(found.column("slice"), OVERALL)))
        if found.num_rows:
            title = f"Worst slices by {metric} (at least {min_examples:,} examples)"
            views += ["", _slice_table(evaluation, title, found, _WORST, width)]
    return views


def _worst(evaluation: Evaluation, metric: str, min_examples: int) -> pa.Table:
    split = tables.merged_split(evaluation.metrics.table)
    return evaluation.metrics.worst(metric, min_examples=min_examples, split=split).table


def _slice_table(evaluation: Evaluation, title: str, found: pa.Table, count: int, width: int) -> Table:
    """Returns the first slices of one metric, beside which ┊ marks the overall value, if there is one of it."""
    several = len({(row["output"], row["sub_key"]) for row in found.to_pylist()}) > 1
    rows = found.slice(0, count).to_pylist()
    ends = [row[name] for row in rows for name in ("value", "lower", "upper")]
    scale = Scale.over(ends, None if several else _overall_value(evaluation, rows[0]))
    named = [(_slice_of(row) if several else row["slice"], row) for row in rows]
    return _value_table(title, "slice", named, width, sized=True, level=_level(evaluation), scale=scale)


def _overall_value(evaluation: Evaluation, row: Mapping[str, Any]) -> float | None:
    """Returns the value of the overall slice for what a row is about."""
    key = {name: row[name] for name in ("split", "model", "output", "sub_key", "metric", "weighted")}
    try:
        return evaluation.metrics.value(slice=OVERALL, **key)
    except LookupError:
        return None


def _slice_of(row: Mapping[str, Any]) -> str:
    """The slice, and which of the metric's values there it is."""
    return f"{row['slice']} ({', '.join(part for part in (row['output'], row['sub_key']) if part)})"


def _level(evaluation: Evaluation) -> str:
    """What the columns of intervals are called."""
    return f"{100 * evaluation.config.intervals.level:g} %" if evaluation.config is not None else "interval"


def _value_table(
    title: str,
    label: str,
    rows: list[tuple[str, dict[str, Any]]],
    width: int,
    *,
    sized: bool = False,
    level: str = "",
    scale: Scale | None = None,
) -> Table:
    """Returns a table of values that fits: without marks, intervals and baseline where there is no room for them."""
    values = [row for _, row in rows]
    judged = [wording.judgement(row["change"], row["direction"]) for row in values]
    table = [Column(label, [Text(name) for name, _ in rows], folds=True)]
    if sized:
        sizes = [Text("" if row["n"] is None else f"{row['n']:,}") for row in values]
        table.append(Column("examples", sizes, right=True))
    table.append(Column("candidate", [Text(wording.number(row["value"])) for row in values], right=True))
    if any(row["lower"] is not None for row in values):
        cells = [Text(wording.interval(row["lower"], row["upper"])) for row in values]
        table.append(Column(level, cells, leaves=3, style="dim"))
    if scale is not None:
        lines = [scale.line(row["value"], row["lower"], row["upper"]) for row in values]
        marks = [Text(line, style=_mark_style(row, scale)) for line, row in zip(lines, values, strict=True)]
        table.append(Column(scale.ends(wording.number), marks, leaves=1))
    if any(row["change"] is not None for row in values):
        cells = [Text(wording.number(row["baseline_value"])) for row in values]
        table.append(Column("baseline", cells, leaves=4, right=True))
        pairs = list(zip(values, judged, strict=True))
        cells = [Text(wording.change(row["change"]), style=_JUDGED[word]) for row, word in pairs]
        table.append(Column("change", cells, right=True))
        if any(row["change_lower"] is not None for row in values):
            ends = [wording.interval(row["change_lower"], row["change_upper"], wording.change) for row in values]
            table.append(Column(level, [Text(text) for text in ends], leaves=2, style="dim"))
        table.append(Column("", [Text(word, style=_JUDGED[word]) for word in judged]))
    if any(row["reason"] for row in values):
        table.append(Column("", [Text(row["reason"] or "") for row in values], folds=True, style="dim"))
    return fitted(title, table, width)


def _mark_style(row: Mapping[str, Any], scale: Scale) -> str:
    """Green or red: better or worse than the reference."""
    if scale.reference is None or row["value"] is None:
        return "cyan"
    return _JUDGED[wording.judgement(row["value"] - scale.reference, row["direction"])] or "cyan"


def console_of(file: IO[str] | None) -> Console:
    """Returns what prints to a file, standard output by default; plain and as wide as COLUMNS if it is no terminal."""
    console = Console(file=file, highlight=False)
    if console.is_terminal:
        return console
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) else _PLAIN_WIDTH
    return Console(file=file, highlight=False, width=width, no_color=True)


def _name(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    both = len({other["weighted"] for other in rows if other["metric"] == row["metric"]}) == 2
    return wording.result_name(row["metric"], row["output"], row["sub_key"], row["weighted"], both)
