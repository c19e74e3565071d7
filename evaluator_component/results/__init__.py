"""The result of an evaluation: its tables, its files, and how to load them again."""

from __future__ import annotations

from evaluator_component.results.evaluation import Evaluation, MetricTable, PlotTable
from evaluator_component.results.tables import METRICS_SCHEMA, PLOTS_SCHEMA, metrics_table, plots_table

__all__ = [
    "METRICS_SCHEMA",
    "PLOTS_SCHEMA",
    "Evaluation",
    "MetricTable",
    "PlotTable",
    "metrics_table",
    "plots_table",
]
