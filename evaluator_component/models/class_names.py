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
        vocabularies: For each model the names of the classes in the order of its scores, as the config lists them; ()
            for no names.
        domains: By label feature, the names that the schema lists.
        several: The label features that list any number of classes.
    """

    vocabularies: tuple[tuple[bytes, ...], ...] = ((),)
    domains: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    several: frozenset[str] = frozenset()

    def names(self, key: str, given: tuple[bytes, ...] | None, classes: int) -> tuple[bytes, ...] | None:
        """The names of the candidate's classes: those of the config, else of the model, else of the schema.

        Args:
            key: The label feature.
            given: What the model says.
            classes: How many scores it gives; the schema's list is of use only if it has as many.

        Raises:
            ValueError: The config and the model contradict each other.
        """
        vocabulary = self.vocabularies[0]
        if vocabulary and len(vocabulary) != classes:
            raise ValueError(f"names {len(vocabulary)} classes, and the model gives {classes} scores per example")
        if vocabulary and given is not None and vocabulary != given:
            raise ValueError(f"names {_listed(vocabulary)}, and the model says that its scores are of {_listed(given)}")
        if vocabulary or given is not None:
            return vocabulary or given
        listed = self.domains.get(key, ())
        return listed if len(listed) == classes else None

    def order(self, index: int, given: tuple[bytes, ...] | None, names: Sequence[bytes]) -> list[int] | None:
        """The places of the candidate's classes among the scores of another model; None if nothing is known of those.

        Args:
            index: The model's index.
            given: What that model says.
            names: The names of the candidate's classes.

        Raises:
            ValueError: It has other classes.
        """
        own = given or self.vocabularies[index]
        if not own:
            return None
        if sorted(own) != sorted(names):
            raise ValueError(f"its scores are of {_listed(own)}, and the candidate's are of {_listed(names)}")
        return [own.index(name) for name in names]


def _listed(names: Sequence[bytes]) -> str:
    shown = ", ".join(repr(name.decode("utf-8", "replace")) for name in names[:_SHOWN])
    return shown + (", …" if len(names) > _SHOWN else "")


_SHOWN = 10


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
