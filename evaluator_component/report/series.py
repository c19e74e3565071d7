"""Metrics of a history as series: one value per version."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from evaluator_component.report import wording
from evaluator_component.results import tables

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_NAMED: Final = ("slice", "metric", "output", "sub_key")


@dataclasses.dataclass(frozen=True)
class Series:
    """The values of one metric in one slice.

    Attributes:
      slice: the slice.
      name: the metric, with what tells it from others.
      direction: "higher" or "lower" is better; "" for neither.
      there: bool[versions], whether the version has the metric at all.
      values: float64[versions]; NaN where it is undefined or not there.
      lower: float64[versions], lower ends of the intervals; NaN where there is none.
      upper: float64[versions], upper ends.
      sizes: int64[versions], examples in the slice.
    """

    slice: str
    name: str
    direction: str
    there: npt.NDArray[np.bool_]
    values: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64]
    upper: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.int64]

    def change(self, version: int) -> float | None:
        """The change from the version before that has the metric; None without one."""
        before = np.flatnonzero(self.there[:version])
        return float(self.values[version] - self.values[before[-1]]) if self.there[version] and len(before) else None

    @property
    def latest(self) -> int:
        """The last version that has the metric."""
        return int(np.flatnonzero(self.there)[-1])


def series_of(table: pa.Table, versions: int) -> list[Series]:
    """Returns the series of a history's rows, which are of one split per version, by metric and slice."""
    if not table.num_rows:
        return []
    coded = [tables.codes_and_words(table.column(name)) for name in _NAMED]
    weighted = np.asarray(table.column("weighted").to_numpy(), dtype=np.int64)
    joined = np.zeros(table.num_rows, dtype=np.int64)
    for codes, words in coded:
        joined = joined * len(words) + codes
    _, first, row = np.unique(joined * 2 + weighted, return_index=True, return_inverse=True)
    row, version = row.reshape(-1), table.column("version").to_numpy()

    def placed(values: Any, empty: float) -> Any:
        grid = np.full((len(first), versions), empty, dtype=values.dtype)
        grid[row, version] = values
        return grid

    floats = {
        name: placed(np.asarray(pc.fill_null(table.column(name), np.nan).to_numpy(), np.float64), np.nan)
        for name in ("value", "lower", "upper")
    }
    there = placed(np.ones(table.num_rows, dtype=bool), False)
    sizes = placed(np.asarray(pc.fill_null(table.column("n"), 0).to_numpy(), np.int64), 0)
    words_of = [words.to_pylist() for _, words in coded]
    directions = table.column("direction").take(first).to_pylist()
    both = _with_and_without_weights(coded[1][0], weighted)
    found = []
    for index, at in enumerate(first.tolist()):
        place, metric, output, sub_key = (words[codes[at]] for words, (codes, _) in zip(words_of, coded, strict=True))
        name = wording.result_name(metric, output, sub_key, bool(weighted[at]), coded[1][0][at] in both)
        found.append(
            Series(
                place,
                name,
                directions[index] or "",
                there[index],
                floats["value"][index],
                floats["lower"][index],
                floats["upper"][index],
                sizes[index],
            )
        )
    return found


def sparkline(values: Sequence[float] | npt.NDArray[np.float64]) -> str:
    """Returns one character per value, from ▁ for the least to █ for the greatest; a space where it is not finite."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return " " * len(numbers)
    least, span = float(finite.min()), float(np.ptp(finite))
    middle = len(_BLOCKS) // 2 - 1
    return "".join(
        " "
        if not np.isfinite(number)
        else _BLOCKS[middle if span == 0 else round((number - least) / span * (len(_BLOCKS) - 1))]
        for number in numbers.tolist()
    )


def _with_and_without_weights(metrics: npt.NDArray[Any], weighted: npt.NDArray[np.int64]) -> set[int]:
    """The codes of the metrics that are there with weights and without."""
    return set(metrics[weighted == 1].tolist()) & set(metrics[weighted == 0].tolist())
