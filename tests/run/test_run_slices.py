"""Grouped slices through the whole run, against pandas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evaluator_component as ec
from evaluator_component.errors import ConfigError, ModelError
from tests import trips

METRICS = [{"metrics": [{"class_name": name} for name in ("ExampleCount", "MeanLabel", "MeanPrediction")]}]


def config(*specs: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "model_specs": [{"label_key": "tipped"}],
        "slicing_specs": list(specs),
        "metrics_specs": METRICS,
        **changes,
    }


def values(feature: str, **how: Any) -> dict[str, Any]:
    return {"feature_keys": [feature], "values": [{"feature": feature, **how}]}


@pytest.fixture(scope="module")
def frame(material: Any) -> pd.DataFrame:
    """The trips with both models' scores."""
    import tensorflow as tf

    records = tf.constant(material.trips.records)
    frame = pd.DataFrame(material.trips.rows)
    for name in ("good", "weak"):
        scorer = tf.saved_model.load(str(getattr(material, name))).signatures["serving_default"]
        frame[name] = scorer(records)["score"].numpy()[:, 0].astype(float)
    for name in ("payment", "company"):
        frame[name] = frame[name].map(lambda value: value.decode(), na_action="ignore")
    return frame


def check(result: ec.Evaluation, expected: Mapping[str, pd.Series], frame: pd.DataFrame) -> None:
    """Every slice that is expected, no other, with the number of examples and the means of both models."""
    rows = result.metrics.filter(metric="mean_prediction").table.to_pylist()
    assert {row["slice"] for row in rows} == {name for name, mask in expected.items() if mask.any()}
    for row in rows:
        inside = frame[expected[row["slice"]]]
        assert row["n"] == len(inside), row["slice"]
        assert row["value"] == pytest.approx(inside["good" if row["model"] == "candidate" else "weak"].mean(), rel=1e-9)


def test_buckets_of_a_feature_of_the_label_and_of_predictions(material: Any, frame: pd.DataFrame) -> None:
    specs = [
        values("fare", edges=[-0.5, 1]),
        values("company", prefix=9, missing=True),
        values("payment", pattern="^(C)"),
        values("label", source="LABEL"),
        values("score", source="PREDICTION", edges=[0.25, 0.5]),
        values("raw", source="OUTPUT", output="score", edges=[0.9]),
        {"feature_keys": ["fare", "hour"], "values": [{"feature": "fare", "edges": [-0.5, 1]}]},
    ]
    result = ec.evaluate(config(*specs), material.good, material.weak, material.plain, progress=False)
    fares = {
        "fare∈(-∞,-0.5)": frame.fare < -0.5,
        "fare∈[-0.5,1)": frame.fare.between(-0.5, 1, inclusive="left"),
        "fare∈[1,∞)": frame.fare >= 1,
    }
    expected = {
        **fares,
        **{f"{name}, hour={hour}": mask & (frame.hour == hour) for name, mask in fares.items() for hour in range(6)},
        "company∈Company 1": frame.company.isin([]),
        "company∈Company 1*": frame.company == "Company 1",
        "company∈Company 2*": frame.company == "Company 2",
        "company∈missing": frame.company.isna(),
        "payment∈C": frame.payment.isin(["Cash", "Credit Card"]),
        "payment∈other": frame.payment == "Mobile",
        "label=0": frame.tipped == 0,
        "label=1": frame.tipped == 1,
        "score∈(-∞,0.25)": frame.good < 0.25,
        "score∈[0.25,0.5)": frame.good.between(0.25, 0.5, inclusive="left"),
        "score∈[0.5,∞)": frame.good >= 0.5,
        "raw∈(-∞,0.9)": frame.good < np.float32(0.9),
        "raw∈[0.9,∞)": frame.good >= np.float32(0.9),
    }
    check(result, expected, frame)


def test_classes_are_told_by_name(tmp_path: Path) -> None:
    scores = np.random.default_rng(3).random((300, 3)).astype(np.float32)
    labels = np.random.default_rng(4).integers(0, 3, 300)
    (tmp_path / "names.txt").write_text("cat\ndog\nowl\n")
    records = [
        trips.example(scores=[float(s) for s in row], label=int(label))
        for row, label in zip(scores, labels, strict=True)
    ]
    data = trips.write_records(tmp_path / "data", records)
    specs = [values("said", source="PREDICTION"), values("is", source="LABEL")]
    for vocabulary, shown in ((str(tmp_path / "names.txt"), ["cat", "dog", "owl"]), ("", ["0", "1", "2"])):
        model = {"label_key": "label", "prediction_key": "scores", "label_vocabulary": vocabulary}
        metrics = [{"metrics": [{"class_name": "ExampleCount"}]}]
        result = ec.evaluate(config(*specs, model_specs=[model], metrics_specs=metrics), data=data, progress=False)
        rows = result.metrics.filter(metric="example_count").table.to_pylist()
        expected = {f"said={shown[i]}": (scores.argmax(axis=1) == i).sum() for i in range(3)}
        expected |= {f"is={shown[i]}": (labels == i).sum() for i in range(3)}
        assert {row["slice"]: row["value"] for row in rows} == expected


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


