"""One metric over the groups of a feature, compared with one of them or with the overall slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.errors import nearest
from evaluator_component.report import wording
from evaluator_component.report.slice_values import groups_of, metric_named
from evaluator_component.results import tables
from evaluator_component.results.arguments import whole_number
from evaluator_component.slicing.names import OVERALL, Group, format_pair, parse_slice
from evaluator_component.stats.differences import difference_limits

if TYPE_CHECKING:
    import pandas as pd

    from evaluator_component.results.arguments import whole_number
from evaluator_component.results import MetricTable

_SCHEMA: Final = pa.schema(
    [
        ("slice", pa.string()),
        ("n", pa.int64()),
        ("value", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("difference", pa.float64()),
        ("difference_lower", pa.float64()),
        ("difference_upper", pa.float64()),
        ("ratio", pa.float64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class GroupTable:
    """The groups of a feature beside what they are compared with.

    Attributes:
      table: A row for each group in order of the feature's values, that of ``base`` first: slice, n, value with lower
        and upper, difference from the base with difference_lower and difference_upper, ratio to the base, and the
        reason where the value is undefined (NaN). What is unknown is null.
      metric: The metric's name in the results.
      base: The slice that the others are compared with.
      weighted: Whether examples count by their weight.
    """

    table: pa.Table
    metric: str
    base: str
    weighted: bool

    def to_pandas(self) -> pd.DataFrame:
        """Returns the rows as a pandas DataFrame. Needs pandas."""
        return self.table.to_pandas()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        return f"GroupTable({len(self)} slices by {self.metric}, compared with {self.base})"


def compare(
    metrics: MetricTable,
    metric: str,
    feature: str,
    base: str = OVERALL,
    *,
    min_examples: int = 0,
    independent: bool = True,
    **keys: str | bool,
) -> GroupTable:
    """Compares the groups of a feature; see `MetricTable.compare`."""
    min_examples = whole_number("min_examples", min_examples, 0)
    keys = {"split": tables.merged_split(metrics.table), "model": metrics.candidate, **keys}
    found = metrics.filter(**keys)
    metric = metric_named(metric, tables.names(found.table, "metric"))
    found = found.filter(metric=metric)
    for column in ("output", "sub_key"):
        if column not in keys and "" in tables.names(found.table, column):
            found = found.filter(**{column: ""})
    weighted = bool(keys.get("weighted", pc.any(found.table.column("weighted")).as_py()))
    table = found.filter(weighted=weighted).table
    rows: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        if row["slice"] in rows:
            raise LookupError(f"several rows of {metric!r} in slice {row['slice']!r}: name the output or sub_key")
        rows[row["slice"]] = row
    groups = groups_of(feature, list(rows), metric)
    bases = [name for name in (OVERALL, *groups) if name in rows]
    if base not in bases:
        raise LookupError(f"no slice {base!r} to compare with; {nearest(base, bases)}")
    overlap = OVERALL in rows and sum(rows[name]["n"] or 0 for name in groups) > (rows[OVERALL]["n"] or 0)
    apart = independent and not overlap and base != OVERALL
    shown = [name for name in groups if name != base and (rows[name]["n"] or 0) >= min_examples]
    made = [_compared(rows, name, base, apart=apart and _alike(name, base)) for name in (base, *shown)]
    return GroupTable(pa.Table.from_pylist(made, schema=_SCHEMA), metric, base, weighted)


def _compared(rows: Mapping[str, Mapping[str, Any]], name: str, base: str, *, apart: bool) -> dict[str, Any]:
    """The row of one group."""
    own, other = rows[name], rows[base]
    kept = {column: own[column] for column in ("slice", "n", "value", "lower", "upper", "reason")}
    if name == base:
        return {**kept, "difference": None, "ratio": None}
    value, against = (np.nan if row["value"] is None else row["value"] for row in (own, other))
    difference = value - against
    lower, upper = None, None
    there, back = rows.get(format_pair(name, base)), rows.get(format_pair(base, name))
    ends = [row[column] for row in (own, other) for column in ("value", "lower", "upper")]
    if there is not None and there["lower"] is not None:
        lower, upper = there["lower"], there["upper"]
    elif back is not None and back["lower"] is not None:
        lower, upper = -back["upper"], -back["lower"]
    elif apart and all(end is not None and np.isfinite(end) for end in ends):
        lower, upper = difference_limits(ends[:3], ends[3:])
    ratio = value / against if against else np.nan
    return {
        **kept,
        "difference": difference,
        "difference_lower": lower,
        "difference_upper": upper,
        "ratio": ratio,
    }


def _alike(name: str, base: str) -> bool:
    """Whether both are values of the feature or both are groups of values: a group can hold the value."""
    kinds = [isinstance(value, Group) for slice_name in (name, base) for _, value in parse_slice(slice_name)]
    return len(set(kinds)) == 1


def cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the table as text: slice, n, value, interval, difference, its interval, ratio, reason."""
    return [
        row["slice"],
        "" if row["n"] is None else f"{row['n']:,}",
        wording.number(row["value"]),
        wording.interval(row["lower"], row["upper"]),
        wording.change(row["difference"]),
        wording.interval(row["difference_lower"], row["difference_upper"], wording.change),
        wording.number(row["ratio"]),
        row["reason"] or "",
    ]
