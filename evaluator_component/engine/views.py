"""Which labels, predictions and weights terms are computed from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evaluator_component.metrics.binarize import Binarization
from evaluator_component.metrics.records import Reads
from evaluator_component.metrics.view import Kind


@dataclass(frozen=True)
class Source:
    """A column that is read as lists.

    Attributes:
        reads: What it is.
        model: Index of the model that a prediction is of.
        output: Name of the output in the tables, where ``reads`` names no column.
    """

    reads: Reads
    model: int
    output: str


@dataclass(frozen=True)
class ViewKey:
    """Which labels, predictions and weights a term sees.

    Attributes:
        model: Index of the model whose predictions it sees.
        output: Name of the output in the tables.
        weighted: Whether example weights are used.
        kind_name: Name of the :class:`~evaluator_component.metrics.view.Kind` that decides what is usable.
        binarization: How a problem of several classes is made a binary one; None for predictions as they are.
        against: Index of the model whose predictions are compared with; None for none.
        feature: The feature that is seen in place of predictions (of queries: of labels); '' for none.
        query: The feature that names the query of a document, where queries are the examples; '' where they are not.
        reads: The columns that are read as lists; () where numbers are.
    """

    model: int
    output: str
    weighted: bool
    kind_name: str
    binarization: Binarization | None = None
    against: int | None = None
    feature: str = ""
    query: str = ""
    reads: tuple[Reads, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where what is read as lists comes from."""
        return tuple(
            Source(reads, self.model if reads.role == "prediction" else 0, "" if reads.key else self.output)
            for reads in self.reads
        )

    @property
    def undivided(self) -> ViewKey:
        """The view of the same examples as they are."""
        return replace(self, binarization=None)

    @property
    def kind(self) -> Kind:
        """The kind."""
        return Kind[self.kind_name]
