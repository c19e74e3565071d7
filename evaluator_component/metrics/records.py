"""What metrics read as it is in the data: lists of any length per example, instead of one number or one per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.metrics.view import Float64, View

Bool = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]
Role = Literal["label", "prediction", "feature"]
Held = Literal["texts", "numbers"]


@dataclass(frozen=True)
class Reads:
    """A column that a metric reads as lists.

    Attributes:
        role: What it is: a missing value is told as one of this role.
        key: The name of the feature, or of the model's output; '' for the label and the prediction of the model spec.
        image: Whether each example has an encoded image, whose pixels are read.
        least: An example with fewer values lacks something.
        most: An example with more values is an error; 0 for any number.
        holds: What its values must be; None for either.
    """

    role: Role
    key: str = ""
    image: bool = False
    least: int = 0
    most: int = 0
    holds: Held | None = None


def held(lists: pa.ListArray) -> Held:
    """What the values are."""
    return "texts" if pa.types.is_binary(lists.type.value_type) else "numbers"


def lengths(lists: pa.ListArray) -> Index:
    """Int ``[n]``: how many values each example has."""
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False), np.intp)


def owners(lists: pa.ListArray) -> Index:
    """Int ``[values]``: the example of each value."""
    return np.repeat(np.arange(len(lists)), lengths(lists))


def numbers(lists: pa.ListArray) -> Float64:
    """float64 ``[values]``: the values of lists of numbers."""
    return np.asarray(lists.flatten().to_numpy(zero_copy_only=False), np.float64)


def comparable(values: Sequence[pa.Array]) -> list[pa.Array]:
    """Arrays of one type: numbers as float64 unless all are integers; beside texts as they are written."""
    kinds = {array.type for array in values if len(array)}
    if any(pa.types.is_binary(kind) for kind in kinds):
        return [as_written(array) if len(array) else pa.array([], pa.binary()) for array in values]
    integers = all(pa.types.is_integer(kind) for kind in kinds)
    wanted = pa.int64() if integers else pa.float64()
    return [array.cast(wanted) if len(array) else pa.array([], wanted) for array in values]


def as_written(array: pa.Array) -> pa.BinaryArray:
    """Texts as they are, numbers as their text."""
    return array if pa.types.is_binary(array.type) else array.cast(pa.string()).cast(pa.binary())


def unusable(reads: Reads, lists: pa.ListArray) -> Bool:
    """Bool ``[n]``: which examples have no value where they must, or a number that is not finite."""
    bad: Bool = lengths(lists) < reads.least
    if pa.types.is_floating(lists.type.value_type):
        bad[owners(lists)[~np.isfinite(numbers(lists))]] = True
    return bad


def without(lists: pa.ListArray, bad: Bool) -> pa.ListArray:
    """The lists, those of some examples emptied."""
    if not bad.any():
        return lists
    return of_lengths(np.where(bad, 0, lengths(lists)), lists.flatten().filter(pa.array(~bad[owners(lists)])))


def of_lengths(counts: Index, values: pa.Array) -> pa.ListArray:
    """Lists of these lengths, int ``[n]``, with the values one after another."""
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32()), values)


def as_lists(values: npt.NDArray[np.generic]) -> pa.ListArray:
    """An array ``[n, …]`` of numbers or bytes as one list per example."""
    flat = values.ravel()
    array = pa.array(flat.tolist(), pa.binary()) if values.dtype == object else pa.array(flat)
    return of_lengths(np.full(len(values), int(np.prod(values.shape[1:]))), array)


def beside(view: View, reads: Sequence[Reads], records: Sequence[pa.ListArray]) -> View:
    """A view of numbers, with lists beside them; an example that lacks a value that must be there is not usable.

    Args:
        view: The numbers.
        reads: What was asked for.
        records: The lists, one array per entry of ``reads``.
    """
    bad = np.zeros(len(view), bool)
    for one, lists in zip(reads, records, strict=True):
        if one.least:
            bad |= unusable(one, lists)
    if bad.any():
        weights = np.where(bad, 0.0, view.weights)
        view = replace(view, weights=weights, bad_predictions=view.bad_predictions | bad)
        records = [without(lists, bad) for lists in records]
    return replace(view, records=tuple(records))


def view_of(reads: Sequence[Reads], records: Sequence[pa.ListArray], weights: Float64) -> View:
    """The view of what is read, with what cannot be used taken out.

    Args:
        reads: What was asked for.
        records: The lists, one array per entry of ``reads``.
        weights: float64 ``[n]``; NaN where missing.
    """
    bad = {role: np.zeros(len(weights), bool) for role in ("label", "prediction", "feature")}
    for one, lists in zip(reads, records, strict=True):
        bad[one.role] |= unusable(one, lists)
    bad_weights = ~(np.isfinite(weights) & (weights >= 0))
    any_bad = bad["label"] | bad["prediction"] | bad["feature"] | bad_weights
    none = np.zeros(len(weights))
    return View(
        none,
        none,
        np.where(any_bad, 0.0, weights),
        bad["label"],
        bad["prediction"] | bad["feature"],
        bad_weights,
        records=tuple(without(lists, any_bad) for lists in records),
    )
