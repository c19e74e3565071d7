"""Where a metric has no value, and why."""

from __future__ import annotations

import numpy as np

from evaluator_component.metrics.view import Float64

NO_WEIGHT = "no example has a weight above 0"
NO_POSITIVE = "no example has a positive label"
NO_NEGATIVE = "no example has a negative label"
NO_PREDICTED_POSITIVE = "no example is predicted positive"
NO_PREDICTED_NEGATIVE = "no example is predicted negative"
ONE_CLASS = "the examples are all of one class, and a positive and a negative one are needed"
ONE_PREDICTION = "the examples are all predicted alike"


def divide(part: Float64, whole: Float64) -> Float64:
    """The quotient of two masses, NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
