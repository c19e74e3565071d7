from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.config import load_config
from evaluator_component.errors import ConfigError
from evaluator_component.gate import Kind, collect_rules, read_policy, unknown_threshold_names
from evaluator_component.gate.matching import SliceIndex, describe_spec
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.names import format_slice, format_value, matches


def rules_of(text: str, **directions: str | None):
    config = load_config(text)
    return collect_rules(config, read_policy(config), directions)


def test_a_threshold_becomes_one_rule_for_each_bound():
    rules, notices = rules_of(
        """
        metrics_specs:
        - metrics:
          - class_name: BinaryAccuracy
            threshold:
              value_threshold: {lower_bound: 0.5, upper_bound: 0.9}
              change_threshold: {absolute: -0.1, relative: -0.2, direction: HIGHER_IS_BETTER}
          thresholds: {auc: {change_threshold: {absolute: 0.1, direction: LOWER_IS_BETTER}}}
        """,
        auc="higher",
        binary_accuracy="higher",
    )
    assert [(rule.target.metric, rule.kind.value, rule.bound, rule.opposed) for rule in rules] == [
        ("binary_accuracy", "lower_bound", 0.5, False),
        ("binary_accuracy", "upper_bound", 0.9, False),
        ("binary_accuracy", "change_at_least", -0.1, False),
        ("binary_accuracy", "relative_change_at_least", -0.2, False),
        ("auc", "change_at_most", 0.1, True),
    ]
    assert rules[0].path == "metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound"
    assert rules[4].path == 'metrics_specs[0].thresholds["auc"].change_threshold.absolute'
    assert notices == []


def test_what_demands_less_than_it_seems_to_is_pointed_out():
    _, notices = rules_of(
        "metrics_specs: [{thresholds: {a: {}, b: {value_threshold: {}}, c: {change_threshold: {}}}}]",
        a=None,
        b=None,
        c=None,
    )
    assert ["checks nothing" in notices[0], "the value is defined" in notices[1], "both values" in notices[2]] == [
        True
    ] * 3


CHANGE = "metrics_specs: [{thresholds: {m: {change_threshold: {absolute: 0}}}}]"
VALUE = "metrics_specs: [{thresholds: {m: {value_threshold: {lower_bound: 0}}}}]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            CHANGE,
            "change_threshold.direction: m has no direction of its own; write HIGHER_IS_BETTER or LOWER_IS_BETTER",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        rules_of(text, m=None)


@pytest.mark.parametrize("in_map", [False, True])
def test_rules_on_pairs_of_slices(in_map):
    pair = "{baseline_spec: {}, slicing_specs: [{feature_keys: [a]}]}"
    entry = f"{{cross_slicing_specs: [{pair}], threshold: {{value_threshold: {{upper_bound: 0.1}}}}}}"
    own = f"cross_slice_thresholds: [{entry}]"
    by_name = f"cross_slice_thresholds: {{binary_accuracy: {{thresholds: [{entry}]}}}}"
    metrics = f"metrics: [{{class_name: BinaryAccuracy{'' if in_map else ', ' + own}}}]"
    config = load_config(f"metrics_specs: [{{{metrics}{', ' + by_name if in_map else ''}}}]")
    (rule,), notices = collect_rules(config, read_policy(config), {"binary_accuracy": "higher"})
    assert (rule.target.metric, rule.kind, rule.bound) == ("binary_accuracy", Kind.UPPER_BOUND, 0.1)
    assert isinstance(rule.target.specs[0], config_pb2.CrossSlicingSpec)
    assert "cross_slice_thresholds" in rule.path
    assert notices == []


@pytest.mark.parametrize(
    ("field", "value"), [("min_examples", -1), ("min_weight", -1.0), ("max_skipped_fraction", 1.5)]
)
def test_numbers_out_of_range_are_refused(field, value):
    config = config_pb2.EvalConfig()
    setattr(config.gate, field, value)
    with pytest.raises(ConfigError, match=f"gate.{field}"):
        read_policy(config)


