"""Random plans, and random batches for them: two models, an output of scores and an output of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from evaluator_component.config import complete_config, load_config
from evaluator_component.data.batch import unit_hashes
from evaluator_component.engine.accumulate import State
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.metrics import Kind, Plot
from evaluator_component.metrics.registry import catalogue
from evaluator_component.slicing.codes import Membership
from tests.metrics.pass_over import built, entry, lists_of, sample

CLASSES = 3
LISTS = tuple(kind.name for kind in Kind if kind.of_records)
OUTPUTS = ("score", "classes", "labels", *LISTS)
SLICES = ("Overall", "a=1", "a=2", "b=x", "b=é")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan of a few entries of the catalogue, with or without weights and baseline."""
    names = draw(st.lists(st.sampled_from(sorted(catalogue())), min_size=1, max_size=5, unique=True))
    most = draw(st.sampled_from([2, 5, 65536]))
    classes = draw(st.sampled_from(READINGS))
    return make(
        names,
        weighted=draw(st.booleans()),
        baseline=draw(st.booleans()),
        max_distinct_scores=most,
        classes=classes,
        intervals=draw(st.sampled_from(INTERVALS)),
    )


INTERVALS: list[dict[str, Any] | None] = [
    None,
    {"intervals": {"groups": 10}},
    {"intervals": {"groups": 10, "cluster_key": "user"}},
    {
        "options": {
            "compute_confidence_intervals": {"value": True},
            "confidence_intervals": {"method": "POISSON_BOOTSTRAP"},
        }
    },
]
"""What is asked of intervals."""


READINGS: list[dict[str, Any] | None] = [
    None,
    {},
    {"binarize": {"class_ids": {"values": [2, 0]}}},
    {"binarize": {"top_k_list": {"values": [2]}}},
    {"aggregate": {"macro_average": True}},
    {"aggregate": {"weighted_macro_average": True, "class_weights": {0: 1.0, 2: 0.5}}},
    {"aggregate": {"micro_average": True}},
]
"""What is asked of the classes; None for metrics of one score."""


def make(
    names: Sequence[str],
    *,
    weighted: bool,
    baseline: bool,
    max_distinct_scores: int = 65536,
    classes: dict[str, Any] | None = None,
    intervals: dict[str, Any] | None = None,
) -> Plan:
    """The plan of metrics by class name; those over classes see the output "classes", and with ``classes`` all do."""
    specs: dict[str, list[Any]] = {output: [] for output in (*OUTPUTS, "queries")}
    for name in names:
        plot = isinstance(built(name)[0], Plot) and "macro" in str(classes)  # there is no mean of plots
        kind = _kind(name)
        over_classes = kind is Kind.CLASSES or (classes is not None and not plot)
        own = {
            Kind.ONE_SCORE: "score",
            Kind.LABELS: "labels",
            Kind.QUERY: "queries",
            **{Kind[name]: name for name in LISTS},
        }
        specs[own.get(kind, "classes" if over_classes else "score")].append(entry(name))
    model: dict[str, Any] = {
        "label_keys": {"score": "y", "classes": "c", "labels": "l", **dict.fromkeys(LISTS, "y")},
        "prediction_keys": {
            "score": "score",
            "classes": "classes",
            "labels": "classes",
            **dict.fromkeys(LISTS, "score"),
        },
    }
    if weighted:
        model["example_weight_keys"] = dict.fromkeys(OUTPUTS, "w")
    config = {
        "model_specs": [model],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": [
            {
                "metrics": m,
                "output_names": ["score" if output == "queries" else output],
                **((classes or {}) if output == "classes" else {"query_key": "q"} if output == "queries" else {}),
            }
            for output, m in specs.items()
            if m
        ],
        "engine": {"max_distinct_scores": max_distinct_scores},
        **(intervals or {}),
    }
    return make_plan(complete_config(load_config(config), has_baseline=baseline), evaluate_baseline=baseline)


def _kind(class_name: str) -> Kind:
    return built(class_name)[0].kind


def batch(plan: Plan, seed: int, size: int) -> Evaluated:
    """Examples with tied, extreme and a few unusable scores, each in some of the slices.

    Every other seed gives scores of single precision, every third logits.
    """
    rng = np.random.default_rng(seed)

    def scores() -> np.ndarray:
        values = np.where(rng.random(size) < 0.5, rng.integers(0, 4, size) / 4, rng.random(size))
        values[rng.random(size) < 0.1] = rng.choice([0.0, -0.0, 1.0, 1e-12, 1 - 1e-12, np.nan, np.inf])
        if seed % 3 == 1:
            values = values * 20 - 10
        return values.astype(np.float32).astype(float) if seed % 2 else values

    clustered = plan.intervals is not None and bool(plan.intervals.cluster_key)
    weighted = any(weight for model in plan.models for _, weight in model.weight_keys)
    weights = rng.choice([0.0, 1.0, 0.1, 2.5], size)
    member = rng.random((size, len(SLICES))) < rng.random(len(SLICES))
    member[:, 0] = True
    rows, codes = np.nonzero(member)
    order = rng.permutation(len(SLICES)).astype(np.int32)  # ids are a batch's own
    names = tuple(np.array(SLICES)[np.argsort(order)].tolist())
    return Evaluated(
        Membership(rows.astype(np.int32), order[codes], names),
        {
            "score": rng.integers(0, 2, size).astype(float),
            "classes": rng.integers(0, CLASSES, size).astype(float),
            "labels": rng.integers(0, 2, (size, CLASSES)).astype(float),
        },
        {
            (model, output): scores() if output == "score" else rng.random((size, CLASSES))
            for model in range(len(plan.models))
            for output in ("score", "classes", "labels")
        },
        dict.fromkeys(OUTPUTS, weights) if weighted else {},
        size,
        {"fare": np.where(rng.random(size) < 0.2, np.nan, rng.random(size))},
        {"q": pa.array(rng.integers(0, 9, size).astype(str)).cast(pa.binary())},
        {
            source: lists_of(key.kind, source.reads, sample(key.kind, seed % 1000 + source.model, size))
            for key in plan.views
            for source in key.sources
        },
        unit_hashes(f"batch {seed}", 0, size),
        rng.integers(0, 2**63, size, dtype=np.uint64) // 3 * 3 if clustered else None,
    )


def arrays(part: Evaluated | State) -> list[np.ndarray]:
    """All NumPy arrays of a batch or a state."""
    if isinstance(part, Evaluated):
        columns = [part.slices.rows, part.slices.codes]
        return [*columns, *part.labels.values(), *part.predictions.values(), *part.weights.values()]
    tables = part.tables
    keys = [array for table in tables for array in (table.slices, table.keys, table.levels) if array is not None]
    return [*keys, *(column for table in tables for column in table.columns)]


def freeze(part: Any) -> Any:
    """Makes all arrays read-only, so that writing to them raises."""
    for array in arrays(part):
        array.flags.writeable = False
    return part
