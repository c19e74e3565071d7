"""The options of a metric: the JSON in ``MetricConfig.config``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evaluator_component.config.paths import FieldError, Path
from evaluator_component.proto import config_pb2


def metric_options(metric: config_pb2.MetricConfig, path: Path = ()) -> dict[str, Any]:
    """Returns the options of a metric, {} when it has none.

    The braces around the JSON may be left out, as TFMA allows: ``"thresholds": [0.3]``.

    Args:
      metric: The metric of a config.
      path: Where the metric is in the config, for the error.

    Raises:
      ConfigError: if the text is not a JSON object.
    """
    text = metric.config.strip()
    if not text:
        return {}
    if not text.startswith("{"):
        text = "{" + text + "}"
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        problem = f'not the JSON of an object ({error}): {metric.config!r}; an example: {{"thresholds": [0.3]}}'
        raise FieldError((*path, "config"), problem) from None
    return dict(options)


def options_json(options: Mapping[Any, Any], path: Path) -> str:
    """Returns the options of a metric as the JSON text that a config holds, the same text for equal options.

    Raises:
      ConfigError: if a key is not a text or a value cannot be expressed in JSON.
    """
    return json.dumps(_plain(options, path), sort_keys=True)


def _plain(value: Any, path: Path) -> Any:
    """Returns a value made of JSON's own types only."""
    if value is None or isinstance(value, (bool, str, float, int)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise FieldError(path, f"the key {wrong[0]!r} is not a text; put it in quotes")
        return {key: _plain(item, (*path, key)) for key, item in value.items()}
    raise FieldError(path, f"{value} ({type(value).__name__}) cannot be written as JSON; put it in quotes")
