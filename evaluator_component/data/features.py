"""What kind of values each feature holds, from the schema and from the first records."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluator_component.data.files import Shard
from evaluator_component.data.reader import read_first
from evaluator_component.errors import ConfigError, DataError, nearest

PEEK_ROWS = 64
SEARCH_ROWS = 10_000


class ValueKind(enum.Enum):
    """The three kinds of values of a tf.Example."""

    BYTES = "string"
    INT = "int"
    FLOAT = "float"


@dataclass(frozen=True)
class Features:
    """The features that are known of.

    Attributes:
        kinds: Kind of values by feature.
        in_schema: Names in the schema; None without a schema.
        several: Features that have different numbers of values, or several strings, in the records looked at.
        domains: The strings that the schema allows a feature, in its order.
    """

    kinds: Mapping[str, ValueKind]
    in_schema: frozenset[str] | None
    several: frozenset[str] = frozenset()
    domains: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    def require(self, name: str, path: str) -> ValueKind:
        """The kind of a feature that the config names.

        Raises:
            ConfigError: Neither the schema nor the records looked at have it.
        """
        if name in self.kinds:
            return self.kinds[name]
        if not self.kinds:
            raise DataError("the data holds no record with a feature; check the step that wrote the files")
        where = (
            "neither the schema nor the data has it"
            if self.in_schema is not None
            else f"the first {SEARCH_ROWS:,} records of each file looked at do not have it"
        )
        raise ConfigError(f"{path}: unknown feature {name!r}: {where}; {nearest(name, self.kinds)}")


def load_schema(schema: Any) -> Any:
    """Loads a tensorflow-metadata Schema.

    Args:
        schema: A Schema message, the path of a text proto, a folder that holds schema.pbtxt, or None.

    Raises:
        DataError: There is no such file, or it is not a schema.
    """
    if schema is None or not isinstance(schema, (str, os.PathLike)):
        return schema
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    path = Path(schema)
    file = path / "schema.pbtxt" if path.is_dir() else path
    if "://" in os.fspath(schema):
        import tensorflow as tf

        name = os.fspath(schema)
        name = name.rstrip("/") + "/schema.pbtxt" if tf.io.gfile.isdir(name) else name
        with tf.io.gfile.GFile(name) as handle:
            text = handle.read()
    elif not file.is_file():
        raise DataError(f"{file}: no such file; expected a schema as a text proto (schema.pbtxt)")
    else:
        text = file.read_text(encoding="utf-8")
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise DataError(f"{file}: not a tensorflow-metadata Schema in text form ({error})") from error


def find_features(shards: Sequence[Shard], schema: Any = None, wanted: Iterable[str] = ()) -> Features:
    """Looks at the first records, and at the schema where the records leave a feature open.

    Args:
        shards: Files to look at: the first records of each split, and more while a wanted feature is still unknown.
        schema: A Schema message or None.
        wanted: Features that the config needs.

    Raises:
        DataError: A record is not a tf.Example, or one feature holds values of two kinds.
    """
    kinds: dict[str, ValueKind] = {}
    counts: dict[str, set[int]] = {}
    missing = set(wanted)
    seen_splits = set()
    for shard in shards:
        if shard.split not in seen_splits:
            seen_splits.add(shard.split)
            _look(shard, PEEK_ROWS, kinds, counts)
    names = None
    domains: dict[str, tuple[bytes, ...]] = {}
    if schema is not None:
        names = frozenset(feature.name for feature in schema.feature)
        for feature in schema.feature:
            kind = {1: ValueKind.BYTES, 2: ValueKind.INT, 3: ValueKind.FLOAT}.get(feature.type)
            if kind is not None:
                kinds.setdefault(feature.name, kind)
        domains = _string_domains(schema)
        for feature in schema.feature:
            if feature.value_count.max > max(feature.value_count.min, 1):
                counts.setdefault(feature.name, set()).update((1, int(feature.value_count.max)))
    for shard in shards:
        if missing <= set(kinds):
            break
        _look(shard, SEARCH_ROWS, kinds, counts)  # a rare feature, or a misspelt name
    several = {
        name
        for name, sizes in counts.items()
        if len(sizes) > 1 or (kinds.get(name) is ValueKind.BYTES and max(sizes) > 1)
    }
    return Features(kinds, names, frozenset(several), domains)


def _string_domains(schema: Any) -> dict[str, tuple[bytes, ...]]:
    """The strings that the schema lists for a feature, itself or in a domain that it shares with others."""
    shared = {domain.name: domain for domain in schema.string_domain}
    found = {}
    for feature in schema.feature:
        own = feature.string_domain if feature.HasField("string_domain") else shared.get(feature.domain)
        if own is not None and own.value:
            found[feature.name] = tuple(value.encode() for value in own.value)
    return found


def _look(shard: Shard, rows: int, kinds: dict[str, ValueKind], counts: dict[str, set[int]]) -> None:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    by_field = {"bytes_list": ValueKind.BYTES, "int64_list": ValueKind.INT, "float_list": ValueKind.FLOAT}
    for row, record in enumerate(read_first(shard, rows)):
        try:
            example = tf.train.Example.FromString(record)
        except DecodeError as error:
            raise not_an_example(shard, row) from error
        for name, feature in example.features.feature.items():
            held = feature.WhichOneof("kind")
            if held is None or not getattr(feature, held).value:
                continue
            counts.setdefault(name, set()).add(len(getattr(feature, held).value))
            if kinds.setdefault(name, by_field[held]) is not by_field[held]:
                raise DataError(
                    f"{shard.path}: record {row}: feature {name!r} holds {by_field[held].value} values, and "
                    f"{kinds[name].value} values in an earlier record; write it as one kind"
                )


def not_an_example(shard: Shard, row: int) -> DataError:
    """The error for a record of another format."""
    return DataError(
        f"{shard.path}: record {row} is not a tf.Example; expected serialized tf.train.Example messages in a "
        "TFRecord file"
    )
