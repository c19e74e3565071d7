"""Protocol-buffer bytes of many equal messages at once.

A plot has a thousand buckets and a run thousands of plots; building a message object for each takes longer than the
evaluation. Where every field is a double, a message has a fixed layout of tags and numbers, so that an array of
messages is a NumPy structured array. (https://protobuf.dev/programming-guides/encoding)
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

VARINT: Final = 0
FIXED64: Final = 1
LENGTH_DELIMITED: Final = 2
_VARINT_BYTES: Final = 10


def varint(value: int) -> bytes:
    """Returns an unsigned integer in groups of seven bits, least significant first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    """Returns the bytes that open a field."""
    return varint(number << 3 | wire_type)


def field(number: int, content: bytes) -> bytes:
    """Returns a field that holds a message, a string or bytes."""
    return tag(number, LENGTH_DELIMITED) + varint(len(content)) + content


@dataclasses.dataclass(frozen=True)
class NumbersMessage:
    """A repeated message all of whose fields are numbers.

    Attributes:
      number: the field number of the repeated message in its parent.
      doubles: (name, field number) of each double.
      wrapped: names of those that are google.protobuf.DoubleValue, which tells 0 from absent.
      integers: (name, field number) of each int32 or int64; written in ten bytes, whatever their size.
    """

    number: int
    doubles: tuple[tuple[str, int], ...]
    wrapped: frozenset[str] = frozenset()
    integers: tuple[tuple[str, int], ...] = ()

    @functools.cached_property
    def _template(self) -> npt.NDArray[Any]:
        prefixes = []
        for name, number in self.doubles:
            plain = tag(1 if name in self.wrapped else number, FIXED64)
            wrap = tag(number, LENGTH_DELIMITED) + varint(9) if name in self.wrapped else b""
            prefixes.append(wrap + plain)
        fields = [(name, prefix, "<f8") for (name, _), prefix in zip(self.doubles, prefixes, strict=True)]
        fields += [(name, tag(number, VARINT), f"V{_VARINT_BYTES}") for name, number in self.integers]
        size = sum(len(prefix) + np.dtype(kind).itemsize for _, prefix, kind in fields)
        opening = tag(self.number, LENGTH_DELIMITED) + varint(size)
        fields[0] = (fields[0][0], opening + fields[0][1], fields[0][2])
        layout: list[tuple[str, str]] = []
        for name, prefix, kind in fields:
            layout += [(f"tag_{name}", f"V{len(prefix)}"), (name, kind)]
        template = np.zeros(1, dtype=np.dtype(layout))
        for name, prefix, _ in fields:
            template[f"tag_{name}"] = np.void(prefix)
        return template

    def encode(self, values: Mapping[str, npt.NDArray[Any]]) -> bytes:
        """Returns the messages, one for each position of the equally long arrays."""
        count = len(values[self.doubles[0][0]])
        messages = np.repeat(self._template, count)
        for name, _ in self.doubles:
            messages[name] = values[name]
        for name, _ in self.integers:
            messages[name] = varints(values[name]).view(f"V{_VARINT_BYTES}")[:, 0]
        return messages.tobytes()


def varints(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Integers in groups of seven bits, ``[n, 10]``; small ones are filled up with groups of 0, as readers allow."""
    rest = values.astype(np.int64).view(np.uint64)
    groups = rest[:, None] >> np.arange(0, 7 * _VARINT_BYTES, 7, dtype=np.uint64)
    encoded = (groups & np.uint64(0x7F)).astype(np.uint8)
    encoded[:, :-1] |= 0x80
    return np.ascontiguousarray(encoded)


def doubles_after(
    prefixes: Sequence[bytes],
    codes: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    tails: npt.NDArray[np.uint8] | None = None,
    tailed: frozenset[int] = frozenset(),
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Writes ``prefixes[codes[i]]`` followed by the eight bytes of ``values[i]`` for every i, without a loop over i.

    Args:
      prefixes: what comes before a value.
      codes: ``[n]`` which of them.
      values: ``[n]``.
      tails: bytes ``[n, width]`` that come after the value.
      tailed: the codes where they do.

    Returns:
      The bytes, and the offset of each i in them, with the total length at the end.
    """
    more = [tails.shape[1] if tails is not None and code in tailed else 0 for code in range(len(prefixes))]
    sizes = np.array([len(prefix) + 8 + width for prefix, width in zip(prefixes, more, strict=True)], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes[codes])]).astype(np.int64)
    out = np.empty(int(offsets[-1]), dtype=np.uint8)
    by_code = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[by_code], np.arange(len(prefixes) + 1))
    for code, prefix in enumerate(prefixes):
        rows = by_code[starts[code] : starts[code + 1]]
        messages = np.empty((len(rows), sizes[code]), dtype=np.uint8)
        messages[:, : len(prefix)] = np.frombuffer(prefix, dtype=np.uint8)
        messages[:, len(prefix) : len(prefix) + 8] = values[rows].astype("<f8").view(np.uint8).reshape(-1, 8)
        if tails is not None and more[code]:
            messages[:, len(prefix) + 8 :] = tails[rows]
        out[offsets[rows][:, None] + np.arange(messages.shape[1])] = messages
    return out, offsets
