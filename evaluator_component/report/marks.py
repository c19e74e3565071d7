"""Values and intervals as marks in a line of text, one scale for all lines of a table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable

_WIDTH = 20


@dataclasses.dataclass(frozen=True)
class Scale:
    """What the two ends of a line stand for.

    Attributes:
      low: The value at the left end.
      high: That at the right end, which is larger.
      reference: A value that is marked in every line.
    """

    low: float
    high: float
    reference: float | None = None

    @classmethod
    def over(cls, values: Iterable[float | None], reference: float | None = None) -> Scale | None:
        """Returns the scale on which all values have a place; None where there are no two different ones."""
        known = [value for value in (*values, reference) if value is not None and math.isfinite(value)]
        if not known or min(known) == max(known):
            return None
        finite = reference is not None and math.isfinite(reference)
        return cls(min(known), max(known), reference if finite else None)

    def ends(self, form: Callable[[float], str]) -> str:
        """Returns what stands above the lines: the values of both ends."""
        left, right = form(self.low), form(self.high)
        return f"{left} {right.rjust(_WIDTH - len(left) - 1)}"

    def line(self, value: float | None, lower: float | None = None, upper: float | None = None) -> str:
        """Returns one line: ● the value, ├─┤ its interval, ┊ the reference; blank where the value is undefined."""
        cells = [" "] * _WIDTH
        if value is None or not math.isfinite(value):
            return "".join(cells)
        if self.reference is not None:
            cells[self._cell(self.reference)] = "┊"
        if lower is not None and upper is not None and math.isfinite(lower) and math.isfinite(upper):
            left, right = self._cell(lower), self._cell(upper)
            cells[left : right + 1] = "─" * (right + 1 - left)
            cells[left], cells[right] = "├", "┤"
        cells[self._cell(value)] = "●"
        return "".join(cells)

    def _cell(self, value: float) -> int:
        share = (value - self.low) / (self.high - self.low)
        return round(min(max(share, 0.0), 1.0) * (_WIDTH - 1))
