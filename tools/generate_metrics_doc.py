"""Writes docs/metrics.md: the catalogue, made from the registry.

Run ``python tools/generate_metrics_doc.py`` after a change of the catalogue; a test compares the file with the output.
"""

from __future__ import annotations

from pathlib import Path

from evaluator_component.metrics import describe
from evaluator_component.metrics.metric import Definition

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"

HEAD = """# Metrics

Every metric by the class name that a config uses (`metrics_specs.metrics.class_name`), with the name of its values in
the results. Options go into `config` as a mapping or as JSON; `name` gives the values another name. `evaluator metrics`
lists the same in the terminal, `evaluator metrics NAME` explains one.

*Better* says which values are better; a change threshold needs no direction of its own then. *Interval* names the
method by which its intervals are made ([statistics.md](statistics.md)). Binary metrics take labels from 0 to 1: a soft
label counts as that much of a positive and the rest of a negative example. Examples count by their weight in all but
ExampleCount, McNemar, PairedTTest and ModelCosineSimilarity. `none` as the default of `thresholds` says that all
distinct scores are thresholds. Metrics of a feature have its path in their name: `mean_fare`.
"""

COLUMNS = ("class name", "result", "better", "range", "interval", "options", "what")


def text() -> str:
    """The document."""
    parts = [HEAD]
    for family, entries in describe.by_family().items():
        if family == "user's own":
            continue
        parts.append(f"\n## {family.capitalize()}\n\n")
        parts.append(
            "| class name | result | better | range | interval | options | what |\n|---|---|---|---|---|---|---|\n"
        )
        parts += [_row(entry) for entry in entries]
    return "".join(parts)


def _row(entry: Definition) -> str:
    options = "; ".join(f"`{name}` ({default})" for name, default in describe.options(entry))
    cells = (
        f"`{entry.class_name}`",
        f"`{entry.name}`",
        describe.better(entry),
        "" if entry.family == "plots" else describe.limits(entry),
        entry.interval or "",
        options,
        entry.summary.replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
