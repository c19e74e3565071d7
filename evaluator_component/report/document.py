"""An evaluation as one JSON text, which the report's page and its notebook widget show alike.

``tables`` holds Arrow tables (see `packing.packed`), ``meta`` all that is not a table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from evaluator_component.config import baseline_spec
from evaluator_component.config.complete import BASELINE
from evaluator_component.config.write import to_yaml
from evaluator_component.report import excerpt, packing, wording
from evaluator_component.results import tables

if TYPE_CHECKING:
    from evaluator_component.gate import Verdict
    from evaluator_component.results import Evaluation

_REASONS: Final = 6


def evaluation_document(evaluation: Evaluation, state: Mapping[str, Any] | None = None) -> str:
    """Returns the JSON text; the same for equal evaluations.

    Args:
      evaluation: what to show.
      state: what the view begins with, such as ``{"page": "plots", "slice": "hour=2"}``.
    """
    checks = evaluation.verdict.checks if evaluation.verdict is not None else None
    blocking = checks.worst_first(excerpt.MAX_ROWS // 2, wording.BLOCKING) if checks is not None else None
    keep = frozenset(tables.names(blocking.table, "slice")) if blocking is not None else frozenset()
    baseline = _baseline(evaluation)
    metrics, slices_left_out = excerpt.metric_rows(
        evaluation.metrics.table, evaluation.metrics.candidate, baseline, keep
    )
    found = {"metrics": metrics}
    left_out = {"slices": slices_left_out, "checks": 0, "plots": 0}
    if checks is not None:
        found["checks"], left_out["checks"] = excerpt.check_rows(checks)
    found["plots"], left_out["plots"] = excerpt.plot_rows(evaluation.plots.table, evaluation.metrics.table, keep)
    sure = {"lower", "change_lower"} & set(metrics.column_names)
    meta = {
        "kind": "evaluation",
        "title": title(evaluation.verdict),
        "candidate": evaluation.metrics.candidate,
        "baseline": baseline,
        "splits": tables.names(evaluation.metrics.table, "split"),  # that of all of them, "*", is the first
        "level": evaluation.config.intervals.level if sure and evaluation.config is not None else None,
        "verdict": _verdict(evaluation.verdict) if evaluation.verdict is not None else None,
        "subjects": _subjects(evaluation.run),
        "run": evaluation.run,
        "config": to_yaml(evaluation.config) if evaluation.config is not None else "",
        "classes": evaluation.run.get("class_names") or {},
        "left_out": left_out,
        "state": state or {},
    }
    packed = {name: packing.packed(table) for name, table in found.items() if table.num_rows}
    text = json.dumps(
        {"meta": _plain(meta), "tables": packed}, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode("utf-8", "backslashreplace").decode()  # half of a character becomes an escape, as JSON has it


def title(verdict: Verdict | None) -> str:
    """Returns what a page that shows the verdict is called."""
    outcome = "not judged" if verdict is None else "blessed" if verdict.blessed else "not blessed"
    return f"Model evaluation: {outcome}"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "blessed": verdict.blessed,
        "stamp": "BLESSED" if verdict.blessed else "NOT BLESSED",
        "headline": wording.headline(verdict),
        "tally": wording.tally(verdict.checks),
        "reasons": verdict.reasons[:_REASONS],
        "more_reasons": max(0, len(verdict.reasons) - _REASONS),
        "notices": verdict.notices,
        "rubber_stamp": verdict.rubber_stamp,
        "counts": verdict.checks.counts,
        "policy": verdict.policy,
        "families": [family.to_dict() for family in verdict.families],
        "baseline": {
            "status": verdict.baseline.status.value,
            "uri": verdict.baseline.uri,
            "model_id": verdict.baseline.model_id,
            "detail": verdict.baseline.detail,
        },
    }


def _baseline(evaluation: Evaluation) -> str | None:
    """Returns the name of the model that the candidate was compared with, if it has rows of its own."""
    others = [name for name in tables.names(evaluation.metrics.table, "model") if name != evaluation.metrics.candidate]
    spec = baseline_spec(evaluation.config) if evaluation.config is not None else None
    for name in (spec.name if spec is not None else "", BASELINE):
        if name in others:
            return name
    return others[0] if len(others) == 1 else None


def _subjects(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns what was evaluated: the models and the splits' data, each with its place."""
    models, data = run.get("models"), run.get("data")
    found = [(name, _place(model)) for name, model in models.items()] if isinstance(models, Mapping) else []
    if isinstance(data, Mapping):
        found += [(f"data ({split})", _place(place)) for split, place in data.items()]
    return [(name, place) for name, place in found if place]


def _place(entry: Any) -> str:
    return str(entry.get("path", "") if isinstance(entry, Mapping) else entry)


def _plain(value: Any) -> Any:
    """Returns a value as JSON has it: what it has no form for as text, NaN as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, (str, int)) else str(value)
