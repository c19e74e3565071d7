"""A config from whatever a user has: a file, a text, a mapping, or a message (TFMA's too)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError, Message

from evaluator_component.config.check import check_config
from evaluator_component.config.documents import Lines, read_json, read_text_proto, read_yaml
from evaluator_component.config.foreign import check_known
from evaluator_component.config.paths import FieldError
from evaluator_component.config.reader import describe, read_message
from evaluator_component.errors import ConfigError, nearest
from evaluator_component.proto import config_pb2

_YAML = (".yaml", ".yml")
_TEXT_PROTO = (".pbtxt", ".txtpb", ".textproto")
_SUFFIXES = (*_YAML, ".json", *_TEXT_PROTO)


def load_config(source: object) -> config_pb2.EvalConfig:
    """Returns the config in a source, checked for everything that can be checked without data and models.

    All forms of the same config give the same message.

    Args:
      source: A path ending in .yaml, .yml, .json, .pbtxt, .txtpb or .textproto; a mapping; JSON or YAML text; or a
        message named EvalConfig, ours or ``tfma.EvalConfig``.

    Raises:
      ConfigError: naming the field's path (and the file's line, where there is one), what was expected and what came.
    """
    if isinstance(source, Message):
        config = _from_message(source)
        check_config(config)
        return config
    if isinstance(source, Mapping):
        return _from_plain(source, {}, "")
    if isinstance(source, os.PathLike):
        return _from_file(Path(source))
    if isinstance(source, str):
        text = source.strip()
        if text.startswith("{"):
            return _from_plain(read_json(source, "config text"), {}, "")
        if "\n" not in text and text.lower().endswith(_SUFFIXES):
            return _from_file(Path(source))
        if "\n" in text or ": " in text:
            return _from_plain(*read_yaml(source, "config text"), "config text")
        raise ConfigError(
            f"config: {source!r} is neither a file's path (ending in {', '.join(_SUFFIXES)}) nor JSON or YAML text"
        )
    raise ConfigError(f"config: expected a path, a text, a mapping or an EvalConfig message, got {describe(source)}")


def _from_plain(value: Any, lines: Lines, name: str) -> config_pb2.EvalConfig:
    config = config_pb2.EvalConfig()
    try:
        read_message(value, config)
        check_config(config)
    except FieldError as error:
        known = next((error.path[:size] for size in range(len(error.path), 0, -1) if error.path[:size] in lines), None)
        if known is None:
            raise ConfigError(f"{error} ({name})" if name else str(error)) from None
        raise ConfigError(f"{error} ({name}, line {lines[known]})") from None
    return config


def _from_file(path: Path) -> config_pb2.EvalConfig:
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigError(f"{path}: expected a file ending in {', '.join(_SUFFIXES)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        hint = nearest(path.name, [file.name for file in beside if file.suffix.lower() in _SUFFIXES])
        raise ConfigError(f"{path}: no such file" + (f"; {hint}" if hint else "")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    if not text.strip():
        raise ConfigError(f"{path}: the file is empty")
    if suffix in _YAML:
        return _from_plain(*read_yaml(text, str(path)), str(path))
    if suffix == ".json":
        return _from_plain(read_json(text, str(path)), {}, str(path))
    config = read_text_proto(text, str(path))
    try:
        check_config(config)
    except FieldError as error:
        raise ConfigError(f"{error} ({path})") from None
    return config


def _from_message(source: Any) -> config_pb2.EvalConfig:
    if source.DESCRIPTOR.name != "EvalConfig":
        raise ConfigError(f"config: expected a message named EvalConfig, got {source.DESCRIPTOR.full_name}")
    check_known(source, config_pb2.EvalConfig.DESCRIPTOR)
    try:
        config = config_pb2.EvalConfig.FromString(source.SerializeToString(deterministic=True))
    except DecodeError as error:
        raise ConfigError(f"config: {source.DESCRIPTOR.full_name} cannot be read as our EvalConfig: {error}") from None
    check_known(config, config_pb2.EvalConfig.DESCRIPTOR)
    return config
