"""The numbers of the figures against scikit-learn, from plots that the metrics make of raw labels and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as skm
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from evaluator_component.report import curves
from evaluator_component.report.class_matrices import class_matrix
from evaluator_component.report.plot_rows import buckets, confusions, merge
from evaluator_component.results import PLOTS_SCHEMA
from tests.metrics.pass_over import Examples, entry, tables

GRID = 40


def rows(class_name: str, examples: Examples, **options: Any) -> pa.Table:
    """The overall rows of one plot, in a wrong order."""
    _, made = tables([entry(class_name, **options)], examples)
    return pa.Table.from_pylist([row for row in made if row["slice"] == "Overall"][::-1], schema=PLOTS_SCHEMA)


def examples(weighted: bool, *, gridded: bool, count: int = 600, seed: int = 3) -> Examples:
    """Scores in the middle of the intervals of a grid, so that thresholds on it lose nothing; or anywhere."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.35).astype(float)
    scores = np.clip(rng.beta(2, 3, count) + 0.2 * labels, 0.0, 0.999)
    if gridded:
        scores = (np.floor(scores * GRID) + 0.5) / GRID
    weights = rng.integers(1, 9, count) / 4 if weighted else None
    return Examples(labels, scores, weights, np.zeros(count, np.int64))


weighted = pytest.mark.parametrize("weighted", [False, True])
source = pytest.mark.parametrize(
    ("class_name", "options"),
    [("ConfusionMatrixPlot", {"num_thresholds": GRID}), ("CalibrationPlot", {"num_buckets": GRID})],
)


@weighted
@source
def test_roc_is_that_of_scikit_learn(class_name: str, options: dict[str, Any], weighted: bool) -> None:
    given = examples(weighted, gridded=True)
    found = curves.roc(confusions(rows(class_name, given, **options)))
    x, y, _ = skm.roc_curve(given.labels, given.predictions, sample_weight=given.mass, drop_intermediate=False)
    expected = np.unique(np.round(np.column_stack([x, y]), 12), axis=0)
    assert np.unique(np.round(np.column_stack([found.x, found.y]), 12), axis=0) == pytest.approx(expected)
    assert found.area == pytest.approx(skm.roc_auc_score(given.labels, given.predictions, sample_weight=given.mass))
    assert (np.diff(found.x) >= 0).all()
    assert (found.thresholds[:-1] >= found.thresholds[1:]).all()


@weighted
@source
def test_precision_recall_is_that_of_scikit_learn(class_name: str, options: dict[str, Any], weighted: bool) -> None:
    given = examples(weighted, gridded=True)
    found = curves.precision_recall(confusions(rows(class_name, given, **options)))
    precision, recall, _ = skm.precision_recall_curve(given.labels, given.predictions, sample_weight=given.mass)
    expected = np.unique(
        np.round(np.column_stack([recall, precision])[:-1], 12), axis=0
    )  # the last is (0, 1) by decree
    assert np.unique(np.round(np.column_stack([found.x, found.y])[1:], 12), axis=0) == pytest.approx(expected)
    average = skm.average_precision_score(given.labels, given.predictions, sample_weight=given.mass)
    assert found.steps
    assert found.area == pytest.approx(average)


@weighted
def test_points_of_a_coarse_plot_lie_on_the_whole_curve(weighted: bool) -> None:
    given = examples(weighted, gridded=False)
    found = curves.roc(confusions(rows("ConfusionMatrixPlot", given, num_thresholds=7)))
    for x, y, threshold in zip(found.x, found.y, found.thresholds, strict=True):
        above = given.predictions > threshold
        assert x == pytest.approx(given.mass[above & (given.labels == 0)].sum() / given.mass[given.labels == 0].sum())
        assert y == pytest.approx(given.mass[above & (given.labels == 1)].sum() / given.mass[given.labels == 1].sum())


