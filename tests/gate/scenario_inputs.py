"""A scenario's tiny data as tf.Examples, and models that return what the scenario says they return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import evaluator_component as ec
from evaluator_component.results import Evaluation
from tests import trips
from tests.gate.scenarios import Scenario

MODELS = ("candidate", "baseline")


def features(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the features of each example; those of an output are called like label_one."""
    flat: dict[str, Sequence[Any]] = {}
    for name, values in columns.items():
        of_outputs = values if isinstance(values, Mapping) else {"": values}
        flat |= {f"{name}_{output}" if output else name: list(value) for output, value in of_outputs.items()}
    return [dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True)]


def outputs(scenario: Scenario) -> tuple[str, ...]:
    """Returns the names of the model's outputs; nothing for a model with only one."""
    label = next(iter(scenario.data.values()))["label"]
    return tuple(label) if isinstance(label, Mapping) else ()


def compared(scenario: Scenario) -> bool:
    """Whether there is a baseline."""
    return all("baseline" in columns for columns in scenario.data.values())


def examples(scenario: Scenario) -> dict[str, list[bytes]]:
    """Returns the serialized tf.Examples of each split."""
    return {split: [trips.example(**row) for row in features(columns)] for split, columns in scenario.data.items()}


def write_data(scenario: Scenario, folder: Path) -> dict[str, str]:
    """Writes a TFRecord file per split; returns split -> path."""
    return {split: str(trips.write_records(folder / split, records)) for split, records in examples(scenario).items()}


def score_features(model: str, names: tuple[str, ...]) -> dict[str, str]:
    """Returns output -> the feature that holds its score."""
    return {name: f"{model}_{name}" for name in names} or {"score": model}


@cache
def export(root: Path, model: str, names: tuple[str, ...] = (), width: int = 1) -> Path:
    """Exports a SavedModel for serialized examples that returns features; made once.

    Args:
      root: Where models are kept.
      model: "candidate" or "baseline": which scores it returns.
      names: Its outputs; none for a single one.
      width: How often each score is repeated: a model of so many classes.

    Returns:
      The folder of a Model artifact; `serving` says where the SavedModel is.
    """
    import tensorflow as tf

    read = score_features(model, names)

    class Echo(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
            parsed = trips.parse_floats(examples, tuple(read.values()))
            return {output: tf.repeat(parsed[name][:, tf.newaxis], width, axis=1) for output, name in read.items()}

    folder = root / "-".join((model, *names, str(width)))
    trips.save(serving(folder), {"serving_default": Echo().serve})
    return folder


def serving(folder: Path) -> Path:
    """Returns the SavedModel inside a Model artifact's folder."""
    return folder / "Format-Serving"


def ask_us(scenario: Scenario, folder: Path, models: Path) -> Evaluation:
    """Evaluates a scenario with this package.

    Args:
      scenario: The scenario.
      folder: Where its data is written.
      models: Where models are kept.
    """
    return ec.evaluate(**arguments(scenario, folder, models), progress=False)


def arguments(scenario: Scenario, folder: Path, models: Path) -> dict[str, Any]:
    """Returns the arguments with which a scenario is evaluated or checked, having written its data."""
    candidate, baseline = (str(serving(export(models, model, outputs(scenario)))) for model in MODELS)
    return {
        "config": scenario.config_text,
        "model": None if scenario.no_model else candidate,
        "baseline": baseline if compared(scenario) else None,
        "data": write_data(scenario, folder),
        "baseline_state": scenario.baseline,
    }
