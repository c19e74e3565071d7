"""How often a config would refuse an equal model, on the user's own data and slices."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.config import baseline_spec
from evaluator_component.config.complete import BASELINE
from evaluator_component.engine.accumulate import Accumulator, State
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.finalise import finalise
from evaluator_component.engine.resample import draw
from evaluator_component.gate import Outcome, Verdict, decide
from evaluator_component.preflight import ModelPath, Preflight, check
from evaluator_component.results import tables
from evaluator_component.stats.proportions import wilson

if TYPE_CHECKING:
    from evaluator_component.data.files import Source

_KEY = ("split", "slice", "output", "sub_key", "metric", "weighted")


@dataclass(frozen=True)
class RuleRate:
    """How often one bound refused an equal model.

    Attributes:
        path: Where the bound is in the config.
        refused: In how many of the runs.
        slices: How many slices it judged, on average.
        worst: The slice on which it refused most often, '' for none.
        worst_refused: In how many of the runs there.
    """

    path: str
    refused: int
    slices: float
    worst: str
    worst_refused: int


@dataclass(frozen=True)
class SelfTest:
    """What became of models that are as good as the baseline.

    Attributes:
        runs: How many there were.
        refused: How many of them were not blessed.
        examples: How many examples each was judged on.
        paired: Whether two models were judged on the same examples, their difference taken out; else one was judged
            against itself on other examples.
        rules: Each bound of the config, the most often refusing first.
        reasons: Further reasons to refuse, which no single check has, with the number of runs.
    """

    runs: int
    refused: int
    examples: int
    paired: bool
    rules: tuple[RuleRate, ...]
    reasons: Mapping[str, int]

    def explain(self) -> str:
        """Returns the rates as lines of text."""
        how = (
            "both models on the same resamples, with the difference between them taken out, so that the values judged "
            "are the baseline's and chance"
            if self.paired
            else "the model against itself, each on a resample of its own"
        )
        lines = [
            f"{self.runs:,} equal models on {self.examples:,} examples: {how}.",
            f"This config refused {_share(self.refused, self.runs)} of them.",
        ]
        for rule in self.rules:
            on = f", most often on {rule.worst} ({_share(rule.worst_refused, self.runs)})" if rule.worst else ""
            lines.append(f"  {_share(rule.refused, self.runs)}  {rule.path} ({rule.slices:,.0f} slices){on}")
        lines += [f"  {_share(count, self.runs)}  {reason}" for reason, count in self.reasons.items()]
        return "\n".join(lines)


def _share(count: int, runs: int) -> str:
    lower, upper = wilson(np.array([count / runs]), np.array([float(runs)]), 0.025)
    return f"{100 * count / runs:.1f} % [{100 * lower[0]:.1f}, {100 * upper[0]:.1f}]"


def selftest(
    config: Any,
    model: ModelPath = None,
    baseline: ModelPath = None,
    data: Source | Mapping[str, Source] | None = None,
    *,
    runs: int = 200,
    schema: Any = None,
    module_file: str | os.PathLike[str] | None = None,
) -> SelfTest:
    """Judges models that are as good as the baseline, and counts how often this config refuses them.

    With one model, each run judges it against itself, candidate and baseline each on a resample of the examples. With
    two, both are evaluated on the same resample, and what they differ by on all examples is taken off each change: what
    is left is how much two models of their kind differ by chance on the same examples, which is what changes are judged
    on. The candidate's values are then the baseline's plus that change.

    A resample has each example as often as a Poisson variable of mean 1 says (whole queries and clusters, where there
    are any). The examples are read and predicted once and kept in memory.

    Args:
        config: As in :func:`~evaluator_component.evaluation.evaluate`.
        model: The model.
        baseline: A second one, if there is one.
        data: As in evaluate.
        runs: How many equal models are judged.
        schema: As in evaluate.
        module_file: As in evaluate.

    Raises:
        ConfigError: The config asks for what cannot be computed, or has no thresholds.
        DataError: The examples cannot be read.
        ModelError: A model does not load.
    """
    paired = baseline is not None
    checked = check(config, model, baseline if paired else model, data, schema=schema, module_file=module_file)
    batches = _evaluated(checked)
    found = _table(checked, batches) if paired else None
    verdicts = (decide(_equal(checked, batches, run, found), checked.config, checked.baseline) for run in range(runs))
    return _count(verdicts, runs, sum(batch.size for part in batches.values() for batch in part), paired)


def _evaluated(checked: Preflight) -> dict[str, list[Evaluated]]:
    """All examples with their predictions, by split."""
    from evaluator_component.data.reader import read_blocks
    from evaluator_component.engine.worker import Worker

    worker = Worker(checked.job, checked.predictors)
    batches: dict[str, list[Evaluated]] = {}
    for shard in checked.shards:
        for block in read_blocks(shard):
            batches.setdefault(shard.split, []).append(worker.evaluate(block))
    return batches


def _equal(checked: Preflight, batches: Mapping[str, list[Evaluated]], run: int, found: pa.Table | None) -> pa.Table:
    """The metric table of an equal model: ``found`` is that of two models on all examples, None where there is one."""
    if found is not None:
        return _centred(_table(checked, _drawn(batches, run)), found)
    own, other = (_table(checked, _drawn(batches, 2 * run + side)) for side in (0, 1))
    return _beside(own, other, checked)


def _drawn(batches: Mapping[str, list[Evaluated]], seed: int) -> dict[str, list[Evaluated]]:
    return {split: [draw(batch, seed) for batch in part] for split, part in batches.items()}


def _table(checked: Preflight, batches: Mapping[str, list[Evaluated]]) -> pa.Table:
    """The metric table of resampled examples."""
    states: dict[str, State] = {}
    for split, part in batches.items():
        sums = Accumulator(checked.job.plan)
        for batch in part:
            sums.add(batch)
        states[split] = sums.state()
    return finalise(checked.job.plan, states)[0]


_OF_THE_SAME = ("trials", "gained", "lost", "change_skewness", "p_value", "change_lower", "change_upper")
_BRACKETS = ("change_bracket_lower", "change_bracket_upper")


def _centred(drawn: pa.Table, found: pa.Table) -> pa.Table:
    """Changes less those of all examples, and values as if the candidate differed from the baseline by just that.

    Means keep the skewness of their numbers: the same is taken off each.
    """
    mine, whole = _plain(drawn), _plain(found)
    whole = whole.filter(pc.is_valid(whole["change"])).select([*_KEY, "model", "change"])
    joined = mine.join(whole.rename_columns([*_KEY, "model", "usual"]), keys=[*_KEY, "model"], join_type="left outer")
    change = pc.subtract(joined["change"], joined["usual"])
    compared = pc.is_valid(joined["change"])
    columns = {field.name: joined[field.name] for field in tables.METRICS_SCHEMA}
    columns |= dict.fromkeys((*_OF_THE_SAME, *_BRACKETS), pa.nulls(len(joined), pa.float64()))
    columns["change"] = pc.if_else(compared, change, None)
    columns["value"] = pc.if_else(compared, pc.add(joined["baseline_value"], change), joined["value"])
    shares = pc.fill_null(pc.equal(joined["change_interval_method"], tables.PAIRED_SCORE), False)
    columns["change_interval_method"] = pc.if_else(shares, "paired delta", joined["change_interval_method"])
    means = pc.fill_null(pc.ends_with(joined["change_interval_method"], tables.OF_MEAN), False)
    columns["change_skewness"] = pc.if_else(means, joined["change_skewness"], None)
    return tables.metrics_table(columns)


def _beside(own: pa.Table, other: pa.Table, checked: Preflight) -> pa.Table:
    """The candidate of one table compared with the baseline of another, which has other examples."""
    reference = baseline_spec(checked.config)
    name = (reference.name if reference is not None else "") or BASELINE
    mine, theirs = (_plain(table) for table in (own, other))
    mine, theirs = mine.filter(pc.not_equal(mine["model"], name)), theirs.filter(pc.equal(theirs["model"], name))
    wanted = theirs.select([*_KEY, "value", "std_error", "df"])
    wanted = wanted.rename_columns([*_KEY, "other", "other_error", "other_df"])
    joined = mine.join(wanted, keys=list(_KEY), join_type="left outer")
    error = pc.sqrt(pc.add(pc.power(joined["std_error"], 2), pc.power(joined["other_error"], 2)))
    compared = pc.is_valid(joined["change"])
    columns = {field.name: joined[field.name] for field in tables.METRICS_SCHEMA}
    columns |= dict.fromkeys((*_OF_THE_SAME, *_BRACKETS), pa.nulls(len(joined), pa.float64()))
    columns["baseline_value"] = pc.if_else(compared, joined["other"], None)
    columns["change"] = pc.if_else(compared, pc.subtract(joined["value"], joined["other"]), None)
    columns["change_std_error"] = pc.if_else(compared, error, None)
    columns["change_df"] = pc.if_else(compared, pc.min_element_wise(joined["df"], joined["other_df"]), None)
    columns["change_interval_method"] = pc.if_else(pc.is_valid(columns["change_std_error"]), "delta", None)
    of_baseline = {name: theirs[name] for name in theirs.column_names}
    return pa.concat_tables([tables.metrics_table(columns), tables.metrics_table(of_baseline)])


def _plain(table: pa.Table) -> pa.Table:
    """The table with texts in place of dictionaries, which a join takes."""
    return table.cast(
        pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema])
    )


def _count(verdicts: Iterator[Verdict], runs: int, examples: int, paired: bool) -> SelfTest:
    """What became of the runs, rule by rule."""
    refused, by_rule, on_slice = 0, Counter[str](), Counter[tuple[str, str]]()
    judged, reasons = Counter[str](), Counter[str]()
    for verdict in verdicts:
        refused += not verdict.blessed
        failing: set[tuple[str, str]] = set()
        told = set()
        for one in verdict.checks:
            judged[one.path] += one.outcome is not Outcome.SKIPPED
            if verdict.refuses(one):
                failing.add((one.path, one.slice))
                told.add(one.sentence)
        by_rule.update({path for path, _ in failing})
        on_slice.update(failing)
        reasons.update(reason for reason in verdict.reasons if not failing and reason not in told)
    rates = []
    for path in dict.fromkeys([*dict(by_rule.most_common()), *judged]):
        slices = [(count, name) for (own, name), count in on_slice.items() if own == path]
        count, worst = max(slices, default=(0, ""))
        rates.append(RuleRate(path, by_rule[path], judged[path] / runs, worst, count))
    return SelfTest(runs, refused, examples, paired, tuple(rates), dict(reasons.most_common(10)))
