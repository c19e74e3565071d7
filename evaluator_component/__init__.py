"""A fast, explainable evaluator and deployment gate for machine-learning models.

    import evaluator_component as ec

    result = ec.evaluate(config="eval.yaml", model="model/", data="data/*.gz", output="out/")
    print(result.verdict.explain())

Names are loaded when they are first used: importing this package loads neither TensorFlow nor Beam nor TFX.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluator_component.component import Evaluator
    from evaluator_component.config import load_config
    from evaluator_component.equal_models import SelfTest, selftest
    from evaluator_component.errors import ConfigError, DataError, EvaluatorError, ModelError
    from evaluator_component.evaluation import evaluate
    from evaluator_component.gate import BaselineState, BaselineStatus, Verdict, decide
    from evaluator_component.lineage import history_of_metadata
    from evaluator_component.metrics import Kind, View, metric
    from evaluator_component.preflight import check
    from evaluator_component.results.evaluation import Evaluation
    from evaluator_component.results.history import History, history
    from evaluator_component.results.writing import load

_HOMES = {
    "Evaluator": "component",
    "load_config": "config",
    "ConfigError": "errors",
    "DataError": "errors",
    "EvaluatorError": "errors",
    "ModelError": "errors",
    "evaluate": "evaluation",
    "BaselineState": "gate",
    "BaselineStatus": "gate",
    "Verdict": "gate",
    "decide": "gate",
    "history_of_metadata": "lineage",
    "Kind": "metrics",
    "View": "metrics",
    "metric": "metrics",
    "check": "preflight",
    "Evaluation": "results.evaluation",
    "History": "results.history",
    "history": "results.history",
    "load": "results.writing",
    "SelfTest": "equal_models",
    "selftest": "equal_models",
}

__all__ = [
    "BaselineState",
    "BaselineStatus",
    "ConfigError",
    "DataError",
    "Evaluation",
    "Evaluator",
    "EvaluatorError",
    "History",
    "Kind",
    "ModelError",
    "SelfTest",
    "Verdict",
    "View",
    "check",
    "decide",
    "evaluate",
    "history",
    "history_of_metadata",
    "load",
    "load_config",
    "metric",
    "selftest",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
