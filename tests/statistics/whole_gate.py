"""The whole gate on many slices: how often it refuses an equal model, and how often it sees a worse one.

python -m tests.statistics.whole_gate 2000
"""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np

from evaluator_component.config import complete_config, load_config
from evaluator_component.data.batch import unit_hashes
from evaluator_component.engine.accumulate import accumulate
from evaluator_component.engine.finalise import finalise
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.gate import BaselineState, BaselineStatus, Outcome, decide
from evaluator_component.slicing.codes import Membership
from tests.stats.two_models import Sample

SLICES = 200
SIZES = np.geomspace(50, 2000, SLICES).astype(int)
"""Examples of the slices."""
WORSE = SLICES - 1
"""The slice on which a worse model is worse."""
CONFIG = """
model_specs: [{label_key: y}]
slicing_specs: [{feature_keys: [s]}]
metrics_specs:
- metrics:
  - {class_name: BinaryAccuracy, threshold: {change_threshold: {absolute: 0}}}
  - {class_name: AUC, threshold: {change_threshold: {absolute: 0}}}
gate: {confidence: 0.95, multiplicity: BLOCK_ON_SIGNIFICANT_REGRESSION, correction: HOLM}
"""


@cache
def _plan() -> Plan:
    return make_plan(complete_config(load_config(CONFIG), has_baseline=True), evaluate_baseline=True)


def refused(seed: int, harm: float = 0.0, sizes: np.ndarray = SIZES) -> set[str]:
    """The slices on which one pair of models is refused; ``harm`` takes so much off the candidate's signal on one.

    Both models see the truth through noise, half of which they share.
    """
    rng = np.random.default_rng(seed)
    count = int(sizes.sum())
    codes = np.repeat(np.arange(SLICES, dtype=np.int32), sizes)
    label = (rng.random(count) < 0.4).astype(float)
    signal = 1.2 * (label - 0.5)
    shared = rng.normal(size=count)
    candidate, baseline = (
        1 / (1 + np.exp(-((1 - harm * own * (codes == WORSE)) * signal + (shared + rng.normal(size=count)) / 2)))
        for own in (1, 0)
    )
    names = tuple(f"s={i}" for i in range(SLICES))
    sample = Sample(
        label,
        candidate.astype(np.float32).astype(float),
        baseline.astype(np.float32).astype(float),
        units=unit_hashes(f"run {seed}", 0, count),
        membership=Membership(np.arange(count, dtype=np.int32), codes, names),
    )
    table, _ = finalise(_plan(), {"eval": accumulate(_plan(), sample.evaluated())})
    verdict = decide(table, load_config(CONFIG), BaselineState(BaselineStatus.WIRED))
    return {check.slice for check in verdict.checks if check.outcome is Outcome.FAIL}


def share_refused(runs: int, sizes: np.ndarray = SIZES) -> float:
    """The share of equal models that are refused on some slice."""
    return float(np.mean([bool(refused(seed, sizes=sizes)) for seed in range(runs)]))


def share_seen(runs: int, harm: float, sizes: np.ndarray = SIZES) -> float:
    """The share of models that are worse on one slice that are refused for it."""
    return float(np.mean([f"s={WORSE}" in refused(10_000_000 + seed, harm, sizes) for seed in range(runs)]))


def _of_seed(seed: int) -> bool:
    return bool(refused(seed))


def _seen(case: tuple[int, float]) -> bool:
    return f"s={WORSE}" in refused(10_000_000 + case[0], case[1])


def main(runs: int) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        print(f"equal models refused: {np.mean(list(pool.map(_of_seed, range(runs), chunksize=20))):.4f} of {runs}")
        for harm in (0.2, 0.4, 0.6, 0.8):
            cases = [(seed, harm) for seed in range(runs // 10)]
            print(
                f"signal weaker by {harm:.0%} on one slice: {np.mean(list(pool.map(_seen, cases, chunksize=10))):.3f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))
