"""The report in real notebooks: JupyterLab, Notebook 7, and the HTML that nbconvert makes."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import expect

from evaluator_component.report.document import evaluation_document
from evaluator_component.report.html import static_file
from evaluator_component.results import Evaluation
from tests.browser import jupyter
from tests.browser.conftest import Open, cells

pytestmark = pytest.mark.browser

CALLS = (
    "r.show()",
    'r.show_slices("auc")',
    'r.show_plots(slice="hour=3")',
    'r.show_fairness("payment", "recall")',
    "ec.history([DIR, 'later']).show()",
)
VERDICT, SLICES, PLOTS, FAIRNESS, HISTORY = range(5)
TALL = {"width": 1280, "height": 9000}  # so high that all cells are in sight
KNOWN_ERROR = "reading 'schema'"  # one that Notebook 7 has with any notebook
AS_ON_ITS_PAGE = """root => [...root.querySelectorAll('*')].map((element) => {
    const [style, { width, height }] = [getComputedStyle(element), element.getBoundingClientRect()];
    const names = ['display', 'float', 'fontFamily', 'fontSize', 'fontWeight', 'lineHeight', 'color', 'backgroundColor',
        'textDecorationLine', 'textAlign', 'padding', 'margin', 'borderRadius', 'borderWidth',
        'listStyleType', 'overflowX'];
    const found = names.map((name) => `${name}: ${style[name]}`);
    return [element.tagName, element.className.toString(), ...found, Math.round(width), Math.round(height)].join(' ');
})"""

DOUBLE_IDS = """[...document.querySelectorAll('.evc [id]')].map((one) => one.id)
    .filter((id, place, all) => all.indexOf(id) !== place)"""
OWN_LABELS = """[...document.querySelectorAll('.evc label')]
    .every((label) => label.control?.closest('.evc') === label.closest('.evc'))"""


@dataclass
class Opened:
    """A notebook whose cells have run, in a browser.

    Attributes:
        page: The page of the application.
        server: Where it runs.
        app: "lab" or "notebook".
        widgets: The reports in it, in the order of CALLS.
        sent: The kernel's messages with a document.
        elsewhere: Addresses outside of the server that were asked for; they were not answered.
        errors: Errors that the page's scripts did not catch.
    """

    page: Any
    server: jupyter.Server
    app: str
    sent: list[str | bytes] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def widgets(self) -> list[Any]:
        return self.page.locator(".evc").all()

    def choose(self, *path: str) -> None:
        """Chooses from the application's menu."""
        for name in path:
            self.page.locator(".lm-MenuBar-item, .lm-Menu-item", has_text=re.compile(f"^{name}")).last.click()


