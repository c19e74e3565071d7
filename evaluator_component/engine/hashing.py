"""Hashes of names, the same on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def hash_names(names: pa.StringArray | pa.BinaryArray) -> npt.NDArray[np.uint64]:
    """FNV-like polynomial hash of each name, over all names at once."""
    names = pa.concat_arrays([names])  # drops an offset
    offsets = np.frombuffer(names.buffers()[1], np.int32, len(names) + 1).astype(np.int64)
    if len(names) == 0 or names.buffers()[2] is None:
        return np.zeros(len(names), np.uint64)
    text = np.frombuffer(names.buffers()[2], np.uint8)[: offsets[-1]].astype(np.uint64)
    place = (np.arange(len(text)) - np.repeat(offsets[:-1], np.diff(offsets))).astype(np.uint64)
    mixed = (text + np.uint64(1)) * (place * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x100000001B3))
    total = np.add.reduceat(np.append(mixed, np.uint64(0)), offsets[:-1])
    hashed: npt.NDArray[np.uint64] = (total ^ (total >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(32)
    return hashed
