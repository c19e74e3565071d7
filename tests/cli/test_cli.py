"""The command as a user types it: exit codes, what is printed, and that no exception looks like a refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from evaluator_component.cli import main
from evaluator_component.config import load_config
from evaluator_component.metrics import registry
from tests.conftest import Material

CONFIG = """
model_specs: [{{label_key: tipped}}]
slicing_specs: [{{}}, {{feature_keys: [hour]}}]
metrics_specs:
  - metrics:
      - {{class_name: ExampleCount}}
      - class_name: AUC
        threshold: {{value_threshold: {{lower_bound: {bound}}}}}
gate: {{plain_threshold_scope: OVERALL}}
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def config(folder: Path, bound: float = 0.6, text: str = CONFIG) -> Path:
    path = folder / f"eval-{bound}.yaml"
    path.write_text(text.format(bound=bound), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    result = run("run", "-c", config(folder), "-m", material.good, "-d", material.gz, "-o", folder / "out")
    assert result.exit_code == 0, result.output
    assert "BLESSED" in result.output
    assert "report.html" in result.output
    return folder / "out"


def test_a_refused_model_ends_in_1(material: Material, tmp_path: Path) -> None:
    arguments = ("-c", config(tmp_path, 0.999), "-m", material.good, "-d", material.gz, "-o", tmp_path / "out", "-q")
    result = run("run", *arguments)
    assert result.exit_code == 1
    assert result.output.startswith("NOT_BLESSED: auc on Overall is ")


def test_the_files_of_a_finished_run(finished: Path, material: Material) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names >= {
        "metrics.parquet",
        "plots.parquet",
        "verdict.json",
        "run.json",
        "report.html",
        "evaluator_config.json",
        "eval_config.json",
        "metrics-00000-of-00001.tfrecord",
        "plots-00000-of-00001.tfrecord",
        "validations.tfrecord",
    }
    assert ".partial" not in names
    recorded = json.loads((finished / "run.json").read_text())
    assert recorded["examples"] == {"eval": 20_000}
    assert recorded["data"] == {"eval": str(material.gz)}
    assert json.loads((finished / "eval_config.json").read_text())["dataLocation"] == str(material.gz)


def test_a_baseline_is_compared(material: Material, tmp_path: Path) -> None:
    text = CONFIG.replace("value_threshold: {{lower_bound: {bound}}}", "change_threshold: {{absolute: {bound}}}")
    arguments = ("-c", config(tmp_path, -0.001, text), "-d", material.gz, "-q")
    better = run("run", "-m", material.good, "-b", material.weak, "-o", tmp_path / "better", *arguments)
    worse = run("run", "-m", material.weak, "-b", material.good, "-o", tmp_path / "worse", *arguments)
    assert (better.exit_code, worse.exit_code) == (0, 1)
    assert "fell by" in worse.output


def test_splits_are_named_in_the_pattern(material: Material, tmp_path: Path) -> None:
    data = ("-d", f"one={material.gz}", "-d", f"two={material.plain}")
    result = run("run", "-c", config(tmp_path), "-m", material.good, *data, "-o", tmp_path / "out", "-q")
    assert result.exit_code == 0, result.output
    examples = json.loads((tmp_path / "out" / "run.json").read_text())["examples"]
    assert examples == {"one": 20_000, "two": 20_000}


def test_check_says_what_would_run_and_writes_nothing(material: Material, tmp_path: Path) -> None:
    result = run("check", "-c", config(tmp_path), "-m", material.good, "-d", material.spread)
    assert result.exit_code == 0, result.output
    for words in ("5 in split(s) eval", "candidate", "example_count, auc", "Overall, hour", "The run can begin."):
        assert words in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["eval-0.6.yaml"]


def test_show_and_report_work_on_a_finished_run(finished: Path) -> None:
    shown = run("show", finished)
    assert shown.exit_code == 0
    assert "auc" in shown.output
    (finished / "report.html").unlink()
    assert run("report", finished).exit_code == 0
    assert "This model may be deployed." in (finished / "report.html").read_text(encoding="utf-8")


def test_decide_judges_again_and_keeps_the_verdict_unless_told(finished: Path, tmp_path: Path) -> None:
    before = (finished / "verdict.json").read_bytes()
    strict = config(tmp_path, 0.999)
    dry = run("decide", finished, "-c", strict)
    assert dry.exit_code == 1
    assert "--save" in dry.output
    assert (finished / "verdict.json").read_bytes() == before
    assert run("decide", finished, "-c", strict, "--save").exit_code == 1
    assert json.loads((finished / "verdict.json").read_text())["blessed"] is False
    assert run("decide", finished, "-c", config(tmp_path), "--save").exit_code == 0
    assert json.loads((finished / "verdict.json").read_text())["blessed"] is True


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"-c": "nowhere.yaml"}, 2, "nowhere.yaml"),
        ({"-d": "nowhere/*.gz"}, 3, "nowhere/*.gz: no file matches"),
        ({"-m": "nowhere"}, 3, "nowhere: no such file or folder"),
    ],
)
def test_what_is_missing_is_named(
    material: Material, tmp_path: Path, change: dict[str, str], code: int, words: str
) -> None:
    arguments = {"-c": config(tmp_path), "-m": material.good, "-d": material.gz, "-o": tmp_path / "out", **change}
    result = run("run", *(part for pair in arguments.items() for part in pair))
    assert result.exit_code == code, result.output
    assert words in result.output
    assert not (tmp_path / "out").exists()


