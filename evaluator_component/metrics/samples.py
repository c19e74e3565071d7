"""Samples of a feature's values: of all examples of a slice, or of those that the model gets wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.metrics.binary import at_thresholds
from evaluator_component.metrics.metric import Definition, Metric, Options, Plot, PlotData
from evaluator_component.metrics.records import Reads, as_written, lengths, of_lengths
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind, View

_FAMILY = "samples"


@dataclass(frozen=True)
class Sampling:
    """A sample without replacement of the examples of each slice: those with the lowest keys.

    An example's key is exponentially distributed with its weight as rate (Efraimidis & Spirakis 2006), and made of a
    hash of its place in its file: the same whatever the runner, and whatever else is sampled.

    Attributes:
        size: How many values are kept.
        wanted: "all", "false positives" or "false negatives".
        threshold: Examples with a score above it are predicted positive.
        seed: Another seed is another sample.
    """

    size: int
    wanted: str = "all"
    threshold: float = 0.5
    seed: int = 0

    def keys(self, view: View, units: npt.NDArray[np.uint64]) -> Float64:
        """float64 ``[n, classes]``: the keys, infinite for examples that are not sampled.

        Args:
            view: The examples, with the rows of each (see ``fold``).
            units: uint64 ``[n]``: the hash of each example.
        """
        with np.errstate(over="ignore"):
            mixed = (units ^ np.uint64(self.seed % 2**64)) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(29)
        uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        fits = view.weights > 0
        if self.wanted != "all":
            above = view.predictions > self.threshold
            positive = self.wanted == "false negatives"
            fits &= (above != positive) & (view.labels > 0.5 if positive else view.labels < 0.5)
        shape = (len(units), view.classes, view.fold // view.classes)
        rows = fits.reshape(shape).any(axis=2)
        weights = view.weights.reshape(shape).max(axis=2, initial=0.0)
        with np.errstate(divide="ignore"):
            keys = -np.log(uniform)[:, None] / np.where(rows, weights, 1.0)
        return np.where(rows, keys, np.inf)


def as_texts(lists: pa.ListArray) -> pa.BinaryArray:
    """The values of each example as one text, several separated by commas."""
    texts = of_lengths(lengths(lists), as_written(lists.flatten()))
    return pc.binary_join(texts, pa.scalar(b", ", pa.binary()))


@dataclass(frozen=True)
class _Sample:
    sampling: Sampling

    def __call__(self, totals: Totals, wanted: Any) -> PlotData:
        slices, texts = totals.sample(self.sampling)
        rows = np.flatnonzero(np.isin(slices, wanted))
        slices = slices[rows]
        bucket = np.arange(len(rows)) - np.searchsorted(slices, slices)
        none = np.zeros(len(rows))
        values = np.array([texts[int(row)].as_py().decode("utf-8", "replace") for row in rows], object)
        return PlotData(slices, bucket.astype(np.int32), none, none, {"sample": values})


def _register(
    class_name: str, summary: str, kind: Kind, wanted: str, key: str, size: str, options: Options, *, by_class: bool
) -> None:
    def build(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        feature, count, seed = given[key], given[size], given.get("random_seed") or 0
        if not isinstance(feature, str) or not feature:
            raise ValueError(f"{key}: expected the name of a feature, got {feature!r}")
        if not isinstance(count, int) or not 1 <= count <= 10_000:
            raise ValueError(f"{size}: expected a whole number from 1 to 10,000, got {count!r}")
        if not isinstance(seed, int):
            raise ValueError(  # noqa: TRY004 - it is told as one of the config
                f"random_seed: expected a whole number, got {seed!r}"
            )
        (threshold,) = at_thresholds(given.get("threshold", 0.5))
        sampling = Sampling(count, wanted, threshold, seed)
        reads = (Reads("feature", feature),)
        return (Plot(name, class_name, kind, (), _Sample(sampling), reads=reads, samples=(sampling,)),)

    example = {key: "company", size: 5}
    all_options: Options = {key: None, size: None, **options}
    register(
        Definition(
            class_name, snake_case(class_name), _FAMILY, summary, all_options, build, example=example, by_class=by_class
        )
    )


_register(
    "FixedSizeSample",
    "Values of a feature from a sample of the examples of each slice, by weight. (Efraimidis & Spirakis 2006)",
    Kind.ANY,
    "all",
    "sampled_key",
    "size",
    {"random_seed": None},
    by_class=False,
)
for _class_name, _wanted in (
    ("FalsePositiveFeatureSampler", "false positives"),
    ("FalseNegativeFeatureSampler", "false negatives"),
):
    _register(
        _class_name,
        f"Values of a feature from a sample of the {_wanted} of each slice.",
        Kind.BINARY,
        _wanted,
        "feature_key",
        "sample_size",
        {"threshold": 0.5},
        by_class=True,
    )
