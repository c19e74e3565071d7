"""Every metric against the peer on taxi trips; where they differ, an oracle says who is right. See docs/parity.md."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.metrics.oracles import ORACLES
from tests.parity.results import RESULT_NAMES, Key, Pairs, Results
from tests.parity.taxi import Taxi

pytestmark = pytest.mark.tfx

SAME = {
    "example_count", "mean_label", "binary_accuracy", "precision", "recall", "fpr", "fnr", "f1_score",
    "true_positives", "tp", "true_negatives", "tn", "false_positives", "fp", "false_negatives", "fn", "ppv", "tpr",
    "specificity", "tnr", "fall_out", "miss_rate", "negative_predictive_value", "npv", "false_discovery_rate",
    "false_omission_rate", "prevalence", "predicted_positive_rate", "prevalence_threshold", "threat_score",
    "balanced_accuracy", "matthews_correlation_coefficient", "fowlkes_mallows_index", "informedness", "markedness",
    "positive_likelihood_ratio", "negative_likelihood_ratio", "diagnostic_odds_ratio", "max_recall",
}  # fmt: skip
"""Equal to the last digits."""

SINGLE_PRECISION = {
    "weighted_example_count", "mean_prediction", "calibration", "binary_crossentropy", "mean_squared_error",
    "mean_absolute_error", "categorical_accuracy", "sparse_categorical_accuracy", "coefficient_of_discrimination",
    "relative_coefficient_of_discrimination", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
}  # fmt: skip
"""The peer adds up in single precision."""

GRID = {"auc", "auc_precision_recall"}
"""The peer rounds scores down to multiples of 1/10,000, and gives 0 where there is no area."""


def pairs(taxi: Taxi) -> Iterator[tuple[Key, float, float]]:
    """What both have: key, the peer's value, ours."""
    for results in (taxi.binary, taxi.several):
        peer, ours = results.values
        yield from ((key, peer[key], value) for key, value in ours.items())


def test_the_same_values_are_there(taxi: Taxi) -> None:
    for results in (taxi.binary, taxi.several):
        peer, ours = (set(values) for values in results.values)
        assert ours <= peer
        # The peer writes the count a second time as weighted, with the same value: no weight enters it.
        assert {(key.name, key.weighted) for key in peer - ours} <= {("example_count", True)}
    names = {key.name for key, _, _ in pairs(taxi)}
    assert names == set(RESULT_NAMES) == SAME | SINGLE_PRECISION | GRID | {"minoring"}
    assert len({key.slice for key, _, _ in pairs(taxi)}) > 20


def test_our_values_are_the_oracles(taxi: Taxi) -> None:
    for key, _, ours in pairs(taxi):
        if not key.change:
            expected = taxi.oracle(key)
            assert math.isnan(ours) == math.isnan(expected), (key, ours, expected)
            assert math.isnan(ours) or math.isclose(ours, expected, rel_tol=1e-9, abs_tol=1e-12), (key, ours, expected)


def test_our_changes_are_differences_of_our_values(taxi: Taxi) -> None:
    _, ours = taxi.binary.values
    changes = [key for key in ours if key.change]
    assert changes
    for key in changes:
        candidate, baseline = (ours[key._replace(model=name, change=False)] for name in ("candidate", "baseline"))
        assert ours[key] == candidate - baseline or math.isnan(ours[key]) == math.isnan(candidate - baseline)


def test_what_is_said_to_be_the_same_is(taxi: Taxi) -> None:
    for key, peer, ours in pairs(taxi):
        if key.name in SAME:
            assert math.isnan(peer) == math.isnan(ours), (key, peer, ours)
            assert math.isnan(peer) or math.isclose(peer, ours, rel_tol=1e-12, abs_tol=1e-12), (key, peer, ours)


def test_sums_differ_by_single_precision_only(taxi: Taxi) -> None:
    _, binary = taxi.binary.values
    for key, peer, ours in pairs(taxi):
        if key.name in SINGLE_PRECISION and key.output != "sure":
            assert math.isnan(peer) == math.isnan(ours), (key, peer, ours)
            # A change has the errors of both values, which can be large beside it.
            models = ("candidate", "baseline")
            of_values = [binary[key._replace(model=name, change=False)] for name in models] if key.change else [ours]
            allowed = 1e-6 * max(1.0, *(abs(value) for value in of_values))
            assert math.isnan(peer) or abs(peer - ours) <= allowed, (key, peer, ours)


def test_areas_differ_by_the_peers_grid_and_nothing_else(taxi: Taxi) -> None:
    different = 0
    for key, peer, ours in pairs(taxi):
        if key.name in GRID and not key.change and not math.isnan(ours):
            labels, scores, weights = taxi.examples(key)
            on_grid = ORACLES[RESULT_NAMES[key.name]](labels, np.floor(scores * 10_000), weights)
            assert peer == pytest.approx(on_grid, rel=1e-9), key
            different += not math.isclose(peer, ours, rel_tol=1e-9)
    assert different > 20


