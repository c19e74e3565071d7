"""Where a slice has more distinct scores than are kept, the true area lies in a narrow bracket."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.metrics import Metric
from evaluator_component.metrics.registry import catalogue, definition
from tests.metrics.pass_over import Array, Examples, built, entry, values

SIZE = 100_000
REGIONS: dict[str, Callable[[Array], Array]] = {
    "near 1e-5": lambda x: 1e-5 * (1 + x),
    "near 1 - 1e-5": lambda x: 1 - 1e-5 * (1 + x),
    "around 0.999": lambda x: 0.999 + 5e-4 * (x - 0.5),
    "near 1e-12": lambda x: 1e-12 * (1 + x),
    "between 0 and 1": lambda x: x,
    "of both signs": lambda x: 10 * x - 5,
    "from 1e-30 to 1": lambda x: 10 ** (-30 * (1 - x)),
}


def examples(region: str, seed: int = 0, size: int = SIZE) -> Examples:
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.linspace(0.0, 1.0, size))
    labels = (rng.random(size) < 0.2 + 0.6 * x).astype(float)
    if region == "near 1 - 1e-5":
        labels = 1 - labels
    return Examples(labels, REGIONS[region](x), rng.gamma(2.0, 1.0, size))


def area_under_precision_recall(y: Array, p: Array, w: Array) -> float:
    """Over all distinct scores: between two of them, the integral of (a + x)/(b + (1 + c)·x) in closed form."""
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    tp, fp = np.cumsum((w * y)[order])[ends], np.cumsum((w * (1 - y))[order])[ends]
    a, b = np.append(0.0, tp[:-1]), np.append(0.0, (tp + fp)[:-1])
    gain, cost = tp - a, (fp + a) - b
    gain, cost = np.where(gain < 1e-12, 0.0, gain), np.where(cost < 1e-9 * gain, 0.0, cost)
    some = gain > 0
    a, b, gain, cost = a[some], b[some], gain[some], cost[some]
    rate = (gain + cost) / gain
    with np.errstate(divide="ignore", invalid="ignore"):
        bend = np.where(b > 0, (a - b / rate) / rate * np.log1p(rate * gain / b), 0.0)
    return float(np.sum(gain / rate + bend) / tp[-1])


@pytest.mark.parametrize("region", REGIONS)
def test_the_true_area_is_in_a_narrow_bracket(region: str) -> None:
    given_ = examples(region)
    assert len(np.unique(given_.predictions)) > 65_536
    truth = {
        "AUC": sklearn.metrics.roc_auc_score(given_.labels, given_.predictions, sample_weight=given_.mass),
        "AUCPrecisionRecall": area_under_precision_recall(given_.labels, given_.predictions, given_.mass),
    }
    for name, expected in truth.items():
        row = values({"class_name": name}, given_)["Overall"]
        assert row["bracket_lower"] <= expected <= row["bracket_upper"], name
        assert row["bracket_lower"] <= row["value"] <= row["bracket_upper"]
        assert row["bracket_upper"] - row["bracket_lower"] < 2e-3
        assert definition(name).range == (0.0, 1.0)


@pytest.mark.parametrize("region", REGIONS)
def test_without_coarsening_the_area_is_exact(region: str) -> None:
    given_ = examples(region, 1, 5_000)
    truth = {
        "AUC": sklearn.metrics.roc_auc_score(given_.labels, given_.predictions, sample_weight=given_.mass),
        "AUCPrecisionRecall": area_under_precision_recall(given_.labels, given_.predictions, given_.mass),
    }
    for name, expected in truth.items():
        row = values({"class_name": name}, given_)["Overall"]
        assert row["value"] == pytest.approx(expected, rel=1e-9)
        assert row["bracket_lower"] is None
        assert row["bracket_upper"] is None


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(sorted(REGIONS)), st.integers(2, 40), st.integers(60, 300))
def test_the_bracket_holds_however_coarse(seed: int, region: str, most: int, size: int) -> None:
    given_ = examples(region, seed, size)
    if not 0 < given_.labels.sum() < size:
        return
    truth = {
        "AUC": sklearn.metrics.roc_auc_score(given_.labels, given_.predictions, sample_weight=given_.mass),
        "AUCPrecisionRecall": area_under_precision_recall(given_.labels, given_.predictions, given_.mass),
    }
    for name, expected in truth.items():
        row = values({"class_name": name}, given_, most)["Overall"]
        assert row["bracket_lower"] - 1e-9 <= expected <= row["bracket_upper"] + 1e-9, name


OVER_SCORES = sorted(
    name
    for name in catalogue()
    if isinstance(made := built(name)[0], Metric)
    and any(terms.keyed_by_score for terms in made.keyed)
    and not made.kind.of_records  # in test_detection
)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.integers(0, 2**32), st.sampled_from(sorted(REGIONS)), st.integers(2, 40), st.integers(60, 300), st.floats(0, 1)
)
def test_the_bracket_of_every_metric_over_scores_holds(
    seed: int, region: str, most: int, size: int, bound: float
) -> None:
    given_ = examples(region, seed, size)
    for name in OVER_SCORES:
        options = dict.fromkeys(definition(name).example, min(max(bound, 0.01), 0.99))
        exact = values(entry(name, **options), given_)["Overall"]
        coarse = values(entry(name, **options), given_, most)["Overall"]
        if math.isnan(exact["value"]):
            assert coarse["reason"]
            continue
        assert exact["bracket_lower"] is None
        assert coarse["bracket_lower"] - 1e-9 <= exact["value"] <= coarse["bracket_upper"] + 1e-9, name
        assert coarse["bracket_lower"] - 1e-9 <= coarse["value"] <= coarse["bracket_upper"] + 1e-9, name


def test_the_bracket_is_the_share_of_tied_pairs() -> None:
    """AUC ± T/2: two levels of score left, so T is the share of pairs on the same one."""
    scores = np.array([0.1, 0.1 + 1e-9, 0.1 + 2e-9, 0.9, 0.9 + 1e-9, 0.9 + 2e-9] * 20) + np.arange(120) * 1e-12
    labels = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0] * 20)
    row = values({"class_name": "AUC"}, Examples(labels, scores), 2)["Overall"]
    tied = (20 * 40 + 40 * 20) / (60 * 60)
    auc = (40 * 40 + (20 * 40 + 40 * 20) / 2) / (60 * 60)
    assert row["value"] == pytest.approx(auc, rel=1e-12)
    assert row["bracket_lower"] == pytest.approx(auc - tied / 2, rel=1e-12)
    assert row["bracket_upper"] == pytest.approx(auc + tied / 2, rel=1e-12)
