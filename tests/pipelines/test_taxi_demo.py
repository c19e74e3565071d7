"""The demo end to end: three runs of the real pipeline, three verdicts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tfx, pytest.mark.slow]


def test_rubber_stamp_then_better_then_worse(pipelines: Path, tmp_path: Path) -> None:
    import evaluator_component as ec

    output = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, str(pipelines / "taxi" / "run.py"), "--output", str(output)],
        check=False, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"Verdict: (.*)", done.stdout) == ["BLESSED (rubber stamp)", "BLESSED", "NOT_BLESSED"]
    assert done.stderr == "", "what the libraries print stays in the log"
    assert len(list((output / "serving").iterdir())) == 2

    reports = [Path(found) for found in re.findall(r"Report: +(.*)", done.stdout)]
    first, better, worse = (ec.load(report.parent) for report in reports)
    assert all(report.is_file() for report in reports)
    assert first.verdict.rubber_stamp
    assert not better.verdict.rubber_stamp
    assert any("auc" in reason for reason in worse.verdict.reasons)

    metrics = better.metrics.to_pandas().query("model == 'candidate' and metric == 'auc'").set_index("slice")
    assert metrics.loc["Overall", "value"] > 0.93
    assert metrics.loc["trip_start_hour=4", "value"] < 0.65, "the planted weakness is found"
