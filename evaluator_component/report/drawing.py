"""Marks on Axes of matplotlib, in one style: colours that colour-blind readers tell apart, and dashes for print.

The numbers come from the modules beside this one; nothing is computed here but places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluator_component.report import wording
from evaluator_component.report.class_matrices import ClassMatrix
from evaluator_component.report.curves import Curve, Distribution, Reliability
from evaluator_component.report.plot_rows import Float64
from evaluator_component.report.slice_values import SliceValues

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Candidate, baseline, further models. (Okabe & Ito 2008)"""
DASHES: Final = ("-", "--", ":", "-.")
MARKERS: Final = ("o", "s", "^", "D")
GREY: Final = "#767676"
PALE: Final = "#D9D9D9"
_MARKED: Final = 25
"""A curve of so few points shows where they are."""
_LONGEST: Final = 40
"""Characters of a name on an axis; what is longer is cut in its middle."""
_LETTER: Final = 0.075
"""About how wide a letter of a name is, in inches."""
_ROW: Final = 0.36
"""Half of the height of a row that a bound crosses."""


def new_axes(ax: Axes | None, width: float = 4.8, height: float = 4.0) -> Axes:
    """Returns the Axes given, or those of a new figure of so many inches.

    Raises:
      ImportError: matplotlib is not there.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'evaluator-component[plot]'") from error
    made: Axes = plt.subplots(figsize=(width, height), layout="constrained")[1]
    return made


def shortened(names: Sequence[str], longest: int = _LONGEST) -> list[str]:
    """Returns names of at most so many characters, cut in their middle; those that become alike are numbered."""
    head = longest // 3
    cut = [name if len(name) <= longest else f"{name[:head]}…{name[head + 1 - longest :]}" for name in names]
    kept = {short: {name for name, other in zip(names, cut, strict=True) if other == short} for short in cut}
    order = {name: place for same in kept.values() for place, name in enumerate(sorted(same), start=1)}
    return [
        short if len(kept[short]) == 1 else f"{short} ({order[name]})" for name, short in zip(names, cut, strict=True)
    ]


def room(names: Sequence[str], usual: int) -> float:
    """Returns how many inches the shortened names need beyond those of a usual length."""
    return _LETTER * max(0, max(map(len, shortened(names)), default=0) - usual)


def finish(ax: Axes, title: str, x: str, y: str, *, legend: str | None = "best") -> Axes:
    """Writes title, axis labels and legend, and takes away what shows no data."""
    ax.set_title(title, loc="left", fontsize="medium")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    if legend is not None:
        ax.legend(loc=legend, fontsize="small", edgecolor="none", framealpha=0.8)
    return ax


def curve(ax: Axes, place: int, drawn: Curve, label: str) -> None:
    """Draws a curve of the model at a place: 0 for the candidate, above the others."""
    ax.plot(
        drawn.x,
        drawn.y,
        color=COLOURS[place % len(COLOURS)],
        linestyle=DASHES[place % len(DASHES)],
        drawstyle="steps-pre" if drawn.steps else "default",
        linewidth=1.8,
        marker=MARKERS[place % len(MARKERS)] if len(drawn.x) <= _MARKED else "",
        markersize=3.5,
        zorder=3 - 0.1 * place,
        label=label,
    )


def reference(ax: Axes, x: Sequence[float], y: Sequence[float], label: str) -> None:
    """Draws a line to compare with."""
    ax.plot(x, y, color=GREY, linewidth=1.0, linestyle=(0, (1, 2)), zorder=1, label=label)


def unit_square(ax: Axes) -> None:
    """Shows shares from 0 to 1 on both axes, alike."""
    ax.set_xlim(-0.01, 1.01)
    ax.set_ylim(-0.01, 1.01)
    ax.set_aspect("equal")
    ax.grid(color=PALE, linewidth=0.6)


def reliability(ax: Axes, place: int, found: Reliability, label: str) -> None:
    """Draws mean label by mean prediction, with the limits where they are known."""
    below, above = found.mean_label - found.lower, found.upper - found.mean_label
    ax.errorbar(
        found.mean_prediction,
        found.mean_label,
        yerr=None if np.isnan(below).all() else np.maximum(np.nan_to_num([below, above]), 0.0),
        color=COLOURS[place % len(COLOURS)],
        linestyle=DASHES[place % len(DASHES)],
        marker=MARKERS[place % len(MARKERS)],
        markersize=4,
        linewidth=1.4,
        elinewidth=1.0,
        capsize=2,
        zorder=3 - 0.1 * place,
        label=label,
    )


def distribution(ax: Axes, place: int, found: Distribution, model: str) -> None:
    """Draws densities: the candidate's filled, those of other models as outlines; one colour for each class."""
    from matplotlib.colors import to_rgba

    colours = {"positive": COLOURS[0], "negative": COLOURS[1], "all": COLOURS[0]}
    for name, density in found.densities.items():
        ax.stairs(
            density,
            found.edges,
            fill=place == 0,
            facecolor=to_rgba(colours[name], 0.35) if place == 0 else None,
            edgecolor=colours[name],
            linestyle=DASHES[place % len(DASHES)],
            linewidth=1.0 if place == 0 else 1.4,
            label=model if name == "all" else f"{model}, {name}",
        )


