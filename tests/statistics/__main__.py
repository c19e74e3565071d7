"""`python -m tests.statistics`: writes docs/statistics.md with what it finds; takes about a quarter of an hour."""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from tests.statistics.coverage import Coverage, of_wilson, of_world
from tests.statistics.refusals import LAWS, SLICES, Refusals, among, of_law, of_shares
from tests.statistics.worlds import worlds

DOCUMENT = Path(__file__).parents[2] / "docs" / "statistics.md"
RUNS = {200: 20_000, 2_000: 5_000, 20_000: 2_000}
MOST = 2_000_000_000
"""So many numbers are drawn at most for one line of the table of t tests."""
TAILS = (0.05, 0.05 / SLICES)
SIZES = (50, 100, 200, 500, 1_000, 2_000, 5_000, 20_000)
ONE_OUTSIDE = 0.935, 0.965


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def of_coverage(found: Iterable[Coverage]) -> str:
    def row(one: Coverage) -> list[str]:
        inside = ONE_OUTSIDE[0] <= one.covered <= ONE_OUTSIDE[1]
        share = percent(one.covered) if inside else f"**{percent(one.covered)}**"
        sides = percent(one.too_low), percent(one.too_high)
        return [one.figure.title, f"{one.size:,}", f"{one.runs:,}", share, *sides, f"{one.ratio:.2f}"]

    head = ("", "n", "data sets", "holds the truth, %", "below it, %", "above it, %", "mean error / true one")
    return table(head, map(row, found))


def of_score_test() -> str:
    rows = []
    for margin in (0.0, 0.01):
        for discordant in (0.01, 0.02, 0.05, 0.2):
            if discordant > margin:
                for size in (50, 200, 500, 1000, 2000):
                    chances = [of_shares(size, discordant, tail, margin) for tail in TAILS]
                    what = f"{100 * margin:g} %", f"{100 * discordant:g} %", f"{size:,}"
                    rows.append([*what, percent(chances[0]), percent(among(chances[1]))])
    head = ("margin", "discordant", "n", "refused at 5 %", f"any of {SLICES} slices at 5 % / {SLICES}")
    return table(head, rows)


def of_t_test(found: dict[tuple[str, int], list[Refusals]]) -> str:
    rows = []
    for (name, size), (plain, corrected) in found.items():
        rows.append(
            [
                name,
                f"{size:,}",
                percent(plain.refused),
                percent(plain.trusted),
                percent(plain.refused_trusted),
                percent(among(corrected.refused)),
                percent(corrected.trusted),
                percent(among(corrected.refused_trusted)),
            ]
        )
    head = (
        "skewness",
        "n",
        "refused at 5 %",
        "trusted",
        "trusted and refused",
        f"any of {SLICES} at 5 % / {SLICES}",
        "trusted",
        "trusted and refused",
    )
    return table(head, rows)


