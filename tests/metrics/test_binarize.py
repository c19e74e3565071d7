"""Metrics of single classes and means over classes: each is the plain metric of a binary problem made by hand."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as skm

from evaluator_component.config import complete_config, load_config
from evaluator_component.engine.planning import make_plan
from evaluator_component.errors import ConfigError
from evaluator_component.metrics import Kind, Plot
from evaluator_component.metrics.registry import catalogue
from tests.metrics.pass_over import Examples, Row, built, entry, tables

CLASSES = 4
DIVIDED = sorted(
    name
    for name, declared in catalogue().items()
    if built(name)[0].kind in (Kind.BINARY, Kind.REAL, Kind.LABEL) and declared.family != "samples"  # in test_samples
)
every_divided = pytest.mark.parametrize("name", DIVIDED)
AT_THRESHOLD = sorted(name for name in DIVIDED if catalogue()[name].family == "binary at threshold")

Key = tuple[Any, ...]


def classified(seed: int = 0, size: int = 150, *, multi: bool = False, weighted: bool = True) -> Examples:
    """Examples of four classes, of which group 2 lacks the last one; labels are indices, or several of them."""
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(CLASSES), size)
    scores[: size // 3] = np.round(scores[: size // 3], 1)
    groups = rng.integers(-1, 3, size)
    labels: Any = np.where(groups == 2, rng.integers(0, CLASSES - 1, size), rng.integers(0, CLASSES, size))
    if multi:
        labels = (rng.random((size, CLASSES)) < 0.3).astype(float)
    weights = np.where(rng.random(size) < 0.1, 0.0, rng.gamma(2.0, 1.0, size)) if weighted else None
    return Examples(np.asarray(labels, float), scores, weights, groups)


def one_hot(examples: Examples) -> np.ndarray:
    return examples.labels if examples.labels.ndim == 2 else np.eye(CLASSES)[examples.labels.astype(int)]


def of_class(examples: Examples, number: int) -> Examples:
    return Examples(one_hot(examples)[:, number], examples.predictions[:, number], examples.weights, examples.groups)


def pool(examples: Examples, keep: Callable[[np.ndarray], np.ndarray] | None = None) -> Examples:
    """All classes' examples one after another; ``keep`` says which (example, class) pairs stay."""
    wanted = np.ones(examples.predictions.shape, bool) if keep is None else keep(examples.predictions)
    rows, columns = np.nonzero(wanted)
    assert examples.weights is not None
    assert examples.groups is not None
    labels, scores = one_hot(examples)[rows, columns], examples.predictions[rows, columns]
    return Examples(labels, scores, examples.weights[rows], examples.groups[rows])


def results(name: str, examples: Examples, spec: dict[str, Any] | None = None, **options: Any) -> dict[Key, Row]:
    """Metric and plot rows by (slice, sub-key, bucket)."""
    metrics, plots = tables([entry(name, **options)], examples, spec=spec)
    found = {(row["slice"], row["sub_key"], row["metric"]): row for row in metrics}
    return found | {(row["slice"], row["sub_key"], row["plot"], row["bucket"]): row for row in plots}


def with_sub_key(prefix: str, rows: dict[Key, Row]) -> dict[Key, Row]:
    return {(key[0], f"{prefix} {key[1]}".strip(), *key[2:]): row for key, row in rows.items()}


def assert_same_numbers(found: dict[Key, Row], expected: dict[Key, Row]) -> None:
    assert found.keys() == expected.keys()
    assert found
    for key, row in expected.items():
        for column, value in row.items():
            if isinstance(value, float) and column != "weighted_n":
                other = found[key][column]
                same = math.isnan(value) and math.isnan(other)
                assert same or math.isclose(other, value, rel_tol=1e-9, abs_tol=1e-12), (key, column, other, value)


@every_divided
@pytest.mark.parametrize("multi", [False, True])
def test_of_a_class_is_of_that_class_against_the_rest(name: str, multi: bool) -> None:
    examples = classified(multi=multi)
    found = results(name, examples, {"binarize": {"class_ids": {"values": [3, 0]}}})
    expected = {}
    for number in (3, 0):
        expected |= with_sub_key(f"classId:{number}", results(name, of_class(examples, number)))
    assert_same_numbers(found, expected)


@every_divided
@pytest.mark.parametrize("spec", [None, {"aggregate": {"micro_average": True}}])
def test_micro_and_nothing_said_are_of_the_pool(name: str, spec: dict[str, Any] | None) -> None:
    examples = classified(1, multi=True)
    found = results(name, examples, spec)
    expected = results(name, pool(examples))
    assert_same_numbers(found, with_sub_key("micro_average", expected) if spec else expected)


