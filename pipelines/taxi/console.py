"""The demo's terminal: few lines of ours, while what the libraries print goes to a file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

_OURS = "evaluator_component"


class Console:
    """While it is open, standard output and error, also of C++ code and child processes, go to the file `log`.

    `say` still reaches the terminal, and so do warnings of the Evaluator.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._undo = contextlib.ExitStack()
        self._terminal: TextIO = sys.stdout

    def __enter__(self) -> Console:
        sys.stdout.flush()
        sys.stderr.flush()
        self._terminal = self._undo.enter_context(os.fdopen(os.dup(1), "w", encoding="utf-8"))
        with self._log.open("ab") as log:
            for descriptor in (1, 2):
                kept = os.dup(descriptor)
                self._undo.callback(os.close, kept)
                self._undo.callback(os.dup2, kept, descriptor)
                os.dup2(log.fileno(), descriptor)
        self._undo.callback(sys.stderr.flush)
        self._undo.callback(sys.stdout.flush)
        self._let_ours_through()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._undo.close()

    def say(self, text: str, end: str = "\n") -> None:
        """Prints `text` on the terminal."""
        print(text, end=end, file=self._terminal, flush=True)

    @contextlib.contextmanager
    def progress(self) -> Iterator[None]:
        """While a pipeline runs: one line for each of its components, with the seconds it took."""
        from absl import logging as absl_logging

        absl_logging.set_verbosity(absl_logging.INFO)
        absl_logger = logging.getLogger("absl")
        handler = _ComponentTimes(self)
        absl_logger.addHandler(handler)
        try:
            yield
        finally:
            absl_logger.removeHandler(handler)

    def _let_ours_through(self) -> None:
        handler = _Warnings(self)
        logging.getLogger(_OURS).addHandler(handler)
        self._undo.callback(logging.getLogger(_OURS).removeHandler, handler)

        before = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], filename: str, *rest: Any) -> None:
            if _OURS in Path(filename).parts:
                self.say(f"(warning: {message}) ", end="")
            else:
                before(message, category, filename, *rest)

        warnings.showwarning = show  # type: ignore[assignment]
        self._undo.callback(setattr, warnings, "showwarning", before)


class _Warnings(logging.Handler):
    """Says the first line of each warning; the rest of it is in the log."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Prints the warning on the line of the component that runs."""
        self._console.say(f"({record.getMessage().partition(chr(10))[0]}) ", end="")


class _ComponentTimes(logging.Handler):
    """Turns the log lines with which TFX's local runner begins and ends a component into progress lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._began = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Prints the name of a component that begins, and its seconds when it ends."""
        if record.msg == "Component %s is running.":
            self._began = time.monotonic()
            self._console.say(f"  {record.getMessage().split()[1]:<22}", end="")
        elif record.msg == "Component %s is finished.":
            self._console.say(f"{time.monotonic() - self._began:6.1f} s")
