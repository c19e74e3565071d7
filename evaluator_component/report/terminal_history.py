"""The terminal view of a history: the versions with their verdicts, and how each metric moved."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

import numpy as np
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from evaluator_component.report import terminal, wording
from evaluator_component.report.series import Series, series_of, sparkline
from evaluator_component.results import tables
from evaluator_component.results.evaluation import MetricTable
from evaluator_component.slicing.names import OVERALL, is_pair

if TYPE_CHECKING:
    import pyarrow as pa

    from evaluator_component.results.history import History, Version

_VERSIONS: Final = 20
_COLUMNS: Final = 4
_TRENDS: Final = 40
_SLICES: Final = 15
_STYLES: Final = {"better": "green", "worse": "red", "": ""}


def show(
    history: History,
    file: IO[str] | None = None,
    *,
    metric: str | None = None,
    slice: str | None = None,  # noqa: A002
    min_examples: int = 100,
) -> None:
    """Prints a history; without colours and escape codes where the file is not a terminal.

    Args:
      history: what to print.
      file: where to; standard output by default.
      metric: only this metric, in every slice; by default every metric in one slice.
      slice: the slice whose values stand beside the versions; by default Overall, without it the first.
      min_examples: with ``metric``, slices with fewer examples are left out.

    Raises:
      LookupError: no version has the metric or the slice; the message has the nearest names.
    """
    terminal.console_of(file).print(render(history, metric=metric, slice=slice, min_examples=min_examples))


def render(
    history: History,
    *,
    metric: str | None = None,
    slice: str | None = None,  # noqa: A002
    min_examples: int = 100,
) -> Group:
    """Returns the view as something that rich prints; see `show`."""
    place = slice or next(iter(history.slices), OVERALL)
    here = MetricTable(history.whole).filter(slice=place).table
    if metric is not None:
        everywhere = MetricTable(history.whole).filter(metric=metric).table
        here = everywhere.filter(tables.equal(everywhere.column("slice"), place))
    series = series_of(here, len(history))
    parts: list[RenderableType] = [_versions(history, series, place)]
    if len(history) > _VERSIONS:
        parts.append(Text(f"… and {len(history) - _VERSIONS:,} earlier versions", style="dim"))
    if metric is None:
        title = "Trends" if place == OVERALL else f"Trends in {place}"
        parts += ["", _trends(title, "metric", [(one.name, one) for one in series], history.level)]
    else:
        parts += _slice_trends(history, everywhere, metric, min_examples)
    parts += [Text(f"note: {notice}", style="yellow") for notice in history.notices]
    return Group(*parts)


def _versions(history: History, series: list[Series], title: str) -> Table:
    shown = sorted(series, key=lambda one: not one.direction)[:_COLUMNS]
    table = terminal.titled_table(title)
    for name in ("version", "time", "verdict"):
        table.add_column(name, no_wrap=True)
    table.add_column("examples", justify="right", no_wrap=True)
    for one in shown:
        table.add_column(escape(one.name), justify="right", overflow="fold")
        table.add_column("", justify="right", no_wrap=True)
    for index in range(max(0, len(history) - _VERSIONS), len(history)):
        version = history.versions[index]
        size = max((int(one.sizes[index]) for one in series), default=0)
        cells: list[str | Text] = [escape(version.label), _time(version), _verdict(version), f"{size:,}"]
        for one in shown:
            cells += [_value(one, index), _change(one.change(index), one.direction)]
        table.add_row(*cells)
    return table


def _slice_trends(history: History, rows: pa.Table, metric: str, min_examples: int) -> list[RenderableType]:
    """Returns the trends of a metric in every slice, those that fell the most first."""
    series = [
        one
        for one in series_of(rows, len(history))
        if not is_pair(one.slice) and (one.slice == OVERALL or one.sizes[one.latest] >= min_examples)
    ]
    series.sort(key=_badness)
    several = len({one.name for one in series}) > 1
    named = [(f"{one.slice} · {one.name}" if several else one.slice, one) for one in series]
    title = f"Trends of {metric} (slices of at least {min_examples:,} examples)"
    parts: list[RenderableType] = ["", _trends(title, "slice", named[:_SLICES], history.level)]
    if len(named) > _SLICES:
        parts.append(Text(f"… and {len(named) - _SLICES:,} more slices", style="dim"))
    return parts


def _badness(one: Series) -> tuple[bool, bool, float]:
    """Sorts Overall first, then by how much worse the latest value is than the one before, unknown ones last."""
    change = one.change(one.latest)
    known = change is not None and not np.isnan(change)
    worse = 0.0 if change is None or not known else change if one.direction != "lower" else -change
    return one.slice != OVERALL, not known, worse


def _trends(title: str, label: str, named: list[tuple[str, Series]], level: float | None) -> Table:
    sure = any(np.isfinite(one.lower[one.latest]) for _, one in named)
    table = terminal.titled_table(title)
    table.add_column(label, overflow="fold")
    table.add_column("trend", no_wrap=True)
    table.add_column("first", justify="right", no_wrap=True)
    table.add_column("latest", justify="right", no_wrap=True)
    if sure:
        table.add_column("interval" if level is None else f"{100 * level:g} %", style="dim", no_wrap=True)
    table.add_column("change", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name, one in named:
        latest, change = one.latest, one.change(one.latest)
        cells: list[str | Text] = [escape(name), sparkline(one.values[-_TRENDS:])]
        cells += [_value(one, int(np.flatnonzero(one.there)[0])), _value(one, latest)]
        if sure:
            cells.append(wording.interval(_known(one.lower[latest]), _known(one.upper[latest])))
        word = wording.judgement(change, one.direction or None)
        cells += [_change(change, one.direction), Text(word, style=_STYLES[word])]
        table.add_row(*cells)
    return table


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _value(one: Series, version: int) -> str:
    return wording.number(float(one.values[version])) if one.there[version] else "–"


def _change(change: float | None, direction: str) -> Text:
    return Text(wording.change(change), style=_STYLES[wording.judgement(change, direction or None)])


def _time(version: Version) -> str:
    """The time to the minute, UTC as in run.json."""
    return version.time[:16].replace("T", " ")


def _verdict(version: Version) -> Text:
    if version.blessed is None:
        return Text("not judged", style="dim")
    return Text("BLESSED", style="bold green") if version.blessed else Text("NOT BLESSED", style="bold red")
