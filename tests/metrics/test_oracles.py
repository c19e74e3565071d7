"""Every metric and plot against an independent value: random data, hard cases, weights, slices, options."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from evaluator_component import ConfigError
from evaluator_component.metrics import Kind, Plot
from evaluator_component.metrics.modules import load_module
from evaluator_component.metrics.registry import catalogue, definition
from tests.metrics.oracles import ORACLES, auc_precision_recall, mean
from tests.metrics.pass_over import Examples, Row, built, entry, sample, tables, value, values

AT_ONE = "binary at threshold"
ACROSS = {name for name in catalogue() if getattr(built(name)[0], "across", None)}
"""Their oracles are in test_fairness."""
OF_LISTS = {name for name in catalogue() if built(name)[0].kind.of_records}
"""Their oracles are in test_lists, test_texts and test_detection."""
METRICS = sorted(name for name in catalogue() if not isinstance(built(name)[0], Plot) and name not in ACROSS | OF_LISTS)
PLOTS = {name for name in catalogue() if isinstance(built(name)[0], Plot)}
"""Their oracles are in test_plots and test_matrices."""
THRESHOLDED = sorted(
    name for name in METRICS if "thresholds" in definition(name).options and AT_ONE in definition(name).family
)


CONSTRAINED = {
    name: next(iter(definition(name).example)) for name in METRICS if definition(name).example and "At" in name
}


def test_every_entry_has_an_oracle() -> None:
    own = {
        name for name, declared in catalogue().items() if declared.family == "user's own"
    }  # other tests declare some
    assert set(catalogue()) - own == set(ORACLES) | PLOTS | ACROSS | OF_LISTS
    tests = "".join((Path(__file__).parent / f"test_{name}.py").read_text() for name in ("lists", "texts", "detection"))
    assert {name for name in OF_LISTS if f'"{name}"' not in tests} == set()


def assert_near(found: float, expected: float) -> None:
    if math.isnan(expected):
        assert math.isnan(found), (found, expected)
    else:
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12), (found, expected)


def assert_row(row: Row, expected: float) -> None:
    """The value is the oracle's, or both are in the bracket; or ranks cannot be told apart."""
    if "in their fifteen highest bits" in (row["reason"] or ""):
        assert math.isnan(row["value"])
        assert row["metric"] == "spearman"
    elif row["bracket_lower"] is None:
        assert_near(row["value"], expected)
    else:
        assert row["bracket_lower"] - 1e-9 <= expected <= row["bracket_upper"] + 1e-9, (row, expected)
        assert row["bracket_lower"] - 1e-9 <= row["value"] <= row["bracket_upper"] + 1e-9, row


def one_class(base: Examples, label: float) -> Examples:
    return replace(base, labels=np.full_like(base.labels, label))


def scored(base: Examples, predictions: Any) -> Examples:
    return replace(base, predictions=np.broadcast_to(predictions, base.predictions.shape))


CASES: dict[str, Callable[[Examples], Examples]] = {
    "random": lambda base: base,
    "without weights": lambda base: base.weigh(None),
    "weights of very different sizes": lambda base: base.weigh(np.geomspace(1e-9, 1e9, len(base))),
    "no weight": lambda base: base.weigh(np.zeros(len(base))),
    "one row": lambda base: base.rows(slice(0, 1)),
    "two rows": lambda base: base.rows(slice(0, 2)),
    "negatives only": lambda base: one_class(base, 0.0),
    "positives only": lambda base: one_class(base, 1.0),
    "one score": lambda base: scored(base, 0.5),
    "scores at the threshold or next to it": lambda base: scored(
        base, np.where(base.predictions > 0.4, np.nextafter(0.5, 1), 0.5)
    ),
    "scores of 1e-12": lambda base: scored(base, base.predictions * 1e-12),
    "scores of 1 - 1e-12": lambda base: scored(base, 1 - base.predictions * 1e-12),
    "scores of 0 and 1": lambda base: scored(base, np.round(base.predictions)),
    "scores of both signs": lambda base: scored(base, base.predictions * 20 - 10),
}


