"""Plain values (what JSON and YAML give) into config messages, strictly: nothing is dropped, every error has a path.

The forms of protobuf's JSON are all accepted (names in snake_case or camelCase, wrappers as plain values, numbers in
quotes), and besides: enum values without their prefix, unquoted integers where a text is wanted, a metric's options as
a mapping, ``{value: …}`` for wrappers (as text protos are written) and a list for a message of repeated values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from evaluator_component.config.options import options_json
from evaluator_component.config.paths import FieldError, MapKey, Path
from evaluator_component.errors import nearest
from evaluator_component.proto import config_pb2

OPTIONS_FIELD = config_pb2.MetricConfig.DESCRIPTOR.fields_by_name["config"].full_name
LISTS = {config_pb2.RepeatedInt32Value.DESCRIPTOR.full_name, config_pb2.RepeatedStringValue.DESCRIPTOR.full_name}
_INT_BITS = {
    FieldDescriptor.TYPE_INT32: 32,
    FieldDescriptor.TYPE_INT64: 64,
}
_FLOAT32_MAX = 3.4028235677973366e38  # the least double that rounds to a float32 infinity


def read_message(value: Any, message: Any, path: Path = ()) -> None:
    """Sets the fields of an empty message from a mapping.

    Raises:
      ConfigError: naming the path of the field, what was expected and what came.
    """
    descriptor = message.DESCRIPTOR
    if not isinstance(value, Mapping):
        raise FieldError(path, f"expected a mapping with fields of {descriptor.name}, got {describe(value)}")
    names = field_names(descriptor)
    given: dict[str, str] = {}
    for key, item in value.items():
        field = names.get(key) if isinstance(key, str) else None
        if field is None:
            known = nearest(str(key), [known.name for known in descriptor.fields])
            raise FieldError((*path, str(key)), f"{descriptor.name} has no such field; {known}")
        here = (*path, key)
        slot = field.containing_oneof.name if field.containing_oneof else field.name
        if slot in given:
            raise FieldError(here, f"{given[slot]!r} is given as well; only one of the two can be")
        given[slot] = key
        if item is None:
            raise FieldError(here, "empty; give it a value or leave it out")
        _read_field(item, message, field, here)


def field_names(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    """Returns the fields by the names that a user may write: snake_case and camelCase."""
    return {name: field for field in descriptor.fields for name in (field.name, field.json_name)}


def enum_values(enum: EnumDescriptor) -> dict[str, int]:
    """Returns an enum's numbers by the names that a user may write: in full, and without the enum's own prefix."""
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    full = {value.name: value.number for value in enum.values}
    short = {name[len(prefix) :]: number for name, number in full.items() if name.startswith(prefix)}
    return {**short, **full}


def describe(value: Any) -> str:
    """Returns what a value is, in a user's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()} (yes, no, on and off are truth values in YAML)"
    if isinstance(value, (int, float)):
        return f"the number {value!r}"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, Mapping):
        return "a mapping" + (f" with {', '.join(map(str, list(value)[:5]))}" if value else "")
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"{value} ({type(value).__name__})"


def is_map(field: FieldDescriptor) -> bool:
    """Returns whether a field is a map."""
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def is_repeated(field: Any) -> bool:
    """Returns whether a field is repeated; the old attribute warns on new protobuf, the new one is missing on old."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def is_wrapper(descriptor: Descriptor) -> bool:
    """Returns whether a message is one of protobuf's wrappers (DoubleValue, BoolValue, …)."""
    return bool(descriptor.file.name == "google/protobuf/wrappers.proto")


