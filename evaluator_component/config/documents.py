"""Config texts into plain values: YAML, JSON and text protos, with the line of every field where the form has one."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from google.protobuf import text_format

from evaluator_component.config.paths import FieldError, Path
from evaluator_component.errors import ConfigError, nearest
from evaluator_component.proto import config_pb2

Lines = dict[Path, int]

_CANONICAL_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_SCALARS_TO_CHECK = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, with 1e-3 read as the number that it is (YAML 1.1 wants 1.0e-3)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


def read_yaml(text: str, name: str) -> tuple[Any, Lines]:
    """Returns the content of a YAML text and the line (from 1) of each of its fields.

    Raises:
      ConfigError: naming the text and line, if it is not YAML, has a key twice or a number that YAML reads oddly.
    """
    loader = _Loader(text)
    lines: Lines = {}
    try:
        node = loader.get_single_node()
        if node is not None:
            _walk(node, (), lines, set())
        return (None if node is None else loader.construct_document(node)), lines
    except FieldError as error:
        raise ConfigError(f"{error} ({name}, line {lines[error.path]})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
        problem = ", ".join(part for part in (error.problem, error.context) if part)
        raise ConfigError(f"{where}: not readable as YAML: {problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{name}: not readable as YAML: {error}") from None
    finally:
        loader.dispose()


def _walk(node: yaml.Node, path: Path, lines: Lines, seen: set[int]) -> None:
    """Records the line of every field, and refuses what YAML would silently change."""
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.ScalarNode):
        _refuse_odd_number(node, path)
        return
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, seen)
        return
    keys = set()
    for key, value in node.value:
        here = (*path, str(key.value))
        if not isinstance(key, yaml.ScalarNode):
            continue
        _refuse_odd_number(key, here)
        if key.value in keys and key.value != "<<":
            raise FieldError(here, f"the key occurs twice, again in line {key.start_mark.line + 1}")
        keys.add(key.value)
        lines[here] = key.start_mark.line + 1
        _walk(value, here, lines, seen)


def _refuse_odd_number(node: yaml.ScalarNode, path: Path) -> None:
    """YAML 1.1 reads 01234 as octal 668, 12:30 as 750 and 1_000 as 1000: nobody who writes a config means that."""
    if node.tag not in _SCALARS_TO_CHECK:
        return
    plain = _CANONICAL_INT.fullmatch(node.value) if node.tag.endswith("int") else not set(node.value) & set(":_")
    if not plain:
        raise FieldError(path, f"{node.value} is not a plain number; write it plainly, or in quotes if it is a text")


def read_json(text: str, name: str) -> Any:
    """Returns the content of a JSON text.

    Raises:
      ConfigError: naming the text and line, if it is not JSON or an object has a key twice.
    """

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ConfigError(f"{name}: the key {twice!r} occurs twice in one object")
        return content

    try:
        return json.loads(text, object_pairs_hook=without_duplicates)
    except json.JSONDecodeError as error:
        problem = f"not readable as JSON: {error.msg}"
        raise ConfigError(f"{name}, line {error.lineno}, column {error.colno}: {problem}") from None


def read_text_proto(text: str, name: str) -> config_pb2.EvalConfig:
    """Returns the config in a text proto.

    Raises:
      ConfigError: naming the text and line, and for a misspelt field the nearest ones.
    """
    try:
        return text_format.Parse(text, config_pb2.EvalConfig())
    except text_format.ParseError as error:
        problem = re.sub(r"^\d+:\d+ : ", "", str(error))
        unknown = re.search(r'Message type "([\w.]+)" (?:has no|should not have a) field named "([\w.]+)"', problem)
        if unknown:
            problem = f"{unknown[1].rpartition('.')[2]} has no field {unknown[2]!r}; {_known_fields(*unknown.groups())}"
        line = error.GetLine()
        raise ConfigError(f"{name}, line {line}: {problem}" if line else f"{name}: {problem}") from None


def _known_fields(message: str, field: str) -> str:
    pool = config_pb2.EvalConfig.DESCRIPTOR.file.pool
    return nearest(field, [known.name for known in pool.FindMessageTypeByName(message).fields])
