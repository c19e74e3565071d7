"""What every entry of the catalogue must obey; an entry that is added is tested without adding a test."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluator_component import ConfigError
from evaluator_component.engine import transport
from evaluator_component.engine.accumulate import merge, settle
from evaluator_component.metrics import Kind, Metric, Plot
from evaluator_component.metrics.registry import build, catalogue, definition, result_name, snake_case
from evaluator_component.proto import config_pb2
from tests.metrics.pass_over import Examples, Row, add_up, built, entry, plan, sample, tables

NAMES = sorted(catalogue())
INTERVALS = {None, "exact", "wilson", "delta", "delong", "jackknife", "order statistics"}
every_entry = pytest.mark.parametrize("name", NAMES)

Table = dict[tuple[Any, ...], Row]


def kind_of(name: str) -> Kind:
    return built(name)[0].kind


def examples_for(name: str, seed: int = 0, size: int = 120, *, weighted: bool = True) -> Examples:
    return sample(kind_of(name), seed, size, weighted=weighted, grouped=True)


def evaluate(name: str, examples: Examples) -> tuple[Table, Table]:
    """The metric rows by (slice, metric, sub-key), and the plot rows by (slice, plot, sub-key, bucket)."""
    metrics, plots = tables([entry(name)], examples)
    check_reasons(metrics, notes=getattr(built(name)[0], "across", None) is not None)
    return (
        {(row["slice"], row["metric"], row["sub_key"]): row for row in metrics},
        {(row["slice"], row["plot"], row["sub_key"], row["bucket"]): row for row in plots},
    )


def check_reasons(rows: Sequence[Row], *, notes: bool) -> None:
    """Undefined values have a reason; others none, unless the metric says which slices it compares."""
    for row in rows:
        left_out = (row["reason"] or "").startswith("without classes")
        assert bool(row["reason"]) == (math.isnan(row["value"]) or notes or left_out), row


def numbers(tables_of_one: tuple[Table, Table]) -> dict[tuple[Any, ...], float]:
    """Every number in them by what it is; NaN left out."""
    metrics, plots = tables_of_one
    result = {key: float(row["value"]) for key, row in metrics.items()}
    for key, row in plots.items():
        result |= {(*key, column): v for column, v in row.items() if isinstance(v, float)}
    return {key: value for key, value in result.items() if not math.isnan(value)}


def assert_same(left: dict[tuple[Any, ...], float], right: dict[tuple[Any, ...], float]) -> None:
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert math.isclose(value, right[key], rel_tol=1e-12, abs_tol=1e-12), (key, value, right[key])


@every_entry
def test_it_is_declared_in_full(name: str) -> None:
    declared = definition(name)
    assert declared.class_name == name
    assert declared.name
    assert declared.family
    assert declared.summary.endswith((".", ")"))
    assert "\n" not in declared.summary
    assert declared.direction in (None, "higher", "lower")
    assert declared.interval in INTERVALS
    assert declared.range[0] < declared.range[1]
    assert "name" not in declared.options
    assert set(declared.example) <= set(declared.options)


def samples_of(metric: Metric | Plot) -> tuple[Any, ...]:
    return metric.samples if isinstance(metric, Plot) else ()


def named_by_default(name: str) -> str:
    config = json.dumps(entry(name)["config"])
    return result_name(config_pb2.MetricConfig(class_name=name, config=config))


@every_entry
def test_what_it_builds_agrees_with_its_declaration(name: str) -> None:
    declared, made = definition(name), built(name)
    assert made
    for metric in made:
        names = declared.names or (named_by_default(name),)
        assert metric.name in names or metric.name.rpartition("/")[0] in names
        assert metric.terms or metric.keyed or samples_of(metric)
        if isinstance(metric, Metric):
            assert metric.direction == declared.direction or declared.names
            assert metric.interval == declared.interval
            assert metric.compares == declared.compares
        else:
            assert isinstance(metric, Plot)
    default = named_by_default(name)
    if declared.name_of is None:
        assert default == declared.name
    named = {metric.name for metric in built(name, name="mine")}
    if made[0].name == default:
        assert named == {"mine", *declared.names[1:]}
    else:  # the name is a prefix of several
        assert named == {metric.name.replace(f"{default}/", "mine/") for metric in made}
    assert len({(metric.name, metric.sub_key) for metric in made}) == len(made)


def test_result_names_are_distinct_and_follow_the_class() -> None:
    names = [declared.name for declared in catalogue().values()]
    twice = {name for name in names if names.count(name) > 1}
    assert twice == {
        "average_precision",
        "mean_average_precision",
        "confusion_matrix_plot",
    }  # of detections, by the peer
    odd = {d.class_name: d.name for d in catalogue().values() if d.name != snake_case(d.class_name)}
    assert odd == {  # as configs of the peer, and Keras, expect it
        "Bleu": "BLEU",
        "BooleanFlipRates": "flip_rate",
        "COCOAveragePrecision": "average_precision",
        "COCOAverageRecall": "average_recall",
        "COCOMeanAveragePrecision": "mean_average_precision",
        "COCOMeanAverageRecall": "mean_average_recall",
        "ObjectDetectionConfusionMatrixPlot": "confusion_matrix_plot",
        "SemanticSegmentationConfusionMatrix": "_semantic_segmentation_confusion_matrix",
        "SemanticSegmentationMeanIoU": "semantic_segmentation_mean_iou",
        "SemanticSegmentationFalsePositive": "semantic_segmentation_false_positives",
        "SemanticSegmentationTruePositive": "semantic_segmentation_true_positives",
        "FairnessIndicators": "fairness_indicators_metrics",
        "QueryStatistics": "total_queries",
        "BinaryCrossEntropy": "binary_crossentropy",
        "CategoricalCrossEntropy": "categorical_crossentropy",
    }


@every_entry
def test_it_pickles(name: str) -> None:
    made = built(name)
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made[0].terms) == hash(pickle.loads(pickle.dumps(made[0].terms)))


@every_entry
def test_values_are_in_range(name: str) -> None:
    low, high = definition(name).range
    for seed in range(3):
        for examples in hard_cases(name, seed):
            for value in (row["value"] for row in evaluate(name, examples)[0].values()):
                assert math.isnan(value) or low - 1e-12 <= value <= high + 1e-12


def hard_cases(name: str, seed: int) -> Iterator[Examples]:
    """One class, one row, ties, extreme scores, no weight, and scores beyond both ends."""
    base = examples_for(name, seed)
    yield base
    for label in (0.0, 1.0):
        yield replace(base, labels=np.full_like(base.labels, label))
    yield base.rows(slice(0, 1))
    yield replace(base, predictions=np.full_like(base.predictions, 0.25))
    yield base.weigh(np.zeros(len(base)))
    for extreme in (1e-12, 1 - 1e-12, 0.0, 1.0, 5e-324):
        spread = np.where(np.random.default_rng(seed).random(base.predictions.shape) < 0.5, extreme, base.predictions)
        yield replace(base, predictions=spread)
    yield replace(base, predictions=base.predictions * 40 - 20)


@every_entry
def test_hard_cases_have_a_value_or_a_reason(name: str) -> None:
    for examples in hard_cases(name, 7):
        metrics, plots = evaluate(name, examples)
        labelled = examples.labels.reshape(len(examples), -1).any(axis=1) & (examples.mass > 0)
        # A matrix has no cell without a label, and there may be no example to sample.
        empty = isinstance(built(name)[0], Plot) and (not labelled.any() or bool(samples_of(built(name)[0])))
        assert ("Overall" in {key[0] for key in metrics}) or plots or empty


@every_entry
def test_no_rows_give_no_value_without_a_reason(name: str) -> None:
    metrics, plots = evaluate(name, examples_for(name).rows(slice(0, 0)))
    for key, row in metrics.items():
        assert row["value"] == 0.0 or row["reason"], key
    assert not any(value for row in plots.values() for column, value in row.items() if column in COUNTS)


COUNTS = ("weighted_examples", "weighted_labels", "weighted_predictions", "true_positives", "false_positives")


@every_entry
def test_weight_0_is_absence(name: str) -> None:
    examples = examples_for(name, 1)
    present = examples.rows(np.flatnonzero(examples.mass > 0))
    if built(name)[0].uses_weights:
        assert_same(numbers(evaluate(name, examples)), numbers(evaluate(name, present)))
    else:
        assert_same(numbers(evaluate(name, examples)), numbers(evaluate(name, examples.weigh(None))))


@every_entry
def test_weight_2_is_twice(name: str) -> None:
    examples = examples_for(name, 2)
    if not built(name)[0].uses_weights or samples_of(built(name)[0]):  # of a sample, each example is there once
        assert_same(numbers(evaluate(name, examples)), numbers(evaluate(name, examples.weigh(examples.mass * 2))))
        return
    doubled = examples.rows(np.repeat(np.arange(len(examples)), 2))
    doubled = replace(doubled, queries=doubled.query * 2 + np.arange(2 * len(examples)) % 2)  # each query twice, too
    assert_same(numbers(evaluate(name, examples.weigh(examples.mass * 2))), numbers(evaluate(name, doubled)))


@every_entry
def test_weights_of_1_are_no_weights(name: str) -> None:
    examples = examples_for(name, 3, weighted=False)
    weighted = numbers(evaluate(name, examples.weigh(np.ones(len(examples)))))
    assert weighted == numbers(evaluate(name, examples))


@every_entry
def test_a_split_is_the_whole_in_any_order(name: str) -> None:
    examples = examples_for(name, 4)
    planned = plan([entry(name)], weighted=True)
    cut = [add_up(planned, examples.rows(slice(*ends)), batch=1000) for ends in ((0, 7), (7, 8), (8, 120))]
    merged = settle(planned, merge(planned, cut))
    for other in (merge(planned, [merge(planned, cut[:2]), cut[2]]), merge(planned, [cut[2], cut[0], cut[1]])):
        assert transport.to_bytes(settle(planned, other)) == transport.to_bytes(merged)
    assert merged.examples == 120
    order = np.random.default_rng(0).permutation(len(examples))
    assert_same(numbers(evaluate(name, examples.rows(order))), numbers(evaluate(name, examples)))


@every_entry
def test_a_slice_is_an_evaluation_of_its_own(name: str) -> None:
    examples = examples_for(name, 5)
    whole = numbers(evaluate(name, examples))
    for group in range(3):
        assert examples.groups is not None
        alone = evaluate(name, examples.of_group(kind_of(name), group))
        expected = {key[1:]: value for key, value in numbers(alone).items() if key[0] == "Overall"}
        found = {key[1:]: value for key, value in whole.items() if key[0] == f"group={group}"}
        assert_same(found, expected)


def spoil(examples: Examples, what: str, value: float) -> Examples:
    parts = {"labels": examples.labels, "predictions": examples.predictions, "weights": examples.mass}
    parts[what] = parts[what].copy()
    parts[what][3] = value
    return replace(examples, **parts)


@every_entry
@pytest.mark.parametrize("what", ["labels", "predictions", "weights"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_cannot_be_used_is_said(name: str, what: str, bad: float) -> None:
    """NaN with the reason in every slice of the example, or the metric does not look at it; other slices stay."""
    examples = examples_for(name, 6)
    spoilt, _ = evaluate(name, spoil(examples, what, bad))
    fine, _ = evaluate(name, spoil(examples, what, 1.0))
    assert examples.groups is not None
    together = examples.query == examples.query[3] if kind_of(name) is Kind.QUERY else np.arange(len(examples)) == 3
    touched = {"Overall", *(f"group={group}" for group in examples.groups[together])}
    for key, row in spoilt.items():
        if key[0] in touched and row["reason"] != fine[key]["reason"]:
            assert math.isnan(row["value"])
            assert row["reason"].startswith("1 of "), row["reason"]
            assert what in row["reason"]
        else:
            other = fine[key]
            assert row["value"] == other["value"] or (math.isnan(other["value"]) and row["reason"] == other["reason"])
    if what == "weights" and built(name)[0].uses_weights and spoilt:
        first = built(name)[0]
        assert math.isnan(spoilt["Overall", first.name, first.sub_key]["value"])


@every_entry
def test_an_unknown_option_is_answered_with_the_nearest_names(name: str) -> None:
    known = [*definition(name).options, "name"]
    wrong = known[0] + "x"
    with pytest.raises(ConfigError, match=f"{name} has no option '{wrong}'.*{known[0]}"):
        built(name, **{wrong: 1})


@every_entry
def test_an_option_of_a_wrong_type_is_refused(name: str) -> None:
    for option, default in definition(name).options.items():
        if default is None:
            continue
        wrong = 3 if isinstance(default, (str, bool)) else {"a": "b"}
        with pytest.raises(ConfigError, match=f"{option}.*expected"):
            built(name, **{option: wrong})


@every_entry
def test_options_of_null_mean_the_default_and_a_dtype_means_nothing(name: str) -> None:
    options = dict.fromkeys(definition(name).options.keys() - definition(name).example.keys())
    assert built(name, **options, dtype="float32") == built(name)


@every_entry
def test_an_option_that_must_be_given_is_asked_for(name: str) -> None:
    for option in definition(name).example:
        with pytest.raises(ConfigError, match=f"{name} needs {option}, for example"):
            built(name, **{option: None})


@every_entry
def test_a_misspelt_class_is_answered_with_the_nearest_names(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"unknown metric '{name}z'; did you mean .*'{name}'"):
        build(config_pb2.MetricConfig(class_name=f"{name}z"))
