"""Confusion matrices of several classes against scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as skm

from tests.metrics.pass_over import Examples, entry, tables

CLASSES = 4


def cells(name: str, examples: Examples, columns: list[str], **options: Any) -> dict[tuple[str, float], np.ndarray]:
    """The matrices by slice and threshold: ``[actual, predicted + 1, columns]``."""
    _, rows = tables([entry(name, **options)], examples)
    found: dict[tuple[str, float], np.ndarray] = {}
    places = set()
    for row in rows:
        matrix = found.setdefault((row["slice"], row["lower"]), np.zeros((CLASSES, CLASSES + 1, len(columns))))
        matrix[row["actual_class"], row["predicted_class"] + 1] = [row[column] for column in columns]
        place = (row["slice"], row["bucket"])
        assert place not in places
        places.add(place)
        assert row["plot_type"] == name
    return found


def classified(weighted: bool) -> Examples:
    rng = np.random.default_rng(5)
    weights = np.where(rng.random(300) < 0.1, 0.0, rng.gamma(2.0, 1.0, 300)) if weighted else None
    scores = rng.dirichlet(np.ones(CLASSES), 300)
    scores[:20] = 0.25  # ties
    return Examples(rng.integers(0, CLASSES, 300).astype(float), scores, weights, rng.integers(-1, 2, 300))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("name", ["MultiClassConfusionMatrixAtThresholds", "MultiClassConfusionMatrixPlot"])
def test_predictions_are_the_highest_score_above_the_threshold(name: str, one_hot: bool, weighted: bool) -> None:
    examples = classified(weighted)
    groups, mass = examples.groups, examples.mass
    assert groups is not None
    given = examples
    if one_hot:
        given = Examples(np.eye(CLASSES)[examples.labels.astype(int)], examples.predictions, examples.weights, groups)
    found = cells(name, given, ["weighted_examples"], thresholds=[0.6, 0.3])
    assert set(found) == {(s, t) for s in ("Overall", "group=0", "group=1") for t in (0.3, 0.6)}
    for (name_of_slice, threshold), matrix in found.items():
        inside = np.ones(300, bool) if name_of_slice == "Overall" else groups == int(name_of_slice[-1])
        best = examples.predictions.argmax(axis=1)
        predicted = np.where(examples.predictions.max(axis=1) > threshold, best, -1)
        expected = skm.confusion_matrix(
            examples.labels[inside].astype(int),
            predicted[inside],
            labels=[-1, *range(CLASSES)],
            sample_weight=mass[inside],
        )
        np.testing.assert_allclose(matrix[:, :, 0], expected[1:], rtol=1e-9)


def test_where_nothing_is_said_the_thresholds_are_the_peers() -> None:
    examples = classified(False)
    for name, default in (("MultiClassConfusionMatrixAtThresholds", 0.5), ("MultiClassConfusionMatrixPlot", 0.0)):
        assert {threshold for _, threshold in cells(name, examples, ["weighted_examples"])} == {default}
    found = cells("MultiClassConfusionMatrixPlot", examples, ["weighted_examples"], num_thresholds=3)
    assert {threshold for _, threshold in found} == {0.0, 0.5, 1.0}


@pytest.mark.parametrize("weighted", [False, True])
def test_of_several_labels_each_is_told_with_every_class(weighted: bool) -> None:
    rng = np.random.default_rng(6)
    labels = (rng.random((200, CLASSES)) < 0.4).astype(float)
    weights = rng.gamma(2.0, 1.0, 200) if weighted else None
    examples = Examples(labels, rng.random((200, CLASSES)), weights)
    columns = ["true_negatives", "false_positives", "false_negatives", "true_positives"]
    found = cells("MultiLabelConfusionMatrixPlot", examples, columns, thresholds=0.3)
    assert set(found) == {("Overall", 0.3)}
    for actual in range(CLASSES):
        rows = labels[:, actual] > 0
        expected = skm.multilabel_confusion_matrix(
            labels[rows], examples.predictions[rows] > 0.3, sample_weight=examples.mass[rows]
        )
        np.testing.assert_allclose(found["Overall", 0.3][actual, 1:], expected.reshape(CLASSES, 4), rtol=1e-9)
