"""How the intervals of each metric are made, and what has to be summed for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from evaluator_component.engine.layout import ColumnKey, GroupedTerms, SliceTable
from evaluator_component.engine.plan import Intervals, Made, ModelPlan, PlannedMetric, partners
from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.metric import Metric
from evaluator_component.metrics.over_classes import MeanOverClasses
from evaluator_component.metrics.terms import (
    BySlice,
    Differing,
    Examples,
    KeyedTerms,
    LabelMass,
    LabelSum,
    Terms,
    Unusable,
    Weight,
)
from evaluator_component.results.tables import EXACT, WILSON

DELTA, DELONG, JACKKNIFE, BOOTSTRAP = "delta", "delong", "jackknife", "poisson bootstrap"
ORDER = "order statistics"
RESAMPLING = (JACKKNIFE, BOOTSTRAP)
_BY_MOMENTS = (DELTA, WILSON)

_OF_LABELS = (Examples, Weight, LabelMass, LabelSum)
"""Terms that are the same for candidate and baseline, wherever both metrics are defined."""
_MOST_FOR_SKEWNESS = 4
"""Third moments are carried for metrics of at most so many columns, those of the baseline among them."""


def choose(
    metrics: Sequence[PlannedMetric], models: Sequence[ModelPlan], intervals: Intervals, compares_slices: bool
) -> dict[PlannedMetric, Made]:
    """How the intervals of each metric are made; those that have none are left out.

    Args:
        metrics: The metrics.
        models: The models.
        intervals: What is asked for.
        compares_slices: Whether slices are compared with each other, which can have examples in common.
    """
    pairs = partners(metrics, models)
    compared = {*pairs, *pairs.values()}
    known = {(p.view, terms) for p in metrics if isinstance(p.metric, Metric) for terms in p.metric.terms}
    found = {}
    for planned in metrics:
        method = _method(planned, intervals)
        if method:
            change = (JACKKNIFE if method in (DELONG, ORDER) else method) if planned in compared else ""
            columns = tuple(_shared(column, known) for column in _columns(planned)) if method in _BY_MOMENTS else ()
            # Only the data tell if an area needs them: an example of several classes in one pool counts several times.
            grouped = bool({method, change} & {*RESAMPLING, DELONG}) or (compares_slices and method != EXACT)
            found[planned] = Made(method, change, grouped, columns)
    return found


def _method(planned: PlannedMetric, intervals: Intervals) -> str:
    metric = planned.metric
    if not isinstance(metric, Metric) or metric.interval is None or not (metric.terms or metric.keyed):
        return ""
    if metric.interval == EXACT:
        return EXACT
    if any(isinstance(terms, BySlice) for terms in metric.terms):
        return ""  # the state of a Keras metric by group would be a run of it for each slice and group
    if intervals.method == "POISSON_BOOTSTRAP":
        return BOOTSTRAP
    by_resampling = (
        intervals.method == "JACKKNIFE"
        or intervals.cluster_key
        or metric.across is not None
        or isinstance(planned.of_classes, MeanOverClasses)
        or planned.output_weights
        or (metric.interval in (DELTA, WILSON) and metric.keyed)
        or (metric.interval in (DELONG, ORDER) and planned.weighted)
    )
    return JACKKNIFE if by_resampling else metric.interval


def _columns(planned: PlannedMetric) -> Iterator[ColumnKey]:
    assert isinstance(planned.metric, Metric)
    for terms in planned.metric.terms:
        for number in range(len(terms.columns)):
            yield planned.view, terms, number


def _shared(column: ColumnKey, known: Set[tuple[ViewKey, Terms]]) -> ColumnKey:
    """The candidate's column where the baseline's is the same."""
    view, terms, number = column
    of_candidate = replace(view, model=0)
    same = isinstance(terms, _OF_LABELS) and (of_candidate, terms) in known
    return (of_candidate, terms, number) if same else column


def products(
    made: Mapping[PlannedMetric, Made], pairs: Mapping[PlannedMetric, PlannedMetric]
) -> dict[tuple[ColumnKey, ...], None]:
    """The products of columns whose totals are the moments of the metrics: two factors each, and some three."""
    found: dict[tuple[ColumnKey, ...], None] = {}
    for planned, how in made.items():
        if how.value in _BY_MOMENTS:
            columns = joint_columns(planned, made, pairs)
            for degree in (2, 3) if len(columns) <= _MOST_FOR_SKEWNESS else (2,):
                found |= dict.fromkeys(itertools.combinations_with_replacement(columns, degree))
            if planned.view.weighted:
                found[(weight := weight_of(planned), weight)] = None
    return found


def weight_of(planned: PlannedMetric) -> ColumnKey:
    """The weights of a metric's examples."""
    return planned.view.undivided, Weight(), 0


