"""The specification's row 35, on fewer runs than `python -m tests.statistics.whole_gate` makes."""

from __future__ import annotations

import numpy as np

from tests.statistics.whole_gate import SLICES, share_refused, share_seen

RUNS = 60
SIZES = np.geomspace(50, 1000, SLICES).astype(int)


def test_35_equal_models_are_seldom_refused():
    assert share_refused(RUNS, SIZES) <= 0.05 + 2.33 * np.sqrt(0.05 * 0.95 / RUNS)


def test_a_model_that_is_worse_on_one_slice_is_refused_for_it():
    assert share_seen(10, 0.9, SIZES) >= 0.9
