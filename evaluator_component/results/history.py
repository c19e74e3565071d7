"""The history of a model: the metrics of its versions, from the evaluations that they got."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluator_component.errors import ConfigError, DataError
from evaluator_component.results import outputs as folders
from evaluator_component.results import tables, writing
from evaluator_component.results.evaluation import MetricTable
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    import pandas as pd

_METRIC_COLUMNS: Final = (
    *tables.METRICS_KEY,
    *("value", "lower", "upper", "n", "direction", "reason"),
)
HISTORY_SCHEMA: Final = pa.schema(
    [
        pa.field("version", pa.int32()),
        *(tables.METRICS_SCHEMA.field(name) for name in _METRIC_COLUMNS if name != "model"),
    ]
)


@dataclasses.dataclass(frozen=True)
class Version:
    """One evaluated version of the model.

    Attributes:
      label: its short name.
      output: the folder of its evaluation.
      time: when the evaluation began, such as ``2025-11-28T13:36:00Z``; "" if that is not on record.
      blessed: the verdict; None if it was not judged.
      summary: the verdict in one sentence; "" if it was not judged.
      model: path of the model; "" where the predictions were in the data.
      model_id: id of the model's artifact in ML Metadata; None where that was not asked.
      examples: how many examples were evaluated, over all splits.
    """

    label: str
    output: str
    time: str = ""
    blessed: bool | None = None
    summary: str = ""
    model: str = ""
    model_id: int | None = None
    examples: int = 0


@dataclasses.dataclass(frozen=True)
class History:
    """The metrics of several versions of a model.

    Attributes:
      versions: the versions, in order.
      table: the candidate's metric rows (HISTORY_SCHEMA); ``version`` is an index into ``versions``.
      level: the level of ``lower`` and ``upper``, such as 0.95; None where versions differ in it or have no intervals.
      notices: what a reader should know, one sentence each, such as which evaluations were left out.
    """

    versions: tuple[Version, ...]
    table: pa.Table
    level: float | None = None
    notices: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics of any version, sorted."""
        return tuple(tables.names(self.table, "metric"))

    @functools.cached_property
    def slices(self) -> tuple[str, ...]:
        """The slices of any version: Overall, then the others sorted."""
        return tuple(sorted(tables.names(self.table, "slice"), key=lambda name: (name != OVERALL, name)))

    def to_pandas(self) -> pd.DataFrame:
        """Returns the rows as a pandas DataFrame; columns of names are categorical. Needs pandas."""
        return self.table.to_pandas()

    def of(self, metric: str, slice: str = OVERALL, **keys: str | bool) -> History:  # noqa: A002
        """Returns the history of one metric in one slice: a row per version that has it.

        Args:
          metric: the metric's result name.
          slice: the slice's name.
          **keys: further columns to match (``output``, ``sub_key``, ``weighted``); of several splits, the rows that
            stand for all of them unless ``split`` is given.

        Raises:
          LookupError: no version has it; the message has the nearest names.
        """
        table = self.table if "split" in keys else self.whole
        rows = MetricTable(table).filter(metric=metric, slice=slice, **keys).table
        if not rows.num_rows:
            raise LookupError(f"no row of any version matches metric={metric!r}, slice={slice!r}, {keys}")
        return dataclasses.replace(self, table=rows)

    @functools.cached_property
    def whole(self) -> pa.Table:
        """The rows of the split that stands for the whole evaluation of each version; see `tables.merged_split`."""
        parts = [self._of_version(index) for index in range(len(self.versions))]
        return pa.concat_tables(
            part.filter(tables.equal(part.column("split"), tables.merged_split(part))) for part in parts
        )

    def _of_version(self, index: int) -> pa.Table:
        return self.table.filter(pa.array(self.table.column("version").to_numpy() == index))

    def show(self, static: bool = False) -> None:
        """Shows the metrics over versions in a notebook cell; elsewhere prints the versions and their metrics' trends.

        Args:
          static: In a notebook, show a page that stays in the notebook's file, instead of a widget.
        """
        from evaluator_component.report import showing

        showing.show_history(self, static=static)

    def __len__(self) -> int:
        return len(self.versions)

    def __repr__(self) -> str:
        versions = _counted(len(self), "version")
        ends = " → ".join(dict.fromkeys((self.versions[0].label, self.versions[-1].label))) if self.versions else ""
        blessed = sum(version.blessed is True for version in self.versions)
        shown = f"{_counted(len(self.metrics), 'metric')}, {_counted(len(self.slices), 'slice')}"
        return f"History({versions}{f': {ends}' if ends else ''}, {blessed} blessed; {shown})"


@dataclasses.dataclass(frozen=True)
class Recorded:
    """What one finished evaluation adds to a history.

    Attributes:
      version: as its files tell it.
      table: the candidate's metric rows, HISTORY_SCHEMA without ``version``.
      level: the level of their intervals; None where there are none.
    """

    version: Version
    table: pa.Table
    level: float | None


