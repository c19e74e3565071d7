"""The document that page and widget carry: which rows, which columns, how they are ordered and how exact they are."""

from __future__ import annotations

import dataclasses
import json
import math
import time

import carried
import example_tables
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator_component.config import complete_config, load_config
from evaluator_component.config.write import to_yaml
from evaluator_component.gate import Verdict
from evaluator_component.report import excerpt, packing
from evaluator_component.report.document import evaluation_document
from evaluator_component.results import Evaluation, MetricTable, PlotTable, metrics_table, plots_table

NAN, INF = math.nan, math.inf


def of_metrics(**columns: object) -> pa.Table:
    evaluation = Evaluation(MetricTable(metrics_table({"split": "eval", "model": "candidate", **columns})))
    return carried.tables(evaluation_document(evaluation))["metrics"]


def test_rows_stand_by_result_and_in_each_by_the_natural_order_of_slices() -> None:
    found = of_metrics(
        slice=["Overall − a=9", "a=10", "a=9", "Overall"] * 2, metric=["auc"] * 4 + ["accuracy"] * 4,
        value=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], n=[9, 4, 5, 9] * 2,
    )  # fmt: skip
    assert carried.column(found, "metric") == ["accuracy"] * 4 + ["auc"] * 4
    assert carried.column(found, "slice") == ["Overall", "a=9", "a=10", "Overall − a=9"] * 2
    assert carried.column(found, "order") == [0, 1, 2, 3] * 2
    assert carried.column(found, "value") == [np.float32(x) for x in (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)]


def test_columns_are_narrow_and_none_is_empty() -> None:
    found = of_metrics(slice=["Overall", "a=1"], metric="auc", value=[0.25, 0.5], n=[7, 3], direction=["higher", None])
    name = pa.dictionary(pa.int32(), pa.string())
    assert {field.name: field.type for field in found.schema} == {
        "split": name, "slice": name, "output": name, "sub_key": name, "metric": name, "weighted": pa.bool_(),
        "value": pa.float32(), "n": pa.int32(), "direction": name, "order": pa.int32(),
    }  # fmt: skip
    assert carried.column(found, "direction") == ["higher", None]


def test_undefined_is_null_with_its_reason_and_infinite_stays() -> None:
    found = of_metrics(
        slice="Overall",
        metric=["a", "b", "c", "d"],
        value=[NAN, INF, -INF, None],
        n=5,
        reason=["none", None, None, "x"],
    )
    assert carried.column(found, "value") == [None, INF, -INF, None]
    assert carried.column(found, "reason") == ["none", None, None, "x"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([2.0**24, 0.1], pa.float32()),
        ([2.0**24 + 1, 0.1], pa.float64()),
        ([-(2.0**24) - 1], pa.float64()),
        ([2.0**24 + 0.5], pa.float32()),
        ([INF, NAN, 0.5], pa.float32()),
        ([1e300], pa.float64()),
    ],
)
def test_whole_numbers_keep_their_digits(values: list[float], kind: pa.DataType) -> None:
    found = packing.narrow(pa.table({"value": values})).column("value")
    assert found.type == kind
    assert [x for x in found.to_pylist() if x is not None] == pytest.approx([x for x in values if x == x])


@pytest.mark.parametrize(("n", "kind"), [(2**31 - 1, pa.int32()), (2**31, pa.float64())])
def test_counts_keep_their_digits(n: int, kind: pa.DataType) -> None:
    found = packing.narrow(pa.table({"n": pa.array([n, None, 3], pa.int64())})).column("n")
    assert found.type == kind
    assert found.to_pylist() == [n, None, 3]


