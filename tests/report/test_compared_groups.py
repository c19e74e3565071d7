"""Groups of a feature compared, against statsmodels and a run with rows of the differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

import evaluator_component as ec
from evaluator_component.results import MetricTable, metrics_table
from evaluator_component.stats.differences import difference_limits

COUNTS = {"Overall": (50, 400), "a=x": (30, 120), "a=y": (0, 80), "a=z": (20, 200)}


def shares(counts: dict[str, tuple[int, int]], **more: Any) -> MetricTable:
    """The metric table of a share with Wilson's limits."""
    hits, trials = (np.array(part) for part in zip(*counts.values(), strict=True))
    lower, upper = proportion_confint(hits, trials, method="wilson")
    columns = {"slice": list(counts), "n": trials, "value": hits / trials, "lower": lower, "upper": upper, **more}
    return MetricTable(metrics_table({"split": "eval", "model": "candidate", "metric": "f/rate@0.5", **columns}))


@pytest.mark.parametrize("base", ["a=x", "a=y", "a=z"])
def test_differences_of_shares_have_newcombes_interval(base: str) -> None:
    found = shares(COUNTS).compare("rate", "a", base)
    assert found.metric == "f/rate@0.5"
    first, *others = found.table.to_pylist()
    assert (first["slice"], first["difference"], first["difference_lower"]) == (base, None, None)
    assert [row["slice"] for row in others] == [name for name in ("a=x", "a=y", "a=z") if name != base]
    for row in others:
        limits = confint_proportions_2indep(*COUNTS[row["slice"]], *COUNTS[base], method="newcomb", compare="diff")
        assert (row["difference_lower"], row["difference_upper"]) == pytest.approx(limits, abs=1e-12)
        own, other = (hits / trials for hits, trials in (COUNTS[row["slice"]], COUNTS[base]))
        assert row["difference"] == pytest.approx(own - other)
        assert row["ratio"] == pytest.approx(own / other if other else np.nan, nan_ok=True)


def test_of_groups_that_may_share_examples_there_is_no_interval() -> None:
    def limits(metrics: MetricTable, base: str, **keys: Any) -> set[float | None]:
        return set(metrics.compare("rate", "a", base, **keys).table.column("difference_lower").to_pylist())

    assert limits(shares(COUNTS), "Overall") == {None}
    assert limits(shares(COUNTS), "a=x", independent=False) == {None}
    assert limits(shares({**COUNTS, "Overall": (50, 399)}), "a=x") == {None}
    assert len(limits(shares({**COUNTS, "Overall": (51, 401), "a∈other": (1, 1)}), "a=x")) == 3


def test_rows_of_the_table_are_preferred() -> None:
    counts = {**COUNTS, "Overall − a=x": (1, 400), "a=z − a=x": (2, 400)}
    metrics = shares(counts)
    given = {row["slice"]: (row["lower"], row["upper"]) for row in metrics.table.to_pylist()}
    for base, pair, sign in (("Overall", "Overall − a=x", -1), ("a=x", "a=z − a=x", 1), ("a=z", "a=z − a=x", -1)):
        rows = {row["slice"]: row for row in metrics.compare("rate", "a", base).table.to_pylist()}
        row = rows["a=z" if base == "a=x" else "a=x"]
        assert sorted(sign * end for end in given[pair]) == [row["difference_lower"], row["difference_upper"]]


def test_small_groups_are_left_out_but_not_the_base() -> None:
    found = shares(COUNTS).compare("rate", "a", "a=y", min_examples=150)
    assert found.table.column("slice").to_pylist() == ["a=y", "a=z"]
    assert list(found.to_pandas().columns) == found.table.column_names
    assert repr(found) == "GroupTable(2 slices by f/rate@0.5, compared with a=y)"


def test_names_that_do_not_exist_are_told() -> None:
    metrics = shares(COUNTS)
    with pytest.raises(LookupError, match="no metric 'rat'; did you mean 'rate'"):
        metrics.compare("rat", "a")
    with pytest.raises(LookupError, match=r"no feature 'b' that slices of 'f/rate@0\.5' are made of alone; known: a"):
        metrics.compare("rate", "b")
    with pytest.raises(LookupError, match="no slice 'x' to compare with"):
        metrics.compare("rate", "a", "x")
    with pytest.raises(ValueError, match="min_examples: expected a whole number of at least 0, got -1"):
        metrics.compare("rate", "a", min_examples=-1)
    several = shares(COUNTS, sub_key="classId:1").table
    both = metrics_table(
        {name: np.repeat(np.array(several.column(name).to_pylist(), object), 2).tolist() for name in ("slice", "value")}
        | {"split": "eval", "model": "candidate", "metric": "f/rate@0.5", "n": 9, "sub_key": ["c:1", "c:2"] * 4}
    )
    with pytest.raises(LookupError, match="name the output or sub_key"):
        MetricTable(both).compare("rate", "a")
    assert len(MetricTable(both).compare("rate", "a", sub_key="c:2")) == 4


def test_limits_that_are_alike_on_both_sides_add_in_squares() -> None:
    assert difference_limits((5.0, 2.0, 8.0), (1.0, -3.0, 5.0)) == pytest.approx((-1.0, 9.0))


def test_show_fairness_of_a_run_takes_indicators_by_their_rate(
    material: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {
        "model_specs": [{"label_key": "tipped"}],
        "slicing_specs": [{}, {"feature_keys": ["hour"]}],
        "metrics_specs": [{"metrics": [{"class_name": "FairnessIndicators", "config": {"thresholds": [0.3, 0.5]}}]}],
        "cross_slicing_specs": [{"baseline_spec": {}, "slicing_specs": [{"feature_values": {"hour": "3"}}]}],
        "intervals": {"level": 0.9},
    }
    result = ec.evaluate(config, material.good, data=material.plain, progress=False)
    capsys.readouterr()
    result.show_fairness("hour", "recall")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip() == "fairness_indicators_metrics/recall@0.5 by hour, compared with Overall"
    assert lines[1].split() == ["slice", "examples", "value", "90", "%", "difference", "90", "%", "ratio"]
    assert [line.split()[0] for line in lines[2:]] == ["Overall", *(f"hour={hour}" for hour in range(6))]
    rows = {row["slice"]: row for row in result.metrics.compare("recall", "hour").table.to_pylist()}
    assert {name for name, row in rows.items() if row["difference_lower"] is not None} == {"hour=3"}
    assert rows["hour=3"]["difference_lower"] < rows["hour=3"]["difference"] < rows["hour=3"]["difference_upper"]
    among = result.metrics.compare("recall", "hour", "hour=3").table.to_pylist()[1:]
    assert all(row["difference_lower"] < row["difference"] < row["difference_upper"] for row in among)
