"""Which files hold the examples of each split."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from evaluator_component.errors import DataError

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

DEFAULT_SPLIT = "eval"
GZIP_MAGIC = b"\x1f\x8b\x08"
_NAMED = 3


@dataclass(frozen=True)
class Shard:
    """One file of examples.

    Attributes:
        split: Split that it belongs to.
        path: Where it is.
        compression: ``"GZIP"`` or ``""``, told from the content.
        size: Bytes on disk.
    """

    split: str
    path: str
    compression: str
    size: int

    @property
    def name(self) -> str:
        """Base name; with the record's number it identifies an example."""
        return self.path.rsplit("/", 1)[-1]


def find_shards(data: Source | Mapping[str, Source]) -> tuple[Shard, ...]:
    """Finds the files of examples.

    Args:
        data: A glob pattern, file or folder, or a list of those; or a mapping from split to them.

    Returns:
        Shards sorted by split and path.

    Raises:
        DataError: A pattern matches nothing, or a split has only empty files.
    """
    splits = data if isinstance(data, Mapping) else {DEFAULT_SPLIT: data}
    for name, source in splits.items():
        several = source if isinstance(source, (list, tuple)) else [source]
        if not isinstance(name, str) or not all(isinstance(part, (str, os.PathLike)) for part in several):
            raise DataError(f"data: expected a path, a list of paths, or a mapping from split to them; got {data!r}")
        if name in ("", "*"):
            raise DataError(f"data: {name!r} cannot be the name of a split; expected a name such as 'eval'")
    if not splits:
        raise DataError("data: no split to evaluate; expected at least one glob pattern, file or folder")
    shards = []
    for split, source in sorted(splits.items()):
        patterns = [source] if isinstance(source, (str, os.PathLike)) else list(source)
        if not patterns:
            raise DataError(f"split {split!r}: no pattern given; expected a glob pattern, file or folder")
        paths = sorted({path for pattern in patterns for path in _expand(os.fspath(pattern), split)})
        found = [_open(split, path) for path in paths]
        if not any(shard.size for shard in found):
            raise DataError(
                f"split {split!r}: all of its {len(found)} files are empty (first: {found[0].path}); "
                "check the step that wrote them"
            )
        shards += [shard for shard in found if shard.size]
    return tuple(shards)


def locations(data: Source | Mapping[str, Source]) -> dict[str, str]:
    """Returns where the examples of each split are, as the user said it; of many patterns, the first and the last."""
    splits = data if isinstance(data, Mapping) else {DEFAULT_SPLIT: data}
    found = {}
    for split, source in sorted(splits.items()):
        patterns = [os.fspath(part) for part in ([source] if isinstance(source, (str, os.PathLike)) else source)]
        many = f"{len(patterns)} paths: {patterns[0]} … {patterns[-1]}"
        found[split] = ", ".join(patterns) if len(patterns) <= _NAMED else many
    return found


def _expand(pattern: str, split: str) -> Iterator[str]:
    if "://" in pattern:
        yield from _expand_remote(pattern, split)
        return
    if Path(pattern).is_dir():
        files = [str(p) for p in Path(pattern).iterdir() if p.is_file() and not p.name.startswith((".", "_"))]
        if not files:
            raise DataError(f"{pattern}: the folder has no file; split {split!r} expects TFRecord files in it")
        yield from files
        return
    files = [path for path in glob.glob(pattern, recursive=True) if Path(path).is_file()]  # noqa: PTH207
    if not files:
        raise DataError(f"{pattern}: no file matches (split {split!r}); check the path or the pattern")
    yield from files


def _expand_remote(pattern: str, split: str) -> Iterator[str]:
    import tensorflow as tf

    folder = tf.io.gfile.isdir(pattern)
    files = [p for p in tf.io.gfile.glob(pattern.rstrip("/") + "/*" if folder else pattern) if not tf.io.gfile.isdir(p)]
    if not files:
        raise DataError(f"{pattern}: no file matches (split {split!r}); check the path or the pattern")
    yield from files


def _open(split: str, path: str) -> Shard:
    if "://" in path:
        import tensorflow as tf

        with tf.io.gfile.GFile(path, "rb") as file:
            head, size = file.read(len(GZIP_MAGIC)), file.size()
    else:
        try:
            with Path(path).open("rb") as file:
                head, size = file.read(len(GZIP_MAGIC)), os.fstat(file.fileno()).st_size
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return Shard(split, path, "GZIP" if head == GZIP_MAGIC else "", size)


def open_shard(shard: Shard) -> IO[bytes]:
    """Opens a file as it is on disk."""
    if "://" not in shard.path:
        return Path(shard.path).open("rb")
    import tensorflow as tf

    remote: IO[bytes] = tf.io.gfile.GFile(shard.path, "rb")
    return remote
