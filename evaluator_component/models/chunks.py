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
_halved: set[str] = set()


def halved_models() -> frozenset[str]:
    """Paths of the models that ran out of memory in this process, so that a smaller batch was used."""
    return frozenset(_halved)


def in_chunks(
    call: Callable[[dict[str, Any]], dict[str, npt.NDArray[Any]]],
    columns: dict[str, Any],
    batch: Batch,
    batch_size: int,
    path: str,
) -> dict[str, npt.NDArray[Any]]:
    """Calls a model on slices of the columns and joins the outputs.

    Raises:
        ModelError: The call fails, or an output does not have one row per example.
    """
    parts: list[dict[str, npt.NDArray[Any]]] = []
    start = 0
    while start < batch.size:
        stop = min(start + batch_size, batch.size)
        whole = start == 0 and stop == batch.size
        chunk = columns if whole else {name: value[start:stop] for name, value in columns.items()}
        try:
            output = call(chunk)
        except Exception as error:
            if type(error).__name__ == "ResourceExhaustedError" and stop - start > 1:
                batch_size = (stop - start) // 2
                _halved.add(path)
                _LOG.warning("%s: out of memory; going on with batches of %d examples", path, batch_size)
                continue
            raise ModelError(
                f"{path}: the model fails on records {batch.first_row + start} to {batch.first_row + stop - 1} of "
                f"{batch.shard.path}: {type(error).__name__}: {_first_line(error)}"
            ) from error
        for name, value in output.items():
            if value.ndim == 0 or value.shape[0] != stop - start:
                raise ModelError(
                    f"{path}: output {name!r} has shape {value.shape} for {stop - start} examples; expected one row "
                    "per example"
                )
        parts.append(output)
        start = stop
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:500]
