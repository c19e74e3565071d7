"""A candidate and a correlated baseline in overlapping slices, for oracles of standard errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.stats.two_models import Array, Sample

GROUPS = 64


def binary(seed: int = 0, size: int = 900, *, weighted: bool = False) -> Sample:
    """A candidate and a correlated, slightly worse baseline, some scores tied; slices that overlap."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < 0.4).astype(float)
    candidate = np.clip(0.35 + 0.2 * labels + rng.normal(0, 0.2, size), 0.02, 0.98)
    candidate = np.where(rng.random(size) < 0.3, np.clip(np.round(candidate, 1), 0.1, 0.9), candidate)
    baseline = np.clip(candidate + rng.normal(0, 0.12, size), 0.02, 0.98)
    weights = rng.gamma(2.0, 1.0, size) if weighted else None
    slices = {f"group={name}": rng.random(size) < share for name, share in (("few", 0.1), ("half", 0.5), ("most", 0.9))}
    return Sample(labels, candidate, baseline, weights, slices)


def parts(sample: Sample) -> Iterator[tuple[str, Sample]]:
    yield "Overall", sample
    for name, mask in sample.slices.items():
        yield name, sample.rows(np.flatnonzero(mask))


def baseline_of(part: Sample) -> Sample:
    assert part.baseline is not None
    return replace(part, candidate=part.baseline)


def linearised(influence: Array) -> float:
    """The standard error of a statistic from what each example contributes to it, to first order."""
    size = len(influence)
    return math.sqrt(size / (size - 1) * np.sum((influence - influence.mean()) ** 2))


def near(found: float, expected: float, rel: float = 1e-6) -> None:
    assert found == pytest.approx(expected, rel=rel, abs=1e-12), (found, expected)


weightings = pytest.mark.parametrize("weighted", [False, True])


def classes(seed: int, size: int = 1200) -> Sample:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, size).astype(float)
    scores = rng.normal(size=(size, 3)) + 1.2 * np.eye(3)[labels.astype(int)]
    baseline = scores + rng.normal(0, 0.6, (size, 3))
    slices = {"group=half": rng.random(size) < 0.5}
    soft = [np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) for s in (scores, baseline)]
    return Sample(labels, soft[0], soft[1], None, slices)


def ranked(seed: int, queries: int = 250, *, weighted: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), rng.integers(2, 9, queries))
    labels = rng.integers(0, 4, len(query)) * (rng.random(len(query)) < 0.6)
    candidate = labels + rng.normal(0, 1.5, len(query))
    baseline = candidate + rng.normal(0, 0.8, len(query))
    weights = rng.gamma(2.0, 1.0, queries)[query] if weighted else None
    slices = {"group=half": (rng.random(queries) < 0.5)[query]}
    order = rng.permutation(len(query))
    return Sample(labels.astype(float), candidate, baseline, weights, slices, queries=query).rows(order)