def cases(kind: Kind) -> Iterator[tuple[str, Examples]]:
    for seed, (name, make) in enumerate(CASES.items()):
        yield name, make(sample(kind, seed, weighted=True, grouped=True))
    base = sample(kind, 99, weighted=True, grouped=True)
    rng = np.random.default_rng(99)
    if kind is Kind.CLASSES:
        one_hot = np.eye(4)[base.labels.astype(int)]
        yield "one-hot labels", replace(base, labels=one_hot)
        tied = np.round(base.predictions, 1)
        yield "tied classes", replace(base, predictions=tied)
    elif kind is Kind.LABELS:
        for label in (0.0, 1.0):
            yield "all labels or none", replace(base, labels=np.full_like(base.labels, label))
        yield "nothing predicted", replace(base, predictions=base.predictions * 0.1, labels=np.zeros_like(base.labels))
    else:
        yield "soft labels", replace(base, labels=rng.random(120))
    if kind is Kind.FEATURE:
        yield "a feature that is missing", replace(base, feature=np.full(120, np.nan))
        yield "a feature of any size", replace(base, feature=rng.normal(1e6, 3.0, 120))
    if kind in (Kind.REAL, Kind.LABEL, Kind.ANY):
        labels, predictions = rng.normal(1e6, 3.0, (2, 120))
        yield "labels of any size", replace(base, labels=labels, predictions=predictions)


@pytest.mark.parametrize("name", METRICS)
def test_it_agrees_with_its_oracle(name: str) -> None:
    oracle = ORACLES[name]
    kind = built(name)[0].kind
    for case, examples in cases(kind):
        found = values(entry(name), examples)
        options = definition(name).example
        if kind is Kind.QUERY:
            options = {**options, "queries": examples.query}
        expected = oracle(examples.labels, examples.seen(kind), examples.mass, **options)
        assert_row(found["Overall"], expected)
        assert found["Overall"]["n"] == examples.count(kind), case
        assert examples.groups is not None
        for group in np.unique(examples.groups[examples.groups >= 0]):
            part = examples.of_group(kind, group)
            row = found[f"group={group}"]
            if kind is Kind.QUERY:
                options = {**options, "queries": part.query}
            assert_row(row, oracle(part.labels, part.seen(kind), part.mass, **options))
            assert row["n"] == part.count(kind)


@pytest.mark.parametrize("name", THRESHOLDED)
def test_it_is_computed_at_every_threshold(name: str) -> None:
    examples = sample(Kind.BINARY, 11, weighted=True)
    thresholds = [0.0, 0.1, 0.3, 0.5, 0.9, 1.0]
    rows, _ = tables([entry(name, thresholds=thresholds)], examples)
    by_key = {row["sub_key"]: row["value"] for row in rows}
    assert set(by_key) == {f"threshold={t}" for t in thresholds}
    for t in thresholds:
        options = {**definition(name).example, "thresholds": t}
        expected = ORACLES[name](examples.labels, examples.predictions, examples.mass, **options)
        assert_near(by_key[f"threshold={t}"], expected)
        for given in (t, [t]):
            assert_near(value(entry(name, thresholds=given), examples), expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("BinaryAccuracy", {"threshold": 0.3}),
        ("BinaryCrossEntropy", {"label_smoothing": 0.2}),
        ("AUC", {"curve": "PR"}),
        ("AUC", {"curve": "PR", "summation_method": "minoring"}),
        ("AUCPrecisionRecall", {"summation_method": "minoring"}),
        ("AUCPrecisionRecall", {"summation_method": "majoring"}),
        ("FBeta", {"beta": 0.5}),
        ("PartialAUC", {"max_fpr": 0.37}),
        ("QuantileLoss", {"quantile": 0.2}),
        *(("Quantile", {"quantile": q}) for q in (0.0, 0.1, 0.25, 0.9, 1.0)),
        ("TopKCategoricalAccuracy", {"k": 2}),
        ("SparseTopKCategoricalAccuracy", {"k": 1}),
        ("CategoricalCrossEntropy", {"label_smoothing": 0.2}),
        ("CategoricalCrossEntropy", {"from_logits": True, "label_smoothing": 0.1}),
        ("ExpectedCalibrationError", {"num_buckets": 7}),
        ("MaximumCalibrationError", {"num_buckets": 7}),
        ("ExpectedCalibrationError", {"equal_mass": True}),
        ("CounterfactualChange", {"counterfactual_key": "replaced", "absolute": True}),
        ("CounterfactualFlipRate", {"counterfactual_key": "replaced", "threshold": 0.2}),
        ("MaximumCalibrationError", {"num_buckets": 7, "equal_mass": True}),
        *((name, {option: bound}) for name, option in CONSTRAINED.items() for bound in (0.0, 0.3, 0.5, 0.8, 1.0)),
    ],
)
def test_its_options_do_what_the_oracle_does(name: str, options: dict[str, Any]) -> None:
    for seed in range(3):
        examples = sample(built(name)[0].kind, seed, weighted=True)
        expected = ORACLES[name](examples.labels, examples.predictions, examples.mass, **options)
        assert_near(value(entry(name, **options), examples), expected)


