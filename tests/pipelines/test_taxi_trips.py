"""The generated trips: always the same, shaped like the real ones, and weak where the demo says."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

COLUMNS = [
    ("pickup_community_area", "int64"),
    ("fare", "double"),
    ("trip_start_month", "int64"),
    ("trip_start_hour", "int64"),
    ("trip_start_day", "int64"),
    ("trip_start_timestamp", "int64"),
    ("pickup_latitude", "double"),
    ("pickup_longitude", "double"),
    ("dropoff_latitude", "double"),
    ("dropoff_longitude", "double"),
    ("trip_miles", "double"),
    ("pickup_census_tract", "int64"),
    ("dropoff_census_tract", "int64"),
    ("payment_type", "string"),
    ("company", "string"),
    ("trip_seconds", "int64"),
    ("dropoff_community_area", "int64"),
    ("tips", "double"),
    ("big_tipper", "int64"),
]


@pytest.fixture
def generate(taxi: Path) -> Any:
    import generate

    return generate


@pytest.fixture
def trips(generate: Any) -> pa.Table:
    return generate.trips()


def numbers(trips: pa.Table, *names: str) -> list[np.ndarray]:
    return [trips[name].to_numpy() for name in names]


def test_same_trips_every_time(generate: Any, trips: pa.Table) -> None:
    assert trips.equals(generate.trips())
    assert not trips.equals(generate.trips(seed=generate.SEED + 1))


def test_columns_and_size(trips: pa.Table) -> None:
    assert [(field.name, str(field.type)) for field in trips.schema] == COLUMNS
    assert trips.num_rows == 20_000


def test_missing_values(trips: pa.Table) -> None:
    share = {name: trips[name].null_count / trips.num_rows for name in trips.column_names}
    assert 0.3 < share["company"] < 0.4
    assert 0.95 < share["pickup_census_tract"] < 1
    assert 0.2 < share["dropoff_census_tract"] < 0.4
    assert 0 < share["trip_seconds"] < 0.01
    assert share["dropoff_latitude"] == share["dropoff_community_area"] > 0
    always = ("fare", "trip_start_hour", "payment_type", "trip_miles", "tips", "big_tipper")
    assert [name for name in always if share[name]] == []


def test_label_is_a_tip_of_more_than_a_fifth(trips: pa.Table) -> None:
    fare, tips, label = numbers(trips, "fare", "tips", "big_tipper")
    np.testing.assert_array_equal(label, tips > 0.2 * fare)
    assert 0.2 < label.mean() < 0.35


def test_calendar_agrees_with_the_timestamp(trips: pa.Table) -> None:
    hour, day, month, stamp = numbers(
        trips, "trip_start_hour", "trip_start_day", "trip_start_month", "trip_start_timestamp"
    )
    import datetime as dt

    when = [dt.datetime.fromtimestamp(seconds, dt.timezone.utc) for seconds in stamp[:500].tolist()]
    assert [moment.hour for moment in when] == hour[:500].tolist()
    assert [moment.month for moment in when] == month[:500].tolist()
    assert [moment.isoweekday() % 7 + 1 for moment in when] == day[:500].tolist()


def test_file_reads_back(generate: Any, trips: pa.Table, tmp_path: Path) -> None:
    with generate.write_csv(tmp_path / "made" / "trips.csv").open(newline="") as file:
        assert '"' not in file.readline()
        file.seek(0)
        rows = list(csv.DictReader(file))
    assert len(rows) == trips.num_rows
    assert [row["company"] or None for row in rows[:50]] == trips["company"][:50].to_pylist()
    assert [float(row["fare"]) for row in rows[:50]] == trips["fare"][:50].to_pylist()


def test_models_are_weak_in_the_planted_hour_only(generate: Any, trips: pa.Table) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    hour, label = numbers(trips, "trip_start_hour", generate.LABEL)
    columns = ["fare", "trip_miles", "trip_seconds", "trip_start_hour", "payment_type", "company"]
    features = np.column_stack([_as_numbers(trips[name]) for name in columns])
    train = np.arange(trips.num_rows) % 3 != 0
    model = HistGradientBoostingClassifier(max_iter=50, random_state=0).fit(features[train], label[train])
    score = model.predict_proba(features[~train])[:, 1]
    auc = {
        value: roc_auc_score(label[~train][hour[~train] == value], score[hour[~train] == value]) for value in range(24)
    }
    assert roc_auc_score(label[~train], score) > 0.92
    assert auc.pop(generate.WEAK_HOUR) < 0.65
    assert min(auc.values()) > 0.85


def _as_numbers(column: pa.ChunkedArray) -> np.ndarray:
    array = column.combine_chunks()
    if pa.types.is_string(array.type):
        array = array.dictionary_encode().indices
    return np.asarray(array.to_pandas(), dtype=np.float64)
