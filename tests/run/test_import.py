"""Importing the package is cheap: nothing heavy comes with it."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("tensorflow", "tfx", "apache_beam", "keras", "tensorflow_model_analysis", "pandas", "matplotlib")


def loaded_after(code: str) -> set[str]:
    program = f"import json, sys; {code}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout)) & set(HEAVY)


def test_import_loads_nothing_heavy() -> None:
    assert loaded_after("import evaluator_component; dir(evaluator_component)") == set()


def test_config_gate_and_results_need_none_of_it_either() -> None:
    code = (
        "import evaluator_component as ec; ec.load_config('metrics_specs: []'); ec.decide; ec.metric; ec.load; "
        "ec.BaselineState; ec.evaluate; ec.check; import evaluator_component.engine.accumulate"
    )

    assert loaded_after(code) == set()
