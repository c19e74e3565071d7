"""Grouped slices through the whole run, against pandas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evaluator_component as ec
from evaluator_component.errors import ConfigError
from tests import trips
from tests.run.sliced import METRICS, check, config, values


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
    rule = {"slicing_specs": [{"feature_values": {"fare": "[0.5,9)"}}], "threshold": {"value_threshold": {}}}
    metrics = [{"metrics": [{"class_name": "MeanLabel", "per_slice_thresholds": [rule]}]}]
    given = config(values("fare", quantiles=2), metrics_specs=metrics)
    told = "'[0.5,9)' is a slice only if the data makes it one: slicing_specs[0] makes 2 quantiles, found when the"
    assert any(told in notice for notice in ec.check(given, material.good, data=material.plain).notices)
    result = ec.evaluate(given, material.good, data=material.plain, progress=False)
    verdict, (edge,) = result.verdict, result.run["slices_found"]["fare"]
    assert verdict is not None
    assert not verdict.blessed
    assert f"values of fare that occur: groups of values: (-∞,{edge}), [{edge},∞)" in verdict.explain()
    assert f"did you mean '[{edge},∞)'?" in verdict.explain()
    passed = ec.evaluate(
        {**given, "gate": {"missing_slice": "SKIP", "no_thresholds": "BLESS"}},
        material.good,
        data=material.plain,
        progress=False,
    ).verdict
    assert passed is not None
    assert not any(check.outcome.value == "FAIL" for check in passed.checks)


@pytest.mark.parametrize(
    ("spec", "feature", "text", "words"),
    [
        ({"feature_keys": ["fare"]}, "fare", "[0,5)", "the values as they are, which are numbers; name one"),
        ({"feature_values": {"fare": "[0,5)"}}, "fare", "[0,5)", "makes nothing, as '[0,5)' is none of the values as"),
        ({"feature_keys": ["hour"]}, "hour", "missing", "add missing: true to the values of slicing_specs[0]"),
        (
            values("hour", top=2),
            "hour",
            "late",
            "the 2 most frequent values, found when the evaluation runs, and other",
        ),
    ],
)
def test_a_group_of_a_feature_that_holds_numbers_is_checked_against_the_data(
    spec: dict[str, Any], feature: str, text: str, words: str, material: Any
) -> None:
    rule = {"slicing_specs": [{"feature_values": {feature: text}}], "threshold": {"value_threshold": {}}}
    metrics = [{"metrics": [{"class_name": "MeanLabel", "per_slice_thresholds": [rule]}]}]
    with pytest.raises(ConfigError) as caught:
        ec.check(config(spec, metrics_specs=metrics), material.good, data=material.plain)
    place = f'metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs[0].feature_values["{feature}"]: '
    assert str(caught.value).startswith(f"{place}no slice of {feature} is called {text!r}: slicing_specs[0] ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (values("score", source="PREDICTION"), "values[0]: predictions as they are would be a slice for each of 64"),
        (
            values("raw", source="OUTPUT", output="score"),
            "values[0]: values of output 'score' as they are would be a slice",
        ),
        (
            {"feature_keys": ["score", "hour"], "values": [{"feature": "score", "source": "PREDICTION"}]},
            "put them into buckets with edges (edges: [0.25, 0.5]) or quantiles (quantiles: 4)",
        ),
    ],
)
def test_scores_as_they_are_make_no_slices(spec: dict[str, Any], words: str, material: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^slicing_specs\[1\]\.values\[0\]: .*{re.escape(words)[-30:]}") as caught:
        ec.check(config({}, spec), material.good, data=material.plain)
    assert words in str(caught.value)


def test_numbers_that_recur_are_slices_as_they_are(tmp_path: Path) -> None:
    records = [trips.example(p=float(i % 2), rating=i % 7 / 2, exact=i / 8) for i in range(70)]
    data = trips.write_records(tmp_path / "data", records)
    model = {"label_key": "rating", "prediction_key": "p"}
    specs = [values("said", source="PREDICTION"), values("is", source="LABEL"), {"feature_keys": ["exact"]}]
    result = ec.evaluate(config(*specs, model_specs=[model]), data=data, progress=False)
    found = {row["slice"] for row in result.metrics.filter(metric="example_count").table.to_pylist()}
    assert {name for name in found if not name.startswith("exact")} == {
        *("said=0.0", "said=1.0"),
        *(f"is={i / 2}" for i in range(7)),
    }
    continuous = {"label_key": "exact", "prediction_key": "p"}
    with pytest.raises(ConfigError, match=r"^slicing_specs\[0\]\.values\[0\]: labels as they are"):
        ec.check(config(values("is", source="LABEL"), model_specs=[continuous]), data=data)
    one = {"feature_values": {"is": "0"}, "values": [{"feature": "is", "source": "LABEL"}]}
    ec.check(config(one, model_specs=[continuous]), data=data)
