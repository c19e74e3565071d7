"""Standard errors of queries, and of what is equal, on the edge, far from 0, or alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from statsmodels.stats.proportion import proportion_confint

from tests.stats.correlated import GROUPS, baseline_of, binary, linearised, near, parts, ranked, weightings
from tests.stats.two_models import Array, Sample, rows


def gain(labels: Array, scores: Array) -> float:
    if not labels.any():
        return math.nan
    return float(ndcg_score([labels], [scores])) if len(labels) > 1 else 1.0


def reciprocal_rank(labels: Array, scores: Array) -> float:
    best = np.flatnonzero(labels[np.argsort(-scores)] > 0)
    return 1 / (1 + best[0]) if len(best) else 0.0


def by_query(part: Sample, measure: Callable[[Array, Array], float]) -> tuple[Array, Array]:
    assert part.queries is not None
    chosen = [np.flatnonzero(part.queries == query) for query in np.unique(part.queries)]
    return (
        np.array([measure(part.labels[docs], part.candidate[docs]) for docs in chosen]),
        np.array([part.mass[docs[0]] for docs in chosen]),
    )


@weightings
@pytest.mark.parametrize(
    ("name", "result", "measure"),
    [("NDCG", "ndcg", gain), ("MeanReciprocalRank", "mean_reciprocal_rank", reciprocal_rank)],
)
def test_metrics_of_queries_have_the_error_of_a_mean_over_queries(
    name: str, result: str, measure: Callable[[Array, Array], float], weighted: bool
) -> None:
    sample = ranked(17, weighted=weighted)
    found = rows([name], sample, batch=170)
    by_name = {(slice_name, metric): row for (slice_name, metric, *_), row in found.items()}
    for slice_name, part in parts(sample):
        row = by_name[slice_name, result]
        (own, mass), (its, _) = by_query(part, measure), by_query(baseline_of(part), measure)
        there = ~np.isnan(own)
        mass = np.where(there, mass, 0.0)
        own, its = np.nan_to_num(own), np.nan_to_num(its)
        influence = mass * (own - np.average(own, weights=mass)) / mass.sum()
        other = mass * (its - np.average(its, weights=mass)) / mass.sum()
        near(row["value"], np.average(own, weights=mass))
        near(row["std_error"], linearised(influence))
        near(row["change_std_error"], linearised(influence - other))


def test_two_equal_models_are_told_to_be_and_their_change_is_certain() -> None:
    sample = binary(18)
    sample = replace(sample, baseline=sample.candidate.copy())
    for row in rows(["AUC", "BinaryAccuracy", "BinaryCrossEntropy", "F1Score", "AUCPrecisionRecall"], sample).values():
        assert row["change_interval_method"] == "identical"
        told = [row[f"change_{what}"] for what in ("std_error", "lower", "upper")]
        assert [row["change"], *told, row["p_value"]] == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_models_that_differ_without_moving_the_metric_are_not_told_to_be_equal() -> None:
    """As many examples gained as lost: the change is 0, and not certain."""
    labels, candidate = np.tile([0.0, 1.0], 100), np.tile([0.2, 0.8], 100)
    baseline = candidate.copy()
    candidate[:2], baseline[2:4] = [0.6, 0.4], [0.6, 0.4]
    row = rows(["BinaryAccuracy"], Sample(labels, candidate, baseline))["Overall", "binary_accuracy"]
    assert row["change"] == 0.0
    assert (row["gained"], row["lost"], row["p_value"]) == (2.0, 2.0, 1.0)
    assert row["change_lower"] < 0 < row["change_upper"]
    assert row["change_std_error"] > 0


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_share_on_the_edge_has_wilsons_limits(right: float) -> None:
    labels = np.zeros(40)
    sample = Sample(labels, np.full(40, 0.1 if right else 0.9))
    row = rows(["BinaryAccuracy"], sample)["Overall", "binary_accuracy"]
    lower, upper = proportion_confint(40 * right, 40, method="wilson")
    near(row["lower"], lower)
    near(row["upper"], upper)
    assert row["std_error"] == 0.0
    weighted = rows(["BinaryAccuracy"], replace(sample, weights=np.tile([1.0, 3.0], 20)))["Overall", "binary_accuracy"]
    effective = 80**2 / (20 * 1 + 20 * 9)
    near(weighted["effective_n"], effective)
    near(weighted["lower"], proportion_confint(effective * right, effective, method="wilson")[0])


@pytest.mark.parametrize("missing", [0, 7, 40])
def test_a_missing_rate_has_wilsons_limits_also_of_none_and_all(missing: int) -> None:
    feature = np.where(np.arange(40) < missing, np.nan, 3.0)
    sample = Sample(np.zeros(40), np.full(40, 0.5), feature=feature)
    row = rows([{"class_name": "MissingRate", "config": {"feature_key_path": "fare"}}], sample)
    found = row["Overall", "missing_rate_fare"]
    lower, upper = proportion_confint(missing, 40, method="wilson")
    near(found["lower"], lower)
    near(found["upper"], upper)
    assert found["interval_method"] == "wilson"


@pytest.mark.parametrize("how", ["weights", "clusters"])
def test_a_value_that_no_group_moves_is_not_certain(how: str) -> None:
    """Perfect scores: the jackknife knows nothing of the error, and rounding is none."""
    rng = np.random.default_rng(22)
    labels = np.tile([0.0, 1.0], 100)
    perfect = Sample(labels, np.where(labels > 0, 0.6, 0.2) + 0.2 * rng.random(200))
    if how == "weights":
        perfect = replace(perfect, weights=rng.gamma(2.0, 1.0, 200))
    else:
        perfect = replace(perfect, clusters=np.arange(200, dtype=np.uint64))
    for row in rows(["AUC", "AveragePrecision", "KolmogorovSmirnov"], perfect).values():
        near(row["value"], 1.0)
        assert row["std_error"] in (None, 0.0), row
        assert row["lower"] is row["upper"] is None


@pytest.mark.parametrize("name", ["BinaryAccuracy", "AUC"])
def test_differences_that_cancel_within_a_group_are_not_taken_for_none(name: str) -> None:
    labels, candidate = np.tile([0.0, 1.0], 100), np.tile([0.2, 0.8], 100)
    baseline = candidate.copy()
    candidate[0] = baseline[2] = 0.6
    clusters = np.arange(200, dtype=np.uint64)
    clusters[2] = GROUPS  # as that of the first example, modulo the groups
    (row,) = rows([name], Sample(labels, candidate, baseline, clusters=clusters)).values()
    assert row["change_interval_method"] != "identical"


def test_one_example_has_no_error() -> None:
    sample = Sample(np.array([1.0]), np.array([0.7]), np.array([0.4]))
    found = rows(["BinaryCrossEntropy", "AUC", "BinaryAccuracy", "F1Score"], sample)
    for (_, name), row in found.items():
        assert name == "binary_accuracy" or row["std_error"] is None, row
        if name != "binary_accuracy":
            assert row["lower"] is row["upper"] is row["change_lower"] is None, row


def test_means_of_large_numbers_with_a_small_spread_keep_their_error() -> None:
    rng = np.random.default_rng(19)
    candidate = 1e5 + rng.normal(0, 1.0, 500)
    row = rows(["MeanPrediction"], Sample(np.zeros(500), candidate))["Overall", "mean_prediction"]
    near(row["std_error"], candidate.std(ddof=1) / math.sqrt(500), rel=1e-4)


@pytest.mark.parametrize("method", ["JACKKNIFE", "POISSON_BOOTSTRAP"])
def test_one_method_for_all_metrics_is_near_to_their_own(method: str) -> None:
    sample = binary(20, 4000)
    names = ["AUC", "BinaryAccuracy", "BinaryCrossEntropy", "F1Score", "Calibration", "AUCPrecisionRecall"]
    chosen: dict[str, Any] = {
        "options": {"compute_confidence_intervals": {"value": True}, "confidence_intervals": {"method": method}}
    }
    own, other = rows(names, sample), rows(names, sample, **chosen)
    ratios: list[float] = []
    for key, row in own.items():
        if key[0] != "group=few":
            ratios += [other[key][column] / row[column] for column in ("std_error", "change_std_error")]
    assert 0.6 < min(ratios) < max(ratios) < 1.5
    assert np.mean(ratios) == pytest.approx(1, abs=0.08)


def test_without_intervals_nothing_is_told() -> None:
    sample = binary(21)
    off = {"options": {"compute_confidence_intervals": {"value": False}}, "intervals": {}}
    with pytest.raises(Exception, match="no effect"):
        rows(["BinaryAccuracy"], sample, **off)