def test_the_baselines_own_interval_is_beside_that_of_the_change() -> None:
    table = metrics_table(
        {"split": "eval", "metric": "auc", "n": 9, "slice": ["Overall", "a=1", "Overall", "a=2", "Overall"],
         "model": ["candidate", "candidate", "prod", "prod", "prod"], "sub_key": ["", "", "", "", "classId:1"],
         "value": [0.75, 0.5, 0.25, 0.125, 0.5], "lower": [0.5, 0.25, 0.125, 0.0, 0.25],
         "upper": [1.0, 0.75, 0.375, 0.25, 0.75], "baseline_value": [0.25, None, None, None, None],
         "change": [0.5, None, None, None, None]}
    )  # fmt: skip
    document = evaluation_document(Evaluation(MetricTable(table)))
    found = carried.tables(document)["metrics"]
    assert carried.column(found, "slice") == ["Overall", "a=1"]
    assert carried.column(found, "lower") == [0.5, 0.25]
    assert carried.column(found, "baseline_value") == [0.25, None]
    assert carried.column(found, "baseline_lower") == [0.125, None]
    assert carried.column(found, "baseline_upper") == [0.375, None]
    assert "model" not in found.column_names
    assert carried.meta(document)["baseline"] == "prod"
    assert carried.meta(document)["level"] is None  # there is no config to say it


def test_it_says_what_the_tables_say(refused: Evaluation) -> None:
    found = carried.tables(evaluation_document(refused))["metrics"]
    rows = {(row["slice"], row["metric"]): row for row in found.to_pylist()}
    for name in ("Overall", "trip_start_hour=3", "payment_type=<b>tip</b>"):
        for metric in ("auc", "example_count", "binary_cross_entropy"):
            expected = refused.metrics.value(metric, name)
            row = rows[name, metric]
            if math.isnan(expected):
                assert row["value"] is None
                assert "examples are positive" in row["reason"]
                continue
            assert row["value"] == pytest.approx(expected, rel=1e-6)
            baseline = refused.metrics.value(metric, name, model="baseline")
            assert row["baseline_value"] == pytest.approx(baseline, rel=1e-6)
            assert row["change"] == pytest.approx(expected - baseline, rel=1e-6)
    assert len(rows) == found.num_rows == 32 * len(example_tables.METRICS)


def test_too_many_slices_keep_the_largest_and_those_whose_checks_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpt, "MAX_ROWS", 3)
    table = metrics_table(
        {"split": ["x"] * 5 + ["y"], "model": "m", "metric": "auc", "value": 0.5,
         "slice": ["a=1", "a=2", "a=3", "Overall", "a=4", "a=1"], "n": [8, 7, 1, 2, None, 9]}
    )  # fmt: skip
    found, left_out = excerpt.metric_rows(table, "m", None, frozenset({"a=3"}))
    assert left_out == 3
    kept = list(zip(carried.column(found, "split"), carried.column(found, "slice"), strict=True))
    assert kept == [("x", "Overall"), ("x", "a=3"), ("y", "a=1")]
    assert carried.column(found, "order") == [0, 2, 1]


def test_checks_are_worst_first_with_margin_and_sentence(refused: Evaluation) -> None:
    assert refused.verdict is not None
    checks = refused.verdict.checks.worst_first()
    found = carried.tables(evaluation_document(refused))["checks"]
    assert found.num_rows == len(checks)
    assert carried.column(found, "sentence") == [check.sentence for check in checks]
    assert carried.column(found, "outcome") == [check.outcome.value for check in checks]
    for row, check in zip(found.to_pylist(), checks, strict=True):
        assert row["observed"] == (None if check.observed is None else pytest.approx(check.observed, rel=1e-6))
        if check.observed is None:
            assert row["margin"] is None
        else:  # every rule of the example is a lower bound
            assert check.bound is not None
            assert row["margin"] == pytest.approx(check.observed - check.bound, rel=1e-5)
    assert {"n", "path", "rule", "cause", "bound", "change"} <= set(found.column_names)


def test_checks_beyond_the_bound_are_counted(refused: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpt, "MAX_ROWS", 4)
    document = evaluation_document(refused)
    assert refused.verdict is not None
    assert carried.tables(document)["checks"].num_rows == 4
    assert carried.meta(document)["left_out"]["checks"] == len(refused.verdict.checks) - 4


