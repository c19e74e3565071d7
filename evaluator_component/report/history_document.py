"""A history as one JSON text, which its page and its notebook widget show alike, and the page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.report import packing
from evaluator_component.report.document import as_text
from evaluator_component.report.html import render_page, write_page
from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from evaluator_component.results.history import History

MAX_ROWS: Final = 400_000
"""Metric rows of all versions that a page holds; a browser stays quick and the file below some 10 MB."""


def history_document(history: History, state: Mapping[str, Any] | None = None) -> str:
    """Returns the JSON text; the same for equal histories.

    ``meta`` holds the versions and all that is not a table, ``tables.history`` the metric rows as `packing.packed`
    writes them: ``version`` (index into the versions), names of split, slice, output, sub_key and metric, ``weighted``,
    ``value``, ``lower``, ``upper``, ``n``, ``direction`` and ``reason``. A column without any value is left out, and so
    are, beyond MAX_ROWS, the slices with the fewest examples; a notice says so.

    Args:
      history: what to show.
      state: what the view begins with: ``{"metric": "auc", "slices": ["hour=2"]}``. These slices are kept.
    """
    state = state or {}
    rows, left_out = _shown(history.table, frozenset([OVERALL, *state.get("slices", ())]))
    slices = "1 slice" if left_out == 1 else f"{left_out:,} slices"
    told = [f"{slices} with the fewest examples are left out of this page"] if left_out else []
    meta = {
        "kind": "history",
        "title": title(history),
        "versions": [
            {
                "label": version.label,
                "time": version.time,
                "blessed": version.blessed,
                "summary": version.summary,
                "model": version.model,
                "output": version.output,
                "examples": version.examples,
            }
            for version in history.versions
        ],
        "splits": tables.names(rows, "split"),  # that of all of them, "*", is the first
        "level": history.level,
        "notices": [*history.notices, *told],
        "state": state,
    }
    return as_text(meta, {"history": packing.narrow(rows)})


def title(history: History) -> str:
    """Returns what a page that shows the history is called."""
    return f"Model history: {len(history):,} version{'' if len(history) == 1 else 's'}"


def render_history(history: History, state: Mapping[str, Any] | None = None) -> str:
    """Returns the page as HTML; ``state`` is what the view begins with, as in `history_document`."""
    return render_page(history_document(history, state), title(history))


def write_history_report(
    history: History,
    path: str | os.PathLike[str],
    *,
    metric: str | None = None,
    slice: str | None = None,  # noqa: A002
) -> None:
    """Writes the page to a file; it begins with this metric in this slice, if they are given."""
    state = {"metric": metric, "slices": None if slice is None else [slice]}
    write_page(render_history(history, {name: value for name, value in state.items() if value is not None}), path)


def _shown(rows: pa.Table, keep: frozenset[str]) -> tuple[pa.Table, int]:
    """Returns the rows to show, and how many slices are left out: those to keep and the largest ones stay."""
    if rows.num_rows <= MAX_ROWS:
        return rows, 0
    codes, words = tables.codes_and_words(rows.column("slice"))
    sizes = np.zeros(len(words), dtype=np.int64)
    np.maximum.at(sizes, codes, pc.fill_null(rows.column("n"), 0).to_numpy())
    shown = np.array([name in keep for name in words.to_pylist()])
    order = np.lexsort((-sizes, ~shown))
    total = np.cumsum(np.bincount(codes, minlength=len(words))[order])
    shown[order[: max(1, int((total <= MAX_ROWS).sum()))]] = True
    return rows.filter(pa.array(shown[codes])), int((~shown).sum())
