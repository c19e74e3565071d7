"""What is refused before the examples are read, and what the message says to change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import evaluator_component as ec
from evaluator_component.errors import ConfigError, DataError
from tests import trips

LOWER = {"value_threshold": {"lower_bound": 0.5}}
CHANGE = {"change_threshold": {"absolute": -0.01, "direction": "HIGHER_IS_BETTER"}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trips.write_records(tmp_path_factory.mktemp("data") / "trips", trips.make_trips(400).records)


def config(threshold: Any = None, **changes: Any) -> dict[str, Any]:
    auc: dict[str, Any] = {"class_name": "AUC"}
    if threshold:
        auc["threshold"] = threshold
    return {
        "model_specs": [{"label_key": "tipped"}],
        "slicing_specs": [{}],
        "metrics_specs": [{"metrics": [{"class_name": "ExampleCount"}, auc]}],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "path", "nearest"),
    [
        ({"model_specs": [{"label_key": "tiped"}]}, "model_specs[0].label_key", "'tipped'"),
        (
            {"model_specs": [{"label_key": "tipped", "example_weight_key": "wieght"}]},
            "model_specs[0].example_weight_key",
            "'weight'",
        ),
        (
            {"slicing_specs": [{}, {"feature_keys": ["hour", "paymant"]}]},
            "slicing_specs[1].feature_keys[1]",
            "'payment'",
        ),
        ({"slicing_specs": [{"feature_values": {"hours": "3"}}]}, "slicing_specs[0].feature_values['hours']", "'hour'"),
        (
            {"metrics_specs": [{"metrics": [{"class_name": "Recal"}]}]},
            "metrics_specs[0].metrics[0].class_name",
            "'Recall'",
        ),
        (
            {"metrics_specs": [{"metrics": [{"class_name": "AUC", "config": '{"curv": "PR"}'}]}]},
            "metrics_specs[0].metrics[0].config",
            "'curve'",
        ),
        (
            {"metrics_specs": [{"metrics": [{"class_name": "AUC"}], "thresholds": {"acu": LOWER}}]},
            'metrics_specs[0].thresholds["acu"]',
            "'auc'",
        ),
        ({"metric_specs": []}, "metric_specs", "'metrics_specs'"),
    ],
    ids=["label", "weight", "slice key", "slice value", "metric", "option", "thresholds map", "field"],
)
def test_misspelt_name_is_answered_with_its_place_and_the_nearest(
    changes: dict[str, Any], path: str, nearest: str, material: Any, data: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        ec.check(config(**changes), material.good, data=data)

    assert str(caught.value).startswith(path)
    assert nearest in str(caught.value)


def test_misspelt_name_with_a_schema(material: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text('feature { name: "surcharge" type: FLOAT }')
    specs = [{"feature_keys": ["surchage"]}]

    with pytest.raises(ConfigError, match=r"neither the schema nor the data has it; did you mean 'surcharge'"):
        ec.check(config(slicing_specs=specs), material.good, data=data, schema=tmp_path)


@pytest.mark.parametrize("status", [None, ec.BaselineStatus.NOT_ASKED])
def test_change_rule_without_anybody_to_ask_for_a_baseline(
    status: ec.BaselineStatus | None, material: Any, data: Path
) -> None:
    state = None if status is None else ec.BaselineState(status)

    with pytest.raises(ConfigError, match=r"change_threshold.*compares with a baseline, but none was given"):
        ec.check(config(CHANGE), material.good, data=data, baseline_state=state)


def test_change_rule_without_a_baseline_under_a_policy_in_words(material: Any, data: Path) -> None:
    passed = config(CHANGE, gate={"no_baseline": "PASS_WITH_NOTICE"})
    failed = config(CHANGE, gate={"no_baseline": "FAIL"})

    first = ec.evaluate(passed, material.good, data=data, progress=False).verdict
    second = ec.evaluate(failed, material.good, data=data, progress=False).verdict

    assert first is not None
    assert second is not None
    assert (first.blessed, second.blessed) == (True, False)


def test_first_run_is_a_rubber_stamp(material: Any, data: Path) -> None:
    state = ec.BaselineState(ec.BaselineStatus.NONE_YET)

    verdict = ec.evaluate(config(CHANGE), material.good, data=data, baseline_state=state, progress=False).verdict

    assert verdict is not None
    assert (verdict.blessed, verdict.rubber_stamp) == (True, True)


def test_baseline_that_was_promised_and_is_gone_is_never_a_pass(material: Any, data: Path, tmp_path: Path) -> None:
    gone = tmp_path / "blessed"
    shutil.copytree(material.weak, gone)
    state = ec.BaselineState(ec.BaselineStatus.RESOLVED, str(gone), 7)
    there = ec.evaluate(
        config(CHANGE), material.good, gone, data, tmp_path / "output", baseline_state=state, progress=False
    )
    shutil.rmtree(gone)

    lost = ec.evaluate(
        config(CHANGE), material.good, gone, data, tmp_path / "output", baseline_state=state, progress=False
    )

    assert there.verdict is not None
    assert there.verdict.blessed
    assert lost.verdict is not None
    assert not lost.verdict.blessed
    assert lost.verdict.baseline.status is ec.BaselineStatus.LOST
    assert str(gone) in lost.verdict.explain()
    assert lost.run["baseline"]["status"] == "LOST"
    assert set(lost.metrics.table.column("model").to_pylist()) == {"candidate"}
    assert ec.load(tmp_path / "output").verdict == lost.verdict


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([{}, {"name": "b", "is_baseline": True}, {"name": "c", "is_baseline": True}], "baseline"),
        ([{"name": "a"}, {"name": "b"}], "candidate"),
    ],
    ids=["two baselines", "two candidates"],
)
def test_two_of_a_kind(specs: list[dict[str, Any]], message: str, material: Any, data: Path) -> None:
    specs = [{**spec, "label_key": "tipped"} for spec in specs]

    with pytest.raises(ConfigError, match=rf"model_specs\[\d\].*{message}"):
        ec.check(config(model_specs=specs), material.good, material.weak, data)


def test_threshold_that_cannot_be_met_is_told_before_anything_is_opened(tmp_path: Path) -> None:
    impossible = {"value_threshold": {"lower_bound": 0.9, "upper_bound": 0.1}}

    with pytest.raises(ConfigError, match=r"lower_bound 0\.9 is above upper_bound 0\.1: nothing can pass"):
        ec.check(config(impossible), tmp_path / "no model", data=tmp_path / "no data")


def test_no_model_and_no_predictions(data: Path) -> None:
    with pytest.raises(ConfigError, match=r"model_specs\[0\]\.prediction_key: not set, and no model is given"):
        ec.check(config(), data=data)


def test_no_metrics(material: Any, data: Path) -> None:
    with pytest.raises(ConfigError, match="metrics_specs: no metric is configured"):
        ec.check(config(metrics_specs=[]), material.good, data=data)


def test_empty_split(material: Any, data: Path, tmp_path: Path) -> None:
    empty = trips.write_records(tmp_path / "empty", [], gz=True)

    with pytest.raises(DataError, match="split 'test': its files hold no record"):
        ec.check(config(), material.good, data={"eval": data, "test": empty})


def test_plain_rule_over_slices_is_pointed_out(material: Any, data: Path) -> None:
    sliced = config(LOWER, slicing_specs=[{}, {"feature_keys": ["hour"]}])

    (notice,) = ec.check(sliced, material.good, data=data).notices

    assert notice.startswith("metrics_specs[0].metrics[1].threshold")
    assert "gate.min_examples" in notice
    assert ec.check({**sliced, "gate": {"min_examples": 10}}, material.good, data=data).notices == ()


@pytest.mark.parametrize(
    "second",
    [
        {"class_name": "AUC", "config": '{"curve": "PR"}', "threshold": LOWER},
        {"class_name": "Recall", "config": '{"name": "auc"}', "threshold": LOWER},
    ],
    ids=["other options", "other class"],
)
def test_two_metrics_of_one_name_are_not_taken_for_one(second: dict[str, Any], material: Any, data: Path) -> None:
    specs = [{"metrics": [{"class_name": "AUC"}]}, {"metrics": [second]}]

    with pytest.raises(ConfigError, match=r"metrics_specs\[1\]\.metrics\[0\].*name"):
        ec.check(config(metrics_specs=specs), material.good, data=data)


def test_one_metric_in_two_specs_is_computed_once(material: Any, data: Path) -> None:
    specs = [{"metrics": [{"class_name": "AUC"}]}, {"metrics": [{"class_name": "AUC", "threshold": LOWER}]}]

    assert len(ec.check(config(metrics_specs=specs), material.good, data=data).job.plan.metrics) == 1


def test_a_baseline_whose_predictions_are_in_the_data_is_compared(tmp_path: Path) -> None:
    labels, better, worse = [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.1, 0.7, 0.8, 0.4]
    records = [trips.example(label=y, new=p, old=q) for y, p, q in zip(labels, better, worse, strict=True)]
    data = trips.write_records(tmp_path / "scored", records)
    config = {
        "model_specs": [
            {"name": "new", "label_key": "label", "prediction_key": "new"},
            {"name": "old", "label_key": "label", "prediction_key": "old", "is_baseline": True},
        ],
        "metrics_specs": [
            {
                "metrics": [
                    {"class_name": "BinaryAccuracy", "threshold": {"change_threshold": {"absolute": 0.4}}},
                ]
            }
        ],
    }
    result = ec.evaluate(config, data=data, progress=False)
    assert result.verdict is not None
    assert result.verdict.blessed
    assert result.metrics.filter(model="new").table.column("change").to_pylist() == [0.5]
