"""The verdict: blessed or not, why, and every check that led to it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from evaluator_component.gate.baseline import BaselineState, BaselineStatus
from evaluator_component.gate.causes import Outcome
from evaluator_component.gate.checks import Check, Checks
from evaluator_component.gate.families import Family

SCHEMA_VERSION = 1
"""The version of verdict.json; docs/verdict.schema.json describes it."""

_SHOWN = 20
_CLOSEST = 5
_MANY = 100
MORE_FAILED = "and {:,} more checks failed"
"""The last of the reasons, where too many checks failed to name each."""

_MORE_FAILED = re.compile(r"and ([0-9,]+) more checks failed")


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate may be deployed.

    Attributes:
      blessed: No check failed and no policy refused.
      rubber_stamp: Rules about changes were waved through, because there is no baseline.
      reasons: Why it is not blessed, the most severe first; empty if it is.
      notices: What a reader should know besides.
      checks: Every check, passed ones too; a sequence of `Check` with an Arrow table inside.
      policy: The choices of the config's gate block, defaults filled in.
      baseline: What it was compared with.
      families: The slices that were tested together, where only significant regressions block.
    """

    blessed: bool
    rubber_stamp: bool
    reasons: tuple[str, ...]
    notices: tuple[str, ...]
    checks: Checks
    policy: Mapping[str, Any]
    baseline: BaselineState
    families: tuple[Family, ...] = ()

    @property
    def outcome(self) -> str:
        """``BLESSED`` or ``NOT_BLESSED``."""
        return "BLESSED" if self.blessed else "NOT_BLESSED"

    @property
    def reason_count(self) -> int:
        """How many reasons there are, those included that ``reasons`` only counts in its last line."""
        last = _MORE_FAILED.fullmatch(self.reasons[-1]) if len(self.reasons) > _MANY else None
        return len(self.reasons) - 1 + int(last[1].replace(",", "")) if last else len(self.reasons)

    @property
    def summary(self) -> str:
        """One sentence, for the blessing's message."""
        if not self.blessed:
            more = len(self.reasons) - 1
            many = f"over {_MANY - 1}" if more >= _MANY else f"{more}"
            others = f" (and {many} more reason{'' if more == 1 else 's'})" if more else ""
            return f"{self.outcome}: {self.reasons[0]}{others}"
        counts = self.checks.counts
        parts = [f"{counts['PASS']:,} check{'' if counts['PASS'] == 1 else 's'} passed"]
        parts += [f"{counts[name]:,} {name.lower()}" for name in ("SKIPPED", "INCONCLUSIVE") if counts[name]]
        stamp = " by rubber stamp (changes were not judged, there is no baseline)" if self.rubber_stamp else ""
        return f"{self.outcome}{stamp}: {', '.join(parts)}"

    def refuses(self, check: Check) -> bool:
        """Whether one of its checks is a reason against the candidate."""
        shows_nothing = check.family_size is not None and check.adjusted_p_value is None
        undecided = self.policy.get("untested" if shows_nothing else "inconclusive", "FAIL")
        return check.outcome is Outcome.FAIL or (check.outcome is Outcome.INCONCLUSIVE and undecided != "PASS")

    def explain(self) -> str:
        """Returns the verdict as lines of text, the worst first, and what came closest to each bound."""
        counts = self.checks.counts
        lines = [self.outcome + (" (rubber stamp)" if self.rubber_stamp else "")]
        lines += [f"  - {reason}" for reason in self.reasons]
        lines += [f"  note: {notice}" for notice in self.notices]
        lines.append("checks: " + ", ".join(f"{count:,} {name.lower()}" for name, count in counts.items()))
        for family in self.families:
            lines.append(
                f"  {family.path}: {family.size:,} slices of split {family.split} are tested together at a level of "
                f"{family.level:.3g} ({family.correction})"
            )
        shown = self.checks.worst_first(_SHOWN)
        lines += [f"  {check.outcome.value:<12} {check.sentence}" for check in shown]
        if len(self.checks) > len(shown):
            lines.append(f"  … and {len(self.checks) - len(shown):,} more")
            for closest in self.checks.closest(_CLOSEST):
                path = closest[0].path
                lines.append(f"closest to {path}:")
                lines += [
                    f"  {_margin(margin):<20} {check.sentence}"
                    for margin, check in zip(closest.margins.tolist(), closest, strict=True)
                ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Returns what verdict.json holds."""
        return {**self._head(), "checks": [check.to_dict() for check in self.checks]}

    def to_json(self) -> str:
        """Returns verdict.json; for many checks `write_json` needs less memory."""
        stream = io.StringIO()
        self.write_json(stream)
        return stream.getvalue()

    def write_json(self, stream: TextIO) -> None:
        """Writes verdict.json: the same content as `to_dict`, one check per line."""
        head = json.dumps(self._head(), indent=2, ensure_ascii=False)
        stream.write(f'{head[:-2]},\n  "checks": [')
        separator = "\n"
        for check in self.checks.json_objects():
            stream.write(f"{separator}    {check}")
            separator = ",\n"
        stream.write("\n  ]\n}\n" if len(self.checks) else "]\n}\n")

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Verdict:
        """Returns the verdict that `to_dict` or `write_json` wrote.

        Raises:
          ValueError: it is of a version that this code does not know.
        """
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ValueError(f"verdict.json has schema_version {version!r}; this version reads {SCHEMA_VERSION}")
        baseline = content["baseline"]
        state = BaselineState(
            BaselineStatus(baseline["status"]), baseline["uri"], baseline["model_id"], baseline["detail"]
        )
        return cls(
            blessed=content["blessed"],
            rubber_stamp=content["rubber_stamp"],
            reasons=tuple(content["reasons"]),
            notices=tuple(content["notices"]),
            checks=Checks.from_dicts(content["checks"]),
            policy=content["policy"],
            baseline=state,
            families=tuple(Family(**entry) for entry in content.get("families", ())),
        )

    def _head(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "outcome": self.outcome,
            "blessed": self.blessed,
            "rubber_stamp": self.rubber_stamp,
            "summary": self.summary,
            "reasons": list(self.reasons),
            "notices": list(self.notices),
            "baseline": {
                "status": self.baseline.status.value,
                "uri": self.baseline.uri,
                "model_id": self.baseline.model_id,
                "detail": self.baseline.detail,
            },
            "policy": dict(self.policy),
            "families": [family.to_dict() for family in self.families],
            "counts": self.checks.counts,
        }


def _margin(margin: float) -> str:
    """How far a check is from its bound, in words."""
    return f"{margin:.3g} to spare" if margin >= 0 else f"short by {-margin:.3g}"
