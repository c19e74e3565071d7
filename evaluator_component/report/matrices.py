"""Figures of confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from evaluator_component.report import drawing
from evaluator_component.report.class_matrices import ClassMatrix, class_matrix
from evaluator_component.report.curves import matrix_at
from evaluator_component.report.plot_rows import Float64, NoExampleError, confusions
from evaluator_component.report.plotted import BUCKETS, Place, Plotted, each, find, title
from evaluator_component.results import tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from evaluator_component.results import Evaluation

MOST_CLASSES: Final = 30
_TEXT_CLASSES: Final = 12
_TOP: Final = 20
_AT_THRESHOLD: Final = ("ConfusionMatrixPlot", "ConfusionMatrixAtThresholds", *BUCKETS)
_CLASSES: Final = ("MultiClassConfusionMatrixPlot", "MultiClassConfusionMatrixAtThresholds")
_SHARE: Final = "share of the actual class"


def has_classes(evaluation: Evaluation, place: Place) -> bool:
    """Whether an output has a matrix of several classes."""
    table = evaluation.plots.table
    rows = table.filter(tables.equal(table.column("output"), place.output))
    return not place.sub_key and bool(set(_CLASSES) & set(tables.names(rows, "plot_type")))


def at_threshold(evaluation: Evaluation, place: Place, threshold: float, ax: Axes | None) -> Axes:
    """Draws counts and shares of two classes at a threshold; see `Figures.confusion_matrix`."""
    plots = find(evaluation, "a confusion matrix", _AT_THRESHOLD, place)
    plotted, found = _first_with(evaluation, plots, place, threshold)
    (model, cells), *others = found
    shares = _shares(cells)
    lines = [[[_amount(cells[i, j]), f"{shares[i, j]:.1%}"] for j in range(2)] for i in range(2)]
    for other, matrix in others:
        for i, j in np.ndindex(2, 2):
            lines[i][j].append(f"{other} {_shares(matrix)[i, j]:.1%}")
    texts = [["\n".join(cell) for cell in row] for row in lines]
    negative, positive = _names(evaluation, place.output, 2) if place.sub_key == "" else ("negative", "positive")
    more = drawing.room([negative, positive], 12)
    ax = drawing.new_axes(ax, 4.8 + more, 4.0)
    drawing.matrix(ax, shares, texts, ((negative, positive), (negative, positive)))
    sign = "≥" if confusions(plotted.models[model]).inclusive else ">"
    detail = f"{model}: {'weight' if plotted.weighted else 'examples'} and {_SHARE}"
    return _finish(ax, title(evaluation, place), detail, f"Predicted class (positive: score {sign} {threshold:g})")


def of_classes(evaluation: Evaluation, place: Place, threshold: float | None, ax: Axes | None) -> Axes:
    """Draws the matrix of several classes, or of very many the heaviest confusions; see `Figures.confusion_matrix`."""
    plotted = find(evaluation, "a confusion matrix", _CLASSES, place)[0]
    known = len(evaluation.run.get("class_names", {}).get(place.output, ()))

    def made(rows: pa.Table) -> ClassMatrix:
        return class_matrix(rows, threshold, known)

    found = each(evaluation, plotted, place, made)
    count = max(len(matrix.weights) for _, matrix in found)
    names = _names(evaluation, place.output, count)
    accuracies = ", ".join(f"{model} {matrix.accuracy:.1%}" for model, matrix in found)
    heading = f"{title(evaluation, place)}; accuracy: {accuracies}"
    if count > MOST_CLASSES:
        return _top(heading, plotted, found, names, ax)
    (model, own), *others = found
    shares = own.shares
    size = max(4.8, 0.42 * len(names) + 2.2) + 1.6 * drawing.room(names, 12)  # room for the title, too
    ax = drawing.new_axes(ax, size, size)
    some_unpredicted = bool(own.weights[:, -1].any())
    columns = [*names[: len(own.weights)], "none"] if some_unpredicted else names[: len(own.weights)]
    shares = shares if some_unpredicted else shares[:, :-1]
    texts = None
    if count <= _TEXT_CLASSES:
        texts = [
            [_cell(own.weights, shares, [m.shares for _, m in others], i, j) for j in range(shares.shape[1])]
            for i in range(shares.shape[0])
        ]
    image = drawing.matrix(ax, shares, texts, (names[: len(own.weights)], columns))
    ax.figure.colorbar(image, ax=ax, label=_SHARE.capitalize(), shrink=0.8)
    above = f" (best score > {own.threshold:g})" if own.threshold > 0 else ""
    shown = [model, *(other for other, _ in others if texts)]
    return _finish(ax, heading, f"{_SHARE}: {', then '.join(shown)}", f"Predicted class{above}")


def _top(
    heading: str, plotted: Plotted, found: Sequence[tuple[str, ClassMatrix]], names: Sequence[str], ax: Axes | None
) -> Axes:
    pairs = found[0][1].top_confusions(_TOP)
    if not pairs:
        raise LookupError(
            "no example is predicted to be of another class than its own, so there is no confusion to draw"
        )
    ax = drawing.new_axes(ax, 6.0 + drawing.room(names, 18), 0.24 * len(pairs) + 1.6)
    drawing.top_confusions(ax, found, pairs, names)
    unit = "weight of examples" if plotted.weighted else "examples"
    return drawing.finish(ax, heading, f"Confusions ({unit})", "Actual → predicted class", legend="best")


def _first_with(
    evaluation: Evaluation, plots: Sequence[Plotted], place: Place, threshold: float
) -> tuple[Plotted, list[tuple[str, Float64]]]:
    """The first plot that has the threshold, with its matrices."""
    problems = []
    for plotted in plots:
        try:
            return plotted, each(evaluation, plotted, place, lambda rows: matrix_at(confusions(rows), threshold))
        except NoExampleError:
            raise
        except LookupError as error:
            problems.append(str(error))
    raise LookupError(
        f"{'; '.join(problems)}; to have this one, add {{class_name: ConfusionMatrixAtThresholds, config: "
        f"{{thresholds: [{threshold:g}]}}}} to metrics_specs[].metrics of the config"
    )


def _names(evaluation: Evaluation, output: str, count: int) -> list[str]:
    """The names of the classes as the run has them; "negative" and "positive" of two, else numbers."""
    known: list[Any] = list(evaluation.run.get("class_names", {}).get(output, ()))
    if count == 2 and len(known) != 2:
        return ["negative", "positive"]
    return [str(known[index]) if index < len(known) else str(index) for index in range(count)]


def _shares(cells: Float64) -> Float64:
    with np.errstate(invalid="ignore"):
        shares: Float64 = cells / cells.sum(axis=1, keepdims=True)
    return shares


def _cell(weights: Float64, shares: Float64, others: Sequence[Float64], i: int, j: int) -> str:
    own = f"{shares[i, j]:.1%}" if weights[i, j] else ("" if weights[i].any() else "–")
    second = [f"{other[i, j]:.1%}" for other in others if max(i, j) < len(other) and other[i, j] > 0]
    return "\n".join([own, *second])


def _amount(weight: float) -> str:
    return f"{weight:,.0f}" if float(weight).is_integer() else f"{weight:,.1f}"


def _finish(ax: Axes, heading: str, detail: str, x: str) -> Axes:
    drawing.finish(ax, f"{heading}\n{detail}", x, "Actual class", legend=None)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax
