"""Encoded images → the classes of their pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from evaluator_component.errors import ConfigError, DataError


def decode_images(lists: pa.ListArray, where: Callable[[int], str]) -> pa.ListArray:
    """The pixels of one image per example, row by row; of an image with a palette its indices.

    Args:
        lists: Lists of bytes with one encoded image (PNG and others), or none; lists of numbers are left as they are.
        where: Names a row in an error.

    Raises:
        DataError: It is no image, or one of several channels.
        ConfigError: Pillow is not installed.
    """
    if not pa.types.is_binary(lists.type.value_type):
        return lists
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigError(
            "decoding images needs the package Pillow, which is not installed; pip install "
            "'evaluator-component[images]'"
        ) from error
    pixels = [_pixels(Image, values, where, row) for row, values in enumerate(lists.to_pylist())]
    ends = np.cumsum([0, *(len(own) for own in pixels)])
    flat = np.concatenate([np.zeros(0, np.int64), *pixels])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(flat))


def _pixels(library: Any, values: list[bytes] | None, where: Callable[[int], str], row: int) -> Any:
    if not values:
        return np.zeros(0, np.int64)
    if len(values) > 1:
        raise DataError(f"{where(row)} has {len(values)} values; expected one encoded image")
    try:
        with library.open(io.BytesIO(values[0])) as image:
            array = np.asarray(image)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{where(row)} is no image ({error}); expected for example a PNG with a class per pixel"
        ) from error
    if array.ndim != 2:
        raise DataError(
            f"{where(row)} is an image of {array.shape[2]} channels; expected one channel that holds a class per pixel"
        )
    return array.astype(np.int64).ravel()