TEXT = """# How good the intervals and tests are

`python -m tests.statistics` writes this page; its figures are what that command found. A data set is a slice of one
pass of the engine, so what is simulated is what an evaluation computes.

## How they are made

| of | method, as `interval_method` names it |
|---|---|
| a share (accuracy, recall, …) | `wilson`: Wilson's score limits; with weights for as many examples as its variance amounts to |
| a mean, or another smooth function of totals | `delta`: the delta method on the totals of products, with Student's t; `(log)`, `(logit)` and `(fisher)` name the scale on which the limits are symmetric |
| an area under the ROC curve | `delong`; with weights or clusters the jackknife |
| other metrics over all thresholds, means over classes, comparisons of slices | `jackknife`: each of 64 groups of examples left out in turn (Busing et al. 1999), t with as many degrees of freedom as groups less 1 |
| a quantile | `order statistics`: the values at shares a standard error of the share away (Woodruff 1952) |
| a change of a share of the same examples | `paired score` (Tango 1998), of the counts `gained` and `lost` |
| any other change | `paired delta`, `paired jackknife`; `identical` where the models agree on every example |
| a number of examples, a p-value | `exact` |

The unit is the example, by file and place; a query where queries are measured; a cluster with `intervals.cluster_key`
(then everything is by the jackknife). `effective_n` says to how many examples of equal weight they amount, (Σw)²/Σw²; of
an area with a positives and b negatives to how many balanced ones, 4ab/(a + b). Where a table has no interval nothing is
known: fewer than two groups, a value that no group moves, a metric of Keras whose state is summed.

## Intervals of 95 %

How often the interval of a data set holds the truth, and how often it is below or above it (2.5 % each, if all were
ideal). The last column is the reported standard error over the standard deviation of the estimates. With 20,000,
5,000 and 2,000 data sets the figures are known to ± 0.3, 0.6 and 1.0 points. A share outside 93.5 to 96.5 % is in bold.

{coverage}

- Shares have Wilson's limits, areas DeLong's error on the logit scale, means and ratios the delta method with Student's
  t, changes of shares Tango's score limits, changes of areas the jackknife over 64 groups of examples. Examples in
  clusters of five have the jackknife over groups of whole clusters (`intervals.cluster_key`).
- An accuracy of 0.98 of 200 examples is a matter of four errors, and the share that holds the truth jumps as the truth
  moves: counted, it is {wilson_here} % at 0.98, and between 0.97 and 0.99 {wilson_mean} % on average, {wilson_least} %
  at least.
- Of 200 examples with 1.7 % positives three or four are positive. That is too few for a mean of losses or a ratio to
  the positives: the interval is too often below the truth. Where no example is positive there is no interval.

## Refusals

A gate that refuses a model for being worse tests one-sided. Here the model is just good enough, so that each refusal is
false.

### The paired score test of shares

The chance is counted over all tables, not simulated. "Discordant" is the share of examples that only one model gets
right; the candidate is worse by just the margin.

{score}

Without a margin the test keeps its level, and refuses next to nothing where few examples differ. With a margin of 1 %
and a candidate that loses three of four discordant examples, it refuses up to one and a half times as often as claimed.

### The t test of means

Of {t_runs} data sets each (fewer of 20,000 examples), at 5 % and at 5 % / {slices}; "any of {slices}" is the chance
that at least one of as many slices is refused. "Trusted" is where `evaluator_component.stats.trust.is_normal` lets the
test decide.

{t_test}

Without the rule, slices of skewed losses are refused many times too often: of 200 slices of 200 examples with
exponential losses, in one gate of four. With it, no more than the tolerated 6 %. Its price is that at
5 % / {slices} nothing of fewer than some 400 examples is trusted, and exponential losses only from some 25,000 on.

### The whole gate

`python -m tests.statistics.whole_gate 2000`: two equally good models on 200 slices of 50 to 2,000 examples, judged by
accuracy and AUC with no fall allowed, `BLOCK_ON_SIGNIFICANT_REGRESSION` and Holm's correction at 95 %. Of 2,000 pairs of
equal models 2.8 % were refused on some slice. A candidate whose signal is weaker by a fifth on the largest slice was
refused for it in 99 % of 200 runs, by two fifths in all.
"""


def document(coverage: str, score: str, t_test: str, t_runs: int) -> str:
    nearby = [of_wilson(share, 200) for share in np.linspace(0.97, 0.99, 2001)]
    return TEXT.format(
        coverage=coverage,
        score=score,
        t_test=t_test,
        t_runs=f"{t_runs:,}",
        slices=SLICES,
        wilson_here=percent(of_wilson(0.98, 200)),
        wilson_mean=percent(float(np.mean(nearby))),
        wilson_least=percent(min(nearby)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=float, default=1.0, help="share of the usual number of data sets")
    parser.add_argument("--output", type=Path, default=DOCUMENT)
    arguments = parser.parse_args()
    t_runs = int(400_000 * arguments.runs)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {
            (name, size): pool.submit(of_world, name, size, max(20, int(runs * arguments.runs)))
            for size, runs in sorted(RUNS.items(), reverse=True)
            for name in worlds()
        }
        tests = {
            (name, size): pool.submit(of_law, name, size, TAILS, min(t_runs, MOST // size))
            for name in LAWS
            for size in SIZES
        }
        score = of_score_test()
        found = [one for name in worlds() for size in RUNS for one in jobs[name, size].result()]
        t_test = of_t_test({key: job.result() for key, job in tests.items()})
    order = {figure.title: i for i, figure in enumerate(f for world in worlds().values() for f in world.figures)}
    found.sort(key=lambda one: (order[one.figure.title], one.size))
    text = document(of_coverage(found), score, t_test, t_runs)
    arguments.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
