"""The report: one HTML file that needs no network, with the verdict first."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import jinja2
import markupsafe

from evaluator_component.report import wording
from evaluator_component.report.document import evaluation_document, title
from evaluator_component.results import files

if TYPE_CHECKING:
    from evaluator_component.results import Evaluation

_HERE: Final = pathlib.Path(__file__).parent
_POLICY: Final = (
    "default-src 'none'; script-src '{script}'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def write_report(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Writes the report to a file."""
    write_page(render_report(evaluation), path)


def write_page(page: str, path: str | os.PathLike[str]) -> None:
    """Writes a page to a file, which appears complete or not at all."""
    folder, _, name = os.fspath(path).replace(os.sep, "/").rpartition("/")
    target = files.folder(folder or ".")
    target.make()
    target.write(name, page.encode())


def render_report(evaluation: Evaluation, state: Mapping[str, Any] | None = None) -> str:
    """Returns the report as HTML; ``state`` is what the view begins with, as in `evaluation_document`."""
    return render_page(evaluation_document(evaluation, state), title(evaluation.verdict))


def render_page(document: str, title: str) -> str:
    """Returns a page that shows a document.

    Everything is inside: no other file is fetched, and a Content-Security-Policy forbids it and every script but ours.
    Text that came from the data is shown as text. Verdicts can be read without JavaScript too.

    Args:
      document: what `evaluation_document` or `history_document` gives.
      title: the page's title.
    """
    script = static_file("report.js")
    meta = json.loads(document)["meta"]
    context = {
        "title": title,
        "policy": markupsafe.Markup(_POLICY.format(script=_digest(script))),  # noqa: S704 - ours; nothing to escape
        "verdict": meta.get("verdict"),
        "versions": meta.get("versions"),
        "unjudged": title if "versions" in meta else wording.headline(None),
        "style": markupsafe.Markup(static_file("report.css")),  # noqa: S704 - our own file
        "script": markupsafe.Markup(script),  # noqa: S704 - our own file
        "document": markupsafe.Markup(embedded(document)),  # noqa: S704 - escaped by `embedded`
    }
    return _template().render(context).encode("utf-8", "backslashreplace").decode()


def embedded(document: str) -> str:
    """Returns JSON that is safe inside a script element: no character of it can end the element or open another."""
    for character in "<>&\u2028\u2029":  # in JSON they stand inside of strings only
        document = document.replace(character, f"\\u{ord(character):04x}")
    return document


@functools.cache
def static_file(name: str) -> str:
    """Returns a file of the front end."""
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")
