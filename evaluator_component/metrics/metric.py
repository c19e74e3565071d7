"""What a metric is: the terms it sums, a pure function of their totals, and what the gate must know about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.metrics.records import Reads
from evaluator_component.metrics.terms import KeyedTerms, Sampler, Terms
from evaluator_component.metrics.totals import GroupedHistogram, Totals
from evaluator_component.metrics.view import Float64, Kind
from evaluator_component.stats.student import Scale

Direction = Literal["higher", "lower"]
HIGHER: Direction = "higher"
LOWER: Direction = "lower"


@dataclass(frozen=True)
class Values:
    """A metric's values over slices.

    Attributes:
        value: float64 ``[slices]``, NaN where undefined.
        undefined: Why a value is NaN, in words that follow "in this slice"; the same for all slices.
        lower: Lower end of the bracket that coarsened scores leave, None when no score was coarsened.
        upper: Its upper end.
        notes: What a value leaves out, by slice; None for nothing.
    """

    value: Float64
    undefined: str = "the metric is not defined on these examples"
    lower: Float64 | None = None
    upper: Float64 | None = None
    notes: npt.NDArray[np.object_] | None = field(default=None, kw_only=True)

    def resolve(self) -> Values:
        """Returns itself; the counterpart of :meth:`Ratio.resolve`."""
        return self

    @property
    def bracketed(self) -> npt.NDArray[np.bool_]:
        """Boolean ``[slices]``: where the value is known as a bracket only."""
        return np.zeros(len(self.value), bool) if self.lower is None else ~np.isnan(self.lower)

    @property
    def ends(self) -> tuple[Float64, Float64]:
        """The lowest and the highest that the value can be: itself where it is known."""
        if self.lower is None or self.upper is None:
            return self.value, self.value
        bracketed = self.bracketed
        return np.where(bracketed, self.lower, self.value), np.where(bracketed, self.upper, self.value)


@dataclass(frozen=True)
class Ratio:
    """A quotient of two totals: undefined where the denominator is 0.

    Attributes:
        numerator: float64 ``[slices]``.
        denominator: float64 ``[slices]``.
        undefined: Why the denominator can be 0.
    """

    numerator: Float64
    denominator: Float64
    undefined: str

    def resolve(self) -> Values:
        """Divides."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(self.denominator == 0, np.nan, self.numerator / self.denominator)
        return Values(value, self.undefined)


Result = Ratio | Values
Fits = Callable[[Sequence[pa.ListArray]], tuple[int, str] | None]


@dataclass(frozen=True)
class PlotData:
    """Buckets of a plot for all slices.

    Attributes:
        slices: int32 ``[rows]``.
        bucket: int32 ``[rows]``.
        lower: float64 ``[rows]`` lower edge of the bucket, or the threshold.
        upper: float64 ``[rows]`` upper edge, or the threshold again.
        columns: Further columns of the plots table by name, each ``[rows]``.
    """

    slices: Any
    bucket: Any
    lower: Float64
    upper: Float64
    columns: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Across:
    """How a metric compares the slices of some features with each other: its value is of the overall slice alone.

    Attributes:
        features: The features of the slicing spec whose slices are compared.
        also: Further rates beside the metric's ``result``; of several the worst comparison counts.
        ratio: Whether rates are compared by their quotient (smallest over largest), instead of their difference.
    """

    features: tuple[str, ...]
    also: tuple[Callable[[Totals], Result], ...] = ()
    ratio: bool = False


@dataclass(frozen=True)
class Metric:
    """One metric with its options bound, ready to be planned.

    Attributes:
        name: Name in the results.
        kind: What it expects of labels and predictions.
        terms: Terms summed by slice.
        keyed: Terms summed by slice and key.
        result: Values over slices, as a function of the totals of the terms.
        direction: Whether higher or lower is better; None when neither is.
        interval: How a confidence interval is made (a method's name): "exact" of what is no estimate, None for none.
        uses_predictions: Whether it differs between models.
        uses_weights: False when example weights never enter.
        sub_key: Tells apart the values of one metric, for example at several thresholds; '' otherwise.
        compares: Whether it compares the candidate's predictions with the baseline's: it is then of the candidate
            alone, and its value counts as a change.
        feature: The feature whose values it sees in place of predictions; '' for predictions.
        across: Which slices it compares; ``result`` is then the rate of each of them. None for a metric of one slice.
        reads: The columns that it reads as lists; () where it reads numbers.
        fits: Finds the first example whose lists do not fit each other: its row, and what is wrong. None where any do.
        resolution: How many distinct scores of a slice and group of examples are told apart for its standard error.
        scale: The scale on which its limits are symmetric; the registry takes it from the range of its values.
        without: Its value of all groups of examples and without each, float64 ``[slices, 1 + groups]``, where that can
            be had of the histogram faster than by computing it anew without each of them; None where it cannot.
    """

    name: str
    kind: Kind
    result: Callable[[Totals], Result]
    terms: tuple[Terms, ...] = ()
    keyed: tuple[KeyedTerms, ...] = ()
    direction: Direction | None = None
    interval: str | None = None
    uses_predictions: bool = True
    uses_weights: bool = True
    sub_key: str = ""
    compares: bool = False
    feature: str = ""
    across: Across | None = None
    reads: tuple[Reads, ...] = ()
    fits: Fits | None = None
    resolution: int = 128
    scale: Scale = "plain"
    without: Callable[[GroupedHistogram], Float64] | None = None


@dataclass(frozen=True)
class Plot:
    """The data of a plot: like a metric, but its result is rows of buckets.

    Attributes:
        type: The class name, which says how it is drawn, whatever its name is.
        reads: As on :class:`Metric`.
        fits: As there.
        samples: What is sampled of what is read; its result finds it with ``totals.sample``.
    """

    name: str
    type: str
    kind: Kind
    keyed: tuple[KeyedTerms, ...]
    result: Callable[[Totals, Any], PlotData]
    terms: tuple[Terms, ...] = ()
    uses_predictions: bool = True
    uses_weights: bool = True
    sub_key: str = ""
    reads: tuple[Reads, ...] = ()
    fits: Fits | None = None
    samples: tuple[Sampler, ...] = ()


Options = Mapping[str, Any]


@dataclass(frozen=True)
class Definition:
    """An entry of the registry.

    Attributes:
        class_name: Name in the config.
        name: Default name in the results.
        family: Family in the catalogue.
        summary: One sentence: what it is, and the source of the definition.
        options: Accepted keys of the JSON ``config`` beside ``name``, each with its default.
        build: Makes the metrics or plots of one config entry from a result name and complete options.
        direction: As on :class:`Metric`.
        interval: As on :class:`Metric`.
        range: Smallest and largest possible value.
        example: Options that must be given, each with an example of a value.
        name_of: The default name in the results, of options that have a say in it; None where it is ``name``.
        names: The names in the results where it has several, ``name`` first; a name of the user's own is for the first.
        compares: Whether it compares the candidate with the baseline, and has no value without one.
        by_class: Whether it takes ``class_id`` and ``top_k``, which make a binary problem of several classes.
    """

    class_name: str
    name: str
    family: str
    summary: str
    options: Options
    build: Callable[[str, Options], tuple[Metric | Plot, ...]]
    direction: Direction | None = None
    interval: str | None = None
    range: tuple[float, float] = (-np.inf, np.inf)
    example: Options = field(default_factory=dict)
    compares: bool = False
    by_class: bool = False
    names: tuple[str, ...] = ()
    name_of: Callable[[Options], str] | None = None
