"""The engine's standard errors, limits and paired tests against oracles computed from the examples of each slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import average_precision_score, f1_score, ndcg_score, precision_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from evaluator_component.stats.proportions import paired_limits
from tests.stats.test_resampling import by_loop
from tests.stats.two_models import Array, Sample, rows

GROUPS = 64


def binary(seed: int = 0, size: int = 900, *, weighted: bool = False) -> Sample:
    """A candidate and a correlated, slightly worse baseline, some scores tied; slices that overlap."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < 0.4).astype(float)
    candidate = np.clip(0.35 + 0.2 * labels + rng.normal(0, 0.2, size), 0.02, 0.98)
    candidate = np.where(rng.random(size) < 0.3, np.clip(np.round(candidate, 1), 0.1, 0.9), candidate)
    baseline = np.clip(candidate + rng.normal(0, 0.12, size), 0.02, 0.98)
    weights = rng.gamma(2.0, 1.0, size) if weighted else None
    slices = {f"group={name}": rng.random(size) < share for name, share in (("few", 0.1), ("half", 0.5), ("most", 0.9))}
    return Sample(labels, candidate, baseline, weights, slices)


def parts(sample: Sample) -> Iterator[tuple[str, Sample]]:
    yield "Overall", sample
    for name, mask in sample.slices.items():
        yield name, sample.rows(np.flatnonzero(mask))


def baseline_of(part: Sample) -> Sample:
    assert part.baseline is not None
    return replace(part, candidate=part.baseline)


def linearised(influence: Array) -> float:
    """The standard error of a statistic from what each example contributes to it, to first order."""
    size = len(influence)
    return math.sqrt(size / (size - 1) * np.sum((influence - influence.mean()) ** 2))


def near(found: float, expected: float, rel: float = 1e-6) -> None:
    assert found == pytest.approx(expected, rel=rel, abs=1e-12), (found, expected)


weightings = pytest.mark.parametrize("weighted", [False, True])

Counted = Callable[[Sample], tuple[Array, Array]]
"""Gives which examples count in the numerator and in the denominator of a share."""
SHARES: dict[str, Counted] = {
    "BinaryAccuracy": lambda s: ((s.candidate > 0.5) == s.labels, np.ones(len(s), bool)),
    "Precision": lambda s: ((s.candidate > 0.5) & (s.labels == 1), s.candidate > 0.5),
    "Recall": lambda s: ((s.candidate > 0.5) & (s.labels == 1), s.labels == 1),
    "FallOut": lambda s: ((s.candidate > 0.5) & (s.labels == 0), s.labels == 0),
    "PredictedPositiveRate": lambda s: (s.candidate > 0.5, np.ones(len(s), bool)),
}
NAMES = {"BinaryAccuracy": "binary_accuracy", "FallOut": "fall_out", "PredictedPositiveRate": "predicted_positive_rate"}


@pytest.mark.parametrize("name", SHARES)
def test_shares_have_wilsons_limits_and_changes_the_paired_score_test(name: str) -> None:
    sample = binary(1)
    found = rows([name], sample, batch=170)
    for slice_name, part in parts(sample):
        row = found[slice_name, NAMES.get(name, name.lower())]
        counts, of = SHARES[name](part)
        its_counts, its_of = SHARES[name](baseline_of(part))
        share, trials = counts.sum() / of.sum(), of.sum()
        lower, upper = proportion_confint(counts.sum(), trials, method="wilson")
        near(row["value"], share)
        near(row["std_error"], math.sqrt(share * (1 - share) / trials))
        near(row["lower"], lower)
        near(row["upper"], upper)
        near(row["effective_n"], trials)
        assert row["interval_method"] == "wilson"
        influence = (counts - share * of) / of.sum()
        its = (its_counts - its_counts.sum() / its_of.sum() * its_of) / its_of.sum()
        near(row["change_std_error"], linearised(influence - its))
        if not (of == its_of).all():  # precision: the two models predict different examples positive
            assert row["change_interval_method"] == "paired delta"
            reach = scipy.stats.t.isf(0.025, len(part) - 1) * row["change_std_error"]
            near(row["change_lower"], row["change"] - reach)
            near(row["change_upper"], row["change"] + reach)
            assert row["trials"] is None
            continue
        gained, lost = (counts & ~its_counts).sum(), (~counts & its_counts).sum()
        assert (row["trials"], row["gained"], row["lost"]) == (trials, gained, lost)
        assert row["change_interval_method"] == "paired score"
        limits = paired_limits(*(np.array([float(one)]) for one in (gained, lost, trials)), 0.025)
        near(row["change_lower"], limits[0][0])
        near(row["change_upper"], limits[1][0])
        near(row["p_value"], mcnemar([[0, gained], [lost, 0]], exact=False, correction=False).pvalue)


