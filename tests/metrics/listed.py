"""A pass over lists in memory: the rows of one metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from evaluator_component.engine import finalise
from evaluator_component.engine.accumulate import accumulate, merge
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.slicing.codes import Membership
from tests.metrics.pass_over import Row, plan

Lists = Sequence[Sequence[Any]]


def rows(*given: Any) -> list[Row]:
    """The rows of :func:`evaluated` in the metric table."""
    return evaluated(*given)[0]


def evaluated(
    metric: Mapping[str, Any],
    columns: Mapping[str, Lists],
    weights: Sequence[float] | None = None,
    groups: Sequence[int] | None = None,
) -> tuple[list[Row], list[Row]]:
    """The metric's rows and its plot's, for lists by the name of their column; "" is the label, "p" the prediction."""
    planned = plan([metric], weighted=weights is not None)
    size = len(next(iter(columns.values())))
    parts = []
    for start in range(0, max(size, 1), 7):
        part = range(start, min(start + 7, size))
        records = {}
        for source in planned.sources:
            name = source.reads.key or {"label": "", "prediction": "p"}[source.reads.role]
            records[source] = as_array([columns[name][i] for i in part])
        own = np.arange(len(part), dtype=np.int32)
        codes, names = np.zeros(len(part), np.int32), ["Overall"]
        if groups is not None:
            own = np.repeat(own, 2)
            names += ["group=0", "group=1"]
            codes = np.array([code for i in part for code in (0, 1 + groups[i])], np.int32)
        weight = {} if weights is None else {"": np.array([weights[i] for i in part], float)}
        parts.append(
            accumulate(
                planned, Evaluated(Membership(own, codes, tuple(names)), {}, {}, weight, len(part), records=records)
            )
        )
    found, plots = finalise.finalise(planned, {"eval": merge(planned, parts)})
    return found.to_pylist(), plots.to_pylist()


def as_array(lists: Lists) -> pa.ListArray:
    values = [value for one in lists for value in one]
    kind = pa.binary() if any(isinstance(value, (str, bytes)) for value in values) else pa.float64()
    encoded = [[v.encode() if isinstance(v, str) else v for v in one] for one in lists]
    return pa.array(encoded, pa.list_(kind))


def overall(found: list[Row], name: str = "", sub_key: str = "") -> Row:
    (row,) = [
        row
        for row in found
        if row["slice"] == "Overall" and row["metric"] in (name or row["metric"],) and row["sub_key"] == sub_key
    ]
    return row
