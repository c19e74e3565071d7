"""Configs as JSON and as YAML text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml
from google.protobuf import json_format

from evaluator_component.config.slices import rule_lists
from evaluator_component.proto import config_pb2

FIRST_EXTENSION = 1000
"""Fields of EvalConfig, ModelSpec and SlicingSpec from this number on are ours; TFMA does not know them."""


def to_json(config: config_pb2.EvalConfig) -> str:
    """Returns the config as JSON on one line: keys sorted, fields named as in the proto, the same for equal configs."""
    return json.dumps(json_format.MessageToDict(config, preserving_proto_field_name=True), sort_keys=True)


def to_yaml(config: config_pb2.EvalConfig) -> str:
    """Returns the config as YAML for people, with the fields in the order of the proto; `load_config` reads it."""
    plain = json_format.MessageToDict(config, preserving_proto_field_name=True)
    return str(yaml.safe_dump(_with_numbers(plain, config.DESCRIPTOR), sort_keys=False, allow_unicode=True, width=100))


def to_peer_json(config: config_pb2.EvalConfig) -> str:
    """Returns the config as JSON without our extensions, so that TFMA, which parses strictly, reads it.

    A slicing spec that means something else without them is left out, and with it what is said of its slices alone.
    """
    plain: Any = config_pb2.EvalConfig()
    plain.CopyFrom(config)
    for message in (plain, *plain.model_specs):
        _strip(message)
    _keep(plain.slicing_specs, is_peers_spec)
    _keep(plain.cross_slicing_specs, _is_peers_pair)
    for _, rules in rule_lists(plain, "per_slice_thresholds"):
        _keep(rules, lambda rule: _keep(rule.slicing_specs, is_peers_spec))
    for _, rules in rule_lists(plain, "cross_slice_thresholds"):
        _keep(rules, lambda rule: _keep(rule.cross_slicing_specs, _is_peers_pair))
    return to_json(plain)


def is_peers_spec(spec: config_pb2.SlicingSpec) -> bool:
    """Returns whether TFMA can say what a slicing spec says."""
    return not _extensions(spec)


def _with_numbers(value: Any, descriptor: Any) -> Any:
    """Makes numbers of the texts that JSON has for whole numbers of 64 bits."""
    for name, part in value.items():
        field = descriptor.fields_by_name.get(name)
        if field is None:
            continue
        if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
            value[name] = [int(number) for number in part] if isinstance(part, list) else int(part)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for message in part if isinstance(part, list) else [part]:
                if isinstance(message, dict):
                    _with_numbers(message, field.message_type)
    return value


def _is_peers_pair(pair: Any) -> bool:
    return is_peers_spec(pair.baseline_spec) and _keep(pair.slicing_specs, is_peers_spec)


def _extensions(message: Any) -> list[str]:
    """The fields of ours that are set."""
    return [field.name for field, _ in message.ListFields() if field.number >= FIRST_EXTENSION]


def _strip(message: Any) -> None:
    for name in _extensions(message):
        message.ClearField(name)


def _keep(messages: Any, wanted: Callable[[Any], bool]) -> bool:
    """Removes the other messages of a repeated field; returns whether one is left."""
    for index in reversed(range(len(messages))):
        if not wanted(messages[index]):
            del messages[index]
    return bool(messages)
