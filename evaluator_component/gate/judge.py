"""Applies one rule to the metric table: all its slices at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ConfigError, nearest
from evaluator_component.gate.baseline import BaselineState, BaselineStatus
from evaluator_component.gate.causes import Cause, Outcome
from evaluator_component.gate.certainty import Certainty, certainty, detectable, more_examples
from evaluator_component.gate.frame import Codes, Floats, Frame
from evaluator_component.gate.policies import Policy
from evaluator_component.gate.rules import Kind, Rule
from evaluator_component.gate.targets import Target
from evaluator_component.results.tables import without_options

ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""A change may miss its bound by this share of |candidate| + |baseline|: what rounding the two values, their
difference and the bound can amount to. 0.9 - 0.8 is 0.09999999999999998 and meets a bound of 0.1."""


COMPARED = (
    Cause.JUDGED.code,
    Cause.BRACKET.code,
    Cause.UNCERTAIN.code,
    Cause.NOT_NORMAL.code,
    Cause.NO_INTERVAL.code,
)
"""The causes of checks of a value with a bound."""


@dataclass(frozen=True)
class Judgement:
    """What a rule says about some rows of the frame; parallel arrays.

    Attributes:
      rows: The rows.
      outcome: How each check ended.
      cause: Why.
      bound: The bound in the unit of what is observed.
      observed: The value or the change.
      lower: Lower end of the range in which it lies: its one-sided limit, or what coarsened scores leave.
      upper: Upper end.
      p_value: The chance of so good a result (or of so bad a one, where only regressions block) at the bound.
      method: How the limits were made, as codes into the frame's words of the rule's kind; -1 where there are none.
      detectable: The smallest distance from the bound that so many examples tell.
      more_examples: How many more would decide.
      adjusted_p_value: The p-value, corrected for the other slices of its family; NaN outside of one.
      family_size: How many slices its family has; 0 outside of one.
      certainty: How sure it is; None where values are compared as they are.
    """

    rows: Codes
    outcome: npt.NDArray[np.int8]
    cause: npt.NDArray[np.int8]
    bound: Floats
    observed: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    method: Codes
    detectable: Floats
    more_examples: Floats
    adjusted_p_value: Floats
    family_size: Codes
    certainty: Certainty | None = None


@dataclass(frozen=True)
class _Measure:
    """How good each row is by one rule (greater is better) and what it must reach; ``worst ≤ point ≤ best``.

    NaN in ``point`` is an undefined row. ``worst`` and ``best`` differ where the value is known only as a range.
    """

    worst: Floats
    point: Floats
    best: Floats
    needed: float


def select(
    frame: Frame, target: Target, path: str, slices: npt.NDArray[np.bool_], splits: npt.NDArray[np.bool_]
) -> Codes:
    """Returns the rows of the frame that a target means, in the frame's order.

    Args:
      frame: The candidate's rows.
      target: What a threshold looks at.
      path: The threshold's path, for errors.
      slices: For each slice's code whether the threshold applies to it.
      splits: For each split's code whether it is judged.

    Raises:
      ConfigError: the results hold no such metric or output.
    """
    span = frame.metric_rows.get(target.metric)
    if span is None:
        raise ConfigError(
            f"{path}: the results hold no metric named {target.metric!r}; {nearest(target.metric, frame.metric_rows)}"
        )
    keep = slices[frame.slice[span]] & splits[frame.split[span]]
    output = frame.output[span]
    for code in _present(output):
        of_output = output == code
        if not _is_named(frame, target, int(code), output):
            keep &= ~of_output
            continue
        keep &= ~of_output | _preferred_weighting(frame.weighted[span], of_output, target.weighting)
        keep &= ~of_output | _of_readings(frame, span, of_output, target.readings)
    named = [frame.outputs[int(code)] for code in _present(output)]
    for name in target.outputs:
        if name not in named and named != [""]:
            raise ConfigError(f"{path}: {target.metric} was not evaluated on output {name!r}; {nearest(name, named)}")
    rows: Codes = np.flatnonzero(keep) + int(span.start)
    return rows


