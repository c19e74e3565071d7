"""Groups, filters and SQL on real columns of taxi trips, against pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evaluator_component.config import load_config
from evaluator_component.engine.survey import quantile_edges
from evaluator_component.slicing.codes import membership
from evaluator_component.slicing.specs import check_kinds, groupings
from tests.slicing.test_codes import Arrays, check_form

TRIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "taxi" / "taxi.csv"
KINDS = {
    "fare": "float",
    "company": "string",
    "payment_type": "string",
    "trip_start_hour": "int",
    "trip_miles": "float",
}

pytestmark = pytest.mark.skipif(not TRIPS.exists(), reason="the taxi trips are not beside the checkout")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    frame = pd.read_csv(TRIPS, usecols=list(KINDS))
    for name in ("fare", "trip_miles"):
        frame[name] = frame[name].astype(np.float32)
    return frame


@pytest.fixture(scope="module")
def columns(frame: pd.DataFrame) -> Arrays:
    def lists(name: str) -> pa.ListArray:
        if KINDS[name] == "string":
            return pa.array([[] if pd.isna(v) else [v.encode()] for v in frame[name]], pa.list_(pa.binary()))
        kind = {"float": pa.float32(), "int": pa.int64()}[KINDS[name]]
        return pa.array([[] if pd.isna(v) else [v] for v in frame[name]], pa.list_(kind))

    return Arrays({name: lists(name) for name in KINDS})


def counts(columns: Arrays, size: int, spec: dict[str, Any]) -> dict[str, int]:
    """How many trips each slice has."""
    groups = groupings(load_config({"slicing_specs": [spec]}).slicing_specs)
    check_kinds(groups, KINDS)
    found = membership(groups, columns, size)
    check_form(found, size)
    number = np.bincount(found.codes, minlength=len(found.names))
    return dict(zip(found.names, number.tolist(), strict=True))


def test_buckets(frame: pd.DataFrame, columns: Arrays) -> None:
    edges = [5, 7.45, 10, 20.05]
    spec = {"feature_keys": ["fare"], "values": [{"feature": "fare", "edges": edges, "missing": True}]}
    fares = pd.read_csv(TRIPS).fare  # as they are written
    bins = pd.cut(fares, [-np.inf, *edges, np.inf], right=False, labels=False)
    names = ["fare∈(-∞,5)", "fare∈[5,7.45)", "fare∈[7.45,10)", "fare∈[10,20.05)", "fare∈[20.05,∞)"]
    expected = {name: int((bins == i).sum()) for i, name in enumerate(names)}
    missing = {"fare∈missing": int(fares.isna().sum())} if fares.isna().any() else {}
    assert counts(columns, len(frame), spec) == expected | missing


def test_quantiles(frame: pd.DataFrame, columns: Arrays) -> None:
    numbers, number = np.unique(frame.trip_miles.dropna().astype(float), return_counts=True)
    edges = quantile_edges(numbers, numbers, number.astype(float), 5)
    spec = {
        "feature_keys": ["trip_miles"],
        "values": [{"feature": "trip_miles", "quantiles": 5, "found_edges": list(edges)}],
    }
    found = list(counts(columns, len(frame), spec).values())
    assert sum(found) == number.sum()
    most_common = number.max()
    assert all(abs(count - sum(found) / 5) <= most_common for count in found)


def test_most_frequent_companies(frame: pd.DataFrame, columns: Arrays) -> None:
    frequent = frame.company.value_counts()
    top = frequent.index[:4].tolist()
    values = {"feature": "company", "top": 4, "found_values": top, "missing": True}
    found = counts(columns, len(frame), {"feature_keys": ["company"], "values": [values]})
    expected = {f"company={name}": int(frequent[name]) for name in top}
    expected["company∈other"] = int(frequent.sum() - frequent[top].sum())
    expected["company∈missing"] = int(frame.company.isna().sum())
    assert found == expected


def test_patterns(frame: pd.DataFrame, columns: Arrays) -> None:
    values = {"feature": "company", "pattern": r"^(\d{4}) -"}
    found = counts(columns, len(frame), {"feature_keys": ["company"], "values": [values]})
    named = frame.company.dropna().str.extract(r"^(\d{4}) -")[0].fillna("other").value_counts()
    assert found == {f"company∈{name}": int(number) for name, number in named.items()}


def test_a_filter_crossed_with_prefixes(frame: pd.DataFrame, columns: Arrays) -> None:
    spec = {
        "feature_keys": ["payment_type"],
        "values": [{"feature": "payment_type", "prefix": 2}],
        "filter": "fare > 10 AND company IS NOT NULL AND trip_start_hour BETWEEN 6 AND 9",
        "filter_name": "mornings",
    }
    mask = (frame.fare > 10) & frame.company.notna() & frame.trip_start_hour.between(6, 9)
    number = frame[mask].payment_type.str[:2].value_counts()
    expected = {f"filter∈mornings, payment_type∈{name}*": int(count) for name, count in number.items()}
    assert counts(columns, len(frame), spec) == expected


def test_sql(frame: pd.DataFrame, columns: Arrays) -> None:
    statement = """
        SELECT STRUCT(payment_type AS paid, IF(fare > 20, 'long', 'short') AS trip)
        FROM example.payment_type, example.fare WHERE ARRAY_LENGTH(example.company) = 0
    """
    chosen = frame[frame.company.isna() & frame.fare.notna()]
    number = chosen.assign(trip=np.where(chosen.fare > 20, "long", "short")).groupby(["payment_type", "trip"]).size()
    expected = {f"paid={paid}, trip={trip}": int(count) for (paid, trip), count in number.items()}
    assert counts(columns, len(frame), {"slice_keys_sql": statement}) == expected
