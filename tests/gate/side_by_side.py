"""The gate's scenarios, with this package's answer and the installed peer's side by side.

    python -m tests.gate.side_by_side

writes docs/gate-scenarios.md.
"""

from __future__ import annotations

import importlib.metadata
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from evaluator_component.errors import ConfigError
from tests.gate import scenario_inputs as inputs
from tests.gate.peer_component import ask_component
from tests.gate.peer_scenarios import Answer, ask_tfma, verdict_answer
from tests.gate.scenarios import ENGINE_SCENARIOS, SCENARIOS, Scenario

DOCUMENT = Path(__file__).parents[2] / "docs" / "gate-scenarios.md"
BY_NUMBER = {scenario.number: scenario for scenario in (*SCENARIOS, *ENGINE_SCENARIOS)}

OURS_ALONE = {"13", "15b", "20", "20b", "22b", "26b", "41b", "43", "43b", "44b"}
OURS_ALONE |= {number for number, scenario in BY_NUMBER.items() if "confidence" in scenario.config}
"""Scenarios of choices and states that the peer does not have."""

_LONGEST = 160


@dataclass(frozen=True)
class Wiring:
    """Artifacts with which a scenario goes through both components.

    Attributes:
      scenario: Config and data.
      candidates, baselines: The models that come in: which scores they return, by the name of a model of `SideBySide`.
    """

    scenario: Scenario
    candidates: tuple[str, ...] = ("candidate",)
    baselines: tuple[str, ...] = ()


def _retitled(title: str, **columns: Sequence[float]) -> Scenario:
    """Returns the scenario of two equal models under another title, with more features."""
    equal = BY_NUMBER["7"]
    return replace(equal, title=title, data={"eval": {**equal.data["eval"], **columns}})


_SCORES = BY_NUMBER["7"].data["eval"]["baseline"]

WIRINGS = {
    "12": Wiring(BY_NUMBER["12"]),
    "15": Wiring(BY_NUMBER["15"]),
    "31": Wiring(BY_NUMBER["31"], candidates=()),
    "37": Wiring(_retitled("two candidates are wired"), ("candidate", "candidate"), ("baseline",)),
    "37b": Wiring(_retitled("two baselines are wired"), baselines=("baseline", "baseline")),
    "39": Wiring(
        _retitled("the baseline predicts three classes, the candidate one score"), baselines=("three classes",)
    ),
    "39b": Wiring(
        _retitled("the baseline has two outputs, the candidate one", baseline_one=_SCORES, baseline_two=_SCORES),
        baselines=("two outputs",),
    ),
    "41": Wiring(BY_NUMBER["41"]),
    "43c": Wiring(_retitled("the folder of the wired baseline is deleted"), baselines=("gone",)),
}
"""Scenarios that go through both components."""


@dataclass(frozen=True)
class Row:
    """What both say about a scenario."""

    number: str
    title: str
    ours: Answer
    peer: Answer

    def __str__(self) -> str:
        return f"{self.number:>4} {self.title} | {self.ours} | {self.peer_column}"

    @property
    def peer_column(self) -> str:
        """The peer's answer; only what it adds where it comes to the same verdict."""
        if self.peer.outcome != self.ours.outcome:
            return str(self.peer)
        return str(Answer("same", self.peer.details))


class SideBySide:
    """Asks both about a scenario, once.

    Args:
      folder: Where data, models and outputs are written.
    """

    numbers = tuple(sorted({*BY_NUMBER, *WIRINGS}, key=lambda number: (int(re.sub(r"\D", "", number)), number)))

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, Row] = {}

    def row(self, number: str) -> Row:
        """Returns the row of a scenario."""
        if number not in self._rows:
            wiring, folder = WIRINGS.get(number), self._folder / number
            scenario = wiring.scenario if wiring else BY_NUMBER[number]
            answers = self._components(wiring, folder) if wiring else self._libraries(scenario, folder)
            self._rows[number] = Row(number, scenario.title, *(self._printable(answer) for answer in answers))
        return self._rows[number]

    def _libraries(self, scenario: Scenario, folder: Path) -> tuple[Answer, Answer]:
        try:
            verdict = inputs.ask_us(scenario, folder / "data", self._folder / "models").verdict
            assert verdict is not None
            ours = verdict_answer(verdict)
        except ConfigError as error:
            ours = Answer("raises ConfigError", (str(error),))
        return ours, Answer("—") if scenario.number in OURS_ALONE else ask_tfma(scenario, folder / "peer")

    def _components(self, wiring: Wiring, folder: Path) -> tuple[Answer, Answer]:
        candidates = [self._models[name] for name in wiring.candidates]
        baselines = [self._models[name] for name in wiring.baselines]
        return (
            ask_component(wiring.scenario, folder / "ours", candidates, baselines, peer=False),
            ask_component(wiring.scenario, folder / "peer", candidates, baselines, peer=True),
        )

    @cached_property
    def _models(self) -> dict[str, Path]:
        root = self._folder / "models"
        return {
            "candidate": inputs.export(root, "candidate"),
            "baseline": inputs.export(root, "baseline"),
            "three classes": inputs.export(root, "baseline", width=3),
            "two outputs": inputs.export(root, "baseline", ("one", "two")),
            "gone": root / "gone",
        }

    def _printable(self, answer: Answer) -> Answer:
        """Leaves out what differs from run to run: where the files are."""
        return Answer(
            answer.outcome, tuple(_shortened(text.replace(f"{self._folder}/", "")) for text in answer.details)
        )


def _shortened(text: str) -> str:
    text = re.sub(r" \[while running .*\]| at 0x[0-9a-f]+", "", " ".join(text.split()))
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"


_DOCUMENT = """# The gate's scenarios

What this package and its peer, TensorFlow Model Analysis {tfma} as TFX {tfx} runs it, say about the same configs,
examples and scores. `python -m tests.gate.side_by_side` writes this page; a test keeps it true. Configs and data are in
[tests/gate/scenarios.py](../tests/gate/scenarios.py).

Rows {wirings} go through the executors of both components, the others
through both libraries. For the peer, `gate.min_examples` is `options.min_slice_size`; a dash marks what it does not
have.

| # | scenario | evaluator-component | peer |
|---|---|---|---|
{rows}
"""


def document(rows: Iterable[Row]) -> str:
    """Returns the content of docs/gate-scenarios.md."""
    cells = [(row.number, row.title, str(row.ours), row.peer_column) for row in rows]
    return _DOCUMENT.format(
        tfma=importlib.metadata.version("tensorflow-model-analysis"),
        tfx=importlib.metadata.version("tfx"),
        wirings=", ".join(WIRINGS),
        rows="\n".join(f"| {' | '.join(map(_cell, row))} |" for row in cells),
    )


def _cell(text: str) -> str:
    return re.sub(r"([|<*_])", r"\\\1", text)


def main() -> None:
    """Writes the document."""
    with tempfile.TemporaryDirectory(prefix="scenarios-") as folder:
        both = SideBySide(Path(folder))
        for number in both.numbers:
            print(both.row(number), flush=True)
        DOCUMENT.write_text(document(map(both.row, both.numbers)), encoding="utf-8")


if __name__ == "__main__":
    main()
