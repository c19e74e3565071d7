"""From a config to the plan of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from evaluator_component.config.complete import BASELINE, CANDIDATE
from evaluator_component.config.intervals import wants_intervals
from evaluator_component.config.paths import Path, render
from evaluator_component.config.slices import compared_specs
from evaluator_component.engine.methods import choose, differing, grouped_terms, products, tables_of
from evaluator_component.engine.plan import Intervals, ModelPlan, Plan, PlannedMetric, partners
from evaluator_component.engine.slice_columns import check_sources
from evaluator_component.engine.views import ViewKey
from evaluator_component.errors import ConfigError, nearest
from evaluator_component.metrics.comparison import nothing_to_compare_with
from evaluator_component.metrics.metric import Metric, Plot
from evaluator_component.metrics.over_classes import MeanOverClasses
from evaluator_component.metrics.readings import Reading, read_classes
from evaluator_component.metrics.registry import build
from evaluator_component.metrics.terms import Examples, KeyedTerms, LabelMass, Sampler, Terms, Unusable, Weight
from evaluator_component.metrics.view import Kind
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.specs import Grouping, groupings


def make_plan(config: Any, *, evaluate_baseline: bool) -> Plan:
    """Makes the plan of a complete EvalConfig.

    Args:
        config: A complete EvalConfig message (``complete_config``).
        evaluate_baseline: Whether there is a baseline model to evaluate beside the candidate.

    Raises:
        ConfigError: The config asks for something unknown or not supported.
    """
    models = tuple(_models(config, evaluate_baseline))
    metrics = tuple(_metrics(config, models))
    if not metrics:
        raise ConfigError(
            "metrics_specs: no metric is configured; add for example "
            "metrics_specs: [{metrics: [{class_name: ExampleCount}, {class_name: AUC}]}]"
        )
    _check_labels(models[0], metrics)
    slice_terms: dict[tuple[ViewKey, Terms], None] = {}
    keyed_terms: dict[tuple[ViewKey, KeyedTerms], None] = {}
    samples: dict[tuple[ViewKey, Sampler], None] = {}
    for planned in metrics:
        for base in (Examples(), Unusable(), Weight()):
            slice_terms[planned.view.undivided, base] = None
        if isinstance(planned.of_classes, MeanOverClasses) and planned.of_classes.by_prevalence:
            slice_terms[planned.view, LabelMass()] = None
        for terms in planned.metric.terms:
            slice_terms[planned.view, terms] = None
        for keyed in planned.metric.keyed:
            keyed_terms[planned.view, keyed] = None
        if isinstance(planned.metric, Plot):
            samples |= dict.fromkeys((planned.view, sampler) for sampler in planned.metric.samples)
    groups = groupings(config.slicing_specs)
    check_sources(groups, models[0])
    keys = {key for model in models for pairs in (model.label_keys, model.weight_keys) for _, key in pairs if key}
    keys |= {name for planned in metrics for name in (planned.view.feature, planned.view.query) if name}
    reads = {one for planned in metrics for one in planned.view.reads if one.role != "prediction"}
    keys |= {one.key for one in reads if one.key}
    _check_compared_slices(metrics, groups)
    intervals = _intervals(config)
    pairs = tuple(compared_specs(config))
    made = choose(metrics, models, intervals, bool(pairs)) if intervals is not None else {}
    slice_terms |= dict.fromkeys(differing(made, partners(metrics, models)).values())
    if intervals is not None and intervals.cluster_key:
        keys.add(intervals.cluster_key)
    engine = config.engine
    return Plan(
        models,
        groups,
        metrics,
        tables_of(slice_terms, products(made, partners(metrics, models))),
        tuple(keyed_terms),
        tuple(samples),
        tuple(sorted(keys)),
        tuple(sorted({name for group in groups for name in group.columns})),
        int(engine.max_distinct_scores),
        int(engine.max_plot_slices),
        int(config.options.min_slice_size.value),
        intervals,
        made,
        grouped_terms(made),
        pairs,
    )


def _intervals(config: Any) -> Intervals | None:
    """How intervals are made; None where none are asked for."""
    if not wants_intervals(config):
        return None
    chosen, methods = config.intervals, config_pb2.ConfidenceIntervalOptions
    method = config.options.confidence_intervals.method
    return Intervals(
        chosen.level,
        methods.ConfidenceIntervalMethod.Name(method) if method else "",
        chosen.cluster_key,
        int(chosen.groups),
        int(chosen.replicates),
    )


def _check_labels(model: ModelPlan, metrics: Iterable[PlannedMetric]) -> None:
    """A label is needed unless each metric names what it reads."""
    for planned in metrics:
        named = all(one.key or one.role != "label" for one in planned.view.reads)
        needed = planned.view.kind.sees_labels or not named
        if needed and not dict(model.label_keys)[planned.view.output]:
            raise ConfigError(
                f"{model.spec_path}.label_key: not set; expected the name of the feature that holds the label "
                f"({planned.metric.name!r} needs it)"
            )


def _check_compared_slices(metrics: Iterable[PlannedMetric], groups: tuple[Grouping, ...]) -> None:
    sliced = [sorted(group.features) for group in groups]
    for planned in metrics:
        across = planned.metric.across if isinstance(planned.metric, Metric) else None
        if across is not None and sorted(across.features) not in sliced:
            raise ConfigError(
                f"{planned.path}: {planned.metric.name!r} compares the slices of {' × '.join(across.features)}, and no "
                f"slicing spec makes them; add {{feature_keys: [{', '.join(across.features)}]}} to slicing_specs"
            )
        if across is not None and [] not in sliced:
            raise ConfigError(
                f"{planned.path}: the value of {planned.metric.name!r} is told for the overall slice, and no slicing "
                "spec makes it; add {} to slicing_specs"
            )


def _models(config: Any, evaluate_baseline: bool) -> Iterable[ModelPlan]:
    candidates = [i for i, spec in enumerate(config.model_specs) if not spec.is_baseline]
    baselines = [i for i, spec in enumerate(config.model_specs) if spec.is_baseline]
    if len(candidates) > 1:
        raise ConfigError(
            f"model_specs[{candidates[1]}]: a second candidate; expected one candidate and at most one spec with "
            "is_baseline: true"
        )
    candidate = candidates[0] if candidates else baselines[0]
    batch_size = int(config.engine.batch_size)
    spec = config.model_specs[candidate]
    yield _model(spec, candidate, spec.name or CANDIDATE, False, batch_size)
    if evaluate_baseline:
        index = baselines[0] if baselines else candidate
        spec = config.model_specs[index]
        yield _model(spec, index, (spec.name if baselines else "") or BASELINE, True, batch_size)


def _model(spec: Any, index: int, name: str, baseline: bool, batch_size: int) -> ModelPlan:
    path = f"model_specs[{index}]"
    if spec.preprocessing_function_names:
        raise ConfigError(
            f"{path}.preprocessing_function_names: not supported; export a signature that applies the preprocessing"
        )
    if spec.HasField("padding_options"):
        raise ConfigError(f"{path}.padding_options: not supported yet")
    outputs = sorted({*spec.label_keys, *spec.prediction_keys, *spec.example_weight_keys}) or [""]
    return ModelPlan(
        name,
        baseline,
        path,
        spec.signature_name,
        tuple((o, spec.prediction_keys.get(o, spec.prediction_key if len(outputs) == 1 else o)) for o in outputs),
        tuple((o, spec.label_keys.get(o, spec.label_key)) for o in outputs),
        tuple((o, spec.example_weight_keys.get(o, spec.example_weight_key)) for o in outputs),
        int(spec.inference_batch_size) or batch_size,
    )


def _metrics(config: Any, models: tuple[ModelPlan, ...]) -> Iterable[PlannedMetric]:
    """Every metric of every model and output, once."""
    seen: dict[tuple[ViewKey, str, str, str], PlannedMetric] = {}
    for i, spec in enumerate(config.metrics_specs):
        for j, entry in enumerate(spec.metrics):
            for planned in _of_entry(spec, entry, models, ("metrics_specs", i, "metrics", j)):
                first = seen.setdefault(_name_in_results(planned), planned)
                if first is planned:
                    yield planned
                elif _computed(first) != _computed(planned):
                    raise ConfigError(
                        f"{planned.path}: {planned.metric.name!r} is already the name of {first.path}, which computes "
                        'something else; give one a name of its own with config: {"name": "…"}'
                    )


def _of_entry(spec: Any, entry: Any, models: tuple[ModelPlan, ...], path: Path) -> Iterable[PlannedMetric]:
    spec_path = render(path[:2])
    readings = read_classes(spec, entry, path)
    top_k_list = tuple(spec.binarize.top_k_list.values)
    made = [
        (metric, reading)
        for reading in readings
        for metric in build(entry, path, of_top=reading.of_top, top_k_list=top_k_list)
    ]
    for index, model in enumerate(models):
        if spec.model_names and not _is_named(model, spec.model_names):
            continue
        for output in _outputs(spec, model, spec_path):
            weightings = _weightings(spec, bool(dict(model.weight_keys).get(output)), spec_path)
            for metric, reading in made:
                # A plot is made once, weighted if it can be: the plots table does not tell the two apart.
                for weighted in weightings if isinstance(metric, Metric) else weightings[:1]:
                    view = ViewKey(
                        index, output, weighted and metric.uses_weights, metric.kind.name, reads=metric.reads
                    )
                    if isinstance(metric, Metric) and metric.feature:
                        view = replace(view, feature=metric.feature)
                    if metric.kind is Kind.QUERY:
                        view = replace(view, query=_query_key(spec, metric, path))
                    if isinstance(metric, Metric) and metric.compares:
                        if model.baseline:
                            continue
                        if len(models) > 1:
                            view = replace(view, against=1)
                        else:
                            metric = replace(metric, terms=(), keyed=(), result=nothing_to_compare_with)
                    for planned in _planned(metric, reading, view, render(path)):
                        yield replace(planned, output_weights=_output_weights(spec, model, spec_path))


def _query_key(spec: Any, metric: Metric | Plot, path: Path) -> str:
    key = str(spec.query_key)
    if not key:
        raise ConfigError(
            f"{render(path)}: {metric.name!r} is a metric of queries; set query_key of its metrics spec to the feature "
            "that names the query of an example"
        )
    return key


def _planned(metric: Metric | Plot, reading: Reading, view: ViewKey, path: str) -> Iterator[PlannedMetric]:
    """The metric as it is, or of the binary problems that are made of the classes."""
    if metric.kind.is_whole or (metric.kind is Kind.KERAS and not reading.sub_key):
        yield PlannedMetric(metric, view, view.weighted, path, sub_key=metric.sub_key)
        return
    sub_key = f"{reading.sub_key} {metric.sub_key}".strip()
    if metric.kind is Kind.ANY:
        yield PlannedMetric(metric, view, view.weighted, path, sub_key=sub_key)
    elif isinstance(metric, Plot) and isinstance(reading.of_classes, MeanOverClasses):
        raise ConfigError(
            f"{path}: {metric.name!r} is a plot, and there is no mean of plots over classes; move it to a spec without "
            "macro_average, for example one with binarize.class_ids"
        )
    else:
        view = replace(view, binarization=reading.binarization)
        yield PlannedMetric(metric, view, view.weighted, path, reading.of_classes, sub_key)


def _computed(planned: PlannedMetric) -> tuple[Any, ...]:
    return planned.metric, planned.view, planned.weighted, planned.of_classes


def _name_in_results(planned: PlannedMetric) -> tuple[ViewKey, str, str, str]:
    """What tells a metric or plot from the others in the results."""
    plot = isinstance(planned.metric, Plot)
    view = replace(
        planned.view.undivided, kind_name="", against=None, feature="", reads=(), weighted=planned.weighted and not plot
    )
    return view, planned.metric.name, planned.sub_key, "plot" if plot else "metric"


def _is_named(model: ModelPlan, names: Iterable[str]) -> bool:
    return model.name in names or (not model.baseline and "" in names)


def _outputs(spec: Any, model: ModelPlan, path: str) -> list[str]:
    known = [output for output, _ in model.label_keys]
    for k, output in enumerate(spec.output_names):
        if known == [""]:
            raise ConfigError(
                f"{path}.output_names[{k}]: {output!r}, and the model spec names no output; remove output_names, or "
                f"name each output's label in {model.spec_path}.label_keys"
            )
        if output not in known:
            raise ConfigError(
                f"{path}.output_names[{k}]: unknown output {output!r}; {nearest(output, known)}. Name its label in "
                f"{model.spec_path}.label_keys"
            )
    return list(spec.output_names) or known


def _output_weights(spec: Any, model: ModelPlan, path: str) -> tuple[tuple[str, float], ...]:
    known = [output for output, _ in model.label_keys]
    for output, weight in spec.output_weights.items():
        if output not in known or known == [""]:
            raise ConfigError(
                f"{path}.output_weights: unknown output {output!r}; {nearest(output, known)}. Name its label in "
                f"{model.spec_path}.label_keys"
            )
        if not 0.0 <= weight < float("inf"):
            raise ConfigError(f"{path}.output_weights[{output!r}]: expected a number from 0 on, got {weight}")
    return tuple(sorted(spec.output_weights.items()))


def _weightings(spec: Any, has_weights: bool, path: str) -> list[bool]:
    if not spec.HasField("example_weights"):
        return [has_weights]
    options = spec.example_weights
    if options.weighted and not has_weights:
        raise ConfigError(
            f"{path}.example_weights.weighted: there are no weights; set model_specs.example_weight_key to a feature"
        )
    chosen = [flag for flag, on in ((True, options.weighted), (False, options.unweighted)) if on]
    return chosen or [has_weights]