def judge(
    frame: Frame, rule: Rule, rows: Codes, small: npt.NDArray[np.int8], policy: Policy, baseline: BaselineState
) -> Judgement:
    """Applies a rule to rows of the frame.

    A slice that is too small is skipped; else an undefined value fails; else the rule is applied.

    Args:
      frame: The candidate's rows.
      rule: The rule.
      rows: The rows it applies to.
      small: For each of these rows why its slice is too small to be judged, as `policies.too_small` says.
      policy: The config's choices.
      baseline: Whether there is something to compare with.
    """
    with np.errstate(invalid="ignore"):  # infinities: what comes out undefined is a NaN, and fails as such
        measure = _measure(frame, rule, rows)
    outcome = _compare(measure, policy)
    cause = np.full(len(rows), Cause.JUDGED.code, np.int8)
    with np.errstate(invalid="ignore"):
        undecided = (measure.worst < measure.needed) & (measure.best >= measure.needed)
    cause[undecided] = Cause.BRACKET.code
    undefined = np.isnan(measure.point)
    outcome[undefined], cause[undefined] = Outcome.FAIL.code, Cause.UNDEFINED.code
    if rule.needs_baseline and not baseline.status.is_there:
        lost = baseline.status is BaselineStatus.LOST
        failed = lost or policy.no_baseline == "FAIL"
        outcome[:] = (Outcome.FAIL if failed else Outcome.SKIPPED).code
        cause[:] = (Cause.BASELINE_LOST if lost else Cause.NO_BASELINE).code
    compared = np.isin(cause, COMPARED)
    is_small = small != Cause.JUDGED.code
    outcome[is_small], cause[is_small] = Outcome.SKIPPED.code, small[is_small]
    if rule.kind.is_change:
        observed, lower, upper = frame.change[rows], frame.change_bracket_lower[rows], frame.change_bracket_upper[rows]
    else:
        observed, lower, upper = frame.value[rows], frame.bracket_lower[rows], frame.bracket_upper[rows]
    bound = _shown_bound(frame, rule, rows)
    blank, none = np.full(len(rows), np.nan), np.zeros(len(rows), np.int64)
    judgement = Judgement(
        rows, outcome, cause, bound, observed, lower, upper, blank, np.full(len(rows), -1), blank, blank, blank, none
    )
    if policy.confidence is None or math.isnan(rule.bound):
        return judgement
    return _with_certainty(frame, rule, judgement, compared & ~is_small, policy)


def _with_certainty(
    frame: Frame, rule: Rule, judgement: Judgement, compared: npt.NDArray[np.bool_], policy: Policy
) -> Judgement:
    """Judges by one-sided limits instead of the values as they are, where there is something to compare."""
    rows = judgement.rows
    found = certainty(frame, rule, rows, policy.alpha)
    outcome, cause = judgement.outcome.copy(), judgement.cause.copy()
    with np.errstate(invalid="ignore"):
        # A change that rounding alone keeps from its bound has met it.
        slack = ROUNDING * (np.abs(frame.value[rows]) + np.abs(np.nan_to_num(frame.baseline_value[rows])))
        passed, failed = found.lower >= -slack * found.exact, found.upper < -slack * found.exact
        sure = passed & found.trusted_to_keep(policy.alpha) | failed & found.trusted_to_break(policy.alpha)
        decided = sure & found.known
    undecided = np.full(len(rows), Cause.UNCERTAIN.code, np.int8)
    undecided[~sure & (passed | failed)] = Cause.NOT_NORMAL.code
    undecided[~found.known] = Cause.NO_INTERVAL.code
    by_point = policy.inconclusive == "POINT_ESTIMATE"
    open_rows = compared & ~decided
    if not by_point:
        outcome[open_rows] = Outcome.INCONCLUSIVE.code
    cause[open_rows] = undecided[open_rows]
    closed = compared & decided
    outcome[closed] = np.where(passed, Outcome.PASS.code, Outcome.FAIL.code)[closed]
    cause[closed] = Cause.JUDGED.code
    sign = -1.0 if rule.kind.is_upper else 1.0
    ends = [judgement.bound + sign * end for end in (found.lower, found.upper)]
    least, most = np.fmin(*ends), np.fmax(*ends)
    there = compared & found.known
    method = frame.change_interval_method if rule.kind.is_change else frame.interval_method
    return replace(
        judgement,
        outcome=outcome,
        cause=cause,
        lower=np.where(there, least, judgement.lower),
        upper=np.where(there, most, judgement.upper),
        p_value=np.where(there, found.kept, np.nan),
        method=np.where(there, method[rows], -1),
        detectable=np.where(open_rows & there, detectable(found.std_error, policy.alpha), np.nan),
        more_examples=np.where(open_rows & there, more_examples(found, policy.alpha), np.nan),
        certainty=found,
    )


def slices_without_value(frame: Frame, rows: Codes, slices: npt.NDArray[np.bool_], split: int) -> list[tuple[int, int]]:
    """Returns (slice, output) for the slices of a split that a rule applies to, but where its metric has no row."""
    there = frame.slices_of_split.get(split, np.zeros(0, np.int64))
    there = there[slices[there]]
    rows = rows[frame.split[rows] == split]
    outputs: Sequence[int] = _present(frame.output[rows]).tolist() or [0]
    return [
        (int(code), output)
        for output in outputs
        for code in np.setdiff1d(there, frame.slice[rows[frame.output[rows] == output]])
    ]


def _present(codes: Codes) -> Codes:
    """Returns the distinct codes, in ascending order; much faster than np.unique for small codes."""
    return np.flatnonzero(np.bincount(codes))


def _is_named(frame: Frame, target: Target, code: int, present: Codes) -> bool:
    """A model with a single output may leave its name out of the results although the config names it."""
    name = frame.outputs[code]
    return not target.outputs or name in target.outputs or (name == "" and bool((present == code).all()))


