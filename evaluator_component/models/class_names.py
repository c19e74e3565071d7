"""The names of the classes whose scores a model gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluator_component.errors import ConfigError


@dataclass(frozen=True)
class LabelForms:
    """How labels are written.

    Attributes:
        vocabulary: The names of the classes in the order of the scores, as the config lists them; () for no names.
        domains: By label feature, the names that the schema lists.
        several: The label features that list any number of classes.
    """

    vocabulary: tuple[bytes, ...] = ()
    domains: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    several: frozenset[str] = frozenset()

    def names(self, key: str, given: Sequence[bytes] | None, classes: int) -> tuple[bytes, ...] | None:
        """The names of the classes of a label: those of the config, else of the model, else of the schema.

        Args:
            key: The label feature.
            given: What the model says.
            classes: How many scores it gives; the schema's list is of use only if it has as many.
        """
        if self.vocabulary:
            return self.vocabulary
        if given is not None:
            return tuple(given)
        listed = self.domains.get(key, ())
        return listed if len(listed) == classes else None


def read_vocabulary(name: str, model_path: str, where: str) -> tuple[bytes, ...]:
    """Reads the names of classes, one on a line.

    Args:
        name: A file, or the name of one among the assets of the model.
        model_path: The model's path, '' without one.
        where: Config path that names it, for the error.

    Raises:
        ConfigError: There is no such file, or it names a class twice or none.
    """
    candidates = [Path(name)]
    if model_path and not Path(name).is_absolute():
        candidates.append(Path(model_path) / "assets" / name)
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        looked = " or ".join(map(str, candidates))
        raise ConfigError(f"{where}: no file {looked}; expected a text file with the name of a class on each line")
    lines = found.read_bytes().splitlines()
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ConfigError(f"{where}: {found} is empty; expected the name of a class on each line")
    if len(set(lines)) < len(lines):
        twice = next(line for i, line in enumerate(lines) if line in lines[:i])
        raise ConfigError(f"{where}: {found} names the class {twice.decode(errors='replace')!r} twice")
    return tuple(lines)