@pytest.fixture(scope="module", params=["lab", "notebook"])
def opened(
    request: pytest.FixtureRequest, chromium: Any, evaluated: Evaluation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    with jupyter.serving(request.param, tmp_path_factory.mktemp(request.param)) as server:
        load = f"import evaluator_component as ec\nDIR = {evaluated.output!r}\nr = ec.load(DIR)"
        jupyter.write_notebook(server.root / "report.ipynb", load, *CALLS)
        shutil.copytree(evaluated.output, server.root / "later")
        context = chromium.new_context(viewport=TALL)
        found = Opened(context.new_page(), server, request.param)
        own = rf"^(?!(http|ws)://{re.escape(server.url.split('//')[1])}|blob:|data:)"
        context.route(re.compile(own), lambda route: (found.elsewhere.append(route.request.url), route.abort()))
        found.page.on("pageerror", lambda error: found.errors.append(str(error)))
        _run_all(found, server.page(request.param, "report.ipynb"))
        yield found
        context.close()
        assert [error for error in found.errors if KNOWN_ERROR not in error] == []


def _run_all(opened: Opened, address: str) -> None:
    """Opens a notebook and runs its cells once the kernel answers."""

    def keep(message: str | bytes) -> None:
        if b'"comm_open"' in _bytes(message) and b'"document"' in _bytes(message):
            opened.sent.append(message)

    with opened.page.expect_websocket(lambda socket: "/channels" in socket.url) as kernel:
        opened.page.goto(address)
    kernel.value.wait_for_event("framereceived", lambda message: b"kernel_info_reply" in _bytes(message))
    opened.page.on("websocket", lambda socket: socket.on("framereceived", keep))
    kernel.value.on("framereceived", keep)
    opened.choose("Run", "Run All Cells")
    expect(opened.page.locator(".evc main")).to_have_count(len(CALLS), timeout=60_000)
    expect(opened.page.locator(".evc figure").last).to_be_visible()


@pytest.fixture(scope="module")
def executed(evaluated: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with notebooks that were run without a browser, and the HTML that nbconvert makes of them."""
    jupyter.require("nbconvert", "ipykernel", "anywidget")
    home = tmp_path_factory.mktemp("executed")
    load = f"import evaluator_component as ec\nr = ec.load({evaluated.output!r})"
    names = ("pages", "widgets")
    without = "import sys; sys.modules['anywidget'] = None  # as if it were not installed"
    jupyter.write_notebook(home / "pages.ipynb", load, "r.show(static=True)", without, "r.show()")
    jupyter.write_notebook(home / "widgets.ipynb", load, "r.show()", "r.show_slices()", "r.show_plots()")
    _nbconvert(home, "--to", "notebook", "--execute", "--inplace", *(f"{name}.ipynb" for name in names))
    saved = json.loads((home / "widgets.ipynb").read_text())
    del saved["metadata"]["widgets"]  # as JupyterLab saves it
    (home / "saved.ipynb").write_text(json.dumps(saved))
    _nbconvert(home, "--to", "html", *(f"{name}.ipynb" for name in (*names, "saved")))
    return home


def _nbconvert(home: pathlib.Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "jupyter", "nbconvert", *arguments]
    ended = subprocess.run(
        command, cwd=home, env=jupyter.environment(home), capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


@pytest.fixture
def offline(chromium: Any) -> Iterator[Callable[[pathlib.Path], Any]]:
    """Opens a file without a network; fails the test at its end if a page inside of it asked for anything."""
    context, asked = chromium.new_context(viewport={"width": 1280, "height": 900}), []

    def refuse(route: Any) -> None:
        if route.request.frame.parent_frame is not None:
            asked.append(route.request.url)
        route.abort()

    def show(path: pathlib.Path) -> Any:
        page = context.new_page()
        page.goto(path.as_uri())
        return page

    context.route(lambda url: not url.startswith(("file:", "blob:", "data:")), refuse)
    yield show
    context.close()
    assert asked == []


def _bytes(message: str | bytes) -> bytes:
    return message if isinstance(message, bytes) else message.encode()


def test_each_call_shows_its_page(opened: Opened, evaluated: Evaluation) -> None:
    widgets = opened.widgets
    expect(widgets[VERDICT].get_by_role("heading", level=1)).to_have_text("This model must not be deployed.")
    expect(widgets[VERDICT].locator(".evc-stamp")).to_have_text("NOT BLESSED")
    expect(widgets[VERDICT].get_by_text(evaluated.verdict.reasons[0]).first).to_be_visible()
    roc = widgets[PLOTS].locator("figure", has_text="ROC curve").locator("svg[role=img]")
    assert f"{evaluated.metrics.value('auc', 'hour=3'):.4f}" in roc.get_attribute("aria-label")
    assert widgets[PLOTS].locator(".evc-chip").all_inner_texts()[0].startswith("hour=3")
    assert widgets[FAIRNESS].get_by_label("Slices of").input_value() == "payment"
    assert widgets[FAIRNESS].get_by_label("by", exact=True).input_value() == "recall"
    assert "payment=Cash" in cells(widgets[FAIRNESS], "Slices compared with Overall", 0)
    expect(widgets[HISTORY].get_by_text("2 versions, 0 of them blessed.")).to_be_visible()


def test_slices_begin_with_the_worst_and_are_sorted_by_a_click(opened: Opened, evaluated: Evaluation) -> None:
    slices = opened.widgets[SLICES]
    worst = evaluated.metrics.worst("auc").table.column("slice").to_pylist()
    shown = cells(slices, "Slices by auc", 0)
    assert shown == worst[: len(shown)]
    assert all("hour=3" in name for name in shown[:4])
    header = slices.get_by_role("button", name="auc, value")
    header.click()
    assert cells(slices, "Slices by auc", 0)[0] == worst[-1]
    header.click()
    assert cells(slices, "Slices by auc", 0) == shown


def test_it_looks_as_on_a_page_of_its_own(opened: Opened, evaluated: Evaluation, open_report: Open) -> None:
    for place, view in (
        (VERDICT, ""),
        (SLICES, "page=slices&metric=auc&sort=value"),
        (PLOTS, 'page=plots&slices=["hour=3"]'),
    ):
        widget = opened.widgets[place]
        opened.page.mouse.move(0, 0)
        alone = open_report(evaluated, view)
        alone.set_viewport_size({"width": round(widget.bounding_box()["width"]), "height": TALL["height"]})
        alone.wait_for_timeout(300)
        expected = alone.locator(".evc").evaluate(AS_ON_ITS_PAGE)
        assert widget.evaluate(AS_ON_ITS_PAGE) == expected
    table = opened.widgets[SLICES].get_by_role("region", name="Slices by auc")
    rows = table.locator("tbody tr:not(.evc-spacer)").evaluate_all(
        "rows => rows.map((row) => row.getBoundingClientRect().height)"
    )
    assert set(rows) == {30}
    table.evaluate("region => { region.scrollTop = 200; }")
    head = table.locator("thead").bounding_box()
    assert head["y"] == pytest.approx(table.bounding_box()["y"], abs=2)
    table.evaluate("region => { region.scrollTop = 0; }")


def test_the_dark_theme_makes_it_dark(opened: Opened) -> None:
    def grounds() -> set[str]:
        return set(
            opened.page.locator(".evc").evaluate_all("all => all.map((one) => getComputedStyle(one).backgroundColor)")
        )

    assert grounds() == {"rgb(255, 255, 255)"}
    opened.choose("Settings", "Theme", "JupyterLab Dark")
    expect(opened.page.locator("body[data-jp-theme-light=false]")).to_have_count(1)
    expect(opened.page.locator(".evc.evc-dark")).to_have_count(len(CALLS))
    assert grounds() == {"rgb(20, 24, 29)"}
    here = opened.widgets[VERDICT].get_by_role("link", name="Verdict")
    here.hover()
    assert here.evaluate("link => getComputedStyle(link).color") == "rgb(20, 24, 29)"
    opened.choose("Settings", "Theme", "JupyterLab Light")
    expect(opened.page.locator(".evc.evc-dark")).to_have_count(0)


def test_widgets_do_not_disturb_each_other(opened: Opened) -> None:
    page = opened.page
    assert page.evaluate(DOUBLE_IDS) == []
    assert page.evaluate(OWN_LABELS)
    address, widgets = page.url, opened.widgets
    others = [widget.inner_text() for widget in widgets[1:]]
    widgets[VERDICT].get_by_role("link", name="Slices").click()
    widgets[VERDICT].get_by_label("Find").fill("hour=3")
    expect(widgets[VERDICT].get_by_text("4 of 28 slices are shown")).to_be_visible()
    widgets[VERDICT].get_by_role("button", name="Colours: system").click()
    widgets[VERDICT].get_by_role("button", name="Colours: light").click()
    expect(page.locator(".evc.evc-dark")).to_have_count(1)
    assert [widget.inner_text() for widget in widgets[1:]] == others
    assert page.url == address
    page.set_viewport_size({"width": 1280, "height": 700})  # where a notebook may take away what is out of sight
    page.locator(".jp-Cell").last.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    page.locator(".jp-Cell").first.scroll_into_view_if_needed()
    page.set_viewport_size(TALL)
    expect(page.locator(".evc main")).to_have_count(len(CALLS))
    expect(opened.widgets[VERDICT].get_by_text("4 of 28 slices are shown")).to_be_visible()
    widgets[VERDICT].get_by_role("button", name="Colours: dark").click()
    widgets[VERDICT].get_by_role("link", name="Verdict").click()
    expect(page.locator(".evc.evc-dark")).to_have_count(0)


def test_keys_are_for_the_report_and_not_for_the_notebook(opened: Opened) -> None:
    page, slices = opened.page, opened.widgets[SLICES]
    slider = slices.get_by_label("At least")
    before = slider.input_value()
    slider.click()  # also makes its cell the active one
    slider.fill(before)
    slider.press("ArrowLeft")
    assert slider.input_value() == str(int(before) - 1)
    slider.press("ArrowRight")
    slices.get_by_role("button", name="Whole range").evaluate("button => button.focus()")
    for key in ("a", "b", "d", "d", "x", "j", "m"):
        slices.get_by_role("link", name="Slices").press(key)
    assert page.locator(".jp-CodeCell").count() == len(CALLS) + 1
    assert slices.locator("xpath=ancestor::*[contains(@class, 'jp-mod-active')]").count() == 1


def test_nothing_is_fetched_from_elsewhere_and_nothing_sent_twice(opened: Opened) -> None:
    assert opened.elsewhere == []
    assert len(opened.sent) == len(CALLS)


def test_a_page_is_shown_once_the_notebook_is_trusted(opened: Opened, executed: pathlib.Path) -> None:
    shutil.copy(executed / "pages.ipynb", opened.server.root / "pages.ipynb")
    page = opened.page.context.new_page()
    page.goto(opened.server.page(opened.app, "pages.ipynb"))
    expect(page.get_by_text("which a notebook shows once it is trusted").first).to_be_visible(timeout=60_000)
    assert page.locator("iframe[srcdoc]").count() == 0
    page.close()


@pytest.mark.parametrize("place", [0, 1])
def test_nbconvert_keeps_pages(offline: Callable[[pathlib.Path], Any], executed: pathlib.Path, place: int) -> None:
    page = offline(executed / "pages.html")
    assert page.locator("iframe").count() == 2
    report = page.frame_locator("iframe").nth(place)
    expect(report.get_by_role("heading", level=1)).to_have_text("This model must not be deployed.")
    report.get_by_role("link", name="Slices").click()
    expect(report.get_by_role("region", name="Slices by auc")).to_be_visible()
    assert "hour=3" in cells(report, "Slices by auc", 0)


def test_nbconvert_has_no_widgets_without_a_network(
    offline: Callable[[pathlib.Path], Any], executed: pathlib.Path, evaluated: Evaluation
) -> None:
    page = offline(executed / "widgets.html")
    assert page.locator("script[type*=widget-view]").count() == 3
    assert page.locator(".evc").count() == 0
    page = offline(executed / "saved.html")  # without the state of widgets, what stands for them
    expect(page.get_by_text("NOT BLESSED: This model must not be deployed.").first).to_be_visible()
    expect(page.get_by_text(evaluated.verdict.reasons[0]).first).to_be_visible()
    expect(page.get_by_text("show(static=True)")).to_have_count(3)


def test_how_large_notebooks_become(executed: pathlib.Path, evaluated: Evaluation) -> None:
    front_end = sum(len(static_file(name)) for name in ("report.js", "report.css"))
    document = len(evaluation_document(evaluated))
    sizes = {name: (executed / f"{name}.ipynb").stat().st_size for name in ("saved", "widgets", "pages")}
    print(f"front end {front_end:,}, document {document:,}, notebooks {sizes}")
    assert sizes["saved"] < 20_000  # three reports
    assert sizes["widgets"] < 3 * 1.05 * (front_end + document)
    assert sizes["pages"] < 2 * 1.1 * (front_end + document)
