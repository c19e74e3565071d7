"""What workers share with the process that started the run, where they live in it: loaded models, progress, sums."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class _Run:
    predictors: tuple[Any, ...]
    listener: Callable[[int], None]
    kept: dict[int, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)


_runs: dict[str, _Run] = {}


@contextmanager
def run(run_id: str, predictors: tuple[Any, ...], listener: Callable[[int], None]) -> Iterator[None]:
    """Offers loaded models to the workers of a run, and hears of the examples they finish.

    Args:
        run_id: Names the run.
        predictors: The models, so that workers in this process need not load them again.
        listener: Called with the number of examples of every finished block.
    """
    _runs[run_id] = _Run(predictors, listener)
    try:
        yield
    finally:
        del _runs[run_id]


def predictors(run_id: str) -> tuple[Any, ...] | None:
    """The models of a run of this process; None elsewhere."""
    return _runs[run_id].predictors if run_id in _runs else None


def advance(run_id: str, examples: int) -> None:
    """Reports finished examples."""
    if run_id in _runs:
        _runs[run_id].listener(examples)


def keep(run_id: str, value: Any) -> int | None:
    """Keeps something until the run ends, for :func:`kept`; None when the run is another process's."""
    if run_id not in _runs:
        return None
    number = next(_runs[run_id].numbers)
    _runs[run_id].kept[number] = value
    return number


def kept(run_id: str, number: int) -> Any:
    """What was kept under this number."""
    return _runs[run_id].kept[number]
