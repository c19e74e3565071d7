"""Our messages against the peer's: the same names, numbers and types, and bytes and JSON that go both ways."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluator_component.config import complete_config, load_config, to_json, to_peer_json
from evaluator_component.config.reader import is_map, is_repeated
from evaluator_component.config.write import FIRST_EXTENSION
from evaluator_component.errors import ConfigError
from evaluator_component.proto import config_pb2

MODULES = ("config_pb2", "metrics_for_slice_pb2", "validation_result_pb2")
OURS = {name: importlib.import_module(f"evaluator_component.proto.{name}") for name in MODULES}

thorough = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def local(name: str) -> str:
    return name.removeprefix("evaluator_component.").removeprefix("tensorflow_model_analysis.")


def messages(scope: Any) -> Iterator[Descriptor]:
    nested = scope.message_types_by_name if hasattr(scope, "message_types_by_name") else scope.nested_types_by_name
    for message in nested.values():
        yield message
        yield from messages(message)


def enums(module: types.ModuleType) -> dict[str, dict[str, int]]:
    def content(enum: EnumDescriptor) -> dict[str, int]:
        return {value.name: value.number for value in enum.values}

    found = {local(enum.full_name): content(enum) for enum in module.DESCRIPTOR.enum_types_by_name.values()}
    for message in messages(module.DESCRIPTOR):
        found.update({local(enum.full_name): content(enum) for enum in message.enum_types})
    return found


def field_facts(field: FieldDescriptor) -> dict[str, Any]:
    return {
        "number": field.number,
        "type": field.type,
        "repeated": is_repeated(field),
        "map": is_map(field),
        "presence": field.has_presence,
        "json_name": field.json_name,
        "oneof": field.containing_oneof and field.containing_oneof.name,
        "message": field.message_type and local(field.message_type.full_name),
        "enum": field.enum_type and local(field.enum_type.full_name),
        "deprecated": field.GetOptions().deprecated,
    }


def message_facts(module: types.ModuleType) -> dict[str, dict[str, Any]]:
    return {
        local(message.full_name): {field.name: field_facts(field) for field in message.fields}
        for message in messages(module.DESCRIPTOR)
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_message_and_field_of_the_peer_is_ours_too(peer: dict[str, types.ModuleType], name: str) -> None:
    theirs, ours = message_facts(peer[name]), message_facts(OURS[name])
    assert len(theirs) >= 5
    for message, fields in theirs.items():
        plain = {field: facts for field, facts in ours[message].items() if facts["number"] < FIRST_EXTENSION}
        assert plain == fields, message


@pytest.mark.parametrize("name", MODULES)
def test_every_enum_of_the_peer_is_ours_too(peer: dict[str, types.ModuleType], name: str) -> None:
    ours = enums(OURS[name])
    for enum, values in enums(peer[name]).items():
        assert ours[enum] == values, enum


def test_extensions_are_only_where_the_peer_can_be_spared_them(peer: dict[str, types.ModuleType]) -> None:
    theirs, ours = message_facts(peer["config_pb2"]), message_facts(config_pb2)
    assert set(ours) - set(theirs) == {"GateOptions", "EngineOptions", "IntervalOptions", "SliceValues"}
    added = [(message, field) for message in theirs for field in ours[message] if field not in theirs[message]]
    # What is written for the peer leaves these out: to_peer_json.
    assert added == [
        ("ModelSpec", "label_vocabulary"),
        *(("SlicingSpec", field) for field in ("values", "filter", "filter_name")),
        *(("EvalConfig", field) for field in ("gate", "engine", "intervals")),
    ]


def test_the_peers_reserved_numbers_stay_free(peer: dict[str, types.ModuleType]) -> None:
    from google.protobuf import descriptor_pb2

    for name in MODULES:
        file = descriptor_pb2.FileDescriptorProto()
        peer[name].DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            reserved = {number for span in message.reserved_range for number in range(span.start, span.end)}
            used = {field.number for field in OURS[name].DESCRIPTOR.message_types_by_name[message.name].fields}
            assert not reserved & used, message.name


ROOTS = [
    ("config_pb2", "EvalConfig"),
    ("config_pb2", "EvalRun"),
    ("metrics_for_slice_pb2", "MetricsForSlice"),
    ("metrics_for_slice_pb2", "PlotsForSlice"),
    ("metrics_for_slice_pb2", "AttributionsForSlice"),
    ("validation_result_pb2", "ValidationResult"),
]


@thorough
@pytest.mark.parametrize(("module", "name"), ROOTS)
@given(data=st.data())
def test_their_messages_pass_through_ours(
    peer: dict[str, types.ModuleType], random_message: Callable[..., Any], module: str, name: str, data: st.DataObject
) -> None:
    theirs, ours = getattr(peer[module], name), getattr(OURS[module], name)
    message = random_message(data, theirs)

    through_bytes = ours.FromString(message.SerializeToString())
    assert theirs.FromString(through_bytes.SerializeToString()) == message
    without_unknown = ours.FromString(message.SerializeToString())
    without_unknown.DiscardUnknownFields()
    assert without_unknown == through_bytes

    through_json = json_format.Parse(json_format.MessageToJson(message), ours())
    assert through_json == through_bytes
    assert json_format.Parse(json_format.MessageToJson(through_json), theirs()) == message


@thorough
@given(data=st.data())
def test_reading_plain_values_agrees_with_protobufs_own_reader(
    random_message: Callable[..., Any], data: st.DataObject
) -> None:
    from evaluator_component.config.reader import read_message

    message = random_message(data, config_pb2.EvalConfig)
    for names_as_in_proto in (True, False):
        plain = json_format.MessageToDict(message, preserving_proto_field_name=names_as_in_proto)
        read = config_pb2.EvalConfig()
        read_message(plain, read)
        assert read == message


def tfma_config(peer: dict[str, types.ModuleType]) -> Any:
    text = """
      {"model_specs": [{"label_key": "tips", "prediction_key": "p"}],
       "slicing_specs": [{}, {"feature_keys": ["trip_start_hour"]}],
       "metrics_specs": [{"metrics": [
         {"class_name": "AUC", "config": "\\"num_thresholds\\": 100",
          "threshold": {"value_threshold": {"lower_bound": 0.5},
                        "change_threshold": {"absolute": -0.01, "direction": "HIGHER_IS_BETTER"}}}]}],
       "options": {"include_default_metrics": false, "min_slice_size": 20}}"""
    return json_format.Parse(text, peer["config_pb2"].EvalConfig())


def test_a_config_object_of_the_peer_is_loaded_as_it_is(peer: dict[str, types.ModuleType]) -> None:
    theirs = tfma_config(peer)
    ours = load_config(theirs)
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
    assert load_config(json_format.MessageToJson(theirs)) == ours


def test_peer_json_is_what_the_peer_reads(peer: dict[str, types.ModuleType]) -> None:
    theirs = tfma_config(peer)
    ours = load_config(theirs)
    ours.gate.missing_slice = config_pb2.GateOptions.MISSING_SLICE_SKIP
    assert json_format.Parse(to_peer_json(ours), peer["config_pb2"].EvalConfig()) == theirs
    json_format.Parse(to_peer_json(complete_config(ours, has_baseline=True)), peer["config_pb2"].EvalConfig())
    with pytest.raises(json_format.ParseError):
        json_format.Parse(to_json(ours), peer["config_pb2"].EvalConfig())


def test_a_broken_config_object_of_the_peer_is_refused(peer: dict[str, types.ModuleType]) -> None:
    theirs = tfma_config(peer)
    theirs.metrics_specs[0].metrics.add().CopyFrom(theirs.metrics_specs[0].metrics[0])
    with pytest.raises(ConfigError, match=r"metrics_specs\[0\]\.metrics\[1\]: AUC is the same as"):
        load_config(theirs)


def test_other_messages_of_the_peer_are_refused(peer: dict[str, types.ModuleType]) -> None:
    with pytest.raises(ConfigError, match=r"got tensorflow_model_analysis\.ModelSpec"):
        load_config(peer["config_pb2"].ModelSpec(label_key="a"))
