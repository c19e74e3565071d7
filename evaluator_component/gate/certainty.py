"""How sure a rule's judgement of each slice is: one-sided limits, and the chance of what was seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.special

from evaluator_component.gate.frame import Codes, Floats, Frame
from evaluator_component.gate.rules import Rule
from evaluator_component.results.tables import EXACT, IDENTICAL, OF_MEAN, PAIRED_SCORE, WILSON
from evaluator_component.stats import proportions, skewed, student, trust

Mask = npt.NDArray[np.bool_]

HALL = "t with skewness (Hall 1992)"
"""The method of a check of a mean."""
POWER = 0.8
"""The chance of telling an effect that the data are said to be able to tell."""


@dataclass(frozen=True)
class Certainty:
    """What the data say about some rows under a rule; parallel arrays.

    ``theta`` is the distance to the bound on the good side. ``lower`` and ``upper`` are its one-sided limits, each
    missed with the chance that the gate allows, widened by what is known only as a range.

    Attributes:
        kept: The chance of so good a result if the bound is just not kept.
        broken: The chance of so bad a result if it is just kept.
        std_error: The standard error of θ.
        known: Whether there is a standard error, or none is needed.
        exact: Whether nothing about θ is uncertain.
        by_score: Whether the limits are those of a score test, which needs fewer examples.
        of_mean: Whether θ is a mean of one number of each example, so that the skewness of these can be allowed for.
        examples: How many examples the standard error stands on.
        skewness: The skewness of a single example's part in θ, NaN where unknown; of a score test that at the bound.
    """

    theta: Floats
    lower: Floats
    upper: Floats
    kept: Floats
    broken: Floats
    std_error: Floats
    known: Mask
    exact: Mask
    by_score: Mask
    of_mean: Mask
    examples: Floats
    skewness: Floats

    def trusted_to_keep(self, chance: float) -> Mask:
        """Whether a test at this level that the bound is kept does what it says."""
        return self._trusted(-self.skewness, chance)

    def trusted_to_break(self, chance: float) -> Mask:
        """Whether a test at this level that the bound is broken does what it says."""
        return self._trusted(self.skewness, chance)

    def _trusted(self, skewness: Floats, chance: float) -> Mask:
        """Whether a test is; ``skewness`` is above 0 where the examples' long tail is on the side not tested for."""
        by_score = trust.is_score_normal(skewness, self.examples, chance)
        by_error = trust.is_normal(skewness, self.examples, chance)
        freed = self.of_mean & trust.is_freed_of_skewness(skewness, self.examples, chance)
        return self.exact | np.where(self.by_score, by_score, by_error | freed)

    def needed_to_keep(self, chance: float) -> Floats:
        """From how many examples on that the bound is kept can be tested; NaN where no number can be told."""
        return self._needed(-self.skewness, chance)

    def needed_to_break(self, chance: float) -> Floats:
        """From how many examples on that the bound is broken can be tested; NaN where no number can be told."""
        return self._needed(self.skewness, chance)

    def _needed(self, skewness: Floats, chance: float) -> Floats:
        needed = trust.least_examples(skewness, chance)
        freed = np.fmin(needed, trust.least_examples_freed_of_skewness(skewness, chance))
        return np.where(self.exact | self.by_score, np.nan, np.where(self.of_mean, freed, needed))


def certainty(frame: Frame, rule: Rule, rows: Codes, chance: float) -> Certainty:
    """How sure a rule's judgement of some rows is.

    Args:
        frame: The candidate's rows.
        rule: A rule with a bound.
        rows: The rows it applies to.
        chance: The chance with which a one-sided limit may miss the truth.
    """
    with np.errstate(all="ignore"):
        if rule.kind.is_relative:
            return _of_relative(frame, rule, rows, chance)
        return _of_change(frame, rule, rows, chance) if rule.kind.is_change else _of_value(frame, rule, rows, chance)


