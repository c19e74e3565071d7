"""Everything that can be known to be wrong before the examples are read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evaluator_component import config as configs
from evaluator_component.config.rule_slices import check_rule_slices, slices_left_open
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.engine.slice_columns import check_exact, check_outputs
from evaluator_component.errors import ConfigError, DataError, ModelError
from evaluator_component.gate.baseline import BaselineState, BaselineStatus
from evaluator_component.gate.policies import check_splits, read_policy
from evaluator_component.gate.rules import check_baseline, collect_rules, unknown_threshold_names
from evaluator_component.metrics.metric import Metric
from evaluator_component.metrics.modules import load_module
from evaluator_component.notices import named_classes, plain_rules, pooled_classes
from evaluator_component.slicing.specs import check_kinds, feature_paths

if TYPE_CHECKING:
    from evaluator_component.data.features import Features
    from evaluator_component.data.files import Shard, Source
    from evaluator_component.engine.job import Job
    from evaluator_component.engine.layout import Shift
    from evaluator_component.models.predictor import Predictor

_SAMPLE_ROWS = 64
ModelPath = str | os.PathLike[str] | None


@dataclass(frozen=True)
class Preflight:
    """A run that can begin.

    Attributes:
        config: The complete config.
        job: What the workers do.
        shards: The files.
        baseline: State of the baseline; LOST if one was promised and does not load.
        notices: What the user should know, one sentence each.
        predictors: The loaded models, in the plan's order.
        class_names: The names of the classes by output, where they are known.
        locations: Where the examples of each split are, as the user said it.
    """

    config: Any
    job: Job
    shards: tuple[Shard, ...]
    baseline: BaselineState
    notices: tuple[str, ...]
    predictors: tuple[Predictor | None, ...]
    class_names: Mapping[str, tuple[str, ...]]
    locations: Mapping[str, str]


def check(
    config: Any,
    model: ModelPath = None,
    baseline: ModelPath = None,
    data: Source | Mapping[str, Source] | None = None,
    *,
    schema: Any = None,
    module_file: str | os.PathLike[str] | None = None,
    baseline_state: BaselineState | None = None,
) -> Preflight:
    """Checks a config against schema, first records and model signatures, in seconds.

    Args:
        config: As :func:`evaluator_component.config.load_config` takes it.
        model: Path of the candidate; None when its predictions are in the data.
        baseline: Path of the baseline, if there is one.
        data: Glob pattern, file or folder, a list of those, or a mapping from split to them.
        schema: A tensorflow-metadata Schema, its path, or None.
        module_file: A Python file, or importable module, that declares metrics.
        baseline_state: What is known of the baseline; by default WIRED if there is one, else NOT_ASKED.

    Raises:
        ConfigError: The config asks for what does not exist or cannot be computed.
        DataError: The data cannot be read, or has no label.
        ModelError: A model does not load or does not fit.
    """
    from evaluator_component.data.features import find_features, load_schema
    from evaluator_component.data.files import find_shards, locations
    from evaluator_component.engine.job import make_job
    from evaluator_component.models.compiled import add_compiled_metrics

    module = os.fspath(module_file) if module_file else ""
    load_module(module)
    loaded = configs.load_config(config)
    state = baseline_state or _assumed_state(loaded, model, baseline)
    # A config that cannot be judged fails before anything is opened.
    notices = check_rules(configs.complete_config(loaded), state)
    if data is None:
        raise DataError("data: not given; expected a glob pattern, a folder, or a mapping from split to them")
    paths: tuple[str, ...] = (os.fspath(model) if model else "",)
    if state.status.is_there:
        paths = (*paths, os.fspath(baseline) if baseline else "")
    complete, predictors, lost = _open_models(loaded, paths, tolerant=baseline_state is not None)
    left_out = add_compiled_metrics(complete, paths[0], predictors[0])
    plan = make_plan(complete, evaluate_baseline=len(predictors) > 1)
    if lost:
        state = replace(state, status=BaselineStatus.LOST, detail=lost)
    shards = find_shards(data)
    check_splits(complete.gate.splits, sorted({shard.split for shard in shards}))
    features = find_features(shards, load_schema(schema), _wanted(plan, predictors))
    _check_features(plan, complete, features, predictors)
    check_rule_slices(loaded, {name: kind.value for name, kind in features.kinds.items()})
    job = make_job(complete, module, paths[: len(predictors)], predictors, features)
    _check_same_outputs(plan, predictors)
    pooled, class_names, shifts = _try_first_records(job, shards, predictors)
    job = replace(job, shifts=shifts)
    _check_threshold_names(complete, plan)
    notices = [*notices, *left_out, *pooled, *plain_rules(complete, plan), *slices_left_open(loaded)]
    return Preflight(complete, job, shards, state, tuple(notices), predictors, class_names, locations(data))


def _assumed_state(config: Any, model: ModelPath, baseline: ModelPath) -> BaselineState:
    """WIRED if a baseline is given, as a model or as predictions in the data, else NOT_ASKED."""
    if baseline:
        return BaselineState(BaselineStatus.WIRED, os.fspath(baseline))
    spec = configs.baseline_spec(config)
    if not model and spec is not None and (spec.prediction_key or spec.prediction_keys):
        return BaselineState(BaselineStatus.WIRED)
    return BaselineState(BaselineStatus.NOT_ASKED)


def _open_models(
    config: Any, paths: tuple[str, ...], *, tolerant: bool
) -> tuple[Any, tuple[Predictor | None, ...], str]:
    """Opens the candidate and, if there is a second path, the baseline.

    Returns:
        The complete config, the models, and why the baseline was left out ('' if it was not): its files
        are gone, and ``tolerant`` says that a verdict is wanted all the same.
    """
    complete = configs.complete_config(config, has_baseline=len(paths) > 1)
    plan = make_plan(complete, evaluate_baseline=len(paths) > 1)
    candidate = _open(paths[0], plan, 0)
    if len(paths) == 1:
        return complete, (candidate,), ""
    try:
        return complete, (candidate, _open(paths[1], plan, 1)), ""
    except ModelError as error:
        if not (tolerant and error.files_lost):
            raise
        return configs.complete_config(config), (candidate,), str(error)


def check_rules(config: Any, state: BaselineState) -> list[str]:
    """Checks the thresholds of a config; returns notices.

    Raises:
        ConfigError: A threshold cannot be judged, or compares with a baseline that nobody asked for.
    """
    directions: dict[str, str | None] = {}
    for planned in make_plan(config, evaluate_baseline=False).metrics:
        if isinstance(planned.metric, Metric):
            directions[planned.metric.name] = planned.metric.direction
    policy = read_policy(config)
    rules, notices = collect_rules(config, policy, directions)
    check_baseline(rules, policy, state)
    return list(notices)


def _open(path: str, plan: Plan, index: int) -> Predictor | None:
    from evaluator_component.models.opening import open_model
    from evaluator_component.models.predictor import pick_output

    model = plan.models[index]
    if not path:
        missing = [output for output, key in plan.needed_outputs(index) if not key]
        if missing:
            raise ConfigError(
                f"{model.spec_path}.prediction_key: not set, and no model is given; expected a model, or the name of "
                "the feature that holds the predictions"
            )
        return None
    predictor = open_model(path, model.signature_name, model.batch_size)
    for _, key in plan.needed_outputs(index):
        pick_output(predictor.outputs, key, predictor.path, f"{model.spec_path}.prediction_key")
    return predictor


def _wanted(plan: Plan, predictors: Sequence[Predictor | None]) -> set[str]:
    wanted = {*plan.label_columns, *plan.slice_columns}
    for predictor in predictors:
        if predictor is not None and predictor.inputs is not None:
            wanted |= {info.name for info in predictor.inputs}
    return wanted


def _check_features(plan: Plan, config: Any, features: Features, predictors: Sequence[Predictor | None]) -> None:
    candidate = plan.models[0]
    for what, pairs in (("label_key", candidate.label_keys), ("example_weight_key", candidate.weight_keys)):
        for output, key in pairs:
            if key:
                features.require(key, f"{candidate.spec_path}.{what}" + (f"s[{output!r}]" if output else ""))
    for name, path in plan.features.items():
        features.require(name, path)
    for source, path in plan.sources.items():
        if source.reads.key and (source.reads.role != "prediction" or predictors[source.model] is None):
            features.require(source.reads.key, path)
    if plan.intervals is not None and plan.intervals.cluster_key:
        features.require(plan.intervals.cluster_key, "intervals.cluster_key")
    for planned in plan.metrics:
        if planned.view.query:
            features.require(planned.view.query, f"{planned.path.rpartition('.')[0]}.query_key")
    paths = feature_paths(config.slicing_specs)
    for name in plan.slice_columns:
        features.require(name, paths[name])
    check_kinds(plan.groupings, {name: kind.value for name, kind in features.kinds.items()})
    check_outputs(plan.groupings, predictors[0])
    for index, (model, predictor) in enumerate(zip(plan.models, predictors, strict=True)):
        if predictor is None:
            for _, key in plan.needed_outputs(index):
                features.require(key, f"{model.spec_path}.prediction_key")
        elif predictor.inputs is not None:
            for info in predictor.inputs:
                _require_input(features, predictor.path, str(info), info.name)


def _require_input(features: Features, path: str, described: str, name: str) -> None:
    try:
        features.require(name, "input")
    except ConfigError as error:
        raise ModelError(
            f"{path}: its signature takes the feature {described}, which the data lacks ({error}); export a signature "
            "that takes serialized examples or the features of the data"
        ) from error


def _check_same_outputs(plan: Plan, predictors: Sequence[Predictor | None]) -> None:
    """The candidate's and the baseline's predictions must be comparable."""
    from evaluator_component.models.predictor import pick_output

    if len(predictors) < 2 or predictors[0] is None or predictors[1] is None:
        return
    others = dict(plan.needed_outputs(1))
    for output, key in plan.needed_outputs(0):
        chosen = [
            pick_output(predictor.outputs, k, predictor.path, f"{model.spec_path}.prediction_key")
            for predictor, k, model in zip(predictors, (key, others.get(output)), plan.models, strict=True)
            if predictor is not None and k is not None
        ]
        if len(chosen) < 2:
            continue
        widths = [info.shape[1:] if info.shape[1:] != (1,) else () for info in chosen]
        if None not in widths[0] and None not in widths[1] and widths[0] != widths[1]:
            raise ConfigError(
                f"candidate and baseline predict different things{f' for output {output!r}' if output else ''}: "
                f"{chosen[0]} ({predictors[0].path}) and {chosen[1]} ({predictors[1].path}); compare models of the "
                "same label space, or set prediction_key in each model spec"
            )


def _try_first_records(
    job: Job, shards: Sequence[Shard], predictors: tuple[Predictor | None, ...]
) -> tuple[list[str], dict[str, tuple[str, ...]], tuple[tuple[Shift, ...], ...]]:
    """Evaluates the first records of each split, which shows labels and predictions that do not fit each other.

    Returns:
        Notices of what is read in another way than one might think, the names of the classes by output, and what is
        taken off numbers before they are squared.
    """
    from evaluator_component.data.reader import Block, read_first
    from evaluator_component.engine.accumulate import accumulate, merge
    from evaluator_component.engine.shifts import find_shifts
    from evaluator_component.engine.worker import Worker

    worker = Worker(job, predictors)
    seen: set[str] = set()
    notices: list[str] = []
    states = []
    for shard in shards:
        if shard.split in seen:
            continue
        records = read_first(shard, _SAMPLE_ROWS)
        if records:
            seen.add(shard.split)
            evaluated = worker.evaluate(Block(shard, 0, records))
            check_exact(job.plan.groupings, evaluated.slices)
            states.append(accumulate(job.plan, evaluated))
            notices = notices or pooled_classes(job.plan, evaluated)
    for split in sorted({shard.split for shard in shards} - seen):
        raise DataError(f"split {split!r}: its files hold no record; check the step that wrote them")
    names = {o: tuple(n.decode("utf-8", "replace") for n in own) for o, own in worker.class_names.items()}
    return [*notices, *named_classes(worker, names)], names, find_shifts(job.plan, merge(job.plan, states))


def _check_threshold_names(config: Any, plan: Plan) -> None:
    known = {planned.metric.name for planned in plan.metrics if isinstance(planned.metric, Metric)}
    for path, name, hint in unknown_threshold_names(config, known):
        raise ConfigError(f"{path}: no metric of this config is called {name!r}; {hint}")
