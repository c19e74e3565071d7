"""Which rows of an evaluation's tables a figure is made of, or why there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.config.options import metric_options
from evaluator_component.errors import nearest
from evaluator_component.metrics.registry import snake_case
from evaluator_component.report import drawing, wording
from evaluator_component.report.plot_rows import NoExampleError
from evaluator_component.results import PlotTable, tables

if TYPE_CHECKING:
    from evaluator_component.results import Evaluation

_Found = TypeVar("_Found")

BUCKETS: Final = ("CalibrationPlot", "ReliabilityDiagram")
CONFUSIONS: Final = ("ConfusionMatrixPlot", *BUCKETS)


@dataclass(frozen=True)
class Place:
    """Where in the tables a figure looks.

    Attributes:
      slice: The slice's name, such as "Overall" or "hour=2".
      split: The evaluated split; None for all of them.
      output: The model's output; "" if it has only one.
      sub_key: The class or the like; "" for the undivided problem.
    """

    slice: str
    split: str | None
    output: str
    sub_key: str


@dataclass(frozen=True)
class Plotted:
    """The rows of one plot in one slice.

    Attributes:
      plot: Its name.
      type: Its class name.
      weighted: Whether examples count by their weight.
      models: The rows of each model by its name, the candidate's first.
    """

    plot: str
    type: str
    weighted: bool
    models: Mapping[str, pa.Table]


def find(evaluation: Evaluation, what: str, types: Sequence[str], place: Place) -> list[Plotted]:
    """Returns the plots of these types in a slice: in the order of the types, then those of the most rows first.

    Args:
      evaluation: The evaluation.
      what: What is to be drawn, for the error.
      types: Class names of plots; the first is the one to ask for in the config.
      place: Where to look.

    Raises:
      LookupError: there is none; the message says which there are and what to add, or has the nearest names.
    """
    table = evaluation.plots
    if len(table):
        split = tables.merged_split(table.table) if place.split is None else place.split
        table = table.filter(split=split)
        outputs = tables.names(table.table, "output")
        if place.output not in outputs:
            raise LookupError(f"no output {place.output!r}; those with plots are {', '.join(map(repr, outputs))}")
        table = table.filter(output=place.output)
    there = [(name, _type_of(table.table, name)) for name in tables.names(table.table, "plot")]
    if not any(kind in types for _, kind in there):
        raise LookupError(_missing(what, types, there))
    table = PlotTable(table.table.filter(_any_of(table.table, "plot_type", types)))
    sub_keys = tables.names(table.table, "sub_key")
    if place.sub_key not in sub_keys:
        raise LookupError(f"no sub_key {place.sub_key!r} of such a plot; there are {', '.join(map(repr, sub_keys))}")
    table = table.filter(sub_key=place.sub_key)
    if place.slice not in tables.names(table.table, "slice"):
        raise LookupError(_no_slice(evaluation, place.slice, tables.names(table.table, "slice")))
    rows = table.filter(slice=place.slice).table
    found = [
        Plotted(name, kind, bool(part.column("weighted")[0].as_py()), _by_model(evaluation, part))
        for name, kind in there
        if (part := rows.filter(tables.equal(rows.column("plot"), name))).num_rows
    ]
    return sorted(found, key=lambda one: (types.index(one.type), -next(iter(one.models.values())).num_rows))


def each(
    evaluation: Evaluation, plotted: Plotted, place: Place, of: Callable[[pa.Table], _Found]
) -> list[tuple[str, _Found]]:
    """Returns name and numbers of each model; a LookupError about them says where they are from."""
    found = []
    for model, rows in plotted.models.items():
        try:
            found.append((model, of(rows)))
        except NoExampleError as error:
            reason = _reason(evaluation, place, model)
            said = f"{error} of {model}" + (f": {reason}" if reason else "")
            raise NoExampleError(f"{plotted.plot} of slice {place.slice!r}: {said}") from None
        except LookupError as error:
            raise LookupError(f"{plotted.plot} of slice {place.slice!r}: {error}") from None
    return found


def title(evaluation: Evaluation, place: Place) -> str:
    """Returns what a figure is of: the slice, and what else there is several of."""
    several = len(tables.names(evaluation.metrics.table, "split")) > 1 or place.split is not None
    split = tables.merged_split(evaluation.metrics.table) if place.split is None else place.split
    parts = [
        *drawing.shortened([place.slice], 60),
        wording.split_name(split) if several else "",
        place.output,
        place.sub_key,
    ]
    return ", ".join(part for part in parts if part)


def area_of(evaluation: Evaluation, plotted: Plotted, place: Place, model: str, kind: str) -> tuple[str, float] | None:
    """Returns name and value of the area that the metric table has for a curve; None where it has none.

    Args:
      evaluation: The evaluation.
      plotted: The plot that the curve is made of.
      place: Where it is.
      model: The model's name.
      kind: "ROC" (the metric AUC) or "PR" (AveragePrecision, else AUCPrecisionRecall).
    """
    table = evaluation.metrics.table
    split = tables.merged_split(table) if place.split is None else place.split
    keys = {"split": split, "slice": place.slice, "model": model, "output": place.output, "sub_key": place.sub_key}
    for column, value in keys.items():
        table = table.filter(tables.equal(table.column(column), value))
    table = table.filter(pc.equal(table.column("weighted"), plotted.weighted))
    for label, name in _area_names(evaluation, kind):
        values = table.filter(tables.equal(table.column("metric"), name)).column("value").to_pylist()
        if len(values) == 1 and values[0] is not None and np.isfinite(values[0]):
            return label, values[0]
    return None


def examples_per_weight(evaluation: Evaluation, plotted: Plotted, place: Place, model: str) -> float:
    """Returns to how many examples of equal weight a weight of 1 amounts in a slice: 1 without weights.

    With weights that is known of the whole slice, where the run had intervals, and taken to be alike in all buckets of
    scores; else it is NaN.
    """
    if not plotted.weighted:
        return 1.0
    table = evaluation.metrics.table
    split = tables.merged_split(table) if place.split is None else place.split
    for column, value in {"split": split, "slice": place.slice, "model": model, "output": place.output}.items():
        table = table.filter(tables.equal(table.column(column), value))
    table = table.filter(pc.and_(table.column("weighted"), pc.is_valid(table.column("effective_n"))))
    if not table.num_rows:
        return float("nan")
    return float(table.column("effective_n")[0].as_py() / table.column("weighted_n")[0].as_py())


def _reason(evaluation: Evaluation, place: Place, model: str) -> str:
    """Why the metrics of a model are undefined in a slice, by the metric table; "" where it does not say."""
    table = evaluation.metrics.table
    split = tables.merged_split(table) if place.split is None else place.split
    keys = {"split": split, "slice": place.slice, "model": model, "output": place.output, "sub_key": place.sub_key}
    for column, value in keys.items():
        table = table.filter(tables.equal(table.column(column), value))
    return str(next((reason for reason in table.column("reason").to_pylist() if reason), ""))


def _area_names(evaluation: Evaluation, kind: str) -> list[tuple[str, str]]:
    """Label and result name of the metrics whose value is the area, as the config names them, else by default."""
    classes = {"ROC": ("AUC",), "PR": ("AveragePrecision", "AUCPrecisionRecall")}[kind]
    labels = {"AUC": "AUC", "AveragePrecision": "average precision", "AUCPrecisionRecall": "AUC-PR"}
    found = []
    for name in classes:
        asked = [
            metric
            for spec in (evaluation.config.metrics_specs if evaluation.config is not None else ())
            for metric in spec.metrics
            if metric.class_name == name
        ]
        for metric in asked:
            options = metric_options(metric)
            if name != "AUC" or str(options.get("curve", "ROC")).upper() == kind:
                found.append((labels[name], str(options.get("name", snake_case(name)))))
        if not asked:
            found.append((labels[name], snake_case(name)))
    return found


def _by_model(evaluation: Evaluation, rows: pa.Table) -> dict[str, pa.Table]:
    models = tables.names(rows, "model")
    first = evaluation.metrics.candidate
    models.sort(key=lambda name: (name != first, name))
    return {name: rows.filter(tables.equal(rows.column("model"), name)) for name in models}


def _type_of(table: pa.Table, plot: str) -> str:
    return str(table.filter(tables.equal(table.column("plot"), plot)).column("plot_type")[0].as_py())


def _any_of(table: pa.Table, column: str, values: Sequence[str]) -> pa.ChunkedArray:
    return pc.is_in(table.column(column).cast(pa.string()), value_set=pa.array(list(values)))


def _missing(what: str, types: Sequence[str], there: Sequence[tuple[str, str]]) -> str:
    listed = ", ".join(name if name == snake_case(kind) else f"{name} ({kind})" for name, kind in there)
    return (
        f"nothing to draw {what} from: the plots are {listed or 'none'}; add {{class_name: {types[0]}}} to "
        f"metrics_specs[].metrics of the config" + (f" (or {' or '.join(types[1:])})" if types[1:] else "")
    )


def _no_slice(evaluation: Evaluation, name: str, plotted: Sequence[str]) -> str:
    if name in tables.names(evaluation.metrics.table, "slice"):
        return (
            f"slice {name!r} has metrics but no such plot (plots are of the engine.max_plot_slices largest slices); "
            f"{nearest(name, plotted)}"
        )
    return f"no slice {name!r}; {nearest(name, plotted)}"
