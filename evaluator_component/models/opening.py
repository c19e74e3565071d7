"""Finds out what kind of model lies at a path, and loads it."""

from __future__ import annotations

import os
from pathlib import Path

from evaluator_component.errors import ModelError
from evaluator_component.models import keras_file, saved_model
from evaluator_component.models.predictor import Predictor


def open_model(path: str | os.PathLike[str], signature_name: str = "", batch_size: int = 8192) -> Predictor:
    """Loads a model.

    Args:
        path: A SavedModel folder, a ``.keras`` file, or a folder that holds one ``.keras`` file.
        signature_name: Signature of a SavedModel; by default serving_default, or the only one.
        batch_size: The most examples that are given to the model at a time.

    Raises:
        ModelError: There is no model at the path, it does not load, or its signature cannot be used.
    """
    location = os.fspath(path)
    if "://" in location:
        if location.rstrip("/").endswith(".keras"):
            return keras_file.load(location, batch_size)
        return saved_model.load(location, signature_name, batch_size)
    file = Path(location)
    if file.is_file() and file.suffix == ".keras":
        return keras_file.load(location, batch_size)
    if not file.exists():
        raise ModelError.lost(f"{location}: no such file or folder; expected a SavedModel folder or a .keras file")
    if (file / "saved_model.pb").is_file() or (file / "saved_model.pbtxt").is_file():
        return saved_model.load(location, signature_name, batch_size)
    candidates = sorted(file.glob("*.keras")) if file.is_dir() else []
    if len(candidates) == 1:
        return keras_file.load(str(candidates[0]), batch_size)
    found = ", ".join(sorted(child.name for child in file.iterdir())[:10]) if file.is_dir() else "a file"
    inner = sorted({*file.glob("**/saved_model.pb"), *file.glob("*/**/*.keras")}) if file.is_dir() else []
    places = ", ".join(str(found if found.suffix == ".keras" else found.parent) for found in inner[:3])
    hint = f"; a model lies in {places}" if inner else ""
    raise ModelError.lost(
        f"{location}: holds no model; expected saved_model.pb or one .keras file, found {found or 'nothing'}{hint}"
    )