def _of_value(frame: Frame, rule: Rule, rows: Codes, chance: float) -> Certainty:
    value, std_error, bound = frame.value[rows], frame.std_error[rows], rule.bound
    df, effective = _infinite(frame.df[rows]), frame.effective_n[rows]
    methods = frame.words["interval_method"]
    code = frame.interval_method[rows]
    lower, upper, below, above = np.full((4, len(rows)), np.nan)
    by_score, exact, of_mean = np.zeros((3, len(rows)), bool)
    skewness = frame.skewness[rows].copy()
    for number in np.unique(code[code >= 0]):
        here, method = code == number, methods[int(number)]
        own, error = value[here], std_error[here]
        if method == EXACT:
            exact |= here
            lower[here] = upper[here] = own
            below[here] = np.where(own <= bound, 0.0, 1.0)
            above[here] = 1 - below[here]
        elif method == WILSON:
            by_score |= here
            skewness[here] = 0.0
            lower[here], upper[here] = proportions.wilson(own, effective[here], chance)
            spread = np.sqrt(max(bound * (1 - bound), 0.0) / effective[here])
            below[here] = scipy.special.ndtr((own - bound) / spread)
            above[here] = 1 - below[here]
        elif method.endswith(OF_MEAN):
            of_mean |= here
            numbers = df[here], skewness[here], effective[here]
            lower[here], upper[here], below[here], above[here] = _of_mean(own, error, *numbers, bound, chance)
        else:
            scale = student.scale_of(method)
            lower[here], upper[here] = student.limits(own, error, df[here], chance, scale)
            below[here] = student.tail(student.statistic(own, error, bound, scale), df[here])
            above[here] = 1 - below[here]
    low, high = frame.bracket_lower[rows], frame.bracket_upper[rows]
    lower, upper = lower - np.nan_to_num(value - low), upper + np.nan_to_num(high - value)
    examples = np.where(np.isnan(effective), frame.n[rows], effective)
    known = exact | by_score | (std_error > 0)
    known &= ~np.isnan(lower)
    signed = value - bound, lower - bound, upper - bound, above, below
    found = Certainty(*signed, std_error, known, exact, by_score, of_mean, examples, skewness)
    return _on_the_good_side(found, rule)


def _of_change(frame: Frame, rule: Rule, rows: Codes, chance: float) -> Certainty:
    change, std_error, bound = frame.change[rows], frame.change_std_error[rows], rule.bound
    exact, by_score, of_mean = _kinds_of_change(frame, rows)
    df = _infinite(frame.change_df[rows])
    lower, upper = student.limits(change, std_error, df, chance, "plain")
    below = student.tail((change - bound) / std_error, df)
    above = 1 - below
    examples = np.where(frame.effective_n[rows] > 0, frame.effective_n[rows], frame.n[rows])
    skewness = frame.change_skewness[rows].copy()
    if of_mean.any():
        own, error, numbers = change[of_mean], std_error[of_mean], (df[of_mean], skewness[of_mean], examples[of_mean])
        lower[of_mean], upper[of_mean], below[of_mean], above[of_mean] = _of_mean(own, error, *numbers, bound, chance)
    if by_score.any():
        gained, lost, trials = (getattr(frame, name)[rows][by_score] for name in ("gained", "lost", "trials"))
        lower[by_score], upper[by_score] = proportions.paired_limits(gained, lost, trials, chance)
        inside = np.clip(bound, -1 + 1e-12, 1 - 1e-12)
        at_bound = np.full(len(trials), inside)
        below[by_score] = scipy.special.ndtr(proportions.paired_statistic(gained, lost, trials, at_bound))
        above[by_score] = 1 - below[by_score]
        skewness[by_score] = proportions.paired_skewness(gained, lost, trials, at_bound)
        examples[by_score] = trials
    lower[exact] = upper[exact] = change[exact]
    below[exact] = np.where(change[exact] < bound, 0.0, 1.0)
    above[exact] = 1 - below[exact]
    low, high = frame.change_bracket_lower[rows], frame.change_bracket_upper[rows]
    lower, upper = lower - np.nan_to_num(change - low), upper + np.nan_to_num(high - change)
    known = (exact | by_score | (std_error > 0)) & ~np.isnan(lower)
    signed = change - bound, lower - bound, upper - bound, above, below
    found = Certainty(*signed, std_error, known, exact, by_score, of_mean, examples, skewness)
    return _on_the_good_side(found, rule)


