"""Files of an output folder: each appears complete or not at all, on a local disk or in an object store.

Folders are named by a path, or by an address such as ``gs://bucket/folder``. Addresses go through TensorFlow's file
systems, or Beam's for schemes that TensorFlow does not know; both are imported only then.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any, Protocol


class Folder(Protocol):
    """The few things that writing and loading results need of a folder."""

    path: str

    def make(self) -> None:
        """Creates the folder and its parents where they are missing."""

    def exists(self, name: str) -> bool:
        """Returns whether the folder has the file."""

    def names(self) -> list[str]:
        """Returns the names of the folder's entries, sorted; none if there is no such folder."""

    def read(self, name: str) -> bytes:
        """Returns the content of a file; raises FileNotFoundError (or the file system's own error) without one."""

    def write(self, name: str, data: bytes) -> None:
        """Puts a file in place in one step; a reader sees the old content or the new."""

    def remove(self, name: str) -> None:
        """Removes a file if it is there."""

    def replacing(self, name: str) -> contextlib.AbstractContextManager[str]:
        """Gives a temporary path to write to; on leaving without an exception it takes the file's place."""


def folder(path: str | os.PathLike[str]) -> Folder:
    """Returns the folder at a path or address."""
    text = os.fspath(path)
    scheme, found, _ = text.partition("://")
    if not found:
        return _LocalFolder(text)
    import tensorflow as tf

    known = tf.io.gfile.get_registered_schemes()
    return _TensorFlowFolder(text) if scheme in known else _BeamFolder(text)


def _temporary(name: str) -> str:
    return f".tmp-{name}"  # one fixed name: what an interrupted run left behind is overwritten by the next


class _LocalFolder:
    """A folder on a mounted file system."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._path = pathlib.Path(path)

    def make(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)

    def exists(self, name: str) -> bool:
        return (self._path / name).exists()

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self._path.iterdir()) if self._path.is_dir() else []

    def read(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        with self.replacing(name) as temporary:
            pathlib.Path(temporary).write_bytes(data)

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[str]:
        temporary = self._path / _temporary(name)
        try:
            yield str(temporary)
            temporary.replace(self._path / name)
        finally:
            temporary.unlink(missing_ok=True)


class _TensorFlowFolder:
    """A folder behind one of TensorFlow's file systems (``gs://`` and others)."""

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        self.path = path.rstrip("/")
        self._files = tf.io.gfile

    def make(self) -> None:
        self._files.makedirs(self.path)

    def exists(self, name: str) -> bool:
        return bool(self._files.exists(f"{self.path}/{name}"))

    def names(self) -> list[str]:
        return (
            sorted(name.rstrip("/") for name in self._files.listdir(self.path)) if self._files.exists(self.path) else []
        )

    def read(self, name: str) -> bytes:
        with self._files.GFile(f"{self.path}/{name}", "rb") as file:
            return bytes(file.read())

    def write(self, name: str, data: bytes) -> None:
        with self.replacing(name) as temporary, self._files.GFile(temporary, "wb") as file:
            file.write(data)

    def remove(self, name: str) -> None:
        if self.exists(name):
            self._files.remove(f"{self.path}/{name}")

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[str]:
        temporary = f"{self.path}/{_temporary(name)}"
        yield temporary
        self._files.rename(temporary, f"{self.path}/{name}", overwrite=True)


class _BeamFolder:
    """A folder behind one of Apache Beam's file systems (``s3://``, ``azfs://``, ``hdfs://``)."""

    def __init__(self, path: str) -> None:
        from apache_beam.io.filesystems import FileSystems

        self.path = path.rstrip("/")
        self._files: Any = FileSystems

    def make(self) -> None:
        if not self._files.exists(self.path):
            self._files.mkdirs(self.path)

    def exists(self, name: str) -> bool:
        return bool(self._files.exists(f"{self.path}/{name}"))

    def names(self) -> list[str]:
        found = self._files.match([f"{self.path}/*"])[0].metadata_list
        return sorted(entry.path.rstrip("/").rpartition("/")[2] for entry in found)

    def read(self, name: str) -> bytes:
        with self._files.open(f"{self.path}/{name}") as file:
            return bytes(file.read())

    def write(self, name: str, data: bytes) -> None:
        with self._files.create(f"{self.path}/{name}") as file:  # an object appears only when it is closed
            file.write(data)

    def remove(self, name: str) -> None:
        if self.exists(name):
            self._files.delete([f"{self.path}/{name}"])

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[str]:
        import tempfile

        with tempfile.TemporaryDirectory() as local:
            temporary = pathlib.Path(local) / name
            yield str(temporary)
            self.write(name, temporary.read_bytes())