def _read_field(value: Any, message: Any, field: FieldDescriptor, path: Path) -> None:
    target = getattr(message, field.name)
    if is_map(field):
        _read_map(value, target, field, path)
    elif is_repeated(field):
        if not isinstance(value, (list, tuple)):
            hint = f"; write [{value}]" if isinstance(value, (str, int, float)) else ""
            raise FieldError(path, f"expected a list, got {describe(value)}{hint}")
        for index, item in enumerate(value):
            if field.message_type is None:
                target.append(read_scalar(item, field, (*path, index)))
            else:
                _read_child(item, target.add(), (*path, index))
    elif field.message_type is not None:
        target.SetInParent()
        _read_child(value, target, path)
    elif field.full_name == OPTIONS_FIELD and isinstance(value, Mapping):
        message.config = options_json(value, path)
    else:
        setattr(message, field.name, read_scalar(value, field, path))


def _read_child(value: Any, message: Any, path: Path) -> None:
    descriptor = message.DESCRIPTOR
    if is_wrapper(descriptor) and not isinstance(value, Mapping):
        message.value = read_scalar(value, descriptor.fields_by_name["value"], path)
    elif descriptor.full_name in LISTS and isinstance(value, (list, tuple)):
        read_message({"values": value}, message, path)
    elif value is None:
        raise FieldError(path, "empty; for a message without fields write {}")
    else:
        read_message(value, message, path)


def _read_map(value: Any, target: Any, field: FieldDescriptor, path: Path) -> None:
    if not isinstance(value, Mapping):
        raise FieldError(path, f"expected a mapping, got {describe(value)}")
    entry: Any = field.message_type
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    seen = set()
    for raw, item in value.items():
        here = (*path, MapKey(raw))
        key = read_scalar(raw, key_field, here)
        if key in seen:
            raise FieldError(here, "the key occurs twice")
        seen.add(key)
        if value_field.message_type is None:
            target[key] = read_scalar(item, value_field, here)
        else:
            target[key].SetInParent()
            _read_child(item, target[key], here)


def read_scalar(value: Any, field: FieldDescriptor, path: Path) -> Any:
    """Returns the value for a scalar or enum field, converted where nothing is lost.

    Raises:
      ConfigError: if the value does not fit the field's type.
    """
    if field.enum_type is not None:
        return _read_enum(value, field.enum_type, path)
    if field.type == FieldDescriptor.TYPE_STRING:
        if isinstance(value, str):
            return _read_text(value, path)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise FieldError(path, f"expected a text, got {describe(value)}; put it in quotes")
    if field.type == FieldDescriptor.TYPE_BOOL:
        if isinstance(value, bool):
            return value
        raise FieldError(path, f"expected true or false, got {describe(value)}")
    if field.type in _INT_BITS:
        return _read_int(value, _INT_BITS[field.type], path)
    return _read_float(value, field.type == FieldDescriptor.TYPE_FLOAT, path)


def _read_text(value: str, path: Path) -> str:
    """Returns the text with surrogate pairs joined: YAML's reader leaves JSON's escapes of them as two characters."""
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise FieldError(path, f"{value!r} holds half of a character (a surrogate)") from None


def _read_enum(value: Any, enum: EnumDescriptor, path: Path) -> int:
    values = enum_values(enum)
    if isinstance(value, str) and value in values:
        return values[value]
    if isinstance(value, int) and not isinstance(value, bool) and value in values.values():
        return value
    full = {item.name for item in enum.values}
    short = [name for name in values if name not in full and values[name] != 0]
    known = nearest(str(value), short or full)
    raise FieldError(path, f"expected a value of {enum.name}, got {describe(value)}; {known}")


def _read_int(value: Any, bits: int, path: Path) -> int:
    number = value
    if (isinstance(value, str) and re.fullmatch(r"-?\d+", value)) or (isinstance(value, float) and value.is_integer()):
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise FieldError(path, f"expected an integer, got {describe(value)}")
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise FieldError(path, f"expected an integer of {bits} bits, got {describe(value)}")
    return number


def _read_float(value: Any, single: bool, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise FieldError(path, f"expected a number, got {describe(value)}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise FieldError(path, f"expected a number, got {describe(value)}") from None
    if single and math.isfinite(number) and abs(number) >= _FLOAT32_MAX:
        raise FieldError(path, f"expected a number of 32 bits, got {describe(value)}")
    return number
