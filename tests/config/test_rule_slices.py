"""Rules for slices that are never made: what is said of them before anything is opened."""

from __future__ import annotations

from typing import Any

import pytest

from evaluator_component.config import complete_config, load_config
from evaluator_component.config.rule_slices import slices_left_open
from evaluator_component.errors import ConfigError

PLACE = "metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs[0]"
PAIR = "metrics_specs[0].metrics[0].cross_slice_thresholds[0].cross_slicing_specs[0]"
BOUND = {"value_threshold": {"lower_bound": 0}}
LONG = {"filter": "fare > 20", "filter_name": "long"}


def values(feature: str, **how: Any) -> dict[str, Any]:
    return {"feature_keys": [feature], "values": [{"feature": feature, **how}]}


def named(feature: str, text: str) -> dict[str, Any]:
    return {"feature_values": {feature: text}}


def config(specs: list[Any], rule: Any = None, pair: Any = None) -> dict[str, Any]:
    metric: dict[str, Any] = {"class_name": "MeanLabel"}
    if rule is not None:
        metric["per_slice_thresholds"] = [{"slicing_specs": [rule], "threshold": BOUND}]
    if pair is not None:
        metric["cross_slice_thresholds"] = [{"cross_slicing_specs": [pair], "threshold": BOUND}]
    return {"slicing_specs": specs, "metrics_specs": [{"metrics": [metric]}]}


FARES = values("fare", edges=[0, 10, 20])
BUCKETS = "slicing_specs[0] makes the slices (-∞,0), [0,10), [10,20), [20,∞)"
MORE = {**FARES, "feature_keys": ["fare", "hour"]}


@pytest.mark.parametrize(
    ("specs", "feature", "text", "made", "step"),
    [
        ([FARES], "fare", "[10,15)", BUCKETS, "did you mean '[10,20)'?"),
        ([FARES], "fare", "[8,20]", BUCKETS, "did you mean '[10,20)'?"),
        ([FARES], "fare", "5-9", BUCKETS, "did you mean '[0,10)'?"),
        ([FARES], "fare", "12", BUCKETS, "did you mean '[10,20)'?"),
        ([FARES], "fare", "[20,inf)", BUCKETS, "did you mean '[20,∞)'?"),
        ([FARES], "fare", "low", BUCKETS, "name one that is made"),
        ([FARES], "fare", "missing", BUCKETS, "add missing: true to the values of slicing_specs[0]"),
        (
            [FARES, {"feature_keys": ["fare"]}],
            "fare",
            "[10,15)",
            "the values as they are, which are numbers",
            "[10,20)",
        ),
        ([values("fare", edges=[1], missing=True)], "fare", "misssing", "(-∞,1), [1,∞), missing", "'missing'?"),
        ([values("fare", quantiles=4)], "fare", "q1", "makes 4 quantiles, found when the", "feature_keys: [fare]"),
        ([values("fare", quantiles=2, found_edges=[3])], "fare", "4", "slices (-∞,3), [3,∞)", "'[3,∞)'?"),
        ([values("zip", prefix=3)], "zip", "94110", "the first 3 characters, with a * behind them", "'941*'?"),
        ([values("zip", prefix=3)], "zip", "other", "the first 3 characters, with a * behind them", "name one"),
        ([values("zip", pattern="^9")], "zip", "missing", "what the pattern '^9' matches and other", "missing: true"),
        ([named("company", "Flash Cab")], "company", "Flash Cap", "makes only 'Flash Cab'", "'Flash Cab'?"),
    ],
)
def test_a_group_that_is_never_made(specs: list[Any], feature: str, text: str, made: str, step: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config(specs, named(feature, text)))
    place = f'{PLACE}.feature_values["{feature}"]'
    assert str(caught.value).startswith(f"{place}: no slice of {feature} is called {text!r}: ")
    assert made in str(caught.value)
    assert step in str(caught.value)
    with pytest.raises(ConfigError, match="no slice of"):  # whatever is done with slices that do not occur
        load_config({**config(specs, named(feature, text)), "gate": {"missing_slice": "SKIP"}})


