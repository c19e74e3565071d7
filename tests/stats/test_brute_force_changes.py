"""Standard errors of changes, and of metrics made of classes, against the spread on examples drawn again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluator_component.metrics import Kind
from evaluator_component.slicing.codes import Membership
from tests.metrics.pass_over import built, entry
from tests.stats.correlated import binary, classes
from tests.stats.test_brute_force import FACTORS, NAMES
from tests.stats.two_models import Row, Sample, plan, table

DRAWS = 400
_SEEN = (Kind.BINARY, Kind.REAL, Kind.SCORES, Kind.ANY, Kind.CLASSES)


def changes(name: str) -> bool:
    first = built(name)[0]
    plain = not getattr(first, "compares", False) and getattr(first, "across", None) is None
    return first.kind in _SEEN and first.uses_predictions and plain and name not in UNSTABLE


UNSTABLE = {
    "ThresholdAtRecall",
    "RecallAtPrecision",
    "MaxRecall",
    "TopKCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
}
"""Not smooth at all, or the same on any of these examples."""
COMPARED = [name for name in NAMES if changes(name)]
Key = tuple[str, str]


def drawn(sample: Sample, draws: int) -> Sample:
    """Each draw as a slice of its own."""
    rng = np.random.default_rng(1)
    size = len(sample)
    result = replace(sample, slices={}, units=None).rows(rng.integers(0, size, draws * size))
    codes = np.repeat(np.arange(draws, dtype=np.int32), size)
    names = tuple(f"group={number}" for number in range(draws))
    return replace(result, units=None, membership=Membership(np.arange(draws * size, dtype=np.int32), codes, names))


def by_metric(metric: Any, sample: Sample, **options: Any) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in table(plan([metric], sample, **options), sample).to_pylist():
        if row["model"] != "baseline":
            found.setdefault((row["metric"], row["sub_key"]), []).append(row)
    return found


def check(metric: Any, sample: Sample, factor: float, **options: Any) -> None:
    sample = replace(sample, slices={})
    found = by_metric(metric, sample, **options)
    off = {"options": {"compute_confidence_intervals": {"value": False}}}
    again = by_metric(metric, drawn(sample, DRAWS), bare=True, **off, **options)
    checked = 0
    for key, (row,) in found.items():
        for value, error in (("value", "std_error"), ("change", "change_std_error")):
            spread = float(np.nanstd([one[value] for one in again[key]], ddof=1))
            if not np.isfinite(row[value]) or spread < 1e-12:
                continue
            assert row[error] is not None, (key, error)
            assert 1 / factor < row[error] / spread < factor, (key, error, row[error], spread)
            checked += 1
    assert checked


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", COMPARED)
def test_changes_are_near_the_spread_of_changes_drawn_again(name: str, weighted: bool) -> None:
    if built(name)[0].kind is Kind.CLASSES:
        sample = classes(1, 600)
    else:
        sample = binary(1, 2000 if name in FACTORS else 600)
        jitter = np.random.default_rng(2).normal(0, 1e-3, len(sample))
        sample = replace(sample, candidate=np.clip(sample.candidate + jitter, 0.01, 0.99))
    if weighted:
        sample = replace(sample, weights=np.random.default_rng(3).gamma(2.0, 1.0, len(sample)))
    check(entry(name), sample, FACTORS.get(name, 1.5))


READINGS: list[dict[str, Any]] = [
    {"binarize": {"class_ids": {"values": [2, 0]}}},
    {"binarize": {"top_k_list": {"values": [2]}}},
    {"aggregate": {"macro_average": True}},
    {"aggregate": {"weighted_macro_average": True, "class_weights": {0: 1.0, 1: 2.0, 2: 0.5}}},
    {"aggregate": {"micro_average": True}},
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reading", READINGS, ids=str)
@pytest.mark.parametrize("name", ["BinaryAccuracy", "Precision", "F1Score", "AUC", "Specificity", "Recall"])
def test_metrics_of_classes_are_near_the_spread_of_values_drawn_again(
    name: str, reading: dict[str, Any], weighted: bool
) -> None:
    sample = classes(2, 600)
    if weighted:
        sample = replace(sample, weights=np.random.default_rng(3).gamma(2.0, 1.0, 600))
    check(name, sample, 1.5, spec=reading)


@pytest.mark.parametrize("weighted", [False, True])
def test_each_of_several_classes_has_the_limits_of_a_quantile_of_its_own(weighted: bool) -> None:
    sample = replace(classes(3, 400), slices={}, weights=np.ones(400) if weighted else None)
    quantile = {"class_name": "Quantile", "config": {"quantile": 0.5}}
    for names in ([0, 2], [2, 0], [1]):
        found = by_metric(quantile, sample, spec={"binarize": {"class_ids": {"values": names}}})
        for number in names:
            (row,) = found["quantile", f"classId:{number}"]
            near = np.quantile(sample.candidate[:, number], [0.4, 0.5, 0.6])
            assert near[0] < row["lower"] < near[1] < row["upper"] < near[2]
