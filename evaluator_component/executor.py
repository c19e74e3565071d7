"""The component's executor: resolve → evaluate → decide → publish.

The driver (driver.py) hands over what it found in ML Metadata as execution properties. Kubeflow v2 drops drivers:
there those properties are missing, only a wired baseline is known, and the preflight is the one that ``evaluate`` runs.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib.machinery
import importlib.util
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx.components.evaluator import executor as stock_executor
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from evaluator_component import errors
from evaluator_component.artifacts import EvaluationInputs, resolve
from evaluator_component.publish import discard_blessing, publish

if TYPE_CHECKING:
    from tfx.types import Artifact

    from evaluator_component.gate import Verdict
    from evaluator_component.results import Evaluation

PREFLIGHT_ERROR_PROPERTY = "preflight_error"

_USER_ERRORS = {kind.__name__: kind for kind in (errors.ConfigError, errors.DataError, errors.ModelError)}

_STOCK_HOOKS = {
    "custom_eval_shared_model": (
        "the model is loaded from its artifact, and model_specs[].signature_name chooses what is called"
    ),
    "custom_extractors": (
        "labels, weights and slices are read straight from the examples (model_specs[].label_key, "
        "model_specs[].example_weight_key, slicing_specs), and what is computed per example becomes a metric of "
        "your own, declared in this module with @metric"
    ),
}


class Executor(base_beam_executor.BaseBeamExecutor):  # type: ignore[misc]
    """Evaluates the candidate, judges it and writes the evaluation and the blessing."""

    def Do(  # noqa: N802 - TFX calls it by this name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the four steps.

        Args:
            input_dict: artifacts by input: examples, and optionally model, baseline_model, schema.
            output_dict: artifacts by output: evaluation, blessing, and optionally report.
            exec_properties: the component's parameters and what the driver added.

        Raises:
            ConfigError, DataError, ModelError: what the preflight found.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        discard_blessing(output_dict)
        raise_handed_error(exec_properties)
        with user_module(exec_properties) as module:
            inputs = resolve(input_dict, exec_properties)
            refuse_stock_hooks(module.source)
            evaluation = self._evaluate(inputs, module, output_dict)
        verdict = decide(evaluation)
        publish(evaluation, verdict, input_dict, output_dict, exec_properties)

    def _evaluate(
        self, inputs: EvaluationInputs, module: UserModule, output_dict: Mapping[str, list[Artifact]]
    ) -> Evaluation:
        from evaluator_component.evaluation import evaluate

        return evaluate(
            inputs.config,
            model=inputs.model,
            baseline=inputs.baseline,
            data=inputs.data,
            output=artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY]),
            schema=inputs.schema,
            module_file=module.name,
            beam_args=[*self._beam_pipeline_args, *(f"--extra_package={package}" for package in module.packages)],
            baseline_state=inputs.baseline_state,
        )


# TFX's Kubeflow entrypoint rewrites the blessing's model ids to resource names only for subclasses of the stock
# executor; a virtual one is enough for its issubclass() and shares none of its code.
stock_executor.Executor.register(Executor)


def raise_handed_error(exec_properties: Mapping[str, Any]) -> None:
    """Raises what the driver's preflight found, as the kind of error that it was."""
    handed = exec_properties.get(PREFLIGHT_ERROR_PROPERTY)
    if not handed:
        return
    kind, _, message = str(handed).partition(": ")
    if kind in _USER_ERRORS:
        raise _USER_ERRORS[kind](message)
    raise errors.EvaluatorError(f"the preflight failed: {handed}")


@dataclasses.dataclass(frozen=True)
class UserModule:
    """The user's module with metrics, if there is one.

    Attributes:
        name: what to import: a module's name, or the path of a file; None without one.
        source: the file that it comes from.
        packages: wheels that remote workers need to import it.
    """

    name: str | None = None
    source: str | None = None
    packages: tuple[str, ...] = ()


@contextlib.contextmanager
def user_module(exec_properties: Mapping[str, Any]) -> Iterator[UserModule]:
    """Makes the user's module importable, here and in worker processes, for as long as the context lasts.

    Raises:
        ConfigError: the module cannot be found.
    """
    name, wheels = udf_utils.decode_user_module_key(exec_properties.get(standard_component_specs.MODULE_PATH_KEY) or "")
    packages = [io_utils.ensure_local(wheel) for wheel in wheels]
    installed = udf_utils.TempPipInstallContext(packages)
    with installed:
        if packages:
            source = _module_source(name, [installed.temp_directory])
            _forget_other_version(name, source)
            yield UserModule(name, source, tuple(packages))
        elif name:
            yield UserModule(name, _module_source(name))
        elif exec_properties.get(standard_component_specs.MODULE_FILE_KEY):
            path = io_utils.ensure_local(exec_properties[standard_component_specs.MODULE_FILE_KEY])
            yield UserModule(path, path)
        else:
            yield UserModule()


def _module_source(name: str, folders: list[str] | None = None) -> str:
    """The source file of a module; ``folders`` looks there only, past a module of that name loaded earlier."""
    try:
        spec = importlib.machinery.PathFinder.find_spec(name, folders) if folders else importlib.util.find_spec(name)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise errors.ConfigError(f"module_path: {name!r} cannot be imported; give a module_file or an importable name")
    return spec.origin


def _forget_other_version(name: str, source: str) -> None:
    """Drops a module that this process imported earlier under the same name with other content (in a notebook, say)."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded and not (Path(loaded).is_file() and Path(loaded).read_bytes() == Path(source).read_bytes()):
        del sys.modules[name]


def refuse_stock_hooks(source: str | None) -> None:
    """Answers the stock component's hooks with what replaces them.

    Args:
        source: the file of the user's module.

    Raises:
        ConfigError: the module defines one of the hooks.
    """
    if source is None:
        return
    for name in _top_level_names(ast.parse(Path(source).read_text(encoding="utf-8"))):
        if name in _STOCK_HOOKS:
            raise errors.ConfigError(
                f"module_file: {source} defines {name}, a hook of TensorFlow Model Analysis that is not called "
                f"here. Instead {_STOCK_HOOKS[name]}. Then remove {name} from the module."
            )


def _top_level_names(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def decide(evaluation: Evaluation) -> Verdict:
    """The verdict of a finished evaluation.

    Raises:
        EvaluatorError: there is none; a run without a verdict has failed.
    """
    verdict: Verdict | None = evaluation.verdict
    if verdict is None:
        raise errors.EvaluatorError("the evaluation ended without a verdict, so nothing can be blessed or refused")
    log = logging.getLogger(__name__)
    log.log(logging.INFO if verdict.blessed else logging.WARNING, "%s", verdict.explain())
    return verdict
