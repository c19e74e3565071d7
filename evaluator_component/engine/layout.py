"""How terms are laid out in tables of sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from evaluator_component.engine.views import ViewKey
from evaluator_component.metrics.terms import KeyedTerms, Terms

ColumnKey = tuple[ViewKey, Terms, int]
"""A column of terms: the view that they are computed from, the terms, and which of their columns."""


@dataclass(frozen=True)
class Shift:
    """What is taken off a column before it is multiplied: ``by`` times another column.

    Attributes:
        column: The place of the column in its table.
        weight: That of the weights.
        by: About the mean of the column.
    """

    column: int
    weight: int
    by: float


@dataclass(frozen=True)
class SliceTable:
    """Terms whose totals by slice have one shape and are made together.

    Attributes:
        terms: Each with the view that it is computed from.
        divided: What tells single classes apart within a slice, as a view with nothing else in it; None for nothing.
        query: The feature that names the query, where queries are summed; '' where examples are.
        products: Products of columns that are summed as well, each as the places of its factors among the columns.
        shifts: What is taken off some columns before they are multiplied.
    """

    terms: tuple[tuple[ViewKey, Terms], ...]
    divided: ViewKey | None = None
    query: str = ""
    products: tuple[tuple[int, ...], ...] = ()
    shifts: tuple[Shift, ...] = ()

    @cached_property
    def columns(self) -> dict[ColumnKey, int]:
        """The place of each column."""
        keys = [(view, terms, i) for view, terms in self.terms for i in range(len(terms.columns))]
        return {key: place for place, key in enumerate(keys)}

    @property
    def width(self) -> int:
        """How many columns of totals it has, products among them."""
        return len(self.columns) + len(self.products)

    @property
    def view_of_classes(self) -> ViewKey | None:
        """A view whose classes are told apart; None where there are none."""
        return None if self.divided is None else self.terms[0][0]


@dataclass(frozen=True)
class GroupedTerms:
    """What is summed by slice and group of examples.

    Attributes:
        tables: Terms that are summed by slice.
        keyed: Terms that are summed by slice and key, each with the most distinct keys of a slice and group.
    """

    tables: tuple[SliceTable, ...] = ()
    keyed: tuple[tuple[ViewKey, KeyedTerms, int], ...] = ()