@pytest.mark.parametrize(
    ("lower", "upper", "message"), [(0.9, 0.1, "no value lies between"), (float("nan"), 1.0, "not a number")]
)
def test_bounds_that_no_value_meets_are_refused(lower, upper, message):
    config = config_pb2.EvalConfig()
    threshold = config.metrics_specs.add().thresholds["m"].value_threshold
    threshold.lower_bound.value, threshold.upper_bound.value = lower, upper
    with pytest.raises(ConfigError, match=message):
        collect_rules(config, read_policy(config), {"m": None})


def test_a_threshold_of_no_slices_is_refused():
    config = config_pb2.EvalConfig()
    config.metrics_specs.add().per_slice_thresholds["m"].thresholds.add()
    with pytest.raises(ConfigError, match="slicing_specs: is empty"):
        collect_rules(config, read_policy(config), {"m": None})


def test_thresholds_are_judged_on_the_candidate():
    config = config_pb2.EvalConfig()
    spec = config.metrics_specs.add(model_names=["baseline"])
    spec.thresholds["m"].value_threshold.lower_bound.value = 1
    with pytest.raises(ConfigError, match=r"metrics_specs\[0\].model_names: thresholds are judged on the candidate"):
        collect_rules(config, read_policy(config), {"m": None})


def test_unknown_names_in_maps_come_with_the_nearest():
    config = load_config(
        """
        slicing_specs: [{}]
        metrics_specs:
        - thresholds: {aux: {value_threshold: {lower_bound: 0}}, auc: {value_threshold: {lower_bound: 0}}}
          per_slice_thresholds:
            precison: {thresholds: [{slicing_specs: [{}], threshold: {value_threshold: {lower_bound: 0}}}]}
        """
    )
    found = unknown_threshold_names(config, ["auc", "precision"])
    assert [(path, name) for path, name, _ in found] == [
        ('metrics_specs[0].thresholds["aux"]', "aux"),
        ('metrics_specs[0].per_slice_thresholds["precison"]', "precison"),
    ]
    assert "'auc'" in found[0][2]
    assert "'precision'" in found[1][2]


settings.register_profile("matching", deadline=None)
settings.load_profile("matching")

VALUES = st.one_of(
    st.sampled_from(["x", "1", "01", "2.0", "nan", ""]),
    st.sampled_from([1, 2, 16777216]),
    st.sampled_from([1.0, 2.0, 0.1]),
)
TEXTS = st.one_of(st.sampled_from(["x", "1", "01", "2", "2.0", "0.1", "nan", "", "16777217"]), VALUES.map(format_value))
SLICES = st.lists(
    st.one_of(
        st.just(()),
        st.tuples(st.tuples(st.just("a"), VALUES)),
        st.tuples(st.tuples(st.just("a"), VALUES), st.tuples(st.just("b"), VALUES)),
    ),
    max_size=8,
    unique_by=format_slice,
)


@given(SLICES, st.sets(st.sampled_from("ab")), st.dictionaries(st.sampled_from("ab"), TEXTS))
def test_a_spec_matches_by_features_and_values(slices, keys, values):
    spec = config_pb2.SlicingSpec(feature_keys=sorted(keys), feature_values=values)
    found = SliceIndex([format_slice(pairs) for pairs in slices]).match(spec)
    expected = [
        code
        for code, pairs in enumerate(slices)
        if {feature for feature, _ in pairs} == keys | set(values)
        and all(feature not in values or matches(value, values[feature]) for feature, value in pairs)
    ]
    assert found.tolist() == expected


def test_what_occurs_is_listed_numbers_first():
    index = SliceIndex(["Overall", "a=x", "a=10", "a=2", 'a="2"'])
    spec = config_pb2.SlicingSpec(feature_values={"a": "z"})
    assert index.match(spec).tolist() == []
    assert index.occurring(spec) == 'values of a that occur: 2, 10, "2", x'
    assert describe_spec(spec) == "a=z"


def test_many_values_are_cut():
    index = SliceIndex([f"a={i}" for i in range(100)])
    assert index.occurring(config_pb2.SlicingSpec(feature_values={"a": "z"})).endswith("19, … (100 in all)")
