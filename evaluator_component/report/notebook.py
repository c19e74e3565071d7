"""The report in a notebook: as a widget that lives with the kernel, or as a page that lives in the notebook's file."""

from __future__ import annotations

import dataclasses
import functools
import html
import importlib.util
import json
import sys
from typing import Any, Final

from evaluator_component.report.html import render_page, static_file

_HEIGHT: Final = 820
_NO_WIDGET: Final = (
    "The report is a widget, which is not shown here: it needs the kernel that made it. "
    "show(static=True) shows a page that stays in the notebook's file."
)
_NO_FRAME: Final = (
    "The report is a page, which a notebook shows once it is trusted; run this cell, or trust the notebook."
)


@dataclasses.dataclass(frozen=True, repr=False)
class StaticPage:
    """A page inside a notebook.

    It stays in the notebook's file and in what nbconvert makes of it, needs no kernel and no network, and its script
    reaches nothing around it.

    Attributes:
      page: the page's HTML.
    """

    page: str

    def __repr__(self) -> str:
        return "Evaluation report"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" sandbox="allow-scripts allow-downloads" '
            f'style="width:100%;height:{_HEIGHT}px;border:0">{_NO_FRAME}</iframe>'
        )


def in_notebook() -> bool:
    """Returns whether this process is the kernel of a notebook; IPython is not loaded to find out."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_shell is not None and getattr(get_shell(), "kernel", None) is not None


def display(document: str, title: str, *, static: bool = False) -> None:
    """Shows a document in the notebook cell that runs.

    Args:
      document: what `evaluation_document` gives.
      title: what the page is called, where it is one.
      static: show a page instead of a widget, so that it stays when the kernel is gone. Without anywidget installed
        it is a page in any case.
    """
    from IPython.display import display as display_in_cell

    has_widgets = importlib.util.find_spec("anywidget") is not None
    display_in_cell(widget(document) if has_widgets and not static else StaticPage(render_page(document, title)))


def widget(document: str, theme: str = "auto") -> Any:
    """Returns an anywidget that shows a document; needs the extra ``notebook``.

    Args:
      document: what `evaluation_document` gives; it can be replaced while the widget is shown.
      theme: "light", "dark", or "auto" for the notebook's own.
    """
    return _widget_class()(document=document, theme=theme)


def static(page: str) -> StaticPage:
    """Returns a page, which `render_page` or `render_report` gives, as something that a notebook shows."""
    return StaticPage(page)


@functools.cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    class EvaluationWidget(anywidget.AnyWidget):  # type: ignore[misc]
        """The report as a widget."""

        # The line's end tells anywidget that this is no file's name.
        _esm = static_file("report.js") + "\n"
        _css = static_file("report.css") + "\n"
        document = traitlets.Unicode().tag(sync=True)
        theme = traitlets.Unicode("auto").tag(sync=True)

        def __repr__(self) -> str:
            return "Evaluation report"

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            bundle = super()._repr_mimebundle_(**kwargs)
            if bundle is not None:
                data = bundle[0] if isinstance(bundle, tuple) else bundle
                data["text/plain"], data["text/html"] = without_widget(self.document)
            return bundle

    return EvaluationWidget


def without_widget(document: str) -> tuple[str, str]:
    """Returns what stands for the widget where none can be shown, as text and as HTML.

    It is in short what the document says, and how to get all of it.
    """
    meta = json.loads(document)["meta"]
    told = [meta["title"]]
    if verdict := meta.get("verdict"):
        told = [f"{verdict['stamp']}: {verdict['headline']}", verdict["tally"]]
    text = " ".join([*told, _NO_WIDGET])
    paragraphs = "".join(f"<p>{html.escape(one)}</p>" for one in told)
    reasons = "".join(f"<li>{html.escape(one)}</li>" for one in (verdict or {}).get("reasons", ()))
    return text, f"{paragraphs}{f'<ul>{reasons}</ul>' if reasons else ''}<p><em>{html.escape(_NO_WIDGET)}</em></p>"
