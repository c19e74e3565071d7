"""Rates of slices compared with each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evaluator_component.metrics.metric import Across
from evaluator_component.metrics.view import Float64
from evaluator_component.slicing.names import parse_slice


def compared_slices(across: Across, names: Sequence[str], examples: Float64, least: int) -> list[int]:
    """The slices that a metric compares: of its features, with at least so many examples."""
    wanted = sorted(across.features)
    return [
        i
        for i, name in enumerate(names)
        if examples[i] >= least and sorted(feature for feature, _ in parse_slice(name)) == wanted
    ]


def compare_slices(
    rates: Sequence[Float64], members: Sequence[int], names: Sequence[str], across: Across
) -> tuple[float, str]:
    """The largest difference of rates between slices, or the smallest ratio; of several rates the worst.

    Args:
        rates: float64 ``[slices]`` each, NaN where undefined.
        members: The slices that are compared.
        names: The names of all slices.
        across: How they are compared.

    Returns:
        The value, NaN where fewer than two slices have a rate, and between which slices it is.
    """
    found = [_compare(rate[list(members)], [names[i] for i in members], across) for rate in rates]
    undefined = [note for value, note in found if math.isnan(value)]
    if undefined:
        return math.nan, undefined[0]
    return min(found) if across.ratio else max(found)


def _compare(rate: Float64, names: Sequence[str], across: Across) -> tuple[float, str]:
    defined = np.flatnonzero(~np.isnan(rate))
    if len(defined) < 2:
        return math.nan, f"fewer than two slices of {' × '.join(across.features)} have a value"
    most, least = (int(defined[pick(rate[defined])]) for pick in (np.argmax, np.argmin))
    note = f"largest in {names[most]} ({rate[most]:.6g}), smallest in {names[least]} ({rate[least]:.6g})"
    left_out = len(rate) - len(defined)
    if left_out:
        note += f"; {left_out} of {len(rate)} slices have no value"
    if not across.ratio:
        return float(rate[most] - rate[least]), note
    if rate[most] == 0:
        return math.nan, f"the rate is 0 in each slice of {' × '.join(across.features)}"
    return float(rate[least] / rate[most]), note