def _of_mean(
    value: Floats, std_error: Floats, df: Floats, skewness: Floats, examples: Floats, bound: float, chance: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """The limits of means, and the chances of so low and so high ones at the bound; by t if no skewness is known."""
    skewness = np.nan_to_num(skewness)
    lower, upper = skewed.limits(value, std_error, df, skewness, examples, chance)
    statistic = (value - bound) / std_error
    below = skewed.tail(statistic, df, skewness, examples)
    return lower, upper, below, skewed.tail(-statistic, df, -skewness, examples)


def _of_relative(frame: Frame, rule: Rule, rows: Codes, chance: float) -> Certainty:
    """Of Δ − r·|b| = c − (1 + r·sign b)·b: its variance follows from those of c, b and their difference."""
    change, base = frame.change[rows], frame.baseline_value[rows]
    exact, _, _ = _kinds_of_change(frame, rows)
    factor = 1.0 + rule.bound * np.sign(base)
    of_candidate, of_baseline = frame.std_error[rows] ** 2, frame.baseline_std_error[rows] ** 2
    together = (of_candidate + of_baseline - frame.change_std_error[rows] ** 2) / 2
    variance = of_candidate + factor * factor * of_baseline - 2 * factor * together
    std_error = np.sqrt(np.maximum(variance, 0.0))
    theta = change - rule.bound * np.abs(base)
    df = _infinite(frame.change_df[rows])
    lower, upper = student.limits(theta, std_error, df, chance, "plain")
    below = student.tail(theta / std_error, df)
    lower[exact] = upper[exact] = theta[exact]
    below[exact] = np.where(theta[exact] < 0, 0.0, 1.0)
    low, high = frame.change_bracket_lower[rows], frame.change_bracket_upper[rows]
    wider = np.nan_to_num(change - low) + np.nan_to_num(high - change)
    lower, upper = lower - wider * (1 + abs(rule.bound)), upper + wider * (1 + abs(rule.bound))
    known = (exact | (std_error > 0)) & ~np.isnan(lower)
    examples = np.where(frame.effective_n[rows] > 0, frame.effective_n[rows], frame.n[rows])
    none = np.zeros(len(rows), bool)
    signed = theta, lower, upper, 1 - below, below
    found = Certainty(*signed, std_error, known, exact, none, none, examples, frame.change_skewness[rows])
    return _on_the_good_side(found, rule)


def _on_the_good_side(found: Certainty, rule: Rule) -> Certainty:
    """What is known of a difference to a lower bound, turned around where the bound is an upper one."""
    if not rule.kind.is_upper:
        return found
    return replace(
        found,
        theta=-found.theta,
        lower=-found.upper,
        upper=-found.lower,
        kept=found.broken,
        broken=found.kept,
        skewness=-found.skewness,
    )


def _kinds_of_change(frame: Frame, rows: Codes) -> tuple[Mask, Mask, Mask]:
    """Where nothing about a change is uncertain, and where it is one of shares, or of means, of the same examples."""
    words, code = frame.words["change_interval_method"], frame.change_interval_method[rows]
    exact = np.isin(code, [i for i, word in enumerate(words) if word in (IDENTICAL, EXACT)])
    by_score = np.isin(code, [i for i, word in enumerate(words) if word == PAIRED_SCORE])
    of_mean = np.isin(code, [i for i, word in enumerate(words) if word.endswith(OF_MEAN)])
    return exact, by_score, of_mean


def _infinite(df: Floats) -> Floats:
    return np.where(np.isnan(df), np.inf, df)


def detectable(std_error: Floats, chance: float) -> Floats:
    """The smallest distance from the bound that so many examples tell with a chance of 80 %: (z_α + z_β)·SE."""
    reach = scipy.special.ndtri(1 - chance) + scipy.special.ndtri(POWER)
    return np.asarray(np.where(std_error > 0, reach * std_error, np.nan))


def more_examples(found: Certainty, chance: float) -> Floats:
    """How many more examples would decide if the estimate stayed as it is; NaN where no number can be told."""
    z = scipy.special.ndtri(1 - chance)
    with np.errstate(all="ignore"):
        needed = found.examples * ((z * found.std_error / found.theta) ** 2 - 1.0)
        least = np.where(found.theta < 0, found.needed_to_break(chance), found.needed_to_keep(chance))
        needed = np.fmax(needed, least - found.examples)
    return np.asarray(np.where((found.std_error > 0) & (found.theta != 0) & (needed > 0), np.ceil(needed), np.nan))
