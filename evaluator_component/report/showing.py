"""How evaluations and histories show themselves: as a page in a notebook cell, as text everywhere else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from evaluator_component.errors import nearest
from evaluator_component.report import groups, history_document, notebook, terminal, terminal_history, wording
from evaluator_component.report.columns import Column, fitted
from evaluator_component.report.document import evaluation_document, title
from evaluator_component.report.slice_values import features_of, metric_named
from evaluator_component.results import tables
from evaluator_component.results.arguments import whole_number
from evaluator_component.slicing.names import OVERALL, is_pair, parse_slice

if TYPE_CHECKING:
    from evaluator_component.results import Evaluation
    from evaluator_component.results.history import History

_WORST_FIRST: Final = {"page": "slices", "sort": "value"}


def show(evaluation: Evaluation, *, static: bool = False) -> None:
    """Shows the report, or prints verdict, checks, overall metrics and the worst slices."""
    if not _shown_in_notebook(evaluation, {}, static):
        terminal.show(evaluation, sys.stdout)


def show_slices(evaluation: Evaluation, metric: str | None, *, min_examples: int, static: bool = False) -> None:
    """Shows the slices, or prints them, worst first.

    Raises:
      LookupError: there is no such metric.
    """
    min_examples = whole_number("min_examples", min_examples, 0)
    metric = _metric(evaluation, metric)
    if not _shown_in_notebook(evaluation, {**_WORST_FIRST, "metric": metric, "min": min_examples}, static):
        terminal.show_slices(evaluation, metric, sys.stdout, min_examples=min_examples)


def show_plots(evaluation: Evaluation, slice_name: str, *, static: bool = False) -> None:
    """Shows the plots of a slice, or prints where they can be seen.

    Raises:
      LookupError: there is no such slice, or it has no plots.
    """
    plotted = tables.names(evaluation.plots.table, "slice")
    _check(slice_name, "slice with plots" if plotted else "slice", plotted or _of_candidate(evaluation, "slice"))
    if not _shown_in_notebook(evaluation, {"page": "plots", "slices": [slice_name]}, static):
        terminal.show_text(f"Plots need a notebook, or a page: {_page_of(evaluation)}", sys.stdout)


def show_fairness(
    evaluation: Evaluation,
    feature: str | None,
    metric: str | None,
    base: str = OVERALL,
    *,
    min_examples: int | None = None,
    static: bool = False,
) -> None:
    """Shows how a metric differs between the slices of a feature, or prints it.

    Raises:
      LookupError: there is no such metric, or no slice is made of this feature.
    """
    metric = _metric(evaluation, metric)
    _check(feature, "feature of slices", _features(evaluation))
    if min_examples is not None:
        min_examples = whole_number("min_examples", min_examples, 0)
    _check(base, "slice to compare with", _of_candidate(evaluation, "slice"))
    against = None if base == OVERALL else base
    state = {"page": "fairness", "feature": feature, "fair": metric, "base": against, "min": min_examples}
    if not _shown_in_notebook(evaluation, state, static):
        _print_groups(evaluation, feature, metric, base, min_examples or 0)


def _print_groups(
    evaluation: Evaluation, feature: str | None, metric: str | None, base: str, min_examples: int
) -> None:
    """Prints a table for each output and class that the metric is of."""
    console = terminal.console_of(sys.stdout)
    features = features_of(_of_candidate(evaluation, "slice"))
    known = _of_candidate(evaluation, "metric")
    judged = tables.names(evaluation.verdict.checks.table, "metric") if evaluation.verdict is not None else []
    metric = metric or next((name for name in (*judged, *known) if name in known), None)
    feature = feature or next(iter(features), None)
    if metric is None or feature is None:
        console.print("No slice is made of one feature alone.")
        return
    clustered = evaluation.config is not None and bool(evaluation.config.intervals.cluster_key)
    level = f"{100 * evaluation.config.intervals.level:g} %" if evaluation.config is not None else "interval"
    rows = evaluation.metrics.filter(metric=metric, model=evaluation.metrics.candidate).table
    for output in tables.names(rows, "output"):
        part = rows.filter(tables.equal(rows.column("output"), output))
        for sub_key in tables.names(part, "sub_key"):
            found = groups.compare(
                evaluation.metrics,
                metric,
                feature,
                base,
                min_examples=min_examples,
                independent=not clustered,
                output=output,
                sub_key=sub_key,
            )
            name = wording.result_name(metric, output, sub_key, found.weighted, found.weighted)
            console.print(_group_table(f"{name} by {feature}, compared with {base}", found, level, console.width))


def _group_table(heading: str, found: groups.GroupTable, level: str, width: int) -> Table:
    """Returns the groups as something that rich prints, without the columns that have nothing or find no room."""
    heads = ("slice", "examples", "value", level, "difference", level, "ratio", "")
    leaves = (None, None, None, 2, None, 1, 3, 4)
    rows = [groups.cells(row) for row in found.table.to_pylist()]
    columns = []
    for place, (head, leaving) in enumerate(zip(heads, leaves, strict=True)):
        cells = [Text(row[place]) for row in rows]
        is_text = place in (0, len(heads) - 1)
        if place < 3 or any(cell.plain for cell in cells):
            columns.append(Column(head, cells, folds=is_text, leaves=leaving, right=not is_text))
    return fitted(heading, columns, width)


def show_history(history: History, *, static: bool = False) -> None:
    """Shows a history, or prints its versions and how their metrics changed."""
    if notebook.in_notebook():
        document, name = history_document.history_document(history), history_document.title(history)
        notebook.display(document, name, static=static)
    else:
        terminal_history.show(history, sys.stdout)


def _shown_in_notebook(evaluation: Evaluation, state: Mapping[str, Any], static: bool) -> bool:
    """Shows the report, if this is a notebook; says whether it is."""
    if not notebook.in_notebook():
        return False
    said = {name: value for name, value in state.items() if value is not None}
    notebook.display(evaluation_document(evaluation, said), title(evaluation.verdict), static=static)
    return True


def _check(name: str | None, what: str, known: list[str]) -> None:
    if name is not None and name not in known:
        raise LookupError(f"no {what} {name!r}; {nearest(name, known)}")


def _metric(evaluation: Evaluation, name: str | None) -> str | None:
    return None if name is None else metric_named(name, _of_candidate(evaluation, "metric"))


def _of_candidate(evaluation: Evaluation, column: str) -> list[str]:
    """Returns the names in a column of the candidate's rows."""
    rows = evaluation.metrics.table
    return tables.names(rows.filter(tables.equal(rows.column("model"), evaluation.metrics.candidate)), column)


def _features(evaluation: Evaluation) -> list[str]:
    """Returns the features that slices are made of."""
    found: set[str] = set()
    for name in _of_candidate(evaluation, "slice"):
        if not is_pair(name):
            with contextlib.suppress(ValueError):  # a table from elsewhere may have other names
                found.update(feature for feature, _ in parse_slice(name))
    return sorted(found)


def _page_of(evaluation: Evaluation) -> str:
    """Returns how to get the report as a page."""
    if evaluation.output is None:
        return "give evaluate() an output folder, then: evaluator report FOLDER --open"
    return f"evaluator report {evaluation.output} --open"
