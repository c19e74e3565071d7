"""The same files give the same bytes, however the work is spread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import evaluator_component as ec
from evaluator_component.errors import DataError

MODULE = '''
"""A metric of the user's own."""

import evaluator_component as ec


@ec.metric(lambda v: {"over": v.weights * (v.predictions > v.labels), "weight": v.weights}, direction="lower")
def over_prediction(totals):
    """The share of predictions above the label."""
    return totals["over"] / totals["weight"]
'''
METRICS = ("ExampleCount", "AUC", "BinaryAccuracy", "BinaryCrossEntropy", "MeanSquaredError", "OverPrediction")
PLOTS = ("CalibrationPlot", "ConfusionMatrixPlot")
CONFIG = {
    "model_specs": [{"label_key": "tipped", "example_weight_key": "weight"}],
    "slicing_specs": [{}, {"feature_keys": ["hour"]}, {"feature_keys": ["payment", "tags"]}],
    "metrics_specs": [{"metrics": [{"class_name": name} for name in (*METRICS, *PLOTS)]}],
    "cross_slicing_specs": [{"baseline_spec": {}, "slicing_specs": [{"feature_keys": ["hour"]}]}],
    "options": {"compute_confidence_intervals": {"value": True}},
    "engine": {"max_distinct_scores": 2000},  # most slices stay exact, and the large ones are coarsened
}
SURE = ["split", "slice", "model", "metric", "value", "n", "bracket_lower", "change", "effective_n"]
TWO = "--direct_num_workers=2"

Bytes = tuple[bytes, bytes]
Run = Callable[..., Bytes]


@pytest.fixture(scope="module")
def run(material: Any, tmp_path_factory: pytest.TempPathFactory) -> Run:
    module = tmp_path_factory.mktemp("module") / "own_metrics.py"
    module.write_text(MODULE)

    def evaluate(data: Any, *beam_args: str) -> Bytes:
        output = tmp_path_factory.mktemp("output")
        ec.evaluate(
            CONFIG, material.good, material.weak, data, output,
            module_file=module, beam_args=beam_args, progress=False,
        )  # fmt: skip
        return (output / "metrics.parquet").read_bytes(), (output / "plots.parquet").read_bytes()

    return evaluate


@pytest.fixture(scope="module")
def one_file(run: Run, material: Any) -> Bytes:
    return run(material.plain)


@pytest.fixture(scope="module")
def several_files(run: Run, material: Any) -> Bytes:
    return run(material.spread)


def test_again(run: Run, material: Any, one_file: Bytes) -> None:
    assert run(material.plain) == one_file


def test_compression(run: Run, material: Any, one_file: Bytes) -> None:
    assert run(material.gz) == one_file


def test_two_workers_in_memory(run: Run, material: Any, several_files: Bytes) -> None:
    assert run(material.spread, TWO, "--direct_running_mode=in_memory") == several_files


def test_two_threads(run: Run, material: Any, several_files: Bytes) -> None:
    assert run(material.spread, TWO, "--direct_running_mode=multi_threading") == several_files


def test_blocks_of_one_compressed_file_on_two_threads(run: Run, material: Any, one_file: Bytes) -> None:
    assert run(material.gz, TWO, "--direct_running_mode=multi_threading") == one_file


@pytest.mark.slow
def test_blocks_of_one_compressed_file_on_two_processes(run: Run, material: Any, one_file: Bytes) -> None:
    assert run(material.gz, TWO, "--direct_running_mode=multi_processing") == one_file


def test_other_order_of_files(run: Run, material: Any, several_files: Bytes) -> None:
    files = sorted(material.spread.iterdir(), reverse=True)

    assert run(files) == several_files
    assert run(files, TWO, "--direct_running_mode=multi_threading") == several_files


def test_names_of_files_change_nothing_but_what_is_resampled(
    run: Run, material: Any, several_files: Bytes, tmp_path: Path
) -> None:
    for i, path in enumerate(sorted(material.spread.iterdir(), reverse=True)):
        (tmp_path / f"{i}").write_bytes(path.read_bytes())
    before, after = (pq.read_table(pa.BufferReader(part)) for part in (several_files[0], run(tmp_path)[0]))

    assert before.select(SURE) == after.select(SURE)
    assert before != after  # an example's group goes by the name of its file


@pytest.mark.slow
def test_error_on_another_process_is_raised_as_what_it_is(run: Run, material: Any, tmp_path: Path) -> None:
    for path in material.spread.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damaged = tmp_path / "data-00002-of-00005"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)

    with pytest.raises(DataError, match=rf"^{damaged}: record \d+ cannot be read"):
        run(tmp_path, TWO, "--direct_running_mode=multi_processing")
