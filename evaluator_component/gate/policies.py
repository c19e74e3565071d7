"""The choices that turn rules into a verdict, and what they say about slices that are too small to judge."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ConfigError, nearest
from evaluator_component.gate.causes import Cause
from evaluator_component.gate.frame import Frame
from evaluator_component.proto import config_pb2
from evaluator_component.slicing.names import OVERALL


@dataclass(frozen=True)
class Policy:
    """The choices of a config's ``gate`` block with the defaults filled in, named as in the config.

    Attributes:
      no_baseline_in_words: Whether ``no_baseline`` was written in the config rather than taken from the default.
      inconclusive_in_words: The same for ``inconclusive``: where only significant regressions block, what cannot be
        tested and shows nothing blocks only if that is written.
      min_slice_size: From ``options``: values and sizes of smaller slices are shown nowhere; 0 for none.
    """

    inconclusive: str
    missing_slice: str
    no_baseline: str
    no_thresholds: str
    plain_threshold_scope: str
    min_examples: int | None
    min_weight: float | None
    max_skipped_fraction: float | None
    min_slice_size: int
    splits: tuple[str, ...]
    no_baseline_in_words: bool
    confidence: float | None = None
    multiplicity: str = "ALL_MUST_PASS"
    correction: str = "HOLM"
    inconclusive_in_words: bool = False

    @property
    def alpha(self) -> float:
        """The chance of an error that is allowed; NaN where values are compared as they are."""
        return math.nan if self.confidence is None else 1.0 - self.confidence

    @property
    def blocks(self) -> bool:
        """Whether only a significant regression on a slice blocks."""
        return self.multiplicity == "BLOCK_ON_SIGNIFICANT_REGRESSION"

    @property
    def untested(self) -> str:
        """What a check of a family does that cannot be tested and shows nothing: PASS unless it is in words."""
        return "PASS" if self.blocks and not self.inconclusive_in_words else self.inconclusive

    def to_dict(self) -> dict[str, Any]:
        """Returns what verdict.json says about the policy."""
        content = {**asdict(self), "splits": list(self.splits), "untested": self.untested}
        del content["no_baseline_in_words"], content["inconclusive_in_words"]  # how the config was written
        return content


def read_policy(config: config_pb2.EvalConfig) -> Policy:
    """Returns the policy of a config.

    Raises:
      ConfigError: a number is out of range.
    """
    gate = config.gate
    policy = Policy(
        inconclusive=_choice(gate, "inconclusive"),
        missing_slice=_choice(gate, "missing_slice"),
        no_baseline=_choice(gate, "no_baseline"),
        no_thresholds=_choice(gate, "no_thresholds"),
        plain_threshold_scope=_choice(gate, "plain_threshold_scope"),
        min_examples=gate.min_examples if gate.HasField("min_examples") else None,
        min_weight=gate.min_weight if gate.HasField("min_weight") else None,
        max_skipped_fraction=gate.max_skipped_fraction if gate.HasField("max_skipped_fraction") else None,
        min_slice_size=int(config.options.min_slice_size.value),
        splits=tuple(gate.splits),
        no_baseline_in_words=gate.no_baseline != 0,
        confidence=gate.confidence if gate.HasField("confidence") else None,
        multiplicity=_choice(gate, "multiplicity"),
        correction=_choice(gate, "correction"),
        inconclusive_in_words=gate.inconclusive != 0,
    )
    if policy.min_examples is not None and policy.min_examples < 0:
        raise ConfigError(f"gate.min_examples: must be 0 or more, is {policy.min_examples}")
    if policy.min_weight is not None and not policy.min_weight >= 0:
        raise ConfigError(f"gate.min_weight: must be 0 or more, is {policy.min_weight}")
    if policy.max_skipped_fraction is not None and not 0 <= policy.max_skipped_fraction <= 1:
        raise ConfigError(f"gate.max_skipped_fraction: must lie between 0 and 1, is {policy.max_skipped_fraction}")
    return policy


def too_small(frame: Frame, policy: Policy) -> npt.NDArray[np.int8]:
    """Returns for each row of the frame why its slice is too small to be judged, as codes of `Cause`; JUDGED if not."""
    causes = np.full(len(frame), Cause.JUDGED.code, np.int8)
    if policy.min_weight is not None:
        causes[frame.weighted_n < policy.min_weight] = Cause.TOO_LIGHT.code
    if policy.min_examples is not None:
        causes[(frame.n >= 0) & (frame.n < policy.min_examples)] = Cause.TOO_FEW.code
    if policy.min_slice_size:
        causes[frame.n < policy.min_slice_size] = Cause.PRIVATE.code  # the size of such a slice may be left out: -1
    return causes


def small_overall(
    frame: Frame, policy: Policy, judged_splits: npt.NDArray[np.bool_], judged: Collection[str]
) -> list[str]:
    """Returns one refusal for each judged split whose overall slice is too small to be judged.

    Only the judged metrics count, if there are any: a metric of queries has fewer queries than there are examples.
    """
    if OVERALL not in frame.slices:
        return []
    causes = too_small(frame, policy)
    rows = (frame.slice == frame.slices.index(OVERALL)) & (causes != Cause.JUDGED.code) & judged_splits[frame.split]
    if judged:
        rows &= np.isin(frame.metric, [i for i, name in enumerate(frame.words["metric"]) if name in judged])
    refusals = []
    for split in np.unique(frame.split[rows]):
        row = int(np.flatnonzero(rows & (frame.split == split))[0])
        n, cause = int(frame.n[row]), int(causes[row])
        if cause == Cause.PRIVATE.code:
            size = f"fewer than {policy.min_slice_size} examples (options.min_slice_size)"
        elif cause == Cause.TOO_FEW.code:
            size = f"{n:,} examples, gate.min_examples asks for {policy.min_examples:,}"
        else:
            size = f"a weight of {frame.weighted_n[row]:.6g}, gate.min_weight asks for {policy.min_weight:.6g}"
        refusals.append(f"the evaluation set is too small: split {frame.splits[split]} has {size}")
    return refusals


def _choice(gate: config_pb2.GateOptions, name: str) -> str:
    """Returns the value of an enum field without the field's name before it; the first value is the default."""
    enum: Any = gate.DESCRIPTOR.fields_by_name[name].enum_type
    value = enum.values_by_number[getattr(gate, name)].name if getattr(gate, name) else enum.values[1].name
    return str(value).removeprefix(f"{name.upper()}_")


def check_splits(asked: Sequence[str], splits: Sequence[str]) -> None:
    """Refuses a split to judge that is not among the evaluated ones.

    Raises:
      ConfigError: as said.
    """
    for i, name in enumerate(asked):
        if name not in splits:
            raise ConfigError(f"gate.splits[{i}]: no split {name!r} is evaluated; {nearest(name, splits)}")
