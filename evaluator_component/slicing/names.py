"""The written form of a slice, such as ``payment_type=Cash, trip_start_hour=2``.

    slices  = slice | slice " − " slice             the difference of two slices
    slice   = "Overall" | pair *(", " pair)         features in order of their names, each once
    pair    = feature "=" value | feature "∈" group
    feature = bare | quoted
    value   = integer | float | bare | quoted
    group   = interval | bare | quoted

Integers are plain digits, floats are written so that they read back to the same number (always with ``.``, ``e``,
``inf`` or ``nan``), and a string is written bare unless it could be taken for something else: then it is a JSON
string. So a name says the type too: ``a=1`` is the integer, ``a=1.0`` the float, ``a="1"`` the string. Characters
that cannot be seen but change what can (control characters, those that turn the direction of text) are escaped.

A group of values is written after ``∈``: ``fare∈[10,20)``, ``company∈other``. An interval of numbers is bare for all
its comma; other texts of groups are quoted where a string would be, except that they are never taken for numbers.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True)
class Group:
    """Several values that are one slice, by the text that names them: ``[10,20)``, ``other``, ``missing``."""

    text: str


Value: TypeAlias = "str | int | float | Group"

OVERALL: Final = "Overall"
"""The slice of no feature, which holds every example."""

_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of the text around it
_HIDDEN: Final = f"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}"
_SYNTAX: Final = re.compile(f'[,=∈−"{_HIDDEN}]')
_PART: Final = r'("(?:[^"\\]|\\.)*"|[^,=∈−"]+)'
_NUMBER: Final = r"-?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?|∞)"
_INTERVAL: Final = re.compile(rf"[\[(]{_NUMBER},{_NUMBER}[\])]")
_PAIR: Final = re.compile(f"{_PART}(?:={_PART}|∈(?:({_INTERVAL.pattern})|{_PART}))(, |$)")
_NUMERAL: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|nan)", re.IGNORECASE)
_LESS: Final = " − "
_UNPRINTABLE: Final = re.compile(f"[{_HIDDEN}]")


def format_slice(pairs: Sequence[tuple[str, Value]]) -> str:
    """Returns the name of the slice with these features and values; "Overall" for none.

    Raises:
      ValueError: a feature occurs twice, or a text cannot be written (a lone high surrogate).
    """
    if not pairs:
        return OVERALL
    ordered = sorted(pairs, key=lambda pair: pair[0])
    for left, right in itertools.pairwise(ordered):
        if left[0] == right[0]:
            raise ValueError(f"the feature {left[0]!r} occurs twice in one slice")
    return ", ".join(
        f"{_format_feature(feature)}{'∈' if isinstance(value, Group) else '='}{format_value(value)}"
        for feature, value in ordered
    )


def parse_slice(name: str) -> tuple[tuple[str, Value], ...]:
    """Returns the features and values of a slice's name, sorted by feature; nothing for "Overall".

    Raises:
      ValueError: the text is not exactly what `format_slice` writes.
    """
    if name == OVERALL:
        return ()
    pairs: list[tuple[str, Value]] = []
    position, separator = 0, ", "
    while separator:
        match = _PAIR.match(name, position)
        if match is None:
            raise ValueError(f"{name!r} is not a slice's name: expected feature=value at position {position}")
        feature, value, interval, group, separator = match.groups()
        made = parse_value(value) if value is not None else Group(interval or _unquote(group))
        pairs.append((_unquote(feature), made))
        position = match.end()
    if position != len(name) or format_slice(pairs) != name:
        raise ValueError(f"{name!r} is not a slice's name as this package writes it; nearest: {format_slice(pairs)!r}")
    return tuple(pairs)


def format_pair(left: str, right: str) -> str:
    """Returns the name of the difference of two slices, from theirs."""
    return f"{left}{_LESS}{right}"


def is_pair(name: str) -> bool:
    """Tells the name of a difference of two slices from that of a slice."""
    return parse_pair(name) is not None


def parse_pair(name: str) -> tuple[str, str] | None:
    """Returns the names of the two slices that a name is the difference of; None for a single slice."""
    place = name.find(_LESS)
    while place >= 0:
        if name.count('"', 0, place) % 2 == name.count('\\"', 0, place) % 2:  # not inside of quotes
            return name[:place], name[place + len(_LESS) :]
        place = name.find(_LESS, place + 1)
    return None


def format_value(value: Value) -> str:
    """Returns the written form of one value; different values, and values of different types, have different forms.

    (A group's form can be that of a string: what stands before it in a slice's name tells the two apart.)
    """
    if isinstance(value, Group):
        bare = _INTERVAL.fullmatch(value.text) or not _is_syntax(value.text)
        return value.text if bare else _quote(value.text)
    if isinstance(value, str):
        return _quote(value) if _is_ambiguous(value) else value
    if isinstance(value, float):
        return repr(float(value))
    return str(int(value))


def parse_value(text: str) -> Value:
    """Returns the value that `format_value` wrote, if it is not a group.

    Raises:
      ValueError: a quoted text is not a JSON string.
    """
    if text[:1] == '"':
        decoded = json.loads(text)
        if not isinstance(decoded, str):
            raise ValueError(f"{text!r} is not a JSON string")
        return decoded
    if not _is_number(text):
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


def matches(value: Value, text: str) -> bool:
    """Tells whether the value is meant by the text of a slicing spec's ``feature_values``.

    A text that is a plain numeral (no leading zeros, no blanks) means the number, however it is stored: "2" means the
    integer 2, the float 2.0 and the string "2". "01234" means only the string. A float also matches the numeral that
    rounds to it in single precision, which is how features are stored in examples. A group is meant by its own text.
    """
    if isinstance(value, Group):
        return value.text == text
    if isinstance(value, str):
        return value == text
    number = numeral(text)
    if number is None:
        return False
    if isinstance(value, float):
        return value == number or (math.isnan(value) and math.isnan(number)) or value == single(number)
    return value == number


def mean_the_same(one: str, other: str) -> bool:
    """Tells whether two texts of ``feature_values`` mean a common value, as `matches` says."""
    numbers = numeral(one), numeral(other)
    if numbers[0] is None or numbers[1] is None:
        return one == other
    return matches(float(numbers[0]), other) or matches(float(numbers[1]), one)


def is_interval(text: str) -> bool:
    """Tells whether the text is an interval of numbers as groups are called: ``[10,20)``."""
    return _INTERVAL.fullmatch(text) is not None


def numeral(text: str) -> int | float | None:
    """Returns the number that a plain numeral means, else None."""
    if _NUMERAL.fullmatch(text) is None:
        return None
    try:
        return int(text)
    except ValueError:
        return float(text)


def single(number: float) -> float:
    """Returns the number as single precision holds it (NaN where it is out of range)."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return math.nan


def _format_feature(feature: str) -> str:
    return _quote(feature) if _is_syntax(feature) else feature


def _is_ambiguous(text: str) -> bool:
    return _is_syntax(text) or _is_number(text)


def _is_syntax(text: str) -> bool:
    """Whether the text, written bare, could be taken for more or less than itself."""
    return not text or text != text.strip() or _SYNTAX.search(text) is not None


def _is_number(text: str) -> bool:
    """Whether Python reads the text as a number, which covers every numeral that is written here and more."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unquote(text: str) -> str:
    """The text of a part of a name."""
    return str(json.loads(text)) if text[0] == '"' else text


def _quote(text: str) -> str:
    if re.search("[\ud800-\udbff]", text):
        raise ValueError(f"{text!r} holds half of a character (a lone high surrogate) and cannot be written")
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
