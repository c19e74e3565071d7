"""What the sums need of a batch of examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.engine.views import Source, ViewKey
from evaluator_component.metrics.records import beside, view_of
from evaluator_component.metrics.view import Float64, View
from evaluator_component.slicing.codes import Membership

_SCORES_AT_A_TIME = 1 << 20
CLUSTERS = 1 << 53
"""Hashes of clusters that are kept with documents are numbers below this, which float64 holds."""


@dataclass(frozen=True)
class Evaluated:
    """What the sums need of a batch.

    Attributes:
        slices: Which examples are in which slices.
        labels: By output name, float64 ``[n]`` or ``[n, k]``; NaN where missing. Absent where no metric sees them.
        predictions: By (model index, output name), float64 ``[n]`` or ``[n, k]``. Absent where no metric sees them.
        weights: By output name, float64 ``[n]``; absent without weights.
        size: n.
        features: By name, float64 ``[n]``; NaN where missing.
        queries: Ids of the queries of the examples, by the feature that has them.
        records: What is read as lists, by where it comes from.
        units: uint64 ``[n]``: a hash of the place of each example, which does not depend on how they are cut.
        clusters: uint64 ``[n]``: a hash of the cluster of each example; None where examples are independent.
    """

    slices: Membership
    labels: dict[str, Float64]
    predictions: dict[tuple[int, str], Float64]
    weights: dict[str, Float64]
    size: int
    features: dict[str, Float64] = field(default_factory=dict)
    queries: dict[str, pa.BinaryArray] = field(default_factory=dict)
    records: dict[Source, pa.ListArray] = field(default_factory=dict)
    units: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    clusters: npt.NDArray[np.uint64] | None = None

    def groups(self, count: int) -> npt.NDArray[np.intp]:
        """The group that each example is in, of so many: that of its cluster, where examples come in clusters."""
        return np.asarray((self.units if self.clusters is None else self.clusters) % np.uint64(count), np.intp)

    def views(self, keys: Iterable[ViewKey]) -> dict[ViewKey, View]:
        """The labels, predictions and weights that terms see."""
        found: dict[ViewKey, View] = {}
        for key in keys:
            if key.query:
                continue
            base = key.undivided
            if base not in found:
                weights = self.weights[key.output] if key.weighted else np.ones(self.size)
                records = tuple(self.records[source] for source in key.sources)
                unseen = np.zeros(self.size)
                labels = self.labels.get(key.output, unseen)
                own = self.predictions.get((key.model, key.output), unseen)
                predictions = self.features[key.feature] if key.feature else own
                baseline = None if key.against is None else self.predictions[key.against, key.output]
                if key.kind.of_records:
                    found[base] = view_of(key.reads, records, weights)
                else:
                    found[base] = beside(View.of(key.kind, labels, predictions, weights, baseline), key.reads, records)
            if key.binarization is not None:
                found[key] = key.binarization.apply(found[base])
        return found

    def column(self, source: tuple[str, int, str]) -> Float64:
        """What is kept of documents, by the source that the plan names."""
        what, model, name = source
        if what == "prediction":
            return self.predictions[model, name]
        if what == "cluster":
            return np.asarray((self.groups(CLUSTERS)), np.float64)
        return {"label": self.labels, "weight": self.weights, "feature": self.features}[what][name]

    def cut(self, keys: Iterable[ViewKey]) -> Iterator[Evaluated]:
        """The batch in pieces, so that binary problems of many classes need little memory at a time."""
        spread = (self.predictions[key.model, key.output] for key in keys if key.binarization is not None)
        widest = max((array.shape[1] for array in spread if array.ndim == 2), default=1)
        step = max(1, _SCORES_AT_A_TIME // widest)
        if step >= self.size:
            yield self
            return
        for start in range(0, self.size, step):
            rows = slice(start, start + step)
            inside = np.flatnonzero((self.slices.rows >= start) & (self.slices.rows < start + step))
            slices = Membership(
                self.slices.rows[inside] - np.int32(start), self.slices.codes[inside], self.slices.names
            )
            yield Evaluated(
                slices,
                {name: labels[rows] for name, labels in self.labels.items()},
                {key: predictions[rows] for key, predictions in self.predictions.items()},
                {name: weights[rows] for name, weights in self.weights.items()},
                min(step, self.size - start),
                {name: values[rows] for name, values in self.features.items()},
                {name: ids[rows] for name, ids in self.queries.items()},
                {source: lists[rows] for source, lists in self.records.items()},
                self.units[rows],
                None if self.clusters is None else self.clusters[rows],
            )
