"""Figures by the data of their artists: of a real run, and of tables made of arrays."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import example_tables
import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn.metrics as skm
from fairlearn.metrics import MetricFrame

import evaluator_component as ec
from evaluator_component.report import drawing
from evaluator_component.results import Evaluation, MetricTable, PlotTable, metrics_table, plots_table

mpl.use("Agg")

CONFIG = {
    "model_specs": [{"label_key": "tipped"}],
    "slicing_specs": [{}, {"feature_keys": ["hour"]}, {"feature_keys": ["payment"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "AUC", "threshold": {"value_threshold": {"lower_bound": 0.6}}},
                {"class_name": "AveragePrecision"},
                {"class_name": "Recall", "config": {"name": "sensitivity"}},
                {"class_name": "ExampleCount"},
                {"class_name": "CalibrationPlot"},
                {"class_name": "ConfusionMatrixPlot"},
                {"class_name": "GainLiftPlot"},
            ]
        }
    ],
    "intervals": {"level": 0.9},
}
CURVES = ("roc", "precision_recall", "calibration", "scores", "gain", "lift", "confusion_matrix")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="module")
def result(material: Any) -> Evaluation:
    return ec.evaluate(CONFIG, material.good, material.weak, material.plain, progress=False)


@pytest.fixture(scope="module")
def frame(material: Any) -> pd.DataFrame:
    import tensorflow as tf

    records = tf.constant(material.trips.records)
    columns = {"label": material.trips.tipped, "hour": material.trips.hour}
    for model, path in (("candidate", material.good), ("baseline", material.weak)):
        scorer = tf.saved_model.load(str(path)).signatures["serving_default"]
        columns[model] = scorer(records)["score"].numpy()[:, 0].astype(float)
    return pd.DataFrame(columns)


def lines(ax: Any) -> dict[str, Any]:
    """The lines of a legend's entries by the model."""
    return {line.get_label().split(",")[0]: line for line in ax.get_lines() if not line.get_label().startswith("_")}


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_roc_of_a_run_has_the_points_and_the_area_of_scikit_learn(result: Evaluation, frame: pd.DataFrame) -> None:
    for name, part in (("Overall", frame), ("hour=3", frame[frame.hour == 3])):
        ax = result.plot.roc(name)
        for model in ("candidate", "baseline"):
            x, y, _ = skm.roc_curve(part.label, part[model], drop_intermediate=False)
            found = lines(ax)[model]
            highest = np.interp(found.get_xdata() + 1e-12, x, y)  # of a rise the upper end
            assert (found.get_ydata() <= highest + 1e-9).all()
            area = skm.roc_auc_score(part.label, part[model])
            assert f"{model}, AUC {area:.3f}" in legend(ax)
            assert np.trapezoid(found.get_ydata(), found.get_xdata()) == pytest.approx(area, abs=1e-3)
        assert ax.get_title(loc="left") == name
        assert "share of negatives" in ax.get_xlabel()


def test_precision_recall_is_in_steps_with_the_average_precision(result: Evaluation, frame: pd.DataFrame) -> None:
    ax = result.plot.precision_recall("hour=2")
    part = frame[frame.hour == 2]
    found = lines(ax)["candidate"]
    assert found.get_drawstyle() == "steps-pre"
    average = skm.average_precision_score(part.label, part.candidate)
    assert f"candidate, average precision {average:.3f}" in legend(ax)
    assert lines(ax)["chance"].get_ydata()[0] == pytest.approx(part.label.mean())


def test_candidate_and_baseline_differ_in_colour_and_dash(result: Evaluation) -> None:
    found = lines(result.plot.roc())
    assert [found[name].get_color() for name in ("candidate", "baseline")] == list(drawing.COLOURS[:2])
    assert found["candidate"].get_linestyle() != found["baseline"].get_linestyle()


def test_calibration_has_a_whisker_at_each_bucket(result: Evaluation, frame: pd.DataFrame) -> None:
    ax = result.plot.calibration(buckets=5)
    bars = next(one for one in ax.containers if one.get_label().startswith("candidate"))
    points = bars.lines[0]
    bucket = np.floor(frame.candidate * 5)
    assert points.get_ydata() == pytest.approx(frame.groupby(bucket).label.mean().to_numpy())
    assert points.get_xdata() == pytest.approx(frame.groupby(bucket).candidate.mean().to_numpy(), rel=1e-6)
    for (_, low), (_, high) in bars.lines[2][0].get_segments():
        assert 0 < high - low < 0.1


