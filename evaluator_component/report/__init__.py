"""What people read: the HTML report and the terminal view of an evaluation."""

from __future__ import annotations

from evaluator_component.report.html import render_report, write_report

__all__ = ["render_report", "write_report"]