def of_plots(keep: frozenset[str] = frozenset(), n: dict[str, int] | None = None, **columns: object) -> pa.Table:
    sizes = n or {"Overall": 5}
    metrics = metrics_table(
        {"split": "e", "slice": list(sizes), "model": "m", "metric": "c", "n": list(sizes.values())}
    )
    table = plots_table({"split": "e", "slice": "Overall", "model": "m", "plot": "p", **columns})
    return excerpt.plot_rows(table, metrics, (frozenset({"Overall"}), keep))


@pytest.mark.parametrize(
    ("kind", "kept"), [("CalibrationPlot", [1, 3]), ("ReliabilityDiagram", [1, 3]), ("GainLiftPlot", [0, 1, 2, 3, 4])]
)
def test_buckets_without_examples_are_left_out(kind: str, kept: list[int]) -> None:
    found, left_out = of_plots(
        plot_type=kind, bucket=np.arange(5), lower=[-INF, 0.0, 0.1, 0.2, 1.0], upper=[0.0, 0.1, 0.2, 1.0, INF],
        weighted_examples=[0.0, 2.5, 0.0, 1.0, 0.0], weighted_labels=[0.0, 1.0, 0.0, 0.0, 0.0],
    )  # fmt: skip
    assert left_out == 0
    assert carried.column(found, "bucket") == kept
    assert carried.column(found, "weighted_examples") == [[0.0, 2.5, 0.0, 1.0, 0.0][index] for index in kept]
    assert found.schema.field("lower").type == found.schema.field("upper").type == pa.float64()
    assert carried.column(found, "upper") == [[0.0, 0.1, 0.2, 1.0, INF][index] for index in kept]
    assert "true_positives" not in found.column_names


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("ConfusionMatrixPlot", [0, 2, 5]), ("ScoreDistributionPlot", [0, 2, 5]),
     ("ConfusionMatrixAtThresholds", [0, 1, 2, 3, 4, 5])],
)  # fmt: skip
def test_thresholds_that_change_nothing_are_left_out_but_first_and_last(kind: str, kept: list[int]) -> None:
    cells = {"true_positives": [3, 3, 2, 2, 2, 2], "false_positives": [1, 1, 1, 1, 1, 1],
             "true_negatives": [0, 0, 0, 0, 0, 0], "false_negatives": [0, 0, 1, 1, 1, 1]}  # fmt: skip
    shuffled = [4, 2, 0, 5, 1, 3]
    columns = {name: [float(values[index]) for index in shuffled] for name, values in cells.items()}
    two = {name: values * 2 for name, values in columns.items()}
    found, _ = of_plots(plot_type=kind, bucket=shuffled * 2, model=["m"] * 6 + ["base"] * 6, **two)
    assert carried.column(found, "bucket") == kept * 2
    assert carried.column(found, "model") == ["base"] * len(kept) + ["m"] * len(kept)
    assert carried.column(found, "true_positives") == [cells["true_positives"][index] for index in kept] * 2


def test_matrices_of_classes_and_samples_are_there() -> None:
    found, _ = of_plots(
        plot_type=["MultiClassConfusionMatrixPlot"] * 3 + ["FixedSizeSample"] * 2, plot=["matrix"] * 3 + ["sample"] * 2,
        bucket=[0, 1, 2, 0, 1], actual_class=[0, 0, 1, None, None], predicted_class=[0, 1, 1, None, None],
        weighted_examples=[4.0, 0.0, 2.0, None, None], sample=[None, None, None, "b", "a\u2028</script>"],
    )  # fmt: skip
    assert carried.column(found, "actual_class") == [0, 1, None, None]
    assert carried.column(found, "predicted_class") == [0, 1, None, None]
    assert carried.column(found, "sample") == [None, None, "b", "a\u2028</script>"]


