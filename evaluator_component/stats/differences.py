"""Differences of two independent estimates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def difference_limits(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Returns the limits of a difference of two independent estimates from their own.

    Of shares with Wilson's limits it is the hybrid score interval of Newcombe (1998), which holds also where a share is
    0 or 1; of other estimates the method of variance estimates recovery. (Zou & Donner 2008)

    Args:
      one: Value, lower and upper limit.
      other: Those of what is subtracted.
    """
    (v1, l1, u1), (v2, l2, u2) = one, other
    difference = v1 - v2
    return float(difference - np.hypot(v1 - l1, u2 - v2)), float(difference + np.hypot(u1 - v1, v2 - l2))
