"""The whole run without TFX: check, pass over the examples, finalise, decide, write."""

from __future__ import annotations

import dataclasses
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from evaluator_component import provenance
from evaluator_component.config import complete_config, load_config
from evaluator_component.config.slice_values import FILTER, how_grouped
from evaluator_component.config.slices import put_found
from evaluator_component.engine.plan import Intervals, Plan, PlannedMetric
from evaluator_component.engine.planning import make_plan
from evaluator_component.errors import ConfigError, DataError
from evaluator_component.gate import BaselineState, decide
from evaluator_component.metrics.modules import load_module
from evaluator_component.preflight import ModelPath, Preflight, check
from evaluator_component.proto import config_pb2
from evaluator_component.results.evaluation import Evaluation, MetricTable, PlotTable
from evaluator_component.slicing import names

if TYPE_CHECKING:
    from evaluator_component.data.files import Source
    from evaluator_component.engine.accumulate import State

PARTIAL_FOLDER = ".partial"
"""Where workers leave their sums inside the output folder; removed at the end, never part of a result."""


def evaluate(
    config: Any,
    model: ModelPath = None,
    baseline: ModelPath = None,
    data: Source | Mapping[str, Source] | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    schema: Any = None,
    module_file: str | os.PathLike[str] | None = None,
    beam_args: Sequence[str] = (),
    baseline_state: BaselineState | None = None,
    progress: bool = True,
) -> Evaluation:
    """Evaluates a model, compares it with a baseline, and judges it.

    Args:
        config: An EvalConfig (ours or TFMA's), a mapping, YAML or JSON text, or the path of a file of these.
        model: A SavedModel folder or ``.keras`` file; None when predictions are in the data (``prediction_key``).
        baseline: The model to compare with, if there is one.
        data: Glob pattern, file or folder of TFRecord files with tf.Examples, a list of those, or a mapping from
            split to them.
        output: Folder for the results; None keeps them in memory only.
        schema: A tensorflow-metadata Schema, its path or folder, or None.
        module_file: A Python file, or the name of a module, that declares metrics of your own.
        beam_args: Beam's flags, for example ``["--direct_num_workers=2"]``.
        baseline_state: What is known of the baseline, when a pipeline resolved it.
        progress: Whether to show progress on a terminal.

    Returns:
        The metrics, plots and verdict, also written to ``output``.

    Raises:
        ConfigError: The config asks for what does not exist or cannot be computed.
        DataError: The examples cannot be read or do not hold what is needed.
        ModelError: A model does not load or does not fit.
    """
    with _frozen_heap():
        return _evaluate(
            lambda: check(
                config, model, baseline, data, schema=schema, module_file=module_file, baseline_state=baseline_state
            ),
            output,
            beam_args,
            progress,
        )


