"""Tables for terminals of any width: names stay and are folded, numbers are never cut, the rest makes room."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

_GAP: Final = 2
_NAME_WIDTHS: Final = (24, 16)
_TEXT_WIDTH: Final = 20


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
      header: its title.
      cells: its cells, one per row.
      folds: whether it holds names or text, which may be broken into lines; else numbers, which may not.
      leaves: when it is left out for want of room, the lowest first; None if never.
      right: whether it stands on the right, as numbers do.
      style: of its cells.
    """

    header: str
    cells: Sequence[Text]
    folds: bool = False
    leaves: int | None = None
    right: bool = False
    style: str = ""

    @property
    def _lines(self) -> int:
        return max((cell_len(cell.plain) for cell in self.cells), default=0)

    @property
    def width(self) -> int:
        """What it takes on one line."""
        return max(self._lines, cell_len(self.header))

    def least(self, name_width: int) -> int:
        """The width that it needs; ``name_width`` is that of names."""
        if self.folds:
            return min(self.width, name_width)
        return max(self._lines, min(cell_len(self.header), _TEXT_WIDTH))


def titled(title: str) -> Table:
    """Returns an empty table that looks like all others."""
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, _GAP, 0, 0)
    )


def fitted(title: str, columns: Sequence[Column], width: int) -> Table:
    """Returns a table that fits into a width, if need be without some of the columns."""
    kept = list(columns)
    while _excess(kept, _NAME_WIDTHS[0], width) > 0 and any(column.leaves is not None for column in kept):
        first = min(column.leaves for column in kept if column.leaves is not None)
        kept = [column for column in kept if column.leaves != first]
    least = next((least for least in _NAME_WIDTHS if _excess(kept, least, width) <= 0), None)
    table = titled(title)
    spare = -_excess(kept, least, width) if least is not None else 0
    for column in kept:
        taken = None
        if least is not None:
            more = min(spare, column.width - column.least(least))
            taken, spare = column.least(least) + more, spare - more
        justify: Literal["left", "right"] = "right" if column.right else "left"
        header = Text(column.header)
        table.add_column(header, justify=justify, style=column.style, width=taken, overflow="fold")
    for row in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*row)
    return table


def _excess(columns: Sequence[Column], name_width: int, width: int) -> int:
    return sum(column.least(name_width) + _GAP for column in columns) - width
