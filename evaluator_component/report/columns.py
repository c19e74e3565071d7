"""The data of the report's interactive tables: compact columns that the page's script sorts and filters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.report import wording
from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from evaluator_component.gate import Check, Checks

MAX_ROWS: Final = 20_000
"""Slices (and checks) that a report holds; a browser stays quick and the file below some 10 MB."""

Column = dict[str, Any]


def slice_columns(table: pa.Table, model: str, keep: frozenset[str] = frozenset()) -> tuple[list[Column], int]:
    """Returns the columns of the slice table and how many (split, slice) rows were left out.

    There is one row per split and slice, and per result one column of values, and one of changes where a baseline was
    evaluated. Left out, beyond MAX_ROWS, are the slices with the fewest examples that are not in ``keep``.
    """
    table = table.filter(tables.equal(table.column("model"), model))
    if not table.num_rows:
        return [], 0
    splits, split_words = tables.codes_and_words(table.column("split"))
    slices, slice_words = tables.codes_and_words(table.column("slice"))
    names = slice_words.to_pylist()
    places, row = np.unique(splits.astype(np.int64) * len(names) + slices, return_inverse=True)
    row = row.reshape(-1)
    sizes = np.zeros(len(places), dtype=np.int64)
    np.maximum.at(sizes, row, pc.fill_null(table.column("n"), 0).to_numpy())
    place_names = [names[code] for code in (places % len(names)).tolist()]
    shown = _shown(place_names, sizes, keep)
    position = np.full(len(places), -1, dtype=np.int64)
    position[shown] = np.arange(len(shown))
    columns: list[Column] = []
    if len(split_words) > 1:
        split_names = [wording.split_name(word) for word in split_words.to_pylist()]
        columns.append(_choice("split", "split", split_names, (places // len(names))[shown]))
    columns.append({"label": "slice", "kind": "text", "values": [place_names[index] for index in shown]})
    columns.append({"label": "examples", "kind": "count", "values": sizes[shown].tolist()})
    columns += _result_columns(table, position[row], sizes[shown])
    return columns, len(places) - len(shown)


def check_columns(checks: Checks) -> tuple[list[Column], int]:
    """Returns the columns of the table of all checks, worst first, and how many were left out."""
    shown = list(checks.worst_first(MAX_ROWS))
    if not shown:
        return [], 0
    outcomes = [name for name in wording.SEVERITY if any(check.outcome.value == name for check in shown)]
    splits = sorted({check.split for check in shown})
    columns: list[Column] = [
        _choice(
            "outcome",
            "outcome",
            [wording.OUTCOMES[name] for name in outcomes],
            np.array([outcomes.index(check.outcome.value) for check in shown], dtype=np.int64),
        )
    ]
    if len(splits) > 1:
        codes = np.array([splits.index(check.split) for check in shown], dtype=np.int64)
        columns.append(_choice("split", "split", [wording.split_name(split) for split in splits], codes))
    columns += [
        {"label": "slice", "kind": "text", "values": [check.slice for check in shown]},
        {"label": "examples", "kind": "count", "values": [check.n for check in shown]},
        {"label": "metric", "kind": "text", "values": [_check_metric(check) for check in shown]},
        {"label": "observed", "kind": "number", "values": _numbers([check.observed for check in shown])},
        {"label": "bound", "kind": "number", "values": _numbers([check.bound for check in shown])},
        {"label": "what was found", "kind": "sentence", "values": [check.sentence for check in shown]},
    ]
    return columns, len(checks) - len(shown)


def embedded(data: Any) -> str:
    """Returns JSON that is safe inside a script element: no character of it can end the element or open another."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "backslashreplace").decode()


def _check_metric(check: Check) -> str:
    return wording.result_name(check.metric, check.output, check.sub_key, weighted=False)


