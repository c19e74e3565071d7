"""How a check ended, and why."""

from __future__ import annotations

import enum


class Outcome(enum.Enum):
    """How one check ended."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    SKIPPED = "SKIPPED"
    """Not judged; neither passed nor failed."""
    INCONCLUSIVE = "INCONCLUSIVE"
    """The data cannot tell; ``gate.inconclusive`` says what that means."""

    @property
    def code(self) -> int:
        """A small integer for arrays of outcomes."""
        return _OUTCOME_CODES[self]


class Cause(enum.Enum):
    """Why a check has its outcome."""

    JUDGED = "judged"
    """The rule was applied to the value."""
    BRACKET = "bracket"
    """The value is known only as a range, and the range holds the bound."""
    UNCERTAIN = "uncertain"
    """The bound lies within the limits that the examples leave."""
    NO_INTERVAL = "no_interval"
    """There is no standard error, so nothing says how sure the value is."""
    NOT_NORMAL = "not_normal"
    """Too few examples for the test that there is: its chance of an error would not be what it claims."""
    NOT_SIGNIFICANT = "not_significant"
    """Too little to block a model for, among so many slices."""
    TOO_FEW = "too_few_examples"
    TOO_LIGHT = "too_little_weight"
    PRIVATE = "below_min_slice_size"
    UNDEFINED = "undefined"
    NO_VALUE = "no_value"
    """The table has no row for this metric on this slice."""
    MISSING_SLICE = "missing_slice"
    """No slice in the data matches the rule's slicing spec."""
    NO_BASELINE = "no_baseline"
    BASELINE_LOST = "baseline_lost"

    @property
    def code(self) -> int:
        """A small integer for arrays of causes."""
        return _CAUSE_CODES[self]


OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)
CAUSES: tuple[Cause, ...] = tuple(Cause)
_OUTCOME_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_CAUSE_CODES = {cause: code for code, cause in enumerate(CAUSES)}