def test_scores_are_filled_by_class(result: Evaluation, frame: pd.DataFrame) -> None:
    ax = result.plot.scores(buckets=20)
    patches = {patch.get_label(): patch for patch in ax.patches}
    assert set(patches) == {f"{m}, {c}" for m in ("candidate", "baseline") for c in ("positive", "negative")}
    expected, _ = np.histogram(frame.candidate[frame.label == 1], np.linspace(0, 1, 21), density=True)
    assert patches["candidate, positive"].get_data().values == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_gain_and_lift_start_and_end_where_they_must(result: Evaluation, frame: pd.DataFrame) -> None:
    gain, lift = (lines(figure)["candidate"] for figure in (result.plot.gain(), result.plot.lift()))
    assert [gain.get_ydata()[0], gain.get_ydata()[-1], lift.get_ydata()[-1]] == [0, 1, 1]
    top = frame.nlargest(2_000, "candidate").label.mean() / frame.label.mean()
    assert f"candidate, {top:.3g} in the highest 10%" in legend(result.plot.lift())
    assert any("area of plotted points" in text for text in legend(result.plot.gain()))


def test_the_matrix_has_counts_and_shares_of_both_models(result: Evaluation, frame: pd.DataFrame) -> None:
    ax = result.plot.confusion_matrix(threshold=0.4)
    texts = [text.get_text().split("\n") for text in ax.texts]
    counts = {m: skm.confusion_matrix(frame.label, frame[m] > 0.4) for m in ("candidate", "baseline")}
    shares = {m: (c / c.sum(axis=1, keepdims=True)).ravel() for m, c in counts.items()}
    expected = [
        [f"{count:,}", f"{own:.1%}", f"baseline {other:.1%}"]
        for count, own, other in zip(counts["candidate"].ravel(), shares["candidate"], shares["baseline"], strict=True)
    ]
    assert texts == expected
    assert np.ravel(ax.images[0].get_array().data) == pytest.approx(shares["candidate"])
    assert "score > 0.4" in ax.get_xlabel()


def test_a_metric_over_slices_has_dots_whiskers_and_bounds(result: Evaluation, frame: pd.DataFrame) -> None:
    ax = result.plot.metric("auc", "hour")
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "Overall  (n = 20,000)"
    assert [name.split("  ")[0] for name in names[1:]] == [f"hour={hour}" for hour in range(6)]
    for bars in ax.containers:
        model = bars.get_label()
        expected = [skm.roc_auc_score(frame.label, frame[model])]
        expected += [skm.roc_auc_score(part.label, part[model]) for _, part in frame.groupby("hour")]
        assert bars.lines[0].get_xdata() == pytest.approx(expected)
        rows = result.metrics.filter(metric="auc", model=model).table.to_pylist()
        limits = {row["slice"]: (row["lower"], row["upper"]) for row in rows}
        for name, ((low, _), (high, _)) in zip(names, bars.lines[2][0].get_segments(), strict=True):
            assert (low, high) == pytest.approx(limits[name.split("  ")[0]])
    assert "threshold: at least 0.6000" in legend(ax)
    assert ax.get_xlabel() == "auc (90 % intervals)"


def test_fairness_tells_how_far_groups_are_apart(result: Evaluation, frame: pd.DataFrame) -> None:
    ax = result.plot.fairness("hour", "sensitivity")
    for model in ("candidate", "baseline"):
        groups = MetricFrame(
            metrics=skm.recall_score, y_true=frame.label, y_pred=frame[model] > 0.5, sensitive_features=frame.hour
        )
        (text,) = (text for text in legend(ax) if text.startswith(model))
        assert f"differ by {groups.difference():.4f}, ratio {groups.ratio():.4f}" in text


@pytest.mark.parametrize("name", CURVES)
def test_axes_that_are_given_are_drawn_on(name: str, result: Evaluation) -> None:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert getattr(result.plot, name)("hour=1", ax=ax) is ax
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert plt.get_fignums() == [1]
    assert getattr(result.plot, name)("hour=1") is not ax


@pytest.mark.parametrize("name", CURVES)
def test_without_a_plot_the_error_has_the_entry_to_add(name: str, result: Evaluation) -> None:
    bare = dataclasses.replace(result, plots=PlotTable(result.plots.table.slice(0, 0)))
    with pytest.raises(LookupError, match=r"the plots are none; add \{class_name: \w+\} to metrics_specs"):
        getattr(bare.plot, name)()
    gains = dataclasses.replace(result, plots=result.plots.filter(plot="gain_lift_plot"))
    if name not in ("gain", "lift"):
        with pytest.raises(LookupError, match="the plots are gain_lift_plot; add"):
            getattr(gains.plot, name)()