@pytest.mark.parametrize("name", SHARES)
def test_weighted_shares_have_limits_of_as_many_examples_as_their_variance_amounts_to(name: str) -> None:
    sample = binary(2, weighted=True)
    found = rows([name], sample, batch=170)
    for slice_name, part in parts(sample):
        row = found[slice_name, NAMES.get(name, name.lower())]
        (counts, of), (its_counts, its_of) = SHARES[name](part), SHARES[name](baseline_of(part))
        mass = part.mass
        share = np.average(counts[of], weights=mass[of])
        influence = mass * (counts - share * of) / (mass @ of)
        its_share = np.average(its_counts[its_of], weights=mass[its_of])
        its = mass * (its_counts - its_share * its_of) / (mass @ its_of)
        error = math.sqrt(np.sum(influence**2))
        near(row["value"], share)
        near(row["std_error"], error)
        trials = share * (1 - share) / error**2
        near(row["effective_n"], trials)
        lower, upper = proportion_confint(share * trials, trials, method="wilson")
        near(row["lower"], lower)
        near(row["upper"], upper)
        near(row["change_std_error"], linearised(influence - its))
        assert row["change_interval_method"] == "paired delta"
        assert row["trials"] is None


def test_weights_that_are_all_alike_change_nothing_but_the_test_of_the_change() -> None:
    sample = binary(3)
    plain = rows(["BinaryAccuracy", "BinaryCrossEntropy", "F1Score"], sample)
    weighted = rows(["BinaryAccuracy", "BinaryCrossEntropy", "F1Score"], replace(sample, weights=np.full(900, 4.0)))
    for key, row in plain.items():
        for column in ("value", "std_error", "lower", "upper", "effective_n", "df", "change", "change_std_error"):
            near(weighted[key][column], row[column])


def losses(part: Sample) -> Array:
    p = part.candidate
    return -np.where(part.labels == 1, np.log(p), np.log1p(-p))


MEANS: dict[str, tuple[str, Callable[[Sample], Array]]] = {
    "BinaryCrossEntropy": ("binary_crossentropy", losses),
    "MeanSquaredError": ("mean_squared_error", lambda s: (s.labels - s.candidate) ** 2),
    "MeanAbsoluteError": ("mean_absolute_error", lambda s: np.abs(s.labels - s.candidate)),
    "MeanPrediction": ("mean_prediction", lambda s: s.candidate),
    "BrierScore": ("brier_score", lambda s: (s.labels - s.candidate) ** 2),
}


@weightings
@pytest.mark.parametrize("name", MEANS)
def test_means_have_the_standard_error_of_a_weighted_mean(name: str, weighted: bool) -> None:
    sample = binary(4, weighted=weighted)
    result, measure = MEANS[name]
    found = rows([name], sample, batch=170)
    for slice_name, part in parts(sample):
        row, mass = found[slice_name, result], part.mass
        own, its = measure(part), measure(baseline_of(part))
        mean, its_mean = np.average(own, weights=mass), np.average(its, weights=mass)
        influence = mass * (own - mean) / mass.sum()
        difference = mass * (own - mean - its + its_mean) / mass.sum()
        near(row["value"], mean)
        near(row["std_error"], linearised(influence))
        near(row["change_std_error"], linearised(difference))
        effective = mass.sum() ** 2 / (mass @ mass)
        near(row["effective_n"], effective)
        near(row["df"], effective - 1)
        near(row["skewness"], scipy.stats.skew(influence), rel=1e-4)
        near(row["change_skewness"], scipy.stats.skew(difference), rel=1e-4)
        reach = scipy.stats.t.isf(0.025, row["change_df"]) * row["change_std_error"]
        near(row["change_lower"], row["change"] - reach)
        near(row["change_upper"], row["change"] + reach)
        p_value = 2 * scipy.stats.t.sf(abs(row["change"] / row["change_std_error"]), row["change_df"])
        near(row["p_value"], p_value)
        if not weighted:
            near(row["std_error"], own.std(ddof=1) / math.sqrt(len(part)))
            near(row["p_value"], scipy.stats.ttest_rel(own, its).pvalue, rel=1e-4)


