"""The report: one HTML file that needs no network, with the verdict first."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import jinja2
import markupsafe
import pyarrow as pa

from evaluator_component.report import columns, wording
from evaluator_component.results import files, tables
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from evaluator_component.gate import Checks, Verdict
    from evaluator_component.results import Evaluation

_FRONTEND: Final = pathlib.Path(__file__).parent / "frontend"
_REASONS: Final = 6
_FAILED: Final = 20


def write_report(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Writes the report to a file."""
    folder, _, name = os.fspath(path).replace(os.sep, "/").rpartition("/")
    files.folder(folder or ".").write(name, render_report(evaluation).encode())


def render_report(evaluation: Evaluation) -> str:
    """Returns the report as HTML.

    Everything is inside: no other file is fetched, and a Content-Security-Policy forbids it. Text that came from the
    data is shown as text.
    """
    table = evaluation.metrics.table
    checks = evaluation.verdict.checks if evaluation.verdict else None
    blocking = checks.worst_first(columns.MAX_ROWS // 2, wording.BLOCKING) if checks is not None else None
    keep = frozenset(tables.names(blocking.table, "slice")) if blocking is not None else frozenset()
    slice_columns, slices_left_out = columns.slice_columns(table, evaluation.metrics.candidate, keep)
    check_columns, checks_left_out = columns.check_columns(checks) if checks is not None else ([], 0)
    style, script = _source("report.css"), _source("report.js")
    context = {
        **_verdict_context(evaluation.verdict),
        **(_failed_context(checks) if checks is not None else {}),
        "title": _title(evaluation.verdict),
        "subjects": _subjects(evaluation.run),
        "overalls": _overalls(table, evaluation.metrics.candidate),
        "slice_rows": _length(slice_columns),
        "slices_left_out": slices_left_out,
        "slices_json": markupsafe.Markup(columns.embedded(slice_columns)),  # noqa: S704 - escaped by `embedded`
        "check_rows": _length(check_columns) + checks_left_out,
        "checks_left_out": checks_left_out,
        "checks_json": markupsafe.Markup(columns.embedded(check_columns)),  # noqa: S704 - escaped by `embedded`
        "policy": evaluation.verdict.policy if evaluation.verdict else {},
        "run": evaluation.run,
        "style": markupsafe.Markup(style),  # noqa: S704 - our own file
        "script": markupsafe.Markup(script),  # noqa: S704 - our own file
        "style_hash": _digest(style),
        "script_hash": _digest(script),
    }
    text = _template().render(context)
    return text.encode("utf-8", "backslashreplace").decode()


def _verdict_context(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {"verdict_class": "", "stamp": "NOT JUDGED", "headline": wording.headline(None)}
    return {
        "verdict_class": "blessed" if verdict.blessed else "not-blessed",
        "stamp": "BLESSED" if verdict.blessed else "NOT BLESSED",
        "headline": wording.headline(verdict),
        "tally": wording.tally(verdict.checks),
        "reasons": verdict.reasons[:_REASONS],
        "more_reasons": max(0, len(verdict.reasons) - _REASONS),
        "notices": verdict.notices,
    }


def _failed_context(checks: Checks) -> dict[str, Any]:
    failed = checks.worst_first(_FAILED, wording.BLOCKING)
    total = sum(checks.counts[name] for name in wording.BLOCKING)
    shown = [
        {
            "slice": check.slice,
            "split": wording.split_name(check.split),
            "n": "" if check.n is None else f"{check.n:,}",
            "metric": wording.result_name(check.metric, check.output, check.sub_key, weighted=False),
            "outcome": wording.OUTCOMES[check.outcome.value],
            "sentence": check.sentence,
        }
        for check in failed
    ]
    return {
        "failed": shown,
        "failed_title": "Failed and inconclusive checks" if checks.counts["INCONCLUSIVE"] else "Failed checks",
        "more_failed": total - len(shown),
        "several_splits": len(tables.names(checks.table, "split")) > 1,
    }


def _title(verdict: Verdict | None) -> str:
    outcome = "not judged" if verdict is None else "blessed" if verdict.blessed else "not blessed"
    return f"Model evaluation: {outcome}"


def _subjects(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    models = run.get("models")
    data = run.get("data")
    found = [(name, _place(model)) for name, model in models.items()] if isinstance(models, Mapping) else []
    if isinstance(data, Mapping):
        found += [(f"data ({split})", _place(place)) for split, place in data.items()]
    return [(name, place) for name, place in found if place]


def _place(entry: Any) -> str:
    return str(entry.get("path", "") if isinstance(entry, Mapping) else entry)


def _overalls(table: pa.Table, candidate: str) -> list[dict[str, Any]]:
    """Returns the overall metrics of each split, all splits first."""
    rows = table.filter(tables.equal(table.column("slice"), OVERALL))
    rows = rows.filter(tables.equal(rows.column("model"), candidate))
    splits = tables.names(rows, "split")
    found = []
    for split in splits:
        part = rows.filter(tables.equal(rows.column("split"), split)).to_pylist()
        both = {row["metric"] for row in part if row["weighted"]} & {
            row["metric"] for row in part if not row["weighted"]
        }
        found.append(
            {
                "split": wording.split_name(split) if len(splits) > 1 else "",
                "examples": f"{max((row['n'] or 0 for row in part), default=0):,}",
                "compared": any(row["change"] is not None for row in part),
                "rows": [_overall_row(row, row["metric"] in both) for row in part],
            }
        )
    return found


def _overall_row(row: Mapping[str, Any], both: bool) -> dict[str, str]:
    return {
        "name": wording.result_name(row["metric"], row["output"], row["sub_key"], row["weighted"], both),
        "value": wording.number(row["value"]),
        "baseline": wording.number(row["baseline_value"]),
        "change": wording.change(row["change"]),
        "judgement": wording.judgement(row["change"], row["direction"]),
        "reason": row["reason"] or "",
    }


def _length(found: list[columns.Column]) -> int:
    if not found:
        return 0
    return len(found[0]["codes"] if found[0]["kind"] == "choice" else found[0]["values"])


@functools.cache
def _source(name: str) -> str:
    return (_FRONTEND / name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FRONTEND),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