def test_misspelt_names_are_answered_with_the_nearest(result: Evaluation) -> None:
    with pytest.raises(LookupError, match="did you mean 'hour=3'"):
        result.plot.roc("hours=3")
    with pytest.raises(LookupError, match="no output 'score'"):
        result.plot.roc(output="score")
    with pytest.raises(LookupError, match="no sub_key 'classId:1'"):
        result.plot.roc(sub_key="classId:1")
    with pytest.raises(LookupError, match="did you mean 'hour'"):
        result.plot.fairness("hours", "auc")
    with pytest.raises(LookupError, match="did you mean 'auc'"):
        result.plot.metric("acu")
    with pytest.raises(LookupError, match="did you mean 'hour=3'"):
        result.plot.metric("auc", ["hour:3"])
    with pytest.raises(LookupError, match=r"add \{class_name: ConfusionMatrixAtThresholds, config: .*0\.12345"):
        result.plot.confusion_matrix(threshold=0.12345)


def test_a_slice_with_metrics_but_no_plot_is_told_apart(result: Evaluation) -> None:
    few = dataclasses.replace(result, plots=result.plots.filter(slice="Overall"))
    with pytest.raises(LookupError, match="max_plot_slices"):
        few.plot.roc("hour=3")


def test_without_matplotlib_the_error_says_what_to_install(result: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'evaluator-component\[plot\]'"):
        result.plot.roc()


def test_without_the_metric_the_area_is_said_to_be_of_what_is_plotted() -> None:
    evaluation = example_tables.evaluation()
    bare = dataclasses.replace(evaluation, metrics=evaluation.metrics.filter(metric="recall"))
    ax = bare.plot.roc()
    found = lines(ax)["candidate"]
    area = np.trapezoid(found.get_ydata(), found.get_xdata())
    assert f"candidate, area of plotted points {area:.3f}" in legend(ax)


def test_the_curve_of_a_slice_without_a_confusion_plot_is_of_its_calibration_buckets() -> None:
    slices, labels, scores = example_tables.trips()
    inside = slices["trip_start_hour=3"]
    ax = example_tables.evaluation().plot.roc("trip_start_hour=3")
    for model, own in scores.items():
        found = lines(ax)[model]
        for share in (0.25, 0.5, 0.75):
            above = own[inside] >= share
            point = [above[labels[inside] == label].mean() for label in (0, 1)]
            points = np.column_stack([found.get_xdata(), found.get_ydata()])
            assert np.abs(points - point).sum(axis=1).min() < 1e-12


def test_bounds_of_changes_are_where_the_baseline_puts_them(refused: Evaluation) -> None:
    ax = refused.plot.metric("auc", ["Overall", "payment_type=Cash", "trip_start_hour=3"])
    marks = {collection.get_label(): collection for collection in ax.collections}
    found = [segment[0][0] for segment in marks["threshold of the change: at least"].get_segments()]
    expected = [
        refused.metrics.value("auc", name, model="baseline") - 0.05
        for name in ("Overall", "payment_type=Cash", "trip_start_hour=3")
    ]
    assert sorted(found) == pytest.approx(sorted(expected))


def test_undefined_values_are_said_and_many_slices_are_counted(refused: Evaluation) -> None:
    ax = refused.plot.metric("auc", "payment_type")
    assert [text.get_text() for text in ax.texts] == ["undefined"]
    many = MetricTable(example_tables.many_slices(500))
    features = metrics_table(
        {"split": "eval", "slice": [f"a={i}" for i in range(90)], "model": "candidate", "metric": "auc", "value": 0.5,
         "n": np.arange(90)}
    )  # fmt: skip
    ax = Evaluation(MetricTable(features)).plot.metric("auc")
    names = [label.get_text().split("  ")[0] for label in ax.get_yticklabels()]
    assert names == [f"a={i}" for i in range(50, 90)]
    assert "50 smaller slices are left out" in ax.get_title(loc="left")
    assert len(Evaluation(many).plot.metric("auc").get_yticklabels()) == 40


def classes(count: int, names: list[str]) -> tuple[Evaluation, np.ndarray]:
    """An evaluation of a classifier of so many classes, and its confusion matrix."""
    rng = np.random.default_rng(2)
    weights = rng.integers(1, 9, (count, count)) + 40 * np.eye(count, dtype=int)
    actual, predicted = np.indices((count, count)).reshape(2, -1)
    parts = [
        {"model": model, "weighted_examples": values.ravel().astype(float)}
        for model, values in (("candidate", weights), ("baseline", weights + 3))
    ]
    common = {"split": "eval", "slice": "Overall", "plot": "m", "plot_type": "MultiClassConfusionMatrixPlot"}
    cells = {"bucket": np.arange(count * count), "actual_class": actual, "predicted_class": predicted}
    plots = [plots_table({**common, **cells, "lower": 0.0, "upper": 0.0, **part}) for part in parts]
    metrics = metrics_table(
        {"split": "eval", "slice": "Overall", "model": ["candidate", "baseline"], "metric": "accuracy", "value": 0.5}
    )
    run = {"class_names": {"": names}}
    return Evaluation(MetricTable(metrics), PlotTable(pa.concat_tables(plots)), run=run), weights


def test_the_matrix_of_classes_has_their_names_and_shares() -> None:
    evaluation, weights = classes(4, ["cat", "dog", "cow", "hen"])
    ax = evaluation.plot.confusion_matrix()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog", "cow", "hen"]
    shares = weights / weights.sum(axis=1, keepdims=True)
    assert ax.images[0].get_array().data == pytest.approx(shares)
    assert ax.texts[1].get_text().split("\n")[0] == f"{shares[0, 1]:.1%}"
    accuracy = np.trace(weights) / weights.sum()
    assert f"candidate {accuracy:.1%}" in ax.get_title(loc="left")


def test_of_very_many_classes_the_heaviest_confusions_are_drawn() -> None:
    evaluation, weights = classes(35, [f"class {i}" for i in range(35)])
    ax = evaluation.plot.confusion_matrix()
    widths = [bar.get_width() for bar in ax.patches]
    wrong = weights * (1 - np.eye(35))
    assert widths == sorted(wrong.ravel(), reverse=True)[:20]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    for label, width, other in zip(labels, widths, lines(ax)["baseline"].get_xdata(), strict=True):
        actual, predicted = (int(part.removeprefix("class ")) for part in label.split(" → "))
        assert weights[actual, predicted] == width == other - 3


LONG = ["Overall", *(f"company={'taxi ' * 58}{end}" for end in ("Affiliation", "Association"))]


@pytest.mark.filterwarnings("error")
def test_very_long_names_of_slices_leave_room_for_the_plot() -> None:
    table = metrics_table(
        {"split": "eval", "slice": LONG, "model": "candidate", "metric": "auc", "value": [0.5, 0.6, 0.7], "n": 9}
    )
    ax = Evaluation(MetricTable(table)).plot.metric("auc", LONG)
    ax.figure.canvas.draw()
    names = [label.get_text().removesuffix("  (n = 9)") for label in ax.get_yticklabels()]
    assert names[0] == "Overall"
    assert {len(name) for name in names[1:]} == {40}
    assert [name[-11:] for name in names[1:]] == ["Affiliation", "Association"]
    inside = ax.get_window_extent()
    assert inside.width > 150
    left = min(label.get_window_extent().x0 for label in ax.get_yticklabels())
    assert left >= 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [2, 4, 31])
