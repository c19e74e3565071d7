"""`python -m tests.browser.screenshots`: the pictures of the documents, of what `make demo` has left."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import tempfile
import urllib.parse
from typing import Any

from playwright import sync_api

import evaluator_component as ec
from evaluator_component.report import write_report
from evaluator_component.report.history_document import history_document
from evaluator_component.report.html import render_page
from evaluator_component.results import Evaluation

DOCS = pathlib.Path(__file__).parents[2] / "docs"
MOST_BYTES = 200_000
SLICE = "trip_start_hour=4"
VIEWS: dict[str, dict[str, Any]] = {
    "verdict": {"page": "verdict"},
    "slices": {"page": "slices", "metric": "auc", "sort": "value", "low": "0.3", "high": "0.5", "pins": [SLICE]},
    "plots": {"page": "plots", "slices": ["Overall", SLICE]},
    "fairness": {"page": "fairness", "feature": "payment_type"},
    "run": {"page": "run"},
    "dark": {"page": "slices", "metric": "auc", "theme": "dark"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", nargs="?", default="demo_output", type=pathlib.Path, help="output of the demo")
    folder = parser.parse_args().demo / "pipeline" / "Evaluator" / "evaluation"
    outputs = sorted((path for path in folder.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))[-3:]
    assert len(outputs) == 3, f"{folder} holds no three evaluations; run `make demo` first"
    with tempfile.TemporaryDirectory() as scratch, sync_api.sync_playwright() as playwright:
        report, past = pathlib.Path(scratch, "report.html"), pathlib.Path(scratch, "history.html")
        write_report(without_here(ec.load(outputs[-1])), report)
        past.write_text(render_page(history_document(ec.history(outputs)), "History"), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 860})
        for name, view in VIEWS.items():
            take(page, f"{report.as_uri()}#{address(view)}", name)
        take(page, past.as_uri(), "history")
        browser.close()


def without_here(evaluation: Evaluation) -> Evaluation:
    """The evaluation with the paths of its inputs as seen from here."""
    run = json.loads(json.dumps(dict(evaluation.run)).replace(f"{pathlib.Path.cwd()}/", ""))
    return dataclasses.replace(evaluation, run=run)


def address(view: dict[str, Any]) -> str:
    return urllib.parse.urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in view.items()})


def take(page: Any, url: str, name: str) -> None:
    page.goto("about:blank")
    page.goto(url)
    page.locator("main h1").wait_for(state="attached")
    page.wait_for_timeout(500)
    path = DOCS / f"report-{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    assert size <= MOST_BYTES, f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are wanted"
    print(f"{path.relative_to(DOCS.parent)}  {size:,} bytes")


if __name__ == "__main__":
    main()
