"""What the engine knows of a model: its inputs, its outputs, and how to get predictions for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.data.batch import Batch
from evaluator_component.data.features import ValueKind
from evaluator_component.errors import ModelError, nearest

Predictions = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class TensorInfo:
    """Name, shape (None where it varies; the first is the batch) and NumPy type name of an input or output."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        shape = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {self.dtype}[{shape}]"


class Predictor(Protocol):
    """A loaded model."""

    @property
    def path(self) -> str:
        """Where it was loaded from."""

    @property
    def inputs(self) -> tuple[TensorInfo, ...] | None:
        """The features it takes as dense tensors; None when it takes serialized examples."""

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What it predicts."""

    @property
    def halved(self) -> bool:
        """Whether it ran out of memory and gets smaller batches since."""

    def settle_inputs(self, kinds: Mapping[str, ValueKind]) -> None:
        """Decides what an input takes that could be either, from the features of the data."""

    def predict(self, batch: Batch) -> Predictions:
        """Returns arrays ``[size, …]`` by output name."""


def dense_input(batch: Batch, info: TensorInfo, model_path: str) -> npt.NDArray[Any]:
    """One feature of a batch as the dense array that a model takes.

    Raises:
        ModelError: A record lacks the feature or has another number of values, or values of another kind.
    """
    array = batch.column(info.name)
    offsets = array.offsets.to_numpy()
    lengths = np.diff(offsets)
    known = [size for size in info.shape[1:] if size is not None]
    width = int(np.prod(known)) if len(known) == len(info.shape) - 1 else int(lengths.max(initial=1))
    odd = np.flatnonzero(lengths != width)
    if len(odd):
        raise ModelError(
            f"{model_path}: input {info} needs {width} value(s) of feature {info.name!r}, and "
            f"{batch.where(int(odd[0]))} has {lengths[odd[0]]}; export a signature that takes serialized examples "
            "and fills in missing values, or fill them in the data"
        )
    is_text, wants_text = pa.types.is_binary(array.type.value_type), info.dtype in ("object", "str")
    if is_text is not wants_text:
        held, wanted = ("strings", "numbers") if is_text else ("numbers", "strings")
        raise ModelError(
            f"{model_path}: input {info} takes {wanted}, and feature {info.name!r} holds {held}; export a signature "
            "that takes serialized examples, or name the input after a feature of its own kind"
        )
    values = array.values.to_numpy(zero_copy_only=False)
    if not wants_text:
        values = values.astype(info.dtype)
    if len(info.shape) == 1:
        return np.asarray(values).reshape(batch.size)
    shape = [batch.size, *(width if size is None else size for size in info.shape[1:])]
    return np.asarray(values).reshape(shape)


USUAL_OUTPUTS = ("scores", "outputs", "predictions", "logistic", "probabilities", "logits")
"""Where predictions are looked for among several outputs, in this order, as the peer does."""
CLASS_NAMES = ("all_classes", "classes")
"""Outputs that name the classes whose scores a model gives."""


def class_names(predictions: Predictions, classes: int) -> tuple[bytes, ...] | None:
    """The names of the classes in the order of their scores; None if the model does not give them.

    Args:
        predictions: What the model gives for a batch.
        classes: How many scores it gives per example.
    """
    for output in CLASS_NAMES:
        names = predictions.get(output)
        if names is not None and names.dtype == object and names.shape[1:] == (classes,) and len(names):
            same = bool((names == names[0]).all())  # a model can also give the best class alone, or sort them
            return tuple(names[0].tolist()) if same else None
    return None


def pick_output(predictor_outputs: tuple[TensorInfo, ...], key: str, model_path: str, config_path: str) -> TensorInfo:
    """The output that holds the predictions.

    Args:
        predictor_outputs: What the model gives.
        key: The name of an output, '' for the usual one.
        model_path: Where the model is, for the error.
        config_path: Where the config names the output, for the error.

    Raises:
        ModelError: There is none of that name, or there are several and none is named.
    """
    names = [output.name for output in predictor_outputs]
    if key:
        for output in predictor_outputs:
            if output.name == key:
                return output
        raise ModelError(f"{model_path}: has no output {key!r} ({config_path}); {nearest(key, names)}")
    if len(predictor_outputs) == 1:
        return predictor_outputs[0]
    for usual in USUAL_OUTPUTS:
        if usual in names:
            return predictor_outputs[names.index(usual)]
    listed = "; ".join(str(output) for output in predictor_outputs)
    raise ModelError(
        f"{model_path}: has {len(names)} outputs, and {config_path} does not say which one holds the "
        f"predictions; set it to one of: {listed}"
    )