def test_too_many_plots_keep_whole_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excerpt, "MAX_PLOT_ROWS", 7)
    sizes = {"a=1": 1, "a=2": 9, "a=3": 8, "Overall": 18}
    names = [name for name in sizes for _ in range(2)]
    columns = {"slice": names, "bucket": [0, 1] * 4, "plot_type": "CalibrationPlot", "weighted_examples": 1.0}
    found, left_out = of_plots(n=sizes, **columns)
    assert left_out == 1
    assert sorted(set(carried.column(found, "slice"))) == ["Overall", "a=2", "a=3"]
    found, left_out = of_plots(frozenset({"a=1"}), sizes, **columns)
    assert left_out == 1
    assert sorted(set(carried.column(found, "slice"))) == ["Overall", "a=1", "a=2"]
    monkeypatch.setattr(excerpt, "MAX_PLOT_ROWS", 1)
    found, left_out = of_plots(n=sizes, **columns)
    assert left_out == 3
    assert carried.column(found, "slice") == ["Overall", "Overall"]


def test_plots_say_what_the_table_says(refused: Evaluation) -> None:
    found = carried.tables(evaluation_document(refused))["plots"]
    calibration = refused.plots.filter(plot="calibration_plot").table
    examples = np.asarray(calibration.column("weighted_examples"))
    total = float(examples.sum())
    assert sum(filter(None, carried.column(found, "weighted_examples"))) == pytest.approx(total)
    assert carried.column(found, "model").count("baseline") > 100
    assert found.num_rows == (examples > 0).sum() + 2 * 11  # no two of the eleven thresholds have one matrix


def test_meta_of_a_refusal(refused: Evaluation) -> None:
    verdict = refused.verdict
    assert verdict is not None
    document = evaluation_document(refused, {"page": "slices"})
    meta = carried.meta(document)
    assert meta["kind"] == "evaluation"
    assert meta["title"] == "Model evaluation: not blessed"
    assert (meta["candidate"], meta["baseline"], meta["splits"]) == ("candidate", "baseline", ["eval"])
    assert meta["verdict"]["stamp"] == "NOT BLESSED"
    assert meta["verdict"]["headline"] == "This model must not be deployed."
    assert meta["verdict"]["reasons"] == list(verdict.reasons[:6])
    assert meta["verdict"]["more_reasons"] == len(verdict.reasons) - 6
    assert meta["verdict"]["counts"] == verdict.checks.counts
    assert meta["verdict"]["policy"] == json.loads(json.dumps(dict(verdict.policy)))
    assert meta["verdict"]["baseline"]["uri"] == "models/1"
    assert meta["subjects"] == [
        ["candidate", "models/2"], ["baseline", "models/1"], ["data (eval)", "data/eval-*.gz"]
    ]  # fmt: skip
    assert load_config(meta["config"]) == refused.config
    assert meta["left_out"] == {"slices": 0, "checks": 0, "plots": 0}
    assert meta["state"] == {"page": "slices"}
    assert meta["run"] == refused.run


def test_reasons_that_are_only_counted_count(refused: Evaluation) -> None:
    assert refused.verdict is not None
    reasons = (*(f"reason {index}" for index in range(100)), "and 2,447 more checks failed")
    document = evaluation_document(
        dataclasses.replace(refused, verdict=dataclasses.replace(refused.verdict, reasons=reasons))
    )
    assert carried.meta(document)["verdict"]["more_reasons"] == 2_547 - 6


def test_an_evaluation_of_nothing_has_no_tables() -> None:
    document = evaluation_document(Evaluation(MetricTable(metrics_table({"value": []}))))
    assert json.loads(document)["tables"] == {}
    assert carried.meta(document)["verdict"] is None
    assert carried.meta(document)["splits"] == []


def test_several_splits_have_the_merged_one_first() -> None:
    table = metrics_table(
        {"split": ["test", "*", "eval"], "slice": "Overall", "model": "m", "metric": "a", "value": 1.0}
    )
    document = evaluation_document(Evaluation(MetricTable(table)))
    assert carried.meta(document)["splits"] == ["*", "eval", "test"]
    assert carried.column(carried.tables(document)["metrics"], "split") == ["*", "eval", "test"]


