"""Many slices under one rule: which of them regress significantly, with the chance of a false refusal kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.gate.causes import Cause, Outcome
from evaluator_component.gate.frame import Frame
from evaluator_component.gate.judge import COMPARED, Judgement
from evaluator_component.gate.policies import Policy
from evaluator_component.gate.rules import Rule
from evaluator_component.slicing.names import OVERALL
from evaluator_component.stats.multiplicity import benjamini_hochberg, holm


@dataclass(frozen=True)
class Family:
    """The slices of one rule in one split, which are tested together.

    Attributes:
        path: The path of the rule's bound in the config.
        split: The split.
        size: How many slices there are that were not skipped.
        level: The chance of a false refusal that it is given.
        correction: How its p-values are corrected.
    """

    path: str
    split: str
    size: int
    level: float
    correction: str

    def to_dict(self) -> dict[str, Any]:
        """Returns what verdict.json says of it."""
        return asdict(self)


def find_regressions(
    judged: Sequence[tuple[Rule, Judgement]], frame: Frame, policy: Policy
) -> tuple[list[tuple[Rule, Judgement]], tuple[Family, ...]]:
    """Judges slices by whether they break their rule significantly; the overall slice stays as it is judged.

    The chance of a false refusal is shared evenly by the families, and kept within each.
    """
    if not policy.blocks:
        return list(judged), ()
    overall = frame.slices.index(OVERALL) if OVERALL in frame.slices else -1
    members: list[tuple[int, int, npt.NDArray[np.intp]]] = []
    for number, (_, judgement) in enumerate(judged):
        if judgement.certainty is None:
            continue
        tested = np.isin(judgement.cause, COMPARED) & (frame.slice[judgement.rows] != overall)
        own = frame.split[judgement.rows]
        members += [(number, int(code), np.flatnonzero(tested & (own == code))) for code in np.unique(own[tested])]
    result = [(rule, _opened(judgement)) for rule, judgement in judged]
    families = []
    for number, split, places in members:
        rule, judgement = result[number]
        level = policy.alpha / len(members)
        families.append(Family(rule.path, frame.splits[split], len(places), level, policy.correction))
        result[number] = rule, _test(judgement, places, level, policy)
    return result, tuple(families)


def _opened(judgement: Judgement) -> Judgement:
    """A copy whose arrays can be written to."""
    blank = np.full(len(judgement.rows), np.nan)
    return replace(
        judgement,
        outcome=judgement.outcome.copy(),
        cause=judgement.cause.copy(),
        p_value=judgement.p_value.copy(),
        detectable=judgement.detectable.copy(),
        more_examples=judgement.more_examples.copy(),
        adjusted_p_value=blank,
        family_size=np.zeros(len(judgement.rows), np.int64),
    )


def _test(judgement: Judgement, places: npt.NDArray[np.intp], level: float, policy: Policy) -> Judgement:
    found = judgement.certainty
    assert found is not None
    size = len(places)
    known, trusted = found.known[places], found.trusted_to_break(level / size)[places]
    p_value = np.where(known, found.broken[places], np.nan)
    correct = holm if policy.correction == "HOLM" else benjamini_hochberg
    adjusted = correct(np.where(known & trusted, p_value, 1.0))
    # What would be refused if its test could be trusted is in doubt; the rest of what cannot be tested shows nothing.
    at_face_value = correct(np.where(known, p_value, 1.0))
    doubtful = known & ~trusted & (at_face_value <= level)
    outcome = np.where(adjusted <= level, Outcome.FAIL.code, Outcome.PASS.code)
    theta = found.theta[places]
    cause = np.where((outcome == Outcome.PASS.code) & (theta < 0), Cause.NOT_SIGNIFICANT.code, Cause.JUDGED.code)
    outcome[~(known & trusted)] = Outcome.INCONCLUSIVE.code
    cause[~trusted] = Cause.NOT_NORMAL.code
    cause[~known] = Cause.NO_INTERVAL.code
    if policy.inconclusive == "POINT_ESTIMATE":
        by_point = np.where(theta >= 0, Outcome.PASS.code, Outcome.FAIL.code)
        outcome = np.where(known & trusted, outcome, by_point)
    judgement.outcome[places], judgement.cause[places] = outcome, cause
    judgement.p_value[places] = p_value
    told = np.where(doubtful, at_face_value, np.nan)
    judgement.adjusted_p_value[places] = np.where(known & trusted, adjusted, told)
    judgement.family_size[places] = size
    for column in (judgement.detectable, judgement.more_examples):
        column[places] = np.nan
    return judgement
