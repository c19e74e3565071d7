"""JupyterLab and Notebook as they are started by hand, but for a while only, and shut in."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.browser.conftest import missing

PACKAGE_ROOT = pathlib.Path(__file__).parents[2]
TOKEN = "a-token-of-the-tests"
LIFE = 240  # seconds without activity after which a server ends itself, should nobody end it
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: Its address, with the slash at the end.
        root: The folder of its notebooks.
    """

    url: str
    root: pathlib.Path

    def page(self, app: str, notebook: str) -> str:
        """The address of a notebook's page in "lab" or "notebook"."""
        return f"{self.url}{'lab/tree' if app == 'lab' else 'notebooks'}/{notebook}?token={TOKEN}"


def require(*modules: str) -> None:
    """Skips the test where one of the modules is missing; in CI it fails."""
    if absent := [name for name in modules if importlib.util.find_spec(name) is None]:
        missing(f"{', '.join(absent)} not found; install the group test")


def write_notebook(path: pathlib.Path, *cells: str) -> pathlib.Path:
    """Writes a notebook with these cells of code."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def environment(home: pathlib.Path) -> Mapping[str, str]:
    """An environment whose kernels import this package from here, and in which no setting of a user counts."""
    folders = {
        name: str(home / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR",
        )
    }  # fmt: skip
    own = {
        "PYTHONPATH": str(PACKAGE_ROOT),
        "HOME": str(home),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    return {**os.environ, **folders, **own}


@contextlib.contextmanager
def serving(app: str, home: pathlib.Path) -> Iterator[Server]:
    """Starts ``jupyter lab`` or ``jupyter notebook`` on a free port of this machine, and ends it whatever happens."""
    require("jupyterlab", "notebook", "ipykernel", "anywidget")
    root, own = home / "notebooks", environment(home)
    root.mkdir(parents=True)
    settings = pathlib.Path(own["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": 0,
        "ServerApp.root_dir": root,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.shutdown_no_activity_timeout": LIFE,
        "ServerApp.terminals_enabled": False,
        "IdentityProvider.token": TOKEN,
    }
    command = [sys.executable, "-m", "jupyter", app, *(f"--{name}={value}" for name, value in options.items())]
    log = home / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=own, cwd=root, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield Server(_address(process, pathlib.Path(own["JUPYTER_RUNTIME_DIR"]), log), root)
    finally:
        process.terminate()  # its kernels end with it
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _address(process: subprocess.Popen[bytes], runtime: pathlib.Path, log: pathlib.Path) -> str:
    """Waits until the server has written where it listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        for found in runtime.glob(f"jpserver-{process.pid}.json"):
            with contextlib.suppress(ValueError):  # half written
                return str(json.loads(found.read_text())["url"])
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-3000:]}")
