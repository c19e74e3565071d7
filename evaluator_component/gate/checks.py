"""All checks of a verdict: an Arrow table that is also a sequence of `Check`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.gate.causes import Cause, Outcome
from evaluator_component.gate.sentences import Facts, Wording, write_sentences
from evaluator_component.results.tables import NAME, codes_and_words, equal
from evaluator_component.slicing.names import OVERALL

CHECKS_SCHEMA = pa.schema(
    [
        ("split", NAME),
        ("slice", NAME),
        ("n", pa.int64()),
        ("effective_n", pa.float64()),
        ("metric", NAME),
        ("model", NAME),
        ("output", NAME),
        ("sub_key", NAME),
        ("weighted", pa.bool_()),
        ("rule", NAME),
        ("path", NAME),
        ("bound", pa.float64()),
        ("observed", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("baseline", pa.float64()),
        ("change", pa.float64()),
        ("p_value", pa.float64()),
        ("adjusted_p_value", pa.float64()),
        ("family_size", pa.int64()),
        ("method", NAME),
        ("detectable", pa.float64()),
        ("more_examples", pa.int64()),
        ("outcome", NAME),
        ("cause", NAME),
        ("note", NAME),
        ("sentence", pa.string()),
    ]
)
"""One row per check. ``note`` is what a sentence is made from; a verdict that was read back has ``sentence``."""

_CHUNK = 65_536
_encode = json.encoder.encode_basestring
_INTERNAL = ("note",)
_WORST_FIRST = [o.value for o in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.PASS)]


@dataclass(frozen=True)
class Check:
    """One rule on one value.

    Attributes:
      split: The evaluated split.
      slice: The slice, or the slicing spec that matches none.
      n: Examples in the slice; None if unknown or not to be shown.
      effective_n: To how many examples of equal weight they amount; None without weights or standard errors.
      metric: The metric's name in the results.
      model: The candidate's name.
      output: The model's output; "" if it has only one.
      sub_key: The class or the like; "" for the undivided value.
      weighted: Whether examples count by their weight.
      rule: What is demanded, a value of `Kind`.
      path: The path of the bound in the config.
      bound: The bound, in the unit of ``observed``; None if the rule has none.
      observed: The value, or the change for a rule about changes; None if undefined.
      lower: Lower end of the range in which ``observed`` lies: its one-sided limit where the gate has a confidence,
        else what coarsened scores leave; None if it is known as it is.
      upper: Upper end of it.
      baseline: The baseline's value.
      change: Candidate minus baseline.
      p_value: The chance of so good a result if the bound is just not kept; in a family of slices that of so bad a one
        if it is just kept. None without a confidence.
      adjusted_p_value: The latter, corrected for the size of the family.
      family_size: How many slices were tested together; None where they were not.
      method: How the limits were made.
      detectable: Of an inconclusive check, the smallest distance from the bound that so many examples can tell.
      more_examples: Of an inconclusive check, how many more examples would decide, if the estimate stayed as it is.
      outcome: How it ended.
      cause: Why.
      sentence: The same in plain words.
    """

    split: str
    slice: str
    n: int | None
    effective_n: float | None
    metric: str
    model: str
    output: str
    sub_key: str
    weighted: bool
    rule: str
    path: str
    bound: float | None
    observed: float | None
    lower: float | None
    upper: float | None
    baseline: float | None
    change: float | None
    p_value: float | None
    adjusted_p_value: float | None
    family_size: int | None
    method: str | None
    detectable: float | None
    more_examples: int | None
    outcome: Outcome
    cause: Cause
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Returns the check as verdict.json has it: without what is None, infinities as text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values.update(outcome=self.outcome.value, cause=self.cause.value)
        return {name: _json_number(value) for name, value in values.items() if value is not None}


class Checks(Sequence[Check]):
    """The checks of a verdict, in the order of the rules in the config.

    Attributes:
      table: The checks as an Arrow table of CHECKS_SCHEMA.
    """

    def __init__(self, table: pa.Table, wording: Wording | None = None) -> None:
        self.table = table
        self._wording = wording or Wording()

    @classmethod
    def from_dicts(cls, entries: Iterable[Mapping[str, Any]]) -> Checks:
        """Returns the checks that `Check.to_dict` wrote."""
        columns: dict[str, list[Any]] = {field.name: [] for field in CHECKS_SCHEMA}
        for entry in entries:
            for field in CHECKS_SCHEMA:
                value = entry.get(field.name)
                columns[field.name].append(float(value) if value is not None and field.type == pa.float64() else value)
        arrays = [
            pa.array(columns[field.name], pa.string()).dictionary_encode().cast(NAME)
            if field.type == NAME
            else pa.array(columns[field.name], field.type)
            for field in CHECKS_SCHEMA
        ]
        return cls(pa.Table.from_arrays(arrays, schema=CHECKS_SCHEMA))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, index: int) -> Check: ...

    @overload
    def __getitem__(self, index: slice) -> Checks: ...

    def __getitem__(self, index: int | slice) -> Check | Checks:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f"check {index} of {len(self)}")
        return next(iter(self.take(np.asarray([index % len(self)]))))

    def __iter__(self) -> Iterator[Check]:
        names = [field.name for field in fields(Check)]
        for columns in self._columns():
            columns["outcome"] = [Outcome(value) for value in columns["outcome"]]
            columns["cause"] = [Cause(value) for value in columns["cause"]]
            for row in zip(*(columns[name] for name in names), strict=True):
                yield Check(*row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Checks) and len(self) == len(other) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(len(self))

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return f"Checks({counts})"

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in which outcome."""
        codes, words = codes_and_words(self.table.column("outcome"))
        found = dict(zip(words.to_pylist(), np.bincount(codes, minlength=len(words)).tolist(), strict=True))
        return {outcome.value: found.get(outcome.value, 0) for outcome in Outcome}

    def take(self, indices: npt.NDArray[np.int64]) -> Checks:
        """Returns the checks at these places, in this order."""
        return Checks(self.table.take(pa.array(indices, pa.int64())), self._wording)

    def worst_first(self, count: int | None = None, outcomes: Sequence[str] = _WORST_FIRST) -> Checks:
        """Returns the first checks in the order failed, inconclusive, skipped, passed.

        Of one outcome the overall slice comes before the others, what is missing before what is beyond its bound, and
        this before what keeps it, the closest first. How far a value is beyond its bound, as a share of the larger of
        the two, counts as often as its slice has examples.

        Args:
          count: How many at most; all by default.
          outcomes: Only checks that ended so.
        """
        if not len(self):
            return self
        codes, words = codes_and_words(self.table.column("outcome"))
        ranks = np.asarray([_WORST_FIRST.index(word) for word in words.to_pylist()], np.int64)[codes]
        overall, missing, no_value = (
            np.asarray(equal(self.table.column(name), word).to_numpy(), bool)
            for name, word in (
                ("slice", OVERALL),
                ("cause", Cause.MISSING_SLICE.value),
                ("cause", Cause.NO_VALUE.value),
            )
        )
        n, bound, observed, baseline = (
            np.asarray(self.table.column(name).to_numpy(), np.float64)
            for name in ("n", "bound", "observed", "baseline")
        )
        with np.errstate(all="ignore"):
            scale = np.fmax(np.fmax(np.abs(bound), np.abs(observed)), np.abs(baseline))
            beyond = np.nan_to_num(-self.margins / scale, nan=1.0, posinf=1.0, neginf=-1.0)
        severity = np.where(beyond > 0, beyond * np.nan_to_num(n), beyond)
        order = np.lexsort([-severity, ~(missing | no_value), ~overall, ranks])
        wanted = [_WORST_FIRST.index(outcome) for outcome in outcomes]
        return self.take(order[np.isin(ranks[order], wanted)][:count])

    @property
    def margins(self) -> npt.NDArray[np.float64]:
        """How far what was observed is on the good side of its bound, NaN where nothing was: float64 ``[checks]``."""
        observed, bound = (np.asarray(self.table.column(name).to_numpy(), np.float64) for name in ("observed", "bound"))
        codes, words = codes_and_words(self.table.column("rule"))
        upper = np.asarray([word.endswith(("upper_bound", "at_most")) for word in words.to_pylist()], dtype=bool)
        with np.errstate(invalid="ignore"):
            return np.where(upper[codes], bound - observed, observed - bound) if len(self) else observed

    def closest(self, count: int) -> list[Checks]:
        """Returns for each bound of the config the checks closest to it or furthest beyond, worst first."""
        codes, words = codes_and_words(self.table.column("path"))
        margins = self.margins
        order = np.argsort(margins, kind="stable")
        order = order[~np.isnan(margins[order])]
        found = [order[codes[order] == code][:count] for code in range(len(words))]
        return [self.take(places) for places in found if len(places)]

    def sentences(self) -> list[str]:
        """Returns the sentence of each check."""
        return [sentence for columns in self._columns() for sentence in columns["sentence"]]

    def json_objects(self) -> Iterator[str]:
        """Yields each check as a JSON object, as `Check.to_dict` says, but much faster than through `Check`."""
        for columns in self._columns():
            parts = [
                _fragments(field.name, columns[field.name], field.type)
                for field in CHECKS_SCHEMA
                if field.name not in _INTERNAL
            ]
            for row in zip(*parts, strict=True):
                yield "{" + ", ".join(filter(None, row)) + "}"

    def _columns(self) -> Iterator[dict[str, list[Any]]]:
        """Yields the checks chunk by chunk as lists of plain values, with their sentences and None for NaN."""
        for start in range(0, len(self), _CHUNK):
            part = self.table.slice(start, _CHUNK)
            columns = {field.name: _plain(part.column(field.name), field.type) for field in CHECKS_SCHEMA}
            if part.column("sentence").null_count:
                facts = {name: columns[name] for name in Facts._fields}
                columns["sentence"] = write_sentences(facts, self._wording)
            yield columns


