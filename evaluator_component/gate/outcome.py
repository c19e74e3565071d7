"""From checks to the overall outcome: what refuses, why, and what a reader should know."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evaluator_component.gate.baseline import BaselineState, BaselineStatus
from evaluator_component.gate.causes import Cause, Outcome
from evaluator_component.gate.checks import Checks
from evaluator_component.gate.frame import Frame
from evaluator_component.gate.policies import Policy, small_overall
from evaluator_component.gate.rules import Rule
from evaluator_component.gate.verdict import MORE_FAILED
from evaluator_component.results.tables import codes_and_words
from evaluator_component.slicing.names import OVERALL

Mask = npt.NDArray[np.bool_]

_SIZE = (Cause.TOO_FEW, Cause.TOO_LIGHT, Cause.PRIVATE)
_MAX_REASONS = 100
_UNTESTED = (
    "their slices have too few examples for a test, and only significant regressions block; gate.min_examples skips "
    "them, gate.inconclusive: FAIL refuses them"
)


class Tally:
    """What the checks of a verdict say together."""

    def __init__(self, checks: Checks, policy: Policy) -> None:
        self.checks = checks
        found = _where_words(checks, "outcome", [outcome.value for outcome in Outcome])
        self.outcome = {outcome: found[outcome.value] for outcome in Outcome}
        found = _where_words(checks, "cause", [cause.value for cause in Cause])
        self.cause = {cause: found[cause.value] for cause in Cause}
        self.skipped_for_size = np.logical_or.reduce([self.cause[cause] for cause in _SIZE])
        self.waved_through = self.cause[Cause.NO_BASELINE] & self.outcome[Outcome.SKIPPED]
        undecided = self.outcome[Outcome.INCONCLUSIVE]
        valid = {name: checks.table.column(name).is_valid().to_numpy() for name in ("family_size", "adjusted_p_value")}
        shows_nothing = np.asarray(valid["family_size"] & ~valid["adjusted_p_value"], dtype=bool)
        passes = np.where(shows_nothing, policy.untested == "PASS", policy.inconclusive == "PASS")
        self.let_through = undecided & passes
        self.failed = self.outcome[Outcome.FAIL] | (undecided & ~self.let_through)
        self.judged = ~self.outcome[Outcome.SKIPPED] | self.waved_through


def find_refusals(
    tally: Tally, rules: list[Rule], frame: Frame, policy: Policy, baseline: BaselineState, splits: Mask
) -> list[str]:
    """Returns why policies refuse the candidate whatever its single checks say, the most severe first."""
    refusals = []
    if baseline.status is BaselineStatus.LOST:
        detail = f" ({baseline.detail})" if baseline.detail else ""
        refusals.append(
            f"the baseline {baseline.uri or 'on record'} is lost: its files are gone or do not load{detail}"
        )
    if not len(frame):
        refusals.append("the evaluation holds no values, so there is nothing to judge")
    else:
        refusals += small_overall(frame, policy, splits, {rule.target.metric for rule in rules})
    if not rules and policy.no_thresholds == "NOT_BLESSED":
        refusals.append(
            "the config has no thresholds, so nothing says what a good model is; add one, or write "
            "gate.no_thresholds: BLESS"
        )
    if rules and len(frame) and not tally.judged.any():
        refusals.append("no check judged anything: all were skipped")
    share = float(tally.skipped_for_size.mean()) if len(tally.checks) else 0.0
    if policy.max_skipped_fraction is not None and share > policy.max_skipped_fraction:
        refusals.append(
            f"{share:.3g} of the checks were skipped, because their slices are too small; "
            f"gate.max_skipped_fraction allows {policy.max_skipped_fraction:g}"
        )
    if (tally.cause[Cause.NO_BASELINE] & tally.failed).any():
        refusals.append("there is no baseline to compare with, and gate.no_baseline is FAIL")
    return refusals


def list_failures(tally: Tally) -> list[str]:
    """Returns the sentences of the failed checks, the worst first, and how many were left out.

    Failures that a refusal explains already (a baseline that is lost or not there) are not repeated.
    """
    explained = tally.cause[Cause.NO_BASELINE] | tally.cause[Cause.BASELINE_LOST]
    failed = tally.checks.take(np.flatnonzero(tally.failed & ~explained))
    sentences = list(dict.fromkeys(failed.worst_first(_MAX_REASONS).sentences()))
    if len(failed) > _MAX_REASONS:
        sentences.append(MORE_FAILED.format(len(failed) - _MAX_REASONS))
    return sentences


def list_notices(tally: Tally, rules: list[Rule], policy: Policy, baseline: BaselineState) -> list[str]:
    """Returns what a reader should know besides the reasons."""
    notices = []
    waved = int(tally.waved_through.sum())
    if waved:
        why = {
            BaselineStatus.NONE_YET: "there is no blessed model yet",
            BaselineStatus.NOT_ASKED: "no baseline was given",
        }.get(baseline.status, "there is no baseline")
        notices.append(f"rubber stamp: {waved:,} checks of changes were waved through, because {why}")
    if not rules and policy.no_thresholds == "BLESS":
        notices.append("the config has no thresholds: nothing was checked (gate.no_thresholds is BLESS)")
    skipped = int(tally.skipped_for_size.sum())
    if skipped:
        notices.append(f"{skipped:,} of {len(tally.checks):,} checks were skipped, because their slices are too small")
        notices += [f"{path}: judged nothing, all its slices were skipped" for path in _idle_paths(tally)]
    missing = tally.cause[Cause.MISSING_SLICE] & tally.outcome[Outcome.SKIPPED]
    notices += tally.checks.take(np.flatnonzero(missing)).sentences()
    let_through = int(tally.let_through.sum())
    if let_through:
        why = "gate.inconclusive is PASS" if policy.inconclusive == "PASS" else _UNTESTED
        own = tally.checks.take(np.flatnonzero(tally.let_through))
        closest = own.take(np.argsort(own.margins, kind="stable")[:1]).sentences()[0]
        notices.append(f"{let_through:,} inconclusive checks count as passed ({why}); the worst of them: {closest}")
    return notices + _plain_rule_hints(tally, rules)


def _idle_paths(tally: Tally) -> list[str]:
    codes, words = codes_and_words(tally.checks.table.column("path"))
    judged = np.bincount(codes, tally.judged, minlength=len(words))
    skipped = np.bincount(codes, tally.skipped_for_size, minlength=len(words))
    return [word for word, yes, no in zip(words.to_pylist(), judged, skipped, strict=True) if no and not yes]


def _plain_rule_hints(tally: Tally, rules: list[Rule]) -> list[str]:
    """Points out rules that hold overall and fail on a slice although nobody named that slice."""
    plain = {rule.path for rule in rules if rule.target.specs is None}
    if not plain or not tally.failed.any():
        return []
    codes, words = codes_and_words(tally.checks.table.column("path"))
    overall = _where_words(tally.checks, "slice", [OVERALL])[OVERALL]
    failing = np.bincount(codes[tally.failed], minlength=len(words)) > 0
    failing_overall = np.bincount(codes[tally.failed & overall], minlength=len(words)) > 0
    is_plain = np.asarray([word in plain for word in words.to_pylist()], dtype=bool)
    hinted = np.flatnonzero(is_plain & failing & ~failing_overall)
    if not len(hinted):
        return []
    mine = np.isin(codes, hinted)
    sizes = _floats(tally.checks.table, "n")[mine & tally.failed]
    smallest = f" (the smallest with n = {int(np.nanmin(sizes)):,})" if not np.isnan(sizes).all() else ""
    more = f" and {len(hinted) - 1} more" if len(hinted) > 1 else ""
    failed = int((mine & tally.failed).sum())
    return [
        (
            f"{words[int(hinted[0])].as_py()}{more}: a plain threshold applies to every slice; here "
            f"{failed:,} of {int(mine.sum()):,} checks failed{smallest}, none of them overall. "
            "gate.min_examples skips small slices, gate.plain_threshold_scope: OVERALL judges the overall slice only"
        )
    ]


def _where_words(checks: Checks, column: str, words: list[str]) -> dict[str, Mask]:
    """Returns for each word at which checks a column has it."""
    codes, known = codes_and_words(checks.table.column(column))
    places = {word: code for code, word in enumerate(known.to_pylist())}
    return {word: np.asarray(codes == places.get(word, -2), dtype=bool) for word in words}


def _floats(table: object, name: str) -> npt.NDArray[np.float64]:
    return np.asarray(table.column(name).to_numpy(), dtype=np.float64)  # type: ignore[attr-defined]
