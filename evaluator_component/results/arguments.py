"""Arguments of Python calls: refused with what was expected and what came."""

from __future__ import annotations

import numbers

import numpy as np


def whole_number(name: str, value: object, least: int) -> int:
    """Returns an argument that has to be a whole number.

    Raises:
      TypeError: it is none.
      ValueError: it is less than the least.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected a whole number of at least {least}, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected a whole number of at least {least}, got {value!r}")
    return int(value)


def real_number(name: str, value: object) -> float:
    """Returns an argument that has to be a number.

    Raises:
      TypeError: it is none.
      ValueError: it is NaN or infinite.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not np.isfinite(float(value)):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return float(value)
