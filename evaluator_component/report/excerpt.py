"""The rows that people look at: the candidate's, the worst checks, and what plots say.

Each function returns a table and how much was left out of it, so that a report of very many slices stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.report import packing, wording
from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL, is_pair

if TYPE_CHECKING:
    from evaluator_component.gate import Checks

MAX_ROWS: Final = 20_000
"""Slices (of a split), and checks, that a report holds."""
MAX_PLOT_ROWS: Final = 400_000
"""Rows of plots that a report holds."""

METRIC_COLUMNS: Final = (
    "split", "slice", "output", "sub_key", "metric", "weighted", "value", "n", "weighted_n", "std_error", "lower",
    "upper", "effective_n", "bracket_lower", "bracket_upper", "interval_method", "baseline_value", "baseline_lower",
    "baseline_upper", "change", "change_lower", "change_upper", "change_interval_method", "p_value", "direction",
    "reason",
)  # fmt: skip
CHECK_COLUMNS: Final = (
    "split", "slice", "n", "effective_n", "metric", "output", "sub_key", "weighted", "rule", "path", "bound",
    "observed", "lower", "upper", "baseline", "change", "p_value", "adjusted_p_value", "family_size", "method",
    "detectable", "more_examples", "outcome", "cause",
)  # fmt: skip
_OF_BASELINE: Final = {"baseline_lower": "lower", "baseline_upper": "upper"}
_RESULT: Final = ("split", "metric", "output", "sub_key", "weighted")
_PLOT: Final = ("split", "slice", "model", "output", "sub_key", "plot", "weighted")
_CELLS: Final = ("true_positives", "false_positives", "true_negatives", "false_negatives")
_STEPS: Final = ("ConfusionMatrixPlot", "ScoreDistributionPlot")
_CUMULATIVE: Final = "GainLiftPlot"

Codes: TypeAlias = "npt.NDArray[np.int64]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"


def metric_rows(table: pa.Table, candidate: str, baseline: str | None, keep: frozenset[str]) -> tuple[pa.Table, int]:
    """Returns the candidate's rows and how many slices (of a split) were left out.

    Beside its own columns a row has ``baseline_lower`` and ``baseline_upper``, the interval of the baseline's value,
    and ``order``, the place of its slice among all: Overall first, ``hour=2`` before ``hour=10``, differences between
    slices last. Rows of one result stand together, in that order.

    Args:
      table: A metric table.
      candidate: The model whose rows are shown.
      baseline: The model that it was compared with.
      keep: Slices that are shown however small they are. Left out, beyond MAX_ROWS, are the smallest of the others.
    """
    rows = table.filter(tables.equal(table.column("model"), candidate))
    shown, left_out = _shown_slices(rows, keep)
    if left_out:
        rows = rows.filter(pa.array(shown))
    columns = {name: rows.column(name) for name in METRIC_COLUMNS if name not in _OF_BASELINE}
    if baseline is not None:
        other = table.filter(tables.equal(table.column("model"), baseline))
        columns |= _joined(rows, other, _OF_BASELINE)
    order = _natural_order(rows.column("slice"))
    parts = [_codes(rows.column(name)) for name in _RESULT]
    sorting = pa.array(np.argsort(_key([*parts, order]), kind="stable"))
    found = pa.table({name: columns[name] for name in METRIC_COLUMNS if name in columns})
    found = found.append_column("order", pa.array(order, pa.int32()))
    return packing.narrow(found.take(sorting)), left_out


def check_rows(checks: Checks) -> tuple[pa.Table, int]:
    """Returns the checks, worst first, with their margins and sentences, and how many were left out."""
    shown = checks.worst_first(MAX_ROWS)
    found = pa.table({name: shown.table.column(name) for name in CHECK_COLUMNS})
    found = found.append_column("margin", pa.array(shown.margins, pa.float64()))
    found = found.append_column("sentence", packing.texts(shown.sentences()))
    return packing.narrow(found), len(checks) - len(shown)


def plot_rows(table: pa.Table, metrics: pa.Table, keep: Sequence[frozenset[str]]) -> tuple[pa.Table, int]:
    """Returns the rows of all models' plots that say something, and how many slices (of a split) were left out.

    A bucket without examples says nothing, nor does a threshold with the same matrix as the one before it, unless it
    is the first or the last.

    Args:
      table: A plot table.
      metrics: The metric table, which knows how large slices are.
      keep: Slices that come before larger ones, the first set of them first. Left out are the last beyond
        MAX_PLOT_ROWS.
    """
    parts = [_codes(table.column(name)) for name in _PLOT]
    group, bucket = _key(parts), _codes(table.column("bucket"))
    sorting = np.lexsort([bucket, group])
    table, group = table.take(pa.array(sorting)), group[sorting]
    said = ~(_is_empty(table) | _is_repeated(table, group))
    table = table.filter(pa.array(said))
    left_out = 0
    if table.num_rows > MAX_PLOT_ROWS:
        shown, left_out = _shown_plots(table, metrics, keep)
        table = table.filter(pa.array(shown))
    return packing.narrow(table, wide=("lower", "upper")), left_out


def _shown_slices(rows: pa.Table, keep: frozenset[str]) -> tuple[Mask, int]:
    """Returns which rows are shown, and how many slices of a split are not."""
    names, place, sizes = _places(rows)
    shown = np.ones(len(names), dtype=bool)
    if len(names) > MAX_ROWS:
        first = np.array([name == OVERALL or name in keep for _, name in names])
        shown[np.lexsort((-sizes, ~first))[MAX_ROWS:]] = False
    return shown[place], int((~shown).sum())


def _shown_plots(table: pa.Table, metrics: pa.Table, keep: Sequence[frozenset[str]]) -> tuple[Mask, int]:
    """The same for plots, of which a slice has all or none; the first slice has all in any case."""
    known_names, _, known_sizes = _places(metrics)
    known = dict(zip(known_names, known_sizes.tolist(), strict=True))
    names, place, _ = _places(table)
    sizes = np.array([known.get(name, 0) for name in names])
    ranked = {name: rank for rank, part in reversed(list(enumerate(keep))) for name in part}
    rank = np.array([ranked.get(name, len(keep)) for _, name in names])
    order = np.lexsort((-sizes, rank))
    total = np.cumsum(np.bincount(place, minlength=len(names))[order])
    shown = np.zeros(len(names), dtype=bool)
    shown[order[: max(1, int((total <= MAX_PLOT_ROWS).sum()))]] = True
    return shown[place], int((~shown).sum())


def _places(rows: pa.Table) -> tuple[list[tuple[str, str]], Codes, Codes]:
    """Returns the (split, slice)s of the rows, sorted; which one each row is of; and their numbers of examples."""
    splits, split_words = tables.codes_and_words(rows.column("split"))
    slices, slice_words = tables.codes_and_words(rows.column("slice"))
    split_names, slice_names = split_words.to_pylist(), slice_words.to_pylist()
    width = max(1, len(slice_names))
    joined = splits.astype(np.int64) * width + slices
    there = np.zeros(len(split_names) * width, dtype=bool)
    there[joined] = True
    found = np.flatnonzero(there)
    place = (np.cumsum(there) - 1)[joined]
    sizes = np.zeros(len(found), dtype=np.int64)
    if "n" in rows.column_names:
        np.maximum.at(sizes, place, pc.fill_null(rows.column("n"), 0).to_numpy())
    names = [(split_names[code // width], slice_names[code % width]) for code in found.tolist()]
    return names, place, sizes


def _joined(rows: pa.Table, other: pa.Table, wanted: dict[str, str]) -> dict[str, pa.Array]:
    """Returns columns of another model's rows, by new names, at the rows of the same result in the same slice."""
    key = [*_RESULT, "slice"]
    both = pa.concat_tables([rows.select(key), other.select(key)])
    joined = _key([_codes(both.column(name)) for name in key])
    mine, theirs = joined[: rows.num_rows], joined[rows.num_rows :]
    order = np.argsort(theirs, kind="stable")
    place = np.searchsorted(theirs, mine, sorter=order)
    inside = place < len(theirs)
    place = order[place[inside]]
    matched = np.flatnonzero(inside)[theirs[place] == mine[inside]]
    place = place[theirs[place] == mine[inside]]
    found = {}
    for name, source in wanted.items():
        values = np.full(rows.num_rows, np.nan)
        values[matched] = pc.fill_null(other.column(source), np.nan).to_numpy()[place]
        found[name] = pa.array(values)
    return found


