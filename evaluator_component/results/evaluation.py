"""What an evaluation returns: metrics, plots, verdict, and how they came about."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.config.complete import CANDIDATE
from evaluator_component.errors import nearest
from evaluator_component.results import tables
from evaluator_component.results.arguments import whole_number
from evaluator_component.slicing.names import OVERALL, is_pair

if TYPE_CHECKING:
    import pandas as pd

    from evaluator_component.gate import Verdict
    from evaluator_component.report.figures import Figures
    from evaluator_component.report.groups import GroupTable

_SHOWN: Final = 6


@dataclasses.dataclass(frozen=True)
class MetricTable:
    """The metric rows (METRICS_SCHEMA) with the questions that are asked most.

    Every method returns another table or plain values; nothing is changed in place.
    """

    table: pa.Table

    @functools.cached_property
    def candidate(self) -> str:
        """The name of the model under evaluation."""
        return _candidate(self.table)

    def to_pandas(self) -> pd.DataFrame:
        """Returns the rows as a pandas DataFrame; columns of names are categorical. Needs pandas."""
        return self.table.to_pandas()

    def filter(self, **keys: str | bool) -> MetricTable:
        """Returns the rows whose columns equal the values given, such as ``filter(model="candidate", split="eval")``.

        Raises:
          LookupError: there is no such column, or a name does not occur in it; the message has the nearest names.
        """
        table = self.table
        for column, value in keys.items():
            if column not in table.column_names:
                raise LookupError(f"no column {column!r}; {nearest(column, table.column_names)}")
            table = _where(table, column, value)
        return MetricTable(table)

    def slice(self, name: str = OVERALL) -> MetricTable:
        """Returns the rows of one slice, named as in the table: "Overall" or "a=1, b=x"."""
        return self.filter(slice=name)

    def value(self, metric: str, slice: str = OVERALL, **keys: str | bool) -> float:  # noqa: A002
        """Returns one number: of the candidate, over all evaluated splits, unless ``keys`` say otherwise.

        Raises:
          LookupError: no row matches, or several do (name the output, sub_key or weighted that is meant).
        """
        keys = {"split": tables.merged_split(self.table), "model": self.candidate, **keys}
        rows = self.filter(metric=metric, slice=slice, **keys).table
        if rows.num_rows != 1:
            told = f"{rows.num_rows} rows match metric={metric!r}, slice={slice!r}, {keys}"
            raise LookupError(f"{told}{_differences(rows)}")
        return float(rows.column("value")[0].as_py())

    def worst(self, metric: str, min_examples: int = 100, **keys: str | bool) -> MetricTable:
        """Returns the slices of a metric, worst first by the metric's own direction, undefined ones last.

        Differences between slices are left out.

        Args:
          metric: the metric's result name.
          min_examples: slices with fewer examples are left out; small ones are the worst by chance.
          **keys: further columns to match; the candidate over all splits by default.
        """
        min_examples = whole_number("min_examples", min_examples, 0)
        keys = {"split": tables.merged_split(self.table), "model": self.candidate, **keys}
        rows = self.filter(metric=metric, **keys).table
        rows = rows.filter(pc.greater_equal(rows.column("n"), min_examples))
        rows = rows.filter(pa.array([not is_pair(name) for name in rows.column("slice").to_pylist()], pa.bool_()))
        values = rows.column("value").to_numpy()
        badness = values if "lower" not in tables.names(rows, "direction") else -values
        return MetricTable(rows.take(pa.array(np.lexsort((np.arange(len(values)), badness)))))

    def compare(
        self,
        metric: str,
        feature: str,
        base: str = OVERALL,
        *,
        min_examples: int = 0,
        independent: bool = True,
        **keys: str | bool,
    ) -> GroupTable:
        """Compares the groups that a feature makes with one of them, or with the overall slice.

        A difference has an interval where the table has a row of it (cross_slicing_specs), else between two groups from
        the limits of both. (Newcombe 1998, Zou & Donner 2008) That takes the groups to have no example in common: there
        is none against the overall slice, and none where the groups hold more examples than there are.

        Args:
          metric: the metric's result name, or its last part ("recall" also finds
            "fairness_indicators_metrics/recall@0.5").
          feature: a feature that slices are made of alone.
          base: the slice that the others are compared with, as in the table: "Overall" or "a=1".
          min_examples: groups with fewer examples are left out, except the base.
          independent: False where groups share clusters of examples (intervals.cluster_key): then only rows of the
            table give intervals of differences.
          **keys: further columns to match; the candidate over all splits by default.

        Raises:
          LookupError: there is no such metric, feature or slice; the message has the nearest names.
        """
        from evaluator_component.report import groups

        return groups.compare(self, metric, feature, base, min_examples=min_examples, independent=independent, **keys)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        shown = {name: len(tables.names(self.table, name)) for name in ("split", "slice", "model", "metric")}
        counts = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in shown.items())
        return f"MetricTable({len(self)} rows: {counts})"


@dataclasses.dataclass(frozen=True)
class PlotTable:
    """The plot rows (PLOTS_SCHEMA): one per bucket of a calibration plot or threshold of a confusion plot."""

    table: pa.Table

    def to_pandas(self) -> pd.DataFrame:
        """Returns the rows as a pandas DataFrame. Needs pandas."""
        return self.table.to_pandas()

    def filter(self, **keys: str) -> PlotTable:
        """Returns the rows whose columns equal the values given; raises LookupError as MetricTable.filter does."""
        table = self.table
        for column, value in keys.items():
            if column not in table.column_names:
                raise LookupError(f"no column {column!r}; {nearest(column, table.column_names)}")
            table = _where(table, column, value)
        return PlotTable(table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        return f"PlotTable({len(self)} rows: {', '.join(tables.names(self.table, 'plot')) or 'no plots'})"


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One finished evaluation.

    Attributes:
      metrics: the metric table.
      plots: the plot table.
      verdict: whether the candidate may be deployed, with every check; None if nothing was judged.
      run: how it came about: versions, inputs with digests, counts, timings, warnings (the content of run.json).
      config: the complete EvalConfig.
      output: the folder with its files, or None if it was not written.
    """

    metrics: MetricTable
    plots: PlotTable = dataclasses.field(default_factory=lambda: PlotTable(tables.PLOTS_SCHEMA.empty_table()))
    verdict: Verdict | None = None
    run: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    config: Any = None
    output: str | None = None

    @functools.cached_property
    def plot(self) -> Figures:
        """Its figures: ``result.plot.roc()`` and others return matplotlib's Axes; needs matplotlib when they draw."""
        from evaluator_component.report.figures import Figures

        return Figures(self)

    def show(self, static: bool = False) -> None:
        """Shows the report in a notebook cell; elsewhere prints verdict, checks, overall metrics and the worst slices.

        Args:
          static: In a notebook, show a page that stays in the notebook's file, instead of a widget.
        """
        from evaluator_component.report import showing

        showing.show(self, static=static)

    def show_slices(self, metric: str | None = None, *, min_examples: int = 100, static: bool = False) -> None:
        """Shows the slices, worst first, in a notebook cell; elsewhere prints them.

        Args:
          metric: The metric's result name, or its last part ("recall" also finds
            "fairness_indicators_metrics/recall@0.5"); by default the first that has a threshold, else the first.
          min_examples: Slices with fewer examples are left out; small ones are the worst by chance.
          static: As for `show`.

        Raises:
          LookupError: There is no such metric; the message has the nearest names.
        """
        from evaluator_component.report import showing

        showing.show_slices(self, metric, min_examples=min_examples, static=static)

    def show_plots(self, slice: str = OVERALL, *, static: bool = False) -> None:  # noqa: A002
        """Shows the plots of a slice in a notebook cell.

        Args:
          slice: The slice's name, as in the table: "Overall" or "a=1, b=x".
          static: As for `show`.

        Raises:
          LookupError: There is no such slice, or it has no plots; the message has the nearest names.
        """
        from evaluator_component.report import showing

        showing.show_plots(self, slice, static=static)

    def show_fairness(
        self,
        feature: str | None = None,
        metric: str | None = None,
        base: str = OVERALL,
        *,
        min_examples: int | None = None,
        static: bool = False,
    ) -> None:
        """Shows in a notebook cell how a metric differs between the slices of a feature; elsewhere prints them.

        Args:
          feature: The feature; by default the first of the slices.
          metric: The metric's result name, or its last part ("recall" also finds
            "fairness_indicators_metrics/recall@0.5"); by default the first that has a threshold, else the first.
          base: The slice that the others are compared with.
          min_examples: Slices with fewer examples are left out; by default none where they are printed, and those
            that the page leaves out in a notebook.
          static: As for `show`.

        Raises:
          LookupError: There is no such metric, feature or slice; the message has the nearest names.
        """
        from evaluator_component.report import showing

        showing.show_fairness(self, feature, metric, base, min_examples=min_examples, static=static)

    def __repr__(self) -> str:
        verdict = "not judged" if self.verdict is None else self.verdict.outcome
        where = f", {self.output}" if self.output else ""
        return f"Evaluation({verdict}, {self.metrics!r}{where})"


