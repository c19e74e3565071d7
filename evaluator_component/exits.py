"""How the ``evaluator`` command ends: exit codes, errors in words, and readers of its output that go away."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, TextIO

import click

from evaluator_component.errors import ConfigError, DataError, EvaluatorError, ModelError

BLESSED, NOT_BLESSED, USAGE, FAILED = 0, 1, 2, 3


def exits(command: Callable[..., int]) -> Callable[..., None]:
    """Turns a command's result and its errors into exit codes; no exception ends in "not blessed"."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        debug = click.get_current_context().find_root().params.get("debug", False)
        try:
            code = command(*args, **kwargs)
        except EvaluatorError as error:
            _report(error, debug)
            code = USAGE if isinstance(error, ConfigError) else FAILED
        except click.ClickException:
            raise
        except KeyboardInterrupt:
            click.echo(
                "interrupted: this run left no result; what the output folder holds is of an earlier one", err=True
            )
            code = FAILED
        except Exception as error:
            _report(error, debug)
            click.echo("This is not an error we expected; run again with `evaluator --debug` to see where.", err=True)
            code = FAILED
        sys.stdout.flush()
        sys.exit(code)

    return wrapped


def _report(error: Exception, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    labels = {ConfigError: "config error", DataError: "data error", ModelError: "model error"}
    prefix = next((label for kind, label in labels.items() if isinstance(error, kind)), type(error).__name__)
    click.echo(click.style(f"{prefix}: ", fg="red", bold=True) + str(error), err=True)


class _Ending(io.FileIO):
    """A file whose reader may go away, as ``head`` does: what is written from then on is dropped."""

    def write(self, content: Any, /) -> int:
        """Writes as `io.FileIO` does; says that all was written where nobody reads."""
        try:
            return super().write(content)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(content).nbytes


def forgiving(stream: TextIO) -> TextIO:
    """Returns the stream so that characters it lacks, and a reader that went away, stop no command."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.reconfigure(errors="replace")  # a terminal that lacks a character shows another
    if stream not in (sys.__stdout__, sys.__stderr__):
        return stream
    stream.flush()
    file = io.BufferedWriter(_Ending(stream.fileno(), "wb", closefd=False))
    return io.TextIOWrapper(
        file, stream.encoding, "replace", line_buffering=stream.line_buffering, write_through=stream.write_through
    )
