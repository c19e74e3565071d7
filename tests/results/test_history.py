"""The history of a model: real evaluations in a row, and what is told about folders that hold none."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import example_tables
import pytest

import evaluator_component as ec
from evaluator_component import gate
from evaluator_component.errors import ConfigError, DataError
from evaluator_component.results import files, outputs, tables, writing
from evaluator_component.results.history import HISTORY_SCHEMA
from tests.conftest import Material

CONFIG = {
    "model_specs": [{"label_key": "tipped"}],
    "slicing_specs": [{}, {"feature_keys": ["hour"]}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "BinaryCrossentropy"},
                {
                    "class_name": "AUC",
                    "threshold": {"value_threshold": {"lower_bound": 0.6}, "change_threshold": {"absolute": -0.01}},
                },
            ]
        }
    ],
    "gate": {"plain_threshold_scope": "OVERALL", "no_baseline": "PASS_WITH_NOTICE"},
    "options": {"compute_confidence_intervals": True},
}


@pytest.fixture(scope="module")
def runs(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three evaluations whose names sort otherwise than their times, and one that was stopped."""
    root = tmp_path_factory.mktemp("runs")
    pairs = {"c": (material.weak, None), "a": (material.good, material.weak), "b": (material.weak, material.good)}
    for second, (name, (model, baseline)) in enumerate(pairs.items()):
        ec.evaluate(CONFIG, model, baseline, material.plain, root / name)
        set_run(root / name, started=f"2025-11-28T13:36:0{second}Z")
    ec.evaluate(CONFIG, material.good, None, material.plain, root / "stopped")
    (root / "stopped" / "run.json").unlink()
    (root / "notes").mkdir()
    (root / "notes.txt").touch()
    return root


def set_run(folder: Path, **entries: object) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_versions_are_in_the_order_of_their_evaluations(runs: Path, material: Material) -> None:
    found = ec.history([runs / "a", runs / "b", runs / "c"])
    assert [version.label for version in found.versions] == ["c", "a", "b"]
    assert [version.blessed for version in found.versions] == [True, True, False]
    assert [version.model for version in found.versions] == [str(material.weak), str(material.good), str(material.weak)]
    first, _, last = found.versions
    assert (first.examples, first.time, first.model_id) == (20_000, "2025-11-28T13:36:00Z", None)
    assert first.output == str(runs / "c")
    assert last.summary.startswith("NOT_BLESSED: auc on Overall fell by ")
    assert len(found) == 3


def test_labels_keep_the_order_given(runs: Path) -> None:
    found = ec.history([runs / "a", runs / "b", runs / "c"], labels=["v1", "v2", "v3"])
    assert [version.label for version in found.versions] == ["v1", "v2", "v3"]
    assert [Path(version.output).name for version in found.versions] == ["a", "b", "c"]
    with pytest.raises(ConfigError, match=r"^labels: 1 for 3 evaluations .*; give one for each"):
        ec.history(runs, labels=["v1"])


def test_the_table_is_that_of_the_candidates(runs: Path) -> None:
    found = ec.history(runs)
    assert found.table.schema == HISTORY_SCHEMA
    for index, version in enumerate(found.versions):
        loaded = ec.load(version.output).metrics.filter(model="candidate").table
        mine = found.table.filter(found.table.column("version").to_numpy() == index)
        assert mine.drop_columns(["version"]).to_pylist() == loaded.select(HISTORY_SCHEMA.names[1:]).to_pylist()
    assert found.metrics == ("auc", "binary_crossentropy", "example_count")
    assert found.slices[0] == "Overall"
    assert set(found.slices) == set(tables.names(found.table, "slice"))
    assert found.level == 0.95
    frame = found.to_pandas()
    assert len(frame) == found.table.num_rows
    assert frame["version"].max() == 2


def test_one_metric_is_one_row_per_version(runs: Path) -> None:
    found = ec.history(runs)
    auc = found.of("auc")
    assert auc.versions == found.versions
    assert auc.table.column("version").to_pylist() == [0, 1, 2]
    values = [ec.load(version.output).metrics.value("auc") for version in found.versions]
    assert auc.table.column("value").to_pylist() == values
    assert values[1] > values[0] == values[2]
    hour = found.slices[1]
    assert found.of("auc", hour, weighted=False).slices == (hour,)
    with pytest.raises(LookupError, match="did you mean 'auc'"):
        found.of("acu")
    with pytest.raises(LookupError, match="no slice 'Overal'; did you mean 'Overall'"):
        found.of("auc", "Overal")
    with pytest.raises(LookupError, match="did you mean 'output'"):
        found.of("auc", outputs="")


def test_of_several_splits_the_merged_rows_stand_for_the_evaluation(material: Material, tmp_path: Path) -> None:
    data = {"one": material.plain, "two": material.gz}
    ec.evaluate(CONFIG, material.good, None, data, tmp_path / "both")
    ec.evaluate(CONFIG, material.good, None, {"one": material.plain}, tmp_path / "one")
    found = ec.history([tmp_path / "both", tmp_path / "one"], labels=["both", "one"])
    assert found.of("auc").table.column("split").to_pylist() == ["*", "one"]
    assert found.of("auc", split="one").table.column("version").to_pylist() == [0, 1]
    assert [version.examples for version in found.versions] == [40_000, 20_000]