def test_an_output_needs_a_model(tmp_path: Path) -> None:
    data = trips.write_records(tmp_path / "data", [trips.example(p=0.5, tipped=1)])
    spec = values("a", source="OUTPUT", output="score")
    model = {"label_key": "tipped", "prediction_key": "p"}
    with pytest.raises(ConfigError, match=r"values\[0\]\.source: there is no model"):
        ec.check(config(spec, model_specs=[model]), data=data)


def test_rules_on_groups(material: Any, tmp_path: Path) -> None:
    spec = values("fare", edges=[-0.5, 1])
    one = {"feature_values": {"fare": "[1,∞)"}, "values": spec["values"]}
    bounds = {"value_threshold": {"lower_bound": 0.7}}

    def checked(rule: Any) -> dict[str, str]:
        rules = [{"slicing_specs": [rule], "threshold": bounds}]
        metrics = [{"metrics": [{"class_name": "MeanLabel", "per_slice_thresholds": rules}]}]
        hours = values("hour", top=1, found_values=["3"])
        specs = [{"feature_keys": ["fare", "hour"]}, {"feature_keys": ["hour"]}, spec, hours]
        given = config(*specs, metrics_specs=metrics)
        result = ec.evaluate(given, material.good, None, material.plain, tmp_path / "out", progress=False)
        assert result.verdict is not None
        return {check.slice: check.outcome.value for check in result.verdict.checks}

    buckets = {"fare∈(-∞,-0.5)": "FAIL", "fare∈[-0.5,1)": "FAIL", "fare∈[1,∞)": "PASS"}
    assert checked(spec) == checked({"feature_keys": ["fare"]}) == buckets
    assert checked(one) == checked({"feature_values": {"fare": "[1,∞)"}}) == {"fare∈[1,∞)": "PASS"}
    assert set(checked(values("hour", top=1, found_values=["3"]))) == {"hour=3", "hour∈other"}
    assert set(checked({"feature_keys": ["hour"]})) == {f"hour={i}" for i in range(6)} | {"hour∈other"}
    with pytest.raises(ConfigError, match="write values as in the entry that makes them"):
        checked(values("fare", edges=[1]))
    with pytest.raises(ConfigError, match="no entry of slicing_specs makes slices of payment"):
        checked(values("payment", top=1))


FOUND = [
    values("fare", quantiles=4),
    values("company", top=1, missing=True),
    values("tags", top=2),
    values("score", source="PREDICTION", quantiles=3),
    values("raw", source="OUTPUT", output="score", quantiles=2),
    values("label", source="LABEL", top=1),
    {"feature_keys": ["fare", "payment"], "values": [{"feature": "fare", "quantiles": 4}]},
]


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


def test_filters(material: Any, frame: pd.DataFrame) -> None:
    night = {"filter": "fare > 0.5 AND list_contains(lists.tags, 'night')", "filter_name": "night trips"}
    specs = [
        {},
        night,
        {"feature_keys": ["hour"], **night},
        {"filter": "company IS NULL"},
        {"filter": "fare > 1000", "filter_name": "nobody"},
    ]
    rule = {"slicing_specs": [night], "threshold": {"value_threshold": {"lower_bound": 0.99}}}
    metrics = [{"metrics": [*METRICS[0]["metrics"][::2], {"class_name": "MeanLabel", "per_slice_thresholds": [rule]}]}]
    given = config(*specs, metrics_specs=metrics)
    result = ec.evaluate(given, material.good, material.weak, material.plain, progress=False)
    mask = (frame.fare > 0.5) & np.array([b"night" in row for row in material.trips.tags])
    expected = {
        "Overall": frame.fare > -np.inf,
        "filter∈night trips": mask,
        **{f"filter∈night trips, hour={hour}": mask & (frame.hour == hour) for hour in range(6)},
        "filter∈company IS NULL": frame.company.isna(),
    }
    check(result, expected, frame)
    assert result.verdict is not None
    assert [check.slice for check in result.verdict.checks] == ["filter∈night trips"]
    assert any("no example is in a slice with filter∈nobody" in notice for notice in result.run["notices"])


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("far > 3", r"^slicing_specs\[0\]\.filter: unknown feature 'far'.*did you mean 'fare'"),
        ("fare > ", r"^slicing_specs\[0\]\.filter: 'fare > ' is not an SQL expression"),
        ("fare + 3", r"^slicing_specs\[0\]\.filter: gives FLOAT"),
    ],
)
def test_filters_are_checked_before_the_pass(expression: str, words: str, material: Any) -> None:
    with pytest.raises(ConfigError, match=words):
        ec.check(config({"filter": expression}), material.good, data=material.plain)