@contextmanager
def _frozen_heap() -> Iterator[None]:
    """Keeps the garbage collector from going through all of TensorFlow and Beam again and again (0.2 s each time)."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _evaluate(
    preflight: Callable[[], Preflight],
    output: str | os.PathLike[str] | None,
    beam_args: Sequence[str],
    progress: bool,
) -> Evaluation:
    from evaluator_component.results import writing

    clock = provenance.Clock()
    _check_writable(output)
    checked = preflight()
    _check_apart(output, checked)
    clock.lap("preflight")
    if output is not None:
        writing.invalidate(output)  # from here on, an interrupted run must not look like the one before it
    with ThreadPoolExecutor(1) as beside:
        inputs = beside.submit(provenance.digests, checked)
        if any(values.is_open for values in checked.job.plan.sliced_values):
            checked = _survey(checked, output, beam_args)
            clock.lap("survey")
        states, halved = _pass(checked, output, beam_args, progress)
        clock.lap("pass")
        result = _finalise(checked, states)
        clock.lap("finalise and decide")
        digests = inputs.result()
    checked = dataclasses.replace(checked, notices=(*checked.notices, *_absent_slices(checked.job.plan, result)))
    result = _with_run(result, checked, states, digests, clock, beam_args, halved)
    return result if output is None else writing.write(result, output)


def judge_again(
    evaluation: Evaluation, config: Any, *, module_file: str | os.PathLike[str] | None = None
) -> Evaluation:
    """Judges a finished evaluation by the thresholds of another config, without computing anything again.

    Args:
        evaluation: What was loaded, with its verdict.
        config: As in :func:`evaluate`. What it names must have been evaluated as it says.
        module_file: A Python file, or the name of a module, that declares metrics of your own.

    Returns:
        The evaluation with the new verdict and config.

    Raises:
        ConfigError: A metric, slice or model of the config was not evaluated, or with other options.
        DataError: The evaluation holds no verdict or no config.
    """
    if evaluation.verdict is None or evaluation.config is None:
        raise DataError(f"{evaluation.output}: holds no verdict or no config; evaluate again")
    load_module(os.fspath(module_file) if module_file else "")
    state = evaluation.verdict.baseline
    complete = complete_config(load_config(config), has_baseline=state.status.is_there)
    put_found(complete, evaluation.config)
    plans = [make_plan(c, evaluate_baseline=state.status.is_there) for c in (evaluation.config, complete)]
    _check_was_evaluated(*plans)
    verdict = decide(evaluation.metrics.table, complete, state)
    return dataclasses.replace(evaluation, verdict=verdict, config=complete)


def _check_was_evaluated(evaluated: Plan, wanted: Plan) -> None:
    """Refuses a config that would judge values by another meaning than they were computed with."""
    for before, now in zip(evaluated.models, wanted.models, strict=False):
        for name in ("signature_name", "prediction_keys", "label_keys", "weight_keys"):
            was, given = (dict(v) if isinstance(v := getattr(m, name), tuple) else v for m in (before, now))
            if was != given:
                raise ConfigError(f"{now.spec_path}: {name} is {given}, and {was} was evaluated; evaluate again")
    if evaluated.min_slice_size != wanted.min_slice_size:
        raise ConfigError(
            f"options.min_slice_size: is {wanted.min_slice_size}, and {evaluated.min_slice_size} was evaluated; "
            "evaluate again, or leave it as it was"
        )
    if wanted.intervals is not None and evaluated.intervals is None:
        raise ConfigError(
            "gate.confidence: was evaluated without standard errors; evaluate again with "
            "options.compute_confidence_intervals, or leave gate.confidence out to compare the values as they are"
        )
    if wanted.intervals is not None and evaluated.intervals is not None and wanted.intervals != evaluated.intervals:
        raise ConfigError(
            f"intervals: {_told(wanted.intervals)}, and {_told(evaluated.intervals)} was evaluated; evaluate again, or "
            "leave intervals and options.confidence_intervals as they were"
        )
    for group in wanted.groupings:
        if group not in evaluated.groupings:
            raise ConfigError(
                f"slicing_specs: {' × '.join(group.features) or 'Overall'} was not evaluated so; evaluate again, or "
                "leave the spec as it was"
            )
    known = {_identity(planned): planned for planned in evaluated.metrics}
    for planned in wanted.metrics:
        was_planned = known.get(_identity(planned))
        if was_planned is None:
            raise ConfigError(f"{planned.path}: {planned.metric.name!r} was not evaluated; evaluate again")
        if (was_planned.metric, was_planned.view, was_planned.of_classes) != (
            planned.metric,
            planned.view,
            planned.of_classes,
        ):
            raise ConfigError(
                f"{planned.path}: {planned.metric.name!r} was evaluated with other options or weights; evaluate "
                "again, or write the metric as it was"
            )


def _told(intervals: Intervals) -> str:
    """How intervals are made, for a message."""
    return ", ".join(f"{name} is {value!r}" for name, value in dataclasses.asdict(intervals).items())


def _identity(planned: PlannedMetric) -> tuple[int, str, str, str]:
    return planned.view.model, planned.view.output, planned.metric.name, planned.sub_key


def _check_writable(output: str | os.PathLike[str] | None) -> None:
    """Finds out before the work that a local folder cannot take the results."""
    if output is None or "://" in os.fspath(output):
        return
    path = Path(output)
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ConfigError(f"output {os.fspath(output)}: {there} is a file; expected a folder, or a path for a new one")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"output {os.fspath(output)}: {there} cannot be written to; choose another folder")


def _check_apart(output: str | os.PathLike[str] | None, checked: Preflight) -> None:
    """Keeps results out of the folders of models and data."""
    if output is None or "://" in os.fspath(output):
        return
    taken = {Path(path).resolve(): "a model" for path in checked.job.model_paths if path}
    taken |= {Path(shard.path).resolve().parent: "the examples" for shard in checked.shards if "://" not in shard.path}
    what = taken.get(Path(output).resolve())
    if what:
        raise ConfigError(f"output {os.fspath(output)}: is the folder of {what}; choose another one for the results")


def _pass(
    checked: Preflight, output: str | os.PathLike[str] | None, beam_args: Sequence[str], progress: bool
) -> tuple[dict[str, State], list[str]]:
    from evaluator_component.engine import local
    from evaluator_component.engine.beam import run_pass
    from evaluator_component.report.progress import show_progress

    with (
        _workplace(output) as folder,
        show_progress(progress) as listener,
        local.run(checked.job.run_id, checked.predictors, listener),
    ):
        return run_pass(checked.job, checked.shards, beam_args, folder)


def _survey(checked: Preflight, output: str | os.PathLike[str] | None, beam_args: Sequence[str]) -> Preflight:
    """Finds out of the data what the slices are, where the config leaves that open."""
    from evaluator_component.engine.beam import run_pass
    from evaluator_component.engine.job import Job
    from evaluator_component.engine.survey import find_slices

    def run(job: Job) -> dict[str, State]:
        with _workplace(output) as folder:
            return run_pass(job, checked.shards, beam_args, folder)[0]

    open_values = {values.feature: values for values in checked.job.plan.sliced_values if values.is_open}
    found = find_slices(checked.job, tuple(open_values.values()), checked.predictors, run)
    config = config_pb2.EvalConfig()
    config.CopyFrom(checked.config)
    for values in (values for spec in config.slicing_specs for values in spec.values if values.feature in found):
        if how_grouped(values):
            values.found_edges[:] = found[values.feature].found_edges
            values.found_values[:] = found[values.feature].found_values
    put_found(config, config)
    job = dataclasses.replace(checked.job, config=config.SerializeToString(deterministic=True))
    return dataclasses.replace(checked, config=config, job=job)


@contextmanager
def _workplace(output: str | os.PathLike[str] | None) -> Iterator[str]:
    """A folder that every worker can write to: inside the output, or a temporary one of this machine."""
    if output is None:
        folder = tempfile.mkdtemp(prefix="evaluator-")
    else:
        folder = f"{os.fspath(output).rstrip('/')}/{PARTIAL_FOLDER}"
    try:
        _remove(folder)
        if "://" not in folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
        yield folder
    finally:
        _remove(folder)


def _remove(folder: str) -> None:
    if "://" not in folder:
        shutil.rmtree(folder, ignore_errors=True)
        return
    import tensorflow as tf

    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)


def _absent_slices(plan: Plan, result: Evaluation) -> Iterator[str]:
    """Says which slices the config names by their values, or by a filter, that no example is in."""
    groups = [group for group in plan.groupings if not group.takes_all or group.filter]
    if not groups:
        return
    found = pc.unique(result.metrics.table.column("slice")).to_pylist()
    keys = [dict(names.parse_slice(name)) for name in found if not names.is_pair(name)]
    for group in groups:
        chosen = {} if group.filter is None else {FILTER: names.Group(group.filter.name)}
        mine = [key for key in keys if tuple(sorted(key)) == group.features and chosen.items() <= key.items()]
        for condition in group.wanted:
            if not any(all(names.matches(key[name], text) for name, text in condition) for key in mine):
                pairs = [f"{name}={text}" for name, text in condition]
                told = ", ".join([*pairs, *(names.format_slice([pair]) for pair in chosen.items())])
                yield f"slicing_specs: no example is in a slice with {told}; no rule that covers all slices sees it"


def _finalise(checked: Preflight, states: Mapping[str, State]) -> Evaluation:
    from evaluator_component.engine.finalise import finalise

    metrics, plots = finalise(checked.job.plan, states)
    verdict = decide(metrics, checked.config, checked.baseline)
    return Evaluation(MetricTable(metrics), PlotTable(plots), verdict, {}, checked.config)


def _with_run(
    result: Evaluation,
    checked: Preflight,
    states: Mapping[str, State],
    digests: Mapping[str, Any],
    clock: provenance.Clock,
    beam_args: Sequence[str],
    halved: Sequence[str],
) -> Evaluation:
    examples = {split: state.examples for split, state in states.items()}
    run = provenance.record(checked, digests, examples, clock, beam_args, halved)
    return dataclasses.replace(result, run=run)