@pytest.mark.parametrize("name", ["RecallAtFalsePositiveRate", "RecallAtPrecision", "SpecificityAtSensitivity"])
def test_the_ends_of_the_curve_are_exact_whatever_the_weights(name: str) -> None:
    """At the highest scores there is no false positive, at the lowest no false negative, and not nearly none."""
    bound = {CONSTRAINED[name]: 0.0 if name == "RecallAtFalsePositiveRate" else 1.0}
    for seed in range(40):
        examples = sample(Kind.BINARY, seed, weighted=True)
        expected = ORACLES[name](examples.labels, examples.predictions, examples.mass, **bound)
        assert_near(value(entry(name, **bound), examples), expected)


def test_buckets_of_equal_mass_are_quantiles() -> None:
    """Of distinct scores as many go into each; with more distinct scores than are kept, there is no value."""
    base = sample(Kind.BINARY, 5, size=200)
    examples = replace(base, predictions=np.random.default_rng(5).permutation(np.linspace(0.01, 0.7, 200)))
    order = np.argsort(examples.predictions)
    parts = np.split(order, 10)
    gaps = [abs(examples.labels[part].mean() - examples.predictions[part].mean()) for part in parts]
    metric = {"class_name": "ExpectedCalibrationError", "config": {"equal_mass": True}}
    assert_near(value(metric, examples), float(np.mean(gaps)))
    row = values(metric, examples, 50)["Overall"]
    assert math.isnan(row["value"])
    assert "more distinct scores than engine.max_distinct_scores" in row["reason"]


@pytest.mark.parametrize("weighted", [False, True])
def test_rank_correlation_is_exact_for_values_of_few_bits_and_has_a_narrow_bracket_else(weighted: bool) -> None:
    draw = np.random.default_rng(12)
    stars = draw.integers(1, 6, 3000).astype(float)
    guess = np.round(stars * 1000 + draw.normal(0, 1500, 3000))
    weights = draw.random(3000) if weighted else None
    row = values({"class_name": "Spearman"}, Examples(stars, guess, weights))["Overall"]
    assert row["bracket_lower"] is None
    mass = np.ones(3000) if weights is None else weights
    assert_near(row["value"], ORACLES["Spearman"](stars, guess, mass))
    if not weighted:
        assert_near(row["value"], float(scipy.stats.spearmanr(stars, guess).statistic))
    fine = draw.normal(size=3000)
    for noise in (0.1, 1.0, 10.0):
        other = fine + noise * draw.normal(size=3000)
        row = values({"class_name": "Spearman"}, Examples(fine, other, weights))["Overall"]
        assert_row(row, ORACLES["Spearman"](fine, other, mass))
        assert row["bracket_upper"] - row["bracket_lower"] < 0.001
    for size in (20, 500):  # few enough to be alone in their cells
        apart = Examples(1990.0 + draw.permutation(size), 100 + np.arange(size) * 0.123456, None)
        row = values({"class_name": "Spearman"}, apart)["Overall"]
        assert row["bracket_lower"] is None
        assert_near(row["value"], ORACLES["Spearman"](apart.labels, apart.predictions, np.ones(size)))


def test_cross_entropy_of_logits() -> None:
    base = sample(Kind.BINARY, 3, weighted=True)
    examples = scored(base, base.predictions * 60 - 30)
    expected = ORACLES["BinaryCrossEntropy"](examples.labels, examples.predictions, examples.mass, from_logits=True)
    assert_near(value({"class_name": "BinaryCrossEntropy", "config": {"from_logits": True}}, examples), expected)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("AUC", {"curve": "XY"}, "curve: expected ROC or PR"),
        ("AUC", {"summation_method": "trapezoid"}, "summation_method: expected one of"),
        ("BinaryCrossEntropy", {"label_smoothing": 2.0}, r"label_smoothing: expected a number in \[0, 1\]"),
        ("Precision", {"thresholds": []}, "expected a number or a list of numbers"),
        ("Precision", {"thresholds": [0.5, True]}, "expected a number or a list of numbers"),
        ("BinaryAccuracy", {"threshold": [0.5]}, "expected a number, got"),
        ("RecallAtPrecision", {"precision": 1.5}, r"precision: expected a number in \[0, 1\]"),
        ("PartialAUC", {"max_fpr": 1.0}, "max_fpr: expected a number between 0 and 1"),
        ("TopKCategoricalAccuracy", {"k": 0}, "k: expected a whole number from 1 on"),
        ("FBeta", {"beta": 0.0}, "beta: expected a number above 0"),
        ("QuantileLoss", {"quantile": 0.0}, "quantile: expected a number between 0 and 1"),
        ("ExpectedCalibrationError", {"num_buckets": 0}, "num_buckets: expected 1 to"),
        ("CalibrationPlot", {"left": 1.0, "right": 1.0}, "expected left < right"),
        ("CalibrationPlot", {"num_buckets": 0}, "num_buckets: expected 1 to"),
        ("ConfusionMatrixPlot", {"num_thresholds": 0}, "num_thresholds: expected 1 to"),
    ],
)
def test_an_option_out_of_range_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(name, **options)


