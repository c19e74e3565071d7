"""Messages that other programs made: refuses whatever this version would lose."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from evaluator_component.config.paths import FieldError, MapKey, Path
from evaluator_component.config.reader import is_map

_ADVICE = "a newer program wrote it; leave the field out, or use a version of evaluator-component that knows it"


def check_known(message: Any, known: Descriptor, path: Path = ()) -> None:
    """Raises a ConfigError if a message, or one inside it, holds a field or enum value that ours does not have.

    Args:
      message: A message, possibly of another program's type with our names and numbers.
      known: Our descriptor of it.
      path: Where the message is in the config.
    """
    for field, value in message.ListFields():
        here = (*path, field.name)
        ours = known.fields_by_number.get(field.number)
        if ours is None or ours.name != field.name or ours.type != field.type:
            raise FieldError(here, f"{known.name} has no such field here; {_ADVICE}")
        _check_value(value, field, ours, here)
    stripped = type(message)()
    stripped.CopyFrom(message)
    stripped.DiscardUnknownFields()
    if stripped.ByteSize() != message.ByteSize():  # nothing inside it was unknown, so it is a field of its own
        raise FieldError(path, f"holds a field of {known.name} whose number is not known here; {_ADVICE}")


def _check_value(value: Any, field: FieldDescriptor, ours: Any, path: Path) -> None:
    if is_map(field):
        inner = ours.message_type.fields_by_name["value"]
        if inner.message_type is not None:
            for key in sorted(value):
                check_known(value[key], inner.message_type, (*path, MapKey(key)))
    elif field.message_type is not None:
        if hasattr(value, "ListFields"):
            check_known(value, ours.message_type, path)
        else:
            for index, item in enumerate(value):
                check_known(item, ours.message_type, (*path, index))
    elif field.enum_type is not None and value not in ours.enum_type.values_by_number:
        raise FieldError(path, f"{ours.enum_type.name} has no value {value}; {_ADVICE}")
