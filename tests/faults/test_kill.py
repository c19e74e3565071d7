"""A run that is killed at any moment: no verdict without its results, and the next run is right."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

import evaluator_component as ec
from evaluator_component.errors import DataError

CONFIG = {
    "model_specs": [{"label_key": "tipped", "example_weight_key": "weight"}],
    "slicing_specs": [{}, {"feature_keys": ["payment", "tags"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "AUC"},
                {"class_name": "CalibrationPlot"},
                {
                    "class_name": "MeanSquaredError",
                    "threshold": {"change_threshold": {"absolute": 0.0, "direction": "LOWER_IS_BETTER"}},
                },
            ]
        }
    ],
    "gate": {"plain_threshold_scope": "OVERALL"},
}
SAME_BYTES = ("metrics.parquet", "plots.parquet", "verdict.json", "evaluator_config.json", "validations.tfrecord")

Moment = Callable[[set[str]], bool]


def evaluate(candidate: Path, baseline: Path, data: Path, output: Path) -> None:
    """What the processes run."""
    ec.evaluate(CONFIG, candidate, baseline, data, output, progress=False)


class Runs:
    """Starts runs in processes of their own, which have TensorFlow and Beam imported already."""

    def __init__(self, material: Any) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tensorflow", "evaluator_component.engine.beam"])
        self._models = {"BLESSED": (material.good, material.weak), "NOT_BLESSED": (material.weak, material.good)}
        self._data = material.spread

    def start(self, verdict: str, output: Path) -> Any:
        """Starts a run that ends with that verdict."""
        process = self._context.Process(target=evaluate, args=(*self._models[verdict], self._data, output))
        process.start()
        return process

    def finish(self, verdict: str, output: Path) -> Path:
        """Makes such a run without disturbing it."""
        process = self.start(verdict, output)
        process.join()
        assert process.exitcode == 0
        return output


@pytest.fixture(scope="module")
def runs(material: Any) -> Runs:
    return Runs(material)


@pytest.fixture(scope="module")
def undisturbed(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished result with either verdict."""
    root = tmp_path_factory.mktemp("undisturbed")
    return {verdict: runs.finish(verdict, root / verdict) for verdict in ("BLESSED", "NOT_BLESSED")}


def names(folder: Path) -> set[str]:
    with contextlib.suppress(FileNotFoundError):
        return {path.name for path in folder.iterdir()}
    return set()


def verdict_of(folder: Path) -> str:
    return "BLESSED" if json.loads((folder / "verdict.json").read_text())["blessed"] else "NOT_BLESSED"


def new_files(count: int) -> Moment:
    """Once the old tables are gone: as soon as so many files of the new result are there."""
    begun = False

    def reached(found: set[str]) -> bool:
        nonlocal begun
        begun = begun or "metrics.parquet" not in found
        return begun and sum(not name.startswith(".") for name in found) >= count

    return reached


MOMENTS: dict[str, Callable[[], Moment]] = {
    "the old result loses its mark": lambda: lambda found: "run.json" not in found,
    "the old verdict is gone": lambda: lambda found: "verdict.json" not in found,
    "the pass begins": lambda: lambda found: ".partial" in found,
    **{f"{count} new files": lambda count=count: new_files(count) for count in (1, 3, 6, 7, 8, 9)},  # type: ignore[misc]
}
TRIED: set[str] = set()
HIT: dict[str, set[str]] = {}
"""What a kill that came in time left behind, by moment."""


def kill_at(process: Any, folder: Path, moment: Moment) -> bool:
    """Kills a process when its folder is as wanted; returns whether that was before its end."""
    while process.is_alive() and not moment(names(folder)):
        time.sleep(0.0005)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode in (-signal.SIGKILL, 0)
    return process.exitcode != 0


@pytest.mark.parametrize(
    ("moment", "new"),
    [
        *((moment, ("BLESSED", "NOT_BLESSED")[i % 2]) for i, moment in enumerate(MOMENTS)),
        ("7 new files", "BLESSED"),  # the first six are what the verdict, the seventh, stands on
    ],
)
def test_killed_run_leaves_no_verdict_without_its_results_and_the_next_is_right(
    moment: str, new: str, runs: Runs, undisturbed: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "output"
    old = "NOT_BLESSED" if new == "BLESSED" else "BLESSED"
    shutil.copytree(undisturbed[old], folder)

    TRIED.add(moment)
    in_time = kill_at(runs.start(new, folder), folder, MOMENTS[moment]())

    left = names(folder)
    if in_time:
        HIT[f"{moment}, {new}"] = left
    if "run.json" in left:
        assert verdict_of(folder) == new  # the old one lost its mark before anything else
        assert_same(folder, undisturbed[new])
        assert ec.load(folder).verdict is not None
    else:
        with pytest.raises(DataError, match=r"evaluate again|no such folder, or an empty one|no run\.json in it"):
            ec.load(folder)
    if "verdict.json" in left:  # then what it stands on is there, and is its own
        for name in ("metrics.parquet", "plots.parquet"):
            assert (folder / name).read_bytes() == (undisturbed[verdict_of(folder)] / name).read_bytes()

    assert_same(runs.finish(new, folder), undisturbed[new])
    assert ec.load(folder).verdict == ec.load(undisturbed[new]).verdict


def assert_same(folder: Path, expected: Path) -> None:
    assert {name for name in names(folder) if not name.startswith(".")} == names(expected)
    for name in SAME_BYTES:
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


def test_kills_came_in_time() -> None:
    if len(TRIED) < len(MOMENTS):
        pytest.skip("needs all of the tests above")

    assert len(HIT) >= 5
    assert any("metrics.parquet" in left and "run.json" not in left for left in HIT.values())
    assert any("metrics.parquet" not in left for left in HIT.values())


def test_leftovers_of_a_killed_run_are_cleared_away(runs: Runs, undisturbed: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "output"
    kill_at(runs.start("BLESSED", folder), folder, new_files(2))
    (folder / ".partial").mkdir(exist_ok=True)
    (folder / ".partial" / "part-6576616c-0").write_bytes(b"Sleft from another run")
    (folder / ".tmp-metrics.parquet").write_bytes(b"half a ta")

    runs.finish("BLESSED", folder)

    assert names(folder) == names(undisturbed["BLESSED"])
