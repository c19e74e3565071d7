"""The generated code: fresh, and usable with the oldest protobuf that we allow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator_component.config import complete_config, load_config, to_json
from evaluator_component.proto import config_pb2

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PROTOBUF = "3.20.3"

YAML = """
model_specs: [{label_key: tips}]
slicing_specs: [{}, {feature_keys: [hour]}]
metrics_specs:
  - metrics:
      - class_name: AUC
        config: {num_thresholds: 100}
        threshold: {value_threshold: {lower_bound: 0.8}}
    output_weights: {a: 0.1}
gate: {missing_slice: SKIP, min_examples: 50, max_skipped_fraction: 0}
"""

SCRIPT = f"""
import google.protobuf
from evaluator_component.config import complete_config, load_config, to_json
from evaluator_component.errors import ConfigError
from evaluator_component.proto import metrics_for_slice_pb2, validation_result_pb2
assert google.protobuf.__version__ == {OLDEST_PROTOBUF!r}
config = load_config({YAML!r})
assert load_config(config) == config == load_config(to_json(config))
assert validation_result_pb2.ValidationResult(rubber_stamp=True).rubber_stamp
try:
    load_config("gate: {{confidance: 0.9}}")
except ConfigError as error:
    assert "gate.confidance" in str(error), error
newer = type(config).FromString(config.SerializeToString() + bytes([0x98, 0x3F, 1]))  # field 1011
try:
    load_config(newer)
except ConfigError:
    print(to_json(complete_config(config, has_baseline=True)))
"""


def uv() -> str:
    """The uv on the path, or the one that the Makefile installed."""
    found = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".uv" / "bin"))
    if not found:
        missing("uv is not installed")
    return str(found)


def missing(what: str) -> None:
    """Skips a test where a tool is missing; where tests count, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def find_python(version: str) -> str:
    """Returns an interpreter of a version, where one is installed."""
    asked = subprocess.run([uv(), "python", "find", "--offline", version], capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        return asked.stdout.strip()
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(installed.glob(f"{version}*/bin/python"))
    if not found:
        missing(f"no Python {version} here")
    return str(found[-1])


@pytest.mark.slow
def test_generated_code_is_fresh(tmp_path: Path) -> None:
    path = f"{Path(uv()).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "UV_PYTHON": find_python("3.10"), "PATH": path}
    subprocess.run([ROOT / "tools" / "generate_protos.sh", tmp_path], env=environment, check=True)
    fresh = sorted((tmp_path / "evaluator_component" / "proto").iterdir())
    assert len(fresh) == 6
    for file in fresh:
        assert file.read_text() == (ROOT / "evaluator_component" / "proto" / file.name).read_text(), file.name


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.10", f"{sys.version_info[0]}.{sys.version_info[1]}"])
def test_generated_code_and_configs_work_with_the_oldest_protobuf(version: str) -> None:
    packages = ["--with", f"protobuf=={OLDEST_PROTOBUF}", "--with", "pyyaml"]
    where = ["--isolated", "--no-project", "--python", find_python(version)]
    done = subprocess.run(
        [uv(), "run", *where, *packages, "python", "-W", "error", "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == to_json(complete_config(load_config(YAML), has_baseline=True))


def test_extension_fields_are_numbered_from_1000() -> None:
    fields = config_pb2.EvalConfig.DESCRIPTOR.fields_by_name
    assert (fields["gate"].number, fields["engine"].number) == (1000, 1001)


def test_every_choice_of_the_gate_can_be_told_from_one_left_out() -> None:
    for field in config_pb2.GateOptions.DESCRIPTOR.fields:
        if field.enum_type is not None:
            assert field.enum_type.values[0].name.endswith("_UNSPECIFIED")
        elif field.name != "splits":
            assert field.has_presence, field.name
