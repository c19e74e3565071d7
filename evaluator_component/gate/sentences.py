"""One plain sentence for each check."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from evaluator_component.gate.causes import Cause, Outcome
from evaluator_component.gate.rules import Kind
from evaluator_component.results.tables import EXACT, IDENTICAL

_FAIL = Outcome.FAIL.value  # looking it up costs as much as the comparison
_KINDS = {kind.value: kind for kind in Kind}
_DIGITS = (4, 6, 9, 12, 17)


@dataclass(frozen=True)
class Wording:
    """What a sentence must say so that it cannot be taken for another one.

    Attributes:
      name_split: Several splits were judged.
      name_weighting: The metrics that were judged both with and without weights.
    """

    name_split: bool = False
    name_weighting: frozenset[str] = frozenset()


class Facts(NamedTuple):
    """What a sentence is made of: one check, with the note that goes with its cause."""

    split: str
    slice: str
    n: int | None
    effective_n: float | None
    metric: str
    output: str
    sub_key: str
    weighted: bool
    rule: str
    bound: float | None
    observed: float | None
    lower: float | None
    upper: float | None
    baseline: float | None
    adjusted_p_value: float | None
    family_size: int | None
    method: str | None
    detectable: float | None
    more_examples: int | None
    outcome: str
    cause: str
    note: str | None


def write_sentence(facts: Facts, wording: Wording) -> str:
    """Returns what happened and what was demanded, in one sentence without a full stop."""
    return _BY_CAUSE[facts.cause](facts, wording)


def write_sentences(columns: Mapping[str, Sequence[Any]], wording: Wording) -> list[str]:
    """Returns the sentences of many checks, given as one list per field of `Facts`."""
    names = Facts._fields
    rows = zip(*(columns[name] for name in names), strict=True)
    return [write_sentence(Facts._make(row), wording) for row in rows]


def number(value: float) -> str:
    """Returns a number that was written by a person as it was written."""
    return f"{value:.12g}"


def _subject(facts: Facts, wording: Wording) -> str:
    return _name_subject(facts.metric, facts.output, facts.sub_key, facts.weighted, wording)


@lru_cache(maxsize=1024)
def _name_subject(metric: str, output: str, sub_key: str, weighted: bool, wording: Wording) -> str:
    text = metric
    if metric in wording.name_weighting:
        text = f"{'weighted' if weighted else 'unweighted'} {text}"
    if output:
        text += f" of {output}"
    if sub_key:
        text += f" ({sub_key})"
    return text


def _place(facts: Facts, wording: Wording) -> str:
    return f"on {facts.slice}" + (f" in split {facts.split}" if wording.name_split else "")


def _size(facts: Facts, more: str = "") -> str:
    if not more and facts.n is not None and facts.effective_n is None:
        return f" (n = {facts.n:,})"
    parts = [] if facts.n is None else [f"n = {facts.n:,}"]
    parts += [] if facts.effective_n is None else [f"by their weights as good as {facts.effective_n:,.0f}"]
    parts += [more] if more else []
    return f" ({'; '.join(parts)})" if parts else ""


def _judged(facts: Facts, wording: Wording) -> str:
    kind = _KINDS[facts.rule]
    what = f"{_subject(facts, wording)} {_place(facts, wording)}"
    if facts.cause == Cause.BRACKET.value:
        return f"{what} {_ranged(facts, kind)}; {_demand(facts, kind)}"
    seen = _moved(facts, kind) if kind.is_change else f"is {_apart(facts.observed, facts)}"
    return f"{what} {seen}{_limits(facts, kind)}{_size(facts)}; {_demand(facts, kind)}{_doubt(facts)}"


def _limits(facts: Facts, kind: Kind) -> str:
    """Both one-sided limits, in the unit and the direction of what is told before them."""
    if facts.lower is None or facts.upper is None or facts.method in (None, EXACT, IDENTICAL):
        return ""
    ends, unit = (facts.lower, facts.upper), ""
    if kind.is_change:
        base = abs(facts.baseline or 0.0)
        if kind.is_relative and 0 < base < math.inf:
            ends, unit = (100 * ends[0] / base, 100 * ends[1] / base), " %"
        if (facts.observed or 0.0) < 0:
            ends = (-ends[1], -ends[0])
    return f" [{ends[0]:.4g}, {ends[1]:.4g}]{unit}"


def _doubt(facts: Facts) -> str:
    """What keeps a check from being decided, or what a family of slices has to do with it."""
    decided = "" if facts.outcome == Outcome.INCONCLUSIVE.value else ", so it was decided by the point estimate"
    if facts.cause == Cause.UNCERTAIN.value:
        could = [] if facts.detectable is None else [f"{facts.detectable:.2g} from the bound could be told"]
        if facts.more_examples is not None:
            could.append(f"about {_rounded(facts.more_examples):,} more examples would decide")
        return f"; too close to tell{decided}" + (f" ({', '.join(could)})" if could else "")
    if facts.cause == Cause.NOT_NORMAL.value:
        looks = "; it looks significant, but" if facts.family_size and facts.adjusted_p_value is not None else ";"
        return f"{looks} too few examples for a test at this level{decided}"
    if facts.cause == Cause.NO_INTERVAL.value:
        return f"; it has no standard error that says how sure it is{decided}"
    if facts.family_size is None or facts.adjusted_p_value is None:
        return ""
    if facts.cause == Cause.NOT_SIGNIFICANT.value or facts.outcome == _FAIL:
        among = f"among {facts.family_size:,} slices (corrected p = {facts.adjusted_p_value:.2g})"
        return f"; {'' if facts.outcome == _FAIL else 'not '}significant {among}"
    return ""


def _rounded(count: int) -> int:
    """The number with two digits that matter."""
    return int(float(f"{count:.2g}"))


def _ranged(facts: Facts, kind: Kind) -> str:
    verb = "changed by" if kind.is_change else "is"
    low, high = (math.nan if end is None else end for end in (facts.lower, facts.upper))
    decided = "" if facts.outcome == Outcome.INCONCLUSIVE.value else "; decided by the point estimate"
    size = _size(facts, f"known only as a range, because scores were coarsened{decided}")
    return f"{verb} between {low:.6g} and {high:.6g}{size}"


def _moved(facts: Facts, kind: Kind) -> str:
    change = facts.observed or 0.0
    if change == 0:
        return "did not change"
    verb = "rose" if change > 0 else "fell"
    base = abs(facts.baseline or 0.0)
    if kind.is_relative and 0 < base < math.inf:
        share, bound = 100 * change / base, 100 * (facts.bound or 0.0) / base
        return f"{verb} by {_text_apart(share, bound, facts).lstrip('-')} %"
    return f"{verb} by {_apart(change, facts).lstrip('-')}"


@lru_cache(maxsize=1024)
def _demand_of_value(kind: Kind, bound: float) -> str:
    return f"at most {number(bound)} is allowed" if kind.is_upper else f"at least {number(bound)} is required"


def _demand(facts: Facts, kind: Kind) -> str:
    if facts.bound is None or kind in (Kind.VALUE_DEFINED, Kind.CHANGE_DEFINED):
        return f"any {'change' if kind.is_change else 'value'} is accepted"
    if not kind.is_change:
        return _demand_of_value(kind, facts.bound)
    bound, amount = facts.bound, number(abs(facts.bound))
    if kind.is_relative:
        base = abs(facts.baseline or 0.0)
        amount = f"{abs(100 * bound / base):.6g} %" if base else "0"
    note = f" ({facts.note})" if facts.note and facts.outcome == Outcome.FAIL.value else ""
    forbidden, other = ("rise", "fall") if kind.is_upper else ("fall", "rise")
    if bound == 0:
        return f"no {forbidden} is allowed{note}"
    if (bound > 0) == kind.is_upper:
        return f"a {forbidden} of at most {amount} is allowed{note}"
    return f"a {other} of at least {amount} is required{note}"


def _apart(value: float | None, facts: Facts) -> str:
    return _text_apart(math.nan if value is None else value, facts.bound, facts)


def _text_apart(value: float, bound: float | None, facts: Facts) -> str:
    """Returns the value with as many digits as show on which side of the bound it is."""
    text = f"{value:.4g}"
    if bound is None or facts.outcome != _FAIL:
        return text
    for digits in _DIGITS:
        text = f"{value:.{digits}g}"
        shown = float(text)
        if shown != bound and (shown < bound) == (value < bound) and (shown == 0) == (value == 0):
            break
    return text


def _undefined(facts: Facts, wording: Wording) -> str:
    what = f"{_subject(facts, wording)} {_place(facts, wording)}"
    what = f"the change of {what}" if Kind(facts.rule).is_change else what
    return f"{what} is undefined{_size(facts)}: {facts.note}"


def _no_value(facts: Facts, wording: Wording) -> str:
    return f"{_subject(facts, wording)} has no value {_place(facts, wording)}{_size(facts)}"


def _missing_slice(facts: Facts, wording: Wording) -> str:
    split = f" in split {facts.split}" if wording.name_split else ""
    return f"no slice matches {facts.slice}{split} (threshold on {_subject(facts, wording)}); {facts.note}"


def _not_compared(facts: Facts, wording: Wording) -> str:
    why = "the baseline is lost" if facts.cause == Cause.BASELINE_LOST.value else "there is no baseline"
    return f"{_subject(facts, wording)} {_place(facts, wording)} was not compared{_size(facts)}: {why}"


def _too_small(facts: Facts, wording: Wording) -> str:
    return f"{_subject(facts, wording)} {_place(facts, wording)} was not judged{_size(facts)}: {facts.note}"


_BY_CAUSE: Mapping[str, Callable[[Facts, Wording], str]] = {
    Cause.JUDGED.value: _judged,
    Cause.BRACKET.value: _judged,
    Cause.UNCERTAIN.value: _judged,
    Cause.NO_INTERVAL.value: _judged,
    Cause.NOT_NORMAL.value: _judged,
    Cause.NOT_SIGNIFICANT.value: _judged,
    Cause.TOO_FEW.value: _too_small,
    Cause.TOO_LIGHT.value: _too_small,
    Cause.PRIVATE.value: _too_small,
    Cause.UNDEFINED.value: _undefined,
    Cause.NO_VALUE.value: _no_value,
    Cause.MISSING_SLICE.value: _missing_slice,
    Cause.NO_BASELINE.value: _not_compared,
    Cause.BASELINE_LOST.value: _not_compared,
}
