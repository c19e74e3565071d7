"""`python -m tests.statistics`: writes docs/statistics.md with what it finds; takes about twenty minutes."""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
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
    def part(one: Refusals, shown: Callable[[float], str]) -> list[str]:
        return [shown(one.by_t), shown(one.refused), percent(one.trusted), shown(one.refused_trusted)]

    rows = [
        [name, f"{size:,}", *part(plain, percent), *part(corrected, lambda rate: percent(among(rate)))]
        for (name, size), (plain, corrected) in found.items()
    ]
    columns = "with skewness", "trusted", "trusted and refused"
    head = ("skewness", "n", "by t at 5 %", *columns, f"by t, any of {SLICES} at 5 % / {SLICES}", *columns)
    return table(head, rows)


TEXT = (Path(__file__).parent / "page.txt").read_text()


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