def test_a_folder_of_evaluations_and_a_pattern_stand_for_those_that_finished(runs: Path) -> None:
    for given in (runs, [runs], [f"{runs}/"], str(runs / "*"), [runs / "c", runs / "[ab]"], [runs / "c", runs]):
        found = ec.history(given)
        assert [version.label for version in found.versions] == ["c", "a", "b"], given
    (notice,) = ec.history(runs).notices
    assert notice.startswith(f"{runs}/stopped: left out, not a finished evaluation: run.json is missing")


def test_what_holds_no_finished_evaluation_is_named(runs: Path, tmp_path: Path) -> None:
    for given, message in (
        (runs / "stopped", r"stopped: not a finished evaluation: run\.json is missing"),
        (runs / "notes", "notes: no such folder, or an empty one"),
        (tmp_path / "absent", "absent: no such folder"),
        (tmp_path / "nothing*", r"nothing\*: no finished evaluation matches"),
    ):
        with pytest.raises(DataError, match=message):
            ec.history([runs / "a", given])
    with pytest.raises(DataError, match="no folder was given"):
        ec.history([])
    files.folder(tmp_path / "damaged").make()
    (tmp_path / "damaged" / "run.json").write_text("{}")
    with pytest.raises(DataError, match="damaged: the evaluation cannot be read"):
        ec.history([tmp_path / "damaged"])


def test_below_a_folder_what_cannot_be_read_is_left_out(runs: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "half", "odd", "gone"):
        shutil.copytree(runs / ("b" if name == "b" else "a"), tmp_path / name)
    (tmp_path / "half" / "run.json").write_text((tmp_path / "half" / "run.json").read_text()[:40])
    (tmp_path / "odd" / "run.json").write_text("[]")
    (tmp_path / "gone" / "metrics.parquet").unlink()
    for given in (tmp_path, tmp_path / "*", [tmp_path, tmp_path / "a"]):
        found = ec.history(given)
        assert [version.label for version in found.versions] == ["a", "b"]
        assert [notice.partition(" (")[0] for notice in found.notices] == [
            f"{tmp_path}/{name}: left out, the evaluation cannot be read" for name in ("gone", "half", "odd")
        ]
    assert len(ec.history(tmp_path, labels=["v1", "v2"])) == 2
    for name in ("half", "odd", "gone"):
        with pytest.raises(DataError, match=f"{name}: the evaluation cannot be read"):
            ec.history([tmp_path, tmp_path / name])
        with pytest.raises(DataError, match=f"{name}: the evaluation cannot be read"):
            ec.history(f"{tmp_path}/{name[:-1]}?")


def test_a_version_is_added_by_reading_again(runs: Path, material: Material, tmp_path: Path) -> None:
    example = dataclasses.replace(example_tables.evaluation(), config=example_tables.config())
    writing.write(example, tmp_path / "1")
    assert len(ec.history(tmp_path)) == 1
    state = gate.BaselineState(gate.BaselineStatus.WIRED, uri="models/1")
    verdict = gate.decide(example.metrics.table, example.config, state)
    writing.write(dataclasses.replace(example, verdict=verdict), tmp_path / "2")
    found = ec.history(tmp_path)
    assert [(version.label, version.blessed) for version in found.versions] == [("1", None), ("2", False)]
    assert [version.examples for version in found.versions] == [20_000, 20_000]
    assert {version.time for version in found.versions} == {""}
    assert found.versions[0].model == "models/2"
    assert repr(found) == "History(2 versions: 1 → 2, 0 blessed; 9 metrics, 32 slices)"


def test_intervals_of_different_levels_are_told(runs: Path, material: Material, tmp_path: Path) -> None:
    ec.evaluate({**CONFIG, "intervals": {"level": 0.9}}, material.good, None, material.plain, tmp_path / "narrow")
    found = ec.history([runs / "a", tmp_path / "narrow"])
    assert found.level is None
    assert found.notices == ("the versions' intervals are of different levels (90 %, 95 %) and cannot be compared",)


def test_short_names_are_as_long_as_they_must_be() -> None:
    assert outputs.short_names(["/x/model/7", "/x/model/8/"]) == ["7", "8"]
    assert outputs.short_names(["/x/1/out", "/x/2/out", "/y/best"]) == ["1/out", "2/out", "best"]
    assert outputs.short_names(["/x/7", "/x/7", "/x/8"]) == ["7", "7 (2)", "8"]
    assert outputs.short_names(["out", "/a/out"]) == ["out", "a/out"]


def test_the_function_and_the_module_do_not_hide_each_other() -> None:
    program = (
        "import sys, evaluator_component as ec;"
        "import evaluator_component.results.history as module;"
        "assert ec.history is module.history and callable(ec.history);"
        "from evaluator_component.results import history;"
        "assert history is module;"
        "assert not {'tensorflow', 'apache_beam', 'tfx', 'ml_metadata'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
