"""The documents of queries, and those of them that have one score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Docs:
    """The documents of queries, query by query, within a query by falling score.

    Attributes:
        labels: float64 ``[docs]``: the relevance of each.
        scores: float64 ``[docs]``.
        query: ``[docs]`` its query.
        starts: ``[queries]`` the first document of each query.
    """

    labels: Float64
    scores: Float64
    query: npt.NDArray[np.int32]
    starts: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def sizes(self) -> npt.NDArray[np.intp]:
        """Int ``[queries]``: the number of documents of each query."""
        return np.diff(np.append(self.starts, len(self.labels)))

    @cached_property
    def ties(self) -> Ties:
        """The documents of one score."""
        return Ties.of(self)

    def total(self, values: npt.NDArray[Any]) -> Float64:
        """Adds up one number per document: float64 ``[queries]``."""
        return np.bincount(self.query, values, len(self.starts)).astype(np.float64)


@dataclass(frozen=True)
class Ties:
    """The documents of one score, for each document: float64 ``[docs]`` each.

    Attributes:
        before: How many documents of the query score higher.
        size: How many have its score.
        number: Its number among them, from 0.
        relevant: How many of them are relevant, which is to have a label above 0.
        relevant_before: How many relevant documents score higher.
    """

    before: Float64
    size: Float64
    number: Float64
    relevant: Float64
    relevant_before: Float64

    @classmethod
    def of(cls, docs: Docs) -> Ties:
        """Finds them."""
        count = len(docs)
        first = np.ones(count, bool)
        first[1:] = (docs.query[1:] != docs.query[:-1]) | (docs.scores[1:] != docs.scores[:-1])
        starts = np.flatnonzero(first)
        group = np.cumsum(first) - 1
        place = np.arange(count)
        relevant = docs.labels > 0
        cumulated: npt.NDArray[np.intp] = np.cumsum(relevant) - relevant
        query_start = docs.starts[docs.query]
        return cls(
            (starts[group] - query_start).astype(np.float64),
            np.bincount(group, minlength=len(starts))[group].astype(np.float64),
            (place - starts[group]).astype(np.float64),
            np.bincount(group, relevant, len(starts))[group],
            (cumulated[starts[group]] - cumulated[query_start]).astype(np.float64),
        )

    def slots(self, k: int) -> Float64:
        """How many of the k first places go to documents of the score."""
        return np.clip(k - self.before, 0.0, self.size)

    @property
    def leads(self) -> npt.NDArray[np.bool_]:
        """Whether the document is the first of those of its score, and these are the best that have a relevant one."""
        leads: npt.NDArray[np.bool_] = (self.number == 0) & (self.relevant > 0) & (self.relevant_before == 0)
        return leads
