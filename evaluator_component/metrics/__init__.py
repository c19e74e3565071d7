"""The metric catalogue: terms that are summed, and pure functions of their totals."""

from __future__ import annotations

from evaluator_component.metrics import (  # noqa: F401 - they register
    attributions,
    binary,
    classes,
    coco,
    comparison,
    counterfactual,
    counts,
    curves,
    detection,
    fairness,
    labels,
    masks,
    matrices,
    moments,
    operating_points,
    plots,
    probabilistic,
    quantiles,
    rank_correlation,
    ranking,
    regression,
    samples,
    scores,
    sets,
    text,
)
from evaluator_component.metrics.custom import metric
from evaluator_component.metrics.metric import Definition, Metric, Plot, PlotData, Ratio, Values
from evaluator_component.metrics.view import Kind, View

__all__ = ["Definition", "Kind", "Metric", "Plot", "PlotData", "Ratio", "Values", "View", "metric"]
