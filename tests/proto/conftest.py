"""The peer's message modules, and random messages of any type."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

from evaluator_component.config.reader import is_map, is_repeated

PEER = "tensorflow_model_analysis"
MODULES = ("config_pb2", "metrics_for_slice_pb2", "validation_result_pb2")

_INTEGERS = {
    FieldDescriptor.TYPE_INT32: 32,
    FieldDescriptor.TYPE_INT64: 64,
}


@pytest.fixture(scope="session")
def peer() -> dict[str, types.ModuleType]:
    """The peer's generated modules by name.

    Importing the peer itself takes 10 s and more, so its package stays a shell while the modules are loaded, and
    nothing of it is left in sys.modules for a test that wants the real one.
    """
    if PEER in sys.modules:
        return {name: importlib.import_module(f"{PEER}.proto.{name}") for name in MODULES}
    spec = importlib.util.find_spec(PEER)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the peer is not installed")
    for name, folder in ((PEER, ""), (f"{PEER}.proto", "/proto")):
        shell = types.ModuleType(name)
        shell.__path__ = [spec.submodule_search_locations[0] + folder]
        sys.modules[name] = shell
    importlib.import_module("google.protobuf.wrappers_pb2")
    try:
        return {name: importlib.import_module(f"{PEER}.proto.{name}") for name in MODULES}
    finally:
        for name in [name for name in sys.modules if name == PEER or name.startswith(f"{PEER}.")]:
            del sys.modules[name]


@pytest.fixture(scope="session")
def random_message() -> Callable[[st.DataObject, type], Any]:
    """A function that draws a message of a class; floats are never NaN, so that messages can be compared."""

    def draw_message(data: st.DataObject, cls: type) -> Any:
        message = cls()
        _fill(data, message, 4)
        return message

    return draw_message


def _fill(data: st.DataObject, message: Any, depth: int) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    fields = [field for field in descriptor.fields if depth or field.message_type is None]
    if not fields:
        return
    wanted = data.draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda field: field.number))
    for field in wanted:
        target = getattr(message, field.name)
        if is_map(field):
            key = data.draw(_scalar(field.message_type.fields_by_name["key"]))
            value = field.message_type.fields_by_name["value"]
            if value.message_type is None:
                target[key] = data.draw(_scalar(value))
            else:
                _fill(data, target[key], depth - 1)
        elif is_repeated(field):
            for _ in range(data.draw(st.integers(1, 2))):
                if field.message_type is None:
                    target.append(data.draw(_scalar(field)))
                else:
                    _fill(data, target.add(), depth - 1)
        elif field.message_type is not None:
            target.SetInParent()
            _fill(data, target, depth - 1)
        else:
            setattr(message, field.name, data.draw(_scalar(field)))


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.type in _INTEGERS:
        bits = _INTEGERS[field.type]
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return {
        FieldDescriptor.TYPE_STRING: st.text(max_size=5),
        FieldDescriptor.TYPE_BYTES: st.binary(max_size=5),
        FieldDescriptor.TYPE_BOOL: st.booleans(),
        FieldDescriptor.TYPE_FLOAT: st.floats(allow_nan=False, width=32),
        FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
    }[field.type]