def test_the_level_is_that_of_the_config_where_there_are_intervals() -> None:
    columns = {"split": "e", "slice": "Overall", "model": "candidate", "metric": "auc", "value": 0.5}
    config = complete_config(load_config({"metrics_specs": [{"metrics": [{"class_name": "AUC"}]}],
                                          "intervals": {"level": 0.9}}))  # fmt: skip
    with_intervals = MetricTable(metrics_table({**columns, "lower": 0.25, "upper": 0.75}))
    assert carried.meta(evaluation_document(Evaluation(with_intervals, config=config)))["level"] == 0.9
    without = MetricTable(metrics_table(columns))
    assert carried.meta(evaluation_document(Evaluation(without, config=config)))["level"] is None


def test_equal_evaluations_give_equal_documents(refused: Evaluation) -> None:
    rng = np.random.default_rng(3)
    metrics, plots = refused.metrics.table, refused.plots.table
    shuffled = dataclasses.replace(
        refused,
        metrics=MetricTable(metrics.take(pa.array(rng.permutation(metrics.num_rows)))),
        plots=PlotTable(plots.take(pa.array(rng.permutation(plots.num_rows)))),
    )
    assert evaluation_document(shuffled) == evaluation_document(refused)


def test_a_verdict_that_was_read_back_says_the_same(refused: Evaluation) -> None:
    assert refused.verdict is not None
    read_back = Verdict.from_dict(json.loads(refused.verdict.to_json()))
    before, after = (evaluation_document(dataclasses.replace(refused, verdict=v)) for v in (refused.verdict, read_back))
    assert carried.meta(before) == carried.meta(after)
    assert carried.tables(before)["checks"].to_pylist() == carried.tables(after)["checks"].to_pylist()


def test_a_run_is_written_whatever_it_holds() -> None:
    table = metrics_table({"split": "e", "slice": "Overall", "model": "m", "metric": "a", "value": 1.0})
    run = {"seconds": {"a": NAN, "b": INF}, "data": {"eval": "file-\udcff"}, "odd": {1, }, 3: (None, True)}  # fmt: skip
    document = evaluation_document(Evaluation(MetricTable(table), run=run))
    document.encode()
    meta = carried.meta(document)
    assert meta["run"] == {
        "seconds": {"a": None, "b": "Infinity"}, "data": {"eval": "file-\udcff"}, "odd": [1], "3": [None, True]
    }  # fmt: skip
    assert meta["subjects"] == [["data (eval)", "file-\udcff"]]


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=()))))
def test_texts_are_kept_and_half_characters_escaped(values: list[str | None]) -> None:
    found = packing.texts(values).to_pylist()
    for before, after in zip(values, found, strict=True):
        assert after == before or (before is not None and "\\ud" in after)


def test_configs_for_people_are_read_back() -> None:
    config = example_tables.config()
    text = to_yaml(config)
    assert "min_examples: 100\n" in text  # a number, though JSON has a text for it
    assert load_config(text) == config
    assert text.index("model_specs:") < text.index("slicing_specs:") < text.index("gate:")


def test_twenty_thousand_slices_take_about_a_second() -> None:
    evaluation = Evaluation(MetricTable(example_tables.many_slices(20_000, 10, True)))
    times = []
    for _ in range(3):
        start = time.process_time()
        document = evaluation_document(evaluation)
        times.append(time.process_time() - start)
    assert min(times) < 2
    assert carried.tables(document)["metrics"].num_rows == 200_000


@given(st.integers(1, 4), st.integers(1, 40), st.randoms(use_true_random=False))
def test_one_key_sorts_as_its_parts_do(parts: int, bits: int, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    columns = [rng.integers(-1, 2**bits, 50) * rng.integers(0, 2, 50) for _ in range(parts)]
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    key = excerpt._key(columns).tolist()
    for index in range(1, 50):
        assert (key[index] > key[0]) == (rows[index] > rows[0])
        assert (key[index] == key[0]) == (rows[index] == rows[0])
