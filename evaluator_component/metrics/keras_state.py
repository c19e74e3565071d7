"""Metrics of Keras whose variables add up: the state of all examples is the sum of the states of their parts."""

from __future__ import annotations

import contextlib
import importlib
import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ConfigError
from evaluator_component.metrics.binarize import one_hot
from evaluator_component.metrics.metric import Values
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.view import Float64, View

MOST_SLICES = 500
_LOCK = threading.Lock()
_MADE: dict[tuple[str, str, str], Any] = {}


def keras_columns(class_name: str, view: View) -> tuple[Float64, Float64]:
    """Labels and predictions as Keras takes them, float64 ``[n, …]``: one-hot labels unless the class is of indices."""
    sparse = class_name.startswith("Sparse") or view.predictions.ndim == 1
    labels, predictions = (
        array if array.ndim == 2 else array[:, None]
        for array in (view.labels if sparse else one_hot(view), view.predictions)
    )
    return labels, predictions


@dataclass(frozen=True)
class KerasState:
    """The variables of a metric after it has seen the examples of a slice.

    Attributes:
        module: Where the class is.
        class_name: The metric.
        config: Its config as JSON.
        width: How many numbers its variables hold.
    """

    module: str
    class_name: str
    config: str
    width: int = field(compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        return tuple(f"state_{i}" for i in range(self.width))

    def compute(self, view: View) -> tuple[Float64, ...]:
        """Never asked for; see :meth:`by_slice`."""
        raise NotImplementedError

    def by_slice(self, view: View, rows: Sequence[npt.NDArray[np.intp]]) -> Float64:
        """See :class:`~evaluator_component.metrics.terms.BySlice`."""
        if len(rows) > MOST_SLICES:
            raise ConfigError(
                f"metric {self.class_name!r}: Keras computes it slice by slice, for at most {MOST_SLICES} slices, and "
                f"there are more; slice less finely, or declare a metric of your own with @metric in a module_file"
            )
        labels, predictions = keras_columns(self.class_name, view)
        totals = np.zeros((self.width, len(rows)))
        with _LOCK:
            made = self._made()
            try:
                for number, own in enumerate(rows):
                    totals[:, number] = state_of(made, labels[own], predictions[own], view.weights[own])
            except Exception as error:  # Keras can raise anything
                shapes = f"labels {labels.shape[1:]} and predictions {predictions.shape[1:]} of an example"
                raise ConfigError(
                    f"metric {self.class_name!r}: Keras fails on {shapes}: {type(error).__name__}: {error}"
                ) from error
        return totals

    def result(self, states: Float64) -> Float64:
        """The metric's value for each column of states, float64 ``[width, slices]``."""
        with _LOCK:
            made = self._made()
            return np.array([result_of(made, state) for state in states.T], np.float64)

    def _made(self) -> Any:
        key = (self.module, self.class_name, self.config)
        if key not in _MADE:
            _MADE[key] = make(getattr(importlib.import_module(self.module), self.class_name), json.loads(self.config))
        return _MADE[key]


@dataclass(frozen=True)
class KerasResult:
    """The value of a metric of summed variables."""

    terms: KerasState

    def __call__(self, totals: Totals) -> Values:
        """The value of each slice."""
        states = np.array(totals[self.terms])
        seen = np.flatnonzero(states.any(axis=0))
        value = np.full(states.shape[1], np.nan)
        value[seen] = self.terms.result(states[:, seen])
        return Values(value, f"no example has a weight above 0, or {self.terms.class_name} gives no number")


def make(declared: Any, config: dict[str, Any]) -> Any:
    """A metric in double precision where it can be, else as it is."""
    with contextlib.suppress(Exception):  # a class of one's own need not take a dtype
        return declared.from_config({**config, "dtype": "float64"})
    return declared.from_config(config)


def state_of(made: Any, labels: Float64, predictions: Float64, weights: Float64) -> Float64:
    """The numbers in the variables after one update."""
    (made.reset_state if hasattr(made, "reset_state") else made.reset_states)()
    if len(weights):
        made.update_state(labels, predictions, sample_weight=weights)
    return np.concatenate([np.zeros(0), *(np.asarray(v.numpy(), np.float64).ravel() for v in _variables(made))])


def result_of(made: Any, state: Float64) -> float:
    """The value that goes with some state."""
    position = 0
    for variable in _variables(made):
        size = int(np.prod(variable.shape))
        variable.assign(np.reshape(state[position : position + size], variable.shape))
        position += size
    return float(np.asarray(made.result()))


def _variables(made: Any) -> Iterable[Any]:
    return [v for v in made.variables if "seed" not in str(getattr(v, "path", v.name))]


def width_of_sums(made: Any) -> tuple[int, str]:
    """How many numbers the variables hold, if they add up over parts of the examples and give one value; else why not.

    Labels, predictions and weights are tried as float64, in the shapes of usual problems.
    """
    width = sum(int(np.prod(variable.shape)) for variable in _variables(made))
    draw = np.random.default_rng(0)
    scores = draw.dirichlet(np.ones(3), 24)
    one = draw.random((24, 1))
    labels = draw.integers(0, 3, 24)
    problem, fits = "it gives no value for any usual shape", False
    cases = (
        ((one > 0.5).astype(float), draw.random((24, 1))),
        (np.eye(3)[labels], scores),
        (labels[:, None].astype(float), scores),
        (labels[:, None].astype(float), draw.integers(0, 3, (24, 1)).astype(float)),
    )
    for truth, predictions in cases:
        weights = draw.integers(1, 4, 24).astype(float)
        try:
            whole = state_of(made, truth, predictions, weights)
            parts = [slice(0, 5), slice(5, 6), slice(6, 24)]
            states = [state_of(made, truth[part], predictions[part], weights[part]) for part in parts]
            if np.isnan(result_of(made, whole)):
                continue
        except Exception as error:  # Keras can raise anything; a metric need not take every shape
            problem = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else error!r}"
            continue
        if not np.allclose(whole, np.sum(states, axis=0), rtol=1e-4, atol=1e-6):
            return 0, "its variables do not add up from part to part"
        fits = True
    return (width, "") if fits and width else (0, problem if width else "it has no variables before it sees examples")
