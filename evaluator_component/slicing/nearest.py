"""The slice that a text which names none was probably meant to name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from evaluator_component.errors import closest
from evaluator_component.slicing.names import numeral

Interval = tuple[float, float]

_END: Final = r"([+-]?(?:[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|∞|inf))"
_INTERVAL: Final = re.compile(rf"\s*[\[(\]]?\s*{_END}\s*(?:,|;|-|–|to)\s*{_END}\s*[\])\[]?\s*", re.IGNORECASE)


def nearest_slice(text: str, names: Iterable[str]) -> str:
    """Returns the name that is nearest to a text; '' if none is.

    Of buckets, that is the one that a number lies in, or that most of an interval lies in, however it is written. Other
    names are compared by their letters.

    Args:
        text: What somebody wrote.
        names: Values and groups of values, as slices have them.
    """
    known = list(names)
    buckets = {name: interval for name in known if (interval := read_interval(name)) is not None}
    number, wanted = numeral(text), read_interval(text)
    if number is not None:
        holding = [name for name, (low, high) in buckets.items() if low <= number < high]
        return next(iter([*holding, *closest(text, known)]), "")
    if wanted is not None and buckets:
        return _most_covered(wanted, buckets)
    return next(iter(closest(text, known)), "")


def read_interval(text: str) -> Interval | None:
    """The ends of an interval, in the form of a bucket's name or nearly so (``10-20``, ``[20, inf]``); else None."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        return None
    low, high = (float(end.replace("∞", "inf")) for end in match.groups())
    return (low, high) if low < high else None


def _most_covered(wanted: Interval, buckets: Mapping[str, Interval]) -> str:
    """The bucket that most of the interval lies in. Ends at infinity are moved in, so that lengths can be compared."""
    ends = [end for interval in (wanted, *buckets.values()) for end in interval if math.isfinite(end)] or [0.0]
    margin = (max(ends) - min(ends)) or 1.0
    lowest, highest = min(ends) - margin, max(ends) + margin

    def finite(interval: Interval) -> Interval:
        return max(interval[0], lowest), min(interval[1], highest)

    def covered(name: str) -> tuple[float, float]:
        (low, high), (first, last) = finite(wanted), finite(buckets[name])
        inside = min(high, last) - max(low, first)
        return inside, first - last  # of buckets that hold all of it the narrowest

    return max(sorted(buckets, key=lambda name: buckets[name]), key=covered)