@every_divided
def test_a_rank_is_of_the_score_at_that_rank(name: str) -> None:
    examples = classified(2)
    order = np.argsort(-examples.predictions, axis=1, kind="stable")
    rows = np.arange(len(examples))
    second = Examples(
        one_hot(examples)[rows, order[:, 1]],
        examples.predictions[rows, order[:, 1]],
        examples.weights,
        examples.groups,
    )
    found = results(name, examples, {"binarize": {"k_list": {"values": [2]}}})
    assert_same_numbers(found, with_sub_key("k:2", results(name, second)))


@pytest.mark.parametrize("name", [name for name in DIVIDED if not getattr(built(name)[0], "across", None)])
def test_macro_is_the_mean_of_the_classes_that_have_a_value(name: str) -> None:
    if isinstance(built(name)[0], Plot):
        with pytest.raises(ConfigError, match="no mean of plots"):
            results(name, classified(3), {"aggregate": {"macro_average": True}})
        return
    examples = classified(3)
    assert examples.weights is not None
    assert examples.groups is not None
    mass = examples.weights if built(name)[0].uses_weights else np.ones(len(examples))
    each = {"binarize": {"class_ids": {"values": list(range(CLASSES))}}}
    by_class = results(name, examples, each)
    weights = {0: 2.0, 1: 0.5, 3: 1.0}
    for kind in ("macro_average", "weighted_macro_average"):
        for given in ({}, weights):
            found = results(name, examples, {"aggregate": {kind: True, "class_weights": given}})
            assert found
            for key, row in found.items():
                inside = np.ones(len(examples), bool)
                if key[0] != "Overall":
                    inside = examples.groups == int(key[0].split("=")[1])
                own_key = key[1].removeprefix(kind).strip()
                values, shares = [], []
                for number in range(CLASSES):
                    value = by_class[key[0], f"classId:{number} {own_key}".strip(), key[2]]["value"]
                    prevalence = float(mass[inside & (examples.labels == number)].sum())
                    share = (prevalence if kind.startswith("weighted") else 1.0) * (
                        given.get(number, 0.0) if given else 1.0
                    )
                    if not math.isnan(value):
                        values.append(value * share)
                        shares.append(share)
                    elif share:
                        assert "classes" in row["reason"]
                if sum(shares) > 0:
                    assert math.isclose(
                        row["value"], math.fsum(values) / math.fsum(shares), rel_tol=1e-9, abs_tol=1e-12
                    )
                else:
                    assert math.isnan(row["value"])
                    assert row["reason"]


def test_slices_are_compared_by_their_means_over_classes() -> None:
    examples = classified(3)
    for kind in ("macro_average", "weighted_macro_average"):
        spec = {"aggregate": {kind: True}}
        found = results("TPR", examples, spec, thresholds=0.3)
        rates = [row["value"] for key, row in found.items() if key[0] != "Overall"]
        (row,) = results("EqualOpportunityDifference", examples, spec, threshold=0.3).values()
        assert row["value"] == pytest.approx(max(rates) - min(rates), rel=1e-12)


@pytest.mark.parametrize("name", AT_THRESHOLD)
def test_the_highest_scores_are_predicted_positive_whatever_they_are(name: str) -> None:
    if "thresholds" not in catalogue()[name].options:
        return
    examples = classified(4)
    order = np.argsort(np.argsort(-examples.predictions, axis=1, kind="stable"), axis=1, kind="stable")
    marked = Examples(examples.labels, np.where(order < 2, 1.0, 0.0), examples.weights, examples.groups)
    found = results(name, examples, {"binarize": {"top_k_list": {"values": [2]}}})
    assert_same_numbers(found, with_sub_key("topK:2", results(name, pool(marked))))


def test_micro_of_the_highest_scores_leaves_the_others_out() -> None:
    examples = classified(5)

    def two_highest(scores: np.ndarray) -> np.ndarray:
        return np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable") < 2

    spec = {"aggregate": {"micro_average": True, "top_k_list": {"values": [2]}}}
    for name, options in (("Precision", {"thresholds": 0.3}), ("AUC", {}), ("MeanLabel", {})):
        found = results(name, examples, spec, **options)
        expected = results(name, pool(examples, two_highest), **options)
        assert_same_numbers(found, with_sub_key("micro_average topK:2", expected))


