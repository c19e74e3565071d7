"""Writes docs/eval_config.schema.json: the JSON Schema of configs, made from our descriptors and their comments.

Run ``python tools/generate_config_schema.py`` after a change of ``proto/``; a test compares the file with the output.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from evaluator_component.config.reader import LISTS, OPTIONS_FIELD, enum_values, is_map, is_repeated, is_wrapper
from evaluator_component.proto import config_pb2

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto" / "evaluator_component" / "proto" / "config.proto"
OUTPUT = ROOT / "docs" / "eval_config.schema.json"

Schema = dict[str, Any]

_OPENING = re.compile(r"(?:message|enum) (\w+) \{")
_MEMBER = re.compile(r"(?:[\w.<>, ]+ )?(\w+) = \d+")


def comments(source: str) -> dict[str, str]:
    """Returns the comments of a .proto file by full name, for example ``EvalConfig.gate``.

    A comment is the // lines right above a message, enum, field or enum value.
    """
    found: dict[str, str] = {}
    scope: list[str] = []
    pending: list[str] = []
    for line in map(str.strip, source.splitlines()):
        if line.startswith("//"):
            pending.append(line.removeprefix("//").strip())
            continue
        opening, member = _OPENING.match(line), _MEMBER.match(line)
        if opening:
            scope.append(opening[1])
        elif line.endswith("{"):  # a oneof: its members belong to the message
            scope.append("")
        elif line == "}":
            scope.pop()
        name = ".".join(filter(None, [*scope, member[1] if member else ""]))
        if pending and (opening or member):
            found[name] = " ".join(pending)
        pending = []
    return found


def build() -> Schema:
    """Returns the schema of EvalConfig with every message that it reaches."""
    notes = comments(PROTO.read_text(encoding="utf-8"))
    definitions: dict[str, Schema] = {}
    _define(config_pb2.EvalConfig.DESCRIPTOR, notes, definitions)
    root = definitions.pop("EvalConfig")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "EvalConfig",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _define(message: Descriptor, notes: dict[str, str], definitions: dict[str, Schema]) -> None:
    if message.name in definitions:
        return
    schema: Schema = {"type": "object", "additionalProperties": False}
    definitions[message.name] = schema
    _describe(schema, notes.get(message.name, ""))
    schema["properties"] = {}
    for field in message.fields:
        entry = _field(field, notes, definitions)
        schema["properties"][field.name] = entry
        _describe(entry, notes.get(f"{message.name}.{field.name}", ""))
    exclusive = [
        {"not": {"required": [one.name, other.name]}}
        for oneof in message.oneofs
        for one, other in itertools.combinations(oneof.fields, 2)
    ]
    if exclusive:
        schema["allOf"] = exclusive


def _field(field: FieldDescriptor, notes: dict[str, str], definitions: dict[str, Schema]) -> Schema:
    if is_map(field):
        entry: Any = field.message_type
        schema: Schema = {"type": "object"}
        if entry.fields_by_name["key"].type != FieldDescriptor.TYPE_STRING:
            schema["propertyNames"] = {"pattern": "^-?[0-9]+$"}
        schema["additionalProperties"] = _single(entry.fields_by_name["value"], notes, definitions)
        return schema
    single = _single(field, notes, definitions)
    return {"type": "array", "items": single} if is_repeated(field) else single


def _single(field: FieldDescriptor, notes: dict[str, str], definitions: dict[str, Schema]) -> Schema:
    message = field.message_type
    if message is None:
        return _scalar(field, notes)
    if is_wrapper(message):
        return _scalar(message.fields_by_name["value"], notes)
    if message.full_name in LISTS:
        return {"type": "array", "items": _scalar(message.fields_by_name["values"], notes)} | _also_spelt_out(message)
    _define(message, notes, definitions)
    return {"$ref": "#" if message.name == "EvalConfig" else f"#/$defs/{message.name}"}


def _also_spelt_out(message: Descriptor) -> Schema:
    """A list may stand for a message of repeated values; the message itself is what protobuf's JSON writes."""
    items = _scalar(message.fields_by_name["values"], {})
    return {
        "type": ["array", "object"],
        "properties": {"values": {"type": "array", "items": items}},
        "additionalProperties": False,
    }


def _scalar(field: FieldDescriptor, notes: dict[str, str]) -> Schema:
    if field.enum_type is not None:
        return _enum(field.enum_type, notes)
    if field.full_name == OPTIONS_FIELD:
        return {"type": ["string", "object"]}
    if field.type == FieldDescriptor.TYPE_STRING:
        return {"type": ["string", "integer"]}
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"type": "boolean"}
    if field.type == FieldDescriptor.TYPE_INT64:  # protobuf's JSON writes 64-bit integers in quotes
        return {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]+$"}]}
    if field.type == FieldDescriptor.TYPE_INT32:
        return {"type": "integer"}
    return {"anyOf": [{"type": "number"}, {"enum": ["Infinity", "-Infinity"]}]}


def _enum(enum: EnumDescriptor, notes: dict[str, str]) -> Schema:
    schema: Schema = {"enum": [name for name, number in enum_values(enum).items() if number]}
    _describe(schema, notes.get(enum.full_name.removeprefix("evaluator_component."), ""))
    return schema


def _describe(schema: Schema, comment: str) -> None:
    if comment:
        schema["description"] = comment


def text() -> str:
    """Returns the content of the schema file."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
