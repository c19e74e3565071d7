"""An evaluation as one JSON text, which the report's page and its notebook widget show alike.

``tables`` holds Arrow tables (see `packing.packed`), ``meta`` all that is not a table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from evaluator_component.config import baseline_spec
from evaluator_component.config.complete import BASELINE
from evaluator_component.config.write import to_yaml
from evaluator_component.report import excerpt, packing, wording
from evaluator_component.results import tables
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from evaluator_component.gate import Verdict
    from evaluator_component.results import Evaluation

_REASONS: Final = 6


def evaluation_document(evaluation: Evaluation, state: Mapping[str, Any] | None = None) -> str:
    """Returns the JSON text; the same for equal evaluations.

    Args:
      evaluation: what to show.
      state: what the view begins with, such as ``{"page": "plots", "slices": ["hour=2"]}``. Plots of these slices are
        kept, however small they are.
    """
    state = state or {}
    baseline = _baseline(evaluation)
    found, left_out = _tables(evaluation, baseline, frozenset([OVERALL, *state.get("slices", ())]))
    meta = {**_meta(evaluation), "baseline": baseline, "left_out": left_out, "state": state}
    if not {"lower", "change_lower"} & set(found["metrics"].column_names):
        meta["level"] = None
    return as_text(meta, found)


def as_text(meta: Mapping[str, Any], found: Mapping[str, pa.Table]) -> str:
    """Returns a document's JSON text.

    Args:
      meta: All that is not a table; what JSON has no form for is written as text, NaN as null.
      found: Tables by name; those without rows are left out.
    """
    packed = {name: packing.packed(table) for name, table in found.items() if table.num_rows}
    document = {"meta": _plain(meta), "tables": packed}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()  # half of a character becomes an escape, as JSON has it


def title(verdict: Verdict | None) -> str:
    """Returns what a page that shows the verdict is called."""
    outcome = "not judged" if verdict is None else "blessed" if verdict.blessed else "not blessed"
    return f"Model evaluation: {outcome}"


def _tables(
    evaluation: Evaluation, baseline: str | None, first: frozenset[str]
) -> tuple[dict[str, pa.Table], dict[str, int]]:
    """Returns the tables, and how many slices (of a split), checks and slices with plots are not in them."""
    metrics, plots = evaluation.metrics.table, evaluation.plots.table
    found, left_out = {}, {"slices": 0, "checks": 0, "plots": 0}
    keep = frozenset[str]()
    if evaluation.verdict is not None:
        checks = evaluation.verdict.checks
        found["checks"], left_out["checks"] = excerpt.check_rows(checks)
        blocking = checks.worst_first(excerpt.MAX_ROWS // 2, wording.BLOCKING)
        keep = frozenset(tables.names(blocking.table, "slice"))
    found["metrics"], left_out["slices"] = excerpt.metric_rows(
        metrics, evaluation.metrics.candidate, baseline, first | keep
    )
    found["plots"], left_out["plots"] = excerpt.plot_rows(plots, metrics, (first, keep))
    return found, left_out


def _meta(evaluation: Evaluation) -> dict[str, Any]:
    """Returns what is said once of the whole evaluation."""
    verdict, config, run = evaluation.verdict, evaluation.config, evaluation.run
    splits = tables.names(evaluation.metrics.table, "split")
    return {
        "kind": "evaluation",
        "title": title(verdict),
        "candidate": evaluation.metrics.candidate,
        "splits": sorted(splits, key=lambda split: split != tables.ALL_SPLITS),
        "level": (config.intervals.level or None) if config is not None else None,
        "verdict": _verdict(verdict) if verdict is not None else None,
        "subjects": _subjects(run),
        "run": run,
        "config": to_yaml(config) if config is not None else "",
        "classes": run.get("class_names") or {},
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "blessed": verdict.blessed,
        "stamp": "BLESSED" if verdict.blessed else "NOT BLESSED",
        "headline": wording.headline(verdict),
        "tally": wording.tally(verdict.checks),
        "reasons": verdict.reasons[:_REASONS],
        "more_reasons": max(0, verdict.reason_count - _REASONS),
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
