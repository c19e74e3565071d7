"""The catalogue: metrics by the class names that configs use."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluator_component.config.options import metric_options
from evaluator_component.config.paths import FieldError, Path
from evaluator_component.errors import ConfigError, nearest
from evaluator_component.metrics.metric import Definition, Metric, Options, Plot
from evaluator_component.stats.student import Scale

_REGISTRY: dict[str, Definition] = {}
_CUSTOM: dict[str, Definition] = {}

_IGNORED_OPTIONS = frozenset({"dtype"})
"""Options that Keras writes into every config and that mean nothing here: sums are exact whatever the dtype."""


_CLASS_OPTIONS = {"class_id": 0, "top_k": 1}
"""Options of metrics of a binary problem that say how it is made of several classes, with the least value."""


def register(definition: Definition) -> None:
    """Adds an entry to the catalogue."""
    assert definition.class_name not in _REGISTRY, definition.class_name
    _REGISTRY[definition.class_name] = definition


def register_custom(definition: Definition) -> None:
    """Adds or replaces a user's own metric; the catalogue's names are taken."""
    if definition.class_name in catalogue() and definition.class_name not in _CUSTOM:
        raise ConfigError(
            f"metric {definition.class_name!r}: the catalogue has a metric of this name already; choose another name"
        )
    _CUSTOM[definition.class_name] = definition


def catalogue() -> Mapping[str, Definition]:
    """All entries by class name, the user's own included."""
    return {**_REGISTRY, **_CUSTOM}


def definition(class_name: str, path: Path = (), module: str = "", options: Options | None = None) -> Definition:
    """Looks an entry up: in the catalogue, else among the metrics and losses of Keras.

    Args:
        class_name: As in the config.
        path: Where the metric is in the config, for an error.
        module: The Python module of a class of Keras, '' for any.
        options: Its options.

    Raises:
        ConfigError: There is none; the message has the nearest names.
    """
    known = catalogue()
    if class_name not in known:
        from evaluator_component.metrics.keras_metrics import keras_definition  # it registers nothing, and loads Keras

        given = {key: value for key, value in (options or {}).items() if key != "name"}
        of_keras = keras_definition(class_name, module, given)
        if of_keras is not None:
            return of_keras
        if module:
            raise FieldError(
                (*path, "module"),
                f"{module!r} cannot be imported, or has no metric or loss of Keras called {class_name!r}; expected a "
                "module that Python finds here and on the workers",
            )
        raise FieldError(
            (*path, "class_name"),
            f"unknown metric {class_name!r}; {nearest(class_name, known)}. A metric of your own is declared with "
            "@metric in a module_file.",
        )
    return known[class_name]


def result_name(metric_config: Any) -> str:
    """The name under which a config entry's values appear in the results.

    Args:
        metric_config: A MetricConfig message.

    Raises:
        ConfigError: The metric is unknown, or its options are not JSON.
    """
    options = metric_options(metric_config)
    return _result_name(definition(metric_config.class_name, (), metric_config.module, options), options)


def _result_name(entry: Definition, options: Options) -> str:
    name = options.get("name")
    return str(name or (entry.name_of(options) if entry.name_of is not None else entry.name))