@weighted
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 1.0])
def test_the_matrix_at_a_threshold_is_that_of_scikit_learn(threshold: float, weighted: bool) -> None:
    given = examples(weighted, gridded=False)
    given.predictions[:50] = np.tile([0.0, 0.25, 0.5, 0.75, 1.0], 10)  # on thresholds
    for class_name, options, positive in (
        ("ConfusionMatrixPlot", {"num_thresholds": 20}, given.predictions > threshold),
        ("ConfusionMatrixAtThresholds", {"thresholds": [threshold]}, given.predictions > threshold),
        ("CalibrationPlot", {"num_buckets": 20}, given.predictions >= threshold),
    ):
        found = curves.matrix_at(confusions(rows(class_name, given, **options)), threshold)
        expected = skm.confusion_matrix(given.labels, positive, labels=[0, 1], sample_weight=given.mass)
        assert found == pytest.approx(expected), class_name


def test_a_threshold_that_the_plot_has_not_is_answered_with_the_nearest() -> None:
    found = confusions(rows("ConfusionMatrixPlot", examples(False, gridded=True), num_thresholds=4))
    with pytest.raises(LookupError, match=r"no threshold 0\.6; the nearest: 0\.25, 0\.5, 0\.75"):
        curves.matrix_at(found, 0.6)


@pytest.mark.parametrize(
    ("class_name", "options"), [("CalibrationPlot", {"num_buckets": 1000}), ("ReliabilityDiagram", {"num_buckets": 10})]
)
def test_calibration_is_that_of_scikit_learn(class_name: str, options: dict[str, Any]) -> None:
    given = examples(False, gridded=False)
    found = curves.calibration(rows(class_name, given, **options), 10, 1.0)
    share, mean = calibration_curve(given.labels, given.predictions, n_bins=10)
    assert found.mean_label == pytest.approx(share)
    assert found.mean_prediction == pytest.approx(mean)
    limits = proportion_confint(found.mean_label * found.examples, found.examples, method="wilson")
    assert found.lower == pytest.approx(limits[0], abs=1e-12)
    assert found.upper == pytest.approx(limits[1], abs=1e-12)
    assert found.error == pytest.approx(np.average(np.abs(share - mean), weights=found.examples))


def test_weights_count_in_calibration_and_limits_need_their_worth() -> None:
    given = examples(True, gridded=False)
    table = rows("CalibrationPlot", given)
    found, narrow = curves.calibration(table, 4, float("nan")), curves.calibration(table, 4, 0.5)
    bucket = np.floor(given.predictions * 4)
    for place in range(4):
        inside = bucket == place
        assert found.mean_label[place] == pytest.approx(np.average(given.labels[inside], weights=given.mass[inside]))
    assert np.isnan(found.lower).all()
    trials = narrow.examples / 2
    expected = proportion_confint(narrow.mean_label * trials, trials, method="wilson")
    assert narrow.upper == pytest.approx(expected[1])


def test_scores_of_exactly_one_join_the_last_bucket() -> None:
    given = examples(False, gridded=False)
    given.predictions[:9] = 1.0
    found = curves.calibration(rows("CalibrationPlot", given), 10, 1.0)
    assert found.examples.sum() == len(given)
    assert found.examples[-1] == (given.predictions >= 0.9).sum()


def test_labels_of_a_regression_have_means_but_no_shares() -> None:
    rng = np.random.default_rng(1)
    given = Examples(rng.normal(20, 5, 200), rng.uniform(10, 30, 200), None, np.zeros(200, np.int64))
    table = rows("CalibrationPlot", given, left=10, right=30)
    found = curves.calibration(table, 5, 1.0)
    assert np.average(found.mean_label, weights=found.examples) == pytest.approx(given.labels.mean())
    assert np.isnan(found.lower).all()
    assert set(curves.scores(table, 10).densities) == {"all"}
    with pytest.raises(LookupError, match="not between 0 and 1"):
        confusions(table)