def beyond(ax: Axes, found: Sequence[Distribution]) -> None:
    """Draws the scores beyond the edges as bars beside them, each with its share as its area, and says where they are.

    All distributions are of the same plot, and drawn in the order of `distribution`.
    """
    from matplotlib.colors import to_rgba

    left, right = float(found[0].edges[0]), float(found[0].edges[-1])
    width = (right - left) / 10
    closed = found[0].closed_below
    sides = [
        (left - 2 * width, [one.below for one in found], f"{left:g} and below" if closed else f"below {left:g}"),
        (right + width, [one.above for one in found], f"above {right:g}" if closed else f"{right:g} and above"),
    ]
    for start, models, text in sides:
        shares = [(place, name, share) for place, one in enumerate(models) for name, share in one.items() if share > 0]
        for place, name, share in shares:
            colour = COLOURS[1] if name == "negative" else COLOURS[0]
            ax.stairs(
                [share / width],
                [start, start + width],
                fill=place == 0,
                facecolor=to_rgba(colour, 0.35) if place == 0 else None,
                edgecolor=colour,
                linestyle=DASHES[place % len(DASHES)],
                linewidth=1.0 if place == 0 else 1.4,
            )
        if shares:
            height = max(share for _, _, share in shares) / width
            ax.text(start + width / 2, height, text, ha="center", va="bottom", fontsize="small")


def matrix(
    ax: Axes, shares: Float64, texts: Sequence[Sequence[str]] | None, names: tuple[Sequence[str], Sequence[str]]
) -> Any:
    """Draws shares ``[rows, columns]`` as a heat map with texts in its cells; returns the image."""
    names = (shortened(names[0]), shortened(names[1]))
    image = ax.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0.0, vmax=1.0, aspect="equal")
    ax.set_yticks(range(shares.shape[0]), names[0])
    rotation = 90 if max(map(len, names[1])) * len(names[1]) > 60 else 0
    ax.set_xticks(range(shares.shape[1]), names[1], rotation=rotation)
    for (row, column), share in np.ndenumerate(shares):
        if texts is None:
            break
        colour = "white" if share > 0.55 else "black"
        size = 10 if len(shares) <= 4 else 7
        ax.text(column, row, texts[row][column], ha="center", va="center", color=colour, fontsize=size)
    return image


def top_confusions(
    ax: Axes, models: Sequence[tuple[str, ClassMatrix]], pairs: Sequence[tuple[int, int]], names: Sequence[str]
) -> None:
    """Draws the weight of pairs of classes: bars of the candidate, and a mark for each other model."""
    rows = np.arange(len(pairs))
    for place, (model, found) in enumerate(models):
        weights = [found.weights[pair] if max(pair) < len(found.weights) else 0.0 for pair in pairs]
        if place == 0:
            ax.barh(rows, weights, color=COLOURS[0], height=0.7, label=model, zorder=2)
        else:
            ax.plot(weights, rows, linestyle="", marker=MARKERS[place % 4], color=COLOURS[place], label=model, zorder=3)
    short = shortened(names, _LONGEST // 2)
    ax.set_yticks(rows, [f"{short[actual]} → {short[predicted]}" for actual, predicted in pairs])
    ax.invert_yaxis()
    ax.grid(axis="x", color=PALE, linewidth=0.6)


def whiskers(ax: Axes, values: SliceValues, labels: Sequence[str]) -> None:
    """Draws the values of each model, one row a slice, with intervals and bounds; says where nothing is defined."""
    rows = np.arange(len(values.slices), dtype=np.float64)
    offsets = np.linspace(-0.14, 0.14, len(values.models)) if len(values.models) > 1 else [0.0]
    for place, (found, offset, label) in enumerate(zip(values.models.values(), offsets, labels, strict=True)):
        reach = np.maximum(np.nan_to_num([found.value - found.lower, found.upper - found.value]), 0.0)
        ax.errorbar(
            found.value,
            rows + offset,
            xerr=reach if np.isfinite(found.lower).any() else None,
            linestyle="",
            marker=MARKERS[place % len(MARKERS)],
            markersize=5,
            color=COLOURS[place % len(COLOURS)],
            elinewidth=1.4,
            zorder=3 - 0.1 * place,
            label=label,
        )
    _draw_bounds(ax, values)
    undefined = np.all([~np.isfinite(found.value) for found in values.models.values()], axis=0)
    for row in np.flatnonzero(undefined).tolist():
        ax.text(
            0.01, row, wording.UNDEFINED, transform=ax.get_yaxis_transform(), va="center", color=GREY, fontsize="small"
        )
    ax.set_yticks(rows, [f"{name}  (n = {n:,})" for name, n in zip(shortened(values.slices), values.n, strict=True)])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="x", color=PALE, linewidth=0.6)


def _draw_bounds(ax: Axes, values: SliceValues) -> None:
    for kind, bounds in values.bounds.items():
        rows, positions = np.array([row for row, _ in bounds]), [position for _, position in bounds]
        distinct = {round(position, 12) for position in positions}
        label = kind + (f" {wording.number(positions[0])}" if len(distinct) == 1 else "")
        style = "dotted" if "change" in kind else "solid"
        ax.vlines(
            positions, rows - _ROW, rows + _ROW, color="black", linewidth=1.4, linestyle=style, zorder=2, label=label
        )
