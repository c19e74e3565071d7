"""The engine's standard errors, limits and paired tests against oracles computed from the examples of each slice."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from evaluator_component.stats.proportions import paired_limits
from tests.stats.correlated import baseline_of, binary, linearised, near, parts, weightings
from tests.stats.two_models import Array, Sample, rows

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
        assert row["change_interval_method"] == ("paired delta" if weighted else "paired delta (mean)")
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
        assert not f"{row['interval_method']} {row['change_interval_method']}".count("(mean)")
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
