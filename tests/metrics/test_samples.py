"""Samples of values: which examples they are of, how often each is drawn, and that nothing else has a say in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import evaluator_component as ec
from evaluator_component import ConfigError
from evaluator_component.data.batch import unit_hashes
from evaluator_component.engine import transport
from evaluator_component.engine.accumulate import merge
from evaluator_component.proto import metrics_for_slice_pb2
from tests import trips
from tests.metrics.pass_over import Examples, add_up, built, entry, plan, tables

SIZE = 300


def examples(seed: int = 0, weights: np.ndarray | None = None) -> Examples:
    draw = np.random.default_rng(seed)
    labels = (draw.random(SIZE) < 0.5).astype(float)
    units = unit_hashes(f"file {seed}", 0, SIZE)
    return Examples(labels, draw.random(SIZE), weights, draw.integers(0, 3, SIZE), units=units)


def sampled(metric: dict[str, Any], given: Examples, **spec: Any) -> dict[str, list[str]]:
    """The values by slice; they name their example (see ``pass_over.lists_of``)."""
    _, rows = tables([metric], given, **spec)
    found: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row["bucket"]):
        found.setdefault(row["slice"], []).append(row["sample"])
    return found


def name(unit: int) -> str:
    return f"{unit:x}"


@pytest.mark.parametrize(
    ("class_name", "wanted"),
    [("FalsePositiveFeatureSampler", (0.0, True)), ("FalseNegativeFeatureSampler", (1.0, False))],
)
def test_what_the_model_gets_wrong_is_sampled(class_name: str, wanted: tuple[float, bool]) -> None:
    given = examples()
    of_all = sampled(entry(class_name, sample_size=1000, threshold=0.3), given)
    label, above = wanted
    wrong = (given.labels == label) & ((given.predictions > 0.3) == above)
    assert sorted(of_all["Overall"]) == sorted(map(name, given.unit[wrong]))
    for group in range(3):
        assert sorted(of_all[f"group={group}"]) == sorted(map(name, given.unit[wrong & (given.groups == group)]))
    few = sampled(entry(class_name, sample_size=7, threshold=0.3), given)
    for slice_name, values in few.items():
        assert values == of_all[slice_name][:7]
        assert len(values) == 7


def test_a_sample_is_the_same_however_the_examples_are_cut() -> None:
    given = examples()
    planned = plan([entry("FixedSizeSample", size=9), entry("FalsePositiveFeatureSampler")], weighted=False)
    whole = add_up(planned, given, batch=1000)
    order = np.random.default_rng(1).permutation(SIZE)
    for batch in (1, 17, 100):
        assert transport.to_bytes(add_up(planned, given.rows(order), batch)) == transport.to_bytes(whole)
    again = transport.from_bytes(transport.to_bytes(whole))
    parts = transport.partition(planned, again, 3)
    assert transport.to_bytes(merge(planned, parts)) == transport.to_bytes(whole)


def test_another_seed_is_another_sample() -> None:
    given = examples()
    samples = {tuple(sampled(entry("FixedSizeSample", size=9, random_seed=s), given)["Overall"]) for s in (0, 1, -5)}
    assert len(samples) == 3
    assert sampled(entry("FixedSizeSample", size=9), given)["Overall"] in [list(s) for s in samples]


def test_examples_are_drawn_as_often_as_they_weigh() -> None:
    """One of many draws the first value with its share of the weight, as successive sampling does."""
    weights = np.array([1.0, 2.0, 5.0, 0.0])
    count = np.zeros(4)
    draws = 4000
    for number in range(draws):
        units = unit_hashes("four", 0, 4)
        given = Examples(np.zeros(4), np.zeros(4), weights, units=units)
        metric = built("FixedSizeSample", size=1, random_seed=number)[0]
        keys = metric.samples[0].keys(_view(given), units)[:, 0]  # type: ignore[union-attr]
        count[int(np.argmin(keys))] += 1
    expected = draws * weights / weights.sum()
    assert count[3] == 0
    error = np.sqrt(expected[:3] * (1 - expected[:3] / draws))
    assert (np.abs(count[:3] - expected[:3]) < 4 * error).all(), count


def _view(given: Examples) -> Any:
    from evaluator_component.metrics import Kind, View

    return View.of(Kind.ANY, given.labels, given.predictions, given.mass)


def test_classes_are_sampled_apart() -> None:
    draw = np.random.default_rng(2)
    labels = draw.integers(0, 3, SIZE).astype(float)
    scores = draw.dirichlet(np.ones(3), SIZE)
    given = Examples(labels, scores, units=unit_hashes("classes", 0, SIZE))
    metric = entry("FalsePositiveFeatureSampler", sample_size=1000)
    spec = {"binarize": {"class_ids": {"values": [0, 2]}}}
    _, rows = tables([metric], given, spec=spec)
    for number in (0, 2):
        wrong = (labels != number) & (scores[:, number] > 0.5)
        found = [row["sample"] for row in rows if row["sub_key"] == f"classId:{number}"]
        assert sorted(found) == sorted(map(name, given.unit[wrong]))
    pooled = sampled(metric, given)["Overall"]
    any_wrong = ((np.eye(3)[labels.astype(int)] == 0) & (scores > 0.5)).any(axis=1)
    assert sorted(pooled) == sorted(map(name, given.unit[any_wrong]))


def test_samples_go_to_the_tables_and_to_the_peers_files(tmp_path: Path) -> None:

    rows = [trips.example(label=i % 2, score=0.7, city=[f"é {i}".encode()], many=[1, 2, i]) for i in range(20)]
    config = {
        "model_specs": [{"label_key": "label", "prediction_key": "score"}],
        "metrics_specs": [
            {
                "metrics": [
                    {"class_name": "FixedSizeSample", "config": {"sampled_key": "many", "size": 3}},
                    {"class_name": "FalsePositiveFeatureSampler", "config": {"feature_key": "city", "sample_size": 4}},
                    {"class_name": "ExampleCount"},
                ]
            }
        ],
    }
    data = trips.write_records(tmp_path / "data", rows)
    result = ec.evaluate(config, data=data, output=tmp_path / "out", progress=False)
    table = result.plots.table.to_pylist()
    many = [row["sample"] for row in table if row["plot"] == "fixed_size_sample"]
    cities = [row["sample"] for row in table if row["plot"] == "false_positive_feature_sampler"]
    assert len(many) == 3
    assert all(text.startswith("1, 2, ") for text in many)
    assert len(cities) == 4
    assert all(int(text[2:]) % 2 == 0 for text in cities)
    (record,) = tf.data.TFRecordDataset(str(tmp_path / "out" / "metrics-00000-of-00001.tfrecord")).as_numpy_iterator()
    message = metrics_for_slice_pb2.MetricsForSlice.FromString(record)
    arrays = {one.key.name: one.value.array_value for one in message.metric_keys_and_values}
    assert [value.decode() for value in arrays["false_positive_feature_sampler"].bytes_values] == cities
    assert list(arrays["fixed_size_sample"].shape) == [3]


@pytest.mark.parametrize(
    ("class_name", "options", "message"),
    [
        ("FixedSizeSample", {"size": 0}, "size: expected a whole number from 1 to 10,000, got 0"),
        ("FixedSizeSample", {"sampled_key": ["a"]}, "sampled_key: expected the name of a feature"),
        ("FixedSizeSample", {"random_seed": "a"}, "random_seed: expected a whole number"),
        ("FalseNegativeFeatureSampler", {"sample_size": 2.5}, "sample_size: expected a whole number"),
    ],
)
def test_wrong_options_are_told(class_name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(class_name, **options)
