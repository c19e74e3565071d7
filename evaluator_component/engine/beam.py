"""The pass on Beam: a thin shell around the worker and the sums."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam import pipeline as pipelines
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions, WorkerOptions
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from evaluator_component import errors
from evaluator_component.data.files import Shard
from evaluator_component.data.reader import Block, read_blocks
from evaluator_component.engine import local, transport
from evaluator_component.engine.accumulate import Accumulator, State, merge, settle
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.job import Job
from evaluator_component.engine.worker import BLOCKS_AT_A_TIME, Worker

LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
_LOCAL_RUNNERS = frozenset({"DirectRunner", "FnApiRunner", "BundleBasedDirectRunner", "SwitchingDirectRunner"})
_ASSUMED_WORKERS = 32
_PARTITIONS = 8
_HALVED = "evaluator.halved"  # namespace of the counters that tell of models which ran out of memory

Key = tuple[str, int]


def run_pass(
    job: Job, shards: Sequence[Shard], beam_args: Sequence[str], folder: str
) -> tuple[dict[str, State], list[str]]:
    """Runs the pass.

    Args:
        job: What each worker does.
        shards: The files.
        beam_args: Beam's own flags, passed through.
        folder: Where workers leave their sums; every worker must be able to write there.

    Returns:
        The sums of each split, and the paths of the models that ran out of memory on some worker.

    Raises:
        DataError, ModelError, ConfigError: As raised on a worker: of several, the one on the first file.
    """
    options = pipeline_options(beam_args)
    workers = worker_count(options)
    partitions = 1 if workers == 1 else _PARTITIONS
    shared = Shared()
    with _plain_labels():
        pipeline = beam.Pipeline(options=options)
        blocks = pipeline | "Files" >> beam.Create(list(shards), reshuffle=workers > 1) | "Read" >> beam.ParDo(_Read())
        if workers > len(shards):
            blocks = blocks | "Spread" >> beam.Reshuffle()
        _ = (
            blocks
            | "Evaluate" >> beam.ParDo(_Evaluate(job, shared, partitions))
            | "Merge" >> beam.CombinePerKey(_Merge(job))
            | "Write" >> beam.ParDo(_Write(folder))
        )
        result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query(MetricsFilter().with_namespace(_HALVED))["counters"]
    halved = sorted({counter.key.metric.name for counter in counters})
    return _collect(job, folder, sorted({shard.split for shard in shards})), halved


@contextlib.contextmanager
def _plain_labels() -> Iterator[None]:
    """Keeps Beam from writing a notebook's prompts into labels.

    For that it would load its data frames, which in many environments fails: they need pandas, and no recent one.
    """
    with_prompts = pipelines.alter_label_if_ipython
    pipelines.alter_label_if_ipython = lambda transform, pvalueish: None
    try:
        yield
    finally:
        pipelines.alter_label_if_ipython = with_prompts


def pipeline_options(beam_args: Sequence[str]) -> PipelineOptions:
    """Parses Beam's flags. The local runner is named outright: Beam's own choice would first try to download one."""
    options = PipelineOptions(flags=list(beam_args))
    standard = options.view_as(StandardOptions)
    if not standard.runner or standard.runner in _LOCAL_RUNNERS:
        standard.runner = LOCAL_RUNNER
    return options


def worker_count(options: PipelineOptions) -> int:
    """How many workers can work at a time, as far as the options tell."""
    if options.view_as(StandardOptions).runner == LOCAL_RUNNER:
        direct = int(options.view_as(DirectOptions).direct_num_workers)
        if direct == 0:
            import os

            return os.cpu_count() or 1
        return direct
    workers = options.view_as(WorkerOptions)
    return int(workers.max_num_workers or workers.num_workers or _ASSUMED_WORKERS)


class _Read(beam.DoFn):  # type: ignore[misc]
    def process(self, shard: Shard) -> Iterator[Block | errors.EvaluatorError]:
        try:
            yield from read_blocks(shard)
        except errors.EvaluatorError as error:
            yield error


class _Evaluate(beam.DoFn):  # type: ignore[misc]
    """Evaluates blocks, and gives the bundle's sums at its end.

    An error of the user's is data too: it travels to the end and is raised there, once, whatever the runner.
    """

    def __init__(self, job: Job, shared: Any, partitions: int):
        self._job = job
        self._shared = shared
        self._partitions = partitions
        self._counter = Metrics.counter("evaluator", "examples")

    def setup(self) -> None:
        self._worker: Worker | errors.EvaluatorError = self._shared.acquire(self._open)

    def _open(self) -> Worker | errors.EvaluatorError:
        try:
            return Worker(self._job)
        except errors.EvaluatorError as error:
            return error

    def start_bundle(self) -> None:
        self._sums: dict[str, Accumulator] = {}
        self._errors: list[errors.EvaluatorError] = []
        self._started: deque[tuple[Block, Future[Evaluated]]] = deque()

    def process(self, block: Block | errors.EvaluatorError) -> None:
        if isinstance(block, errors.EvaluatorError):
            self._finish(0)
            self._errors.append(block)
        elif isinstance(self._worker, errors.EvaluatorError):
            self._errors.append(self._worker)
        elif not self._errors:
            self._started.append((block, self._worker.start(block)))
            self._finish(BLOCKS_AT_A_TIME)

    def _finish(self, left: int) -> None:
        """Adds up the blocks that were started, until so many are left."""
        while len(self._started) > left:
            block, evaluated = self._started.popleft()
            try:
                batch = evaluated.result()
                self._sums.setdefault(block.shard.split, Accumulator(self._job.plan)).add(batch)
            except errors.EvaluatorError as error:
                self._errors.append(error)
                self._started.clear()
                return
            self._counter.inc(len(block))
            local.advance(self._job.run_id, len(block))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        self._finish(0)
        if isinstance(self._worker, Worker):
            for path in self._worker.halved:
                Metrics.counter(_HALVED, path).inc()
        for key, value in self._results():
            yield WindowedValue((key, value), GlobalWindow().max_timestamp(), [GlobalWindow()])

    def _results(self) -> Iterator[tuple[Key, bytes]]:
        for error in self._errors:
            yield ("", 0), _pack_error(error)
        for split in sorted(self._sums):
            state = self._sums.pop(split).state()  # popped, since Beam keeps this object
            for number, part in enumerate(transport.partition(self._job.plan, state, self._partitions)):
                if len(part.names) or part.examples:
                    yield (split, number), _pack(self._job, part)


class _Merge(beam.CombineFn):  # type: ignore[misc]
    def __init__(self, job: Job):
        self._job = job

    def create_accumulator(self, *_: Any, **__: Any) -> list[bytes]:
        return []

    def add_input(self, accumulator: list[bytes], element: bytes, *_: Any, **__: Any) -> list[bytes]:
        return [*accumulator, element]

    def merge_accumulators(self, accumulators: Iterable[list[bytes]], *_: Any, **__: Any) -> list[bytes]:
        return self.compact([part for parts in accumulators for part in parts])

    def compact(self, accumulator: list[bytes], *_: Any, **__: Any) -> list[bytes]:
        if len(accumulator) < 2:
            return accumulator
        failed = [part for part in accumulator if part[:1] == b"E"]
        if failed:
            return [min(failed)]
        return [_pack(self._job, merge(self._job.plan, [_unpack(self._job, part) for part in accumulator]))]

    def extract_output(self, accumulator: list[bytes], *_: Any, **__: Any) -> bytes:
        """What is written: all documents of the partition's queries are together by now."""
        (whole,) = self.compact(accumulator)
        if whole[:1] == b"E" or not self._job.plan.queries:
            return whole
        return _pack(self._job, settle(self._job.plan, _unpack(self._job, whole)))