def test_an_area_of_one_class_is_undefined_here_and_0_there(taxi: Taxi) -> None:
    undefined = [(key, peer) for key, peer, ours in pairs(taxi) if key.name in GRID and math.isnan(ours)]
    assert any(key.slice == (("payment_type", b"Cash"),) for key, _ in undefined)
    for key, peer in undefined:
        assert peer == 0.0, key
        if not key.change:
            assert math.isnan(taxi.oracle(key))


def test_the_peers_grid_does_not_see_scores_near_0(taxi: Taxi) -> None:
    peer, ours = taxi.several.values
    key = Key((), "auc", "", "tiny", True, False)
    assert peer[key] == pytest.approx(0.5, abs=0.02)
    assert ours[key] == pytest.approx(taxi.oracle(key), rel=1e-9)
    same_order = Key((), "auc", "candidate", "", True, False)
    assert ours[key] == pytest.approx(taxi.binary.values[1][same_order], rel=1e-9)


def test_the_peer_has_no_cross_entropy_for_scores_of_0_and_1(taxi: Taxi) -> None:
    """Single precision has no number between 1 - 1e-7 and 1 - 6e-8 to clip at, so ln(1 - p) leaves the real line."""
    peer, ours = taxi.several.values
    key = Key((), "binary_crossentropy", "", "sure", True, False)
    assert not math.isclose(peer[key], ours[key], rel_tol=1e-3)
    assert ours[key] == pytest.approx(taxi.oracle(key), rel=1e-9)


def test_the_peer_leaves_out_the_first_step_of_a_lower_sum(taxi: Taxi) -> None:
    """Two scores make two steps: up to the precision of score 1, then on to that of all examples."""
    peer, ours = taxi.several.values
    key = Key((), "minoring", "", "sure", True, False)
    recall, prevalence = (taxi.oracle(Key((), name, "candidate", "", True, False)) for name in ("recall", "mean_label"))
    assert peer[key] == pytest.approx((1 - recall) * prevalence, rel=1e-3)
    assert ours[key] == pytest.approx(taxi.oracle(key), rel=1e-9)


def load(folder: Path, model: str | None = None) -> Any:
    import tensorflow_model_analysis as tfma

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tfma.load_eval_result(str(folder), model_name=model)


@pytest.mark.parametrize(("name", "model"), [("binary", "candidate"), ("binary", "baseline"), ("several", None)])
def test_the_peer_opens_our_folder(taxi: Taxi, name: str, model: str | None) -> None:
    results: Results = getattr(taxi, name)
    peer, ours = (dict(load(folder, model).slicing_metrics) for folder in (results.peer, results.ours))
    assert peer.keys() == ours.keys()
    for where, outputs in peer.items():
        assert outputs.keys() == ours[where].keys()
        for output, sub_keys in outputs.items():
            for sub_key, metrics in sub_keys.items():
                assert metrics.keys() == ours[where][output][sub_key].keys()
    assert len(peer) > 3


@pytest.mark.parametrize("model", ["candidate", "baseline"])
def test_calibration_plots_are_the_same(taxi: Taxi, model: str) -> None:
    for _, theirs, mine in plots(taxi, model, "calibrationHistogramBuckets", "buckets"):
        assert len(theirs) == len(mine) == 1002
        for left, right in zip(theirs, mine, strict=True):
            assert left.keys() == right.keys()
            assert right == pytest.approx(left | {k: v for k, v in right.items() if isinstance(v, str)}, abs=1e-6)


@pytest.mark.parametrize("model", ["candidate", "baseline"])
def test_confusion_matrices_differ_by_the_peers_grid(taxi: Taxi, model: str) -> None:
    """Ours are exact; the peer's take a score up to a grid step above a threshold for one below it."""
    for where, theirs, mine in plots(taxi, model, "confusionMatrixAtThresholds", "matrices"):
        labels, scores, weights = taxi.examples(Key(where, "", model, "", True, False))
        thresholds = [row.get("threshold", 0.0) for row in mine]
        assert thresholds == pytest.approx([row.get("threshold", 0.0) for row in theirs])
        assert len(thresholds) == 1002
        for name, mass in (("truePositives", weights * labels), ("falsePositives", weights * (1 - labels))):
            above, far_above = ((scores > np.array(thresholds)[:, None] + step) @ mass for step in (0.0, 1.001e-4))
            peer, ours = (np.array([row.get(name, 0.0) for row in rows]) for rows in (theirs, mine))
            np.testing.assert_allclose(ours, above, rtol=1e-9, atol=1e-9)
            assert bool(np.all((peer <= above + 1e-4) & (peer >= far_above - 1e-4)))


def plots(taxi: Taxi, model: str, kind: str, rows: str) -> Iterator[tuple[Pairs, list[Any], list[Any]]]:
    """A plot's rows by slice, the peer's and ours."""
    peer, ours = (dict(load(folder, model).plots) for folder in (taxi.binary.peer, taxi.binary.ours))
    assert peer.keys() == ours.keys()
    assert len(peer) > 20
    for where in peer:
        pairs_ = tuple((name, value.encode() if isinstance(value, str) else value) for name, value in where)
        yield pairs_, *(by_slice[where][""][""][kind][rows] for by_slice in (peer, ours))
