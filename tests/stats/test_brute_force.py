"""Every metric's standard error against the spread of its values on examples drawn again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluator_component.config import complete_config, load_config
from evaluator_component.engine.finalise import finalise
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.metrics import Kind, Metric
from evaluator_component.metrics.registry import catalogue
from tests.metrics.pass_over import Examples, Row, add_up, built, entry, sample

DRAWS = 500


def estimated(name: str) -> bool:
    first = built(name)[0]
    return isinstance(first, Metric) and first.interval not in (None, "exact")


NAMES = sorted(name for name in catalogue() if estimated(name))
ROUGH = {
    name
    for name in NAMES
    if name in ("Quantile", "MedianAbsoluteError", "KolmogorovSmirnov", "MaximumCalibrationError", "EqualizedOddsRatio")
    or "At" in name
}
"""Not smooth in the examples: their error is known to a factor only, and not at all where scores pile up."""
FACTORS = dict.fromkeys(ROUGH, 3.0) | {"ObjectDetectionThresholdAtRecall": 6.0, "RecallAtPrecision": 6.0}


def examples_for(name: str, *, weighted: bool) -> Examples:
    kind = built(name)[0].kind
    size = 150 if kind.of_records else 1200 if kind is Kind.QUERY else 400
    across = getattr(built(name)[0], "across", None) is not None
    examples = sample(kind, 3, size, weighted=weighted, grouped=across)
    if kind is Kind.VECTORS:
        return replace(examples, predictions=np.random.default_rng(3).random((size, 3)))
    if name in ROUGH and not kind.of_records and kind is not Kind.QUERY and not across:
        size = 3000
        examples = sample(kind, 3, size, weighted=weighted)
        noise = np.random.default_rng(3).normal(0.35, 0.2, size)
        return replace(examples, predictions=np.clip(0.3 * examples.labels + noise, 1e-3, 1 - 1e-3))
    return examples


def plan(name: str, *, weighted: bool, intervals: bool) -> Plan:
    made = built(name)
    ranked = any(metric.kind is Kind.QUERY for metric in made)
    compared = any(getattr(metric, "compares", False) for metric in made)
    model = {"label_key": "y", "example_weight_key": "w"} if weighted else {"label_key": "y"}
    config: dict[str, Any] = {
        "model_specs": [model],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": [{"metrics": [entry(name)], **({"query_key": "q"} if ranked else {})}],
    }
    if intervals:
        config["intervals"] = {"groups": 64}
    return make_plan(complete_config(load_config(config), has_baseline=compared), evaluate_baseline=compared)


def by_metric(planned: Plan, examples: Examples) -> dict[tuple[str, str], list[Row]]:
    """The candidate's rows by metric and sub-key."""
    result: dict[tuple[str, str], list[Row]] = {}
    table = finalise(planned, {"eval": add_up(planned, examples, batch=len(examples))})[0]
    for row in table.to_pylist():
        if row["model"] != "baseline":
            result.setdefault((row["metric"], row["sub_key"]), []).append(row)
    return result


def units_of(kind: Kind, examples: Examples) -> np.ndarray:
    """What is drawn: an example, or a query with its documents."""
    return examples.query if kind is Kind.QUERY else np.arange(len(examples))


def drawn(kind: Kind, examples: Examples, times: int, rng: np.random.Generator) -> Examples:
    """Each draw as a slice of its own; a query that is drawn twice is two queries."""
    unit = units_of(kind, examples)
    order = np.argsort(unit, kind="stable")
    count = int(unit.max()) + 1
    bounds = np.searchsorted(unit[order], np.arange(count + 1))
    picked = rng.integers(0, count, (times, count)).ravel()
    lengths = bounds[picked + 1] - bounds[picked]
    rows = order[np.repeat(bounds[picked] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())]
    result = replace(examples, groups=None).rows(rows)
    return replace(
        result,
        groups=np.repeat(np.repeat(np.arange(times), count), lengths),
        queries=np.repeat(np.arange(times * count), lengths),
        units=None,
    )


def spread(name: str, examples: Examples, *, weighted: bool) -> dict[tuple[str, str], float]:
    kind, rng = built(name)[0].kind, np.random.default_rng(1)
    planned = plan(name, weighted=weighted, intervals=False)
    values: dict[tuple[str, str], list[float]] = {}
    if getattr(built(name)[0], "across", None) is not None:
        for _ in range(DRAWS):
            found = by_metric(planned, examples.rows(rng.integers(0, len(examples), len(examples))))
            for key, (row,) in found.items():
                values.setdefault(key, []).append(row["value"])
    else:
        few = DRAWS // 5 if kind.of_records or name in ROUGH else DRAWS
        for key, rows in by_metric(planned, drawn(kind, examples, few, rng)).items():
            values[key] = [row["value"] for row in rows if row["slice"] != "Overall"]
    return {key: float(np.nanstd(found, ddof=1)) for key, found in values.items() if not np.isnan(found).all()}


CASES = [
    (name, weighted) for name in NAMES for weighted in (False, True) if built(name)[0].uses_weights or not weighted
]


@pytest.mark.parametrize(("name", "weighted"), CASES)
def test_it_is_near_the_spread_of_values_drawn_again(name: str, weighted: bool) -> None:
    first = built(name)[0]
    examples = examples_for(name, weighted=weighted)
    found = by_metric(plan(name, weighted=weighted, intervals=True), examples)
    expected = spread(name, examples, weighted=weighted)
    loose = first.kind.of_records or getattr(first, "across", None) is not None
    factor = FACTORS.get(name, 1.6 if loose else 1.5)
    checked = 0
    for key, rows in found.items():
        (row,) = [row for row in rows if row["slice"] == "Overall"]
        if np.isnan(row["value"]):
            continue
        checked += 1
        if expected.get(key, 0.0) < 1e-12:  # the same on any examples
            assert (row["std_error"] or 0.0) < 1e-9, (key, row)
            continue
        assert row["std_error"] is not None, (key, row, expected[key])
        assert 1 / factor < row["std_error"] / expected[key] < factor, (key, row["std_error"], expected[key], row)
    assert checked, found
