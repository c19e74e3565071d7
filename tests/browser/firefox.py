"""Debian's Firefox, driven by WebDriver BiDi, which it speaks itself. (https://www.w3.org/TR/webdriver-bidi/)"""

from __future__ import annotations

import contextlib
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from websockets.sync.client import ClientConnection, connect

_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_START = 60.0
_ANSWER = 60.0


class Firefox:
    """A browser with one page.

    Attributes:
        requests: The addresses that it asked for.
        messages: What the page's console was told, errors among it.
    """

    def __init__(self, connection: ClientConnection):
        self._connection = connection
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.messages: list[str] = []
        self._send("session.new", {"capabilities": {}})
        self._send("session.subscribe", {"events": ["log.entryAdded", "network.beforeRequestSent"]})
        self._page = self._send("browsingContext.getTree", {})["contexts"][0]["context"]

    def open(self, url: str) -> None:
        """Opens an address and waits until it is loaded."""
        self._send("browsingContext.navigate", {"context": self._page, "url": url, "wait": "complete"})

    def evaluate(self, expression: str) -> Any:
        """The JSON value of an expression, or of what it promises."""
        wrapped = f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))"
        target = {"context": self._page}
        answer = self._send("script.evaluate", {"expression": wrapped, "target": target, "awaitPromise": True})
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def wait_for(self, expression: str, seconds: float = 20.0) -> Any:
        """The first value of an expression that is true."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"not within {seconds} s: {expression}"
            time.sleep(0.05)
        return value

    def _send(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=_ANSWER))
            if message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]
            if message.get("method") == "log.entryAdded":
                self.messages.append(str(message["params"].get("text")))
            elif message.get("method") == "network.beforeRequestSent":
                self.requests.append(message["params"]["request"]["url"])


@contextlib.contextmanager
def start(folder: pathlib.Path) -> Iterator[Firefox]:
    """Starts Firefox with a profile in a folder, and ends it."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "no Firefox found; install one (apt-get install firefox-esr)"
    command = [program, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
    log = folder / "log.txt"
    with log.open("wb") as sink:
        process = subprocess.Popen([*command, "about:blank"], stdout=sink, stderr=sink, env=_environment(folder))
    try:
        with connect(f"{_address(log)}/session", max_size=None) as connection:
            yield Firefox(connection)
    finally:
        process.kill()
        process.wait(30)


def _environment(folder: pathlib.Path) -> dict[str, str]:
    return {"HOME": str(folder), "PATH": "/usr/bin:/bin", "MOZ_DISABLE_CONTENT_SANDBOX": "1"}


def _address(log: pathlib.Path) -> str:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        found = _LISTENS.search(log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"Firefox did not start: {log.read_text(errors='replace')[-2000:]}")
