"""The terminal view: verdict, checks that matter, overall metrics, and the worst slices under a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from evaluator_component.report import wording
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
_MARKED_WIDTH: Final = 100
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
    console.print(render(evaluation, min_examples=min_examples, marked=console.width >= _MARKED_WIDTH))


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
    console.print(_slice_table(evaluation, title, found, _LISTED, marked=console.width >= _MARKED_WIDTH))
    if found.num_rows > _LISTED:
        console.print(f"… and {found.num_rows - _LISTED:,} more slices", style="dim")


def show_text(text: str, file: IO[str] | None = None) -> None:
    """Prints a sentence as it is."""
    console_of(file).print(Text(text), soft_wrap=True)


def render(evaluation: Evaluation, *, min_examples: int = 100, marked: bool = True) -> Group:
    """Returns the view as something that rich prints; ``marked``: with marks of where values lie."""
    parts: list[RenderableType] = []
    verdict = evaluation.verdict
    if verdict is not None:
        parts += [verdict_text(verdict), *_checks(verdict.checks)]
    parts += _overalls(evaluation)
    if verdict is not None:
        parts += _worst_slices(evaluation, min_examples, marked)
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
    if len(verdict.reasons) > _REASONS:
        text.append(f"  … and {len(verdict.reasons) - _REASONS:,} more\n", style="dim")
    for notice in verdict.notices:
        text.append(f"  note: {notice}\n", style="yellow")
    return text


def _checks(checks: Checks) -> list[RenderableType]:
    if not len(checks):
        return []
    several = len(tables.names(checks.table, "split")) > 1
    table = titled_table("Checks, worst first")
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


def _overalls(evaluation: Evaluation) -> list[RenderableType]:
    rows = evaluation.metrics.table
    rows = rows.filter(tables.equal(rows.column("slice"), OVERALL))
    rows = rows.filter(tables.equal(rows.column("model"), evaluation.metrics.candidate))
    splits = tables.names(rows, "split")
    views: list[RenderableType] = []
    for split in splits:
        part = rows.filter(tables.equal(rows.column("split"), split)).to_pylist()
        title = "Overall" + (f" · {wording.split_name(split)}" if len(splits) > 1 else "")
        named = [(_name(row, part), row) for row in part]
        views += ["", _value_table(title, "metric", named, level=_level(evaluation))]
    return views


def _worst_slices(evaluation: Evaluation, min_examples: int, marked: bool) -> list[RenderableType]:
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
            views += ["", _slice_table(evaluation, title, found, _WORST, marked=marked)]
    return views


def _worst(evaluation: Evaluation, metric: str, min_examples: int) -> pa.Table:
    split = tables.merged_split(evaluation.metrics.table)
    return evaluation.metrics.worst(metric, min_examples=min_examples, split=split).table


def _slice_table(evaluation: Evaluation, title: str, found: pa.Table, count: int, *, marked: bool) -> Table:
    """Returns the first slices of one metric, beside which ┊ marks the overall value, if there is one of it."""
    several = len({(row["output"], row["sub_key"]) for row in found.to_pylist()}) > 1
    rows = found.slice(0, count).to_pylist()
    scale = None
    if marked:
        ends = [row[name] for row in rows for name in ("value", "lower", "upper")]
        scale = Scale.over(ends, None if several else _overall_value(evaluation, rows[0]))
    named = [(_slice_of(row) if several else row["slice"], row) for row in rows]
    return _value_table(title, "slice", named, sized=True, level=_level(evaluation), scale=scale)


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
    *,
    sized: bool = False,
    level: str = "",
    scale: Scale | None = None,
) -> Table:
    compared = any(row["change"] is not None for _, row in rows)
    sure, change_sure = (any(row[name] is not None for _, row in rows) for name in ("lower", "change_lower"))
    table = titled_table(title)
    table.add_column(label, overflow="fold")
    if sized:
        table.add_column("examples", justify="right", no_wrap=True)
    table.add_column("candidate", justify="right", no_wrap=True)
    if sure:
        table.add_column(level, style="dim", no_wrap=True)
    if scale is not None:
        table.add_column(scale.ends(wording.number), no_wrap=True)
    if compared:
        table.add_column("baseline", justify="right", no_wrap=True)
        table.add_column("change", justify="right", no_wrap=True)
        if change_sure:
            table.add_column(level, style="dim", no_wrap=True)
        table.add_column("", no_wrap=True)
    if any(row["reason"] for _, row in rows):
        table.add_column("", style="dim", overflow="fold")
    for name, row in rows:
        cells: list[str | Text] = [escape(name)]
        if sized:
            cells.append("" if row["n"] is None else f"{row['n']:,}")
        cells.append(wording.number(row["value"]))
        if sure:
            cells.append(wording.interval(row["lower"], row["upper"]))
        if scale is not None:
            cells.append(Text(scale.line(row["value"], row["lower"], row["upper"]), style=_mark_style(row, scale)))
        if compared:
            word = wording.judgement(row["change"], row["direction"])
            cells += [wording.number(row["baseline_value"]), Text(wording.change(row["change"]), style=_JUDGED[word])]
            if change_sure:
                cells.append(wording.interval(row["change_lower"], row["change_upper"], wording.change))
            cells.append(Text(word, style=_JUDGED[word]))
        if len(table.columns) > len(cells):
            cells.append(escape(row["reason"] or ""))
        table.add_row(*cells)
    return table


def _mark_style(row: Mapping[str, Any], scale: Scale) -> str:
    """Green or red: better or worse than the reference."""
    if scale.reference is None or row["value"] is None:
        return "cyan"
    return _JUDGED[wording.judgement(row["value"] - scale.reference, row["direction"])] or "cyan"


def console_of(file: IO[str] | None) -> Console:
    """Returns what prints to a file, standard output by default; plain and of a fixed width if it is no terminal."""
    console = Console(file=file, highlight=False)
    return console if console.is_terminal else Console(file=file, highlight=False, width=_PLAIN_WIDTH, no_color=True)


def _name(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    both = len({other["weighted"] for other in rows if other["metric"] == row["metric"]}) == 2
    return wording.result_name(row["metric"], row["output"], row["sub_key"], row["weighted"], both)


def titled_table(title: str) -> Table:
    """Returns an empty table that looks like all others."""
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
