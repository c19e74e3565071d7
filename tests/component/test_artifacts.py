"""Artifacts to folders and baseline states; the user's module; the hooks of the stock component."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator_component import config as configs
from evaluator_component.errors import ConfigError, DataError, EvaluatorError
from evaluator_component.gate import BaselineState, BaselineStatus

pytestmark = pytest.mark.tfx

Make = Callable[..., Any]
VALUE = {"metrics_specs": [{"metrics": [{"class_name": "AUC"}], "thresholds": {"auc": {"value_threshold": {}}}}]}
CHANGES = [
    {"metrics": [{"class_name": "AUC", "threshold": {"change_threshold": {}}}]},
    {"metrics": [{"class_name": "AUC", "per_slice_thresholds": [{"threshold": {"change_threshold": {}}}]}]},
    {"metrics": [{"class_name": "AUC", "cross_slice_thresholds": [{"threshold": {"change_threshold": {}}}]}]},
    {"metrics": [{"class_name": "AUC"}], "thresholds": {"auc": {"change_threshold": {"absolute": 0.0}}}},
    {
        "metrics": [{"class_name": "AUC"}],
        "per_slice_thresholds": {"auc": {"thresholds": [{"threshold": {"change_threshold": {}}}]}},
    },
]


@pytest.mark.parametrize("spec", CHANGES)
def test_change_rules_are_found_wherever_they_stand(spec: dict[str, Any]) -> None:
    from google.protobuf import json_format

    from evaluator_component.artifacts import asks_for_baseline, has_change_rule
    from evaluator_component.proto import config_pb2

    plain = json_format.ParseDict({"metrics_specs": [spec]}, config_pb2.EvalConfig())
    assert has_change_rule(plain)
    assert asks_for_baseline(plain)
    assert not has_change_rule(configs.load_config(VALUE))


def test_naming_a_baseline_asks_for_one() -> None:
    from evaluator_component.artifacts import asks_for_baseline, has_change_rule

    named = configs.load_config({"model_specs": [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}]})
    assert asks_for_baseline(named)
    assert not has_change_rule(named)


def test_splits_are_the_folders_of_every_artifact(tmp_path: Path, artifact: Make) -> None:
    from evaluator_component.artifacts import split_folders

    days = [artifact("Examples", tmp_path / day) for day in ("monday", "tuesday")]
    assert split_folders(days, None) == {"eval": [f"{tmp_path}/monday/Split-eval", f"{tmp_path}/tuesday/Split-eval"]}
    assert list(split_folders(days, ["train", "eval"])) == ["train", "eval"]


def test_a_split_that_is_not_there_is_named(tmp_path: Path, artifact: Make) -> None:
    from evaluator_component.artifacts import split_folders

    with pytest.raises(DataError, match=r"no split 'evall'; .*did you mean 'eval'"):
        split_folders([artifact("Examples", tmp_path)], ["evall"])
    with pytest.raises(DataError, match=r"^examples: no Examples"):
        split_folders([], None)


def test_another_payload_is_refused(tmp_path: Path, artifact: Make) -> None:
    from evaluator_component.artifacts import split_folders

    sequences = artifact("Examples", tmp_path)
    sequences.set_string_custom_property("payload_format", "FORMAT_TF_SEQUENCE_EXAMPLE")
    with pytest.raises(DataError, match=r"FORMAT_TF_SEQUENCE_EXAMPLE; expected FORMAT_TF_EXAMPLE"):
        split_folders([sequences], None)


@pytest.mark.parametrize(
    ("made", "model_type", "wanted"),
    [
        ("Format-Serving", "", "Format-Serving"),
        ("Format-TFMA", "tfma_eval", "Format-TFMA"),
        ("Format-Serving", "tfma_eval", "Format-Serving"),
        ("serving_model_dir", "", "serving_model_dir"),
        (".", "", "."),
    ],
)
def test_model_is_found_in_the_artifact(tmp_path: Path, made: str, model_type: str, wanted: str) -> None:
    from evaluator_component.artifacts import model_folder

    (tmp_path / made).mkdir(exist_ok=True)
    (tmp_path / made / "saved_model.pb").touch()
    assert Path(model_folder(str(tmp_path), model_type)) == tmp_path / wanted


def resolve_with(config: dict[str, Any], input_dict: dict[str, Any], **properties: Any) -> Any:
    from evaluator_component.artifacts import resolve

    return resolve(input_dict, {"eval_config": json.dumps(config), **properties})


CHANGE_CONFIG = {"metrics_specs": [CHANGES[3]]}


def test_baseline_states(tmp_path: Path, artifact: Make) -> None:
    examples = {"examples": [artifact("Examples", tmp_path)], "model": [artifact("Model", tmp_path, 5)]}
    there, gone = artifact("Model", tmp_path, 7), artifact("Model", tmp_path / "gone", 8)
    wired = resolve_with(CHANGE_CONFIG, {**examples, "baseline_model": [there]})
    assert wired.baseline_state == BaselineState(BaselineStatus.WIRED, str(tmp_path), 7)
    assert wired.baseline == str(tmp_path)
    lost = resolve_with(CHANGE_CONFIG, {**examples, "baseline_model": [gone]})
    assert (lost.baseline_state.status, lost.baseline_state.model_id) == (BaselineStatus.LOST, 8)
    assert lost.baseline is None
    empty = resolve_with(CHANGE_CONFIG, {**examples, "baseline_model": []}, baseline_wired=1)
    assert empty.baseline_state.status is BaselineStatus.NONE_YET
    assert resolve_with(VALUE, examples, baseline_wired=0).baseline_state.status is BaselineStatus.NOT_ASKED


def test_what_the_driver_resolved_is_used(tmp_path: Path, artifact: Make) -> None:
    resolved = resolve_with(
        CHANGE_CONFIG,
        {"examples": [artifact("Examples", tmp_path)]},
        baseline_wired=0,
        baseline_state="RESOLVED",
        baseline_uri=str(tmp_path),
        baseline_id=3,
        baseline_detail="the latest blessed model (id 3)",
    )
    expected = BaselineState(BaselineStatus.RESOLVED, str(tmp_path), 3, "the latest blessed model (id 3)")
    assert resolved.baseline_state == expected
    assert resolved.baseline == str(tmp_path)


def test_without_driver_and_baseline_a_change_rule_is_an_error(tmp_path: Path, artifact: Make) -> None:
    with pytest.raises(ConfigError, match=r"^baseline_model: .*no baseline is wired"):
        resolve_with(CHANGE_CONFIG, {"examples": [artifact("Examples", tmp_path)]}, baseline_wired=0)


@pytest.mark.parametrize("key", ["model", "baseline_model"])
def test_two_candidates_or_baselines_are_an_error(tmp_path: Path, artifact: Make, key: str) -> None:
    two = [artifact("Model", tmp_path / "one", 1), artifact("Model", tmp_path / "two", 2)]
    with pytest.raises(ConfigError, match=rf"^{key}: .*one, .*two"):
        resolve_with(VALUE, {"examples": [artifact("Examples", tmp_path)], key: two})


def test_a_wired_but_missing_candidate_is_an_error(tmp_path: Path, artifact: Make) -> None:
    with pytest.raises(ConfigError, match=r"^model: expected one candidate, 0 came in$"):
        resolve_with(VALUE, {"examples": [artifact("Examples", tmp_path)], "model": []})


@pytest.mark.parametrize("hook", ["custom_eval_shared_model", "custom_extractors"])
@pytest.mark.parametrize(
    "source", ["def {}(): ...", "from elsewhere import {}", "from elsewhere import a as {}", "{} = 1"]
)
def test_stock_hooks_are_answered_with_what_replaces_them(tmp_path: Path, hook: str, source: str) -> None:
    from evaluator_component.executor import refuse_stock_hooks

    module = tmp_path / "module.py"
    module.write_text(source.format(hook))
    with pytest.raises(
        ConfigError, match=rf"^module_file: {re.escape(str(module))} defines {hook}.*Instead .*model_specs"
    ):
        refuse_stock_hooks(str(module))


def test_other_modules_and_none_are_fine(tmp_path: Path) -> None:
    from evaluator_component.executor import refuse_stock_hooks

    module = tmp_path / "module.py"
    module.write_text("def a():\n    custom_extractors = 1\n    return custom_extractors\n")
    refuse_stock_hooks(str(module))
    refuse_stock_hooks(None)


def test_a_packaged_module_is_found_in_its_own_wheel(tmp_path: Path) -> None:
    from tfx.components.util import udf_utils

    from evaluator_component.executor import user_module

    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "my_metrics_of_the_test.py").write_text("VERSION = 1\n")
    before = list(sys.path)
    _, module_path = udf_utils.package_user_module_file(
        "Evaluator", str(folder / "my_metrics_of_the_test.py"), str(tmp_path)
    )
    with user_module({"module_path": module_path, "module_file": None}) as module:
        assert module.name == "my_metrics_of_the_test"
        assert module.source is not None
        assert Path(module.source).read_text() == "VERSION = 1\n"
        assert Path(module.source).parent != folder
        assert [Path(package).suffix for package in module.packages] == [".whl"]
        assert importlib.import_module(module.name).VERSION == 1
    assert sys.path == before


def test_an_unpackaged_module_is_found_by_file_or_name(tmp_path: Path) -> None:
    from evaluator_component.executor import UserModule, user_module

    path = tmp_path / "module.py"
    path.touch()
    with user_module({"module_file": str(path)}) as module:
        assert module == UserModule(str(path), str(path))
    with user_module({"module_path": "evaluator_component.errors"}) as module:
        assert module.name == "evaluator_component.errors"
        assert str(module.source).endswith("errors.py")
    with user_module({}) as module:
        assert module == UserModule()
    unknown = {"module_path": "no.such.module"}
    with pytest.raises(ConfigError, match=r"^module_path: 'no.such.module'"), user_module(unknown):
        pass


@pytest.mark.parametrize("kind", ["ConfigError", "DataError", "ModelError"])
def test_a_handed_error_is_the_first_thing_raised(kind: str) -> None:
    from evaluator_component import errors
    from evaluator_component.executor import Executor

    with pytest.raises(getattr(errors, kind), match=r"^some: trouble$"):
        Executor().Do({}, {}, {"preflight_error": f"{kind}: some: trouble"})


def test_a_handed_defect_keeps_its_kind() -> None:
    from evaluator_component.executor import Executor

    with pytest.raises(EvaluatorError, match=r"^the preflight failed: OSError: disk$"):
        Executor().Do({}, {}, {"preflight_error": "OSError: disk"})
