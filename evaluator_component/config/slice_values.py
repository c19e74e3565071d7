"""Checks of where a sliced feature's values come from, and how they are grouped."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any, Final

from evaluator_component.config.paths import FieldError, Path
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.names import parse_value

FILTER: Final = "filter"
"""What stands in a slice's name in place of a feature, where there is a filter: ``filter∈long trips``."""

_WAYS: Final = ("edges", "quantiles", "top", "pattern", "prefix")
_FOUND: Final = {"found_edges": "quantiles", "found_values": "top"}
_LEAST: Final = {"quantiles": 2, "top": 1, "prefix": 1}


def check_values(values: config_pb2.SliceValues, path: Path) -> None:
    """Raises a ConfigError for values that contradict themselves or say nothing."""
    given = [way for way in _WAYS if getattr(values, way)]
    if len(given) > 1:
        raise FieldError((*path, given[1]), f"{given[0]} is given as well; values can be grouped in one way only")
    if not given and not values.missing and values.source == values.SOURCE_FEATURE:
        problem = (
            f"says nothing of {values.feature!r}; give one of {', '.join(_WAYS)}, a source or missing, or leave it out"
        )
        raise FieldError(path, problem)
    if values.feature == FILTER:
        problem = f"{FILTER!r} is how filters are called in the names of slices; values of it cannot be grouped"
        raise FieldError((*path, "feature"), problem)
    _check_source(values, path)
    for way, least in _LEAST.items():
        number = getattr(values, way)
        if number < 0 or 0 < number < least:
            raise FieldError((*path, way), f"expected at least {least}, got {number}")
    for name, way in _FOUND.items():
        if getattr(values, name) and way not in given:
            raise FieldError(
                (*path, name), f"{way} is not given, which is what was looked for; add it, or leave this out"
            )
    for index, text in enumerate(values.found_values):
        try:
            parse_value(text)
        except ValueError:
            problem = f"{text!r} is not written as a value of a slice is"
            raise FieldError((*path, "found_values", index), problem) from None
    _check_rising(values.edges, (*path, "edges"))
    _check_rising(values.found_edges, (*path, "found_edges"))
    try:
        re.compile(values.pattern)
    except re.error as error:
        raise FieldError((*path, "pattern"), f"{values.pattern!r} is not a regular expression: {error}") from None


def _check_source(values: config_pb2.SliceValues, path: Path) -> None:
    if values.source == values.SOURCE_FEATURE and values.output:
        raise FieldError((*path, "output"), "has no effect on a feature of the data; set source, or leave it out")
    if values.source == values.SOURCE_OUTPUT and not values.output:
        raise FieldError((*path, "output"), "missing; name the output of the model whose values are meant")


def _check_rising(edges: Any, path: Path) -> None:
    for index, edge in enumerate(edges):
        if not math.isfinite(edge):
            raise FieldError(
                (*path, index), f"expected a finite number, got {edge}; the outer buckets have no end anyway"
            )
    for index, (low, high) in enumerate(itertools.pairwise(edges), 1):
        if not low < high:
            raise FieldError((*path, index), f"expected more than {low:g}, the edge before it; got {high:g}")


def meaning(values: config_pb2.SliceValues) -> bytes:
    """What the values say, apart from what was found in data; equal for equal meanings."""
    plain: Any = config_pb2.SliceValues()
    plain.CopyFrom(values)
    for name in _FOUND:
        plain.ClearField(name)
    return bytes(plain.SerializeToString(deterministic=True))


def how_grouped(values: config_pb2.SliceValues) -> tuple[Any, ...]:
    """How values are put together; () where each is a slice of its own."""
    ways: tuple[Any, ...] = (tuple(values.edges), values.quantiles, values.top, values.pattern, values.prefix)
    return ways if any(ways) else ()


def was_found(values: config_pb2.SliceValues) -> tuple[Any, ...]:
    """What was found of the values in data; () for nothing."""
    found: tuple[Any, ...] = (tuple(values.found_edges), tuple(values.found_values))
    return found if any(found) else ()
