"""Which folders hold finished evaluations, and short names that tell them apart."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluator_component.errors import DataError
from evaluator_component.results import files, writing

_WILD = frozenset("*?[")


def find_outputs(outputs: Sequence[str | os.PathLike[str]]) -> tuple[dict[str, bool], list[str]]:
    """Finds the folders of finished evaluations.

    Args:
      outputs: output folders of evaluations, folders that hold such folders, or glob patterns of them.

    Returns:
      The folders in the order given, each once, those below one folder or pattern sorted by name, with whether the
      folder itself was given; and one sentence for each folder below another that was left out because its evaluation
      did not finish.

    Raises:
      DataError: a folder neither is a finished evaluation nor holds one, or a pattern matches none.
    """
    found: dict[str, bool] = {}
    notices: list[str] = []
    for output in outputs:
        text = os.fspath(output)
        if _is_pattern(text):
            folders = sorted(_matches(text))
            missing = "no finished evaluation matches"
        elif writing.is_complete(text):
            found[_plain(text)] = True
            continue
        else:
            folders = list(_below(text))
            missing = ""
        finished = [folder for folder in folders if writing.is_complete(folder)]
        if not finished:
            raise DataError(f"{text}: {missing or writing.why_incomplete(files.folder(text).names())}")
        notices += [
            f"{folder}: left out, {writing.why_incomplete(present)}"
            for folder in folders
            if folder not in finished and writing.METRICS_FILE in (present := files.folder(folder).names())
        ]
        for folder in map(_plain, finished):
            found.setdefault(folder, False)
    return found, notices


def short_names(paths: Sequence[str]) -> list[str]:
    """Returns the ends of the paths, as long as they must be to differ: ``b/results`` and ``c/results``, or ``7``.

    A path that occurs again is numbered: ``7 (2)``.
    """
    parts = {path: path.replace(os.sep, "/").rstrip("/").split("/") for path in paths}
    names = {}
    for path, mine in parts.items():
        others = [other for key, other in parts.items() if key != path]
        depth = 1
        while depth < len(mine) and any(mine[-depth:] == other[-depth:] for other in others):
            depth += 1
        names[path] = "/".join(mine[-depth:])
    seen: Counter[str] = Counter()
    labels = []
    for path in paths:
        seen[path] += 1
        labels.append(names[path] if seen[path] == 1 else f"{names[path]} ({seen[path]})")
    return labels


def _plain(path: str) -> str:
    return path.rstrip("/") or path


def _is_pattern(text: str) -> bool:
    return not _WILD.isdisjoint(text) and ("://" in text or not Path(text).exists())


def _matches(pattern: str) -> Iterator[str]:
    if "://" not in pattern:
        yield from (path for path in glob.glob(pattern, recursive=True) if Path(path).is_dir())  # noqa: PTH207
        return
    import tensorflow as tf

    yield from (path for path in tf.io.gfile.glob(pattern) if tf.io.gfile.isdir(path))


def _below(path: str) -> Iterator[str]:
    """The entries of a folder that may be folders of evaluations."""
    for name in files.folder(path).names():
        below = f"{path.rstrip('/')}/{name}"
        if "://" in path or Path(below).is_dir():
            yield below
