"""The errors that a user can cause and mend.

Every message names the place (file, record, feature or config path), says what was expected and what came, and what
to do next. Anything that is not one of these is a defect of this package.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EvaluatorError(Exception):
    """Base class of the errors below."""


class ConfigError(EvaluatorError):
    """The evaluation config asks for something that does not exist or cannot be computed.

    The message begins with the path of the field, for example ``metrics_specs[0].metrics[2].class_name``.
    """


class DataError(EvaluatorError):
    """The examples cannot be read or do not hold what the config asks for.

    The message begins with the file and, where there is one, the record number (counted from 0).
    """


class ModelError(EvaluatorError):
    """A model cannot be loaded, has no usable signature, or its output does not fit the labels.

    The message begins with the model's path.

    Attributes:
        files_lost: Whether the model's files are gone or damaged, rather than of the wrong kind.
    """

    files_lost = False

    @classmethod
    def lost(cls, message: str) -> ModelError:
        """An error about files that are gone or damaged."""
        error = cls(message)
        error.files_lost = True
        return error


def nearest(name: str, candidates: Iterable[str], count: int = 3) -> str:
    """Returns a hint such as ``did you mean 'fare'? known: a, b, …`` for a misspelt name; '' without candidates."""
    known = sorted(set(candidates))
    if not known:
        return ""
    close = closest(name, known, count)
    listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    if close:
        return f"did you mean {' or '.join(repr(match) for match in close)}? Known: {listed}"
    return f"known: {listed}"


def closest(name: str, candidates: Iterable[str], count: int = 1) -> list[str]:
    """Returns the candidates that a misspelt name is like, the most similar first; none if it is like none."""
    folded = {candidate.lower(): candidate for candidate in sorted(set(candidates))}
    return [folded[match] for match in difflib.get_close_matches(name.lower(), list(folded), n=count, cutoff=0.5)]