def test_long_names_of_classes_leave_room_for_the_matrix(count: int) -> None:
    evaluation, _ = classes(count, [f"{'a long name of a class ' * 3}{i:02}" for i in range(count)])
    ax = evaluation.plot.confusion_matrix()
    ax.figure.canvas.draw()
    assert ax.get_window_extent().width > 200
    for label in [*ax.get_yticklabels(), *ax.get_xticklabels()]:
        box = label.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
    assert all("…" in label.get_text() for label in ax.get_yticklabels())


def test_names_that_would_become_alike_are_numbered() -> None:
    names = ["a" * 30 + middle + "b" * 30 for middle in "yxy"]
    head, tail = "a" * 13, "b" * 26
    assert drawing.shortened([*names, "c"]) == [f"{head}…{tail} ({place})" for place in (2, 1, 2)] + ["c"]


def named(*metrics: str) -> Evaluation:
    rows = [(metric, name) for metric in metrics for name in ("Overall", "a=x", "a=y")]
    columns = {"metric": [metric for metric, _ in rows], "slice": [name for _, name in rows]}
    return Evaluation(
        MetricTable(metrics_table({"split": "eval", "model": "candidate", **columns, "value": 0.5, "n": 9}))
    )


INDICATORS = [f"fairness_indicators_metrics/{rate}@{share}" for rate in ("recall", "precision") for share in (0.3, 0.5)]


