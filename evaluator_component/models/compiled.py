"""The metrics and the loss that were compiled into a Keras model, read from its files."""

from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator_component.config import candidate_spec
from evaluator_component.errors import ConfigError
from evaluator_component.metrics.registry import build, result_name
from evaluator_component.models.predictor import Predictor, TensorInfo
from evaluator_component.proto import config_pb2

LOSS = "loss"
"""The name of a model's loss among its metrics."""

_ACCURACY = frozenset({"accuracy", "acc"})
_WRAPPERS = frozenset({"MeanMetricWrapper", "LossFunctionWrapper"})


def add_compiled_metrics(complete: Any, path: str, candidate: Predictor | None) -> list[str]:
    """Adds the metrics and the loss that were compiled into the candidate to the config, as it names them.

    Returns:
        Notices of those that cannot be computed.
    """
    options, spec = complete.options, candidate_spec(complete)
    wanted = not options.HasField("include_default_metrics") or options.include_default_metrics.value
    if candidate is None or not wanted or "://" in path:
        return []
    names = [info.name for info in candidate.outputs]
    if len(names) == 1:
        return _add(complete, path, "", compiled_metrics(path, _classes(candidate.outputs[0])))
    notices = []
    wanted_outputs = {output: spec.prediction_keys.get(output, output) for output in sorted(spec.label_keys)}
    for output, own in (wanted_outputs or {"": spec.prediction_key}).items():
        if own in names:
            found = compiled_metrics(path, _classes(candidate.outputs[names.index(own)]), own, names)
            notices += _add(complete, path, output, found)
    return notices


def _classes(output: TensorInfo) -> int | None:
    return output.shape[-1] if len(output.shape) > 1 else 1


def _add(complete: Any, path: str, output: str, entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Adds entries to the config, for one output if it is named; returns notices of those that cannot be computed."""
    own = [spec for spec in complete.metrics_specs if not output or output in (spec.output_names or [output])]
    known = {result_name(metric) for spec in own for metric in spec.metrics}
    notices, added = [], []
    for entry in entries:
        name = entry["config"]["name"]
        metric = config_pb2.MetricConfig(
            class_name=entry["class_name"], module=entry["module"], config=json.dumps(entry["config"])
        )
        try:
            build(metric)
        except ConfigError as error:
            notices.append(f"{path}: {name!r}, compiled into the model, is left out: {error}")
        else:
            if name not in known:
                added.append(metric)
                known.add(name)
    if added:
        complete.metrics_specs.add(output_names=[output] if output else []).metrics.extend(added)
    return notices


def compiled_metrics(
    path: str, classes: int | None, output: str = "", outputs: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The metrics of a model as entries of a config: ``class_name``, ``module`` and ``config`` with their ``name``.

    Args:
        path: A ``.keras`` file, a folder that holds one, or a SavedModel that Keras 2 wrote. Others have none.
        classes: How many scores the model gives per example, None if that is not known; "accuracy" depends on it.
        output: Of a model with several outputs, the one whose metrics are wanted.
        outputs: All of its outputs, in the model's order.

    Returns:
        The loss first; nothing for a model that was not compiled.
    """
    compiled, package = _compile_config(path)
    if not compiled:
        return []
    in_order = () if Path(path).joinpath("saved_model.pb").exists() else outputs  # a signature has its own order
    parts = {name: _of_output(compiled.get(name), output, in_order) for name in ("loss", "metrics", "weighted_metrics")}
    loss = parts["loss"]
    metrics = [*_listed(parts["metrics"]), *_listed(parts["weighted_metrics"])]
    found = [] if loss is None or _nested(loss) else [_entry(loss, "losses", package, LOSS, "", classes)]
    sparse = "sparse" in json.dumps(loss).lower()
    found += [_entry(metric, "metrics", package, "", "Sparse" if sparse else "", classes) for metric in metrics]
    return [entry for entry in found if entry is not None]


def _compile_config(path: str) -> tuple[Mapping[str, Any], str]:
    """What the model was compiled with, and the package of the Keras that wrote it; empty where there is nothing."""
    place = Path(path)
    if place.is_dir() and not (place / "saved_model.pb").exists():
        files = sorted(place.glob("*.keras"))
        place = files[0] if len(files) == 1 else place
    if place.is_file() and zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            content: Mapping[str, Any] = json.loads(archive.read("config.json"))
            return content.get("compile_config") or {}, "keras"
    metadata = place / "keras_metadata.pb"
    if not metadata.is_file():
        return {}, ""
    try:
        messages = importlib.import_module("tf_keras.protobuf.saved_metadata_pb2")
    except ImportError:
        return {}, ""
    for node in messages.SavedMetadata.FromString(metadata.read_bytes()).nodes:
        if node.node_path == "root":
            return json.loads(node.metadata).get("training_config") or {}, "tf_keras"
    return {}, ""


def _of_output(value: Any, output: str, outputs: Sequence[str]) -> Any:
    """The part of one output, by name or by its place in a list; all of it where there is one output."""
    if not output or not _nested(value):
        return value
    if isinstance(value, dict):
        return value.get(output)
    if outputs:
        return value[outputs.index(output)] if len(value) == len(outputs) else None
    named = [one for one in _listed(value) if isinstance(one, dict)]  # Keras 2 puts the output before the name
    prefix = f"{output}_"
    return [
        {**one, "config": {**one["config"], "name": one["config"]["name"][len(prefix) :]}}
        for one in named
        if str((one.get("config") or {}).get("name", "")).startswith(prefix)
    ]


def _listed(metrics: Any) -> Iterator[Any]:
    """The metrics of a model with one output, which Keras nests in lists."""
    if isinstance(metrics, list):
        for metric in metrics:
            yield from _listed(metric)
    elif metrics is not None and not _nested(metrics):
        yield metrics


def _nested(value: Any) -> bool:
    """Whether it holds one entry for each of several outputs."""
    return isinstance(value, list) or (isinstance(value, dict) and "class_name" not in value)


def _entry(
    identifier: Any, kind: str, package: str, name: str, prefix: str, classes: int | None
) -> dict[str, Any] | None:
    """One entry of a config of what Keras wrote: the name of a function, or class and config; None if it is unknown."""
    module = f"{package}.{kind}"
    if not isinstance(identifier, dict):
        return _of_function(str(identifier), module, name or str(identifier), prefix, classes)
    config = {key: value for key, value in (identifier.get("config") or {}).items() if value not in (None, False)}
    class_name = str(identifier["class_name"])
    own = name or str(config.get("name", class_name))
    if class_name in _WRAPPERS:  # Keras 2 writes the function that it made a metric of
        return _of_function(str(config.get("fn")), module, own, prefix, classes)
    return {"class_name": class_name, "module": module, "config": {**config, "name": own}}


def _of_function(function: str, module: str, name: str, prefix: str, classes: int | None) -> dict[str, Any] | None:
    """The entry of a class by the name of its function, such as binary_crossentropy or mse."""
    if function in _ACCURACY:
        class_name = f"{prefix}CategoricalAccuracy" if classes is not None and classes > 1 else "BinaryAccuracy"
        return {"class_name": class_name, "module": module, "config": {"name": name}}
    declared = importlib.import_module(module)
    try:
        found = declared.get(function)
    except ValueError:  # a function of the model's own
        return None
    wanted = getattr(found, "__name__", type(found).__name__).replace("_", "").lower()
    for class_name in dir(declared):
        if class_name.lower() == wanted and isinstance(getattr(declared, class_name), type):
            return {"class_name": class_name, "module": module, "config": {"name": name}}
    return None
