"""Intervals of 95 % hold the truth about 95 times of 100; the full table is in docs/statistics.md."""

from __future__ import annotations

import pytest

from tests.statistics.coverage import simulate
from tests.statistics.worlds import worlds

CELLS = [
    ("accuracy 0.5", 2000, 2000),
    ("accuracy 0.9", 200, 2000),
    ("accuracy 0.98", 2000, 2000),
    ("clusters", 2000, 1000),
    ("AUC 0.75", 200, 2000),
    ("AUC 0.95", 2000, 1000),
    ("calibrated", 200, 2000),
    ("calibrated", 2000, 1000),
    ("weighted", 2000, 1000),
    ("rare positives", 2000, 2000),
    ("paired", 200, 2000),
    ("paired", 2000, 1000),
    ("ranked", 200, 1000),
]


@pytest.mark.parametrize(("name", "size", "runs"), CELLS)
def test_intervals_hold_the_truth(name: str, size: int, runs: int) -> None:
    for found in simulate(worlds()[name], size, runs, seed=2):
        assert found.without == 0
        assert 0.93 <= found.covered <= 0.97, found
        assert 0.93 <= found.ratio <= 1.07, found
