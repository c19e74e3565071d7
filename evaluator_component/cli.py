"""The ``evaluator`` command.

Exit codes: 0 blessed (or done), 1 not blessed, 2 wrong usage or config, 3 the run failed.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evaluator_component.errors import ConfigError, DataError, nearest
from evaluator_component.exits import BLESSED, FAILED, NOT_BLESSED, USAGE, exits, forgiving

if TYPE_CHECKING:
    from evaluator_component.results.history import History


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.version_option(package_name="evaluator-component", prog_name="evaluator")
def main(debug: bool) -> None:
    """Evaluate a model, compare it with a baseline, and decide whether it may be deployed."""
    # TensorFlow's and absl's own chatter about CPUs and GPUs; warnings and errors stay.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    sys.stdout, sys.stderr = forgiving(sys.stdout), forgiving(sys.stderr)


def _inputs(command: Callable[..., Any]) -> Callable[..., Any]:
    options = [
        click.option("--config", "-c", required=True, type=click.Path(), help="EvalConfig: YAML, JSON or text proto."),
        click.option("--model", "-m", type=click.Path(), help="SavedModel folder or .keras file of the candidate."),
        click.option("--baseline", "-b", type=click.Path(), help="The model to compare with."),
        click.option(
            "--data",
            "-d",
            "data",
            multiple=True,
            required=True,
            help="Glob pattern, file or folder of TFRecord files with tf.Examples; SPLIT=PATTERN names the split. "
            "Can be given several times.",
        ),
        click.option("--schema", type=click.Path(), help="tensorflow-metadata schema (schema.pbtxt), if there is one."),
        click.option("--module-file", type=click.Path(), help="Python file that declares metrics of your own."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@_inputs
@click.option("--output", "-o", required=True, type=click.Path(), help="Folder for the results.")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict's one sentence only.")
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED)
@exits
def run(
    config: str,
    model: str | None,
    baseline: str | None,
    data: tuple[str, ...],
    schema: str | None,
    module_file: str | None,
    output: str,
    quiet: bool,
    beam_args: tuple[str, ...],
) -> int:
    """Evaluate a model and judge it.

    Flags after -- go to Beam, for example: -- --runner=FlinkRunner --direct_num_workers=2
    """
    from evaluator_component.evaluation import evaluate
    from evaluator_component.quiet import start_tensorflow

    if beam_args and not beam_args[0].startswith("-"):
        raise click.UsageError(
            f"unexpected argument {beam_args[0]!r}. Quote a glob pattern, or give --data once per file; Beam's own "
            "flags come last, after --"
        )
    start_tensorflow()
    result = evaluate(
        config, model, baseline, _splits(data), output, schema=schema, module_file=module_file, beam_args=beam_args
    )
    for notice in result.run["notices"] if not quiet else ():
        click.echo(f"note: {notice}", err=True)
    assert result.verdict is not None
    if quiet:
        click.echo(result.verdict.summary)
    else:
        result.show()
        seconds = sum(result.run["seconds"].values())
        examples = sum(result.run["examples"].values())
        click.echo(f"\n{examples:,} examples in {seconds:.1f} s. Report: {Path(output) / 'report.html'}")
    return BLESSED if result.verdict.blessed else NOT_BLESSED


@main.command()
@_inputs
@exits
def check(
    config: str,
    model: str | None,
    baseline: str | None,
    data: tuple[str, ...],
    schema: str | None,
    module_file: str | None,
) -> int:
    """Check config, data and models in seconds, without evaluating."""
    from evaluator_component.outlook import EXAMPLES, look_ahead, peer_differences
    from evaluator_component.preflight import check as preflight
    from evaluator_component.quiet import start_tensorflow

    start_tensorflow()
    checked = preflight(config, model, baseline, _splits(data), schema=schema, module_file=module_file)
    plan = checked.job.plan
    splits = sorted({shard.split for shard in checked.shards})
    click.echo(f"files    {len(checked.shards)} in split(s) {', '.join(splits)}")
    for planned, path in zip(plan.models, checked.job.model_paths, strict=True):
        click.echo(f"model    {planned.name}: {path or 'predictions in the data'}")
    names = dict.fromkeys(planned.metric.name for planned in plan.metrics)
    click.echo(f"metrics  {', '.join(names)}")
    slices = [group.described() for group in plan.groupings]
    click.echo(f"slices   {', '.join(slices)}")
    outlooks = look_ahead(checked)
    if outlooks:
        click.echo(f"rules    on the first {EXAMPLES:,} examples of each split, one after another:")
    for outlook in outlooks:
        click.echo(f"  {outlook}")
    for notice in checked.notices:
        click.echo(f"note: {notice}")
    for difference in peer_differences(checked.config, splits):
        click.echo(f"unlike TFMA: {difference}")
    click.echo(click.style("The run can begin.", fg="green"))
    return BLESSED


@main.command()
@_inputs
@click.option("--runs", default=200, show_default=True, type=click.IntRange(20), help="How many equal models to judge.")
@exits
def selftest(
    config: str,
    model: str | None,
    baseline: str | None,
    data: tuple[str, ...],
    schema: str | None,
    module_file: str | None,
    runs: int,
) -> int:
    """Tell how often this config would refuse an equal model.

    With --model alone it is judged against itself, on resamples of the data; with --baseline as well, both are judged
    on the same resamples, with the difference between them taken out.
    """
    from evaluator_component.equal_models import selftest as judge_equal_models
    from evaluator_component.quiet import start_tensorflow

    start_tensorflow()
    result = judge_equal_models(
        config, model, baseline, _splits(data), runs=runs, schema=schema, module_file=module_file
    )
    click.echo(result.explain())
    return BLESSED


@main.command()
@click.argument("output", type=click.Path())
@exits
def show(output: str) -> int:
    """Print verdict, checks, overall metrics and the worst slices of a finished evaluation."""
    from evaluator_component.results.writing import load

    load(output).show()
    return BLESSED


@main.command()
@click.argument("output", type=click.Path())
@click.option("--config", "-c", required=True, type=click.Path(), help="The config whose thresholds to apply.")
@click.option("--module-file", type=click.Path(), help="Python file that declares metrics of your own.")
@click.option("--save", is_flag=True, help="Replace the verdict in the folder.")
@exits
def decide(output: str, config: str, module_file: str | None, save: bool) -> int:
    """Judge a finished evaluation again with another config, without computing anything again."""
    from evaluator_component.evaluation import judge_again
    from evaluator_component.results.writing import load, write_verdict

    evaluation = judge_again(load(output), config, module_file=module_file)
    if save:
        evaluation = write_verdict(evaluation, output)
    evaluation.show()
    if not save:
        click.echo(f"\n{output} still holds the earlier verdict; --save replaces it")
    assert evaluation.verdict is not None
    return BLESSED if evaluation.verdict.blessed else NOT_BLESSED


@main.command()
@click.argument("output", type=click.Path())
@click.option("--open", "open_it", is_flag=True, help="Open it in a browser.")
@exits
def report(output: str, open_it: bool) -> int:
    """Write report.html of a finished evaluation again."""
    from evaluator_component.report import write_report
    from evaluator_component.results.writing import load

    path = Path(output) / "report.html"
    write_report(load(output), path)
    click.echo(str(path))
    if open_it:
        click.launch(str(path))
    return BLESSED


@main.command()
@click.argument("output", nargs=-1, type=click.Path())
@click.option("--mlmd", type=click.Path(), help="Sqlite file of ML Metadata; instead of OUTPUT.")
@click.option("--pipeline", help="With --mlmd: only evaluations of this pipeline.")
@click.option("--metric", help="Show this metric in every slice.")
@click.option("--slice", "place", help="The slice whose values stand beside the versions; Overall by default.")
@click.option("--report", type=click.Path(), help="Write the history as a page, such as history.html.")
@click.option("--open", "open_it", is_flag=True, help="Open the page in a browser; history.html without --report.")
@exits
def history(
    output: tuple[str, ...],
    mlmd: str | None,
    pipeline: str | None,
    metric: str | None,
    place: str | None,
    report: str | None,
    open_it: bool,
) -> int:
    """Show the metrics and verdicts of a model's versions, from finished evaluations.

    OUTPUT is the folder of an evaluation, a folder that holds several, or a quoted glob pattern.
    """
    from evaluator_component.report.terminal import console_of
    from evaluator_component.report.terminal_history import render

    if bool(output) == (mlmd is not None) or (pipeline is not None and mlmd is None):
        raise click.UsageError("give output folders of evaluations, or --mlmd FILE (and then --pipeline if you like)")
    found = _history_of_metadata(mlmd, pipeline) if mlmd is not None else _history(output)
    console = console_of(None)
    try:
        view = render(found, metric=metric, slice=place, width=console.width)
    except LookupError as error:
        raise ConfigError(str(error)) from error
    page = report or ("history.html" if open_it else None)
    if page is not None:
        from evaluator_component.report.history_document import write_history_report

        write_history_report(found, page, metric=metric, slice=place)
    console.print(view)
    if page is not None:
        click.echo(f"\nReport: {page}")
    if open_it:
        click.launch(str(page))
    return BLESSED


def _history(output: Sequence[str]) -> History:
    from evaluator_component.results.history import history as history_of

    return history_of(output)


def _history_of_metadata(mlmd: str, pipeline: str | None) -> History:
    if importlib.util.find_spec("ml_metadata") is None:
        raise ConfigError("--mlmd: ml-metadata is missing: pip install 'evaluator-component[tfx]'")
    from evaluator_component.lineage import history_of_metadata

    return history_of_metadata(mlmd, pipeline=pipeline)


@main.command()
@click.argument("name", required=False)
@click.option("--module-file", type=click.Path(), help="Python file that declares metrics of your own.")
@exits
def metrics(name: str | None, module_file: str | None) -> int:
    """List the metrics, or explain the one of this NAME (its class name)."""
    from evaluator_component.metrics import describe
    from evaluator_component.metrics.modules import load_module
    from evaluator_component.metrics.registry import catalogue

    if module_file:
        load_module(module_file)
    if name is None:
        for family, entries in describe.by_family().items():
            click.secho(family, bold=True)
            for entry in entries:
                about = ", ".join(
                    filter(None, (f"{entry.direction} is better" if entry.direction else "", entry.interval))
                )
                click.echo(f"  {entry.class_name:<38} {entry.name:<38} {about}")
                click.secho(f"      {entry.summary}", dim=True)
        return BLESSED
    if name not in catalogue():
        raise ConfigError(f"unknown metric {name!r}; {nearest(name, catalogue())}")
    entry = catalogue()[name]
    click.secho(entry.class_name, bold=True, nl=False)
    click.echo(f" ({entry.family}); {entry.name!r} in the results")
    click.echo(f"  {entry.summary}")
    click.echo(f"  better: {entry.direction or 'neither higher nor lower'}; range: {describe.limits(entry)}")
    click.echo(f"  interval: {entry.interval or 'none'}")
    for option, default in describe.options(entry):
        click.echo(f"  option {option}: {default}")
    click.echo("\n" + describe.example(entry))
    return BLESSED


@main.command()
@click.option("--output", "-o", type=click.Path(), default="demo_output", show_default=True, help="Folder to work in.")
@click.option("--data-root", type=click.Path(), help="Folder of CSV files of taxi trips; generated if left out.")
@exits
def demo(output: str, data_root: str | None) -> int:
    """Run the taxi pipeline three times with TFX: a first model, a better one, a worse one."""
    if importlib.util.find_spec("tfx") is None:
        raise ConfigError("the demo runs a TFX pipeline, and TFX is missing: pip install 'evaluator-component[tfx]'")
    script = _pipelines() / "taxi" / "run.py"
    arguments: Sequence[str] = [] if data_root is None else ["--data-root", data_root]
    finished = subprocess.run([sys.executable, str(script), "--output", output, *arguments], check=False)
    return finished.returncode if finished.returncode in (BLESSED, USAGE) else FAILED


def _pipelines() -> Path:
    """The folder of example pipelines: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "_pipelines", package.parent / "pipelines"):
        if folder.is_dir():
            return folder
    raise DataError(f"{package}: the example pipelines are not installed; install the package again")


def _splits(data: Sequence[str]) -> dict[str, list[str]]:
    """``train=a/*`` names a split; a pattern without one belongs to "eval"."""
    splits: dict[str, list[str]] = {}
    for item in data:
        name, separator, pattern = item.partition("=")
        named = bool(separator) and name.isidentifier()
        splits.setdefault(name if named else "eval", []).append(pattern if named else item)
    return splits


if __name__ == "__main__":
    main()
