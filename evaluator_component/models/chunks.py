"""Keeps the maximum batch size, and halves it when a model runs out of memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.data.batch import Batch
from evaluator_component.errors import ModelError

_LOG = logging.getLogger(__name__)

Call = Callable[[dict[str, Any]], dict[str, npt.NDArray[Any]]]


class Chunks:
    """Calls one model on slices of a batch.

    Args:
        path: Where the model is, for messages.
        batch_size: The most examples per call. It shrinks for good once the model runs out of memory.

    Attributes:
        halved: Whether that happened. Results may then differ from those of another machine.
    """

    def __init__(self, path: str, batch_size: int):
        self.halved = False
        self._path = path
        self._batch_size = batch_size

    def call(self, call: Call, columns: dict[str, Any], batch: Batch) -> dict[str, npt.NDArray[Any]]:
        """Calls a model on slices of the columns and joins the outputs.

        Raises:
            ModelError: The call fails, or an output does not have one row per example.
        """
        parts: list[dict[str, npt.NDArray[Any]]] = []
        start = 0
        while start < batch.size:
            stop = min(start + self._batch_size, batch.size)
            whole = start == 0 and stop == batch.size
            chunk = columns if whole else {name: value[start:stop] for name, value in columns.items()}
            try:
                output = call(chunk)
            except Exception as error:
                if type(error).__name__ == "ResourceExhaustedError" and stop - start > 1:
                    self._halve(stop - start)
                    continue
                raise ModelError(
                    f"{self._path}: the model fails on records {batch.first_row + start} to "
                    f"{batch.first_row + stop - 1} of {batch.shard.path}: {type(error).__name__}: {_first_line(error)}"
                ) from error
            self._check(output, stop - start)
            parts.append(output)
            start = stop
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _halve(self, size: int) -> None:
        self._batch_size = size // 2
        self.halved = True
        _LOG.warning("%s: out of memory; going on with batches of %d examples", self._path, self._batch_size)

    def _check(self, output: dict[str, npt.NDArray[Any]], size: int) -> None:
        for name, value in output.items():
            if value.ndim == 0 or value.shape[0] != size:
                raise ModelError(
                    f"{self._path}: output {name!r} has shape {value.shape} for {size} examples; expected one row per "
                    "example"
                )


def _first_line(error: Exception) -> str:
    """What a message says, without the place in the graph that TensorFlow puts before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_PLACES)]
    return " ".join((telling or lines)[:2])[:500]


_PLACES = ("Graph execution error", "Detected at node", 'File "', "<stack traces unavailable>", "[[{{node")
