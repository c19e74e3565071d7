"""The front end's packages, installed as its lock says."""

from __future__ import annotations

import functools
import pathlib
import shutil
import subprocess

import evaluator_component.report

FRONTEND = pathlib.Path(evaluator_component.report.__file__).parent / "frontend"


@functools.cache
def install() -> None:
    """Installs what the bundle is made of."""
    npm = shutil.which("npm")
    assert npm, "npm is missing; install Node.js (apt-get install nodejs npm)"
    subprocess.run([npm, "ci", "--no-fund", "--no-audit"], cwd=FRONTEND, check=True, capture_output=True, timeout=300)


def run(*command: str) -> str:
    """Runs a command among the front end's sources; returns what it prints."""
    install()
    finished = subprocess.run(command, cwd=FRONTEND, check=False, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout
