"""The candidate's rows of the metric table as arrays: names as integer codes, in one canonical order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.errors import ConfigError, nearest
from evaluator_component.results.tables import NAME, codes_and_words
from evaluator_component.slicing.names import OVERALL

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Span = slice
"""A range of rows; the class below has a field named ``slice``."""

_NAMES = ("metric", "split", "slice", "output", "sub_key")
_FLOATS = (
    "value",
    "weighted_n",
    "bracket_lower",
    "bracket_upper",
    "baseline_value",
    "change",
    "change_bracket_lower",
    "change_bracket_upper",
    "std_error",
    "effective_n",
    "df",
    "skewness",
    "change_std_error",
    "change_df",
    "change_skewness",
    "trials",
    "gained",
    "lost",
)
_METHODS = ("interval_method", "change_interval_method")


@dataclass(frozen=True)
class Frame:
    """One row per (metric, split, slice, output, sub_key, weighted), sorted by it; the overall slice comes first.

    ``metric``, ``split``, ``slice``, ``output`` and ``sub_key`` are codes into ``words`` of that name. Numbers that
    the table leaves null are NaN, and -1 in ``n``. ``reason`` and ``baseline_reason`` are codes into
    ``words["reason"]``, and methods into words of their own; -1 where there is none.
    """

    words: Mapping[str, list[str]]
    metric: Codes
    split: Codes
    slice: Codes
    output: Codes
    sub_key: Codes
    weighted: npt.NDArray[np.bool_]
    n: Codes
    value: Floats
    weighted_n: Floats
    bracket_lower: Floats
    bracket_upper: Floats
    baseline_value: Floats
    change: Floats
    change_bracket_lower: Floats
    change_bracket_upper: Floats
    std_error: Floats
    effective_n: Floats
    df: Floats
    skewness: Floats
    change_std_error: Floats
    change_df: Floats
    change_skewness: Floats
    trials: Floats
    gained: Floats
    lost: Floats
    baseline_std_error: Floats
    interval_method: Codes
    change_interval_method: Codes
    reason: Codes
    baseline_reason: Codes
    directions: Mapping[str, str | None]
    model: str

    def __len__(self) -> int:
        return len(self.metric)

    @property
    def splits(self) -> list[str]:
        """The names of the splits, by code."""
        return self.words["split"]

    @property
    def slices(self) -> list[str]:
        """The names of the slices, by code."""
        return self.words["slice"]

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs, by code."""
        return self.words["output"]

    @cached_property
    def metric_rows(self) -> Mapping[str, Span]:
        """The rows of each metric that the candidate has, which lie together."""
        names = self.words["metric"]
        edges = np.searchsorted(self.metric, np.arange(len(names) + 1))
        return {name: Span(int(edges[i]), int(edges[i + 1])) for i, name in enumerate(names) if edges[i] < edges[i + 1]}

    @cached_property
    def slices_of_split(self) -> Mapping[int, Codes]:
        """For each split the codes of the slices in it, sorted."""
        pairs = np.unique(self.split * len(self.slices) + self.slice)
        split = pairs // max(len(self.slices), 1)
        return {int(code): pairs[split == code] % len(self.slices) for code in np.unique(split)}

    @cached_property
    def size_of_slice(self) -> Mapping[int, Codes]:
        """For each split the number of examples of each slice by its code; -1 where none is on record."""
        sizes = {code: np.full(len(self.slices), -1, np.int64) for code in self.slices_of_split}
        for code, of_split in sizes.items():
            rows = self.split == code
            np.maximum.at(of_split, self.slice[rows], self.n[rows])
        return sizes


def read_frame(table: pa.Table, candidate: str, baseline: str) -> Frame:
    """Returns the candidate's rows of a metric table, with the baseline's reasons joined to them.

    Raises:
      ConfigError: the table has rows, but none of the candidate's name.
    """
    coded = {name: _codes(table, name) for name in (*_NAMES, *_METHODS, "model", "direction", "reason")}
    models = coded["model"][1]
    if table.num_rows and candidate not in models:
        raise ConfigError(f"model_specs: the results hold no model named {candidate!r}; {nearest(candidate, models)}")
    words = {name: coded[name][1] for name in (*_NAMES, *_METHODS, "reason")}
    weighted = np.asarray(table.column("weighted").to_numpy(), dtype=bool)
    key = _joined_key(words, {name: coded[name][0] for name in _NAMES}, weighted)
    rows = _rows_of(coded["model"], candidate)
    rows = rows[np.argsort(key[rows], kind="stable")]
    others = _rows_of(coded["model"], baseline)
    errors = np.asarray(table.column("std_error").to_numpy(), dtype=np.float64)
    n = pc.fill_null(table.column("n"), -1).to_numpy()[rows]
    floats = {name: np.asarray(table.column(name).to_numpy(), dtype=np.float64)[rows] for name in _FLOATS}
    codes = {name: coded[name][0][rows] for name in (*_NAMES, *_METHODS, "reason")}
    columns: dict[str, npt.NDArray[Any]] = {**codes, **floats}
    return Frame(
        words=words,
        weighted=weighted[rows],
        n=np.asarray(n, dtype=np.int64),
        baseline_reason=_look_up(key[rows], key, others[coded["reason"][0][others] >= 0], coded["reason"][0], -1),
        baseline_std_error=_look_up(key[rows], key, others, errors, np.nan),
        directions=_directions(words["metric"], codes["metric"], coded["direction"], rows),
        model=candidate,
        **columns,
    )


def _codes(table: pa.Table, name: str) -> tuple[Codes, list[str]]:
    column = table.column(name)
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode().cast(NAME)
    codes, words = codes_and_words(column)
    return codes.astype(np.int64), words.to_pylist()


def _rows_of(models: tuple[Codes, list[str]], name: str) -> Codes:
    codes, words = models
    if name not in words:
        return np.zeros(0, np.int64)
    return np.flatnonzero(codes == words.index(name))


def _joined_key(words: Mapping[str, list[str]], codes: Mapping[str, Codes], weighted: npt.NDArray[np.bool_]) -> Codes:
    """Returns one integer per row that sorts as (metric, split, overall first, slice, output, sub_key, weighted)."""
    slices = codes["slice"]
    if OVERALL in words["slice"]:
        overall = words["slice"].index(OVERALL)
        slices = np.where(slices == overall, 0, slices + (slices < overall))
    key = np.zeros(len(slices), np.int64)
    for name in _NAMES:
        key = key * max(len(words[name]), 1) + (slices if name == "slice" else codes[name])
    return key * 2 + weighted


def _look_up(wanted: Codes, key: Codes, rows: Codes, values: npt.NDArray[Any], otherwise: float) -> npt.NDArray[Any]:
    """Returns for each wanted key the value of the row among ``rows`` that has it, or ``otherwise``."""
    found = np.full(len(wanted), otherwise, values.dtype)
    if not len(rows):
        return found
    rows = rows[np.argsort(key[rows], kind="stable")]
    place = np.minimum(np.searchsorted(key[rows], wanted), len(rows) - 1)
    hit = key[rows][place] == wanted
    found[hit] = values[rows[place[hit]]]
    return found


def _directions(
    metrics: list[str], metric: Codes, direction: tuple[Codes, list[str]], rows: Codes
) -> dict[str, str | None]:
    codes, words = direction
    result: dict[str, str | None] = {metrics[code]: None for code in np.unique(metric)}
    codes = codes[rows]
    for code, word in enumerate(words):
        result.update({metrics[int(m)]: word for m in np.unique(metric[codes == code])})
    return result