def _preferred_weighting(
    weighted: npt.NDArray[np.bool_], of_output: npt.NDArray[np.bool_], wanted: frozenset[bool] | None
) -> npt.NDArray[np.bool_]:
    """Keeps the wanted weightings, or what there is of a metric that is the same with and without weights.

    Where nothing is said, a metric is weighted if the output has weights.
    """
    mine = weighted[of_output]
    present = {flag for flag, there in ((True, mine.any()), (False, not mine.all())) if there}
    chosen = (wanted or frozenset([True in present])) & present or present
    return np.ones(len(weighted), dtype=bool) if len(chosen) == 2 else weighted == (True in chosen)


def _of_readings(
    frame: Frame, span: slice, of_output: npt.NDArray[np.bool_], readings: frozenset[str]
) -> npt.NDArray[np.bool_]:
    """Keeps the values of the wanted readings of classes.

    A metric that classes do not change has one value, whatever the spec says; it is kept where none of the readings is.
    """
    names = [without_options(name) for name in frame.words["sub_key"]]
    for wanted in (readings, frozenset([""])):
        of_reading = np.asarray([name in wanted for name in names], dtype=bool)[frame.sub_key[span]]
        if bool((of_reading & of_output).any()):
            return of_reading
    return np.ones(len(of_output), dtype=bool)


def _compare(measure: _Measure, policy: Policy) -> npt.NDArray[np.int8]:
    with np.errstate(invalid="ignore"):
        outcome = np.full(len(measure.point), Outcome.INCONCLUSIVE.code, np.int8)
        if policy.inconclusive == "POINT_ESTIMATE":
            outcome[:] = np.where(measure.point >= measure.needed, Outcome.PASS.code, Outcome.FAIL.code)
        outcome[measure.worst >= measure.needed] = Outcome.PASS.code
        outcome[measure.best < measure.needed] = Outcome.FAIL.code
    return outcome


def _measure(frame: Frame, rule: Rule, rows: Codes) -> _Measure:
    kind = rule.kind
    if kind is Kind.VALUE_DEFINED or kind is Kind.CHANGE_DEFINED:
        values = frame.value[rows] if kind is Kind.VALUE_DEFINED else frame.change[rows]
        return _Measure(values, values, values, -np.inf)
    if kind.is_relative:
        return _relative(frame, rule, rows)
    if kind.is_change:
        point = frame.change[rows]
        lower, upper = frame.change_bracket_lower[rows], frame.change_bracket_upper[rows]
        slack = _slack(frame.value[rows], frame.baseline_value[rows])
    else:
        point, slack = frame.value[rows], np.zeros(len(rows))
        lower, upper = frame.bracket_lower[rows], frame.bracket_upper[rows]
    lower, upper = np.where(np.isnan(lower), point, lower), np.where(np.isnan(upper), point, upper)
    if kind.is_upper:
        return _Measure(-upper + slack, -point + slack, -lower + slack, -rule.bound)
    return _Measure(lower + slack, point + slack, upper + slack, rule.bound)


def _relative(frame: Frame, rule: Rule, rows: Codes) -> _Measure:
    """Measures Δ - relative·|b| on the good side, which is right for negative baselines and for a baseline of 0.

    The bracket of the baseline follows from those of the candidate and of the change, which is their difference; a
    bracket's extremes are at the ends of the two brackets or where the baseline passes 0.
    """
    value, base, change = frame.value[rows], frame.baseline_value[rows], frame.change[rows]
    sign = -1.0 if rule.kind.is_upper else 1.0
    slack = _slack(value, base)

    def measure(change: Floats, base: Floats) -> Floats:
        return sign * (change - rule.bound * np.abs(base)) + slack

    point = np.where(np.isfinite(base), measure(change, base), np.nan)
    low = np.where(np.isnan(frame.bracket_lower[rows]), value, frame.bracket_lower[rows])
    high = np.where(np.isnan(frame.bracket_upper[rows]), value, frame.bracket_upper[rows])
    least, most = frame.change_bracket_lower[rows], frame.change_bracket_upper[rows]
    bracketed = ~np.isnan(least) & ~np.isnan(most)
    base_low, base_high = np.where(bracketed, high - most, base), np.where(bracketed, low - least, base)
    base_low, base_high = np.minimum(base_low, base), np.maximum(base_high, base)
    middle = np.clip(0.0, base_low, base_high)
    corners = [measure(end - b, b) for end in (low, high) for b in (base_low, middle, base_high)]
    worst = np.where(bracketed, np.minimum(point, np.minimum.reduce(corners)), point)
    best = np.where(bracketed, np.maximum(point, np.maximum.reduce(corners)), point)
    return _Measure(worst, point, best, 0.0)


def _slack(value: Floats, base: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        slack = ROUNDING * (np.abs(value) + np.abs(base))
    return np.where(np.isfinite(slack), slack, 0.0)


def _shown_bound(frame: Frame, rule: Rule, rows: Codes) -> Floats:
    """Returns the bound in the unit of what is observed."""
    if not rule.kind.is_relative:
        return np.full(len(rows), rule.bound)
    with np.errstate(invalid="ignore"):
        return rule.bound * np.abs(frame.baseline_value[rows])
