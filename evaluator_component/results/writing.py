"""Writing an evaluation to its output folder, and loading it again.

``run.json`` is written last and removed first: a folder without it is not a result. The tables are written in canonical
form without anything that differs between two runs, so equal tables are equal files; what does differ (times, hosts,
versions) is in run.json only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator_component.errors import DataError
from evaluator_component.results import files, peer_files, peer_plots, tables
from evaluator_component.results.evaluation import Evaluation, MetricTable, PlotTable

METRICS_FILE: Final = "metrics.parquet"
PLOTS_FILE: Final = "plots.parquet"
CONFIG_FILE: Final = "evaluator_config.json"
VERDICT_FILE: Final = "verdict.json"
VALIDATION_FILE: Final = "validations.tfrecord"
REPORT_FILE: Final = "report.html"
RUN_FILE: Final = "run.json"
"""The completion marker."""

BLESSED_FILE: Final = "BLESSED"
NOT_BLESSED_FILE: Final = "NOT_BLESSED"

_JUDGED: Final = (BLESSED_FILE, NOT_BLESSED_FILE, VERDICT_FILE, VALIDATION_FILE, REPORT_FILE)
_MEASURED: Final = (
    METRICS_FILE,
    PLOTS_FILE,
    CONFIG_FILE,
    peer_files.METRICS_FILE,
    peer_files.PLOTS_FILE,
    peer_files.CONFIG_FILE,
)
_ROW_GROUP: Final = 1 << 20


def invalidate(output: str | os.PathLike[str]) -> None:
    """Makes a folder's earlier results incomplete, then removes them; other files in it are left alone.

    Called when a run begins, so that a run that is killed leaves no verdict of the run before it.
    """
    folder = files.folder(output)
    present = set(folder.names())
    for name in (RUN_FILE, *_JUDGED, *_MEASURED):
        if name in present:
            folder.remove(name)


def write(evaluation: Evaluation, output: str | os.PathLike[str], *, report: bool = True) -> Evaluation:
    """Writes every file of an evaluation; run.json last.

    Args:
      evaluation: what to write. Of ``run``, these entries are used for TFMA's eval_config.json if present: ``data``
        (split to location) and ``models`` (name to location, or to a mapping with ``path``).
      output: the folder; it is made if missing, and earlier results in it are removed first.
      report: whether report.html is written too.

    Returns:
      The evaluation with ``output`` set and its tables in canonical form.
    """
    invalidate(output)
    folder = files.folder(output)
    folder.make()
    evaluation = dataclasses.replace(
        evaluation,
        metrics=MetricTable(tables.canonical_metrics(evaluation.metrics.table)),
        plots=PlotTable(tables.canonical_plots(evaluation.plots.table)),
        output=os.fspath(output),
    )
    _write_measured(evaluation, folder)
    _write_judged(evaluation, folder, report)
    return evaluation


def write_verdict(evaluation: Evaluation, output: str | os.PathLike[str], *, report: bool = True) -> Evaluation:
    """Replaces the verdict of a finished evaluation (and report, config and run.json); the tables stay as they are."""
    folder = files.folder(output)
    present = set(folder.names())
    for name in (RUN_FILE, *_JUDGED):
        if name in present:
            folder.remove(name)
    evaluation = dataclasses.replace(evaluation, output=os.fspath(output))
    _write_configs(evaluation, folder)
    _write_judged(evaluation, folder, report)
    return evaluation


def is_complete(output: str | os.PathLike[str]) -> bool:
    """Returns whether the folder holds a finished evaluation."""
    return files.folder(output).exists(RUN_FILE)


def load(output: str | os.PathLike[str]) -> Evaluation:
    """Loads a finished evaluation.

    Raises:
      DataError: the folder is missing, holds no finished evaluation, or a file of it is damaged.
    """
    folder, present = open_finished(output)
    with reading(folder):
        return Evaluation(
            metrics=MetricTable(_read_table(folder, METRICS_FILE, tables.METRICS_SCHEMA)),
            plots=PlotTable(_read_table(folder, PLOTS_FILE, tables.PLOTS_SCHEMA)),
            verdict=_read_verdict(folder) if VERDICT_FILE in present else None,
            run=json.loads(folder.read(RUN_FILE)),
            config=_read_config(folder) if CONFIG_FILE in present else None,
            output=os.fspath(output),
        )


def open_finished(output: str | os.PathLike[str]) -> tuple[files.Folder, frozenset[str]]:
    """Returns the folder of a finished evaluation and the names of its files.

    Raises:
      DataError: the folder is missing or holds no finished evaluation.
    """
    folder = files.folder(output)
    present = frozenset(folder.names())
    if RUN_FILE not in present:
        raise DataError(f"{folder.path}: {why_incomplete(present)}")
    return folder, present


@contextlib.contextmanager
def reading(folder: files.Folder) -> Iterator[None]:
    """Turns what goes wrong with a file of the folder into a DataError that names the folder."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        problem = f"{type(error).__name__}: {error}"
        raise DataError(f"{folder.path}: the evaluation cannot be read ({problem}); evaluate again") from error


