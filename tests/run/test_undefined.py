"""Labels, scores and weights that cannot be used: a reason in the table, never a silent number."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import evaluator_component as ec
from evaluator_component.errors import DataError
from tests import trips

CONFIG = {
    "model_specs": [{"label_key": "label", "prediction_key": "score", "example_weight_key": "weight"}],
    "slicing_specs": [{}, {"feature_keys": ["city"]}],
    "metrics_specs": [
        {"metrics": [{"class_name": name} for name in ("ExampleCount", "AUC", "BinaryAccuracy", "MeanSquaredError")]}
    ],
}
FINE = {"label": 1.0, "score": 0.75, "weight": 1.0}


def evaluate(tmp_path: Path, odd: list[dict[str, Any]]) -> ec.Evaluation:
    """Evaluates 20 good rows of each of two cities, and the odd ones in city b."""
    good = [{"label": float(i % 2), "score": 0.25 + 0.5 * (i % 2), "weight": 1.0} for i in range(20)]
    rows = [{**row, "city": city} for row in good for city in ("a", "b")]
    rows += [{**FINE, "city": "b", **changes} for changes in odd]
    data = trips.write_records(tmp_path / "data", [trips.example(**row) for row in rows])
    return ec.evaluate(CONFIG, data=data, progress=False)


def reason(result: ec.Evaluation, metric: str, where: str = "city=b") -> str | None:
    (row,) = result.metrics.filter(metric=metric, slice=where).table.to_pylist()
    assert math.isnan(row["value"]) is (row["reason"] is not None)
    return None if row["reason"] is None else str(row["reason"])


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ({"label": math.nan}, r"2 of 22 labels are missing, not finite or out of range"),
        ({"label": None}, r"2 of 22 labels are missing, not finite or out of range"),
        ({"label": math.inf}, r"2 of 22 labels are missing, not finite or out of range"),
        ({"score": math.nan}, r"2 of 22 predictions are NaN or infinite"),
        ({"score": -math.inf}, r"2 of 22 predictions are NaN or infinite"),
        ({"weight": -1.0}, r"2 of 22 weights are missing, negative or not finite"),
        ({"weight": None}, r"2 of 22 weights are missing, negative or not finite"),
    ],
    ids=["NaN label", "no label", "infinite label", "NaN score", "infinite score", "negative weight", "no weight"],
)
def test_unusable_values_make_the_slices_that_hold_them_undefined(
    tmp_path: Path, odd: dict[str, Any], expected: str
) -> None:
    result = evaluate(tmp_path, [odd, odd])

    for metric in ("auc", "binary_accuracy", "mean_squared_error"):
        assert expected in str(reason(result, metric))
        assert expected.replace("22", "42") in str(reason(result, metric, "Overall"))
        assert reason(result, metric, "city=a") is None
    assert result.metrics.value("example_count", "city=b") == 22
    assert result.metrics.value("example_count") == 42


def test_several_kinds_are_all_in_the_reason(tmp_path: Path) -> None:
    result = evaluate(tmp_path, [{"label": None, "score": math.nan}, {"score": math.nan}, {"weight": None}])

    assert reason(result, "auc") == (
        "1 of 23 labels are missing, not finite or out of range (expected a label in [0, 1] and one score); "
        "2 of 23 predictions are NaN or infinite; 1 of 23 weights are missing, negative or not finite"
    )


def test_label_out_of_range_matters_only_where_the_metric_needs_the_range(tmp_path: Path) -> None:
    result = evaluate(tmp_path, [{"label": 7.0}])

    assert "1 of 21 labels are missing, not finite or out of range" in str(reason(result, "auc"))
    assert reason(result, "mean_squared_error") is None


def test_slice_of_one_class_has_a_reason_of_its_own(tmp_path: Path) -> None:
    rows = [{**FINE, "label": float(city == "a" or i % 2), "city": city} for i in range(10) for city in ("a", "b")]
    data = trips.write_records(tmp_path / "data", [trips.example(**row) for row in rows])

    result = ec.evaluate(CONFIG, data=data, progress=False)

    assert "one class" in str(reason(result, "auc", "city=a"))
    assert reason(result, "auc", "city=b") is None


def test_undefined_value_under_a_threshold_is_refused_with_its_reason(tmp_path: Path) -> None:
    data = trips.write_records(
        tmp_path / "data", [trips.example(**FINE, city="a"), trips.example(score=0.5, weight=1.0)]
    )
    config = {**CONFIG, "metrics_specs": [{"metrics": [
        {"class_name": "BinaryAccuracy", "threshold": {"value_threshold": {"lower_bound": 0.1}}}
    ]}], "slicing_specs": [{}]}  # fmt: skip

    verdict = ec.evaluate(config, data=data, progress=False).verdict

    assert verdict is not None
    assert not verdict.blessed
    assert "1 of 2 labels are missing" in verdict.explain()


@pytest.mark.parametrize("late", [False, True])
def test_label_of_strings_names_file_and_record(tmp_path: Path, late: bool) -> None:
    rows: list[dict[str, Any]] = [{"score": 0.5, "weight": 1.0, "city": "a"}] * (70 if late else 1)
    path = trips.write_records(
        tmp_path / "data", [trips.example(**row) for row in [*rows, {**FINE, "label": "yes", "city": "a"}]]
    )

    with pytest.raises(DataError, match=rf"^{path}: record {len(rows) if not late else '[0-9]+'}: label 'label' holds"):
        ec.evaluate(CONFIG, data=path, progress=False)