def _plain(column: pa.ChunkedArray, kind: pa.DataType) -> list[Any]:
    if kind == NAME:
        codes, words = codes_and_words(column)
        names = [*words.to_pylist(), None]  # a null has the code -1
        return [names[code] for code in codes.tolist()]
    if kind == pa.string():
        return list(column.to_pylist())
    array = np.asarray(pc.fill_null(column, pa.scalar(0).cast(kind)).to_numpy())
    values = array.astype(object)
    values[np.asarray(column.is_null().to_numpy(), dtype=bool)] = None
    return list(values)


def _fragments(name: str, values: list[Any], kind: pa.DataType) -> list[str]:
    """Returns a column as members of JSON objects; "" for None, which is left out."""
    if kind == pa.string():
        return [f'"{name}": {_encode(value)}' for value in values]
    if kind == pa.float64():
        return ["" if value is None else f'"{name}": {_encode_float(value)}' for value in values]
    if kind == pa.int64():
        return ["" if value is None else f'"{name}": {value}' for value in values]
    known = {
        value: "" if value is None else f'"{name}": {json.dumps(value, ensure_ascii=False)}' for value in set(values)
    }
    return [known[value] for value in values]


def _encode_float(value: float) -> str:
    return repr(value) if math.isfinite(value) else json.dumps(_json_number(value))


def _json_number(value: Any) -> Any:
    """JSON has no infinity; it is written as text, as protobuf's JSON does."""
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
