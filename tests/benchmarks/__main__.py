"""`python -m tests.benchmarks`: TFMA and ours on the same work, in one go."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from rich.console import Console
from rich.table import Table

from tests.benchmarks import inputs


def measure(kind: str, *arguments: int) -> dict[str, float]:
    """Runs one measurement in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.measure", kind, *map(str, arguments)]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{finished.stderr[-4000:]}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def best(kind: str, *arguments: int, runs: int) -> dict[str, float]:
    """The run of median time: machines are noisy."""
    results = sorted((measure(kind, *arguments) for _ in range(runs)), key=lambda r: r["seconds"])
    return results[len(results) // 2]


def row(table: Table, name: str, result: dict[str, float]) -> None:
    table.add_row(name, f"{result['seconds']:.2f}", f"{result['process seconds']:.1f}", f"{result['peak MiB']:,.0f}")


def new_table(title: str) -> Table:
    return Table("", "evaluation s", "process s", "peak MiB", title=title, title_justify="left")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list("abcdefgh"), help="which of a to h (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each quick measurement; the median is printed")
    arguments = parser.parse_args()
    console = Console(width=100)
    print("making data and models …", file=sys.stderr, flush=True)
    inputs.models()
    inputs.examples(100_000)
    small = floor = None
    if {"a", "b"} & set(arguments.parts):
        small = best("ours", 100_000, runs=arguments.runs)
        floor = best("floor", 100_000, runs=arguments.runs)
    if "a" in arguments.parts:
        peer = measure("peer", 100_000)
        table = new_table("(a) 100,000 examples, candidate and baseline, 9 metrics, 32 slices")
        row(table, "TFMA", peer)
        row(table, "ours", small)
        row(table, "floor: read, parse, predict", floor)
        console.print(table)
        console.print(
            f"evaluation {peer['seconds'] / small['seconds']:.0f} times as fast as TFMA's, the whole process "
            f"{peer['process seconds'] / small['process seconds']:.1f} times\n"
        )
    if "b" in arguments.parts:
        inputs.examples(1_000_000)
        big = best("ours", 1_000_000, runs=arguments.runs)
        big_floor = best("floor", 1_000_000, runs=arguments.runs)
        table = new_table("(b) 1,000,000 examples")
        row(table, "ours", big)
        row(table, "floor: read, parse, predict", big_floor)
        console.print(table)
        console.print(
            f"{big['seconds'] / big_floor['seconds']:.2f} times the floor; peak memory "
            f"{big['peak MiB'] / small['peak MiB']:.2f} times that at 100,000\n"
        )
    if "c" in arguments.parts:
        pairs = measure("extra_spec", 100_000)
        console.print(f"(c) one more slicing spec: {percent(pairs)}\n")
    if "d" in arguments.parts:
        table = new_table("(d) 8 scalar metrics, a plot of the largest slices, one example a slice")
        half, full = measure("many_slices", 50_000, 50_000), measure("many_slices", 100_000, 100_000)
        row(table, "50,000 slices", half)
        row(table, "100,000 slices", full)
        console.print(table)
        console.print(f"twice the slices: {full['seconds'] / half['seconds']:.2f} times as long")
    if "e" in arguments.parts:
        pairs = measure("binary_family", 100_000)
        console.print(f"(e) all metrics of a binary classifier at a threshold, against one: {percent(pairs)}")
        pairs = measure("another_metric", 100_000)
        console.print(f"    one more metric over all thresholds, beside 9: {percent(pairs)}")
    for part, title, kind, count in (
        ("f", "(f) 100,000 examples of 1,000 classes with their confusion matrix, 25 slices", "classes", 100_000),
        ("g", "(g) 100,000 queries of 10 documents, 32 slices", "queries", 1_000_000),
    ):
        if part in arguments.parts:
            compare_with_floor(console, title, kind, count, arguments.runs)
    if "h" in arguments.parts:
        table = new_table("(h) 100,000 examples, candidate and baseline, 9 metrics, 260 slices")
        plain, sure = (best("with_intervals", 100_000, on, runs=arguments.runs) for on in (0, 1))
        row(table, "without intervals", plain)
        row(table, "with intervals of values and changes", sure)
        console.print(table)
        pairs = measure("intervals", 100_000)
        console.print(
            f"intervals: {percent(pairs)}, {sure['peak MiB'] / plain['peak MiB']:.2f} times the memory\n"
            f"ten slicing specs against one, with intervals: {percent(measure('ten_specs', 100_000))}\n"
        )


def compare_with_floor(console: Console, title: str, kind: str, count: int, runs: int) -> None:
    """Prints one evaluation beside its floor."""
    if kind == "queries":
        inputs.examples(count)
    else:
        inputs.class_examples(count)
    ours, floor = best(kind, count, runs=runs), best(f"{kind}_floor", count, runs=runs)
    table = new_table(title)
    row(table, "ours", ours)
    if kind == "classes":
        row(table, "ours, with the mean recall of the classes", best(kind, count, 1, runs=runs))
    row(table, "floor: read, parse, predict", floor)
    console.print(table)
    console.print(f"{ours['seconds'] / floor['seconds']:.2f} times the floor\n")


def percent(pairs: dict[str, float]) -> str:
    """What the second of two configs costs more."""
    return f"{100 * (pairs['median ratio'] - 1):+.1f} % (median of 21 interleaved pairs)"


if __name__ == "__main__":
    main()
