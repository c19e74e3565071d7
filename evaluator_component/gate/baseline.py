"""What is known about the model that the candidate is compared with."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class BaselineStatus(enum.Enum):
    """Where the baseline came from, or why there is none."""

    WIRED = "WIRED"
    """It was given."""
    RESOLVED = "RESOLVED"
    """ML Metadata was asked and named it."""
    NONE_YET = "NONE_YET"
    """ML Metadata was asked and holds no blessed model: this is the first run."""
    NOT_ASKED = "NOT_ASKED"
    """None was given and there was no ML Metadata to ask."""
    LOST = "LOST"
    """A blessed model is on record, but its files are gone or do not load."""

    @property
    def is_there(self) -> bool:
        """Whether the candidate was compared with it."""
        return self in (BaselineStatus.WIRED, BaselineStatus.RESOLVED)


@dataclass(frozen=True)
class BaselineState:
    """The state of the baseline in one run.

    Attributes:
      status: Where it came from, or why there is none.
      uri: Where its files are (or were); "" if there is none.
      model_id: The id of its artifact in ML Metadata.
      detail: One sentence on how the state came about, for example what failed to load.
    """

    status: BaselineStatus
    uri: str = ""
    model_id: int | None = None
    detail: str = ""
