"""Runs the taxi pipeline three times and checks that the Evaluator lets the right models through.

    python pipelines/taxi/run.py --output DIR [--data-root DIR]

1. The first model has nothing to be compared with: it is blessed as a rubber stamp, and pushed.
2. The second sees the fare as well and is better: it is compared with the first, blessed and pushed.
3. The third lost the payment type and is worse: it is refused, and not pushed.

Exit codes: 0 all went so, 1 a model was let through or refused that should not have been, 2 usage, 3 a pipeline failed.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # so that this file also works where it is run by its path, or by runpy
    sys.path.insert(0, str(HERE))

_NAME = "taxi"
_TIME = ["trip_start_hour", "trip_start_day"]
_RIDE = ["fare", "trip_miles", "trip_seconds"]
_SHOWN = 10  # lines of a verdict


@dataclass(frozen=True)
class Act:
    """One run of the pipeline, and what must come of it."""

    title: str
    features: Sequence[str]
    epochs: int
    blessed: bool
    rubber_stamp: bool


ACTS = (
    Act("a first model, without the fare", ["payment_type", "company", *_TIME], 3, blessed=True, rubber_stamp=True),
    Act("a better one, with it", ["payment_type", "company", *_TIME, *_RIDE], 8, blessed=True, rubber_stamp=False),
    Act("a worse one, which lost the payment type", ["company", *_TIME, *_RIDE], 3, blessed=False, rubber_stamp=False),
)


@dataclass(frozen=True)
class Folders:
    """Where the demo keeps its things, all under one folder."""

    output: Path

    @property
    def data(self) -> Path:
        """The generated trips."""
        return self.output / "data"

    @property
    def root(self) -> Path:
        """TFX's artifacts."""
        return self.output / "pipeline"

    @property
    def metadata(self) -> Path:
        """ML Metadata."""
        return self.output / "metadata.db"

    @property
    def serving(self) -> Path:
        """The pushed models."""
        return self.output / "serving"

    @property
    def log(self) -> Path:
        """What the libraries print."""
        return self.output / "demo.log"

    def replaceable(self) -> bool:
        """Tells whether the folder is empty, or holds an earlier demo and nothing else."""
        own = {self.data, self.root, self.metadata, self.serving, self.log}
        return self.output.is_dir() and own.issuperset(self.output.iterdir())

    def start_afresh(self) -> None:
        """Makes the folder, empty: a model of an earlier demo would count as a baseline."""
        if self.output.exists():
            shutil.rmtree(self.output)
        self.output.mkdir(parents=True)

    def pushed(self) -> set[str]:
        """Returns the names of the pushed models' folders."""
        return {path.name for path in self.serving.iterdir()} if self.serving.is_dir() else set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo and returns its exit code."""
    parser = argparse.ArgumentParser(description="Run the taxi pipeline three times: rubber stamp, better, worse.")
    parser.add_argument(
        "--output", type=Path, default=Path("demo_output"), help="folder of the demo's own; an earlier demo is replaced"
    )
    parser.add_argument("--data-root", type=Path, help="folder of CSV files with real trips (default: generated ones)")
    options = parser.parse_args(arguments)
    folders = Folders(options.output.resolve())
    if folders.output.exists() and not folders.replaceable():
        parser.error(f"--output: {folders.output} holds something else than an earlier demo. Name a new folder")
    if options.data_root and not any(options.data_root.glob("*.csv")):
        parser.error(f"--data-root: no .csv file in {options.data_root}")
    return _play(folders, options.data_root and options.data_root.resolve())


def _play(folders: Folders, data_root: Path | None) -> int:
    from console import Console

    began = time.monotonic()
    folders.start_afresh()
    with _scratch(), Console(folders.log) as console:
        try:
            console.say(
                f"Everything is kept in {folders.output}; what the libraries print is in {folders.log.name} there."
            )
            if data_root is None:
                data_root = _generate(console, folders.data)
            console.say("Loading TensorFlow and TFX ...")
            wrong = [
                problem
                for number, act in enumerate(ACTS, 1)
                for problem in _run(console, number, act, folders, data_root)
            ]
        except Exception as error:  # the reader wants the cause and the place of the log, not TFX's own stack
            traceback.print_exc()
            console.say(f"\nThe pipeline failed: {type(error).__name__}: {error}\nThe whole story is in {folders.log}")
            return 3
        console.say(f"\nTook {time.monotonic() - began:.0f} s.")
        for problem in wrong:
            console.say(f"NOT AS PROMISED: {problem}")
        if not wrong:
            console.say(
                "As promised: blessed by rubber stamp and pushed; compared, blessed and pushed; refused and not pushed."
            )
    return 1 if wrong else 0


@contextlib.contextmanager
def _scratch() -> Iterator[None]:
    """Gives temporary files a folder that goes away: TFX packs itself for every Beam job and leaves that lying."""
    with tempfile.TemporaryDirectory() as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _generate(console: Any, folder: Path) -> Path:
    from generate import ROWS, write_csv

    console.say(f"Generating {ROWS:,} trips ...")
    return write_csv(folder / "trips.csv").parent


def _run(console: Any, number: int, act: Act, folders: Folders, data_root: Path) -> list[str]:
    """Runs the pipeline once, prints what came of it, and returns what is not as promised."""
    from taxi_pipeline import create_pipeline
    from tfx import v1 as tfx

    console.say(f"\nRun {number} of {len(ACTS)}: {act.title}")
    pushed_before = folders.pushed()
    taxi = create_pipeline(
        _NAME,
        root=str(folders.root),
        data_root=str(data_root),
        serving_dir=str(folders.serving),
        training={"features": list(act.features), "epochs": act.epochs},
        metadata_path=str(folders.metadata),
    )
    with console.progress():
        tfx.orchestration.LocalDagRunner().run(taxi)
    pushed = sorted(folders.pushed() - pushed_before)
    blessings, evaluations = _artifacts(folders.metadata)
    if len(blessings) != number or len(evaluations) != number:
        return [f"run {number} left {len(blessings)} blessings and {len(evaluations)} evaluations on record"]
    return _judge(console, number, act, blessings[-1], evaluations[-1], [folders.serving / name for name in pushed])


def _judge(console: Any, number: int, act: Act, blessing: Any, evaluation: Any, pushed: Sequence[Path]) -> list[str]:
    """Prints one run's verdict and compares it, the blessing on record and the pushed folders with the promise."""
    import evaluator_component

    result = evaluator_component.load(evaluation.uri)
    verdict = result.verdict
    if verdict is None:
        return [f"run {number} left no verdict in {evaluation.uri}"]
    headline, *lines = verdict.explain().splitlines()
    console.say(f"  Verdict: {headline}")
    for line in lines[:_SHOWN]:
        console.say(f"    {line}")
    if len(lines) > _SHOWN:
        console.say(f"    ({len(lines) - _SHOWN} more lines are in the report)")
    weakest = result.metrics.worst("auc", min_examples=50).table.slice(0, 1).to_pylist()[0]
    console.say(f"  Weakest: {weakest['slice']}, auc {weakest['value']:.3f} on {weakest['n']} examples")
    console.say(f"  Pushed:  {pushed[0] if pushed else 'no'}")
    console.say(f"  Report:  {Path(evaluation.uri, 'report.html')}")

    wanted = "BLESSED" if act.blessed else "NOT_BLESSED"
    found = sorted(path.name for path in Path(blessing.uri).iterdir())
    checks = {
        f"the verdict is {verdict.outcome}, not {wanted}": verdict.blessed == act.blessed,
        f"rubber stamp is {verdict.rubber_stamp}": verdict.rubber_stamp == act.rubber_stamp,
        f"the blessing's folder holds {found}, not {wanted}": found == [wanted],
        "the blessing on record says otherwise": blessing.custom_properties["blessed"].int_value == int(act.blessed),
        f"{len(pushed)} models were pushed": len(pushed) == int(act.blessed),
        "there is no report": Path(evaluation.uri, "report.html").is_file(),
    }
    return [f"run {number}: {problem}" for problem, fine in checks.items() if not fine]


def _artifacts(metadata: Path) -> tuple[list[Any], list[Any]]:
    """Returns the blessings and the evaluations on record, oldest first."""
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(metadata)
    store = MetadataStore(config)
    blessings, evaluations = (
        sorted(store.get_artifacts_by_type(kind), key=lambda artifact: artifact.id)
        for kind in ("ModelBlessing", "ModelEvaluation")
    )
    return blessings, evaluations


if __name__ == "__main__":
    sys.exit(main())
