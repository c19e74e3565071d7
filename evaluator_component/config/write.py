"""Configs as JSON text."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format

from evaluator_component.proto import config_pb2

FIRST_EXTENSION = 1000
"""Fields of EvalConfig and ModelSpec from this number on are ours; TFMA does not know them."""


def to_json(config: config_pb2.EvalConfig) -> str:
    """Returns the config as JSON on one line: keys sorted, fields named as in the proto, the same for equal configs."""
    return json.dumps(json_format.MessageToDict(config, preserving_proto_field_name=True), sort_keys=True)


def to_peer_json(config: config_pb2.EvalConfig) -> str:
    """Returns the config as JSON without our extensions, so that TFMA, which parses strictly, reads it."""
    plain: Any = config_pb2.EvalConfig()
    plain.CopyFrom(config)
    for message in (plain, *plain.model_specs):
        for field in message.DESCRIPTOR.fields:
            if field.number >= FIRST_EXTENSION:
                message.ClearField(field.name)
    return to_json(plain)
