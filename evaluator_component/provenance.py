"""What run.json records of where a result came from: versions, inputs with digests, timings."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from evaluator_component.config import to_json
from evaluator_component.preflight import Preflight

_DISTRIBUTIONS = ("evaluator-component", "apache-beam", "tensorflow", "keras", "numpy", "pyarrow", "protobuf", "tfx")
_CHUNK = 1 << 20


class Clock:
    """Seconds per step of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.started = time.time()
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """Ends a step."""
        now = time.perf_counter()
        self.seconds[step] = round(now - self._last, 4)
        self._last = now


def digests(checked: Preflight) -> dict[str, Any]:
    """SHA-256 of every input file, and of every model (over the names and contents of its files)."""
    return {
        "files": [
            {"split": shard.split, "path": shard.path, "bytes": shard.size, "sha256": _file_digest(shard.path)}
            for shard in checked.shards
        ],
        "models": {
            model.name: {"path": path, "sha256": _model_digest(path)}
            for model, path in zip(checked.job.plan.models, checked.job.model_paths, strict=True)
            if path
        },
    }


def record(
    checked: Preflight,
    inputs: Mapping[str, Any],
    examples: Mapping[str, int],
    clock: Clock,
    beam_args: Sequence[str],
    halved: Sequence[str],
) -> dict[str, Any]:
    """The content of run.json.

    Args:
        checked: The run.
        inputs: As :func:`digests` gives them.
        examples: Number of examples by split.
        clock: The steps' times.
        beam_args: Beam's flags.
        halved: Models that ran out of memory.
    """
    warnings = [
        f"{path}: ran out of memory and got smaller batches, so the bytes of the result may differ between runs"
        for path in halved
    ]
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.started)),
        "versions": {"python": platform.python_version(), **_versions()},
        "config_sha256": hashlib.sha256(to_json(checked.config).encode()).hexdigest(),
        **inputs,
        "data": dict(checked.locations),
        "baseline": {
            "status": checked.baseline.status.value,
            "uri": checked.baseline.uri,
            "model_id": checked.baseline.model_id,
            "detail": checked.baseline.detail,
        },
        "examples": dict(examples),
        "class_names": {output: list(names) for output, names in checked.class_names.items()},
        "slices_found": _slices_found(checked),
        "seconds": clock.seconds,
        "beam_args": list(beam_args),
        "deterministic": not halved,
        "notices": list(checked.notices),
        "warnings": warnings,
    }


def _slices_found(checked: Preflight) -> dict[str, list[Any]]:
    """Edges of quantiles and most frequent values by feature, which slices are made of."""
    found = {values.feature: values for values in checked.job.plan.sliced_values if values.quantiles or values.top}
    return {name: list(found[name].found_edges or found[name].found_values) for name in sorted(found)}


def _versions() -> dict[str, str]:
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _file_digest(path: str) -> str:
    digest = hashlib.sha256()
    if "://" in path:
        import tensorflow as tf

        with tf.io.gfile.GFile(path, "rb") as remote:
            while chunk := remote.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _model_digest(path: str) -> str:
    if "://" in path:
        import tensorflow as tf

        files = sorted(f"{folder}/{name}" for folder, _, names in tf.io.gfile.walk(path) for name in names) or [path]
    else:
        root = Path(path)
        files = sorted(str(file) for file in root.rglob("*") if file.is_file()) if root.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file[len(path) :]}\0{_file_digest(file)}\0".encode())
    return digest.hexdigest()
