"""Loading of the user's modules, which declare metrics as a side effect of their import."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path

from evaluator_component.errors import ConfigError


def load_module(module: str) -> None:
    """Imports a module so that the metrics it declares are registered; once per process and content.

    Args:
        module: The path of a .py file, or the name of an importable module.

    Raises:
        ConfigError: It does not exist or fails while it is imported.
    """
    if not module:
        return
    try:
        if module.endswith(".py"):
            _load_file(Path(module))
        else:
            importlib.import_module(module)
    except ConfigError:
        raise
    except Exception as error:  # a user's module can raise anything
        raise ConfigError(f"module_file {module}: its import fails ({type(error).__name__}: {error})") from error


def _load_file(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f"module_file {path}: no such file; expected a Python file that declares metrics")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    name = f"_evaluator_module_{digest}"
    if name in sys.modules:
        return
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
