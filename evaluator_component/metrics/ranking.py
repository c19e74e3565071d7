"""Metrics of ranked documents, one value per query, averaged over queries.

Documents of one score have no order: a metric is its mean over all orders of them, by the closed forms of McSherry &
Najork (2008), so that it depends on nothing but labels and scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from evaluator_component.metrics.documents import Docs, Float64, Ties
from evaluator_component.metrics.metric import (
    HIGHER,
    LOWER,
    Definition,
    Direction,
    Metric,
    Options,
    Plot,
    Ratio,
    Values,
)
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import Terms, Weight
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.undefined import NO_WEIGHT
from evaluator_component.metrics.view import Kind, View

_FAMILY = "ranking"
_NOTHING_RELEVANT = "no query with a weight above 0 has a document with a label above 0"


Measure = Callable[[Docs, Ties], tuple[Float64, npt.NDArray[np.bool_]]]
"""Gives float64 ``[queries]``: a value of each query, and whether it has one."""


@dataclass(frozen=True)
class OfQueries:
    """Σw·value and Σw of the queries that have a value."""

    measure: Measure
    columns = ("value", "weight")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        assert view.docs is not None
        value, defined = self.measure(view.docs, view.docs.ties)
        counts = defined & (view.weights > 0)
        return np.where(counts, view.weights * value, 0.0), np.where(counts, view.weights, 0.0)


def _relevant(docs: Docs) -> Float64:
    return docs.total(docs.labels > 0)


@dataclass(frozen=True)
class _DiscountedGain:
    """Discounted cumulative gain of the k first places over that of the best order; of all places for k = 0."""

    k: int

    def __call__(self, docs: Docs, ties: Ties) -> tuple[Float64, npt.NDArray[np.bool_]]:
        longest = int(docs.sizes.max(initial=0))
        k = self.k or longest
        discount = np.zeros(longest + 1)
        discount[1:] = np.cumsum(1.0 / np.log2(np.arange(2, longest + 2)))
        ends = [np.minimum(place, k).astype(np.intp) for place in (ties.before, ties.before + ties.size)]
        found = docs.total(docs.labels * (discount[ends[1]] - discount[ends[0]]) / ties.size)
        best = np.lexsort((-docs.labels, docs.query))
        place = np.arange(len(docs)) - docs.starts[docs.query]
        steps = np.diff(discount)[np.minimum(place, max(longest - 1, 0))] * (place < k)
        ideal = docs.total(docs.labels[best] * steps)
        highest = np.full(len(docs.starts), -np.inf)
        np.maximum.at(highest, docs.query, docs.labels)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(ideal > 0, found / ideal, 0.0)
        return value, highest > 0


@dataclass(frozen=True)
class _PrecisionAt:
    k: int

    def __call__(self, docs: Docs, ties: Ties) -> tuple[Float64, npt.NDArray[np.bool_]]:
        value = docs.total((docs.labels > 0) * ties.slots(self.k) / ties.size) / self.k
        return value, np.ones(len(value), bool)


@dataclass(frozen=True)
class _RecallAt:
    k: int

    def __call__(self, docs: Docs, ties: Ties) -> tuple[Float64, npt.NDArray[np.bool_]]:
        relevant = _relevant(docs)
        found = docs.total((docs.labels > 0) * ties.slots(self.k) / ties.size)
        return found / np.maximum(relevant, 1.0), relevant > 0


@dataclass(frozen=True)
class _HitAt:
    k: int

    def __call__(self, docs: Docs, ties: Ties) -> tuple[Float64, npt.NDArray[np.bool_]]:
        slots, rest = ties.slots(self.k), ties.size - ties.relevant
        with np.errstate(invalid="ignore"):
            none = np.where(rest >= slots, np.exp(_log_choices(rest, slots) - _log_choices(ties.size, slots)), 0.0)
        return docs.total(np.where(ties.leads, 1.0 - none, 0.0)), np.ones(len(docs.starts), bool)


def _log_choices(of: Float64, taken: Float64) -> Float64:
    """The logarithm of the number of ways to take some."""
    result: Float64 = gammaln(of + 1) - gammaln(taken + 1) - gammaln(np.maximum(of - taken, 0.0) + 1)
    return result


def reciprocal_rank(docs: Docs, ties: Ties) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """1 over the rank of the first relevant document."""
    best = (ties.relevant > 0) & (ties.relevant_before == 0)
    left = ties.size - ties.number - 1
    possible = best & (left >= ties.relevant - 1)
    log_chance = _log_choices(left, ties.relevant - 1) - _log_choices(ties.size, ties.relevant)
    chance = np.where(possible, np.exp(np.where(possible, log_chance, 0.0)), 0.0)
    return docs.total(chance / (ties.before + ties.number + 1)), np.ones(len(docs.starts), bool)


def first_rank(docs: Docs, ties: Ties) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """The rank of the first relevant document."""
    rank = ties.before + (ties.size + 1) / (ties.relevant + 1)
    return docs.total(np.where(ties.leads, rank, 0.0)), _relevant(docs) > 0


def mean_precision(docs: Docs, ties: Ties) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """The mean of the precision at each relevant document."""
    others = ties.number * (ties.relevant - 1) / np.maximum(ties.size - 1, 1.0)
    chance = ties.relevant / ties.size
    precision = chance * (ties.relevant_before + others + 1) / (ties.before + ties.number + 1)
    relevant = _relevant(docs)
    return docs.total(precision) / np.maximum(relevant, 1.0), relevant > 0


@dataclass(frozen=True)
class _MeanOverQueries:
    terms: OfQueries
    undefined: str

    def __call__(self, totals: Totals) -> Ratio:
        value, weight = totals[self.terms]
        return Ratio(value, weight, self.undefined)


def _over_queries(
    class_name: str,
    summary: str,
    measures: Callable[[Options], list[tuple[str, Measure]]],
    *,
    options: Options | None = None,
    feature: Callable[[Options], str] = lambda _: "",
    direction: Direction = HIGHER,
    undefined: str = _NOTHING_RELEVANT,
    limits: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Registers a mean over queries; ``measures`` gives sub-keys and measures for the options."""

    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        made = []
        for sub_key, measure in measures(given):
            terms = OfQueries(measure)
            metric = Metric(name, Kind.QUERY, _MeanOverQueries(terms, undefined), (terms,), sub_key=sub_key)
            made.append(replace(metric, direction=direction, interval="delta", feature=feature(given)))
        return tuple(made)

    register(
        Definition(
            class_name,
            snake_case(class_name),
            _FAMILY,
            summary,
            options or {},
            build,
            direction=direction,
            interval="delta",
            range=limits,
        )
    )