def joint_columns(
    planned: PlannedMetric, made: Mapping[PlannedMetric, Made], pairs: Mapping[PlannedMetric, PlannedMetric]
) -> tuple[ColumnKey, ...]:
    """The columns of the candidate's metric, then those of the baseline's that are not among them."""
    columns = made[planned].columns
    if planned in pairs and pairs[planned] in made:
        columns += made[pairs[planned]].columns
    return tuple(dict.fromkeys(columns))


def differing(
    made: Mapping[PlannedMetric, Made], pairs: Mapping[PlannedMetric, PlannedMetric]
) -> dict[PlannedMetric, tuple[ViewKey, Terms]]:
    """What counts the examples on which the models differ, for changes that resampling says nothing about.

    A change of 0 without any group that moves it is certain only where there is no such example.
    """
    return {
        planned: (replace(planned.view.undivided, against=pairs[planned].view.model), Differing())
        for planned, how in made.items()
        if planned in pairs and how.grouped and planned.view.kind.sees_predictions and not planned.view.query
    }


def grouped_terms(made: Mapping[PlannedMetric, Made]) -> GroupedTerms:
    """What is summed by slice and group of examples."""
    slice_terms: dict[tuple[ViewKey, Terms], None] = {}
    keyed: dict[tuple[ViewKey, KeyedTerms], int] = {}
    for planned, how in made.items():
        if not how.grouped:
            continue
        metric = planned.metric
        assert isinstance(metric, Metric)
        slice_terms |= dict.fromkeys((planned.view.undivided, base) for base in (Examples(), Unusable()))
        if isinstance(planned.of_classes, MeanOverClasses) and planned.of_classes.by_prevalence:
            slice_terms[planned.view, LabelMass()] = None
        slice_terms |= dict.fromkeys((planned.view, terms) for terms in metric.terms)
        for terms in metric.keyed:
            keyed[planned.view, terms] = max(keyed.get((planned.view, terms), 0), metric.resolution)
    return GroupedTerms(
        tables_of(slice_terms) if slice_terms else (), tuple((*key, most) for key, most in keyed.items())
    )


def tables_of(
    slice_terms: Iterable[tuple[ViewKey, Terms]], wanted: Iterable[tuple[ColumnKey, ...]] = ()
) -> tuple[SliceTable, ...]:
    """Terms as tables: those of examples in undivided slices, of each way of telling classes apart, of each query.

    Args:
        slice_terms: The terms.
        wanted: The products of their columns that are summed as well.
    """
    entries: dict[tuple[ViewKey | None, str], list[tuple[ViewKey, Terms]]] = {(None, ""): []}
    for key, terms in slice_terms:
        entries.setdefault(_layout(key), []).append((key, terms))
    tables = {layout: SliceTable(tuple(terms), *layout) for layout, terms in entries.items()}
    places: dict[tuple[ViewKey | None, str], dict[tuple[int, ...], None]] = {layout: {} for layout in tables}
    for factors in wanted:
        layout = _layout(factors[0][0])
        places[layout][tuple(sorted(tables[layout].columns[factor] for factor in factors))] = None
    return tuple(replace(table, products=tuple(places[layout])) for layout, table in tables.items())


def _layout(key: ViewKey) -> tuple[ViewKey | None, str]:
    divided = None
    if key.binarization is not None and not key.binarization.pooled:
        divided = ViewKey(0, key.output, False, "", key.binarization)
    return divided, key.query