def _shown(names: list[str], sizes: npt.NDArray[np.int64], keep: frozenset[str]) -> list[int]:
    """Returns the places to show: Overall first, then by name."""
    shown = list(range(len(names)))
    if len(names) > MAX_ROWS:
        first = np.array([name == OVERALL or name in keep for name in names])
        shown = np.lexsort((-sizes, ~first))[:MAX_ROWS].tolist()
    return sorted(shown, key=lambda index: (wording.natural(names[index]), index))


def _result_columns(table: pa.Table, row: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> list[Column]:
    rows = len(sizes)
    coded = [tables.codes_and_words(table.column(name)) for name in ("metric", "output", "sub_key")]
    weighted = table.column("weighted").to_numpy()
    joined = np.zeros(table.num_rows, dtype=np.int64)
    for codes, names in coded:
        joined = joined * len(names) + codes
    joined = joined * 2 + weighted
    value, change = (_column(table, name) for name in ("value", "change"))
    compared = pc.is_valid(table.column("change")).to_numpy()
    reasons = table.column("reason")
    columns: list[Column] = []
    words = [word.to_pylist() for _, word in coded]
    for code in np.unique(joined):
        found = np.flatnonzero((joined == code) & (row >= 0))
        if not len(found):
            continue
        metric, output, sub_key = (word[codes[found[0]]] for word, (codes, _) in zip(words, coded, strict=True))
        name = wording.result_name(metric, output, sub_key, bool(weighted[found[0]]), _has_both(table, metric))
        direction = tables.names(table.take(pa.array(found[:1])), "direction")
        if metric == "example_count" and (value[found] == sizes[row[found]]).all():
            continue  # said by the column of examples
        placed = _placed(value, found, row, rows)
        column: Column = {"label": name, "kind": "number", "values": placed, "better": "".join(direction)}
        undefined = found[np.isnan(value[found])]
        if len(undefined):
            texts = reasons.take(pa.array(undefined)).to_pylist()
            column["notes"] = dict(zip(row[undefined].tolist(), texts, strict=True))
        columns.append(column)
        if compared[found].any():
            changes = _placed(change, found, row, rows)
            columns.append({"label": name, "kind": "change", "values": changes, "better": "".join(direction)})
    return columns


def _has_both(table: pa.Table, metric: str) -> bool:
    rows = table.filter(tables.equal(table.column("metric"), metric))
    return len(pc.unique(rows.column("weighted"))) == 2


def _column(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return np.asarray(pc.fill_null(table.column(name), np.nan).to_numpy(), dtype=np.float64)


def _placed(
    values: npt.NDArray[np.float64], found: npt.NDArray[np.int64], row: npt.NDArray[np.int64], rows: int
) -> list[float | str | None]:
    """Returns one entry per shown row: a number, None where it is undefined, and "" where there is no such result."""
    placed = np.full(rows, np.nan)
    placed[row[found]] = values[found]
    there = np.zeros(rows, dtype=bool)
    there[row[found]] = True
    out: list[float | str | None] = list(_round(placed))
    for index in np.flatnonzero(~there):
        out[int(index)] = ""
    return out


def _numbers(values: Sequence[float | None]) -> list[float | str | None]:
    rounded = _round(np.array([np.nan if value is None else value for value in values], dtype=np.float64))
    return ["" if value is None else number for value, number in zip(values, rounded, strict=True)]


def _round(values: npt.NDArray[np.float64]) -> list[float | str | None]:
    """Returns the numbers with six significant digits; NaN as None and infinities as words, for JSON has neither."""
    with np.errstate(all="ignore"):
        scale = 10.0 ** (5 - np.floor(np.log10(np.abs(values))))
        rounded = np.where((values == 0) | ~np.isfinite(scale), values, np.round(values * scale) / scale)
    out: list[float | str | None] = rounded.tolist()
    for index in np.flatnonzero(~np.isfinite(values)):
        out[int(index)] = None if np.isnan(values[index]) else ("∞" if values[index] > 0 else "−∞")
    return out


def _choice(label: str, name: str, words: list[str], codes: npt.NDArray[np.int64]) -> Column:
    return {"label": label, "kind": "choice", "name": name, "words": words, "codes": codes.tolist()}
