"""The standard error of areas under ROC curves against the structural components of DeLong, DeLong & Clarke-Pearson."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.stats.areas import delong


def components(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of negatives below each positive, and of positives above each negative; ties half."""
    positives, negatives = scores[labels == 1], scores[labels == 0]
    wins = (positives[:, None] > negatives[None]) + 0.5 * (positives[:, None] == negatives[None])
    return wins.mean(axis=1), wins.mean(axis=0)


def of_components(*parts: np.ndarray) -> float:
    sums = tuple(np.array([part.sum()]) for part in parts)
    squares = tuple(np.array([(part**2).sum()]) for part in parts)
    counts = tuple(np.array([float(len(part))]) for part in parts)
    return float(delong(sums, squares, counts)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [6, 40, 500])
@pytest.mark.parametrize("tied", [False, True])
def test_it_is_the_sum_of_the_variances_of_the_components(size: int, tied: bool) -> None:
    rng = np.random.default_rng(size)
    labels = np.tile([0, 1, 1], size)[:size]
    scores = rng.normal(size=size) + labels
    scores = np.round(scores) if tied else scores
    by_positive, by_negative = components(scores, labels)
    expected = np.sqrt(by_positive.var(ddof=1) / len(by_positive) + by_negative.var(ddof=1) / len(by_negative))
    assert of_components(by_positive, by_negative) == pytest.approx(expected, rel=1e-9)


def test_it_is_the_spread_of_areas_of_many_samples() -> None:
    rng = np.random.default_rng(8)
    labels = np.arange(120) % 3 == 0
    found, areas = [], []
    for _ in range(600):
        parts = components(rng.normal(size=120) + labels, labels.astype(int))
        areas.append(parts[0].mean())
        found.append(of_components(*parts))
    assert np.mean(found) == pytest.approx(np.std(areas), rel=0.08)


def test_one_positive_or_one_negative_tells_nothing() -> None:
    assert np.isnan(of_components(np.array([0.5]), np.array([0.0, 1.0])))
    assert np.isnan(of_components(np.array([0.0, 1.0]), np.array([0.5])))


def test_perfect_separation_has_no_error() -> None:
    assert of_components(np.ones(5), np.ones(7)) == 0.0
