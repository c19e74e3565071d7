"""Edges of quantiles, against counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.engine.survey import quantile_edges

law = settings(deadline=None, derandomize=True, max_examples=300)


def edges_of(values: list[float], quantiles: int) -> tuple[float, ...]:
    numbers, counts = np.unique(np.array(values, np.float64), return_counts=True)
    return quantile_edges(numbers, numbers, counts.astype(float), quantiles)


@law
@given(
    st.lists(st.integers(-20, 20).map(float) | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60),
    st.integers(2, 8),
)
def test_every_bucket_holds_something_and_no_edge_is_nearer_to_its_share(values: list[float], quantiles: int) -> None:
    edges = edges_of(values, quantiles)
    values = [value + 0.0 for value in values]
    below = [sum(value < edge for value in values) for edge in edges]
    counts = np.diff([0, *below, len(values)])
    assert (counts > 0).all()
    assert len(edges) < quantiles
    possible = sorted({sum(value < edge for value in values) for edge in values} - {0})
    for k in range(1, quantiles) if possible else ():
        share = k * len(values) / quantiles
        best = min(abs(mass - share) for mass in possible)
        assert min(abs(mass - share) for mass in below) == pytest.approx(best)


@law
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2), st.integers(2, 8))
def test_single_precision_is_parted_in_the_same_place(values: list[float], quantiles: int) -> None:
    for edge in edges_of(values, quantiles):
        singles = np.array(values, np.float32)
        assert ((singles >= np.float32(edge)) == (np.array(values) >= edge)).all()


@pytest.mark.parametrize(
    ("values", "quantiles", "expected"),
    [
        ([1, 2, 3, 4], 2, (3.0,)),
        ([1, 2, 3, 4], 4, (2.0, 3.0, 4.0)),
        ([1, 1, 1, 1, 2], 4, (2.0,)),
        ([5, 5, 5], 4, ()),
        ([17.3, 18.2, 24.9, 25.1], 2, (20.0,)),
        ([0.123456, 0.123789], 2, (0.1237,)),
        ([-3, -2], 2, (-2.0,)),
        ([2**24, 2**24 + 1], 2, (2.0**24 + 1,)),
    ],
)
def test_examples(values: list[float], quantiles: int, expected: tuple[float, ...]) -> None:
    assert edges_of(values, quantiles) == expected
