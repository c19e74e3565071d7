"""Data and models that several folders of tests share; TensorFlow is imported only by what asks for them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import trips


@dataclass(frozen=True)
class Material:
    """A data set of three blocks in one file, and models for it.

    Attributes:
        trips: The data.
        plain, gz: The same records, in one file each.
        spread: A folder with them in five files, some gz and some not.
        good, weak: SavedModels that take serialized examples.
    """

    trips: trips.Trips
    plain: Path
    gz: Path
    spread: Path
    good: Path
    weak: Path


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    root = tmp_path_factory.mktemp("trips")
    made = trips.make_trips(20_000)
    bounds = [0, 100, 4_100, 13_000, 19_999, 20_000]
    for i, (start, stop) in enumerate(itertools.pairwise(bounds)):
        trips.write_records(root / "spread" / f"data-{i:05d}-of-00005", made.records[start:stop], gz=i % 2 == 1)
    return Material(
        made,
        trips.write_records(root / "plain" / "trips", made.records),
        trips.write_records(root / "gz" / "trips", made.records, gz=True),
        root / "spread",
        trips.export_scorer(root / "good", "good"),
        trips.export_scorer(root / "weak", "weak"),
    )
