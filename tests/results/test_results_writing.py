"""The output folder: complete or refused, the same bytes each time, loaded as it was written."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Iterator

import example_tables
import pyarrow as pa
import pytest

from evaluator_component import gate
from evaluator_component.errors import DataError
from evaluator_component.results import Evaluation, MetricTable, PlotTable, files, peer_files, tables, writing

ALL = {
    "eval_config.json",
    "evaluator_config.json",
    "metrics-00000-of-00001.tfrecord",
    "metrics.parquet",
    "plots-00000-of-00001.tfrecord",
    "plots.parquet",
    "report.html",
    "run.json",
    "validations.tfrecord",
    "verdict.json",
}


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    config = example_tables.config()
    found = dataclasses.replace(
        example_tables.evaluation(),
        metrics=MetricTable(example_tables.metric_rows(2_000)),
        plots=PlotTable(example_tables.plot_rows(10, 2_000)),
        config=config,
    )
    state = gate.BaselineState(gate.BaselineStatus.WIRED, uri="models/1")
    return dataclasses.replace(found, verdict=gate.decide(found.metrics.table, config, state))


def same_rows(left: pa.Table, right: pa.Table) -> bool:
    """Whether two canonical tables are equal, NaN to NaN."""
    return writing.table_bytes(left) == writing.table_bytes(right)


def test_what_is_written_is_loaded(evaluation: Evaluation, tmp_path: pathlib.Path) -> None:
    written = writing.write(evaluation, tmp_path / "out")
    loaded = writing.load(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == ALL
    assert same_rows(tables.canonical_metrics(loaded.metrics.table), written.metrics.table)
    assert same_rows(tables.canonical_plots(loaded.plots.table), written.plots.table)
    assert loaded.verdict == evaluation.verdict
    assert loaded.config == evaluation.config
    assert loaded.run == evaluation.run
    assert loaded.output == written.output == str(tmp_path / "out")
    assert loaded.metrics.table.schema.types == tables.METRICS_SCHEMA.types


def test_equal_evaluations_are_equal_files(evaluation: Evaluation, tmp_path: pathlib.Path) -> None:
    reversed_rows = pa.array(range(len(evaluation.metrics) - 1, -1, -1))
    other = dataclasses.replace(evaluation, metrics=MetricTable(evaluation.metrics.table.take(reversed_rows)))
    writing.write(evaluation, tmp_path / "one")
    writing.write(other, tmp_path / "two")
    for name in ALL:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> object:
    """Ends the run when the n-th file would be put in place, or within writing it."""

    def arm(count: int) -> None:
        left = iter(range(count))
        original = files._LocalFolder.replacing

        @contextlib.contextmanager
        def replacing(self: files._LocalFolder, name: str) -> Iterator[str]:
            if next(left, None) is None:
                raise Killed
            with original(self, name) as path:
                yield path

        monkeypatch.setattr(files._LocalFolder, "replacing", replacing)

    return arm


@pytest.mark.parametrize("after", range(len(ALL)))
def test_an_interrupted_run_leaves_nothing_complete(
    evaluation: Evaluation, tmp_path: pathlib.Path, kill_at: object, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing.write(evaluation, tmp_path)
    (tmp_path / "BLESSED").touch()
    (tmp_path / "notes.txt").write_text("mine")
    with monkeypatch.context():
        kill_at(after)
        with pytest.raises(Killed):
            writing.write(evaluation, tmp_path)
        monkeypatch.undo()
    assert not (tmp_path / "BLESSED").exists()
    assert not writing.is_complete(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(DataError, match=r"run\.json"):
        writing.load(tmp_path)
    writing.write(evaluation, tmp_path)
    assert writing.load(tmp_path).verdict == evaluation.verdict


@pytest.mark.parametrize("after", range(4))
def test_an_interrupted_second_judgement_leaves_nothing_complete(
    evaluation: Evaluation, tmp_path: pathlib.Path, kill_at: object, after: int
) -> None:
    writing.write(evaluation, tmp_path)
    (tmp_path / "NOT_BLESSED").touch()
    kill_at(after)
    with pytest.raises(Killed):
        writing.write_verdict(evaluation, tmp_path)
    assert not (tmp_path / "NOT_BLESSED").exists()
    assert not writing.is_complete(tmp_path)


def test_a_second_judgement_keeps_the_tables(evaluation: Evaluation, tmp_path: pathlib.Path) -> None:
    writing.write(evaluation, tmp_path)
    before = (tmp_path / "metrics.parquet").stat()
    config = example_tables.config()
    for metric in config.metrics_specs[0].metrics:
        metric.ClearField("threshold")
        metric.ClearField("per_slice_thresholds")
    config.metrics_specs[0].thresholds["auc"].value_threshold.lower_bound.value = 0.1
    loaded = writing.load(tmp_path)
    verdict = gate.decide(loaded.metrics.table, config, gate.BaselineState(gate.BaselineStatus.WIRED))
    writing.write_verdict(dataclasses.replace(loaded, config=config, verdict=verdict), tmp_path)
    again = writing.load(tmp_path)
    assert again.verdict is not None
    assert again.verdict.blessed
    assert again.config == config
    assert (tmp_path / "metrics.parquet").stat().st_mtime_ns == before.st_mtime_ns
    assert "may be deployed" in (tmp_path / "report.html").read_text()


def test_an_evaluation_without_verdict_and_config_is_written_too(tmp_path: pathlib.Path) -> None:
    writing.write(Evaluation(MetricTable(example_tables.metric_rows(2_000))), tmp_path)
    loaded = writing.load(tmp_path)
    assert loaded.verdict is None
    assert loaded.config is None
    assert len(loaded.plots) == 0
    assert not (tmp_path / "verdict.json").exists()


def test_loading_says_what_is_wrong(evaluation: Evaluation, tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        writing.load(tmp_path / "nothing")
    (tmp_path / "other.txt").touch()
    with pytest.raises(DataError, match=r"found other\.txt"):
        writing.load(tmp_path)
    writing.write(evaluation, tmp_path / "out")
    (tmp_path / "out" / "metrics.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="cannot be read"):
        writing.load(tmp_path / "out")
    (tmp_path / "out" / "run.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        writing.load(tmp_path / "out")


def test_eval_config_is_the_peers(evaluation: Evaluation, tmp_path: pathlib.Path) -> None:
    writing.write(evaluation, tmp_path)
    run = json.loads((tmp_path / "eval_config.json").read_text())
    assert run["modelLocations"] == {"candidate": "models/2", "baseline": "models/1"}
    assert run["dataLocation"] == "data/eval-*.gz"
    assert "gate" not in run["evalConfig"]
    assert "gate" in json.loads((tmp_path / "evaluator_config.json").read_text())


def test_a_single_model_has_no_name_for_the_peer() -> None:
    assert json.loads(peer_files.eval_run_json("{}", "d", {"candidate": "m"}))["modelLocations"] == {"": "m"}


def test_addresses_go_through_tensorflows_file_systems(evaluation: Evaluation) -> None:
    output = "ram://folder/out"
    writing.write(evaluation, output)
    assert set(files.folder(output).names()) == ALL
    assert writing.load(output).verdict == evaluation.verdict
    files.folder(output).remove("run.json")
    with pytest.raises(DataError, match=r"run\.json"):
        writing.load(output)


def test_beams_file_systems_do_the_same(tmp_path: pathlib.Path) -> None:
    folder = files._BeamFolder(str(tmp_path / "out"))
    folder.make()
    folder.write("a.json", b"{}")
    folder.write("a.json", b"[]")
    with folder.replacing("b.tfrecord") as path:
        pathlib.Path(path).write_bytes(b"record")
    assert folder.names() == ["a.json", "b.tfrecord"]
    assert (folder.read("a.json"), folder.read("b.tfrecord")) == (b"[]", b"record")
    folder.remove("a.json")
    assert not folder.exists("a.json")
