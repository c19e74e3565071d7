"""Independent values of ranking metrics: the mean over all orders of documents of one score, by trying them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from tests.metrics.oracles.base import Array, Oracle

Relevance = list[float]


def over_queries(of_order: Callable[[Relevance], float | None]) -> Oracle:
    """The weighted mean over queries of the mean over orders; None is a query that does not count."""

    def oracle(y: Array, p: Array, w: Array, queries: np.ndarray, **options: object) -> float:
        values, weights = [], []
        for query in np.unique(queries):
            rows = np.flatnonzero(queries == query)
            if np.ptp(w[rows]) > 1e-5 * abs(w[rows[0]]):
                return math.nan  # the weights of a query must agree
            found = [of_order(order) for order in orders(y[rows], p[rows])]
            if found[0] is not None and w[rows[0]] > 0:
                values.append(w[rows[0]] * math.fsum(v for v in found if v is not None) / len(found))
                weights.append(w[rows[0]])
        return math.fsum(values) / math.fsum(weights) if weights else math.nan

    return oracle


def orders(y: Array, p: Array) -> list[Relevance]:
    """All orders by falling score, which tied documents can have."""
    groups = [y[p == score].tolist() for score in np.unique(p)[::-1]]
    choices = [list(itertools.permutations(group)) for group in groups]
    return [[label for part in choice for label in part] for choice in itertools.product(*choices)]


def _gain(order: Relevance, k: int) -> float:
    return math.fsum(label / math.log2(rank + 1) for rank, label in enumerate(order[: k or None], 1))


def ndcg(order: Relevance, k: int = 0) -> float | None:
    if max(order) <= 0:
        return None
    return _gain(order, k) / _gain(sorted(order, reverse=True), k)


def precision_at(order: Relevance, k: int = 10) -> float | None:
    return sum(label > 0 for label in order[:k]) / k


def recall_at(order: Relevance, k: int = 10) -> float | None:
    relevant = sum(label > 0 for label in order)
    return sum(label > 0 for label in order[:k]) / relevant if relevant else None


def hit_at(order: Relevance, k: int = 10) -> float | None:
    return float(any(label > 0 for label in order[:k]))


def position(order: Relevance) -> float | None:
    return next((float(rank) for rank, label in enumerate(order, 1) if label > 0), None)


def reciprocal_rank(order: Relevance) -> float | None:
    rank = position(order)
    return 0.0 if rank is None else 1 / rank


def average_precision(order: Relevance) -> float | None:
    ranks = [rank for rank, label in enumerate(order, 1) if label > 0]
    return math.fsum(number / rank for number, rank in enumerate(ranks, 1)) / len(ranks) if ranks else None


def total_queries(y: Array, p: Array, w: Array, queries: np.ndarray) -> float:
    found = [w[queries == query] for query in np.unique(queries)]
    if any(np.ptp(weights) > 1e-5 * abs(weights[0]) for weights in found):
        return math.nan
    return math.fsum(float(weights[0]) for weights in found)
