"""Keras 3 models in ``.keras`` files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator_component.data.batch import Batch
from evaluator_component.data.features import ValueKind
from evaluator_component.errors import ModelError
from evaluator_component.models.chunks import Chunks
from evaluator_component.models.predictor import Predictions, TensorInfo, dense_input

SINGLE_OUTPUT = "output"


class KerasPredictor:
    """A Keras model; its inputs are features by name. See :class:`~evaluator_component.models.predictor.Predictor`."""

    def __init__(self, path: str, model: Any, batch_size: int):
        import tensorflow as tf

        self.path = path
        self._chunks = Chunks(path, batch_size)
        self._by_name = isinstance(model.input, dict)  # then its keys, sorted, go with model.inputs
        tensors = list(model.inputs)
        keys = sorted(model.input) if self._by_name else [tensor.name for tensor in tensors]
        self.inputs: tuple[TensorInfo, ...] | None = tuple(
            _info(key, tensor) for key, tensor in zip(keys, tensors, strict=True)
        )
        names = _output_names(model)
        self.outputs = tuple(_info(name, tensor) for name, tensor in zip(names, model.outputs, strict=True))

        def call(arguments: Any) -> Any:
            return model(arguments, training=False)

        self._call_model = tf.function(call, reduce_retracing=True)
        self._model = model

    @property
    def halved(self) -> bool:
        """Whether it ran out of memory and gets smaller batches since."""
        return self._chunks.halved

    def settle_inputs(self, kinds: Mapping[str, ValueKind]) -> None:
        """Its inputs are always features."""

    def predict(self, batch: Batch) -> Predictions:
        """Calls the model, at most ``batch_size`` examples at a time."""
        import tensorflow as tf

        assert self.inputs is not None
        columns = {info.name: tf.constant(dense_input(batch, info, self.path)) for info in self.inputs}
        return self._chunks.call(self._call, columns, batch)

    def _call(self, columns: dict[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        arguments: Any = columns
        if not self._by_name:
            ordered = list(columns.values())
            arguments = ordered[0] if len(ordered) == 1 else ordered
        flat = tf.nest.flatten(self._call_model(arguments))
        return {info.name: value.numpy() for info, value in zip(self.outputs, flat, strict=True)}


def load(path: str, batch_size: int) -> KerasPredictor:
    """Loads a ``.keras`` file.

    Raises:
        ModelError: It does not load, or its inputs are not known by name.
    """
    import keras

    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many types for a damaged file
        raise ModelError.lost(f"{path}: the Keras model does not load ({type(error).__name__}: {error})") from error
    try:
        return KerasPredictor(path, model, batch_size)
    except (AttributeError, ValueError) as error:
        raise ModelError(
            f"{path}: the Keras model does not know its inputs ({error}); build it with keras.Input layers named as "
            "the features, or export a SavedModel whose signature takes serialized examples"
        ) from error


def _output_names(model: Any) -> list[str]:
    if isinstance(model.output, dict):
        return sorted(model.output)
    if len(model.outputs) == 1:
        return [SINGLE_OUTPUT]
    return list(model.output_names)


def _info(name: str, tensor: Any) -> TensorInfo:
    dtype = str(tensor.dtype)
    return TensorInfo(name, tuple(tensor.shape), "object" if dtype == "string" else dtype)
