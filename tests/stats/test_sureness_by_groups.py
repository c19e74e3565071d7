"""Standard errors of areas and quantiles, and by leaving out groups, against oracles that do so in a loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.stats
from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

from tests.stats.correlated import GROUPS, baseline_of, binary, classes, near, parts, weightings
from tests.stats.test_resampling import by_loop
from tests.stats.two_models import Array, Sample, rows


def components(part: Sample) -> tuple[Array, Array]:
    """DeLong's structural components: of the positives, and of the negatives."""
    positives, negatives = part.candidate[part.labels == 1], part.candidate[part.labels == 0]
    wins = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    return wins.mean(axis=1), wins.mean(axis=0)


def test_areas_under_roc_have_delongs_error() -> None:
    sample = binary(8)
    found = rows(["AUC"], sample, batch=170)
    for slice_name, part in parts(sample):
        row = found[slice_name, "auc"]
        error = math.sqrt(sum(one.var(ddof=1) / len(one) for one in components(part)))
        near(row["value"], roc_auc_score(part.labels, part.candidate))
        near(row["std_error"], error)
        logit = math.log(row["value"] / (1 - row["value"]))
        reach = scipy.stats.norm.isf(0.025) * error / (row["value"] * (1 - row["value"]))
        near(row["lower"], 1 / (1 + math.exp(reach - logit)))
        near(row["upper"], 1 / (1 + math.exp(-reach - logit)))


def test_with_as_many_groups_as_examples_the_change_of_areas_has_delongs_paired_error() -> None:
    sample = binary(9, 300)
    sample = replace(sample, units=np.arange(300, dtype=np.uint64))
    found = rows(["AUC"], sample, intervals={"groups": 1000})
    for slice_name, part in parts(sample):
        if len(part) < 100:
            continue
        own, its = components(part), components(baseline_of(part))
        error = math.sqrt(sum((a - b).var(ddof=1) / len(a) for a, b in zip(own, its, strict=True)))
        near(found[slice_name, "auc"]["change_std_error"], error, rel=0.03)


def deleted(part: Sample, statistic: Callable[[Sample], float], groups: int = GROUPS) -> float:
    """The jackknife by a loop over groups."""
    numbers = (part.unit if part.clusters is None else part.clusters) % np.uint64(groups)
    sizes = np.bincount(numbers.astype(int), minlength=groups).astype(float)
    without = [statistic(part.rows(np.flatnonzero(numbers != group))) for group in range(groups)]
    return by_loop(statistic(part), without, sizes.tolist())


def area(part: Sample) -> float:
    return float(roc_auc_score(part.labels, part.candidate, sample_weight=part.mass))


def change(statistic: Callable[[Sample], float]) -> Callable[[Sample], float]:
    return lambda part: statistic(part) - statistic(baseline_of(part))


@weightings
def test_changes_of_areas_and_weighted_areas_are_by_leaving_out_groups(weighted: bool) -> None:
    sample = binary(10, weighted=weighted)
    found = rows(["AUC"], sample, batch=170)
    for slice_name, part in parts(sample):
        row = found[slice_name, "auc"]
        near(row["change_std_error"], deleted(part, change(area)))
        near(row["change_df"], len(np.unique(part.unit % np.uint64(GROUPS))) - 1)
        if weighted:
            near(row["std_error"], deleted(part, area))
            assert row["interval_method"] == "jackknife (logit)"


@weightings
def test_areas_under_precision_recall_are_near_to_leaving_out_groups(weighted: bool) -> None:
    sample = binary(11, 1500, weighted=weighted)
    found = rows(["AUCPrecisionRecall", "AveragePrecision"], sample)

    def average(part: Sample) -> float:
        return float(average_precision_score(part.labels, part.candidate, sample_weight=part.mass))

    for slice_name, part in parts(sample):
        if len(part) > 500:
            for name in ("auc_precision_recall", "average_precision"):
                near(found[slice_name, name]["std_error"], deleted(part, average), rel=0.05)
                near(found[slice_name, name]["change_std_error"], deleted(part, change(average)), rel=0.1)


@weightings
def test_examples_in_clusters_are_left_out_together(weighted: bool) -> None:
    """Every metric, whatever its own method, and clusters are whole in a group."""
    rng = np.random.default_rng(12)
    clusters = rng.integers(0, 150, 900).astype(np.uint64) * np.uint64(1_000_003)
    sample = replace(binary(12, weighted=weighted), clusters=clusters)
    found = rows(["AUC", "BinaryAccuracy", "MeanSquaredError", "F1Score"], sample, batch=170)
    statistics: dict[str, Callable[[Sample], float]] = {
        "auc": area,
        "binary_accuracy": lambda s: float(np.average((s.candidate > 0.5) == s.labels, weights=s.mass)),
        "mean_squared_error": lambda s: float(np.average((s.candidate - s.labels) ** 2, weights=s.mass)),
        "f1_score": lambda s: float(f1_score(s.labels, s.candidate > 0.5, sample_weight=s.mass)),
    }
    for slice_name, part in parts(sample):
        for name, statistic in statistics.items():
            row = found[slice_name, name]
            near(row["std_error"], deleted(part, statistic))
            near(row["change_std_error"], deleted(part, change(statistic)))
            assert row["interval_method"].startswith("jackknife")
            assert row["change_interval_method"] == "paired jackknife"