def _at_k(measure: Callable[[int], Measure], least: int) -> Callable[[Options], list[tuple[str, Measure]]]:
    def build(given: Options) -> list[tuple[str, Measure]]:
        value = given["top_k_list"]
        several: Any = value if isinstance(value, (list, tuple)) else (value,)
        for k in several:
            if k != int(k) or k < least:
                raise ValueError(f"top_k_list: expected whole numbers from {max(least, 1)} on, got {k!r}")
        if len(set(several)) < len(several):
            raise ValueError(f"top_k_list: {sorted(several)!r} has a number twice")
        return [(f"topK:{int(k)}" if k else "", measure(int(k))) for k in several]

    return build


_over_queries(
    "NDCG",
    "Gains of the first k documents over log2(rank + 1), as a share of the most there can be. (Järvelin 2002)",
    _at_k(_DiscountedGain, 0),
    options={"top_k_list": (0,), "gain_key": ""},
    feature=lambda given: str(given["gain_key"]),
    undefined="no query with a weight above 0 has a document with a gain above 0",
)
_over_queries(
    "PrecisionAtK",
    "Of the first k documents, the share that is relevant (has a label above 0). (Manning et al. 2008)",
    _at_k(_PrecisionAt, 1),
    options={"top_k_list": (10,)},
    undefined=NO_WEIGHT,
)
_over_queries(
    "RecallAtK",
    "The share of a query's relevant documents among its first k, over queries that have some. (Manning et al. 2008)",
    _at_k(_RecallAt, 1),
    options={"top_k_list": (10,)},
)
_over_queries(
    "HitRate",
    "The share of queries with a relevant document among the first k. (Deshpande & Karypis 2004)",
    _at_k(_HitAt, 1),
    options={"top_k_list": (10,)},
    undefined=NO_WEIGHT,
)
_over_queries(
    "MeanReciprocalRank",
    "The mean of 1 over the rank of the first relevant document, 0 without one. (Voorhees 1999)",
    lambda _: [("", reciprocal_rank)],
    undefined=NO_WEIGHT,
)
_over_queries(
    "MeanAveragePrecision",
    "The mean precision at each relevant document, over queries that have some. (Manning et al. 2008)",
    lambda _: [("", mean_precision)],
)
_over_queries(
    "MinLabelPosition",
    "The mean rank of the first relevant document, from 1, over queries that have one. (Manning et al. 2008)",
    lambda _: [("", first_rank)],
    options={"label_key": ""},
    feature=lambda given: str(given["label_key"]),
    direction=LOWER,
    limits=(1.0, float("inf")),
)