def test_a_config_that_names_an_unknown_metric_ends_in_2(material: Material, tmp_path: Path) -> None:
    path = config(tmp_path, text=CONFIG.replace("class_name: AUC", "class_name: AUK"))
    result = run("check", "-c", path, "-m", material.good, "-d", material.gz)
    assert result.exit_code == 2
    assert "metrics_specs[0].metrics[1].class_name: unknown metric 'AUK'; did you mean 'AUC'" in result.output


def test_a_failed_check_leaves_the_earlier_result_alone(finished: Path, material: Material, tmp_path: Path) -> None:
    before = (finished / "run.json").read_bytes()
    result = run("run", "-c", config(tmp_path), "-m", "nowhere", "-d", material.gz, "-o", finished)
    assert result.exit_code == 3
    assert (finished / "run.json").read_bytes() == before


def test_a_failing_metric_of_the_users_is_named(material: Material, tmp_path: Path) -> None:
    module = tmp_path / "broken_metric.py"
    module.write_text(
        "import evaluator_component as ec\n"
        "@ec.metric(lambda v: {'w': v.weights})\n"
        "def cli_broken(totals):\n"
        "    return totals['nothing']\n"
    )
    path = config(tmp_path, text=CONFIG.replace("class_name: ExampleCount", "class_name: CliBroken"))
    options = ("-c", path, "-m", material.good, "-d", material.gz, "-o", tmp_path / "out", "--module-file", module)
    result = run("run", *options)
    assert result.exit_code == 2
    assert "metric 'CliBroken': its result fails with KeyError: 'nothing'" in result.output
    assert "CliBroken" in registry.catalogue()


def test_usage_errors_end_in_2() -> None:
    assert run("run").exit_code == 2
    assert run("nothing").exit_code == 2


def test_an_incomplete_folder_is_refused(tmp_path: Path) -> None:
    result = run("show", tmp_path)
    assert result.exit_code == 3
    assert str(tmp_path) in result.output


