"""What must be known of the data before the pass: edges of quantiles, and the most frequent values.

Both are found by passes of their own over the same files, on the same runner: the most frequent values by counting the
examples of each value, quantiles by a histogram over all values.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Context
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from evaluator_component.engine import local
from evaluator_component.engine.accumulate import State, merge
from evaluator_component.engine.job import Job
from evaluator_component.engine.layout import GroupedTerms
from evaluator_component.engine.methods import tables_of
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.view_totals import ViewTotals
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.records import Reads, lengths, numbers
from evaluator_component.metrics.terms import Examples
from evaluator_component.metrics.view import Float64, Kind, View
from evaluator_component.models.predictor import Predictor
from evaluator_component.slicing.names import Value, format_slice, format_value, parse_slice
from evaluator_component.slicing.specs import Grouping
from evaluator_component.slicing.values import FEATURE, LABEL, PREDICTION, Values

RunPass = Callable[[Job], dict[str, State]]
_COUNTED = ViewKey(0, "", False, Kind.ANY.name)
_DIGITS = 17


@dataclass(frozen=True)
class NumberHistogram:
    """How often each number occurs, whatever the weights."""

    columns = ("values",)
    keyed_by_score = True

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return numbers(view.records[0])

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return (np.ones(len(numbers(view.records[0]))),)

    def rows_by_example(self, view: View) -> npt.NDArray[np.intp]:
        """See :class:`~evaluator_component.metrics.terms.SeveralRows`."""
        return lengths(view.records[0])


@dataclass(frozen=True)
class SurveyJob(Job):
    """A job that looks at the values of some features, and computes no metric.

    Attributes:
        wanted: The values: all with quantiles, or all with the most frequent values.
    """

    wanted: tuple[Values, ...] = ()

    def make_plan(self) -> Plan:
        """Counts of single values, or histograms of numbers."""
        base = super().make_plan()
        quantiles = [values for values in self.wanted if values.quantiles]
        exact = [replace(values, top=0, missing=False, found_values=()) for values in self.wanted if values.top]
        groups = [Grouping((one.feature,), ((),), () if one.source == FEATURE else (one,)) for one in exact]
        candidate = base.models[0]
        return replace(
            base,
            models=(replace(candidate, weight_keys=tuple((output, "") for output, _ in candidate.weight_keys)),),
            groupings=tuple(groups) if groups else (Grouping((), ((),)),),
            metrics=(),
            slice_tables=tables_of(((_COUNTED, Examples()),)),
            keyed_terms=tuple((_view(values), NumberHistogram()) for values in quantiles),
            samples=(),
            intervals=None,
            made={},
            grouped=GroupedTerms(),
            pairs=(),
            surveyed=tuple((_view(values).sources[0], values) for values in quantiles),
        )


def find_slices(
    job: Job, open_values: Sequence[Values], predictors: Sequence[Predictor | None], run_pass: RunPass
) -> dict[str, Values]:
    """Finds edges of quantiles and most frequent values in all splits together.

    Args:
        job: The job of the evaluation.
        open_values: What is to be found, each feature once.
        predictors: The models of the job.
        run_pass: Runs a job on the files.

    Returns:
        The values with what was found, by feature.

    Raises:
        DataError, ModelError, ConfigError: As in the evaluation itself.
    """
    result: dict[str, Values] = {}
    for wanted in ([v for v in open_values if v.quantiles], [v for v in open_values if v.top]):
        if not wanted:
            continue
        own = _survey_job(job, tuple(wanted), predictors[0])
        with local.run(own.run_id, (predictors[0] if own.model_paths[0] else None,), lambda _: None):
            state = merge(own.plan, run_pass(own).values())
        found = _edges if wanted[0].quantiles else _most_frequent
        result |= {values.feature: values for values in found(own.plan, state, wanted)}
    return result


def _survey_job(job: Job, wanted: tuple[Values, ...], predictor: Predictor | None) -> SurveyJob:
    """The job that looks at some values; it has a model only if they are of its outputs, or of classes."""
    with_model = predictor is not None and any(values.source != FEATURE for values in wanted)
    needed = {values.feature for values in wanted if values.source == FEATURE}
    candidate = job.plan.models[0]
    for values in wanted:
        if values.source == LABEL:
            needed.add(dict(candidate.label_keys)[values.output])
        if values.source in (LABEL, PREDICTION) and predictor is None:
            needed.add(dict(candidate.prediction_keys)[values.output])
    serialized = False
    if with_model and predictor is not None:
        serialized = predictor.inputs is None
        needed |= {info.name for info in predictor.inputs or ()}
    return SurveyJob(
        job.config,
        job.module,
        (job.model_paths[0] if with_model else "",),
        tuple((name, kind) for name, kind in job.kinds if name in needed),
        serialized,
        uuid.uuid4().hex,
        job.labels,
        wanted=wanted,
    )


def _view(values: Values) -> ViewKey:
    return ViewKey(0, "", False, Kind.VALUES.name, reads=(Reads("feature", key=values.feature),))


def _edges(plan: Plan, state: State, wanted: Sequence[Values]) -> list[Values]:
    result = []
    for values in wanted:
        terms = NumberHistogram()
        histogram = ViewTotals(plan, state, _view(values)).part({terms}, 0, len(state.names)).histogram(terms)
        lowest, highest = histogram.scores
        edges = quantile_edges(lowest, highest, histogram.columns[0], values.quantiles)
        result.append(replace(values, found_edges=edges))
    return result


def quantile_edges(lowest: Float64, highest: Float64, counts: Float64, quantiles: int) -> tuple[float, ...]:
    """Edges between numbers that make buckets of about equal counts.

    Args:
        lowest: float64 ``[rows]``, rising: the lowest number that a row stands for.
        highest: float64 ``[rows]``: the highest one.
        counts: float64 ``[rows]``: how many numbers a row stands for.
        quantiles: How many buckets are wanted; there are fewer where a number occurs so often that edges coincide.

    Returns:
        For each share k / quantiles the edge below which the share of numbers is nearest to it (the lower of two). It
        is the number above it, or one with fewer digits that still parts it from the number below.
    """
    below = np.cumsum(counts) - counts
    if len(below) < 2:
        return ()
    targets = np.arange(1, quantiles) * (counts.sum() / quantiles)
    rows = np.clip(np.searchsorted(below, targets), 1, len(below) - 1)
    before = np.maximum(rows - 1, 1)
    nearest = np.where(targets - below[before] <= below[rows] - targets, before, rows)
    return tuple(_short_between(float(highest[row - 1]), float(lowest[row])) for row in np.unique(nearest).tolist())


def _short_between(low: float, high: float) -> float:
    """The number with the fewest digits that is above ``low`` and not above ``high``, in single precision too."""
    for digits in range(1, _DIGITS):
        short = float(Context(prec=digits, rounding=ROUND_FLOOR).create_decimal(high))
        with np.errstate(over="ignore"):
            if low < short and low < np.float32(short):
                return short + 0.0
    return high


def _most_frequent(plan: Plan, state: State, wanted: Sequence[Values]) -> list[Values]:
    counts = ViewTotals(plan, state, _COUNTED).part(set(), 0, len(state.names))[Examples()][0]
    result = []
    for values in wanted:
        begins = format_slice([(values.feature, "x")]).removesuffix("x")
        own = np.flatnonzero(pc.starts_with(state.names, begins).to_numpy(zero_copy_only=False))
        if len(own) > values.top:  # only values as frequent as the last one wanted are looked at one by one
            own = own[counts[own] >= -np.partition(-counts[own], values.top - 1)[values.top - 1]]
        found = []
        for name, count in zip(state.names.take(own).to_pylist(), counts[own].tolist(), strict=True):
            ((_, value),) = parse_slice(name)
            found.append((-count, _place(value), value))
        most_frequent = sorted(found, key=lambda one: one[:2])[: values.top]
        result.append(replace(values, found_values=tuple(format_value(value) for *_, value in most_frequent)))
    return result


def _place(value: Value) -> tuple[int, Any]:
    """What values are ordered by that are equally frequent: numbers by size, NaN last."""
    if isinstance(value, float) and math.isnan(value):
        return 1, 0.0
    return 0, value
