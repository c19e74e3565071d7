"""What a run must compute: each distinct term once, whatever number of metrics wants it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from evaluator_component.engine.layout import ColumnKey, GroupedTerms, SliceTable
from evaluator_component.engine.views import Source, ViewKey
from evaluator_component.metrics.metric import Metric, Plot
from evaluator_component.metrics.over_classes import MeanOverClasses, OneClass
from evaluator_component.metrics.terms import KeyedTerms, Sampler, Terms
from evaluator_component.proto.config_pb2 import CrossSlicingSpec
from evaluator_component.slicing.specs import Grouping
from evaluator_component.slicing.values import LABEL, PREDICTION, Values


@dataclass(frozen=True)
class ModelPlan:
    """One model to evaluate.

    Attributes:
        name: Its name in the tables: "candidate" or "baseline" unless the config names it.
        baseline: Whether it is the baseline.
        spec_path: Config path of its ModelSpec.
        signature_name: As in the config, '' for the default.
        prediction_keys: Output name in the tables → key of the model's output ('' for the only one).
        label_keys: Output name → label feature.
        weight_keys: Output name → weight feature ('' for none).
        batch_size: The most examples that it gets at a time.
    """

    name: str
    baseline: bool
    spec_path: str
    signature_name: str
    prediction_keys: tuple[tuple[str, str], ...]
    label_keys: tuple[tuple[str, str], ...]
    weight_keys: tuple[tuple[str, str], ...]
    batch_size: int


@dataclass(frozen=True)
class Intervals:
    """How standard errors and intervals are made.

    Attributes:
        level: The confidence of intervals.
        method: "JACKKNIFE" or "POISSON_BOOTSTRAP" for all metrics; '' for each its own.
        cluster_key: The feature that names the clusters of examples; '' where examples are independent.
        groups: How many groups of examples there are.
        replicates: How many times the bootstrap draws.
    """

    level: float
    method: str
    cluster_key: str
    groups: int
    replicates: int


@dataclass(frozen=True)
class Made:
    """How the intervals of one metric are made.

    Attributes:
        value: The method for its value.
        change: The method for its change against the baseline; '' without one.
        grouped: Whether its terms are summed by group of examples.
        columns: The columns that its value is a function of, in the order of its terms; of methods by moments.
    """

    value: str
    change: str
    grouped: bool
    columns: tuple[ColumnKey, ...] = ()


@dataclass(frozen=True)
class PlannedMetric:
    """One metric or plot of one model and output.

    Attributes:
        metric: What is computed from the totals.
        view: What its terms see.
        weighted: Whether its results are told as weighted.
        path: Config path of its entry.
        of_classes: Which of the values of single classes it is, or which mean of them; None where there is one value.
        sub_key: Tells its results apart from others of the same name.
        output_weights: Outputs and weights of a mean over outputs that is told beside the values of each; () for none.
    """

    metric: Metric | Plot
    view: ViewKey
    weighted: bool
    path: str
    of_classes: OneClass | MeanOverClasses | None = None
    sub_key: str = ""
    output_weights: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class QueryPlan:
    """What must be kept of documents until their query is complete.

    Attributes:
        key: The feature that names the query.
        sources: Each (what, model, name): ("label", 0, output), ("weight", 0, output), ("prediction", model, output)
            or ("feature", 0, feature), and ("cluster", 0, "") where examples come in clusters.
    """

    key: str
    sources: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Plan:
    """Everything a worker needs to know.

    Attributes:
        models: The candidate first, then the baseline.
        groupings: The slices.
        metrics: What is computed from the totals.
        slice_tables: Distinct terms summed by slice, those whose totals have one shape together, with the products of
            their columns: first those of examples in undivided slices, then those of each binary problem, and of each
            kind of query.
        keyed_terms: Distinct terms summed by slice and key.
        samples: What is sampled by slice.
        label_columns: Features that hold labels and weights, and those that metrics see.
        slice_columns: Features that are sliced on.
        max_distinct_scores: More distinct scores in a slice are coarsened.
        max_plot_slices: Plots are made for at most this many slices.
        min_slice_size: Of smaller slices neither values nor sizes are told, for privacy.
        intervals: How intervals are made; None for no intervals.
        made: How those of each metric are made that has any.
        grouped: What is summed by group of examples for them.
        pairs: Which slices are compared with each other.
        surveyed: Numbers that are looked at before the pass, to find out what the slices are.
    """

    models: tuple[ModelPlan, ...]
    groupings: tuple[Grouping, ...]
    metrics: tuple[PlannedMetric, ...]
    slice_tables: tuple[SliceTable, ...]
    keyed_terms: tuple[tuple[ViewKey, KeyedTerms], ...]
    samples: tuple[tuple[ViewKey, Sampler], ...]
    label_columns: tuple[str, ...]
    slice_columns: tuple[str, ...]
    max_distinct_scores: int
    max_plot_slices: int
    min_slice_size: int
    intervals: Intervals | None = None
    made: Mapping[PlannedMetric, Made] = field(default_factory=dict)
    grouped: GroupedTerms = field(default_factory=GroupedTerms)
    pairs: tuple[CrossSlicingSpec, ...] = ()
    surveyed: tuple[tuple[Source, Values], ...] = ()

    @cached_property
    def slice_terms(self) -> tuple[tuple[ViewKey, Terms], ...]:
        """Distinct terms summed by slice."""
        return tuple(entry for table in self.slice_tables for entry in table.terms)

    @cached_property
    def views(self) -> tuple[ViewKey, ...]:
        """The distinct views that terms are computed from, of examples and of queries."""
        return tuple(dict.fromkeys(key for key, _ in (*self.slice_terms, *self.keyed_terms, *self.samples)))

    @cached_property
    def queries(self) -> tuple[QueryPlan, ...]:
        """What is kept of documents, by the feature that names the query."""
        sources: dict[str, dict[tuple[str, int, str], None]] = {}
        for view in self.views:
            if view.query:
                own = sources.setdefault(view.query, {})
                own["prediction", view.model, view.output] = None
                own[("feature", 0, view.feature) if view.feature else ("label", 0, view.output)] = None
                if view.weighted:
                    own["weight", 0, view.output] = None
                if self.intervals is not None and self.intervals.cluster_key:
                    own["cluster", 0, ""] = None
        return tuple(QueryPlan(key, tuple(own)) for key, own in sources.items())

    @cached_property
    def sources(self) -> dict[Source, str]:
        """What is read as lists, each with the config path of a metric that does."""
        return {source: planned.path for planned in reversed(self.metrics) for source in planned.view.sources}

    @cached_property
    def sliced_values(self) -> tuple[Values, ...]:
        """What is sliced by, or looked at for it, other than just the values of columns."""
        sliced = [values for group in self.groupings for values in group.values]
        return (*sliced, *(values for _, values in self.surveyed))

    @cached_property
    def number_labels(self) -> frozenset[str]:
        """The outputs whose labels are looked at as numbers."""
        seen = {view.output for view in self.views if view.kind.sees_labels}
        return frozenset(seen | {values.output for values in self.sliced_values if values.source == LABEL})

    @cached_property
    def number_predictions(self) -> frozenset[tuple[int, str]]:
        """The models, by index, and outputs whose predictions are looked at as numbers."""
        seen = {(view.model, view.output) for view in self.views if view.kind.sees_predictions}
        seen |= {(0, values.output) for values in self.sliced_values if values.source in (LABEL, PREDICTION)}
        return frozenset(seen | {(view.against, view.output) for view in self.views if view.against is not None})

    def needed_outputs(self, index: int) -> tuple[tuple[str, str], ...]:
        """Those of a model's ``prediction_keys`` that must be there: they are named, or a metric looks at them."""
        of_lists = (source for source in self.sources if source.reads.role == "prediction" and source.model == index)
        looked_at = {source.output for source in of_lists if not source.reads.key}
        looked_at |= {output for model, output in self.number_predictions if model == index}
        return tuple((output, key) for output, key in self.models[index].prediction_keys if key or output in looked_at)

    def column_of(self, source: Source) -> str:
        """The name of a feature, or of a model's output ('' for the usual one)."""
        model = self.models[source.model]
        keys = model.label_keys if source.reads.role == "label" else model.prediction_keys
        return source.reads.key or dict(keys)[source.output]

    @cached_property
    def features(self) -> dict[str, str]:
        """The features that metrics see, each with the config path of a metric that does."""
        return {planned.view.feature: planned.path for planned in self.metrics if planned.view.feature}

    @cached_property
    def partners(self) -> dict[PlannedMetric, PlannedMetric]:
        """The baseline's metric that each of the candidate's is compared with."""
        return partners(self.metrics, self.models)


def partners(metrics: Iterable[PlannedMetric], models: Sequence[ModelPlan]) -> dict[PlannedMetric, PlannedMetric]:
    """The baseline's metric that each of the candidate's is compared with."""
    of_baseline = {identity(planned): planned for planned in metrics if models[planned.view.model].baseline}
    candidates = (planned for planned in metrics if not models[planned.view.model].baseline)
    return {planned: of_baseline[identity(planned)] for planned in candidates if identity(planned) in of_baseline}


def identity(planned: PlannedMetric) -> tuple[str, str, str, bool]:
    """What a metric of the candidate and that of the baseline have in common."""
    return planned.view.output, planned.metric.name, planned.sub_key, planned.weighted