def test_help_is_quick_and_loads_no_tensorflow() -> None:
    program = (
        "import sys; from click.testing import CliRunner; from evaluator_component.cli import main;"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0;"
        "assert not {'tensorflow', 'apache_beam', 'tfx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_catalogue_is_listed() -> None:
    result = run("metrics")
    assert result.exit_code == 0
    for name, entry in registry.catalogue().items():
        assert any(line.split()[:2] == [name, entry.name] for line in result.output.splitlines()), name
        assert entry.summary in result.output


def test_a_metric_is_explained_with_an_example_that_works(tmp_path: Path) -> None:
    for name, entry in registry.catalogue().items():
        result = run("metrics", name)
        assert result.exit_code == 0
        assert entry.summary in result.output
        for option in entry.options:
            assert f"option {option}: " in result.output
        example = yaml.safe_load(result.output[result.output.index("metrics_specs:") :])
        complete = load_config({"model_specs": [{"label_key": "y"}], **example})
        assert registry.build(complete.metrics_specs[0].metrics[0])
    result = run("metrics", "Precison")
    assert result.exit_code == 2
    assert "unknown metric 'Precison'; did you mean 'Precision'" in result.output


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--basline", "b"], "Did you mean"),
        (["-x"], "No such option"),
        (["second.tfrecord"], "unexpected argument 'second.tfrecord'"),
    ],
)
def test_what_is_misspelt_is_not_handed_to_beam(
    material: Material, tmp_path: Path, wrong: list[str], message: str
) -> None:
    arguments = ("-c", config(tmp_path), "-m", material.good, "-d", material.gz, "-o", tmp_path / "out")
    result = run("run", *arguments, *wrong)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_results_stay_out_of_the_way_of_inputs(material: Material, tmp_path: Path) -> None:
    base = ("-c", config(tmp_path), "-m", material.good, "-d", material.gz)
    (tmp_path / "file").touch()
    for place, message in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "below", "is a file"),
        (material.good, "is the folder of a model"),
        (Path(material.gz).parent, "is the folder of the examples"),
    ):
        before = sorted(Path(place).iterdir()) if Path(place).is_dir() else None
        result = run("run", *base, "-o", place)
        assert result.exit_code == 2, result.output
        assert message in result.output
        assert before is None or sorted(Path(place).iterdir()) == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class_name: AUC", "class_name: AUC\n        config: {curve: PR}", "'auc' was evaluated with other options"),
        (
            "class_name: AUC",
            "class_name: Recall\n        config: {name: auc}",
            "'auc' was evaluated with other options",
        ),
        ("class_name: AUC", "class_name: Recall", "'recall' was not evaluated"),
        ("label_key: tipped", "label_key: hour", "label_keys is"),
        ("[hour]", "[payment_type]", "payment_type was not evaluated so"),
    ],
)
def test_what_was_not_evaluated_is_not_judged(finished: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    text = CONFIG.format(bound=0.6)
    assert old in text
    changed = tmp_path / "other.yaml"
    changed.write_text(text.replace(old, new), encoding="utf-8")
    result = run("decide", finished, "-c", changed)
    assert result.exit_code == 2, result.output
    assert message in result.output


def test_a_slice_that_does_not_occur_is_told(material: Material, tmp_path: Path) -> None:
    path = tmp_path / "absent.yaml"
    path.write_text(CONFIG.format(bound=0.0).replace("{feature_keys: [hour]}", "{feature_values: {hour: '99'}}"))
    result = run("run", "-c", path, "-m", material.good, "-d", material.gz, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "no example is in a slice with hour=99" in result.output


def test_a_split_that_is_not_there_is_found_before_the_work(material: Material, tmp_path: Path) -> None:
    path = tmp_path / "split.yaml"
    path.write_text(CONFIG.format(bound=0.0).replace("gate: {", "gate: {splits: [test], "))
    result = run("check", "-c", path, "-m", material.good, "-d", material.gz)
    assert result.exit_code == 2
    assert "gate.splits[0]: no split 'test' is evaluated" in result.output


def test_selftest_tells_how_often_an_equal_model_is_refused(material: Material, tmp_path: Path):
    path = tmp_path / "eval.yaml"
    path.write_text(
        "model_specs: [{label_key: tipped}]\nmetrics_specs: [{metrics: [{class_name: AUC, threshold: "
        "{change_threshold: {absolute: -0.9}}}]}]"
    )
    arguments = ["--config", path, "--model", material.good, "--data", material.plain]
    result = run("selftest", *arguments, "--runs", 20)
    assert result.exit_code == 0, result.output
    assert "This config refused 0.0 % [0.0, 16.1] of them." in result.output
    assert "metrics_specs[0].metrics[0].threshold.change_threshold.absolute (1 slices)" in result.output
    checked = run("check", *arguments, "--baseline", material.weak)
    assert "covers 1 slice; refuses an equal model with a chance of about 0 %" in checked.output
    assert "unlike TFMA: AUC: over all distinct scores" in checked.output


def test_where_nobody_reads_on_a_command_ends_as_ever(finished: Path, tmp_path: Path) -> None:
    page = tmp_path / "history.html"
    strict = config(tmp_path, 0.999)
    for arguments, code in (
        (("history", finished, "--report", page), 0),
        (("show", finished), 0),
        (("metrics",), 0),
        (("decide", finished, "-c", strict), 1),
        (("show", tmp_path / "absent"), 3),
    ):
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-m", "evaluator_component.cli", *map(str, arguments)]
        ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
        assert ended.returncode == code, ended.stderr
        assert ended.stderr.startswith("data error: ") if code == 3 else not ended.stderr
    assert "Model history" in page.read_text(encoding="utf-8")


def test_a_page_is_not_written_of_what_is_not_there(finished: Path, tmp_path: Path) -> None:
    result = run("history", finished, "--metric", "acu", "--report", tmp_path / "history.html")
    assert result.exit_code == 2
    assert not (tmp_path / "history.html").exists()


def test_history_shows_versions_and_writes_a_page(
    finished: Path, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    for name, model in (("1", material.weak), ("2", material.good)):
        run("run", "-c", config(tmp_path), "-m", model, "-d", material.gz, "-o", runs / name, "-q")
    result = run("history", runs, "--report", tmp_path / "history.html")
    assert result.exit_code == 0, result.output
    for words in ("version", "verdict", "BLESSED", "20,000", "Trends", "▁█", "better", f"{tmp_path}/history.html"):
        assert words in result.output
    assert "Model history: 2 versions" in (tmp_path / "history.html").read_text(encoding="utf-8")
    by_slice = run("history", runs, "--metric", "auc")
    assert "Trends of auc" in by_slice.output
    assert "hour=2" in by_slice.output
    assert "example_count" not in by_slice.output
    night = run("history", runs / "1", runs / "2", "--slice", "hour=2")
    assert "Trends in hour=2" in night.output
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)
    monkeypatch.chdir(tmp_path)
    assert run("history", runs, "--open").exit_code == 0
    assert opened == ["history.html"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give output folders of evaluations, or --mlmd FILE"),
        (["FINISHED", "--mlmd", "metadata.sqlite"], 2, "give output folders of evaluations, or --mlmd FILE"),
        (["FINISHED", "--pipeline", "taxi"], 2, "give output folders of evaluations, or --mlmd FILE"),
        (["FINISHED", "--metric", "acu"], 2, "no metric 'acu'; did you mean 'auc'"),
        (["FINISHED", "--slice", "hours=2"], 2, "no slice 'hours=2'; did you mean 'hour=2'"),
        (["nowhere"], 3, "nowhere: no such folder"),
        (["--mlmd", "nowhere.sqlite"], 3, "nowhere.sqlite: no such file"),
    ],
)
def test_a_history_that_cannot_be_shown(finished: Path, arguments: list[str], code: int, message: str) -> None:
    result = run("history", *[finished if argument == "FINISHED" else argument for argument in arguments])
    assert result.exit_code == code, result.output
    assert message in result.output
