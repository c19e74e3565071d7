"""Every mistake in a config is answered with the place, what was expected and what came."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.config import complete_config, load_config
from evaluator_component.errors import ConfigError
from evaluator_component.proto import config_pb2, metrics_for_slice_pb2


def metric(**fields: Any) -> dict[str, Any]:
    return {"metrics_specs": [{"metrics": [{"class_name": "AUC", **fields}]}]}


def rule(**fields: Any) -> dict[str, Any]:
    return {"slicing_specs": [{"feature_keys": ["hour"]}], **metric(per_slice_thresholds=[fields])}


UNKNOWN_AND_TYPES = [
    (metric(threshhold=1), "metrics_specs[0].metrics[0].threshhold", "did you mean 'threshold'"),
    ({"metric_specs": []}, "metric_specs", "did you mean 'metrics_specs'"),
    ({"feature_slicing_spec": {}}, "feature_slicing_spec", "EvalConfig has no such field"),
    ({"gate": {"missing_slice": "SKP"}}, "gate.missing_slice", "did you mean 'SKIP'"),
    ({"gate": {"missing_slice": 7}}, "gate.missing_slice", "the number 7"),
    ({"gate": {"missing_slice": True}}, "gate.missing_slice", "truth value"),
    ({"gate": {"confidence": "high"}}, "gate.confidence", "expected a number, got the text 'high'"),
    ({"gate": {"confidence": True}}, "gate.confidence", "expected a number, got the truth value true"),
    ({"gate": {"min_examples": 1.5}}, "gate.min_examples", "expected an integer, got the number 1.5"),
    ({"gate": {"min_examples": 2**63}}, "gate.min_examples", "64 bits"),
    ({"gate": {"splits": "eval"}}, "gate.splits", "expected a list, got the text 'eval'; write [eval]"),
    ({"gate": []}, "gate", "expected a mapping with fields of GateOptions, got a list"),
    ({"gate": None}, "gate", "empty; give it a value or leave it out"),
    ({"engine": {"batch_size": 2**31}}, "engine.batch_size", "32 bits"),
    ({"model_specs": {"label_key": "a"}}, "model_specs", "expected a list, got a mapping with label_key"),
    ({"model_specs": [{"is_baseline": "yes"}]}, "model_specs[0].is_baseline", "true or false, got the text 'yes'"),
    ({"model_specs": [{"is_baseline": 1}]}, "model_specs[0].is_baseline", "true or false, got the number 1"),
    ({"model_specs": [{"label_key": True}]}, "model_specs[0].label_key", "put it in quotes"),
    ({"model_specs": [{"label_key": 0.5}]}, "model_specs[0].label_key", "expected a text, got the number 0.5"),
    ({"model_specs": [{"label_keys": ["a"]}]}, "model_specs[0].label_keys", "expected a mapping, got a list"),
    ({"model_specs": [{"label_key": "a", "labelKey": "a"}]}, "model_specs[0].labelKey", "'label_key' is given as"),
    ({"model_specs": [{"label_key": "\ud800"}]}, "model_specs[0].label_key", "half of a character"),
    ({"slicing_specs": [None]}, "slicing_specs[0]", "write {}"),
    (
        {"slicing_specs": [{"feature_values": {"day": dt.date(2024, 1, 1)}}]},
        'slicing_specs[0].feature_values["day"]',
        "expected a text, got 2024-01-01 (date); put it in quotes",
    ),
    ({"slicing_specs": [{"feature_values": {"a": None}}]}, 'slicing_specs[0].feature_values["a"]', "got nothing"),
    ({"slicing_specs": [{"feature_values": {1: "a", "1": "b"}}]}, "slicing_specs[0].feature_values", "twice"),
    (
        {"metrics_specs": [{"aggregate": {"micro_average": True, "macro_average": True}}]},
        "metrics_specs[0].aggregate.macro_average",
        "only one of the two",
    ),
    (
        {"metrics_specs": [{"aggregate": {"class_weights": {"a": 1}}}]},
        'metrics_specs[0].aggregate.class_weights["a"]',
        "expected an integer, got the text 'a'",
    ),
    (
        {"metrics_specs": [{"output_weights": {"a": 1e39}}]},
        'metrics_specs[0].output_weights["a"]',
        "32 bits",
    ),
    (metric(config="thresholds: [0.3]"), "metrics_specs[0].metrics[0].config", "not the JSON of an object"),
    (metric(config={"a": [dt.date(2024, 1, 1)]}), "metrics_specs[0].metrics[0].config.a[0]", "JSON"),
    (metric(config={1: 2}), "metrics_specs[0].metrics[0].config", "the key 1 is not a text"),
    (metric(config=["a"]), "metrics_specs[0].metrics[0].config", "expected a text, got a list"),
    (
        metric(threshold={"value_threshold": {"lower_bound": {"val": 1}}}),
        "metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.val",
        "DoubleValue has no such field",
    ),
]

CONTRADICTIONS = [
    ({"model_specs": [{}, {"is_baseline": True}, {"is_baseline": True}]}, "model_specs[2].is_baseline", "already"),
    ({"model_specs": [{}, {}]}, "model_specs[1]", "model_specs[0] is the candidate already"),
    ({"model_specs": [{"is_baseline": True}]}, "model_specs", "only a baseline"),
    ({"model_specs": [{"name": "a"}, {"name": "a", "is_baseline": True}]}, "model_specs[1].name", "'a' as well"),
    ({"model_specs": [{"name": "baseline"}]}, "model_specs[0].name", "'baseline' is what the other model is called"),
    ({"model_specs": [{"label_key": "a", "label_keys": {"o": "a"}}]}, "model_specs[0].label_keys", "label_key is"),
    ({"model_specs": [{"inference_batch_size": -1}]}, "model_specs[0].inference_batch_size", "at least 1"),
    ({"metrics_specs": [{"model_names": ["canddate"]}]}, "metrics_specs[0].model_names[0]", "'candidate'"),
    ({"metrics_specs": [{"metrics": [{}]}]}, "metrics_specs[0].metrics[0].class_name", "missing"),
    ({"metrics_specs": [{"metrics": [{"class_name": "AUC"}] * 2}]}, "metrics_specs[0].metrics[1]", "metrics[0]"),
    ({"slicing_specs": [{"feature_keys": ["a", "a"]}]}, "slicing_specs[0].feature_keys[1]", "twice"),
    ({"slicing_specs": [{"feature_keys": [""]}]}, "slicing_specs[0].feature_keys[0]", "empty"),
    ({"slicing_specs": [{"feature_values": {"": "x"}}]}, 'slicing_specs[0].feature_values[""]', "empty"),
    (
        {"cross_slicing_specs": [{"slicing_specs": [{"feature_keys": ["a"], "feature_values": {"a": "x"}}]}]},
        "cross_slicing_specs[0].slicing_specs[0].feature_keys[0]",
        "feature_values as well",
    ),
    (rule(threshold={}), "metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs", "missing"),
    (
        rule(slicing_specs=[{"feature_keys": ["day"]}]),
        "metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs[0]",
        "no entry of slicing_specs makes slices of day; add one (known: hour)",
    ),
    (
        {"metrics_specs": [{"per_slice_thresholds": {"auc": [{"slicing_specs": [{"feature_keys": ["day"]}]}]}}]},
        'metrics_specs[0].per_slice_thresholds["auc"]',
        "expected a mapping with fields of PerSliceMetricThresholds, got a list",
    ),
    (
        metric(threshold={"value_threshold": {"lower_bound": 2, "upper_bound": 1}}),
        "metrics_specs[0].metrics[0].threshold.value_threshold",
        "nothing can pass",
    ),
    (
        {"metrics_specs": [{"thresholds": {"auc": {"change_threshold": {"absolute": "NaN"}}}}]},
        'metrics_specs[0].thresholds["auc"].change_threshold.absolute',
        "NaN",
    ),
    ({"gate": {"confidence": 95}}, "gate.confidence", "below 1"),
    ({"gate": {"min_examples": -1}}, "gate.min_examples", "0 or more"),
    ({"gate": {"min_weight": "NaN"}}, "gate.min_weight", "0 or more"),
    ({"gate": {"max_skipped_fraction": 1.5}}, "gate.max_skipped_fraction", "from 0 to 1"),
    ({"gate": {"multiplicity": "BLOCK_ON_SIGNIFICANT_REGRESSION"}}, "gate.multiplicity", "needs gate.confidence"),
    ({"gate": {"correction": "HOLM"}}, "gate.correction", "no effect without"),
    ({"gate": {"splits": ["eval", "eval"]}}, "gate.splits[1]", "twice"),
    ({"engine": {"batch_size": 0}}, "engine.batch_size", "at least 1"),
    ({"engine": {"max_distinct_scores": 1}}, "engine.max_distinct_scores", "at least 2"),
    ({"options": {"min_slice_size": -5}}, "options.min_slice_size", "0 or more"),
]


@pytest.mark.parametrize(
    ("config", "path", "words"), UNKNOWN_AND_TYPES + CONTRADICTIONS, ids=lambda case: str(case)[:60]
)
def test_a_mistake_is_named_with_its_path(config: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config)
    assert str(caught.value).startswith(path)
    assert words in str(caught.value)


@pytest.mark.parametrize(("config", "path", "words"), CONTRADICTIONS, ids=lambda case: str(case)[:60])
def test_contradictions_are_found_in_json_too(config: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(json.dumps(config))
    assert str(caught.value).startswith(path)


YAML = [
    ("gate:\n  confidance: 0.9\n", "gate.confidance: ", "line 2"),
    ("# c\n\nmodel_specs:\n  - label_key: yes\n", "model_specs[0].label_key: ", "line 4"),
    ("model_specs:\n  - label_key: 2024-01-01\n", "model_specs[0].label_key: ", "(date); put it in quotes"),
    ("slicing_specs:\n  - feature_values: {zip: 01234}\n", "slicing_specs[0].feature_values.zip: ", "01234"),
    ("slicing_specs:\n  - feature_values: {at: 12:30}\n", "slicing_specs[0].feature_values.at: ", "12:30"),
    ("engine:\n  batch_size: 1_000\n", "engine.batch_size: ", "1_000"),
    ("gate:\n  min_weight: 1e3\n  min_weight: 2\n", "gate.min_weight: ", "twice, again in line 3"),
    ("gate:\n  splits: [eval\nmodel_specs: []\n", "eval.yaml, line 3", "not readable as YAML"),
    ("gate:\n\tconfidence: 0.9\n", "eval.yaml, line 2", "not readable as YAML"),
    ("gate: *nowhere\n", "eval.yaml, line 1", "nowhere"),
    ("gate: {}\n---\ngate: {}\n", "eval.yaml, line 2", "not readable as YAML"),
    ("model_specs: !!python/object:os.system []\n", "eval.yaml, line 1", "not readable as YAML"),
    ("metrics_specs:\n  - model_names: [x]\n", "metrics_specs[0].model_names[0]: ", "line 2"),
    ("metrics_specs:\n  - metrics:\n", "metrics_specs[0].metrics: empty", "line 2"),
    ("just words\n", "config: expected a mapping with fields of EvalConfig, got the text", "eval.yaml"),
    ("# only a comment\n", "config: expected a mapping with fields of EvalConfig, got nothing", "eval.yaml"),
    ("[gate]: 1\n", "", "eval.yaml"),
    ("? {a: 1}\n: 1\n", "", "eval.yaml"),
    ("", "", "the file is empty"),
]


@pytest.mark.parametrize(("text", "start", "words"), YAML)
def test_a_yaml_file_is_named_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, start: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("eval.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config("eval.yaml")
    assert str(caught.value).startswith(start)
    assert words in str(caught.value)
    assert "eval.yaml" in str(caught.value)


OTHER_FILES = [
    ("a.json", '{"gate": {,}}', "a.json, line 1, column 11: not readable as JSON"),
    ("a.json", '{"gate": {}, "gate": {}}', "a.json: the key 'gate' occurs twice"),
    ("a.json", '{"gate": {"confidance": 1}}', "gate.confidance: GateOptions has no such field"),
    ("a.pbtxt", "gate {\n confidance: 1\n}", "a.pbtxt, line 2: GateOptions has no field 'confidance'; did you mean"),
    ("a.pbtxt", "gate { missing_slice: SKP }", "a.pbtxt, line 1"),
    ("a.pbtxt", "gate { confidence: 95 }", "gate.confidence: expected at least 0.5"),
    ("a.toml", "", "a.toml: expected a file ending in"),
]


@pytest.mark.parametrize(("name", "text", "words"), OTHER_FILES)
def test_other_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(Path(name))
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_a_file_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "eval.yaml").write_text("{}")
    (tmp_path / "data.csv").write_text("")
    with pytest.raises(ConfigError, match=r"evl\.yaml: no such file; did you mean 'eval\.yaml'\? Known: eval\.yaml$"):
        load_config(tmp_path / "evl.yaml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "eval.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"eval\.yaml: cannot be read"):
        load_config(tmp_path / "eval.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"folder\.yaml: cannot be read"):
        load_config(tmp_path / "folder.yaml")


@pytest.mark.parametrize("source", [None, 3, ["a"], b"{}", "eval", "", metrics_for_slice_pb2.SliceKey()])
def test_what_cannot_be_a_config(source: object) -> None:
    with pytest.raises(ConfigError, match=r"^config: "):
        load_config(source)


NEWER = [
    (lambda config: config, b"\x98\x3f\x01", "config: holds a field of EvalConfig whose number is not known"),
    (lambda config: config.metrics_specs.add(), b"\x98\x3f\x01", "metrics_specs[0]: holds a field of MetricsSpec"),
    (
        lambda config: config.metrics_specs.add().thresholds["auc"],
        b"\x98\x3f\x01",
        'metrics_specs[0].thresholds["auc"]: ',
    ),
    (lambda config: config.gate, b"\x10\x63", "gate.inconclusive: Inconclusive has no value 99"),
]


@pytest.mark.parametrize(("part", "added", "words"), NEWER)
def test_what_a_newer_program_wrote_is_never_lost(part: Any, added: bytes, words: str) -> None:
    config = config_pb2.EvalConfig(model_specs=[{"label_key": "a"}])
    part(config).MergeFromString(added)
    with pytest.raises(ConfigError) as caught:
        load_config(config)
    assert words in str(caught.value)


def test_a_message_of_another_program_with_a_field_that_we_lack() -> None:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="newer.proto", package="newer", syntax="proto3")
    field = {"name": "novelty", "number": 99, "type": "TYPE_STRING", "label": "LABEL_OPTIONAL"}
    file.message_type.add(name="EvalConfig", field=[field])
    descriptor = descriptor_pool.DescriptorPool().AddSerializedFile(file.SerializeToString())
    config = message_factory.GetMessageClass(descriptor.message_types_by_name["EvalConfig"])(novelty="x")
    with pytest.raises(ConfigError, match="novelty: EvalConfig has no such field here; a newer program wrote it"):
        load_config(config)


def test_complete_config_checks_as_well() -> None:
    config = config_pb2.EvalConfig(model_specs=[{"is_baseline": True}])
    with pytest.raises(ConfigError, match="only a baseline"):
        complete_config(config)