def test_macro_of_the_highest_scores_is_the_mean_over_ranks() -> None:
    examples = classified(6)
    found = results("AUC", examples, {"aggregate": {"macro_average": True, "top_k_list": {"values": [3]}}})
    ranks = results("AUC", examples, {"binarize": {"k_list": {"values": [1, 2, 3]}}})
    for key, row in found.items():
        expected = np.mean([ranks[key[0], f"k:{k}", "auc"]["value"] for k in (1, 2, 3)])
        assert row["value"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
def test_means_are_scikit_learns(average: str, weighted: bool) -> None:
    examples = classified(7, weighted=weighted)
    labels, chosen = one_hot(examples), examples.predictions > 0.3
    mass = examples.mass
    kind = {"micro": "micro_average", "macro": "macro_average", "weighted": "weighted_macro_average"}[average]
    spec = {"aggregate": {kind: True}}
    scores = {"Precision": skm.precision_score, "Recall": skm.recall_score, "F1Score": skm.f1_score}
    for name, score in scores.items():
        found = results(name, examples, spec, thresholds=0.3)
        expected = score(labels, chosen, average=average, sample_weight=mass)
        assert found["Overall", kind, catalogue()[name].name]["value"] == pytest.approx(expected, rel=1e-9)
    found = results("AUC", examples, spec)
    expected = skm.roc_auc_score(labels, examples.predictions, average=average, sample_weight=mass)
    assert found["Overall", kind, "auc"]["value"] == pytest.approx(expected, rel=1e-9)
    found = results("AveragePrecision", examples, spec)
    expected = skm.average_precision_score(labels, examples.predictions, average=average, sample_weight=mass)
    assert found["Overall", kind, "average_precision"]["value"] == pytest.approx(expected, rel=1e-9)


def test_an_example_counts_once_whatever_number_of_classes() -> None:
    examples = classified(8)
    for spec in ({"binarize": {"class_ids": {"values": [1]}}}, {"aggregate": {"macro_average": True}}, {}):
        for name in ("AUC", "ExampleCount"):
            overall = [row for key, row in results(name, examples, spec).items() if key[0] == "Overall"]
            assert [row["n"] for row in overall] == [len(examples)]
            if name == "AUC":
                assert overall[0]["weighted_n"] == pytest.approx(examples.mass.sum())


def test_bad_labels_and_scores_leave_their_slices_undefined() -> None:
    examples = classified(9)
    examples.labels[0], examples.predictions[1, 2] = 9.0, np.nan
    assert examples.groups is not None
    hit = {"Overall"} | {f"group={group}" for group in examples.groups[:2] if group >= 0}
    for spec in ({"binarize": {"class_ids": {"values": [1]}}}, {"aggregate": {"macro_average": True}}, {}):
        for key, row in results("AUC", examples, spec).items():
            assert math.isnan(row["value"]) == (key[0] in hit)
            if key[0] == "Overall":
                assert "1 of 150 labels" in row["reason"]
                assert "1 of 150 predictions" in row["reason"]


def test_coarse_scores_leave_a_bracket_for_each_class_and_mean() -> None:
    examples = classified(10, 4000)
    for spec in ({"binarize": {"class_ids": {"values": [0, 1]}}}, {"aggregate": {"macro_average": True}}, {}):
        exact, _ = tables([entry("AUC")], examples, spec=spec)
        coarse, _ = tables([entry("AUC")], examples, 60, spec=spec)
        for before, after in zip(exact, coarse, strict=True):
            assert before["bracket_lower"] is None
            assert after["bracket_lower"] <= before["value"] <= after["bracket_upper"]
            assert after["bracket_upper"] - after["bracket_lower"] < 0.2


def refused(spec: dict[str, Any]) -> str:
    config = load_config({"model_specs": [{"label_key": "y"}], "metrics_specs": [{"metrics": [entry("AUC")], **spec}]})
    with pytest.raises(ConfigError) as error:
        make_plan(complete_config(config), evaluate_baseline=False)
    return str(error.value)


def test_what_says_nothing_or_too_much_is_refused_by_its_path() -> None:
    weights = {"macro_average": True, "class_weights": {1: 1.0}, "top_k_list": {"values": [2]}}
    for spec, message in (
        ({"binarize": {}}, "metrics_specs[0].binarize: says nothing"),
        ({"aggregate": {"class_weights": {1: 1.0}}}, "metrics_specs[0].aggregate: says nothing"),
        ({"binarize": {"class_ids": {"values": [1, -1]}}}, "class_ids[1]: expected a whole number from 0 on, got -1"),
        ({"binarize": {"class_ids": {"values": [1, 1]}}}, "class_ids[1]: 1 is there twice"),
        ({"binarize": {"k_list": {"values": [0]}}}, "k_list[0]: expected a whole number from 1 on, got 0"),
        ({"aggregate": {"macro_average": True, "class_weights": {-1: 1.0}}}, "expected class ids from 0 on"),
        ({"aggregate": weights}, "class_weights: cannot be used with top_k_list"),
    ):
        assert message in refused(spec)


def test_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results("DiagnosticOddsRatio", classified(11), {"aggregate": {"macro_average": True}})
