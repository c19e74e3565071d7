"""What TFX's InteractiveContext shows of our outputs: ``context.show(evaluator.outputs["evaluation"])``."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.orchestration.experimental.interactive import visualizations
from tfx.types import standard_artifacts

from evaluator_component.publish import REPORT_FILE
from evaluator_component.report import notebook
from evaluator_component.results import files, writing

_STOCK_MODULE = "tfx.orchestration.experimental.interactive.standard_visualizations"


class EvaluationVisualization(visualizations.ArtifactVisualization):  # type: ignore[misc]
    """Shows an evaluation of ours as its report, and any other as TFX does.

    Attributes:
        stock: TFX's own visualization.
    """

    ARTIFACT_TYPE = standard_artifacts.ModelEvaluation

    def __init__(self, stock: Any) -> None:
        self.stock = stock

    def display(self, artifact: types.Artifact) -> None:
        """Shows the artifact in the notebook cell that runs."""
        if is_ours(artifact.uri):
            writing.load(artifact.uri).show()
        else:
            self.stock.display(artifact)


class ReportVisualization(visualizations.ArtifactVisualization):  # type: ignore[misc]
    """Shows the component's output ``report``, which is a page."""

    ARTIFACT_TYPE = types.Artifact  # what it is registered for says `register`

    def display(self, artifact: types.Artifact) -> None:
        """Shows the artifact in the notebook cell that runs."""
        from IPython.display import display

        display(notebook.static(files.folder(artifact.uri).read(REPORT_FILE).decode()))


def is_ours(uri: str) -> bool:
    """Tells an evaluation that this package finished from one of TFMA's, and from an unfinished one."""
    return {writing.RUN_FILE, writing.METRICS_FILE} <= set(files.folder(uri).names())


def register(report_type: type[types.Artifact]) -> None:
    """Makes InteractiveContext show our outputs.

    Every context registers TFX's own visualizations anew. So it is the registry that puts ours around TFX's of
    evaluations, now and whenever that is registered; one that somebody else registered is left alone.

    Args:
        report_type: the type of the output ``report``.
    """
    registry = visualizations.get_registry()
    registry.visualizations[report_type.TYPE_NAME] = ReportVisualization()
    if not isinstance(registry.register, _Register):
        registry.register = _Register(registry, registry.register)
    _wrap_stock(registry)


class _Register:
    """A registry's ``register``, after which ours is around TFX's."""

    def __init__(self, registry: Any, register_in: Any) -> None:
        self._registry, self._register_in = registry, register_in

    def __call__(self, visualization_class: Any) -> None:
        self._register_in(visualization_class)
        _wrap_stock(self._registry)


def _wrap_stock(registry: Any) -> None:
    name = standard_artifacts.ModelEvaluation.TYPE_NAME
    found = registry.get_visualization(name)
    if type(found).__module__ == _STOCK_MODULE:
        registry.visualizations[name] = EvaluationVisualization(found)
