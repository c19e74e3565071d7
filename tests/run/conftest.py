"""What tests of whole runs share."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def frame(material: Any) -> pd.DataFrame:
    """The trips with both models' scores."""
    import tensorflow as tf

    records = tf.constant(material.trips.records)
    frame = pd.DataFrame(material.trips.rows)
    for name in ("good", "weak"):
        scorer = tf.saved_model.load(str(getattr(material, name))).signatures["serving_default"]
        frame[name] = scorer(records)["score"].numpy()[:, 0].astype(float)
    for name in ("payment", "company"):
        frame[name] = frame[name].map(lambda value: value.decode(), na_action="ignore")
    return frame
