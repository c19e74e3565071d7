"""Collects the checks of all rules and turns them into one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.gate.causes import CAUSES, OUTCOMES, Cause, Outcome
from evaluator_component.gate.certainty import HALL
from evaluator_component.gate.checks import CHECKS_SCHEMA, Checks
from evaluator_component.gate.frame import Codes, Frame
from evaluator_component.gate.judge import Judgement
from evaluator_component.gate.policies import Policy
from evaluator_component.gate.rules import Kind, Rule
from evaluator_component.gate.sentences import Wording
from evaluator_component.results.tables import NAME, OF_MEAN

_INFINITE_BASELINE = "a relative change needs a finite baseline"
_NUMBERS = (
    "effective_n",
    "baseline",
    "change",
    "observed",
    "lower",
    "upper",
    "p_value",
    "adjusted_p_value",
    "detectable",
)
_SUSPICIOUS = "a suspicious improvement"


class Ledger:
    """The checks so far: blocks of columns, with names as codes into growing lists of words."""

    def __init__(self, frame: Frame, policy: Policy) -> None:
        self._frame = frame
        self._policy = policy
        self._blocks: list[dict[str, npt.NDArray[Any]]] = []
        self._words: dict[str, dict[str, int]] = {}
        for name in ("split", "slice", "metric", "output", "sub_key"):
            self._words[name] = {word: code for code, word in enumerate(frame.words[name])}
        for name in ("model", "rule", "path", "note", "method"):
            self._words[name] = {}
        self._words["outcome"] = {outcome.value: code for code, outcome in enumerate(OUTCOMES)}
        self._words["cause"] = {cause.value: code for code, cause in enumerate(CAUSES)}

    def add(self, rule: Rule, judgement: Judgement) -> None:
        """Adds what a rule said about rows of the frame."""
        frame, rows = self._frame, judgement.rows
        block: dict[str, npt.NDArray[Any]] = {
            name: getattr(frame, name)[rows] for name in ("split", "slice", "metric", "output", "sub_key", "weighted")
        }
        block.update(
            n=frame.n[rows],
            effective_n=np.where(frame.weighted[rows], frame.effective_n[rows], np.nan),
            baseline=frame.baseline_value[rows],
            change=frame.change[rows],
            bound=judgement.bound,
            observed=judgement.observed,
            lower=judgement.lower,
            upper=judgement.upper,
            p_value=judgement.p_value,
            adjusted_p_value=judgement.adjusted_p_value,
            family_size=np.where(judgement.family_size > 0, judgement.family_size, -1),
            method=self._methods(rule, judgement),
            detectable=judgement.detectable,
            more_examples=np.nan_to_num(judgement.more_examples, nan=-1.0).clip(max=2.0**62).astype(np.int64),
            outcome=judgement.outcome,
            cause=judgement.cause,
            note=self._notes(rule, judgement),
        )
        private = judgement.cause == Cause.PRIVATE.code
        if private.any():
            block["n"] = np.where(private, -1, block["n"])
            for name in _NUMBERS:
                block[name] = np.where(private, np.nan, block[name])
            for name in ("method", "more_examples", "family_size"):
                block[name] = np.where(private, -1, block[name])
            if rule.kind.is_relative:  # it would give the baseline's value away
                block["bound"] = np.where(private, np.nan, block["bound"])
        self._append(rule.path, rule.kind.value, block)

    def add_absent(self, rule: Rule, split: int, places: Sequence[tuple[int, int]]) -> None:
        """Adds a failure for each (slice, output) on which the rule's metric has no value."""
        slices, outputs = np.asarray(places, np.int64).reshape(-1, 2).T
        size = self._frame.size_of_slice[split][slices]
        cause = np.full(len(slices), Cause.NO_VALUE.code, np.int8)
        outcome = np.full(len(slices), Outcome.FAIL.code, np.int8)
        small = (size >= 0) & (size < (self._policy.min_examples or 0))
        cause[small], outcome[small] = Cause.TOO_FEW.code, Outcome.SKIPPED.code
        if self._policy.min_slice_size:
            private = size < self._policy.min_slice_size  # the size of such a slice may be left out: -1
            outcome[private], cause[private] = Outcome.SKIPPED.code, Cause.PRIVATE.code
            size = np.where(private, -1, size)
        note = np.asarray([self._size_note(CAUSES[code]) for code in cause.tolist()], np.int64)
        block = self._blank(rule, len(slices))
        block.update(
            split=np.full(len(slices), split, np.int64),
            slice=slices,
            output=outputs,
            n=size,
            outcome=outcome,
            cause=cause,
            note=note,
            bound=np.full(len(slices), np.nan if rule.kind.is_relative else rule.bound),
        )
        self._append(rule.path, rule.kind.value, block)

    def add_missing(self, rule: Rule, split: int, spec: str, there_is: str) -> None:
        """Adds one check for a slicing spec that matches no slice of a split."""
        failed = self._policy.missing_slice == "FAIL"
        block = self._blank(rule, 1)
        block.update(
            split=np.asarray([split]),
            slice=np.asarray([self._code("slice", spec)]),
            output=np.asarray([self._code("output", rule.target.outputs[0] if len(rule.target.outputs) == 1 else "")]),
            n=np.asarray([-1]),
            outcome=np.asarray([(Outcome.FAIL if failed else Outcome.SKIPPED).code], np.int8),
            cause=np.asarray([Cause.MISSING_SLICE.code], np.int8),
            note=np.asarray([self._code("note", there_is)]),
            bound=np.asarray([np.nan]),
        )
        self._append(rule.threshold, rule.kind.value, block)

    def checks(self, name_split: bool) -> Checks:
        """Returns all checks, in the order in which they were added."""
        blocks = self._blocks or [
            {**self._blank(None, 0), "rule": np.zeros(0, np.int64), "path": np.zeros(0, np.int64)}
        ]
        columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        arrays = [self._array(field, columns.get(field.name), len(columns["n"])) for field in CHECKS_SCHEMA]
        metric, weighted = columns["metric"], columns["weighted"]
        names = self._frame.words["metric"]
        both = set(np.unique(metric[weighted]).tolist()) & set(np.unique(metric[~weighted]).tolist())
        wording = Wording(name_split, frozenset(names[code] for code in both))
        return Checks(pa.Table.from_arrays(arrays, schema=CHECKS_SCHEMA), wording)

    def _append(self, path: str, rule: str, block: dict[str, npt.NDArray[Any]]) -> None:
        count = len(block["n"])
        block["path"] = np.full(count, self._code("path", path), np.int64)
        block["rule"] = np.full(count, self._code("rule", rule), np.int64)
        self._blocks.append(block)

    def _blank(self, rule: Rule | None, count: int) -> dict[str, npt.NDArray[Any]]:
        codes = ("split", "slice", "metric", "output", "sub_key", "note")
        block: dict[str, npt.NDArray[Any]] = {name: np.zeros(count, np.int64) for name in codes}
        block["weighted"] = np.full(count, bool(rule and True in (rule.target.weighting or ())))
        block["n"] = np.full(count, -1, np.int64)
        for name in ("outcome", "cause"):
            block[name] = np.zeros(count, np.int8)
        for name in ("bound", *_NUMBERS):
            block[name] = np.full(count, np.nan)
        for name in ("method", "more_examples", "family_size"):
            block[name] = np.full(count, -1, np.int64)
        if rule is not None:
            block["metric"][:] = self._code("metric", rule.target.metric)
            block["sub_key"][:] = self._code("sub_key", "")
        return block

    def _code(self, column: str, word: str) -> int:
        return self._words[column].setdefault(word, len(self._words[column]))

    def _array(self, field: pa.Field, column: npt.NDArray[Any] | None, count: int) -> pa.Array:
        if field.name == "model":
            word = pa.array([self._frame.model], pa.string())
            return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), word)
        if column is None:
            return pa.nulls(count, field.type)
        if field.type == NAME:
            words = pa.array(list(self._words[field.name]), pa.string())
            return pa.DictionaryArray.from_arrays(pa.array(column.astype(np.int32), mask=column < 0), words)
        if field.type == pa.int64():
            return pa.array(column, pa.int64(), mask=column < 0)
        return pa.array(column, field.type, from_pandas=True)  # NaN becomes null

    def _methods(self, rule: Rule, judgement: Judgement) -> npt.NDArray[np.int64]:
        words = self._frame.words["change_interval_method" if rule.kind.is_change else "interval_method"]
        by_hall = not rule.kind.is_relative
        names = [HALL if by_hall and word.endswith(OF_MEAN) else word for word in words]
        codes = np.asarray([self._code("method", name) for name in names] + [-1], np.int64)
        return codes[judgement.method]

    def _notes(self, rule: Rule, judgement: Judgement) -> npt.NDArray[np.int64]:
        """Returns for each row what its sentence has to explain besides the numbers, as codes; -1 for nothing."""
        notes = np.full(len(judgement.rows), self._code("note", _SUSPICIOUS) if rule.opposed else -1, np.int64)
        for cause in (Cause.TOO_FEW, Cause.TOO_LIGHT, Cause.PRIVATE):
            here = judgement.cause == cause.code
            if here.any():
                notes[here] = self._size_note(cause)
        undefined = judgement.cause == Cause.UNDEFINED.code
        if undefined.any():
            notes[undefined] = self._reasons(rule, judgement.rows[undefined])
        return notes

    def _size_note(self, cause: Cause) -> int:
        policy = self._policy
        text = {
            Cause.TOO_FEW: f"it has fewer examples than gate.min_examples = {policy.min_examples}",
            Cause.TOO_LIGHT: f"its weight is less than gate.min_weight = {policy.min_weight}",
            Cause.PRIVATE: f"it has fewer than {policy.min_slice_size} examples (options.min_slice_size)",
        }.get(cause)
        return -1 if text is None else self._code("note", text)

    def _reasons(self, rule: Rule, rows: Codes) -> npt.NDArray[np.int64]:
        frame, words = self._frame, self._frame.words["reason"]
        pairs, inverse = np.unique(
            np.stack([frame.reason[rows], frame.baseline_reason[rows], np.isinf(frame.baseline_value[rows])]),
            axis=1,
            return_inverse=True,
        )
        codes = []
        for own, other, infinite in pairs.T.tolist():
            mine = words[own] if own >= 0 else ""
            theirs = words[other] if other >= 0 else ""
            if not rule.kind.is_change:
                text = mine or "no reason is on record"
            elif mine or theirs:
                parts = [f"{who}: {why}" for who, why in (("candidate", mine), ("baseline", theirs)) if why]
                text = "; ".join(parts)
            elif rule.kind is not Kind.CHANGE_DEFINED and infinite:
                text = _INFINITE_BASELINE
            else:
                text = "one of the two values is not there or not finite"
            codes.append(self._code("note", text))
        return np.asarray(codes, np.int64)[inverse.reshape(-1)]
