"""Metrics and losses of Keras by class name, where they are means over examples or their variables add up."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.errors import ConfigError
from evaluator_component.metrics.keras_state import KerasResult, KerasState, keras_columns, make, width_of_sums
from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import LOWER, Definition, Direction, Metric, Options, Plot, Values
from evaluator_component.metrics.registry import snake_case
from evaluator_component.metrics.terms import Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, Kind, View

MODULES = ("tf_keras.metrics", "tf_keras.losses", "keras.metrics", "keras.losses")
"""Where a class is looked for that comes without a module; Keras 2 first, as the peer does."""
_PACKAGES = ("tf_keras", "keras", "tensorflow.keras", "tensorflow.python.keras", "tf.keras")
_SETTLED = frozenset({"reduction", "fn", "dtype"})
"""What Keras writes into configs, and a mean over examples in double precision settles."""


@dataclass(frozen=True)
class KerasTerms:
    """Σw·f(y, p) of a function of Keras; of several numbers for an example their mean.

    Attributes:
        module: Where the class is.
        class_name: The metric or loss.
        config: Its config as JSON.
    """

    module: str
    class_name: str
    config: str
    columns = ("value",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        if not len(view):
            return (np.zeros(0),)
        labels, predictions = keras_columns(self.class_name, view)
        function = _function(self.module, self.class_name, self.config)
        found = np.asarray(function(labels, predictions), np.float64).reshape(len(view), -1).mean(axis=1)
        return (np.where(view.weights > 0, view.weights * found, 0.0),)


@dataclass(frozen=True)
class _KerasMean:
    terms: KerasTerms

    def __call__(self, totals: Totals) -> Values:
        value = MeanOf(self.terms)(totals).resolve().value
        return Values(value, f"no example has a weight above 0, or {self.terms.class_name} gives no number for one")


@functools.cache
def _function(module: str, class_name: str, config: str) -> Callable[[Float64, Float64], Any]:
    """The function whose mean over examples the class is."""
    return _function_of(getattr(importlib.import_module(module), class_name).from_config(json.loads(config)))


def _function_of(made: Any) -> Callable[[Float64, Float64], Any]:
    function = made._fn if hasattr(made, "_fn") else made.fn
    given = made._fn_kwargs
    package = importlib.import_module(type(made).__module__.split(".")[0])
    tensor = package.ops.convert_to_tensor if hasattr(package, "ops") else package.backend.constant  # Keras 3; 2
    return lambda labels, predictions: function(
        tensor(labels, dtype="float64"), tensor(predictions, dtype="float64"), **given
    )


def keras_definition(class_name: str, module: str, options: Options) -> Definition | None:
    """The entry of a metric or loss of Keras, None if Keras has no class of this name.

    Args:
        class_name: As in the config.
        module: As in the config, '' to look in Keras's own.
        options: The entry's options.

    Raises:
        ConfigError: Keras has it, but it is no mean over examples, or Keras refuses its options.
    """
    for found, declared in _classes(class_name, module):
        made = _made(found, declared, options)
        is_mean = _is_mean(made)
        width, problem = 0, "it is a loss"
        if not is_mean and hasattr(made, "update_state"):
            width, problem = width_of_sums(make(declared, json.loads(_config(options))))
        if not is_mean and not width:
            raise ConfigError(
                f"metric {class_name!r}: {declared.__module__}.{class_name} is no mean over examples, and its "
                f"variables cannot be summed slice by slice ({problem}); use a metric of the catalogue, or declare one "
                "of your own with @metric in a module_file"
            )
        summary = (declared.__doc__ or class_name).strip().splitlines()[0].rstrip(".")
        direction: Direction | None = LOWER if found.endswith("losses") else None
        interval = "delta" if is_mean else "jackknife"
        build = functools.partial(_build, found, class_name, direction, width)
        name, accepted = snake_case(class_name), dict.fromkeys(options)
        return Definition(
            class_name, name, "Keras", f"{summary}.", accepted, build, direction=direction, interval=interval
        )
    return None


def _build(
    module: str, class_name: str, direction: Direction | None, width: int, result_name: str, given: Options
) -> tuple[Metric | Plot, ...]:
    if width:
        state = KerasState(module, class_name, _config(given), width)
        used = (state, Weight())
        return (Metric(result_name, Kind.KERAS, KerasResult(state), used, direction=direction, interval="jackknife"),)
    terms = KerasTerms(module, class_name, _config(given))
    metric = Metric(
        result_name, Kind.KERAS, _KerasMean(terms), (terms, Weight()), direction=direction, interval="delta"
    )
    return (metric,)


def _classes(class_name: str, module: str) -> Iterator[tuple[str, Any]]:
    for name in (module,) if module else MODULES:
        name = name.replace("tf.keras", "tensorflow.keras", 1) if name.startswith("tf.keras") else name
        try:
            declared = getattr(importlib.import_module(name), class_name, None)
        except ImportError:
            continue
        if isinstance(declared, type) and any(base.__module__.startswith(_PACKAGES) for base in declared.__mro__):
            yield name, declared


def _made(module: str, declared: Any, options: Options) -> Any:
    try:
        return declared.from_config(json.loads(_config(options)))
    except Exception as error:
        raise ConfigError(f"metric {declared.__name__!r}: {module} refuses its config: {error}") from error


def _config(options: Options) -> str:
    kept = {key: value for key, value in options.items() if key not in _SETTLED and value is not None}
    return json.dumps(kept, sort_keys=True)


def _is_mean(made: Any) -> bool:
    """Whether it wraps a function of labels and predictions that gives each example a value of its own."""
    names = {base.__name__ for base in type(made).__mro__}
    if not names & {"MeanMetricWrapper", "LossFunctionWrapper"} or not hasattr(made, "_fn_kwargs"):
        return False
    function = _function_of(made)
    scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]])
    sparse = np.array([[0.0], [2.0], [1.0]])
    cases = ((np.eye(3), scores), (sparse, scores), (scores[:, :1], scores[:, 1:2]))
    return any(_is_by_example(function, *case) for case in cases)


def _is_by_example(function: Callable[[Float64, Float64], Any], labels: Float64, predictions: Float64) -> bool:
    """Whether three examples have the values that each of them has alone; False where it does not take their shape."""
    with contextlib.suppress(Exception):  # Keras can raise anything
        whole = np.asarray(function(labels, predictions), np.float64)
        alone = [np.asarray(function(labels[i : i + 1], predictions[i : i + 1]), np.float64) for i in range(3)]
        return whole.shape[:1] == (3,) and np.allclose(whole, np.concatenate(alone), rtol=1e-5)
    return False