@dataclass(frozen=True)
class Documents:
    """Σw·n of the queries' numbers of documents n."""

    columns = ("documents",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        assert view.docs is not None
        return (view.weights * view.docs.sizes,)


@dataclass(frozen=True)
class DocumentCounts:
    """Number of queries by their number of documents."""

    columns = ("queries",)
    keyed_by_score = False

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        assert view.docs is not None
        return view.docs.sizes.astype(np.float64)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return ((view.weights > 0).astype(np.float64),)


def _total_queries(totals: Totals) -> Values:
    return Values(totals[Weight()][0])


def _total_documents(totals: Totals) -> Values:
    return Values(totals[Documents()][0])


def _least_documents(totals: Totals) -> Values:
    histogram = totals.histogram(DocumentCounts())
    return _key_at(histogram, histogram.starts)


def _most_documents(totals: Totals) -> Values:
    histogram = totals.histogram(DocumentCounts())
    return _key_at(histogram, np.append(histogram.starts[1:], len(histogram.slices)) - 1)


def _key_at(histogram: Histogram, rows: npt.NDArray[np.intp]) -> Values:
    value = np.full(histogram.slice_count, np.nan)
    if len(histogram.slices):
        value[histogram.slices[rows]] = histogram.keys[rows]
    return Values(value, "no query has a weight above 0")


_STATISTICS: dict[str, tuple[Callable[[Totals], Values], tuple[Terms, ...]]] = {
    "total_queries": (_total_queries, (Weight(),)),
    "total_documents": (_total_documents, (Documents(),)),
    "min_documents": (_least_documents, ()),
    "max_documents": (_most_documents, ()),
}


def _build_statistics(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    made = []
    for number, (statistic, (result, terms)) in enumerate(_STATISTICS.items()):
        own = name if number == 0 else str(given[f"{statistic}_name"])
        made.append(
            Metric(own, Kind.QUERY, result, terms, () if terms else (DocumentCounts(),), uses_predictions=False)
        )
    return tuple(made)


register(
    Definition(
        "QueryStatistics",
        "total_queries",
        _FAMILY,
        "Numbers of queries and of documents, and the least and the most documents of a query.",
        {f"{name}_name": name for name in _STATISTICS},
        _build_statistics,
        range=(0.0, float("inf")),
        names=tuple(_STATISTICS),
        name_of=lambda given: str(given.get("total_queries_name") or "total_queries"),
    )
)
