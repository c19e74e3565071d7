"""Classes, averages, ranks, queries and two models against the peer. See docs/parity.md."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as skm

from tests.parity.families import CLASSES, Families, Key

pytestmark = pytest.mark.tfx

GRID = {"auc"}
"""The peer rounds scores down to multiples of 1/10,000."""
SINGLE_PRECISION = {"model_cosine_similarity"}
COMPARISONS = {
    "model_cosine_similarity", "symmetric_flip_rate", "flip_rate",
    *(f"{before}_to_{after}_flip_rate" for before in ("neg", "pos") for after in ("neg", "pos")),
}  # fmt: skip
"""The peer writes them as changes alone, this package as values too."""
MATRIX = "multi_class_confusion_matrix_at_thresholds"


def as_the_peer_names_it(key: Key) -> Key:
    """The peer does not tell in the key that means of labels and predictions are of all classes together."""
    if key.name in ("mean_label", "calibration") and key.sub_key == "micro_average":
        return key._replace(sub_key="")
    return key


def test_the_same_values_are_there(families: Families) -> None:
    ours = {as_the_peer_names_it(key) for key in families.ours}
    # The peer subtracts matrices, too; a threshold can do nothing with the result.
    peer = {key for key in families.peer if not (key.name == MATRIX and key.change)}
    assert peer - ours == set()
    assert ours - peer == {key for key in ours if key.name in COMPARISONS and not key.change}
    assert len(ours) > 200


def test_values_are_the_same(families: Families) -> None:
    compared = set()
    for key, value in families.ours.items():
        peer = families.peer.get(as_the_peer_names_it(key))
        if peer is None or key.name in GRID:
            continue
        compared.add(key.name)
        if key.name == MATRIX:
            assert value == pytest.approx(peer, rel=1e-9)
        else:
            tolerance = 1e-6 if key.name in SINGLE_PRECISION else 1e-9
            assert math.isclose(value, peer, rel_tol=tolerance, abs_tol=1e-12), (key, value, peer)
    assert compared == {key.name for key in families.ours} - GRID


def test_areas_differ_by_the_peers_grid_and_nothing_else(families: Families) -> None:
    examples = families.examples
    different = 0
    for key, value in families.ours.items():
        if key.name not in GRID or key.change or key.sub_key == "k:2":
            continue
        inside = examples.inside(key.group)
        labels, weights = np.eye(CLASSES)[examples.label[inside]], examples.weight[inside].astype(float)
        exact = examples.scores[inside].astype(float)
        for scores, found in ((exact, value), (np.floor(exact * 10_000), families.peer[key])):
            each = skm.roc_auc_score(labels, scores, average=None, sample_weight=weights)
            of = {
                "class_id:1": each[1],
                "class_id:3": each[3],
                "macro_average": (each[0] + 2 * each[1] + 0.5 * each[3]) / 3.5,
                "micro_average": skm.roc_auc_score(labels, scores, average="micro", sample_weight=weights),
            }
            assert found == pytest.approx(of[key.sub_key], rel=1e-9), key
        different += value != families.peer[key]
    assert different > 10
