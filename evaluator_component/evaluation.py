"""The whole run without TFX: check, pass over the examples, finalise, decide, write."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator_component import provenance
from evaluator_component.gate import BaselineState, decide
from evaluator_component.preflight import ModelPath, Preflight, check
from evaluator_component.results.evaluation import Evaluation, MetricTable, PlotTable

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
    checked = preflight()
    clock.lap("preflight")
    if output is not None:
        writing.invalidate(output)  # from here on, an interrupted run must not look like the one before it
    with ThreadPoolExecutor(1) as beside:
        inputs = beside.submit(provenance.digests, checked)
        states, halved = _pass(checked, output, beam_args, progress)
        clock.lap("pass")
        result = _finalise(checked, states)
        clock.lap("finalise and decide")
        digests = inputs.result()
    result = _with_run(result, checked, states, digests, clock, beam_args, halved)
    return result if output is None else writing.write(result, output)


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
    import dataclasses

    examples = {split: state.examples for split, state in states.items()}
    run = provenance.record(checked, digests, examples, clock, beam_args, halved)
    return dataclasses.replace(result, run=run)
