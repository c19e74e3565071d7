"""Where in a config something is: the path of a field, and the error that names it."""

from __future__ import annotations

from evaluator_component.errors import ConfigError


class MapKey(str):
    """A key of a map field; it is shown as ``["key"]``, where a field is shown as ``.field``."""

    __slots__ = ()


Path = tuple[str | int, ...]


def render(path: Path) -> str:
    """Returns the path as people write it: ``metrics_specs[0].thresholds["auc"].value_threshold``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif isinstance(part, MapKey):
            text += f'["{part}"]'
        else:
            text += f".{part}" if text else part
    return text


class FieldError(ConfigError):
    """A ConfigError that knows its field, so that the loader can add the file and line."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{render(path) or 'config'}: {problem}")
        self.path = path
