"""Where the values of a sliced feature come from, and which slices are made of them."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from evaluator_component.proto import config_pb2
from evaluator_component.slicing.names import Group, Value, format_value, is_interval, numeral, parse_value

OTHER: Final = Group("other")
"""The values that are neither among the most frequent nor match the pattern."""

MISSING: Final = Group("missing")
"""The examples that have no value."""

FEATURE: Final = config_pb2.SliceValues.SOURCE_FEATURE
LABEL: Final = config_pb2.SliceValues.SOURCE_LABEL
PREDICTION: Final = config_pb2.SliceValues.SOURCE_PREDICTION
OUTPUT: Final = config_pb2.SliceValues.SOURCE_OUTPUT

_SHOWN_NAMES = 20


@dataclass(frozen=True)
class Values:
    """One feature of a slicing spec: where its values come from and how they are grouped.

    Attributes:
        feature: Its name in slices.
        source: FEATURE, LABEL, PREDICTION or OUTPUT.
        output: Name of the output of labels and predictions, '' for the only one; with OUTPUT the model's own key.
        edges: Of buckets, rising.
        quantiles: Number of buckets whose edges are found in the data; 0 for none.
        top: Number of most frequent values that are slices of their own; 0 for all.
        pattern: Regular expression that names the slice; '' for none.
        prefix: Number of characters that name the slice; 0 for none.
        missing: Whether examples without a value are a slice.
        found_edges: Edges of the quantiles, as far as they are known.
        found_values: Most frequent values as slices write them, as far as they are known.
        path: Where the config says so.
    """

    feature: str
    source: int = FEATURE
    output: str = ""
    edges: tuple[float, ...] = ()
    quantiles: int = 0
    top: int = 0
    pattern: str = ""
    prefix: int = 0
    missing: bool = False
    found_edges: tuple[float, ...] = ()
    found_values: tuple[str, ...] = ()
    path: str = field(default="", compare=False)

    @property
    def is_bucketed(self) -> bool:
        """Whether the values are numbers that are put into buckets."""
        return bool(self.edges or self.quantiles)

    @property
    def is_exact(self) -> bool:
        """Whether each value is a slice of its own."""
        return not (self.is_bucketed or self.top or self.pattern or self.prefix)

    @property
    def is_open(self) -> bool:
        """Whether the data must be looked at before it is known what the slices are."""
        return bool((self.quantiles and not self.found_edges) or (self.top and not self.found_values))

    @property
    def bounds(self) -> tuple[float, ...]:
        """The edges of the buckets, given or found."""
        return self.edges or self.found_edges

    @cached_property
    def buckets(self) -> tuple[Group, ...]:
        """The buckets, one more than there are edges."""
        return bucket_names(self.bounds)

    @cached_property
    def _found(self) -> frozenset[Value]:
        return frozenset(map(parse_value, self.found_values))

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def slice_of(self, value: Value) -> Value:
        """The slice of one value, where values are not put into buckets."""
        if self.top:
            return value if self._is_found(value) else OTHER
        if self.pattern:
            found = self._expression.search(as_text(value))
            if found is None:
                return OTHER
            return _named(found[1] if found.re.groups and found[1] is not None else found[0])
        if self.prefix:
            text = as_text(value)
            return _named(text) if len(text) < self.prefix else Group(text[: self.prefix] + "*")
        return value

    def _is_found(self, value: Value) -> bool:
        return value in self._found or (value != value and "nan" in self.found_values)

    def makes(self, value: Value) -> bool:
        """Whether the value, or group of values, is one of the slices that this makes."""
        if value == MISSING:
            return self.missing
        if self.is_bucketed:
            return value in self.buckets
        if self.top:
            return value == OTHER or self._is_found(value)
        return isinstance(value, Group) != self.is_exact

    def can_be_named(self, text: str, numbers: bool) -> bool:
        """Whether the text can name one of the slices that this makes, by what is known before the data is read.

        What was found in data counts as unknown, so that a config with it is judged like the one without.

        Args:
            text: As ``feature_values`` has it.
            numbers: Whether the values are known to be numbers.
        """
        if text == MISSING.text and self.missing:
            return True
        if self.edges:
            return any(bucket.text == text for bucket in self.buckets)
        if self.quantiles:
            return is_interval(text)
        if self.pattern:
            return text != MISSING.text
        if self.prefix:
            return _is_prefix(text, self.prefix)
        return not numbers or numeral(text) is not None or bool(self.top and text == OTHER.text)

    @property
    def known_names(self) -> tuple[str, ...]:
        """What its slices are called, as far as that is known."""
        names = [bucket.text for bucket in self.buckets] if self.bounds else list(self.found_values)
        names += [OTHER.text] * bool(self.top or self.pattern)
        return (*names, *[MISSING.text] * self.missing)

    def slices_told(self) -> str:
        """What its slices are, for a message."""
        listed = ", ".join(self.known_names[:_SHOWN_NAMES]) + ", …" * (len(self.known_names) > _SHOWN_NAMES)
        if not self.is_open and (self.is_bucketed or self.top):
            return f"the slices {listed}"
        if self.is_open:
            what = f"{self.quantiles} quantiles" if self.quantiles else f"the {self.top} most frequent values"
            told = f"{what}, found when the evaluation runs,"
        elif self.pattern:
            told = f"what the pattern {self.pattern!r} matches"
        elif self.prefix:
            told = f"the first {self.prefix} characters, with a * behind them"
        else:
            told = "the values as they are"
        return " and ".join([told, *self.known_names]).rstrip(",")

    def not_numbers(self) -> str:
        """What to say where strings are to be put into buckets."""
        return f"{self.path}: {self.feature!r} holds strings, and buckets need numbers; use top, pattern or prefix"

    def described(self) -> str:
        """The feature, and in brackets what is not known of its slices before the data is looked at."""
        if not self.is_open:
            return self.feature
        what = f"{self.quantiles} quantiles" if self.quantiles else f"the {self.top} most frequent values"
        return f"{self.feature} ({what}, found when the evaluation runs)"


def read_values(message: Any, path: str) -> Values:
    """Reads a SliceValues message.

    Args:
        message: It, checked.
        path: Its config path.
    """
    return Values(
        message.feature,
        message.source,
        message.output,
        tuple(message.edges),
        message.quantiles,
        message.top,
        message.pattern,
        message.prefix,
        message.missing,
        tuple(message.found_edges),
        tuple(message.found_values),
        path,
    )


def bucket_names(edges: Sequence[float]) -> tuple[Group, ...]:
    """The names of the buckets between edges, one more than there are edges."""
    bounds = [-math.inf, *edges, math.inf]
    return tuple(
        Group(f"{'(' if low == -math.inf else '['}{_number(low)},{_number(high)})")
        for low, high in itertools.pairwise(bounds)
    )


def as_text(value: Value) -> str:
    """A value as its characters: a number in its shortest form."""
    return value if isinstance(value, str) else format_value(value)


def _is_prefix(text: str, size: int) -> bool:
    """Whether it can be what a prefix of that size makes of a value: a shorter value is left as it is."""
    if text in (OTHER.text, MISSING.text):
        return False
    whole = text[1:-1] if text in (f'"{OTHER.text}"', f'"{MISSING.text}"') else text
    return len(whole) < size or (len(text) == size + 1 and text[-1] == "*")


def _number(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return repr(value + 0.0).removesuffix(".0")


def _named(text: str) -> Group:
    """The slice that a text of the data names; it is put in quotes where it is a name of ours."""
    return Group(f'"{text}"' if text in (OTHER.text, MISSING.text) else text)
