"""What a run leaves behind: the output folder, the loaded result, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evaluator_component as ec
from evaluator_component.errors import ConfigError, DataError
from tests import trips

CONFIG = {
    "model_specs": [{"label_key": "tipped"}],
    "slicing_specs": [{}, {"feature_keys": ["payment"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "AUC", "threshold": {"value_threshold": {"lower_bound": 0.5}}},
                {"class_name": "CalibrationPlot"},
            ]
        }
    ],
}
FILES = {
    "metrics.parquet",
    "plots.parquet",
    "metrics-00000-of-00001.tfrecord",
    "plots-00000-of-00001.tfrecord",
    "validations.tfrecord",
    "eval_config.json",
    "evaluator_config.json",
    "verdict.json",
    "report.html",
    "run.json",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trips.write_records(tmp_path_factory.mktemp("data") / "trips", trips.make_trips(500).records)


@pytest.fixture(scope="module")
def output(material: Any, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "new" / "folder"
    ec.evaluate(CONFIG, material.good, data=data, output=folder, progress=False)
    return folder


def test_folder_holds_the_result_and_nothing_else(output: Path) -> None:
    assert {path.name for path in output.iterdir()} == FILES


def test_loaded_result_is_the_written_one(material: Any, data: Path, tmp_path: Path) -> None:
    written = ec.evaluate(CONFIG, material.good, data=data, output=tmp_path, progress=False)

    loaded = ec.load(tmp_path)

    assert loaded.metrics.table.equals(written.metrics.table)
    assert loaded.plots.table.equals(written.plots.table)
    assert loaded.verdict == written.verdict
    assert loaded.config == written.config
    assert loaded.run == json.loads(json.dumps(written.run))
    assert loaded.output == written.output == str(tmp_path)


def test_result_without_an_output_folder_is_the_same(material: Any, data: Path, output: Path) -> None:
    kept = ec.evaluate(CONFIG, material.good, data=data, progress=False)

    written = ec.load(output)
    assert kept.output is None
    assert kept.verdict == written.verdict
    key = ["split", "slice", "model", "metric"]
    rows = [
        sorted(result.metrics.table.to_pylist(), key=lambda row: [row[k] for k in key]) for result in (kept, written)
    ]
    assert repr(rows[0]) == repr(rows[1])  # NaN is not equal to itself


def test_run_json_tells_where_the_result_came_from(output: Path, data: Path, material: Any) -> None:
    import hashlib

    run = json.loads((output / "run.json").read_text())

    assert run["files"] == [
        {
            "split": "eval",
            "path": str(data),
            "bytes": data.stat().st_size,
            "sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
        }
    ]
    assert run["models"]["candidate"]["path"] == str(material.good)
    assert len(run["models"]["candidate"]["sha256"]) == 64
    assert run["examples"] == {"eval": 500}
    assert run["baseline"]["status"] == "NOT_ASKED"
    assert run["deterministic"] is True
    assert {"python", "tensorflow", "apache-beam", "numpy", "pyarrow"} <= set(run["versions"])
    assert {"preflight", "pass", "finalise and decide"} <= set(run["seconds"])


def test_digest_of_a_model_changes_with_its_content_and_not_with_its_place(
    material: Any, data: Path, output: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(material.good, tmp_path / "copy")

    copied = ec.evaluate(CONFIG, tmp_path / "copy", material.weak, data, progress=False).run["models"]

    assert copied["candidate"]["sha256"] == ec.load(output).run["models"]["candidate"]["sha256"]
    assert copied["candidate"]["sha256"] != copied["baseline"]["sha256"]


def test_other_files_in_the_folder_are_left_alone(material: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    ec.evaluate(CONFIG, material.good, data=data, output=tmp_path, progress=False)

    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"notes.txt"}


def test_failed_run_leaves_no_result_of_the_run_before(material: Any, data: Path, tmp_path: Path) -> None:
    ec.evaluate(CONFIG, material.good, data=data, output=tmp_path, progress=False)
    damaged = trips.write_records(
        tmp_path.parent / f"{tmp_path.name}-damaged", [*trips.make_trips(300).records, b"\xff"]
    )

    with pytest.raises(DataError, match="record 300 is not"):
        ec.evaluate(CONFIG, material.good, data=damaged, output=tmp_path, progress=False)

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="no such folder, or an empty one"):
        ec.load(tmp_path)


def test_predictions_in_the_data_need_no_model(tmp_path: Path) -> None:
    made = trips.make_trips(400)
    rows = [{**row, "score": float(score)} for row, score in zip(made.rows, made.logit("good"), strict=True)]
    data = trips.write_records(tmp_path / "data", [trips.example(**row) for row in rows])
    config = {**CONFIG, "model_specs": [{"label_key": "tipped", "prediction_key": "score"}]}
    config["metrics_specs"] = [{"metrics": [CONFIG["metrics_specs"][0]["metrics"][1]]}]  # type: ignore[index]

    result = ec.evaluate(config, data=data, output=tmp_path / "output", progress=False)

    from sklearn.metrics import roc_auc_score

    assert result.metrics.value("auc") == pytest.approx(roc_auc_score(made.tipped, made.logit("good")), rel=1e-9)
    assert result.verdict is not None
    assert result.verdict.blessed
    assert result.run["models"] == {}
    assert ec.load(tmp_path / "output").verdict == result.verdict


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, r"own\.py: no such file; expected a Python file that declares metrics"),
        ("import no_such_package", r"own\.py: its import fails \(ModuleNotFoundError: No module named"),
        (
            "import evaluator_component as ec\n@ec.metric(lambda v: {}, class_name='AUC')\ndef own(totals): ...\n",
            "the catalogue has a metric of this name already",
        ),
    ],
    ids=["missing", "import fails", "name is taken"],
)
def test_module_that_cannot_be_used(source: str | None, message: str, data: Path, tmp_path: Path) -> None:
    module = tmp_path / "own.py"
    if source is not None:
        module.write_text(source)

    with pytest.raises(ConfigError, match=message):
        ec.check(CONFIG, data=data, module_file=module)
