"""How often intervals hold the truth: each simulated data set is a slice of one pass of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.stats

from evaluator_component.data.batch import unit_hashes
from evaluator_component.engine.accumulate import Accumulator
from evaluator_component.engine.finalise import finalise
from evaluator_component.engine.plan import Plan
from evaluator_component.slicing.codes import Membership
from evaluator_component.stats.proportions import wilson
from tests.statistics.worlds import Figure, World, worlds
from tests.stats.two_models import Sample, plan

_EXAMPLES = 400_000
"""So many examples are evaluated at a time."""


@dataclass(frozen=True)
class Coverage:
    """What became of the intervals of one figure.

    Attributes:
        size: Examples of a data set.
        runs: How many data sets have an interval.
        without: How many have none.
        too_high: The share of intervals that are above the truth.
        too_low: The share below.
        ratio: The standard errors, as the root of their mean square, over the standard deviation of the estimates.
    """

    figure: Figure
    size: int
    runs: int
    without: int
    too_high: float
    too_low: float
    ratio: float

    @property
    def covered(self) -> float:
        """The share of intervals that hold the truth."""
        return 1 - self.too_high - self.too_low


def slices(world: World, size: int, runs: int, seed: int) -> Iterator[pa.Table]:
    """The metric tables of so many data sets of so many examples, some at a time."""
    rng = np.random.default_rng([seed, size, runs])
    each = size * max(world.documents, 1)
    planned: Plan | None = None
    for start in range(0, runs, max(1, _EXAMPLES // each)):
        count = min(max(1, _EXAMPLES // each), runs - start)
        labels, candidate, baseline = world.draw(rng, count * size)
        total = len(labels)
        codes = np.repeat(np.arange(count, dtype=np.int32), each)
        names = tuple(f"group={start + i}" for i in range(count))
        units = unit_hashes("examples", start * each, total)
        clusters = unit_hashes("clusters", start * each, total)
        sample = Sample(
            labels,
            candidate,
            baseline,
            rng.exponential(size=total) if world.weighted else None,
            queries=np.arange(total) // world.documents + start * size if world.documents else None,
            clusters=clusters[np.arange(total) // world.cluster] if world.cluster else None,
            units=units,
            membership=Membership(np.arange(total, dtype=np.int32), codes, names),
        )
        planned = planned or plan([dict(figure.entry) for figure in world.figures], sample)
        accumulator = Accumulator(planned)
        accumulator.add(sample.evaluated())
        yield finalise(planned, {"eval": accumulator.state()})[0]


def column(table: pa.Table, name: str) -> np.ndarray:
    """A column as float64, NaN for null."""
    return np.asarray(pc.fill_null(table.column(name).cast(pa.float64()), np.nan).to_numpy(), np.float64)


def simulate(world: World, size: int, runs: int, seed: int = 1) -> list[Coverage]:
    """Simulates data sets of a world, and compares the intervals with the truth."""
    tables = pa.concat_tables(list(slices(world, size, runs, seed)))
    tables = tables.filter(pc.not_equal(tables.column("model").cast(pa.string()), "baseline"))
    result = []
    for figure in world.figures:
        own = tables.filter(pc.equal(tables.column("metric").cast(pa.string()), figure.metric))
        prefix = "change_" if figure.change else ""
        value, error, lower, upper = (
            column(own, name)
            for name in ("change" if figure.change else "value", *(prefix + n for n in ("std_error", "lower", "upper")))
        )
        there = ~np.isnan(lower)
        result.append(
            Coverage(
                figure,
                size,
                int(there.sum()),
                int((~there).sum()),
                float(np.mean(lower[there] > figure.truth)),
                float(np.mean(upper[there] < figure.truth)),
                float(np.sqrt(np.mean(error[there] ** 2)) / np.std(value[there], ddof=1)),
            )
        )
    return result


def of_world(name: str, size: int, runs: int) -> list[Coverage]:
    """Simulates a world by its name, so that another process can."""
    return simulate(worlds()[name], size, runs)


def of_wilson(share: float, trials: int) -> float:
    """The chance that Wilson's limits hold a share; counted, not simulated."""
    successes = np.arange(trials + 1.0)
    lower, upper = wilson(successes / trials, np.full(trials + 1, float(trials)), 0.025)
    return float(scipy.stats.binom.pmf(successes, trials, share)[(lower <= share) & (share <= upper)].sum())
