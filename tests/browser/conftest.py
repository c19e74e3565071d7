"""A real Chromium, and real evaluations for it to show."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from evaluator_component.report import write_report
from evaluator_component.results import Evaluation

Open = Callable[..., Any]

FEATURES = ("hour", "payment")
CONFIG = {
    "model_specs": [
        {"name": "candidate", "label_key": "tipped"},
        {"name": "baseline", "label_key": "tipped", "is_baseline": True},
    ],
    "slicing_specs": [{}, *({"feature_keys": [name]} for name in FEATURES), {"feature_keys": list(FEATURES)}],
    "metrics_specs": [
        {
            "metrics": [
                {"class_name": "ExampleCount"},
                {"class_name": "BinaryAccuracy"},
                {"class_name": "BinaryCrossEntropy"},
                {"class_name": "Precision"},
                {"class_name": "Recall"},
                {"class_name": "ConfusionMatrixPlot"},
                {"class_name": "CalibrationPlot"},
                {"class_name": "FairnessIndicators", "config": {"thresholds": [0.25, 0.5, 0.75]}},
                {"class_name": "AUC", "threshold": {"value_threshold": {"lower_bound": 0.7}}},
            ]
        }
    ],
    "options": {"compute_confidence_intervals": True},
    "gate": {"min_examples": 100},
}


@pytest.fixture(scope="session")
def evaluated(material: Any, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """20,000 trips, on which both models are weak in hour 3."""
    import evaluator_component as ec

    output = tmp_path_factory.mktemp("evaluated")
    return ec.evaluate(CONFIG, material.good, material.weak, str(material.plain), output, progress=False)


def missing(message: str) -> None:
    """Ends a test whose program is not there: in CI it fails, by hand it is skipped."""
    pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing("no Chromium found; install one (apt-get install chromium)")
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


def elsewhere(url: str, path: pathlib.Path) -> list[str]:
    """The address, if it is neither the page's own nor made by it."""
    return [] if url.startswith((path.as_uri(), "blob:")) else [url]


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Open]:
    """Opens a file; fails the test at its end for any error, message or request that the page made."""
    complaints: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])

    def show(path: pathlib.Path, view: str = "") -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: complaints.extend(elsewhere(request.url, path)))
        page.goto(path.as_uri() + (f"#{view}" if view else ""))
        page.locator("main").wait_for()
        return page

    yield show
    context.close()
    assert not complaints


@pytest.fixture
def open_report(open_page: Open, tmp_path: pathlib.Path) -> Open:
    """Opens an evaluation's report at a view, such as ``page=slices&metric=auc``."""

    def show(evaluation: Evaluation, view: str = "") -> Any:
        path = tmp_path / "report.html"
        write_report(evaluation, path)
        return open_page(path, view)

    return show


def settle(page: Any) -> None:
    """Waits until what was done last is drawn: charts and long tables are a few frames after they know their room.

    Args:
        page: A page, a frame, or a part of one.
    """
    place = page if hasattr(page, "evaluate") else page.locator("body")
    frames = "requestAnimationFrame(() => requestAnimationFrame(done))"
    place.evaluate(f"() => new Promise((done) => setTimeout(() => {frames}, 80))")


def cells(page: Any, label: str, column: int) -> list[str]:
    """The texts of a table's column as they stand."""
    settle(page)
    rows = page.get_by_role("region", name=label, exact=True).locator("tbody tr:not(.evc-spacer)")
    return [text.strip() for text in rows.locator(f"> :nth-child({column + 1})").all_inner_texts()]
