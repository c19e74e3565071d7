"""The questions that a metric table answers."""

from __future__ import annotations

import math

import example_tables
import numpy as np
import pytest

from evaluator_component.results import Evaluation, MetricTable, metrics_table


@pytest.fixture(scope="module")
def metrics() -> MetricTable:
    return MetricTable(example_tables.metric_rows(4_000))


def test_value_of_the_candidate_and_of_others(metrics: MetricTable) -> None:
    slices, labels, scores = example_tables.trips(4_000)
    assert metrics.value("auc") == example_tables.auc(labels, scores["candidate"])
    assert metrics.value("auc", model="baseline") == example_tables.auc(labels, scores["baseline"])
    night = slices["trip_start_hour=3"]
    assert metrics.value("mean_label", "trip_start_hour=3") == labels[night].mean()


def test_worst_slices_come_first_by_the_metrics_own_direction(metrics: MetricTable) -> None:
    up = metrics.worst("auc", min_examples=50).table.column("value").to_pylist()
    down = metrics.worst("binary_cross_entropy", min_examples=50).table.column("value").to_pylist()
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert {"trip_start_hour=2", "trip_start_hour=3", "trip_start_hour=4"} == set(
        metrics.worst("auc", min_examples=50).table.column("slice").to_pylist()[:3]
    )


def test_worst_leaves_out_small_slices_and_puts_undefined_ones_last(metrics: MetricTable) -> None:
    assert min(metrics.worst("auc", min_examples=200).table.column("n").to_pylist()) >= 200
    everything = metrics.worst("auc", min_examples=0).table.column("value").to_pylist()
    assert math.isnan(everything[-1])
    assert not np.isnan(everything[:-1]).any()


def test_a_misspelt_name_is_answered_with_the_nearest(metrics: MetricTable) -> None:
    with pytest.raises(LookupError, match="did you mean 'auc'"):
        metrics.value("acu")
    with pytest.raises(LookupError, match="trip_start_hour=3"):
        metrics.slice("trip_start_hours=3")
    with pytest.raises(LookupError, match="did you mean 'metric'"):
        metrics.filter(metrics="auc")


def test_rows_that_are_not_told_apart_are_named_by_what_differs() -> None:
    columns = {"split": "eval", "slice": "Overall", "model": "candidate", "metric": "auc", "value": 0.5}
    table = metrics_table({**columns, "weighted": [False, True, True], "sub_key": ["", "", "class 1"]})
    metrics = MetricTable(table)
    with pytest.raises(
        LookupError, match=r"^3 rows match metric='auc'.*; say which: sub_key='' or sub_key='class 1'; w"
    ):
        metrics.value("auc")
    with pytest.raises(LookupError, match=r"; say which: weighted=False or weighted=True$"):
        metrics.value("auc", sub_key="")
    assert metrics.value("auc", sub_key="", weighted=True) == 0.5
    with pytest.raises(LookupError, match=r"^0 rows match .*\}$"):
        metrics.value("auc", sub_key="class 1", weighted=False)


def test_the_merged_rows_stand_for_several_splits() -> None:
    table = metrics_table(
        {
            "split": ["*", "test", "eval"],
            "slice": "Overall",
            "model": "candidate",
            "metric": "auc",
            "value": [0.5, 0.4, 0.6],
            "n": 10,
        }
    )
    assert MetricTable(table).value("auc") == 0.5
    assert MetricTable(table).value("auc", split="test") == 0.4


def test_a_named_candidate_is_found_by_its_changes() -> None:
    columns = {"split": "eval", "slice": "Overall", "model": ["a", "b"], "metric": "auc", "value": [0.5, 0.7], "n": 10}
    table = metrics_table({**columns, "change": [None, 0.2]})
    assert MetricTable(table).candidate == "b"


def test_representations_say_what_is_there(metrics: MetricTable) -> None:
    assert repr(metrics) == "MetricTable(576 rows: 1 split, 32 slices, 2 models, 9 metrics)"
    assert "not judged" in repr(Evaluation(metrics))


def test_pandas_keeps_rows_and_names(metrics: MetricTable) -> None:
    frame = metrics.to_pandas()
    assert len(frame) == len(metrics)
    assert set(frame["metric"]) == set(example_tables.METRICS)