@weightings
def test_the_level_sets_the_limits(weighted: bool) -> None:
    sample = binary(5, weighted=weighted)
    for level in (0.5, 0.9, 0.99):
        row = rows(["MeanSquaredError", "BinaryAccuracy"], sample, intervals={"level": level})[
            "Overall", "mean_squared_error"
        ]
        reach = scipy.stats.t.isf((1 - level) / 2, row["change_df"]) * row["change_std_error"]
        near(row["change_upper"], row["change"] + reach)


Formula = Callable[[Array], float]
"""Of the means of tp, fp, fn, tn, the label and the prediction."""
RATIOS: dict[str, tuple[str, Formula]] = {
    "F1Score": ("f1_score", lambda m: 2 * m[0] / (2 * m[0] + m[1] + m[2])),
    "Calibration": ("calibration", lambda m: m[5] / m[4]),
    "BalancedAccuracy": ("balanced_accuracy", lambda m: (m[0] / (m[0] + m[2]) + m[3] / (m[1] + m[3])) / 2),
    "MatthewsCorrelationCoefficient": (
        "matthews_correlation_coefficient",
        lambda m: (
            (m[0] * m[3] - m[1] * m[2]) / math.sqrt((m[0] + m[1]) * (m[0] + m[2]) * (m[3] + m[1]) * (m[3] + m[2]))
        ),
    ),
    "DiagnosticOddsRatio": ("diagnostic_odds_ratio", lambda m: m[0] * m[3] / (m[1] * m[2])),
}


def cells(part: Sample) -> Array:
    predicted, label = part.candidate > 0.5, part.labels == 1
    return np.array(
        [predicted & label, predicted & ~label, ~predicted & label, ~predicted & ~label, part.labels, part.candidate],
        float,
    )


def gradient(formula: Formula, mean: Array) -> Array:
    step = 1e-6
    moves = step * np.eye(len(mean))
    return np.array([(formula(mean + move) - formula(mean - move)) / (2 * step) for move in moves])


@weightings
@pytest.mark.parametrize("name", RATIOS)
def test_formulas_of_totals_have_the_error_of_the_delta_method(name: str, weighted: bool) -> None:
    sample = binary(6, weighted=weighted)
    result, formula = RATIOS[name]
    found = rows([name], sample, batch=170)
    for slice_name, part in parts(sample):
        row, size = found[slice_name, result], len(part)
        joint = part.mass * np.vstack([cells(part), cells(baseline_of(part))])
        mean, covariance = joint.mean(axis=1), np.cov(joint) / size
        own, its = gradient(formula, mean[:6]), gradient(formula, mean[6:])
        near(row["value"], formula(mean[:6]))
        near(row["std_error"], math.sqrt(own @ covariance[:6, :6] @ own), rel=1e-5)
        both = np.concatenate([own, -its])
        near(row["change_std_error"], math.sqrt(both @ covariance @ both), rel=1e-5)


@weightings
def test_counts_have_the_error_of_a_sum(weighted: bool) -> None:
    sample = binary(7, weighted=weighted)
    found = rows(["TruePositives", "FalseNegatives"], sample)
    for slice_name, part in parts(sample):
        for place, name in ((0, "true_positives"), (2, "false_negatives")):
            column = part.mass * cells(part)[place]
            near(found[slice_name, name]["std_error"], math.sqrt(len(part)) * column.std(ddof=1))
            its = part.mass * cells(baseline_of(part))[place]
            near(found[slice_name, name]["change_std_error"], math.sqrt(len(part)) * (column - its).std(ddof=1))


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


def classes(seed: int, size: int = 1200) -> Sample:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, size).astype(float)
    scores = rng.normal(size=(size, 3)) + 1.2 * np.eye(3)[labels.astype(int)]
    baseline = scores + rng.normal(0, 0.6, (size, 3))
    slices = {"group=half": rng.random(size) < 0.5}
    soft = [np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) for s in (scores, baseline)]
    return Sample(labels, soft[0], soft[1], None, slices)


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


def ranked(seed: int, queries: int = 250, *, weighted: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), rng.integers(2, 9, queries))
    labels = rng.integers(0, 4, len(query)) * (rng.random(len(query)) < 0.6)
    candidate = labels + rng.normal(0, 1.5, len(query))
    baseline = candidate + rng.normal(0, 0.8, len(query))
    weights = rng.gamma(2.0, 1.0, queries)[query] if weighted else None
    slices = {"group=half": (rng.random(queries) < 0.5)[query]}
    order = rng.permutation(len(query))
    return Sample(labels.astype(float), candidate, baseline, weights, slices, queries=query).rows(order)


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


@pytest.mark.xfail(strict=True, reason="sums by group do not tell which examples differ")
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