def _where(table: pa.Table, column: str, value: str | bool) -> pa.Table:
    values = table.column(column)
    if not pa.types.is_dictionary(values.type):
        return table.filter(pc.equal(values, value))
    found = table.filter(tables.equal(values, str(value)))
    if table.num_rows and not found.num_rows:
        raise LookupError(f"no {column} {value!r}; {nearest(str(value), tables.names(table, column))}")
    return found


def _differences(rows: pa.Table) -> str:
    """Returns what tells rows apart that should be one: the columns of their key with more than one value."""
    several = []
    for column in tables.METRICS_KEY:
        values = sorted(pc.unique(rows.column(column)).to_pylist())
        if len(values) > 1:
            shown = [f"{column}={value!r}" for value in values[:_SHOWN]]
            several.append(" or ".join([*shown, *(["…"] if len(values) > _SHOWN else [])]))
    return f"; say which: {'; '.join(several)}" if several else ""


def _candidate(table: pa.Table) -> str:
    """Returns the candidate's name: the model whose rows carry changes, or the only one."""
    models = tables.names(table, "model")
    if CANDIDATE in models or len(models) < 2:
        return CANDIDATE if CANDIDATE in models else "".join(models)
    compared = tables.names(table.filter(pc.is_valid(table.column("change"))), "model")
    return compared[0] if compared else models[0]
