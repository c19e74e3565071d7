"""A notebook with TFX's InteractiveContext: it runs our component and shows its outputs as our report."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = [
    pytest.mark.tfx,
    # TFX's classic driver and its notebook code warn about their own use of things.
    pytest.mark.filterwarnings("ignore:.*matching_channel_name"),
    pytest.mark.filterwarnings("ignore:Importing (display|HTML) from IPython.core.display"),
]

CONFIG = """
model_specs: [{label_key: label}]
slicing_specs: [{}, {feature_keys: [city]}]
metrics_specs:
  - metrics:
      - class_name: AUC
        threshold: {value_threshold: {lower_bound: 0.6}}
"""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A context in a shell that is a notebook's."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from IPython.core.interactiveshell import InteractiveShell
        from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext

        import evaluator_component.component  # noqa: F401
    shell = InteractiveShell.instance()
    shell.kernel = SimpleNamespace()
    yield InteractiveContext(pipeline_name="notebook", pipeline_root=str(tmp_path / "root"))
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture
def evaluator(context: Any, material: Any) -> Any:
    """The component, run in the context."""
    from tfx import types
    from tfx.orchestration import metadata
    from tfx.orchestration.portable import outputs_utils
    from tfx.types import standard_artifacts

    from evaluator_component import Evaluator

    examples, model = standard_artifacts.Examples(), standard_artifacts.Model()
    examples.uri, examples.split_names = str(material.examples), '["train", "eval"]'
    model.uri = str(material.good)
    outputs_utils.tag_output_artifacts_with_version({"examples": [examples], "model": [model]})
    with metadata.Metadata(context.metadata_connection_config) as handle:
        handle.publish_artifacts([examples, model])
    channels = [types.Channel(type=type(found)).set_artifacts([found]) for found in (examples, model)]
    made = Evaluator(examples=channels[0], model=channels[1], eval_config=CONFIG, report=True)
    context.run(made, enable_cache=False)
    return made


def shown(context: Any, item: Any) -> list[dict[str, Any]]:
    """What a cell shows, by MIME type, without the context's own headings."""
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        context.show(item)
    bundles = [output.data for output in captured.outputs]
    return [data for data in bundles if not data.get("text/html", "").startswith("<b>Artifact at")]


def test_it_shows_our_report(context: Any, evaluator: Any) -> None:
    (widget,) = shown(context, evaluator.outputs["evaluation"])
    assert "application/vnd.jupyter.widget-view+json" in widget
    (page,) = shown(context, evaluator.outputs["report"])
    assert page["text/html"].startswith("<iframe srcdoc=")
    assert "This model may be deployed." in page["text/html"]


def test_an_evaluation_of_tfma_is_shown_as_before(
    context: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfx import types
    from tfx.orchestration.experimental.interactive import standard_visualizations
    from tfx.types import standard_artifacts

    seen: list[str] = []
    monkeypatch.setattr(
        standard_visualizations.ModelEvaluationVisualization, "display", lambda self, found: seen.append(found.uri)
    )
    theirs = standard_artifacts.ModelEvaluation()
    theirs.uri = str(tmp_path / "theirs")
    Path(theirs.uri).mkdir()
    Path(theirs.uri, "eval_config.json").touch()
    Path(theirs.uri, "metrics.parquet").touch()  # an unfinished one of ours has no run.json
    shown(context, types.Channel(type=type(theirs)).set_artifacts([theirs]))
    assert seen == [theirs.uri]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Any:
    from tfx.orchestration.experimental.interactive import visualizations

    made = visualizations.ArtifactVisualizationRegistry()
    monkeypatch.setattr(visualizations, "_REGISTRY", made)
    return made


@pytest.mark.parametrize("ours_first", [True, False])
def test_ours_is_around_the_stock_one_whichever_comes_first(registry: Any, ours_first: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tfx.orchestration.experimental.interactive import standard_visualizations

    from evaluator_component import component, interactive

    if not ours_first:
        standard_visualizations.register_standard_visualizations()
    interactive.register(component.EvaluationReport)
    for _ in range(3):  # one context after another
        standard_visualizations.register_standard_visualizations()
        interactive.register(component.EvaluationReport)
    found = registry.get_visualization("ModelEvaluation")
    assert isinstance(found, interactive.EvaluationVisualization)
    assert isinstance(found.stock, standard_visualizations.ModelEvaluationVisualization)
    assert isinstance(registry.get_visualization("EvaluationReport"), interactive.ReportVisualization)
    assert isinstance(registry.get_visualization("Schema"), standard_visualizations.SchemaVisualization)


def test_a_visualization_of_somebody_else_is_left_alone(registry: Any) -> None:
    from tfx.orchestration.experimental.interactive import visualizations
    from tfx.types import standard_artifacts

    from evaluator_component import component, interactive

    class Theirs(visualizations.ArtifactVisualization):
        ARTIFACT_TYPE = standard_artifacts.ModelEvaluation

        def display(self, artifact: Any) -> None:
            raise AssertionError(artifact)

    interactive.register(component.EvaluationReport)
    registry.register(Theirs)
    assert isinstance(registry.get_visualization("ModelEvaluation"), Theirs)
