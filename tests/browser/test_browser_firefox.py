"""The report in Firefox, from the file system, without a network."""

from __future__ import annotations

import pathlib
import re
import shutil
from collections.abc import Iterator

import pytest

from evaluator_component.report import write_report
from evaluator_component.results import Evaluation
from tests.browser import firefox
from tests.browser.conftest import missing

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[firefox.Firefox]:
    if not (shutil.which("firefox-esr") or shutil.which("firefox")):
        missing("no Firefox found; install one (apt-get install firefox-esr)")
    with firefox.start(tmp_path_factory.mktemp("firefox")) as started:
        yield started


def test_the_weak_slice_is_found_in_firefox_too(
    browser: firefox.Firefox, tmp_path: pathlib.Path, evaluated: Evaluation
) -> None:
    path = tmp_path / "report.html"
    write_report(evaluated, path)
    browser.requests.clear()
    browser.open(path.as_uri())
    assert browser.wait_for("document.querySelector('main h1')?.textContent") == "This model must not be deployed."
    browser.evaluate("document.querySelector('nav a[href$=slices]').click()")
    browser.wait_for("document.querySelectorAll('[aria-label^=Slices] tbody tr').length")
    browser.evaluate("document.querySelector('button[aria-label=\"auc, value\"]').click()")
    browser.wait_for("document.querySelector('.evc-pin').innerText.includes('hour=3')")
    names = browser.evaluate("[...document.querySelectorAll('.evc-pin')].map((node) => node.innerText)")
    browser.wait_for("document.querySelectorAll('g[data-mark=rect] rect').length === 30")
    browser.evaluate("document.querySelector('.evc-pin').click()")
    areas = browser.wait_for(
        "[...document.querySelectorAll('figure svg[role=img]')].map((node) => node.getAttribute('aria-label'))"
        ".filter((label) => label.startsWith('ROC curve'))[0]"
    )
    drawn = [float(area) for area in re.findall(r"candidate (0\.\d+)", areas)]
    assert drawn == pytest.approx([evaluated.metrics.value("auc", name) for name in ("Overall", names[0])], abs=2e-3)
    browser.evaluate("document.querySelector('nav a[href$=fairness]').click()")
    browser.wait_for("document.querySelector('.evc-lead')?.textContent.includes('largest gap')")
    assert [url for url in browser.requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert browser.messages == []
