"""Plots of a model of several classes in a real browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

import evaluator_component as ec
from evaluator_component.results import Evaluation
from tests import trips
from tests.browser.conftest import Open, cells, settle

pytestmark = pytest.mark.browser

NAMES = ["cheap", "fair", "dear"]


@pytest.fixture(scope="module")
def classified(material: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, np.ndarray]:
    """Predictions of three classes that are in the data, and the predicted classes."""
    root = tmp_path_factory.mktemp("classes")
    scores = np.stack([-material.trips.fare, np.full(len(material.trips), 0.1), material.trips.fare], axis=1)
    scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    records = [
        trips.example(choice=int(choice), hour=int(hour), scores=[float(score) for score in row])
        for choice, hour, row in zip(material.trips.choice, material.trips.hour, scores, strict=True)
    ]
    vocabulary = root / "names.txt"
    vocabulary.write_text("\n".join(NAMES))
    config = {
        "model_specs": [{"label_key": "choice", "prediction_key": "scores", "label_vocabulary": str(vocabulary)}],
        "slicing_specs": [{}, {"feature_keys": ["hour"]}],
        "metrics_specs": [
            {"metrics": [{"class_name": "SparseCategoricalAccuracy"}, {"class_name": "MultiClassConfusionMatrixPlot"}]}
        ],
        "gate": {"no_thresholds": "BLESS"},
    }
    data = trips.write_records(root / "data" / "trips", records)
    return ec.evaluate(config, data=str(data), output=root / "out", progress=False), scores.astype(np.float32).argmax(1)


def test_confusions_have_the_names_of_classes(
    open_report: Open, classified: tuple[Evaluation, np.ndarray], material: Any
) -> None:
    evaluation, predicted = classified
    page = open_report(evaluation, "page=plots")
    expected = sklearn_metrics.confusion_matrix(material.trips.choice, predicted)
    texts = page.locator("figure g[data-mark=text] text")
    texts.first.wait_for()
    drawn = page.locator("figure g[data-mark=cell] title").all_text_contents()
    for actual in range(3):
        for guess in range(3):
            count, share = expected[actual, guess], expected[actual, guess] / expected[actual].sum()
            told = f"{NAMES[actual]} predicted as {NAMES[guess]}: {count:,} ({100 * share:.1f} %)"
            assert (told in drawn) == (count > 0)
    rows = list(zip(*(cells(page, "The largest confusions", column) for column in range(3)), strict=True))
    wrong = sorted(((expected[a, p], NAMES[a], NAMES[p]) for a in range(3) for p in range(3) if a != p), reverse=True)
    assert rows[0] == (wrong[0][1], wrong[0][2], f"{wrong[0][0]:,}")
    page.get_by_label("Shares of the actual class").uncheck()
    settle(page)
    assert f"{expected[0, 0]:,}" in texts.all_text_contents()
