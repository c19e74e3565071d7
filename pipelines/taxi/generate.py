"""Makes taxi-like trips: the same numbers on every machine, no download.

The columns are those of Chicago's open taxi data as TFX's examples use them. What is to be predicted is `big_tipper`:
was the tip more than a fifth of the fare? Two things are planted:

- Who pays in cash leaves no tip on record; among card payments the fare, the company and the hour matter.
- From 4 to 5 in the morning (`WEAK_HOUR`) a tip is a coin toss that nothing in the trip explains. Every model is weak
  there, and an overall figure hides it, since few trips start at that hour.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import pyarrow as pa

ROWS = 20_000
SEED = 20_240
WEAK_HOUR = 4
LABEL = "big_tipper"

_HOUR_WEIGHTS = (6, 5, 4, 3, 5, 2, 2, 3, 5, 7, 7, 6, 7, 7, 7, 7, 8, 8, 9, 10, 10, 8, 8, 7)
_PAYMENT_TYPES = {"Cash": 0.620, "Credit Card": 0.365, "No Charge": 0.008, "Unknown": 0.005, "Dispute": 0.002}
# name: (share of the trips that name a company, how much its passengers are inclined to tip)
_COMPANIES = {
    "Lakeshore Cab": (0.42, 0.3),
    "Prairie Taxi": (0.20, -0.5),
    "Second City Cars": (0.15, 0.8),
    "Union Drivers": (0.11, 0.0),
    "Windy Rides": (0.08, -1.0),
    "Elevated Taxi": (0.04, 0.5),
}
_AREAS = 77
_BASE_FARE, _FARE_PER_MILE, _FARE_PER_MINUTE = 3.25, 1.80, 0.20


def trips(rows: int = ROWS, seed: int = SEED) -> pa.Table:
    """Returns `rows` trips as a table with the columns of the taxi data, missing values as nulls."""
    rng = np.random.default_rng(seed)
    when = _times(rng, rows)
    place = _places(rng, rows)
    ride = _rides(rng, rows)
    tips, label = _tips(rng, ride, when["trip_start_hour"])
    absent = _missing(rng, rows)

    def column(values: np.ndarray, missing: str = "") -> pa.Array:
        return pa.array(values, mask=absent[missing] if missing else None)

    return pa.table(
        {
            "pickup_community_area": column(place["pickup_area"], "pickup"),
            "fare": column(ride["fare"]),
            "trip_start_month": column(when["trip_start_month"]),
            "trip_start_hour": column(when["trip_start_hour"]),
            "trip_start_day": column(when["trip_start_day"]),
            "trip_start_timestamp": column(when["trip_start_timestamp"]),
            "pickup_latitude": column(place["pickup_latitude"], "pickup"),
            "pickup_longitude": column(place["pickup_longitude"], "pickup"),
            "dropoff_latitude": column(place["dropoff_latitude"], "dropoff"),
            "dropoff_longitude": column(place["dropoff_longitude"], "dropoff"),
            "trip_miles": column(ride["miles"]),
            "pickup_census_tract": column(place["pickup_tract"], "pickup_tract"),
            "dropoff_census_tract": column(place["dropoff_tract"], "dropoff_tract"),
            "payment_type": column(ride["payment_type"]),
            "company": column(ride["company"], "company"),
            "trip_seconds": column(ride["seconds"], "seconds"),
            "dropoff_community_area": column(place["dropoff_area"], "dropoff"),
            "tips": column(tips),
            LABEL: column(label),
        }
    )


def write_csv(path: str | Path, rows: int = ROWS, seed: int = SEED) -> Path:
    """Writes `rows` trips to a CSV file, making its folder, and returns its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    table = trips(rows, seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        # Not Arrow's writer: it quotes the header, and CsvExampleGen takes the quotes as part of the names.
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return path


def _times(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """When the trips start: quarters of an hour in the years 2013 to 2016, days of the week from Sunday = 1."""
    first = np.datetime64("2013-01-01", "D")
    date = first + rng.integers(0, 4 * 365, rows)
    hour = rng.choice(24, rows, p=np.array(_HOUR_WEIGHTS) / sum(_HOUR_WEIGHTS))
    seconds = date.astype("datetime64[s]").astype(np.int64) + hour * 3600 + rng.integers(0, 4, rows) * 900
    return {
        "trip_start_timestamp": seconds,
        "trip_start_hour": hour.astype(np.int64),
        "trip_start_day": (date.astype(np.int64) + 4) % 7 + 1,  # 1970-01-01 was a Thursday
        "trip_start_month": date.astype("datetime64[M]").astype(np.int64) % 12 + 1,
    }


def _places(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """Where they start and end: areas with a centre each, a few of them very popular."""
    popularity = 1.0 / np.arange(1, _AREAS + 1)
    popularity = rng.permutation(popularity / popularity.sum())
    latitude = np.round(rng.uniform(41.66, 42.02, _AREAS), 9)
    longitude = np.round(rng.uniform(-87.91, -87.54, _AREAS), 9)
    columns: dict[str, np.ndarray] = {}
    for end in ("pickup", "dropoff"):
        area = rng.choice(_AREAS, rows, p=popularity)
        columns[f"{end}_area"] = area + 1
        columns[f"{end}_latitude"] = latitude[area]
        columns[f"{end}_longitude"] = longitude[area]
        columns[f"{end}_tract"] = 17_031_000_000 + (area + 1) * 10_000 + rng.integers(1, 5, rows) * 100
    return columns


def _rides(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """How far, how long, for how much, with whom and paid how."""
    miles = np.round(rng.lognormal(0.6, 0.9, rows), 1)
    minutes = np.maximum(1.0, miles * rng.uniform(2.5, 6.0, rows) + rng.exponential(3.0, rows)).round()
    fare = _BASE_FARE + _FARE_PER_MILE * miles + _FARE_PER_MINUTE * minutes
    meter_was_off = rng.random(rows) < 0.2
    return {
        "miles": np.where(meter_was_off, 0.0, miles),
        "seconds": (minutes * 60).astype(np.int64),
        "fare": np.round(np.round(fare / 0.05) * 0.05, 2),
        "company": rng.choice(list(_COMPANIES), rows, p=[share for share, _ in _COMPANIES.values()]),
        "payment_type": rng.choice(list(_PAYMENT_TYPES), rows, p=list(_PAYMENT_TYPES.values())),
    }


def _tips(rng: np.random.Generator, ride: dict[str, np.ndarray], hour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tips and whether each is more than a fifth of the fare."""
    inclination = np.select([ride["company"] == name for name in _COMPANIES], [by for _, by in _COMPANIES.values()])
    logit = 1.2 + inclination - 0.16 * np.minimum(ride["fare"] - 9.0, 20.0) + 0.4 * ((hour >= 17) & (hour <= 22))
    chance = np.where(ride["payment_type"] == "Credit Card", 1.0 / (1.0 + np.exp(-logit)), 0.002)
    chance = np.where(hour == WEAK_HOUR, 0.4, chance)
    generous = rng.random(len(hour)) < chance
    share = np.where(generous, 0.21 + rng.exponential(0.07, len(hour)), rng.uniform(0.0, 0.19, len(hour)))
    nothing = ~generous & ((ride["payment_type"] != "Credit Card") | (rng.random(len(hour)) < 0.15))
    tips = np.round(np.where(nothing, 0.0, share * ride["fare"]), 2)
    return tips, (tips > 0.2 * ride["fare"]).astype(np.int64)


def _missing(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """Which values were not recorded. Area, latitude and longitude of one end of a trip are lost together."""
    shares = {
        "pickup": 0.002,
        "dropoff": 0.03,
        "pickup_tract": 0.98,
        "dropoff_tract": 0.28,
        "company": 0.34,
        "seconds": 0.001,
    }
    absent = {name: rng.random(rows) < share for name, share in shares.items()}
    absent["dropoff_tract"] |= absent["dropoff"]
    return absent


def main() -> None:
    """Writes the trips to a file."""
    parser = argparse.ArgumentParser(description="Write deterministic taxi-like trips as CSV.")
    parser.add_argument("output", type=Path, help="the CSV file to write")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    print(write_csv(options.output, options.rows, options.seed))


if __name__ == "__main__":
    main()