def build(
    metric_config: Any, path: Path = (), *, of_top: bool = False, top_k_list: Sequence[int] = ()
) -> tuple[Metric | Plot, ...]:
    """Makes the metrics of one config entry.

    Args:
        metric_config: A MetricConfig message.
        path: Where it is in the config, for an error.
        of_top: Whether only the highest scores of each example count: then all of these are predicted positive,
            whatever they are, unless thresholds are given.
        top_k_list: What the metrics spec says in ``binarize``: metrics of queries add it to an option of this name.

    Raises:
        ConfigError: Unknown metric, unknown option, or an option of a wrong type or value.
    """
    class_name = metric_config.class_name
    options = metric_options(metric_config, path)
    entry = definition(class_name, path, metric_config.module, options)
    name = _result_name(entry, options)
    options.pop("name", None)
    if top_k_list and "top_k_list" in entry.options:
        own = options.get("top_k_list") or []
        options["top_k_list"] = sorted({*(own if isinstance(own, list) else [own]), *top_k_list})
    ignored = {*_IGNORED_OPTIONS, *(_CLASS_OPTIONS if entry.by_class else ())}
    given = {key: value for key, value in options.items() if key not in ignored}
    for key, value in given.items():
        if key not in entry.options:
            hint = nearest(key, [*entry.options, "name"])
            raise FieldError((*path, "config"), f"{class_name} has no option {key!r}; {hint}")
        _check_type((*path, "config"), f"option {key!r} of {class_name}", value, entry.options[key])
    missing = [key for key in entry.example if given.get(key) is None]
    if missing:
        example = json.dumps({key: entry.example[key] for key in missing})
        raise FieldError((*path, "config"), f"{class_name} needs {' and '.join(missing)}, for example {example}")
    own = {key: value for key, value in given.items() if value is not None}
    top: Options = {"thresholds": (-math.inf,)} if of_top and "thresholds" in entry.options else {}
    complete: Options = {**entry.options, **top, **own}
    try:
        made = entry.build(name, complete)
    except ValueError as error:
        raise FieldError((*path, "config"), f"{class_name}: {error}") from error
    return tuple(_with_interval(one, entry) if isinstance(one, Metric) else one for one in made)


def _with_interval(metric: Metric, entry: Definition) -> Metric:
    """The metric with the interval and the scale that its entry says, where it says none of its own."""
    scale = _SCALES.get(entry.range, "plain") if metric.scale == "plain" else metric.scale
    return replace(metric, interval=metric.interval or entry.interval, scale=scale)


_SCALES: Mapping[tuple[float, float], Scale] = {
    (0.0, 1.0): "logit",
    (-1.0, 1.0): "fisher",
    (0.0, math.inf): "log",
}
"""By range, the scale on which limits are symmetric, so that they stay in the range."""


def class_options(metric_config: Any, path: Path = ()) -> dict[str, int]:
    """The metric's own ``class_id`` and ``top_k``, which say what classes it is of; those that are set.

    Args:
        metric_config: A MetricConfig message.
        path: Where it is in the config, for an error.

    Raises:
        ConfigError: One of them is not a whole number, or too small.
    """
    entry = catalogue().get(metric_config.class_name)
    if entry is None or not entry.by_class:
        return {}
    options = metric_options(metric_config, path)
    found = {}
    for key, least in _CLASS_OPTIONS.items():
        value = options.get(key)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise FieldError(
                (*path, "config"),
                f"option {key!r} of {metric_config.class_name}: expected a whole number from {least} on, got {value!r}",
            )
        found[key] = value
    return found


def _check_type(path: Path, what: str, value: Any, default: Any) -> None:
    if value is None or default is None:
        return
    if isinstance(default, bool):
        valid, expected = isinstance(value, bool), "true or false"
    elif isinstance(default, (int, float)):
        valid, expected = _is_number(value), "a number"
    elif isinstance(default, tuple):
        several = value if isinstance(value, list) else [value]
        valid, expected = bool(several) and all(_is_number(v) for v in several), "a number or a list of numbers"
    elif isinstance(default, str):
        valid, expected = isinstance(value, str), "a string"
    else:
        return
    if not valid:
        raise FieldError(path, f"{what}: expected {expected}, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def snake_case(class_name: str) -> str:
    """``BinaryAccuracy`` → ``binary_accuracy``, ``AUCPrecisionRecall`` → ``auc_precision_recall``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()


def camel_case(name: str) -> str:
    """``over_prediction`` → ``OverPrediction``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def first_sentence(function: Callable[..., Any]) -> str:
    """The summary line of a function's docstring."""
    return (function.__doc__ or "").strip().split("\n\n", 1)[0].replace("\n", " ").strip()