def test_the_oracle_of_precision_recall_is_a_hand_computed_one() -> None:
    """Scores 3 > 2 > 1 with (positives, negatives) (1, 0), (1, 2), (1, 1), by hand."""
    y = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    p = np.array([3.0, 2.0, 2.0, 2.0, 1.0, 1.0])
    # ∫ x / (x + fp(x)) dx over the three segments: 1; x/(3x − 2) from 1 to 2; x/(2x) from 2 to 3.
    middle = 1 / 3 + 2 / 9 * math.log(4)
    expected = (1 + middle + 1 / 2) / 3
    assert auc_precision_recall(y, p, np.ones(6)) == pytest.approx(expected, rel=1e-12)
    assert value({"class_name": "AUCPrecisionRecall"}, Examples(y, p)) == pytest.approx(expected, rel=1e-12)


OWN = '''
import numpy as np
from evaluator_component import metric


@metric(lambda v: {"over": v.weights * (v.predictions > v.labels), "weight": v.weights}, direction="lower")
def over_prediction(totals):
    """The share of examples predicted too high."""
    return totals["over"] / totals["weight"]
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module file with a metric, which is gone from the catalogue after the test."""
    import evaluator_component.metrics.registry as registry

    monkeypatch.setattr(registry, "_CUSTOM", {})
    path = tmp_path / "metrics.py"
    path.write_text(OWN + f"\n# {tmp_path}\n")
    return path


def test_a_metric_of_the_users_own(own: Path) -> None:
    load_module(str(own))
    load_module(str(own))  # once per content
    examples = sample(Kind.REAL, 4, weighted=True, grouped=True)
    assert built("OverPrediction")[0].name == "over_prediction"
    found = values({"class_name": "OverPrediction"}, examples)
    assert examples.groups is not None
    for name, rows in (("Overall", np.arange(120)), ("group=0", np.flatnonzero(examples.groups == 0))):
        part = examples.rows(rows)
        assert_near(found[name]["value"], mean((part.predictions > part.labels).astype(float), part.mass))
        assert found[name]["direction"] == "lower"
    empty = values({"class_name": "OverPrediction"}, examples.weigh(np.zeros(120)))["Overall"]
    assert math.isnan(empty["value"])
    assert empty["reason"] == "OverPrediction gives no finite number"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('no')", r"its import fails \(ValueError: no\)"),
        (OWN.replace("def over_prediction", "def precision"), "'Precision'.*has a metric of this name already"),
        (OWN.replace('direction="lower"', 'direction="down"'), "direction must be 'higher', 'lower' or None"),
    ],
)
def test_a_module_that_cannot_be_used_is_refused(own: Path, text: str, message: str) -> None:
    own.write_text(f"{text}\n# {own}\n")
    with pytest.raises(ConfigError, match=message):
        load_module(str(own))
    with pytest.raises(ConfigError, match="no such file"):
        load_module(str(own.with_name("gone.py")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('totals["over"] / totals["weight"]', "1.0", "must have one number per slice"),
        ("v.weights * (v.predictions > v.labels)", "1.0", "must have one number per example"),
        ('"weight": v.weights}', '"weight": v.weights, **({"x": v.weights} if len(v) > 1 else {})}', "the same names"),
    ],
)
def test_a_metric_of_a_wrong_shape_is_refused(own: Path, old: str, new: str, message: str) -> None:
    own.write_text(OWN.replace(old, new) + f"\n# {own}\n")
    load_module(str(own))
    with pytest.raises(ConfigError, match=message):
        value({"class_name": "OverPrediction"}, sample(Kind.REAL, 4))
