"""The published JSON Schema: fresh, and of one mind with the loader."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from google.protobuf import json_format

from evaluator_component.config import load_config, to_json
from evaluator_component.errors import ConfigError
from evaluator_component.proto import config_pb2

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "eval_config.schema.json").read_text(encoding="utf-8"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EDITOR_LINE = "# yaml-language-server: $schema="


def is_config(text: str) -> bool:
    return text.startswith(EDITOR_LINE) or bool(re.search(r"^metrics_specs:", text, re.MULTILINE))


def examples() -> list[Any]:
    """Every config that the documentation and the pipelines show."""
    found = []
    for page in PAGES:
        blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        found += [pytest.param(text, id=f"{page.name}-{i}") for i, text in enumerate(blocks) if is_config(text)]
    for file in sorted((ROOT / "pipelines").rglob("*.y*ml")):
        text = file.read_text(encoding="utf-8")
        if is_config(text):
            found.append(pytest.param(text, id=str(file.relative_to(ROOT))))
    return found


def errors(plain: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(plain)]


def test_schema_is_fresh() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "generate_config_schema.py"))
    assert tool["text"]() == (ROOT / "docs" / "eval_config.schema.json").read_text(encoding="utf-8")


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_field_is_described() -> None:
    for name, definition in [("EvalConfig", SCHEMA), *SCHEMA["$defs"].items()]:
        assert definition["additionalProperties"] is False
        for field, entry in definition["properties"].items():
            assert entry.get("description"), f"{name}.{field}"


def test_there_are_examples() -> None:
    assert len(examples()) >= 2


@pytest.mark.parametrize("text", examples())
def test_examples_are_valid_and_load(text: str) -> None:
    plain = yaml.safe_load(text)
    assert errors(plain) == []
    config = load_config(text)
    assert errors(json.loads(to_json(config))) == []


@pytest.mark.parametrize("text", examples())
def test_a_misspelt_field_of_an_example_is_found_by_both(text: str) -> None:
    plain = yaml.safe_load(text)
    plain["metrics_specs"][0]["metrics"][0]["clas_name"] = "AUC"
    assert any("clas_name" in message for message in errors(plain))
    with pytest.raises(ConfigError, match="clas_name"):
        load_config(plain)


BOTH_REFUSE = [
    {"metric_specs": []},
    {"gate": {"missing_slice": "SKP"}},
    {"gate": {"confidence": "high"}},
    {"gate": {"min_examples": 1.5}},
    {"gate": {"splits": "eval"}},
    {"gate": None},
    {"model_specs": [{"is_baseline": "yes"}]},
    {"model_specs": [{"label_key": True}]},
    {"model_specs": [{"label_key": ["a"]}]},
    {"slicing_specs": [None]},
    {"slicing_specs": [{"feature_values": ["a"]}]},
    {"metrics_specs": [{"aggregate": {"micro_average": True, "macro_average": True}}]},
    {"metrics_specs": [{"aggregate": {"class_weights": {"a": 1}}}]},
    {"metrics_specs": [{"binarize": {"class_ids": ["a"]}}]},
    {"metrics_specs": [{"metrics": [{"class_name": "AUC", "config": [1]}]}]},
]


@pytest.mark.parametrize("plain", BOTH_REFUSE, ids=str)
def test_what_the_schema_refuses_the_loader_refuses(plain: dict[str, Any]) -> None:
    assert errors(plain)
    with pytest.raises(ConfigError):
        load_config(plain)


BOTH_TAKE = [
    {},
    {"gate": {"missing_slice": "SKIP", "no_baseline": "NO_BASELINE_FAIL", "min_examples": "50"}},
    {"slicing_specs": [{}, {"feature_values": {"a": 2, "b": "x"}}]},
    {"metrics_specs": [{"binarize": {"class_ids": [1, 2]}}, {"binarize": {"class_ids": {"values": [1]}}}]},
    {"metrics_specs": [{"metrics": [{"class_name": "AUC", "config": {"a": [1]}}]}]},
    {"metrics_specs": [{"thresholds": {"auc": {"value_threshold": {"lower_bound": 0, "upper_bound": "Infinity"}}}}]},
    {"options": {"include_default_metrics": False, "confidence_intervals": {"method": "JACKKNIFE"}}},
]


@pytest.mark.parametrize("plain", BOTH_TAKE, ids=str)
def test_what_the_schema_takes_the_loader_takes(plain: dict[str, Any]) -> None:
    assert errors(plain) == []
    load_config(plain)


def test_a_config_with_every_field_set_is_valid() -> None:
    config = config_pb2.EvalConfig()
    fill(config, 5)
    assert errors(json_format.MessageToDict(config, preserving_proto_field_name=True)) == []


def fill(message: Any, depth: int) -> None:
    """Sets every field to something that is not its default."""
    from evaluator_component.config.reader import is_map, is_repeated

    for field in message.DESCRIPTOR.fields:
        target = getattr(message, field.name)
        if is_map(field):
            key = field.message_type.fields_by_name["key"]
            value = field.message_type.fields_by_name["value"]
            if value.message_type is not None:
                fill(target["x"], depth - 1)
            else:
                target["x" if key.type == key.TYPE_STRING else 1] = "y" if value.type == value.TYPE_STRING else 0.5
        elif field.message_type is not None:
            fill(target.add() if is_repeated(field) else target, depth - 1)
        else:
            value = {field.TYPE_STRING: "x", field.TYPE_BOOL: True}.get(field.type, 1)
            if is_repeated(field):
                target.append(value)
            elif field.containing_oneof is None or message.WhichOneof(field.containing_oneof.name) is None:
                setattr(message, field.name, value)
