"""The terminal view of a history: the versions with their verdicts, and how each metric moved."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evaluator_component.report import terminal, wording
from evaluator_component.report.columns import Column, fitted
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
_WIDE: Final = 120
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
    console = terminal.console_of(file)
    console.print(render(history, metric=metric, slice=slice, min_examples=min_examples, width=console.width))


def render(
    history: History,
    *,
    metric: str | None = None,
    slice: str | None = None,  # noqa: A002
    min_examples: int = 100,
    width: int = 160,
) -> Group:
    """Returns the view as something that rich prints, for a terminal of this width; see `show`."""
    place = slice or next(iter(history.slices), OVERALL)
    here = MetricTable(history.whole).filter(slice=place).table
    if metric is not None:
        everywhere = MetricTable(history.whole).filter(metric=metric).table
        here = everywhere.filter(tables.equal(everywhere.column("slice"), place))
    series = series_of(here, len(history))
    parts: list[RenderableType] = [_versions(history, series, place, width)]
    if len(history) > _VERSIONS:
        parts.append(Text(f"… and {len(history) - _VERSIONS:,} earlier versions", style="dim"))
    if metric is None:
        title = "Trends" if place == OVERALL else f"Trends in {place}"
        parts += ["", _trends(title, "metric", [(one.name, one) for one in series], history.level, width)]
    else:
        parts += _slice_trends(history, everywhere, metric, min_examples, width)
    parts += [Text(f"note: {notice}", style="yellow") for notice in history.notices]
    return Group(*parts)


def _versions(history: History, series: list[Series], title: str, width: int) -> Table:
    shown = sorted(series, key=lambda one: not one.direction)[:_COLUMNS]
    indices = range(max(0, len(history) - _VERSIONS), len(history))
    versions = [history.versions[index] for index in indices]
    sizes = [max((int(one.sizes[index]) for one in series), default=0) for index in indices]
    columns = [
        Column("version", [Text(version.label) for version in versions], folds=True),
        Column("time", [Text(_time(version)) for version in versions], leaves=_COLUMNS),
        Column("verdict", [_verdict(version) for version in versions]),
        Column("examples", [Text(f"{size:,}") for size in sizes], right=True, leaves=_COLUMNS + 1),
    ]
    for place, one in enumerate(shown):
        leaves = _COLUMNS - place if place else None  # the last metrics make room first
        changes = [_change(one.change(index), one.direction) for index in indices]
        columns.append(Column(one.name, [Text(_value(one, index)) for index in indices], right=True, leaves=leaves))
        columns.append(Column("", changes, right=True, leaves=leaves))
    return fitted(title, columns, width)


def _slice_trends(history: History, rows: pa.Table, metric: str, min_examples: int, width: int) -> list[RenderableType]:
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
    parts: list[RenderableType] = ["", _trends(title, "slice", named[:_SLICES], history.level, width)]
    if len(named) > _SLICES:
        parts.append(Text(f"… and {len(named) - _SLICES:,} more slices", style="dim"))
    return parts


def _badness(one: Series) -> tuple[bool, bool, float]:
    """Sorts Overall first, then by how much worse the latest value is than the one before, unknown ones last."""
    change = one.change(one.latest)
    known = change is not None and not np.isnan(change)
    worse = 0.0 if change is None or not known else change if one.direction != "lower" else -change
    return one.slice != OVERALL, not known, worse


def _trends(title: str, label: str, named: list[tuple[str, Series]], level: float | None, width: int) -> Table:
    shown = _TRENDS if width >= _WIDE else _TRENDS // 4
    series = [one for _, one in named]
    changes = [one.change(one.latest) for one in series]
    words = [wording.judgement(change, one.direction or None) for change, one in zip(changes, series, strict=True)]
    columns = [
        Column(label, [Text(name) for name, _ in named], folds=True),
        Column("trend", [Text(sparkline(one.values[-shown:])) for one in series]),
        Column("first", [Text(_value(one, int(np.flatnonzero(one.there)[0]))) for one in series], right=True, leaves=2),
        Column("latest", [Text(_value(one, one.latest)) for one in series], right=True),
    ]
    if any(np.isfinite(one.lower[one.latest]) for one in series):
        ends = [(_known(one.lower[one.latest]), _known(one.upper[one.latest])) for one in series]
        header = "interval" if level is None else f"{100 * level:g} %"
        columns.append(Column(header, [Text(wording.interval(*pair)) for pair in ends], leaves=1, style="dim"))
    told = [_change(change, one.direction) for change, one in zip(changes, series, strict=True)]
    columns.append(Column("change", told, right=True))
    columns.append(Column("", [Text(word, style=_STYLES[word]) for word in words]))
    return fitted(title, columns, width)


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