@pytest.mark.parametrize(
    ("specs", "rule"),
    [
        ([FARES], named("fare", "[10,20)")),
        ([FARES, {"feature_keys": ["fare"]}], named("fare", "12.5")),
        ([values("fare", edges=[1], missing=True)], named("fare", "missing")),
        ([values("fare", quantiles=4)], named("fare", "[1,2.5)")),
        ([values("fare", quantiles=2, found_edges=[3])], named("fare", "[4,∞)")),
        ([values("company", top=2, found_values=["a"])], named("company", "b")),
        ([values("company", top=2)], named("company", "other")),
        ([values("zip", prefix=3)], named("zip", "941*")),
        ([values("zip", prefix=6)], named("zip", '"other"')),
        ([values("zip", prefix=3)], named("zip", "94")),
        ([values("zip", pattern="(9)")], named("zip", "other")),
        ([{"feature_keys": ["company"]}], named("company", "missing")),
        ([named("n", "1")], named("n", "1.0")),
        ([named("n", "0.1")], named("n", "0.10000000149011612")),
        ([{**named("fare", "[0,10)"), "values": FARES["values"]}, FARES], named("fare", "[20,∞)")),
        ([FARES, MORE], {**named("fare", "[0,10)"), "feature_keys": ["hour"]}),
    ],
)
def test_a_group_that_can_be_made(specs: list[Any], rule: Any) -> None:
    complete_config(load_config(config(specs, rule)))


def test_compared_slices_are_checked_as_well() -> None:
    pair = {"baseline_spec": named("fare", "[10,20)"), "slicing_specs": [named("fare", "[0,15)")]}
    with pytest.raises(ConfigError) as caught:
        load_config(config([FARES], pair=pair))
    place = f'{PAIR}.slicing_specs[0].feature_values["fare"]'
    assert str(caught.value) == f"{place}: no slice of fare is called '[0,15)': {BUCKETS}; did you mean '[0,10)'?"
    complete = complete_config(load_config(config([FARES], pair={"baseline_spec": named("fare", "[10,20)")})))
    assert complete_config(complete) == complete
    load_config(config([{}], pair={"baseline_spec": named("company", "[10,20)")}))


def test_two_features_that_are_each_made_but_not_together() -> None:
    specs = [{**named("hour", "1"), **FARES}, {**named("hour", "2"), **values("fare", quantiles=2)}]
    specs[1]["values"] = FARES["values"]
    rule = {"feature_values": {"fare": "[0,10)", "hour": "3"}}
    with pytest.raises(ConfigError, match=r'feature_values\["hour"\]: .*\[0\] makes only \'1\'; .*\[1\] makes only'):
        load_config(config(specs, rule))


@pytest.mark.parametrize(
    ("specs", "rule", "place", "words"),
    [
        (
            [LONG, {"filter": "tips = 0"}],
            {"filter": "fare > 30", "filter_name": "longer"},
            ".filter",
            (
                "no entry of slicing_specs has the filter 'fare > 30' (filter_name 'longer'); there is 'fare > 20' "
                "(filter_name 'long') in slicing_specs[0]; 'tips = 0' in slicing_specs[1]; write the same filter and "
                "filter_name as one of them, or add a spec with this filter to slicing_specs"
            ),
        ),
        (
            [LONG],
            {**LONG, "filter": "fare>20"},
            ".filter",
            "add a spec with this filter to slicing_specs under another",
        ),
        (
            [LONG],
            {"filter": "fare > 20"},
            ".filter_name",
            "is called 'long' in slicing_specs[0]; write filter_name: lo",
        ),
        ([{"filter": "fare > 20"}], LONG, ".filter_name", "leave filter_name out here too"),
        ([LONG], {"filter_name": "long"}, ".filter_name", "repeat the filter of that name, filter: fare > 20"),
        ([{}], LONG, ".filter", "and none has any; add a spec with it there"),
        (
            [{"feature_keys": ["a"], **LONG}],
            {"feature_keys": ["a"]},
            "",
            "there are some with the filter 'fare > 20' (f",
        ),
        ([{"feature_keys": ["a"], **LONG}], LONG, "", "with it there are slices of a"),
        ([LONG], {"feature_keys": ["a"], **LONG}, "", "with it there is the slice of all examples"),
    ],
)
def test_a_filter_that_no_slicing_spec_has(specs: list[Any], rule: Any, place: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config(specs, rule))
    assert str(caught.value).startswith(f"{PLACE}{place}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("specs", "rule", "told"),
    [
        ([values("fare", quantiles=4)], named("fare", "[1,2)"), "4 quantiles, found when the evaluation runs; if not"),
        ([values("company", top=2)], named("company", "a"), "the 2 most frequent values, found when the evaluation"),
        ([values("company", top=2, found_values=["a", "b"])], named("company", "c"), "the slices a, b, other; if not"),
        ([values("company", top=2, found_values=["a", "b"])], named("company", "a"), ""),
        ([values("company", top=2)], named("company", "other"), ""),
        ([values("company", top=2), {"feature_keys": ["company"]}], named("company", "a"), ""),
        ([FARES], named("fare", "[0,10)"), ""),
    ],
)
def test_what_only_the_data_can_tell_is_a_notice(specs: list[Any], rule: Any, told: str) -> None:
    notices = list(slices_left_open(load_config(config(specs, rule))))
    assert len(notices) == bool(told)
    assert all(notice.startswith(f"{PLACE}.feature_values") and told in notice for notice in notices)