def test_clusters_of_alike_examples_have_larger_errors() -> None:
    sample = binary(13, 600)
    copied = sample.rows(np.repeat(np.arange(600), 5))
    copied = replace(
        copied, units=np.arange(3000, dtype=np.uint64), clusters=np.repeat(np.arange(600, dtype=np.uint64), 5)
    )
    alone = rows(["BinaryAccuracy"], sample)["Overall", "binary_accuracy"]
    clustered = rows(["BinaryAccuracy"], copied)["Overall", "binary_accuracy"]
    naive = rows(["BinaryAccuracy"], replace(copied, clusters=None))["Overall", "binary_accuracy"]
    near(clustered["std_error"], alone["std_error"], rel=0.25)
    near(naive["std_error"] * math.sqrt(5), alone["std_error"], rel=0.01)


def test_means_over_classes_are_by_leaving_out_groups() -> None:
    sample = classes(14)
    found = rows(["Precision", "AUC"], sample, spec={"aggregate": {"macro_average": True}})
    by_name = {(slice_name, name): row for (slice_name, name, *_), row in found.items()}

    def precision(part: Sample) -> float:
        one_hot = np.eye(3)[part.labels.astype(int)]
        return float(np.mean([precision_score(one_hot[:, k], part.candidate[:, k] > 0.5) for k in range(3)]))

    def areas(part: Sample) -> float:
        return float(np.mean([roc_auc_score(part.labels == k, part.candidate[:, k]) for k in range(3)]))

    for slice_name, part in parts(sample):
        for name, statistic, close in (("precision", precision, 1e-6), ("auc", areas, 0.02)):
            row = by_name[slice_name, name]
            near(row["value"], statistic(part))
            near(row["std_error"], deleted(part, statistic), rel=close)
            near(row["change_std_error"], deleted(part, change(statistic)), rel=5 * close)


def test_differences_between_groups_are_by_leaving_out_groups() -> None:
    sample = replace(binary(15, 1200), slices={})
    which = np.random.default_rng(15).integers(0, 3, 1200)
    sample = replace(sample, slices={f"group={k}": which == k for k in range(3)}, feature=which.astype(float))
    named = [
        {"class_name": name, "config": {"features": ["group"]}}
        for name in ("DemographicParityDifference", "EqualOpportunityDifference", "DemographicParityRatio")
    ]
    found = rows(named, sample)

    def rates(part: Sample, among: Array) -> list[float]:
        assert part.feature is not None
        return [float(np.mean(part.candidate[among & (part.feature == k)] > 0.5)) for k in range(3)]

    statistics: dict[str, Callable[[Sample], float]] = {
        "demographic_parity_difference": lambda s: float(np.ptp(rates(s, np.ones(len(s), bool)))),
        "equal_opportunity_difference": lambda s: float(np.ptp(rates(s, s.labels == 1))),
        "demographic_parity_ratio": lambda s: (
            min(rates(s, np.ones(len(s), bool))) / max(rates(s, np.ones(len(s), bool)))
        ),
    }
    for name, statistic in statistics.items():
        row = found["Overall", name]
        near(row["value"], statistic(sample))
        near(row["std_error"], deleted(sample, statistic))
        near(row["change_std_error"], deleted(sample, change(statistic)))


def test_quantiles_have_woodruffs_limits() -> None:
    sample = replace(binary(16), candidate=np.random.default_rng(16).gamma(2.0, 1.0, 900))
    found = rows([{"class_name": "Quantile", "config": {"quantile": [0.1, 0.5, 0.9]}}, "MedianAbsoluteError"], sample)
    z = scipy.stats.norm.isf(0.025)
    for slice_name, part in parts(sample):
        errors = np.abs(part.labels - part.candidate)
        wanted = [(part.candidate, share, ("quantile", f"quantile={share}")) for share in (0.1, 0.5, 0.9)]
        for values, share, key in [*wanted, (errors, 0.5, ("median_absolute_error",))]:
            row = found[(slice_name, *key)]
            reach = z * math.sqrt(share * (1 - share) / len(part))
            ends = np.clip([share - reach, share + reach], 0, 1)
            lower, upper = np.quantile(values, ends, method="averaged_inverted_cdf")
            near(row["value"], np.quantile(values, share, method="averaged_inverted_cdf"))
            near(row["lower"], lower)
            near(row["upper"], upper)
            near(row["std_error"], (upper - lower) / (2 * z))
            assert row["interval_method"] == "order statistics"