@weighted
@pytest.mark.parametrize(
    ("class_name", "options"),
    [
        ("CalibrationPlot", {}),
        ("ConfusionMatrixPlot", {}),
        ("ConfusionMatrixPlot", {"num_thresholds": 40}),
        ("ReliabilityDiagram", {"num_buckets": 20}),
        ("ScoreDistributionPlot", {}),
    ],
)
def test_scores_are_the_histogram_of_numpy(class_name: str, options: dict[str, Any], weighted: bool) -> None:
    given = examples(weighted, gridded=False)
    found = curves.scores(rows(class_name, given, **options), 20)
    parts = {"positive": given.labels == 1, "negative": given.labels == 0}
    if class_name == "ScoreDistributionPlot":
        parts = {"all": np.ones(len(given), bool)}
    assert set(found.densities) == set(parts)
    assert found.edges == pytest.approx(np.linspace(0, 1, 21), abs=2e-6)
    for name, inside in parts.items():
        expected, _ = np.histogram(
            given.predictions[inside], np.linspace(0, 1, 21), density=True, weights=given.mass[inside]
        )
        assert found.densities[name] == pytest.approx(expected, rel=1e-4)


def test_fewer_buckets_than_asked_for_stay_as_they_are() -> None:
    whole = buckets(rows("ReliabilityDiagram", examples(False, gridded=False), num_buckets=7))
    found = merge(whole, 50)
    assert found.lower == pytest.approx(np.arange(7) / 7)
    assert found.upper == pytest.approx(np.arange(1, 8) / 7)
    assert found.examples == pytest.approx(whole.examples[1:-1])


@weighted
def test_gain_and_lift_are_those_of_the_sorted_scores(weighted: bool) -> None:
    given = examples(weighted, gridded=True)
    order = np.argsort(-given.predictions, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(given.predictions[order])), len(given) - 1)  # where a score ends
    weight = np.append(0.0, given.mass[order].cumsum()[ends]) / given.mass.sum()
    positives = np.append(0.0, (given.mass * given.labels)[order].cumsum()[ends]) / (given.mass * given.labels).sum()
    for class_name, options in (("GainLiftPlot", {}), ("ConfusionMatrixPlot", {"num_thresholds": GRID})):
        table = rows(class_name, given, **options)
        found = curves.gain(table)
        assert found.y == pytest.approx(np.interp(found.x, weight, positives)), class_name
        lifted = curves.lift(found)
        assert lifted.y * lifted.x == pytest.approx(found.y[found.x > 0])
        assert curves.base_rate(table) == pytest.approx(np.average(given.labels, weights=given.mass))
        assert found.at(1.0) == 1.0


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_only_is_said(label: float) -> None:
    given = Examples(np.full(50, label), np.linspace(0, 1, 50), None, np.zeros(50, np.int64))
    found = confusions(rows("ConfusionMatrixPlot", given))
    with pytest.raises(LookupError, match="no example is " + ("negative" if label else "positive")):
        curves.roc(found)
    if not label:
        with pytest.raises(LookupError, match="no example is positive"):
            curves.precision_recall(found)


@weighted
def test_the_matrix_of_classes_is_that_of_scikit_learn(weighted: bool) -> None:
    rng = np.random.default_rng(8)
    labels, scores = rng.integers(0, 5, 400), rng.dirichlet(np.ones(5), 400)
    weights = rng.integers(1, 9, 400) / 4 if weighted else None
    given = Examples(labels.astype(float), scores, weights, np.zeros(400, np.int64))
    table = rows("MultiClassConfusionMatrixPlot", given, thresholds=[0.0, 0.6])
    best = scores.argmax(axis=1)
    for threshold in (None, 0.6):
        predicted = np.where(scores.max(axis=1) > (threshold or 0.0), best, 5)
        expected = skm.confusion_matrix(labels, predicted, labels=range(6), sample_weight=given.mass)[:5]
        found = class_matrix(table, threshold)
        assert found.weights == pytest.approx(expected)
        assert found.shares == pytest.approx(expected / expected.sum(axis=1, keepdims=True))
        assert found.accuracy == pytest.approx(skm.accuracy_score(labels, predicted, sample_weight=given.mass))
        wrong = expected[:, :5] * (1 - np.eye(5))
        assert [wrong[pair] for pair in found.top_confusions(4)] == pytest.approx(np.sort(wrong, axis=None)[::-1][:4])
    assert class_matrix(table, None, classes=9).weights.shape == (9, 10)