def why_incomplete(present: Collection[str]) -> str:
    """Returns why a folder with these files is no finished evaluation."""
    if not present:
        return "no such folder, or an empty one; give the output folder of an evaluation"
    if not {METRICS_FILE, *_JUDGED}.isdisjoint(present):
        return (
            f"not a finished evaluation: {RUN_FILE} is missing, so its run was stopped or still goes on; evaluate again"
        )
    return f"not an evaluation: no {RUN_FILE} in it (found {', '.join(sorted(present)[:5])})"


def table_bytes(table: pa.Table) -> bytes:
    """Returns a canonical table as a Parquet file; equal tables give equal bytes (with one version of Arrow)."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(None), sink, compression="snappy", version="2.6", row_group_size=_ROW_GROUP
    )
    return bytes(sink.getvalue())


def _write_measured(evaluation: Evaluation, folder: files.Folder) -> None:
    folder.write(METRICS_FILE, table_bytes(evaluation.metrics.table))
    folder.write(PLOTS_FILE, table_bytes(evaluation.plots.table))
    matrices, samples = peer_plots.matrices(evaluation.plots.table), peer_plots.samples(evaluation.plots.table)
    further = {name: matrices.get(name, b"") + samples.get(name, b"") for name in {**matrices, **samples}}
    with folder.replacing(peer_files.METRICS_FILE) as path:
        intervals = evaluation.config is not None and evaluation.config.options.compute_confidence_intervals.value
        records = peer_files.metric_records(evaluation.metrics.table, further, bool(intervals))
        peer_files.write_records(path, records)
    with folder.replacing(peer_files.PLOTS_FILE) as path:
        peer_files.write_records(path, peer_plots.plot_records(evaluation.plots.table))
    _write_configs(evaluation, folder)


def _write_configs(evaluation: Evaluation, folder: files.Folder) -> None:
    if evaluation.config is None:
        return
    from evaluator_component import config

    data = evaluation.run.get("data", {})
    location = data if isinstance(data, str) else ", ".join(str(_path(part)) for part in data.values())
    models = {name: str(_path(model)) for name, model in evaluation.run.get("models", {}).items()}
    peer = peer_files.eval_run_json(config.to_peer_json(evaluation.config), location, models)
    folder.write(CONFIG_FILE, _pretty(json.loads(config.to_json(evaluation.config))))
    folder.write(peer_files.CONFIG_FILE, peer.encode())


def _path(entry: Any) -> Any:
    return entry.get("path", "") if isinstance(entry, Mapping) else entry


def _write_judged(evaluation: Evaluation, folder: files.Folder, report: bool) -> None:
    if evaluation.verdict is not None:
        from evaluator_component.results import validation

        folder.write(VERDICT_FILE, evaluation.verdict.to_json().encode("utf-8", "backslashreplace"))
        result = validation.validation_result(evaluation.verdict, evaluation.config, evaluation.metrics.table)
        with folder.replacing(VALIDATION_FILE) as path:
            peer_files.write_records(path, [result.SerializeToString(deterministic=True)])
    if report:
        from evaluator_component.report import html

        folder.write(REPORT_FILE, html.render_report(evaluation).encode())
    folder.write(RUN_FILE, _pretty(evaluation.run))


def _pretty(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _read_table(folder: files.Folder, name: str, schema: pa.Schema) -> pa.Table:
    table = pq.read_table(pa.BufferReader(folder.read(name)))
    return table.select(schema.names).unify_dictionaries()


def _read_verdict(folder: files.Folder) -> Any:
    from evaluator_component.gate import Verdict

    return Verdict.from_dict(json.loads(folder.read(VERDICT_FILE)))


def _read_config(folder: files.Folder) -> Any:
    from evaluator_component.config import load_config

    return load_config(json.loads(folder.read(CONFIG_FILE)))