def history(
    outputs: Sequence[str | os.PathLike[str]] | str | os.PathLike[str], *, labels: Sequence[str] | None = None
) -> History:
    """Puts finished evaluations in a row.

    Args:
      outputs: output folders of evaluations, folders that hold such folders, or glob patterns of them.
      labels: names of the versions, one per evaluation; by default the ends of the folders' paths, as long as they
        must be to differ.

    Returns:
      The versions by the time of their evaluations; in the order given if ``labels`` are.

    Raises:
      ConfigError: there are not as many labels as evaluations.
      DataError: there is no finished evaluation in a folder, or a file of one is damaged. (Below a folder or pattern,
        damaged ones are left out with a notice as long as another can be read.)
    """
    single = isinstance(outputs, (str, os.PathLike))
    found, notices = folders.find_outputs([outputs] if single else list(outputs))  # type: ignore[list-item, arg-type]
    if not found:
        raise DataError("history: no folder was given; expected at least one output folder of an evaluation")
    read, damaged = _read_all(found)
    if labels is not None and len(labels) != len(read):
        raise ConfigError(f"labels: {len(labels)} for {len(read)} evaluations ({', '.join(read)}); give one for each")
    recorded = [
        dataclasses.replace(one, version=dataclasses.replace(one.version, label=label))
        for one, label in zip(read.values(), labels or folders.short_names(list(read)), strict=True)
    ]
    if labels is None:
        recorded.sort(key=lambda one: one.version.time)
    return assemble(recorded, [*notices, *damaged])


def _read_all(found: Mapping[str, bool]) -> tuple[dict[str, Recorded], list[str]]:
    """Reads the evaluations in folders, and tells of those that are damaged.

    Raises:
      DataError: an evaluation is damaged whose folder was given itself, or all are.
    """
    read: dict[str, Recorded] = {}
    notices: list[str] = []
    for output, given in found.items():
        try:
            read[output] = record(output)
        except DataError as error:
            if given or len(notices) + 1 == len(found):
                raise
            notices.append(f"{output}: left out, {str(error).removeprefix(f'{output}: ')}")
    return read, notices


def record(output: str | os.PathLike[str]) -> Recorded:
    """Reads what a history needs of a finished evaluation; its label is the name of its folder.

    Raises:
      DataError: the folder holds no finished evaluation, or a file of it is damaged.
    """
    folder, present = writing.open_finished(output)
    with writing.reading(folder):
        run = json.loads(folder.read(writing.RUN_FILE))
        verdict = json.loads(folder.read(writing.VERDICT_FILE)) if writing.VERDICT_FILE in present else {}
        config = json.loads(folder.read(writing.CONFIG_FILE)) if writing.CONFIG_FILE in present else {}
        source = pa.BufferReader(folder.read(writing.METRICS_FILE))
        metrics = MetricTable(pq.read_table(source, columns=[*_METRIC_COLUMNS, "change"]))
        model = run.get("models", {}).get(metrics.candidate, "")
        table = metrics.table.filter(tables.equal(metrics.table.column("model"), metrics.candidate))
        version = Version(
            label=folders.short_names([folder.path])[0],
            output=os.fspath(output),
            time=run.get("started", ""),
            blessed=verdict.get("blessed"),
            summary=verdict.get("summary", ""),
            model=model["path"] if isinstance(model, dict) else str(model),
            examples=sum(run.get("examples", {}).values()) or _examples(table),
        )
        has_intervals = table.num_rows > table.column("lower").null_count
        level = config.get("intervals", {}).get("level") if has_intervals else None
        return Recorded(version, table.select(HISTORY_SCHEMA.names[1:]), level)


def assemble(recorded: Sequence[Recorded], notices: Sequence[str] = ()) -> History:
    """Returns the history of the versions, in this order; tells where the levels of their intervals differ."""
    parts = [
        one.table.add_column(0, HISTORY_SCHEMA.field("version"), pa.array(np.full(one.table.num_rows, index, np.int32)))
        for index, one in enumerate(recorded)
    ]
    levels = sorted({one.level for one in recorded if one.level is not None})
    if len(levels) > 1:
        told = ", ".join(f"{100 * level:g} %" for level in levels)
        notices = [*notices, f"the versions' intervals are of different levels ({told}) and cannot be compared"]
    return History(
        versions=tuple(one.version for one in recorded),
        table=pa.concat_tables(parts).cast(HISTORY_SCHEMA).unify_dictionaries().combine_chunks(),
        level=levels[0] if len(levels) == 1 else None,
        notices=tuple(notices),
    )


def _examples(table: pa.Table) -> int:
    rows = table.filter(tables.equal(table.column("slice"), OVERALL))
    rows = rows.filter(tables.equal(rows.column("split"), tables.merged_split(rows)))
    return max((count or 0 for count in rows.column("n").to_pylist()), default=0)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
