"""A pass over examples in memory: labels, predictions, weights and slices → the metric table and the plots table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.config import complete_config, load_config
from evaluator_component.data.batch import unit_hashes
from evaluator_component.engine import finalise
from evaluator_component.engine.accumulate import State, accumulate, merge
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.metrics import Kind, Metric, Plot
from evaluator_component.metrics.records import Reads
from evaluator_component.metrics.registry import build, catalogue, definition
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.codes import Membership

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Labels ``[n]`` (or one-hot), predictions ``[n]`` or ``[n, classes]``, weights ``[n]`` or None, slices.

    ``units`` has the hash of the place of each example, by default that of its row.

    ``groups`` numbers a second slice beside Overall that each example is in; -1 for none. ``feature`` has the values
    of the feature that metrics of a feature see, NaN where it is missing; without it they see 0. ``queries`` numbers
    the query of each example; without it all are of one.
    """

    labels: Array
    predictions: Array
    weights: Array | None = None
    groups: npt.NDArray[np.int64] | None = None
    feature: Array | None = None
    queries: npt.NDArray[np.int64] | None = None
    units: npt.NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def mass(self) -> Array:
        """The weights, ones without."""
        return np.ones(len(self)) if self.weights is None else self.weights

    def rows(self, rows: Any) -> Examples:
        """The examples of these rows."""
        optional = [
            None if column is None else column[rows]
            for column in (self.weights, self.groups, self.feature, self.queries, self.unit)
        ]
        return Examples(self.labels[rows], self.predictions[rows], *optional)

    @property
    def unit(self) -> npt.NDArray[np.uint64]:
        """The hash of the place of each example."""
        return unit_hashes("examples", 0, len(self)) if self.units is None else self.units

    @property
    def query(self) -> npt.NDArray[np.int64]:
        """The query of each example."""
        return np.zeros(len(self), np.int64) if self.queries is None else self.queries

    def count(self, kind: Kind) -> int:
        """How many things a kind of metric counts: examples, or queries."""
        return len(np.unique(self.query)) if kind is Kind.QUERY else len(self)

    def of_group(self, kind: Kind, group: int) -> Examples:
        """The examples in a slice; of queries all of those that have one there."""
        assert self.groups is not None
        inside = self.groups == group
        if kind is Kind.QUERY:
            inside = np.isin(self.query, self.query[inside])
        return self.rows(np.flatnonzero(inside))

    def seen(self, kind: Kind) -> Array:
        """What a kind of metric sees as predictions."""
        if kind is not Kind.FEATURE:
            return self.predictions
        return np.zeros(len(self)) if self.feature is None else self.feature

    def weigh(self, weights: Any) -> Examples:
        """The same examples with other weights."""
        return replace(self, weights=weights)


Row = Mapping[str, Any]