class _Write(beam.DoFn):  # type: ignore[misc]
    def __init__(self, folder: str):
        self._folder = folder

    def process(self, element: tuple[Key, bytes]) -> None:
        (split, number), value = element
        name = f"part-{split.encode().hex()}-{number}" if split else "error"
        final = FileSystems.join(self._folder, name)
        temporary = final + ".tmp"
        with FileSystems.create(temporary, "application/octet-stream") as file:
            file.write(value)
        FileSystems.rename([temporary], [final])


def _collect(job: Job, folder: str, splits: Sequence[str]) -> dict[str, State]:
    matches = FileSystems.match([FileSystems.join(folder, "*")])[0].metadata_list
    parts: dict[str, list[State]] = {split: [] for split in splits}
    for metadata in sorted(matches, key=lambda m: str(m.path)):
        name = Path(metadata.path).name
        with FileSystems.open(metadata.path, "application/octet-stream") as file:
            content = file.read()
        if name == "error":
            raise _unpack_error(content)
        if name.startswith("part-") and not name.endswith(".tmp"):
            split = bytes.fromhex(name.split("-")[1]).decode()
            parts[split].append(_unpack(job, content))
    return {split: merge(job.plan, states) for split, states in parts.items()}


def _pack(job: Job, state: State) -> bytes:
    """What travels: the sums, or within the process that started the run only where they are."""
    number = local.keep(job.run_id, state)
    return b"S" + transport.to_bytes(state) if number is None else b"K" + str(number).encode()


def _unpack(job: Job, content: bytes) -> State:
    if content[:1] == b"K":
        state: State = local.kept(job.run_id, int(content[1:]))
        return state
    return transport.from_bytes(content[1:])


def _pack_error(error: errors.EvaluatorError) -> bytes:
    return b"E" + json.dumps([str(error), type(error).__name__]).encode()


def _unpack_error(content: bytes) -> errors.EvaluatorError:
    message, name = json.loads(content[1:])
    kind = {c.__name__: c for c in (errors.ConfigError, errors.DataError, errors.ModelError)}
    return kind.get(name, errors.ConfigError)(message)
