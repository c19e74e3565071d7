"""Grouped slices through the whole run, against pandas."""

from __future__ import annotations

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
