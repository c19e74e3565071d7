"""SavedModels, called through a signature that takes serialized examples or a dict of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator_component.data.batch import Batch
from evaluator_component.data.features import ValueKind
from evaluator_component.errors import ModelError, nearest
from evaluator_component.models.chunks import Chunks
from evaluator_component.models.predictor import Predictions, TensorInfo, dense_input

DEFAULT_SIGNATURE = "serving_default"


class SavedModelPredictor:
    """A signature of a SavedModel; see :class:`~evaluator_component.models.predictor.Predictor`."""

    def __init__(self, path: str, model: Any, signature: Any, batch_size: int):
        self.path = path
        self._model = model  # keeps the variables alive
        self._signature = signature
        self._chunks = Chunks(path, batch_size)
        arguments = {name: _info(name, spec) for name, spec in signature.structured_input_signature[1].items()}
        self.outputs = tuple(_info(name, spec) for name, spec in sorted(signature.structured_outputs.items()))
        self._serialized_argument = ""
        self.inputs: tuple[TensorInfo, ...] | None = tuple(arguments[name] for name in sorted(arguments))
        if len(arguments) == 1:
            (only,) = arguments.values()
            if only.dtype == "object" and len(only.shape) <= 1:
                self._serialized_argument = only.name
                self.inputs = None
        self._arguments = arguments

    @property
    def halved(self) -> bool:
        """Whether it ran out of memory and gets smaller batches since."""
        return self._chunks.halved

    def settle_inputs(self, kinds: Mapping[str, ValueKind]) -> None:
        """A single argument of strings takes the feature of its name, and only without one serialized examples."""
        if self.inputs is None and kinds.get(self._serialized_argument) is ValueKind.BYTES:
            self.inputs = (self._arguments[self._serialized_argument],)

    def predict(self, batch: Batch) -> Predictions:
        """Calls the signature, at most ``batch_size`` examples at a time."""
        import tensorflow as tf

        if self.inputs is None:
            columns = {self._serialized_argument: batch.serialized}
        else:
            columns = {info.name: tf.constant(dense_input(batch, info, self.path)) for info in self.inputs}
        return self._chunks.call(self._call, columns, batch)

    def _call(self, columns: dict[str, Any]) -> dict[str, Any]:
        return {name: value.numpy() for name, value in self._signature(**columns).items()}


def load(path: str, signature_name: str, batch_size: int) -> SavedModelPredictor:
    """Loads a SavedModel.

    Raises:
        ModelError: It does not load, or has no such signature, or several and none is named.
    """
    import tensorflow as tf

    try:
        model = tf.saved_model.load(path)
    except Exception as error:  # TensorFlow raises many types for a damaged model
        raise ModelError.lost(f"{path}: the SavedModel does not load ({type(error).__name__}: {error})") from error
    names = sorted(model.signatures)
    if signature_name:
        if signature_name not in names:
            raise ModelError(f"{path}: has no signature {signature_name!r}; {nearest(signature_name, names)}")
        chosen = signature_name
    elif DEFAULT_SIGNATURE in names:
        chosen = DEFAULT_SIGNATURE
    elif len(names) == 1:
        chosen = names[0]
    elif not names:
        raise ModelError(
            f"{path}: has no signature; export one, for example with "
            "model.export(path) or tf.saved_model.save(model, path, signatures=...)"
        )
    else:
        raise ModelError(
            f"{path}: has several signatures and no {DEFAULT_SIGNATURE}; set model_specs.signature_name to one of: "
            f"{', '.join(names)}"
        )
    return SavedModelPredictor(path, model, model.signatures[chosen], batch_size)


def _info(name: str, spec: Any) -> TensorInfo:
    rank = spec.shape.rank
    shape = tuple(spec.shape.as_list()) if rank is not None else (None,)
    dtype = spec.dtype.as_numpy_dtype
    return TensorInfo(name, shape, "object" if dtype is object else dtype.__name__)
