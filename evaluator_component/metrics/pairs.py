"""Binary problems that are made of lists: any number of rows per example, each with label, score and weight.

The terms and results of binary classifiers are used on them unchanged: :class:`Paired` and :class:`PairedByKey` sum
them over the rows, :class:`OfPairs` gives a result their totals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.terms import KeyedTerms, Terms
from evaluator_component.metrics.totals import Histogram, Totals
from evaluator_component.metrics.view import Float64, View

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """The rows of the examples of a batch, those of one example after those of the last.

    Attributes:
        view: The rows as a view; a row that no threshold predicts positive has a score of −∞.
        counts: Int ``[n]``: how many of them are of each example.
    """

    view: View
    counts: Index

    @classmethod
    def of(cls, owners: Index, labels: Float64, scores: Float64, weights: Float64, count: int) -> Rows:
        """Puts rows in the order of their examples.

        Args:
            owners: Int ``[rows]`` the example of each.
            labels: float64 ``[rows]``, 0 or 1.
            scores: float64 ``[rows]``.
            weights: float64 ``[rows]``.
            count: The number of examples.
        """
        order = np.argsort(owners, kind="stable")
        fine = np.zeros(len(owners), bool)
        view = View(labels[order], scores[order], weights[order], fine, fine, fine)
        return cls(view, np.bincount(owners, minlength=count))

    def by_example(self, column: Float64) -> Float64:
        """Adds up one number per row: float64 ``[n]``."""
        owners = np.repeat(np.arange(len(self.counts)), self.counts)
        return np.bincount(owners, column, len(self.counts)).astype(np.float64)


class Pairing(Protocol):
    """Makes the rows of a view of lists; a value, so that equal ones are made once."""

    def rows(self, view: View) -> Rows:
        """The rows of all examples."""


def rows_of(view: View, pairing: Pairing) -> Rows:
    """The rows that a pairing makes of a view, made once."""
    made: dict[Pairing, Rows] = view.derived
    if pairing not in made:
        made[pairing] = pairing.rows(view)
    return made[pairing]


@dataclass(frozen=True)
class Paired:
    """Terms of a binary problem, summed over the rows of an example."""

    terms: Terms
    pairing: Pairing

    @property
    def columns(self) -> tuple[str, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        return self.terms.columns

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        rows = rows_of(view, self.pairing)
        return tuple(rows.by_example(column) for column in self.terms.compute(rows.view))


@dataclass(frozen=True)
class PairedByKey:
    """Keyed terms of a binary problem, with the rows of the examples."""

    terms: KeyedTerms
    pairing: Pairing

    @property
    def columns(self) -> tuple[str, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return self.terms.columns

    @property
    def keyed_by_score(self) -> bool:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return self.terms.keyed_by_score

    def rows_by_example(self, view: View) -> Index:
        """See :class:`~evaluator_component.metrics.terms.SeveralRows`."""
        return rows_of(view, self.pairing).counts

    def keys(self, view: View) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return self.terms.keys(rows_of(view, self.pairing).view)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.KeyedTerms`."""
        return self.terms.compute(rows_of(view, self.pairing).view)


class PairTotals(Totals):
    """The totals of a binary problem among those of the lists that it is made of."""

    def __init__(self, totals: Totals, pairing: Pairing):
        super().__init__({}, {}, totals.slice_count)
        self._totals = totals
        self._pairing = pairing

    def __getitem__(self, terms: Terms) -> tuple[Float64, ...]:
        return self._totals[Paired(terms, self._pairing)]

    def histogram(self, terms: KeyedTerms) -> Histogram:
        """See :class:`~evaluator_component.metrics.totals.Totals`."""
        return self._totals.histogram(PairedByKey(terms, self._pairing))


@dataclass(frozen=True)
class OfPairs:
    """A result of a binary classifier, of the rows that a pairing makes."""

    result: Callable[..., Any]
    pairing: Pairing

    def __call__(self, totals: Totals, *more: Any) -> Any:
        """The result, of the totals of the rows."""
        return self.result(PairTotals(totals, self.pairing), *more)
