"""The final table with intervals is the same to the bit, however batches are bundled and their sums merged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.engine.accumulate import Accumulator, State, accumulate, merge
from evaluator_component.engine.finalise import finalise
from evaluator_component.engine.plan import Plan
from evaluator_component.results.tables import canonical_metrics
from tests.stats.correlated import binary, classes, ranked
from tests.stats.two_models import Sample, plan

NAMES = [
    "AUC",
    "AUCPrecisionRecall",
    "BinaryAccuracy",
    "Precision",
    "F1Score",
    "BinaryCrossEntropy",
    "Calibration",
    "KolmogorovSmirnov",
    {"class_name": "Quantile", "config": {"quantile": 0.9}},
    "ExpectedCalibrationError",
    "Spearman",
    {"class_name": "DemographicParityDifference", "config": {"features": ["group"]}},
]
RESAMPLED = {
    "options": {"compute_confidence_intervals": {"value": True}, "confidence_intervals": {"method": "JACKKNIFE"}}
}
DRAWN = {
    "options": {
        "compute_confidence_intervals": {"value": True},
        "confidence_intervals": {"method": "POISSON_BOOTSTRAP"},
    },
    "intervals": {"replicates": 20},
}


def clustered(sample: Sample) -> Sample:
    return replace(sample, clusters=np.random.default_rng(0).integers(0, 90, len(sample)).astype(np.uint64))


CASES: dict[str, tuple[Sample, list[Any], dict[str, Any]]] = {
    "plain": (binary(1, 600), NAMES, {}),
    "weighted": (binary(2, 600, weighted=True), NAMES, {}),
    "clusters": (clustered(binary(3, 600, weighted=True)), NAMES, {}),
    "jackknife": (binary(4, 600, weighted=True), NAMES, RESAMPLED),
    "bootstrap": (binary(5, 600, weighted=True), NAMES, DRAWN),
    "coarse scores": (binary(6, 600), NAMES, {"engine": {"max_distinct_scores": 50}}),
    "means over classes": (classes(7, 500), ["AUC", "F1Score"], {"spec": {"aggregate": {"macro_average": True}}}),
    "queries": (ranked(8, 100, weighted=True), ["NDCG", "MeanReciprocalRank"], {}),
    "queries in clusters": (clustered(ranked(9, 100)), ["NDCG"], {}),
}


def written(planned: Plan, state: State) -> bytes:
    table = canonical_metrics(finalise(planned, {"eval": state})[0])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("name", CASES)
def test_bundles_and_merges_do_not_matter(name: str) -> None:
    sample, metrics, options = CASES[name]
    planned = plan(metrics, sample, **options)
    batches = [sample.rows(slice(start, start + 97)).evaluated() for start in range(0, len(sample), 97)]
    expected = written(planned, merge(planned, [accumulate(planned, batch) for batch in batches]))
    rng = np.random.default_rng(1)
    for _ in range(2):
        order = rng.permutation(len(batches)).tolist()
        states = []
        while order:  # bundles of some batches each
            bundle, order = order[: (size := int(rng.integers(1, 4)))], order[size:]
            accumulator = Accumulator(planned, flush_pairs=int(rng.integers(1, 2000)))
            for number in bundle:
                accumulator.add(batches[number])
            states.append(accumulator.state())
        while len(states) > 1:  # merged some at a time
            few = [states.pop(int(rng.integers(len(states)))) for _ in range(min(len(states), int(rng.integers(2, 4))))]
            states.append(merge(planned, few))
        assert written(planned, states[0]) == expected


def test_a_split_in_parts_has_the_intervals_of_the_whole() -> None:
    """The rows of all splits merged are those of one split of all their examples."""
    sample = binary(10, 600)
    planned = plan(NAMES, sample)
    batches = [accumulate(planned, sample.rows(slice(start, start + 150)).evaluated()) for start in range(0, 600, 150)]
    splits = {"a": merge(planned, batches[:1]), "b": merge(planned, batches[1:])}
    merged = [row for row in finalise(planned, splits)[0].to_pylist() if row.pop("split") == "*"]
    whole = finalise(planned, {"eval": merge(planned, batches)})[0].to_pylist()
    for row in whole:
        row.pop("split")
    assert list(map(str, merged)) == list(map(str, whole))
