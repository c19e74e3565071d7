"""Figures of a metric over slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evaluator_component.report import drawing, wording
from evaluator_component.report.plotted import Place, title
from evaluator_component.report.slice_values import SliceValues
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from evaluator_component.results import Evaluation

_BELOW = 4.5
"""How far below the axes the legend is, in sizes of its font: below the axis label."""


def of_metric(evaluation: Evaluation, values: SliceValues, place: Place, ax: Axes | None) -> Axes:
    """Draws a dot, an interval and bounds for each slice; see `Figures.metric`."""
    ax = _axes(values, ax)
    drawing.whiskers(ax, values, list(values.models))
    return _finish(ax, evaluation, values, place)


def of_groups(evaluation: Evaluation, values: SliceValues, place: Place, ax: Axes | None) -> Axes:
    """Draws the groups of a feature and how far they are apart; see `Figures.fairness`."""
    labels = []
    for model in values.models:
        difference, ratio = values.spread(model)
        labels.append(f"{model}: groups differ by {wording.number(difference)}, ratio {wording.number(ratio)}")
    ax = _axes(values, ax)
    drawing.whiskers(ax, values, labels)
    own = next(iter(values.models.values())).value
    groups = own[[name != OVERALL for name in values.slices]]
    if np.isfinite(groups).any():
        ax.axvspan(np.nanmin(groups), np.nanmax(groups), color=drawing.COLOURS[0], alpha=0.08, linewidth=0, zorder=0)
    if OVERALL in values.slices:
        overall = own[values.slices.index(OVERALL)]
        ax.axvline(overall, color=drawing.GREY, linestyle=(0, (1, 2)), linewidth=1, zorder=1)
    return _finish(ax, evaluation, values, place)


def _axes(values: SliceValues, ax: Axes | None) -> Axes:
    return drawing.new_axes(ax, 6.4 + drawing.room(values.slices, 24), 1.6 + 0.28 * len(values.slices))


def _finish(ax: Axes, evaluation: Evaluation, values: SliceValues, place: Place) -> Axes:
    left_out = f"{values.left_out:,} smaller slices are left out" if values.left_out else ""
    heading = ", ".join(part for part in (title(evaluation, place), left_out) if part)
    detail = ", ".join(part for part in ("weighted" if values.weighted else "", _intervals(evaluation, values)) if part)
    drawing.finish(ax, heading, values.metric + (f" ({detail})" if detail else ""), "Slice (n: examples)", legend=None)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), borderaxespad=_BELOW, frameon=False, fontsize="small")
    return ax


def _intervals(evaluation: Evaluation, values: SliceValues) -> str:
    """What the whiskers are; "" without any."""
    if not any(np.isfinite(found.lower).any() for found in values.models.values()):
        return ""
    level = float(evaluation.config.intervals.level) if evaluation.config is not None else 0.0
    return f"{100 * level:.3g} % intervals" if level else "intervals"
