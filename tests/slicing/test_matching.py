"""Which slices a spec with values or a filter means."""

from __future__ import annotations

from typing import Any

import pytest

from evaluator_component.config import complete_config, load_config
from evaluator_component.gate.matching import SliceIndex, describe_spec

NAMES = [
    *("Overall", "fare=1.0", "fare=15.0", "fare∈(-∞,10)", "fare∈[10,20)", "fare∈missing", "fare∈[0,3)"),
    *("company=a", "company=b", "company=other", "company∈other", "company∈missing"),
    *("zip=941", "zip∈941*", "zip∈missing"),
    *("filter∈long", "filter∈short", "fare∈[10,20), filter∈long", "fare=15.0, filter∈long", "filter=long"),
    *("k∈other",),
    *("fare∈[10,20), hour=1", "fare∈[10,20), hour=2", "n=1", "n=1.0", "n=nan", "n∈1"),
]
EDGES = {"feature": "fare", "edges": [10, 20]}
TOP = {"feature": "company", "top": 1, "found_values": ["a"]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ["Overall"]),
        ({"feature_keys": ["fare"]}, NAMES[1:7]),
        ({"feature_keys": ["fare"], "values": [EDGES]}, ["fare∈(-∞,10)", "fare∈[10,20)"]),
        (
            {"feature_keys": ["fare"], "values": [{**EDGES, "missing": True}]},
            ["fare∈(-∞,10)", "fare∈[10,20)", "fare∈missing"],
        ),
        ({"feature_keys": ["fare"], "values": [{"feature": "fare", "quantiles": 2, "found_edges": [3]}]}, []),
        ({"feature_values": {"fare": "[10,20)"}}, ["fare∈[10,20)"]),
        ({"feature_values": {"fare": "[10,20)"}, "values": [EDGES]}, ["fare∈[10,20)"]),
        ({"feature_values": {"company": "other"}}, ["company=other", "company∈other"]),
        ({"feature_keys": ["company"], "values": [TOP]}, ["company=a", "company∈other"]),
        ({"feature_values": {"company": "other"}, "values": [TOP]}, ["company∈other"]),
        (
            {"feature_keys": ["company"], "values": [{"feature": "company", "missing": True}]},
            ["company=a", "company=b", "company=other", "company∈missing"],
        ),
        ({"feature_keys": ["zip"], "values": [{"feature": "zip", "prefix": 3}]}, ["zip∈941*"]),
        ({"filter": "x > 1", "filter_name": "long"}, ["filter∈long"]),
        ({"filter": "long"}, ["filter∈long"]),
        ({"feature_keys": ["filter"]}, ["filter=long"]),
        ({"feature_keys": ["fare"], "filter": "long"}, ["fare∈[10,20), filter∈long", "fare=15.0, filter∈long"]),
        ({"feature_keys": ["fare"], "values": [EDGES], "filter": "long"}, ["fare∈[10,20), filter∈long"]),
        ({"feature_keys": ["fare", "hour"], "values": [EDGES]}, ["fare∈[10,20), hour=1", "fare∈[10,20), hour=2"]),
        ({"feature_keys": ["fare"], "feature_values": {"hour": "2"}}, ["fare∈[10,20), hour=2"]),
        ({"feature_values": {"n": "1"}}, ["n=1", "n=1.0", "n∈1"]),
    ],
)
def test_slices_of_a_spec(spec: dict[str, Any], expected: list[str]) -> None:
    message = load_config({"slicing_specs": [spec]}).slicing_specs[0]
    assert [NAMES[code] for code in SliceIndex(NAMES).match(message)] == expected


@pytest.mark.parametrize(
    ("spec", "described", "occurring"),
    [
        (
            {"feature_values": {"fare": "[10,30)"}},
            "fare=[10,30)",
            "values of fare that occur: 1.0, 15.0; groups of values: (-∞,10), [0,3)",
        ),
        ({"feature_keys": ["zip"], "values": [{"feature": "zip", "top": 1}]}, "zip∈*", "values of zip that occur: 941"),
        ({"feature_values": {"k": "z"}}, "k=z", "values of k that occur: groups of values: other"),
        ({"filter": "a > 1", "filter_name": "q"}, "filter∈q", "no slices of the filter q were evaluated; there are"),
        ({"feature_keys": ["hour"], "filter": "b = 1"}, 'hour=*, filter∈"b = 1"', "no slices of hour × the filter b"),
    ],
)
def test_what_is_said_of_a_spec_without_slices(spec: dict[str, Any], described: str, occurring: str) -> None:
    message = load_config({"slicing_specs": [spec]}).slicing_specs[0]
    assert describe_spec(message) == described
    assert SliceIndex(NAMES).occurring(message).startswith(occurring)


def test_what_was_found_is_known_wherever_the_feature_is_grouped_so() -> None:
    plain = {"feature": "company", "top": 1, "missing": True}
    spec = {"feature_keys": ["company"], "values": [plain]}
    rules = [{"slicing_specs": [spec], "threshold": {"value_threshold": {"lower_bound": 0}}}]
    config = {
        "slicing_specs": [spec, {"feature_keys": ["company"], "values": [TOP]}],
        "cross_slicing_specs": [{"baseline_spec": spec, "slicing_specs": [spec]}],
        "metrics_specs": [{"metrics": [{"class_name": "AUC", "per_slice_thresholds": rules}]}],
    }
    complete = complete_config(load_config(config))
    (pair,) = complete.cross_slicing_specs
    (rule,) = complete.metrics_specs[0].metrics[0].per_slice_thresholds
    for message in (complete.slicing_specs[0], pair.baseline_spec, pair.slicing_specs[0], rule.slicing_specs[0]):
        assert list(message.values[0].found_values) == ["a"]
