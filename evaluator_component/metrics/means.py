"""Results that are means of one term."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator_component.metrics.metric import Ratio
from evaluator_component.metrics.terms import Terms, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.undefined import NO_WEIGHT


@dataclass(frozen=True)
class MeanOf:
    """The total of a term over the total weight; a class, so that plans can travel to workers.

    Attributes:
        terms: The terms.
        column: Which of its columns.
    """

    terms: Terms
    column: int = 0

    def __call__(self, totals: Totals) -> Ratio:
        """The mean over each slice."""
        return Ratio(totals[self.terms][self.column], totals[Weight()][0], NO_WEIGHT)
