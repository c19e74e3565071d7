from __future__ import annotations

from pathlib import Path

import pytest

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"


@pytest.fixture
def pipelines() -> Path:
    return PIPELINES


@pytest.fixture
def taxi(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The taxi pipeline's folder, whose modules can be imported during the test."""
    monkeypatch.syspath_prepend(PIPELINES / "taxi")
    return PIPELINES / "taxi"