def test_a_record_with_several_values_is_told(material: Any) -> None:
    with pytest.raises(
        ec.DataError, match=r"record \d+: feature 'tags' has [23] values, and slicing_specs\[0\]\.filter"
    ):
        ec.evaluate(config({"filter": "tags = 'night'"}), material.good, data=material.plain, progress=False)


def test_slices_by_sql(material: Any, frame: pd.DataFrame) -> None:
    statement = "SELECT STRUCT(tag, hour AS h) FROM example.tags AS tag, example.hour WHERE hour < 2"
    rule = {"slicing_specs": [{"feature_keys": ["tag"], "feature_values": {"h": "1"}}]}
    rule["threshold"] = {"value_threshold": {"lower_bound": 0.01}}
    metrics = [{"metrics": [*METRICS[0]["metrics"][::2], {"class_name": "MeanLabel", "per_slice_thresholds": [rule]}]}]
    given = config({}, {"slice_keys_sql": statement}, metrics_specs=metrics)
    result = ec.evaluate(given, material.good, material.weak, material.plain, progress=False)
    has = {tag.decode(): np.array([tag in row for row in material.trips.tags]) for tag in trips.TAGS}
    expected = {"Overall": frame.fare > -np.inf}
    expected |= {f"h={hour}, tag={tag}": (frame.hour == hour) & has[tag] for hour in (0, 1) for tag in has}
    check(result, expected, frame)
    assert result.verdict is not None
    assert {check.slice for check in result.verdict.checks} == {f"h=1, tag={tag}" for tag in has}
    rule["slicing_specs"] = [{"feature_keys": ["tg", "h"]}]
    with pytest.raises(ConfigError, match="no entry of slicing_specs makes slices of h and tg; add one"):
        ec.check(config({"slice_keys_sql": statement}, metrics_specs=metrics), material.good, data=material.plain)
    with pytest.raises(ConfigError, match=r"^slicing_specs\[0\]\.slice_keys_sql: unknown feature 'tag'.*'tags'"):
        ec.check(config({"slice_keys_sql": "SELECT STRUCT(tag) FROM example.tag"}), material.good, data=material.plain)


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


@pytest.mark.tfx
def test_the_peer_opens_what_is_written_of_groups(material: Any, tmp_path: Path) -> None:
    tfma = pytest.importorskip("tensorflow_model_analysis")
    specs = [{}, values("fare", edges=[0]), {"filter": "fare > 1", "filter_name": "long"}]
    rule = {"slicing_specs": [specs[1]], "threshold": {"value_threshold": {"lower_bound": 0.9}}}
    metrics = [{"metrics": [{"class_name": "MeanLabel", "per_slice_thresholds": [rule]}]}]
    ec.evaluate(config(*specs, metrics_specs=metrics), material.good, None, material.plain, tmp_path, progress=False)
    found = {key for key, _ in tfma.load_eval_result(str(tmp_path)).slicing_metrics}
    assert found == {(), (("fare", "(-∞,0)"),), (("fare", "[0,∞)"),), (("filter", "long"),)}
    assert [str(spec) for spec in tfma.load_eval_result(str(tmp_path)).config.slicing_specs] == [""]
    assert not tfma.load_validation_result(str(tmp_path)).validation_ok


def test_a_bucket_that_is_not_there_is_told_with_those_that_are(material: Any) -> None:
    rule = {"slicing_specs": [{"feature_values": {"fare": "[0,5)"}}], "threshold": {"value_threshold": {}}}
    metrics = [{"metrics": [{"class_name": "MeanLabel", "per_slice_thresholds": [rule]}]}]
    given = config(values("fare", edges=[0]), metrics_specs=metrics)
    verdict = ec.evaluate(given, material.good, data=material.plain, progress=False).verdict
    assert verdict is not None
    assert not verdict.blessed
    assert "values of fare that occur: groups of values: (-∞,0), [0,∞)" in verdict.explain()