def test_a_metric_is_found_by_the_last_part_of_its_name() -> None:
    for asked, found in (
        ("recall", "fairness_indicators_metrics/recall@0.5"),
        ("recall@0.3", "fairness_indicators_metrics/recall@0.3"),
        (INDICATORS[0], INDICATORS[0]),
    ):
        assert named(*INDICATORS).plot.fairness("a", asked).get_xlabel() == found
    assert named("recall", *INDICATORS).plot.fairness("a", "recall").get_xlabel() == "recall"
    with pytest.raises(LookupError, match="no metric 'recal'; did you mean 'recall'"):
        named(*INDICATORS).plot.fairness("a", "recal")
    with pytest.raises(LookupError, match=r"several metrics are named 'recall': f/recall@0\.3, g/recall@0\.3"):
        named("f/recall@0.3", "g/recall@0.3").plot.metric("recall")


@pytest.mark.parametrize(
    ("name", "arguments", "error", "said"),
    [
        ("calibration", {"buckets": 0}, ValueError, "buckets: expected a whole number of at least 1, got 0"),
        ("calibration", {"buckets": 2.5}, TypeError, "buckets: expected a whole number of at least 1, got 2.5"),
        ("scores", {"buckets": 0}, ValueError, "buckets: expected a whole number of at least 1, got 0"),
        ("scores", {"buckets": True}, TypeError, "buckets: .* got True"),
        ("confusion_matrix", {"threshold": "x"}, TypeError, "threshold: expected a number, got 'x'"),
        ("confusion_matrix", {"threshold": float("nan")}, ValueError, "threshold: expected a finite number, got nan"),
    ],
)
def test_wrong_values_are_told(
    refused: Evaluation, name: str, arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        getattr(refused.plot, name)(**arguments)


def regression(predictions: Any, labels: Any, edges: Any) -> Evaluation:
    """An evaluation with a calibration plot of one model."""
    ends = np.concatenate([[-np.inf], edges, [np.inf]])
    place = np.searchsorted(edges, predictions, side="right")
    sums = [np.bincount(place, values, len(ends) - 1) for values in (np.ones(len(place)), labels, predictions)]
    rows = {"split": "eval", "slice": "Overall", "model": "candidate", "plot": "p", "plot_type": "CalibrationPlot"}
    columns = dict(zip(("weighted_examples", "weighted_labels", "weighted_predictions"), sums, strict=True))
    plots = plots_table({**rows, "bucket": np.arange(len(ends) - 1), "lower": ends[:-1], "upper": ends[1:], **columns})
    metrics = metrics_table({"split": "eval", "slice": "Overall", "model": "candidate", "metric": "mse", "value": 1.0})
    return Evaluation(MetricTable(metrics), PlotTable(plots))


def test_scores_beyond_the_edges_are_bars_beside_them() -> None:
    rng = np.random.default_rng(1)
    predictions = np.concatenate([rng.random(100), rng.uniform(5, 30, 700), rng.uniform(-9, -1, 200)])
    found = regression(predictions, predictions + 1, np.linspace(0, 1, 11))
    ax = found.plot.scores(buckets=10)
    assert [text.get_text() for text in ax.texts] == ["below 0", "1 and above"]
    inside, below, above = (patch.get_data() for patch in ax.patches)
    assert (below.edges[1] < 0, above.edges[0] > 1) == (True, True)
    areas = [float(np.sum(one.values * np.diff(one.edges))) for one in (inside, below, above)]
    assert areas == pytest.approx([0.1, 0.2, 0.7])
    assert inside.values == pytest.approx(np.histogram(predictions, np.linspace(0, 1, 11))[0] / 1000 / 0.1)
    assert found.plot.calibration().get_ylabel() == "Mean label"
    assert not regression(rng.random(9), np.ones(9), np.linspace(0, 1, 11)).plot.scores().texts


@pytest.mark.parametrize(
    "name", ["roc", "precision_recall", "calibration", "scores", "gain", "lift", "confusion_matrix"]
)
def test_without_any_score_the_reason_of_the_metric_table_is_given(name: str) -> None:
    evaluation = example_tables.evaluation()
    table = evaluation.plots.table
    for column in table.column_names[table.column_names.index("bucket") :]:
        if column not in ("bucket", "lower", "upper"):
            values = table.column(column)
            place = table.column_names.index(column)
            if pa.types.is_floating(values.type):
                table = table.set_column(place, column, pa.compute.multiply(values, 0.0))
    metrics = metrics_table(
        {"split": "eval", "slice": "Overall", "model": "candidate", "metric": "auc", "value": np.nan,
         "reason": "20,000 scores are NaN"}
    )  # fmt: skip
    empty = dataclasses.replace(evaluation, plots=PlotTable(table), metrics=MetricTable(metrics))
    with pytest.raises(LookupError, match="counts no example of candidate: 20,000 scores are NaN"):
        getattr(empty.plot, name)()
