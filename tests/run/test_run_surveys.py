"""Slices that are found in the data before the pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evaluator_component as ec
from evaluator_component.errors import ConfigError, ModelError
from tests import trips
from tests.run.sliced import check, config, values

FOUND = [
    values("fare", quantiles=4),
    values("company", top=1, missing=True),
    values("tags", top=2),
    values("score", source="PREDICTION", quantiles=3),
    values("raw", source="OUTPUT", output="score", quantiles=2),
    values("label", source="LABEL", top=1),
    {"feature_keys": ["fare", "payment"], "values": [{"feature": "fare", "quantiles": 4}]},
]


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        (values("payment", edges=[1]), ConfigError, r"^slicing_specs\[0\]\.values\[0\]: 'payment' holds strings"),
        (values("far", edges=[1]), ConfigError, r"^slicing_specs\[0\]\.feature_keys\[0\]: unknown.*'fare'"),
        (values("a", source="PREDICTION", output="b"), ConfigError, r"^slicing_specs\[0\]\.values\[0\]\.output: 'b'"),
        (values("a", source="OUTPUT", output="scor"), ModelError, r"slicing_specs\[0\]\.values\[0\]\.output.*'score'"),
    ],
)
def test_what_is_not_there_is_found_before_the_pass(spec: Any, error: type, words: str, material: Any) -> None:
    with pytest.raises(error, match=words):
        ec.check(config(spec), material.good, data=material.plain)


def test_quantiles_and_most_frequent_values_are_found_in_the_data(
    material: Any, frame: pd.DataFrame, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    result = ec.evaluate(config(*FOUND), material.good, material.weak, material.spread, output, progress=False)
    found = ec.load(output).run["slices_found"]
    assert set(found) == {"fare", "company", "tags", "score", "raw", "label"}
    tags = [tag.decode() for row in material.trips.tags for tag in row]
    frequent = pd.Series(tags).value_counts().index[:2].tolist()
    assert found["tags"] == frequent
    assert found["company"] == [frame.company.value_counts().index[0]]
    assert found["label"] == [str(frame.tipped.value_counts().index[0])]
    for name, column, quantiles in (("fare", "fare", 4), ("score", "good", 3), ("raw", "good", 2)):
        counts = np.histogram(frame[column], [-np.inf, *found[name], np.inf])[0]
        assert len(counts) == quantiles
        assert np.abs(counts - len(frame) / quantiles).max() <= 2
        assert all(len(repr(edge)) < 10 for edge in found[name])

    def buckets(name: str, column: str) -> dict[str, pd.Series]:
        edges = [-np.inf, *found[name], np.inf]
        shown = [str(edge).removesuffix(".0").replace("inf", "∞") for edge in edges]
        return {
            f"{name}∈{'[' if i else '('}{shown[i]},{shown[i + 1]})": (frame[column] >= edges[i])
            & (frame[column] < edges[i + 1])
            for i in range(len(edges) - 1)
        }

    has = {tag: np.array([tag.encode() in row for row in material.trips.tags]) for tag in set(tags)}
    rest = next(tag for tag in has if tag not in frequent)
    fares = buckets("fare", "fare")
    company = found["company"][0]
    expected = {
        **fares,
        **buckets("score", "good"),
        **buckets("raw", "good"),
        **{
            f"{name}, payment={payment.decode()}": mask & (frame.payment == payment.decode())
            for name, mask in fares.items()
            for payment in trips.PAYMENTS
        },
        **{f"tags={tag}": pd.Series(has[tag]) for tag in frequent},
        "tags∈other": pd.Series(has[rest]),
        f"company={company}": frame.company == company,
        "company∈other": frame.company.notna() & (frame.company != company),
        "company∈missing": frame.company.isna(),
        f"label={found['label'][0]}": frame.tipped == int(found["label"][0]),
        "label∈other": frame.tipped != int(found["label"][0]),
    }
    check(result, expected, frame)


def test_a_survey_gives_the_same_bytes_for_any_number_of_workers(material: Any, tmp_path: Path) -> None:
    for name, flags in (("one", []), ("two", ["--direct_num_workers=2", "--direct_running_mode=multi_threading"])):
        ec.evaluate(
            config(*FOUND), material.good, None, material.spread, tmp_path / name, beam_args=flags, progress=False
        )
    first, second = ((tmp_path / name / "metrics.parquet").read_bytes() for name in ("one", "two"))
    assert first == second


def test_splits_share_what_is_found_and_it_can_be_judged_again_and_kept(material: Any, tmp_path: Path) -> None:
    first, *rest = sorted(material.spread.iterdir())
    spec = values("company", top=1)
    bound = {"value_threshold": {"lower_bound": 0.9}}
    rules = [{"slicing_specs": [spec], "threshold": bound}]
    metrics = [{"metrics": [{"class_name": "MeanLabel", "per_slice_thresholds": rules}]}]
    given = config(spec, values("fare", quantiles=2), {"feature_keys": ["company"]}, metrics_specs=metrics)
    output = tmp_path / "out"
    result = ec.evaluate(given, material.good, None, {"a": first, "b": rest}, output, progress=False)
    assert result.verdict is not None
    top = result.run["slices_found"]["company"][0]
    assert {check.slice for check in result.verdict.checks} == {f"company={top}", "company∈other"}

    from evaluator_component.evaluation import judge_again

    again = judge_again(ec.load(output), given)
    assert again.verdict is not None
    assert [check.slice for check in again.verdict.checks] == [check.slice for check in result.verdict.checks]
    with pytest.raises(ConfigError, match="fare was not evaluated so"):
        judge_again(ec.load(output), config(spec, values("fare", quantiles=3), metrics_specs=metrics))

    kept = ec.evaluate(output / "evaluator_config.json", material.good, None, first, progress=False)
    assert kept.run["slices_found"] == result.run["slices_found"]
    assert "survey" not in kept.run["seconds"]


def test_what_is_found_at_run_time_is_told_by_the_check(material: Any, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from evaluator_component.cli import main

    path = tmp_path / "eval.json"
    path.write_text(json.dumps(config(*FOUND[:2])))
    arguments = ["check", "--config", str(path), "--model", str(material.good), "--data", str(material.plain)]
    told = CliRunner().invoke(main, arguments).output
    assert "company (the 1 most frequent values, found when the evaluation runs)" in told
    assert "fare (4 quantiles, found when the evaluation runs)" in told


def test_quantiles_need_numbers(tmp_path: Path) -> None:
    data = trips.write_records(tmp_path / "data", [trips.example(p=0.5, tipped=1, name=b"x")] * 3)
    model = {"label_key": "tipped", "prediction_key": "p"}
    with pytest.raises(ConfigError, match=r"^slicing_specs\[0\]\.values\[0\]: 'name' holds strings"):
        ec.check(config(values("name", quantiles=2), model_specs=[model]), data=data)


def test_quantiles_of_predictions_and_labels_in_the_data(tmp_path: Path) -> None:
    draw = np.random.default_rng(8)
    scores, labels = draw.normal(size=(2, 400)).astype(np.float32)
    records = [trips.example(p=float(p), y=float(y)) for p, y in zip(scores, labels, strict=True)]
    data = trips.write_records(tmp_path / "data", records)
    specs = [values("said", source="PREDICTION", quantiles=4), values("is", source="LABEL", quantiles=2)]
    model = {"label_key": "y", "prediction_key": "p"}
    result = ec.evaluate(config(*specs, model_specs=[model]), data=data, progress=False)
    rows = result.metrics.filter(metric="example_count").table.to_pylist()
    assert sorted(row["value"] for row in rows) == [100] * 4 + [200] * 2


def test_coarse_quantiles_are_about_equal(material: Any, frame: pd.DataFrame) -> None:
    given = config(values("fare", quantiles=5), engine={"max_distinct_scores": 500})
    result = ec.evaluate(given, material.good, None, material.spread, progress=False)
    counts = [row["value"] for row in result.metrics.filter(metric="example_count").table.to_pylist()]
    assert sum(counts) == len(frame)
    assert max(abs(count - len(frame) / 5) for count in counts) < len(frame) * 0.02


def test_equally_frequent_values_are_taken_in_their_order(tmp_path: Path) -> None:
    rows = [{"n": n, "t": [b"z", b"b", b"a"][n % 3], "f": n / 10} for n in (10, 9, 2, 2, 9, 10, 1)]
    records = [trips.example(p=0.5, tipped=1, **row) for row in rows]
    data = trips.write_records(tmp_path / "data", records)
    model = {"label_key": "tipped", "prediction_key": "p"}
    given = config(*(values(name, top=2) for name in "ntf"), model_specs=[model])
    found = ec.evaluate(given, data=data, progress=False).run["slices_found"]
    assert found == {"n": ["2", "9"], "t": ["b", "a"], "f": ["0.2", "0.9"]}


def test_a_feature_without_values_has_one_bucket(tmp_path: Path) -> None:
    records = [trips.example(p=0.5, tipped=1, **({"x": 3.0} if i < 5 else {})) for i in range(9)]
    data = trips.write_records(tmp_path / "data", records)
    spec = {"feature_keys": ["x"], "values": [{"feature": "x", "quantiles": 4, "missing": True}]}
    model = {"label_key": "tipped", "prediction_key": "p"}
    result = ec.evaluate(config(spec, model_specs=[model]), data=data, progress=False)
    rows = result.metrics.filter(metric="example_count").table.to_pylist()
    assert {row["slice"]: row["value"] for row in rows} == {"x∈(-∞,∞)": 5, "x∈missing": 4}
