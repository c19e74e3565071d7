"""Intervals from the config to the table and to TFMA's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluator_component as ec
from evaluator_component.errors import ConfigError
from evaluator_component.evaluation import judge_again
from evaluator_component.proto import metrics_for_slice_pb2 as pb
from tests import trips

METRICS = ("ExampleCount", "BinaryAccuracy", "AUC", "AUCPrecisionRecall", "BinaryCrossEntropy", "F1Score")
ON = {"compute_confidence_intervals": {"value": True}}
Rows = list[dict[str, Any]]
Evaluate = Callable[..., Rows]


def config(**more: Any) -> dict[str, Any]:
    return {
        "model_specs": [{"label_key": "tipped"}],
        "slicing_specs": [{}, {"feature_keys": ["payment"]}],
        "metrics_specs": [
            {
                "metrics": [
                    *({"class_name": name} for name in METRICS),
                    {"class_name": "Quantile", "config": '{"quantile": 0.5}'},
                ]
            }
        ],
        "gate": {"no_thresholds": "BLESS"},
        **more,
    }


@pytest.fixture(scope="module")
def evaluate(material: Any) -> Evaluate:
    def run(data: Any = None, output: Path | None = None, **more: Any) -> Rows:
        given = str(data or material.plain)
        return ec.evaluate(
            config(**more), material.good, material.weak, given, output, progress=False
        ).metrics.table.to_pylist()

    return run


def of(rows: Rows, metric: str, slice_: str = "Overall") -> dict[str, Any]:
    (row,) = (row for row in rows if (row["metric"], row["slice"], row["model"]) == (metric, slice_, "candidate"))
    return row


SURENESS = ("std_error", "lower", "upper", "interval_method", "change_std_error", "change_lower", "p_value", "df")


def test_off_unless_asked_for(evaluate: Evaluate):
    for options in ({}, {"options": {"compute_confidence_intervals": {"value": False}}}):
        assert all(row[name] is None for row in evaluate(**options) for name in SURENESS)


def test_each_metric_has_the_method_that_the_catalogue_names(evaluate: Evaluate):
    rows = evaluate(options=ON)
    methods = {name: of(rows, name)["interval_method"] for name in {row["metric"] for row in rows}}
    assert methods == {
        "example_count": "exact",
        "binary_accuracy": "wilson",
        "auc": "delong (logit)",
        "auc_precision_recall": "jackknife (logit)",
        "binary_crossentropy": "delta (log)",
        "f1_score": "delta (logit)",
        "quantile": "order statistics",
    }
    changes = {name: of(rows, name)["change_interval_method"] for name in methods}
    assert changes == {
        "example_count": "exact",
        "binary_accuracy": "paired score",
        "auc": "paired jackknife",
        "auc_precision_recall": "paired jackknife",
        "binary_crossentropy": "paired delta (mean)",
        "f1_score": "paired delta",
        "quantile": "paired jackknife",
    }
    for row in rows:
        assert row["lower"] <= row["value"] <= row["upper"]
        assert row["change"] is None or row["change_lower"] <= row["change"] <= row["change_upper"]


@pytest.mark.parametrize(("method", "named"), [("JACKKNIFE", "jackknife"), ("POISSON_BOOTSTRAP", "poisson bootstrap")])
def test_one_method_for_all(evaluate: Evaluate, method: str, named: str):
    own = evaluate(options=ON)
    rows = evaluate(options={**ON, "confidence_intervals": {"method": method}})
    for row, other in zip(rows, own, strict=True):
        if row["metric"] == "example_count":
            assert row["interval_method"] == "exact"
            continue
        assert row["interval_method"].startswith(named)
        if row["slice"] == "Overall" and row["metric"] != "quantile":
            assert row["std_error"] == pytest.approx(other["std_error"], rel=0.35)


def test_a_higher_level_is_wider(evaluate: Evaluate):
    wide, narrow = (evaluate(intervals={"level": level}) for level in (0.99, 0.8))
    for one, other in zip(wide, narrow, strict=True):
        if one["metric"] != "quantile":  # whose standard error is made of its limits
            assert one["std_error"] == pytest.approx(other["std_error"])
        assert one["metric"] == "example_count" or one["upper"] - one["lower"] > other["upper"] - other["lower"]


def test_a_cluster_counts_as_one(material: Any, tmp_path: Path):
    """Each example four times: by clusters the same standard error, else half of it."""
    made = trips.make_trips(600)
    once = [trips.example(**row, trip=i) for i, row in enumerate(made.rows)]
    data = str(trips.write_records(tmp_path / "data", [record for record in once for _ in range(4)]))
    rows = {}
    for name, more in (
        ("clusters", {"intervals": {"cluster_key": "trip"}}),
        ("alone", {"options": ON}),
    ):
        rows[name] = ec.evaluate(
            config(**more), material.good, material.weak, data, progress=False
        ).metrics.table.to_pylist()
    whole = str(trips.write_records(tmp_path / "once", once))
    rows["once"] = ec.evaluate(
        config(options=ON), material.good, material.weak, whole, progress=False
    ).metrics.table.to_pylist()
    for metric in ("binary_accuracy", "auc", "binary_crossentropy", "f1_score"):
        for column in ("std_error", "change_std_error"):
            clusters, alone, single = (of(rows[name], metric)[column] for name in ("clusters", "alone", "once"))
            assert clusters == pytest.approx(single, rel=0.3)
            assert alone == pytest.approx(single / 2, rel=0.3)
    assert of(rows["clusters"], "binary_accuracy")["interval_method"] == "jackknife (logit)"


def test_weights_make_fewer_examples(evaluate: Evaluate, material: Any):
    weighted = [{"label_key": "tipped", "example_weight_key": "weight"}]
    rows = evaluate(options=ON, model_specs=weighted)
    row = of(rows, "binary_crossentropy")
    assert of(rows, "f1_score")["effective_n"] == pytest.approx(row["effective_n"])
    weight = material.trips.weight.astype(float)
    effective = weight.sum() ** 2 / (weight**2).sum()
    assert row["effective_n"] == pytest.approx(effective)
    assert row["df"] == pytest.approx(effective - 1)
    assert row["effective_n"] < row["n"]


def test_tfma_files_have_them_where_they_are_asked_for(evaluate: Evaluate, tmp_path: Path):
    rows = evaluate(output=tmp_path / "with", options=ON)
    row = of(rows, "auc")
    found = next(
        one
        for one in _values(tmp_path / "with")
        if one.key.name == "auc" and one.key.model_name == "candidate" and not one.key.is_diff
    )
    interval = found.confidence_interval
    assert found.value.double_value.value == row["value"]
    assert interval.lower_bound.double_value.value == row["lower"]
    assert interval.upper_bound.double_value.value == row["upper"]
    assert interval.standard_error.double_value.value == row["std_error"]
    changes = {one.key.name: one for one in _values(tmp_path / "with") if one.key.is_diff}
    assert changes["auc"].confidence_interval.upper_bound.double_value.value == row["change_upper"]
    assert changes["auc"].confidence_interval.degrees_of_freedom.value == 63
    evaluate(output=tmp_path / "own", intervals={"level": 0.9})
    assert not any(one.HasField("confidence_interval") for one in _values(tmp_path / "own"))


def _values(folder: Path) -> Iterator[Any]:
    import tensorflow as tf

    (file,) = folder.glob("metrics-*.tfrecord")
    for record in tf.data.TFRecordDataset(str(file)):
        message = pb.MetricsForSlice.FromString(record.numpy())
        if not message.slice_key.single_slice_keys:
            yield from message.metric_keys_and_values


def test_differences_between_slices(evaluate: Evaluate, material: Any):
    pair = {"baseline_spec": {}, "slicing_specs": [{"feature_values": {"payment": "Cash"}}]}
    rows = evaluate(options=ON, cross_slicing_specs=[pair])
    row = of(rows, "binary_accuracy", "Overall − payment=Cash")
    right = (material.trips.logit("good") > 0) == material.trips.tipped
    cash = np.array([name == b"Cash" for name in material.trips.payment])
    n, inside = len(cash), int(cash.sum())
    assert row["value"] == pytest.approx(right.mean() - right[cash].mean())
    # Overall is a mean of the slice and the rest: the difference is that of two independent means.
    rest = right[~cash]
    wanted = (1 - inside / n) * np.sqrt(right[cash].var() / inside + rest.var() / (n - inside))
    assert row["std_error"] == pytest.approx(wanted, rel=0.35)
    assert row["n"] == inside


def test_a_metric_of_ones_own_has_the_error_of_its_mean(material: Any, tmp_path: Path):
    module = tmp_path / "own_intervals.py"
    module.write_text(
        "import evaluator_component as ec\n\n\n"
        '@ec.metric(lambda v: {"square": v.weights * (v.predictions - v.labels) ** 2, "weight": v.weights})\n'
        "def own_squared_error(totals):\n"
        '    """The squared error."""\n'
        '    return totals["square"] / totals["weight"]\n'
    )
    specs = [{"metrics": [{"class_name": "OwnSquaredError"}, {"class_name": "MeanSquaredError"}]}]
    rows = ec.evaluate(
        config(options=ON, metrics_specs=specs), material.good, material.weak, str(material.plain),
        module_file=module, progress=False,
    ).metrics.table.to_pylist()  # fmt: skip
    own, known = of(rows, "own_squared_error"), of(rows, "mean_squared_error")
    for column in ("value", "std_error", "change", "change_std_error", "change_skewness"):
        assert own[column] == pytest.approx(known[column], rel=1e-6)


def test_a_difference_from_a_slice_that_nothing_moves_is_not_certain(tmp_path: Path):
    rng = np.random.default_rng(2)
    wrong = np.concatenate([rng.random(2_000) < 0.1, np.zeros(60, bool)])
    records = [
        trips.example(label=int(i % 2), score=float((i % 2) ^ bool(bad)), g="b" if i < 2_000 else "a")
        for i, bad in enumerate(wrong)
    ]
    pair = "{baseline_spec: {feature_values: {g: b}}, slicing_specs: [{feature_values: {g: a}}]}"
    text = (
        "model_specs: [{label_key: label, prediction_key: score}]\nslicing_specs: [{feature_keys: [g]}]\n"
        "metrics_specs: [{metrics: [{class_name: BinaryAccuracy, cross_slice_thresholds: [{cross_slicing_specs: "
        f"[{pair}], threshold: {{value_threshold: {{lower_bound: -0.08}}}}}}]}}]}}]\ngate: {{confidence: 0.95}}"
    )
    result = ec.evaluate(text, data=str(trips.write_records(tmp_path / "data", records)), progress=False)
    (check,) = result.verdict.checks
    assert (check.outcome.value, check.cause.value) == ("INCONCLUSIVE", "no_interval")
    (row,) = result.metrics.slice("g=b − g=a").table.to_pylist()
    assert (row["value"], row["lower"], row["upper"]) == (pytest.approx(check.observed), None, None)


@pytest.mark.parametrize("weights", [False, True])
def test_a_model_that_answers_nothing_is_refused_with_the_reason(tmp_path: Path, weights: bool):
    records = [trips.example(label=i % 2, score=float("nan") if not weights else 0.7, w=0.0) for i in range(100)]
    weight = ", example_weight_key: w" if weights else ""
    text = (
        f"model_specs: [{{label_key: label, prediction_key: score{weight}}}]\nmetrics_specs: [{{metrics: ["
        "{class_name: AUC, threshold: {value_threshold: {lower_bound: 0.5}}}, {class_name: BinaryAccuracy}]}]\n"
        "gate: {confidence: 0.95}"
    )
    result = ec.evaluate(text, data=str(trips.write_records(tmp_path / "data", records)), progress=False)
    (check,) = result.verdict.checks
    assert (check.outcome.value, check.cause.value) == ("FAIL", "undefined")


@pytest.mark.parametrize(
    "other",
    [
        {"intervals": {"cluster_key": "payment"}},
        {"options": {**ON, "confidence_intervals": {"method": "JACKKNIFE"}}},
        {"intervals": {"level": 0.5}},
    ],
)
def test_intervals_are_not_judged_as_if_made_otherwise(material: Any, tmp_path: Path, other: dict[str, Any]):
    finished = ec.evaluate(config(options=ON), material.good, None, str(material.plain), tmp_path, progress=False)
    with pytest.raises(ConfigError, match=r"^intervals: .* was evaluated; evaluate again"):
        judge_again(finished, config(**other))
    plain = ec.evaluate(config(), material.good, None, str(material.plain), progress=False)
    with pytest.raises(ConfigError, match="evaluated without standard errors; evaluate again"):
        judge_again(plain, config(gate={"confidence": 0.9, "no_thresholds": "BLESS"}))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"intervals": {"cluster_key": "taxi_driver"}}, r"^intervals.cluster_key: unknown feature 'taxi_driver'"),
        ({"intervals": {"level": 95}}, r"^intervals.level: expected a number between 0 and 1 .*got 95"),
        ({"intervals": {"groups": 2}}, r"^intervals.groups: expected 10 to 1,000, got 2"),
        (
            {"gate": {"confidence": 0.95}, "options": {"compute_confidence_intervals": {"value": False}}},
            r"^gate.confidence: needs standard errors, and options.compute_confidence_intervals is false",
        ),
        (
            {"intervals": {}, "options": {"compute_confidence_intervals": {"value": False}}},
            r"^intervals: has no effect, since options.compute_confidence_intervals is false",
        ),
    ],
)
def test_what_cannot_be_is_told(evaluate: Evaluate, more: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        evaluate(**more)
