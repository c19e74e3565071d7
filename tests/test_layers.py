"""The layers: imports only point down, and importing the package loads nothing heavy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import evaluator_component

PACKAGE = Path(evaluator_component.__file__).parent
TFX_MODULES = {"component", "interactive", "driver", "executor", "artifacts", "publish", "lineage"}

# From the bottom up; a layer may import from its own and from those above it in this list.
LAYERS = (
    {"errors", "quiet"},
    {"proto", "stats"},
    {"config", "slicing"},
    {"data", "metrics"},
    {"models"},
    {"results"},
    {"gate"},
    {"engine"},
    {"report"},
    {"notices"},
    {"preflight"},
    {"provenance", "evaluation", "equal_models", "outlook"},
    {"artifacts", "publish", "driver", "executor", "lineage"},
    {"interactive"},
    {"exits"},
    {"component", "cli"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# A result can show itself, and writing a result includes its report; both load the report when they are called.
UP_ON_PURPOSE = {("results", "report"), ("results", "gate")}


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if not path.name.endswith("_pb2.py")]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = layer(path)
    if own == "__init__":
        return  # the public names come from everywhere, on demand
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "evaluator_component" or len(parts) < 2 or parts[1] not in RANK:
            continue
        other = parts[1]
        assert RANK[other] <= RANK[own] or (own, other) in UP_ON_PURPOSE, f"{own} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_component_needs_tfx_and_nothing_needs_the_peer(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & {"tensorflow_model_analysis", "tensorflow_data_validation"}
    if layer(path) not in TFX_MODULES:
        assert not roots & {"tfx", "ml_metadata"}


@pytest.mark.parametrize("name", ["config", "gate", "metrics", "slicing"])
def test_the_pure_layers_know_no_tensorflow(name: str) -> None:
    for path in (PACKAGE / name).rglob("*.py"):
        roots = {imported.split(".")[0] for imported in imports(path)}
        assert not roots & {"tensorflow", "apache_beam", "keras"}, path.name
