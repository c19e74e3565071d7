"""The last step of a run: the optional report, then the blessing that Pusher and the resolvers read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx.components.evaluator import constants
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils

from evaluator_component import errors

if TYPE_CHECKING:
    from tfx.types import Artifact

    from evaluator_component.gate import Verdict
    from evaluator_component.results import Evaluation

REPORT_KEY = "report"
REPORT_FILE = "report.html"
COMPLETION_MARKER = "run.json"


def discard_blessing(output_dict: Mapping[str, list[Artifact]]) -> None:
    """Removes what an interrupted attempt at the same execution may have left in the blessing's folder."""
    if not output_dict.get(standard_component_specs.BLESSING_KEY):
        return
    folder = artifact_utils.get_single_uri(output_dict[standard_component_specs.BLESSING_KEY])
    for name in (constants.BLESSED_FILE_NAME, constants.NOT_BLESSED_FILE_NAME):
        if fileio.exists(f"{folder}/{name}"):
            fileio.remove(f"{folder}/{name}")


def publish(
    evaluation: Evaluation,
    verdict: Verdict,
    input_dict: Mapping[str, list[Artifact]],
    output_dict: Mapping[str, list[Artifact]],
    exec_properties: Mapping[str, Any],
) -> None:
    """Writes the report, if it is an output, and last the blessing: properties and file.

    Raises:
        EvaluatorError: the evaluation that the blessing stands on is not complete on disk.
    """
    folder = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
    if not fileio.exists(f"{folder}/{COMPLETION_MARKER}"):
        raise errors.EvaluatorError(f"{folder}: {COMPLETION_MARKER} is missing, so the evaluation is not complete")
    if output_dict.get(REPORT_KEY):
        from evaluator_component.report import write_report

        report_folder = artifact_utils.get_single_uri(output_dict[REPORT_KEY])
        fileio.makedirs(report_folder)
        write_report(evaluation, f"{report_folder}/{REPORT_FILE}")
    blessing = artifact_utils.get_single_instance(output_dict[standard_component_specs.BLESSING_KEY])
    models = input_dict.get(standard_component_specs.MODEL_KEY) or []
    describe_blessing(blessing, verdict, models, exec_properties)
    name = constants.BLESSED_FILE_NAME if verdict.blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(f"{blessing.uri}/{name}", "")


def describe_blessing(
    blessing: Artifact,
    verdict: Verdict,
    models: Sequence[Artifact],
    exec_properties: Mapping[str, Any],
) -> None:
    """Sets the blessing's custom properties, which Pusher and the resolvers read."""
    value = constants.BLESSED_VALUE if verdict.blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
    blessing.set_string_custom_property("blessing_message", verdict.summary)
    if models:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, models[0].uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, models[0].id)
    baseline = verdict.baseline
    if baseline.uri:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
    if baseline.model_id is not None:
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.model_id)
    if "current_component_id" in exec_properties:
        blessing.set_string_custom_property("component_id", exec_properties["current_component_id"])
