"""Every plot against histograms, matrices and curves made in other ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.calibration

from evaluator_component.metrics import Kind
from evaluator_component.metrics.registry import catalogue
from tests.metrics.pass_over import Examples, Row, entry, sample, tables

TESTED = {
    "CalibrationPlot",
    "ConfusionMatrixAtThresholds",
    "ConfusionMatrixPlot",
    "GainLiftPlot",
    "MultiClassConfusionMatrixAtThresholds",  # in test_matrices
    "MultiClassConfusionMatrixPlot",
    "MultiLabelConfusionMatrixPlot",
    "ObjectDetectionConfusionMatrixPlot",  # in test_detection
    "ReliabilityDiagram",
    "ScoreDistributionPlot",
    "SemanticSegmentationConfusionMatrix",  # in test_lists
}


def test_every_plot_is_tested() -> None:
    assert {name for name, declared in catalogue().items() if declared.family == "plots"} == TESTED


def plotted(name: str, examples: Examples, slice_name: str = "Overall", **options: Any) -> list[Row]:
    _, rows = tables([entry(name, **options)], examples)
    assert {row["plot_type"] for row in rows} == {name}
    return [row for row in rows if row["slice"] == slice_name]


@pytest.mark.parametrize("options", [{}, {"num_buckets": 7}, {"num_buckets": 10, "left": 0.2, "right": 0.8}])
def test_calibration_plot_is_a_histogram(options: dict[str, Any]) -> None:
    base = sample(Kind.REAL, 8, 400, weighted=True, grouped=True)
    examples = Examples(
        base.labels,
        np.where(np.arange(400) % 40 == 0, base.predictions * 4 - 2, base.predictions),
        base.weights,
        base.groups,
    )
    _, rows = tables([{"class_name": "CalibrationPlot", "config": options}], examples)
    count, left, right = options.get("num_buckets", 1000), options.get("left", 0.0), options.get("right", 1.0)
    assert examples.groups is not None
    for name, rows_of in (("Overall", np.arange(400)), ("group=1", np.flatnonzero(examples.groups == 1))):
        part = examples.rows(rows_of)
        edges = np.array([-np.inf, *np.linspace(left, right, count + 1), np.inf])
        bucket = np.searchsorted(edges, part.predictions, side="right") - 1
        found = [row for row in rows if row["slice"] == name]
        assert [row["bucket"] for row in found] == list(range(count + 2))
        np.testing.assert_allclose([row["lower"] for row in found], edges[:-1], rtol=1e-12)
        np.testing.assert_allclose([row["upper"] for row in found], edges[1:], rtol=1e-12)
        for column, terms in (
            ("weighted_examples", part.mass),
            ("weighted_labels", part.mass * part.labels),
            ("weighted_predictions", part.mass * part.predictions),
        ):
            expected = np.bincount(bucket, terms, count + 2)
            np.testing.assert_allclose([row[column] for row in found], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("count", [1000, 4])
def test_confusion_matrix_plot_is_a_matrix_per_threshold(count: int) -> None:
    examples = sample(Kind.BINARY, 9, 300, weighted=True, grouped=True)
    config = {"class_name": "ConfusionMatrixPlot", "config": {"num_thresholds": count}}
    _, rows = tables([config], examples)
    assert examples.groups is not None
    for name, rows_of in (("Overall", np.arange(300)), ("group=2", np.flatnonzero(examples.groups == 2))):
        part = examples.rows(rows_of)
        found = [row for row in rows if row["slice"] == name]
        thresholds = [-1e-6, *(np.arange(count + 1) / count)]
        np.testing.assert_allclose([row["lower"] for row in found], thresholds)
        above = part.predictions[None, :] > np.array([row["lower"] for row in found])[:, None]
        positive, negative = part.mass * part.labels, part.mass * (1 - part.labels)
        for column, expected in (
            ("true_positives", above @ positive),
            ("false_positives", above @ negative),
            ("true_negatives", ~above @ negative),
            ("false_negatives", ~above @ positive),
        ):
            np.testing.assert_allclose([row[column] for row in found], expected, rtol=1e-9, atol=1e-12)


def test_matrices_at_thresholds_are_by_rising_threshold() -> None:
    examples = sample(Kind.BINARY, 12, 300, weighted=True)
    found = plotted("ConfusionMatrixAtThresholds", examples, thresholds=[0.7, 0.2, 0.7])
    assert [row["lower"] for row in found] == [0.2, 0.7]
    for row in found:
        above = examples.predictions > row["lower"]
        assert row["true_positives"] == pytest.approx((examples.mass * examples.labels)[above].sum(), rel=1e-9)
        assert row["true_negatives"] == pytest.approx((examples.mass * (1 - examples.labels))[~above].sum(), rel=1e-9)


def test_the_score_distribution_is_the_mass_above_and_up_to_thresholds() -> None:
    examples = sample(Kind.REAL, 13, 300, weighted=True)
    found = plotted("ScoreDistributionPlot", examples, num_thresholds=10)
    assert len(found) == 12
    for row in found:
        above = examples.predictions > row["lower"]
        assert row["true_positives"] == pytest.approx(examples.mass[above].sum(), rel=1e-9)
        assert row["true_negatives"] == pytest.approx(examples.mass[~above].sum(), rel=1e-9)
        assert row["false_positives"] == row["false_negatives"] == 0.0


def test_the_reliability_diagram_is_scikit_learns_calibration_curve() -> None:
    rng = np.random.default_rng(14)
    scores = rng.random(500)  # none on an edge, which scikit-learn gives to the bucket below
    examples = Examples((rng.random(500) < scores**2).astype(float), scores)
    found = [row for row in plotted("ReliabilityDiagram", examples, num_buckets=8) if row["weighted_examples"]]
    labels, predictions = sklearn.calibration.calibration_curve(examples.labels, scores, n_bins=8)
    np.testing.assert_allclose([row["weighted_labels"] / row["weighted_examples"] for row in found], labels)
    np.testing.assert_allclose([row["weighted_predictions"] / row["weighted_examples"] for row in found], predictions)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gain_is_the_share_of_positives_found(weighted: bool) -> None:
    examples = sample(Kind.BINARY, 15, 400, weighted=weighted, grouped=True)
    assert examples.groups is not None
    for name, rows in (("Overall", np.arange(400)), ("group=1", np.flatnonzero(examples.groups == 1))):
        found = plotted("GainLiftPlot", examples, name, num_buckets=7)
        part = examples.rows(rows)
        mass, positive = part.mass, part.mass * part.labels
        for row in found:
            wanted = row["lower"] * mass.sum()
            gained, taken = 0.0, 0.0
            for score in np.unique(part.predictions)[::-1]:
                tied = part.predictions == score
                share = min(1.0, max(0.0, (wanted - taken) / mass[tied].sum())) if mass[tied].sum() else 0.0
                gained, taken = gained + share * positive[tied].sum(), taken + mass[tied].sum()
            assert row["weighted_examples"] == pytest.approx(wanted, rel=1e-9)
            assert row["weighted_labels"] == pytest.approx(gained, rel=1e-9, abs=1e-9)
        assert [row["lower"] for row in found] == pytest.approx(np.arange(8) / 7)
