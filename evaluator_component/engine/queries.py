"""Documents by query: they are kept until all of a query are together, then its metrics are computed and summed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.engine.hashing import hash_names
from evaluator_component.engine.plan import QueryPlan
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.documents import Docs
from evaluator_component.metrics.view import Float64, View

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class QueryRows:
    """The documents of some queries, and the slices that these are in.

    Attributes:
        names: Ids of the queries.
        query: ``[docs]`` the query of each document, an index into ``names``.
        columns: What metrics see of a document, float64 ``[docs]`` each, one per source of the plan.
        member_query: ``[members]`` a query that is in a slice: each of its documents' slices is one of the query.
        member_slice: ``[members]`` that slice, an index into the names of the state.
    """

    names: pa.BinaryArray
    query: Int32
    columns: tuple[Float64, ...]
    member_query: Int32
    member_slice: Int32


def no_rows(plan: QueryPlan) -> QueryRows:
    """No query."""
    none = np.zeros(0, np.int32)
    return QueryRows(pa.array([], pa.binary()), none, tuple(np.zeros(0) for _ in plan.sources), none, none)


def add_up(parts: Sequence[QueryRows], slices: Sequence[npt.NDArray[np.int32]]) -> QueryRows:
    """Puts the documents of several parts together; ``slices`` has for each part the new number of each slice."""
    encoded = pa.chunked_array([part.names for part in parts], pa.binary()).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    bounds = np.cumsum([0, *(len(part.names) for part in parts)])
    places = [codes[start:stop] for start, stop in itertools.pairwise(bounds)]
    member_query = np.concatenate([place[part.member_query] for part, place in zip(parts, places, strict=True)])
    member_slice = np.concatenate([slices[i][part.member_slice] for i, part in enumerate(parts)])
    members = np.sort(member_query.astype(np.int64) << 32 | member_slice.astype(np.int64))
    members = members[np.diff(members, prepend=-1) > 0]
    return QueryRows(
        encoded.dictionary,
        np.concatenate([place[part.query] for part, place in zip(parts, places, strict=True)]),
        tuple(np.concatenate([part.columns[i] for part in parts]) for i in range(len(parts[0].columns))),
        (members >> 32).astype(np.int32),
        (members & 0xFFFFFFFF).astype(np.int32),
    )


def take(rows: QueryRows, wanted: npt.NDArray[np.bool_]) -> QueryRows:
    """The rows of some queries, bool ``[queries]``; slices keep their numbers."""
    place = (np.cumsum(wanted) - 1).astype(np.int32)
    docs, members = wanted[rows.query], wanted[rows.member_query]
    return QueryRows(
        rows.names.filter(pa.array(wanted)),
        place[rows.query[docs]],
        tuple(column[docs] for column in rows.columns),
        place[rows.member_query[members]],
        rows.member_slice[members],
    )


def groups(plan: QueryPlan, rows: QueryRows, count: int) -> npt.NDArray[np.intp]:
    """The group that each query is in, of so many: by its name, or by the first of its documents' clusters."""
    source = ("cluster", 0, "")
    if source not in plan.sources:
        return np.asarray(hash_names(rows.names) % np.uint64(count), np.intp)
    clusters = np.full(len(rows.names), np.inf)
    np.minimum.at(clusters, rows.query, rows.columns[plan.sources.index(source)])
    return np.asarray(clusters.astype(np.uint64) % np.uint64(count), np.intp)


def view(plan: QueryPlan, rows: QueryRows, key: ViewKey) -> View:
    """The queries as a view's examples; each has its documents with it.

    A query is unusable when one of its documents is. Its weight is that of its documents, which must agree.
    """
    by_source = dict(zip(plan.sources, rows.columns, strict=True))
    labels = by_source[("feature", 0, key.feature) if key.feature else ("label", 0, key.output)]
    scores = by_source["prediction", key.model, key.output]
    count = len(rows.names)
    order = np.lexsort((labels, -scores, rows.query))
    labels, scores, query = labels[order], scores[order], rows.query[order]
    starts = np.searchsorted(query, np.arange(count))
    bad_labels = _any(~np.isfinite(labels), query, count)
    bad_scores = _any(~np.isfinite(scores), query, count)
    weights, bad_weights = np.ones(count), np.zeros(count, bool)
    if key.weighted:
        own = by_source["weight", 0, key.output][order]
        weights = own[starts]
        with np.errstate(invalid="ignore"):
            differs = np.abs(own - weights[query]) > _WEIGHT_TOLERANCE * np.abs(weights[query])
        bad_weights = _any(~np.isfinite(own) | (own < 0) | differs, query, count)
    bad = bad_labels | bad_scores | bad_weights
    usable = ~bad[query]
    docs = Docs(np.where(usable, labels, 0.0), np.where(usable, scores, 0.0), query, starts)
    none = np.zeros(count)
    return View(none, none, np.where(bad, 0.0, weights), bad_labels, bad_scores, bad_weights, docs=docs)


_WEIGHT_TOLERANCE = 1e-5


def _any(flags: npt.NDArray[np.bool_], query: Int32, count: int) -> npt.NDArray[np.bool_]:
    return np.bincount(query[flags], minlength=count) > 0