def _natural_order(slices: pa.ChunkedArray) -> Codes:
    """Returns each row's place among the slices as people order them."""
    codes, words = tables.codes_and_words(slices)
    names = words.to_pylist()
    order = sorted(range(len(names)), key=lambda code: (is_pair(names[code]), wording.natural(names[code])))
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return np.asarray(rank[codes], dtype=np.int64)


def _codes(column: pa.ChunkedArray) -> Codes:
    """Returns a column of names, truth values or whole numbers as codes that sort as its values do."""
    if pa.types.is_dictionary(column.type):
        return tables.codes_and_words(column)[0].astype(np.int64)
    return np.asarray(pc.fill_null(column.cast(pa.int64()), -1).to_numpy(), dtype=np.int64)


def _key(parts: Sequence[Codes]) -> Codes:
    """Returns one number per row that sorts as its parts do, the first slowest."""
    key = np.zeros(len(parts[0]), dtype=np.int64)
    size = 1
    for part in parts:
        span = int(part.max(initial=-1)) + 2
        if size * span >= 2**62:
            key = np.unique(key, return_inverse=True)[1].reshape(-1)
            size = int(key.max(initial=0)) + 1
        key = key * span + part + 1
        size *= span
    return key


def _is_empty(table: pa.Table) -> Mask:
    """Returns which rows are buckets without examples."""
    empty: Any = pc.fill_null(pc.equal(table.column("weighted_examples"), 0.0), False)
    cumulative: Any = tables.equal(table.column("plot_type"), _CUMULATIVE)
    found: Mask = np.asarray(empty.to_numpy(), dtype=bool) & ~np.asarray(cumulative.to_numpy(), dtype=bool)
    return found


def _is_repeated(table: pa.Table, group: Codes) -> Mask:
    """Returns which rows are thresholds, neither first nor last, with the cells of the threshold before."""
    repeated = np.zeros(table.num_rows, dtype=bool)
    if table.num_rows < 3:
        return repeated
    same_group = group[1:] == group[:-1]
    repeated[1:-1] = same_group[:-1] & same_group[1:]
    for name in _CELLS:
        cells = pc.fill_null(table.column(name), np.nan).to_numpy()
        repeated[1:] &= cells[1:] == cells[:-1]
    steps = np.zeros(table.num_rows, dtype=bool)
    for kind in _STEPS:
        steps |= np.asarray(tables.equal(table.column("plot_type"), kind).to_numpy(), dtype=bool)
    return repeated & steps
