"""The same config in every form gives the same message."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format, text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.config import complete_config, load_config, metric_options, to_json, to_peer_json
from evaluator_component.config.reader import enum_values
from evaluator_component.proto import config_pb2

NAMES = st.text(min_size=1, max_size=6)
BOUNDS = st.floats(allow_nan=False, allow_infinity=False)


class Dumper(yaml.SafeDumper):
    """Quotes texts that YAML 1.2 reads as numbers, as an editor's YAML does."""


Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


@st.composite
def slicing_specs(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    cut = draw(st.integers(0, len(names)))
    return {"feature_keys": names[:cut], "feature_values": {name: draw(st.text(max_size=6)) for name in names[cut:]}}


@st.composite
def thresholds(draw: st.DrawFn) -> dict[str, Any]:
    threshold: dict[str, Any] = {}
    if draw(st.booleans()):
        lower, upper = sorted([draw(BOUNDS), draw(BOUNDS)])
        threshold["value_threshold"] = {"lower_bound": lower, "upper_bound": upper}
    if draw(st.booleans()):
        direction = draw(st.sampled_from(["LOWER_IS_BETTER", "HIGHER_IS_BETTER"]))
        threshold["change_threshold"] = {"absolute": draw(BOUNDS), "direction": direction}
    return threshold


def gates() -> st.SearchStrategy[dict[str, Any]]:
    choices = {
        field.name: st.sampled_from([value.name for value in field.enum_type.values if value.number])
        for field in config_pb2.GateOptions.DESCRIPTOR.fields
        if field.enum_type is not None and field.name not in ("multiplicity", "correction")
    }
    numbers = {
        "confidence": st.floats(0.5, 0.999),
        "min_examples": st.integers(0, 2**62),
        "max_skipped_fraction": st.floats(0, 1),
        "splits": st.lists(NAMES, max_size=3, unique=True),
    }
    return st.fixed_dictionaries({}, optional={**choices, **numbers})


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    slicing = draw(st.lists(slicing_specs(), max_size=3))
    metrics = []
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        options = draw(st.dictionaries(NAMES, st.floats(allow_nan=False, allow_infinity=False) | NAMES, max_size=2))
        metric = {"class_name": name, "threshold": draw(thresholds()), "config": json.dumps(options)}
        if slicing:
            rule = {"slicing_specs": [draw(st.sampled_from(slicing))], "threshold": draw(thresholds())}
            metric["per_slice_thresholds"] = [rule]
        metrics.append(metric)
    spec = {
        "metrics": metrics,
        "thresholds": draw(st.dictionaries(NAMES, thresholds(), max_size=2)),
        "output_weights": draw(
            st.dictionaries(NAMES, st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=2)
        ),
        "binarize": {"class_ids": {"values": draw(st.lists(st.integers(0, 5), max_size=3))}},
        "aggregate": {"class_weights": {str(draw(st.integers(-3, 3))): 0.5}, "macro_average": draw(st.booleans())},
    }
    return {
        "model_specs": [{"label_key": draw(NAMES)}, {"name": "b", "is_baseline": True}][: draw(st.integers(0, 2))],
        "slicing_specs": slicing,
        "metrics_specs": [spec],
        "options": {"min_slice_size": draw(st.integers(0, 100)), "include_default_metrics": draw(st.booleans())},
        "gate": draw(gates()),
        "engine": {"max_plot_slices": draw(st.integers(0, 10))},
    }


@settings(max_examples=60, deadline=None)
@given(plain=configs())
def test_all_forms_give_the_same_message(plain: dict[str, Any]) -> None:
    expected = json_format.ParseDict(plain, config_pb2.EvalConfig())  # protobuf's own reader is the oracle
    with tempfile.TemporaryDirectory() as folder:
        texts = {
            "a.yaml": yaml.dump(plain, Dumper=Dumper),
            "a.yml": yaml.dump(json.loads(to_json(expected)), Dumper=Dumper, default_flow_style=True),
            "a.json": json_format.MessageToJson(expected),
            "a.pbtxt": text_format.MessageToString(expected),
            "a.txtpb": text_format.MessageToString(expected, as_utf8=True),
            "a.textproto": text_format.MessageToString(expected, as_one_line=True),
        }
        for name, text in texts.items():
            path = Path(folder, name)
            path.write_text(text, encoding="utf-8", newline="")
            if text.strip():
                assert load_config(path) == load_config(str(path)) == expected, name
        forms = [plain, expected, json.dumps(plain), texts["a.yaml"], texts["a.json"], to_json(expected)]
        for form in forms:
            assert load_config(form) == expected
    copy = config_pb2.EvalConfig.FromString(expected.SerializeToString())
    assert to_json(copy) == to_json(expected)


WORDY = """
# yaml-language-server: $schema=docs/eval_config.schema.json
model_specs:
  - label_key: tips
  - name: old
    is_baseline: yes
metrics_specs:
  - metrics:
      - class_name: Precision
        config: {thresholds: [0.3, 5e-1], name: precision_30}
        threshold:
          value_threshold: {lower_bound: 0.8, upper_bound: {value: 1}}
          change_threshold: {absolute: -1e-3, direction: HIGHER_IS_BETTER}
    binarize: {class_ids: [0, 2]}
    aggregate: {class_weights: {0: 0.25, 2: 1}}
slicing_specs:
  - {}
  - feature_values: {trip_start_hour: 2}
gate:
  missing_slice: SKIP
  multiplicity: BLOCK_ON_SIGNIFICANT_REGRESSION
  correction: BENJAMINI_HOCHBERG
  confidence: 0.95
  min_examples: 50
  splits: [eval, 2]
"""

FULL = """
model_specs { label_key: "tips" }
model_specs { name: "old" is_baseline: true }
metrics_specs {
  metrics {
    class_name: "Precision"
    config: '{"name": "precision_30", "thresholds": [0.3, 0.5]}'
    threshold {
      value_threshold { lower_bound { value: 0.8 } upper_bound { value: 1.0 } }
      change_threshold { absolute { value: -0.001 } direction: HIGHER_IS_BETTER }
    }
  }
  binarize { class_ids { values: [0, 2] } }
  aggregate { class_weights { key: 0 value: 0.25 } class_weights { key: 2 value: 1.0 } }
}
slicing_specs {}
slicing_specs { feature_values { key: "trip_start_hour" value: "2" } }
gate {
  missing_slice: MISSING_SLICE_SKIP
  multiplicity: MULTIPLICITY_BLOCK_ON_SIGNIFICANT_REGRESSION
  correction: CORRECTION_BENJAMINI_HOCHBERG
  confidence: 0.95
  min_examples: 50
  splits: "eval"
  splits: "2"
}
"""


def test_short_forms_of_yaml() -> None:
    assert load_config(WORDY) == text_format.Parse(FULL, config_pb2.EvalConfig())


def test_options_in_any_order_give_the_same_text() -> None:
    def text(options: dict[str, Any]) -> str:
        metric = {"class_name": "AUC", "config": options}
        return load_config({"metrics_specs": [{"metrics": [metric]}]}).metrics_specs[0].metrics[0].config

    assert text({"b": [1, {"d": None, "c": 2}], "a": 1}) == text({"a": 1, "b": [1, {"c": 2, "d": None}]})
    assert text({}) == "{}"


def test_options_without_braces_are_read_as_tfma_reads_them() -> None:
    assert metric_options(config_pb2.MetricConfig(config='"num_thresholds": 5')) == {"num_thresholds": 5}
    assert metric_options(config_pb2.MetricConfig()) == {}


@pytest.mark.parametrize("value", list(config_pb2.GateOptions.DESCRIPTOR.enum_types), ids=lambda enum: enum.name)
def test_enum_values_are_known_without_their_prefix(value: Any) -> None:
    names = enum_values(value)
    for item in value.values:
        assert names[item.name] == item.number
    assert len(names) == 2 * len(value.values)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "eval.yaml"
    path.write_bytes(b"\xef\xbb\xbfmodel_specs:\r\n  - label_key: tips\r\n")
    assert load_config(path).model_specs[0].label_key == "tips"


def test_loading_gives_a_copy() -> None:
    config = config_pb2.EvalConfig()
    load_config(config).model_specs.add()
    assert not config.model_specs


def test_json_is_on_one_line_and_sorted() -> None:
    text = to_json(load_config(WORDY))
    assert "\n" not in text
    assert json.dumps(json.loads(text), sort_keys=True) == text


def test_peer_json_drops_our_extensions_only() -> None:
    config = load_config(WORDY)
    ours, theirs = json.loads(to_json(config)), json.loads(to_peer_json(config))
    assert set(ours) - set(theirs) == {"gate"}
    assert all(ours[name] == theirs[name] for name in theirs)
    assert config.HasField("gate")


def test_peer_json_drops_specs_that_mean_something_else_without_our_extensions() -> None:
    plain, empty = {"feature_keys": ["a"]}, {}
    filtered, grouped = {"filter": "b > 1"}, {**plain, "values": [{"feature": "a", "top": 3}]}
    rule = {"threshold": {"value_threshold": {"lower_bound": 0.5}}}
    config = load_config(
        {
            "slicing_specs": [empty, plain, filtered, grouped],
            "cross_slicing_specs": [
                {"baseline_spec": empty, "slicing_specs": [plain, grouped]},
                {"baseline_spec": filtered, "slicing_specs": [plain]},
            ],
            "metrics_specs": [
                {
                    "metrics": [
                        {
                            "class_name": "AUC",
                            "per_slice_thresholds": [
                                {**rule, "slicing_specs": [grouped, plain]},
                                {**rule, "slicing_specs": [filtered]},
                            ],
                        }
                    ],
                }
            ],
        }
    )
    theirs = json.loads(to_peer_json(config))
    assert theirs["slicing_specs"] == [empty, plain]
    assert theirs["cross_slicing_specs"] == [{"baseline_spec": empty, "slicing_specs": [plain]}]
    (metric,) = theirs["metrics_specs"][0]["metrics"]
    assert [entry["slicing_specs"] for entry in metric["per_slice_thresholds"]] == [[plain]]
    assert len(config.slicing_specs) == 4


def test_complete_config_of_nothing() -> None:
    complete = complete_config(config_pb2.EvalConfig())
    assert (len(complete.model_specs), len(complete.slicing_specs)) == (1, 1)
    engine = complete.engine
    assert (engine.max_distinct_scores, engine.max_plot_slices, engine.batch_size) == (65536, 1000, 8192)
    assert not complete.HasField("gate")


def test_completing_twice_changes_nothing() -> None:
    config = load_config(WORDY)
    once = complete_config(config, has_baseline=True)
    assert complete_config(once, has_baseline=True) == once
    assert config == load_config(WORDY)


def test_json_escapes_of_rare_characters_are_read_from_yaml_files_too(tmp_path: Path) -> None:
    path = tmp_path / "eval.yaml"
    path.write_text('{"model_specs": [{"label_key": "\\ud83d\\ude95"}]}')
    assert load_config(path).model_specs[0].label_key == "🚕"
