"""Comparisons over slices against fairlearn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import fairlearn.metrics as flm
import numpy as np
import pytest

from evaluator_component.errors import ConfigError
from evaluator_component.metrics import Kind
from evaluator_component.metrics.registry import catalogue
from tests.metrics.oracles import ORACLES
from tests.metrics.pass_over import Examples, built, entry, plan, sample, tables, values

FAIRLEARN: dict[str, Callable[..., float]] = {
    "DemographicParityDifference": flm.demographic_parity_difference,
    "DemographicParityRatio": flm.demographic_parity_ratio,
    "EqualOpportunityDifference": flm.equal_opportunity_difference,
    "EqualizedOddsDifference": flm.equalized_odds_difference,
    "EqualizedOddsRatio": flm.equalized_odds_ratio,
}


def test_every_comparison_is_tested() -> None:
    found = {name for name in catalogue() if getattr(built(name)[0], "across", None)}
    assert found == set(FAIRLEARN)


@pytest.mark.parametrize("name", FAIRLEARN)
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_fairlearns(name: str, weighted: bool) -> None:
    for seed in range(3):
        examples = sample(Kind.BINARY, seed, 400, weighted=weighted, grouped=True)
        found = values(entry(name, threshold=0.4), examples)
        assert set(found) == {"Overall"}
        assert examples.groups is not None
        part = examples.rows(np.flatnonzero(examples.groups >= 0))
        expected = FAIRLEARN[name](
            part.labels, part.predictions > 0.4, sensitive_features=part.groups, sample_weight=part.mass
        )
        assert found["Overall"]["value"] == pytest.approx(expected, rel=1e-9)
        assert found["Overall"]["n"] == len(examples)
        assert "largest in group=" in found["Overall"]["reason"]
        assert "smallest in group=" in found["Overall"]["reason"]


def test_without_two_slices_there_is_nothing_to_compare() -> None:
    examples = sample(Kind.BINARY, 1, grouped=True)
    assert examples.groups is not None
    alone = Examples(examples.labels, examples.predictions, None, np.where(examples.groups == 1, 1, -1))
    row = values(entry("DemographicParityDifference"), alone)["Overall"]
    assert math.isnan(row["value"])
    assert row["reason"] == "fewer than two slices of group have a value"
    nothing = Examples(examples.labels, examples.predictions * 0, None, examples.groups)
    row = values(entry("DemographicParityRatio"), nothing)["Overall"]
    assert math.isnan(row["value"])
    assert row["reason"] == "the rate is 0 in each slice of group"


def test_a_slicing_spec_must_make_the_slices() -> None:
    with pytest.raises(ConfigError, match=r"compares the slices of sex, and no slicing spec makes them; add"):
        plan([entry("DemographicParityRatio", features=["sex"])], weighted=False)
    with pytest.raises(ConfigError, match="features: expected the names of sliced features"):
        plan([entry("DemographicParityRatio", features=[])], weighted=False)


INDICATORS = {
    "false_positive_rate": "FPR",
    "false_negative_rate": "FNR",
    "true_positive_rate": "TPR",
    "true_negative_rate": "TNR",
    "positive_rate": "PredictedPositiveRate",
    "false_discovery_rate": "FalseDiscoveryRate",
    "false_omission_rate": "FalseOmissionRate",
    "precision": "Precision",
    "recall": "Recall",
}


def test_indicators_are_rates_at_each_threshold() -> None:
    examples = sample(Kind.BINARY, 2, 300, weighted=True, grouped=True)
    rows, _ = tables([entry("FairnessIndicators", thresholds=[0.25, 0.5])], examples)
    found: dict[tuple[str, str], Any] = {(row["slice"], row["metric"]): row["value"] for row in rows}
    assert {name for _, name in found} == {
        f"fairness_indicators_metrics/{indicator}@{threshold}"
        for indicator in (*INDICATORS, "negative_rate")
        for threshold in ("0.25", "0.50")
    }
    assert examples.groups is not None
    for indicator, class_name in INDICATORS.items():
        for slice_name, inside in (("Overall", np.arange(300)), ("group=1", np.flatnonzero(examples.groups == 1))):
            part = examples.rows(inside)
            expected = ORACLES[class_name](part.labels, part.predictions, part.mass, thresholds=0.25)
            name = f"fairness_indicators_metrics/{indicator}@0.25"
            assert found[slice_name, name] == pytest.approx(expected, rel=1e-9)
            if indicator == "positive_rate":
                below = found[slice_name, "fairness_indicators_metrics/negative_rate@0.25"]
                assert below == pytest.approx(1 - expected, rel=1e-9)
