"""The bundle that is committed is what its sources make."""

from __future__ import annotations

import pathlib

from evaluator_component.report.html import static_file
from tests.report import frontend_tools


def test_the_bundle_is_fresh(tmp_path: pathlib.Path) -> None:
    frontend_tools.run("node", "build.mjs", str(tmp_path))
    for name in ("report.js", "report.css", "LICENSES.txt"):
        made = (tmp_path / name).read_text(encoding="utf-8")
        assert made == static_file(name), f"static/{name} is not what its sources make: run `make frontend`"


def test_the_types_are_right() -> None:
    frontend_tools.run("node_modules/.bin/tsc", "--noEmit")


def test_what_is_bundled_brings_its_licences() -> None:
    script = static_file("report.js")
    for name in ("@observablehq/plot", "preact", "d3-brush", "@uwdata/flechette", "@tanstack/virtual-core"):
        assert f"\n{name} " in "\n" + static_file("LICENSES.txt")
        assert f"\n{name} " in script
    code = script[script.index("*/") :]
    assert "</script" not in script.lower()
    assert "http://" not in code.replace("http://www.w3.org/", "")
    assert "https://" not in code