def plan(
    metrics: Sequence[Mapping[str, Any]],
    *,
    weighted: bool,
    max_distinct_scores: int = 65536,
    spec: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of these metrics for one model with one output; ``spec`` has more fields of their MetricsSpec."""
    made = [metric for one in metrics if one["class_name"] in catalogue() for metric in built(one["class_name"])]
    ranked = any(metric.kind is Kind.QUERY for metric in made)
    queried = {"query_key": "q"} if ranked else {}
    model = {"label_key": "y", "example_weight_key": "w"} if weighted else {"label_key": "y"}
    config = {
        "model_specs": [model],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": [{"metrics": list(metrics), **queried, **(spec or {})}],
        "engine": {"max_distinct_scores": max_distinct_scores},
    }
    compared = any(getattr(metric, "compares", False) for metric in made)
    return make_plan(complete_config(load_config(config), has_baseline=compared), evaluate_baseline=compared)


def other_model(predictions: Array) -> Array:
    """What the model gives that is compared with, made of what the first one gives."""
    with np.errstate(invalid="ignore"):
        return np.mod(predictions * 7.0, 1.0)


def add_up(planned: Plan, examples: Examples, batch: int | None = None) -> State:
    """The sums of the examples, in batches of so many."""
    batch = batch or max(50, len(examples) // 12)
    starts = range(0, max(len(examples), 1), batch)
    parts = [accumulate(planned, _evaluated(planned, examples.rows(slice(start, start + batch)))) for start in starts]
    return merge(planned, parts)


def lists_of(kind: Kind, reads: Reads, part: Examples) -> pa.ListArray:
    """What a metric of lists reads of examples: their numbers as words, boxes, pixels or names of classes.

    A text with a NaN in it is missing; so is one with an infinite number.
    """
    if reads.role == "feature":
        return pa.array([[f"{unit:x}".encode()] for unit in part.unit.tolist()], pa.list_(pa.binary()))
    numbers = part.labels if reads.role == "label" else part.predictions
    if kind is Kind.ONE_SCORE:
        numbers = other_model(numbers)
    numbers = numbers if numbers.ndim == 2 else numbers[:, None]
    if kind is Kind.TEXTS:
        words = np.where(np.isfinite(numbers), np.round(numbers * 4), np.nan)
        texts = [None if np.isnan(row).any() else " ".join(f"w{int(w)}" for w in row) for row in words]
        return pa.array([[] if text is None else [text.encode()] for text in texts], pa.list_(pa.binary()))
    if kind is Kind.SETS and reads.key == "classes":
        numbers = np.where(np.isnan(numbers), np.nan, np.arange(numbers.shape[1])[None] + np.zeros_like(numbers))
    return pa.array(list(numbers), pa.list_(pa.float64()))


def _evaluated(planned: Plan, part: Examples) -> Evaluated:
    rows = np.arange(len(part), dtype=np.int32)
    codes = np.zeros(len(part), np.int32)
    names = ["Overall"]
    if part.groups is not None:
        inside = np.flatnonzero(part.groups >= 0)
        present, number = np.unique(part.groups[inside], return_inverse=True)
        names += [f"group={group}" for group in present]
        rows = np.concatenate([rows, inside.astype(np.int32)])
        codes = np.concatenate([codes, number.reshape(-1).astype(np.int32) + 1])
        order = np.argsort(rows, kind="stable")
        rows, codes = rows[order], codes[order]
    weights = {} if part.weights is None else {"": part.weights}
    slices = Membership(rows, codes, tuple(names))
    predictions = {(0, ""): part.predictions, (1, ""): other_model(part.predictions)}
    features = {"fare": part.seen(Kind.FEATURE)}
    queries = {"q": pa.array(part.query.astype(str)).cast(pa.binary())}
    kinds = {source: key.kind for key in planned.views for source in key.sources}
    records = {source: lists_of(kind, source.reads, part) for source, kind in kinds.items()}
    return Evaluated(slices, {"": part.labels}, predictions, weights, len(part), features, queries, records, part.unit)


def tables(
    metrics: Sequence[Mapping[str, Any]],
    examples: Examples,
    max_distinct_scores: int = 65536,
    spec: Mapping[str, Any] | None = None,
) -> tuple[list[Row], list[Row]]:
    """The rows of the metric table and of the plots table."""
    weighted = examples.weights is not None
    planned = plan(metrics, weighted=weighted, max_distinct_scores=max_distinct_scores, spec=spec)
    found, plots = finalise.finalise(planned, {"eval": add_up(planned, examples)})
    return found.to_pylist(), plots.to_pylist()


def values(metric: Mapping[str, Any], examples: Examples, max_distinct_scores: int = 65536) -> dict[str, Row]:
    """The rows of one metric that has one value per slice, by slice; of several names the first."""
    rows, _ = tables([metric], examples, max_distinct_scores)
    names = definition(metric["class_name"]).names
    rows = [row for row in rows if not names or row["metric"] == names[0]]
    by_slice = {row["slice"]: row for row in rows}
    assert len(by_slice) == len(rows)
    return by_slice


def value(metric: Mapping[str, Any], examples: Examples) -> float:
    """The overall value of one metric."""
    return float(values(metric, examples)["Overall"]["value"])


def entry(class_name: str, **options: Any) -> dict[str, Any]:
    """A config entry with these options, and the example of those that must be given."""
    return {"class_name": class_name, "config": {**definition(class_name).example, **options}}


def built(class_name: str, **options: Any) -> tuple[Metric | Plot, ...]:
    """A catalogue entry's metrics, with its default options or these."""
    config = json.dumps(entry(class_name, **options)["config"])
    return build(config_pb2.MetricConfig(class_name=class_name, config=config))


def _lists_sample(kind: Kind, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Labels and predictions of lists, as the numbers that :func:`lists_of` makes them of."""
    if kind is Kind.TEXTS:
        return rng.integers(0, 3, (size, 6)) / 4, rng.integers(0, 3, (size, 5)) / 4
    if kind is Kind.SETS:
        return rng.integers(0, 6, (size, 2)).astype(float), np.round(rng.random((size, 4)), 1)
    if kind is Kind.BOXES:
        corner = rng.integers(0, 6, (size, 3, 2))
        true = np.concatenate([corner, corner + rng.integers(1, 4, (size, 3, 2)), rng.integers(1, 3, (size, 3, 1))], 2)
        moved = true[:, rng.integers(0, 3, 4)] + (rng.random((size, 4, 5)) < 0.2) * [1, 1, 1, 1, 0]
        found = np.concatenate([moved, np.round(rng.random((size, 4, 1)), 1)], 2)
        return true.reshape(size, 15).astype(float), found.reshape(size, 24)
    labels = rng.integers(0, 3, (size, 1 if kind is Kind.VALUES else 12)).astype(float)
    return labels, np.where(rng.random(labels.shape) < 0.6, labels, 1.0)


def sample(kind: Kind, seed: int, size: int = 120, *, weighted: bool = False, grouped: bool = False) -> Examples:
    """Random examples that a kind of metric can use, a third of the scores tied."""
    rng = np.random.default_rng(seed)
    if kind is Kind.LABELS:
        labels, predictions = (rng.random((size, 3)) < 0.4).astype(float), rng.random((size, 3))
    elif kind.of_records:
        labels, predictions = _lists_sample(kind, rng, size)
    elif kind is Kind.CLASSES:
        labels, predictions = rng.integers(0, 4, size).astype(float), rng.dirichlet(np.ones(4), size)
    else:
        labels = (rng.random(size) < 0.4).astype(float)
        predictions = np.clip(0.3 * labels + rng.normal(0.35, 0.2, size), 0.0, 1.0)
        predictions = np.where(rng.random(size) < 0.33, np.round(predictions, 1), predictions)
    queries = rng.permutation(np.arange(size) // 4)
    if kind is Kind.QUERY:
        labels = labels * rng.integers(1, 4, size)
    weights = np.where(rng.random(size) < 0.1, 0.0, rng.gamma(2.0, 1.0, size)) if weighted else None
    if weights is not None and kind is Kind.QUERY:
        weights = weights[queries]
    groups = rng.integers(-1, 3, size) if grouped else None
    fares = rng.integers(0, 9, size) + rng.integers(0, 2, size) * rng.random(size)
    return Examples(labels, predictions, weights, groups, np.where(rng.random(size) < 0.2, np.nan, fares), queries)
