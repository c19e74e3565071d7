"""The columns that a batch is sliced by: features, and what is made of labels, predictions and outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.data.batch import Batch
from evaluator_component.engine.plan import ModelPlan
from evaluator_component.errors import ConfigError, ModelError, nearest
from evaluator_component.metrics.records import as_lists, held, numbers, of_lengths, owners
from evaluator_component.metrics.view import Float64
from evaluator_component.models.class_names import LabelForms
from evaluator_component.models.predictor import Predictions, Predictor, class_names, pick_output
from evaluator_component.slicing.codes import Membership
from evaluator_component.slicing.names import Value, format_value, parse_slice
from evaluator_component.slicing.specs import Grouping
from evaluator_component.slicing.values import FEATURE, LABEL, OUTPUT, PREDICTION, Values


@dataclass(frozen=True)
class SliceColumns:
    """See :class:`~evaluator_component.slicing.codes.Columns`.

    Attributes:
        batch: The examples.
        labels: By output.
        predictions: By model and output; the candidate's are sliced by, for every model.
        model: The candidate's plan.
        forms: How its labels are written.
        given: All that the candidate gives; None where its predictions are in the data.
        predictor: The candidate; None where its predictions are in the data.
    """

    batch: Batch
    labels: Mapping[str, Float64]
    predictions: Mapping[tuple[int, str], Float64]
    model: ModelPlan
    forms: LabelForms
    given: Predictions | None
    predictor: Predictor | None

    def feature(self, name: str) -> pa.ListArray:
        """The values of a feature of the data."""
        return self.batch.column(name)

    def where(self, row: int) -> str:
        """Names an example in a message."""
        return self.batch.where(row)

    def derived(self, values: Values) -> pa.ListArray:
        """The values of labels, predictions or another output; an example without one has an empty list.

        Raises:
            ModelError: The model does not give what is asked for, or other classes than the config names.
        """
        if values.source == OUTPUT:
            assert self.given is not None
            assert self.predictor is not None
            info = pick_output(self.predictor.outputs, values.output, self.predictor.path, f"{values.path}.output")
            return as_lists(self.given[info.name])
        scores = self.predictions[0, values.output]
        label_key = dict(self.model.label_keys)[values.output]
        if scores.ndim == 1:
            return _numbers(scores) if values.source == PREDICTION else self.batch.column(label_key)
        names = self._class_names(label_key, scores)
        if values.source == PREDICTION:
            known = np.asarray(~np.isnan(scores).any(axis=1))
            return _classes(known.astype(np.intp), np.asarray(np.argmax(scores[known], axis=1), np.int64), names)
        labels = self.labels[values.output]
        if labels.ndim == 1:
            known = ~np.isnan(labels)
            return _classes(known.astype(np.intp), labels[known].astype(np.int64), names)
        _, classes = np.nonzero(labels > _IS_THE_CLASS)
        return _classes(np.asarray(np.count_nonzero(labels > _IS_THE_CLASS, axis=1), np.intp), classes, names)

    def surveyed(self, values: Values) -> pa.ListArray:
        """The finite numbers among the values of a feature or of what is derived, as float64.

        Raises:
            ConfigError: They are strings.
        """
        lists = self.feature(values.feature) if values.source == FEATURE else self.derived(values)
        if held(lists) == "texts":
            raise ConfigError(values.not_numbers())
        flat = numbers(lists)
        finite = np.isfinite(flat)
        counts = np.bincount(owners(lists)[finite], minlength=len(lists))
        return of_lengths(counts, pa.array(flat[finite]))

    def _class_names(self, label_key: str, scores: Float64) -> tuple[bytes, ...] | None:
        classes = scores.shape[1]
        try:
            named = None if self.given is None else class_names(self.given, classes)
            return self.forms.names(label_key, named, classes)
        except ValueError as error:
            raise ModelError(f"{self.model.spec_path}.label_vocabulary: {error}") from error


_IS_THE_CLASS = 0.5
_FEW_FRACTIONS = 10


def _numbers(values: Float64) -> pa.ListArray:
    """Lists of one number, or of none where it is missing."""
    known = ~np.isnan(values)
    return of_lengths(known.astype(np.intp), pa.array(values[known]))


def _classes(
    counts: npt.NDArray[np.intp], classes: npt.NDArray[np.int64], names: Sequence[bytes] | None
) -> pa.ListArray:
    """The classes of each example, by name where they have names."""
    if names is None:
        return of_lengths(counts, pa.array(classes, pa.int64()))
    return of_lengths(counts, pa.array(list(names), pa.binary()).take(pa.array(classes)))


def check_exact(groups: Sequence[Grouping], slices: Membership) -> None:
    """Raises a ConfigError where labels, predictions or outputs would be a slice for nearly every example.

    Whole numbers and classes are left alone, and so are a few fractions that recur, such as ratings in halves.

    Args:
        groups: The groupings.
        slices: Those of the first examples.
    """
    for group in groups:
        for values in group.values:
            one_each = values.is_exact and any(values.feature not in dict(condition) for condition in group.wanted)
            if values.source == FEATURE or not one_each:
                continue
            numbers, examples = _fractions(values.feature, group.features, slices)
            if len(numbers) > max(_FEW_FRACTIONS, examples / 2):
                what = "labels" if values.source == LABEL else "predictions"
                if values.source == OUTPUT:
                    what = f"values of output {values.output!r}"
                shown = ", ".join(format_value(number) for number in numbers[:3])
                raise ConfigError(
                    f"{values.path}: {what} as they are would be a slice for each of {len(numbers)} numbers among the "
                    f"first {examples} examples ({shown}, …); put them into buckets with edges (edges: [0.25, 0.5]) or "
                    "quantiles (quantiles: 4)"
                )


def _fractions(feature: str, features: tuple[str, ...], slices: Membership) -> tuple[list[float], int]:
    """The numbers that are slices of a feature, if some are not whole, and the number of examples in such slices."""
    found: dict[int, float] = {}
    for code, name in enumerate(slices.names):
        pairs: dict[str, Value] = dict(parse_slice(name))
        value = pairs.get(feature)
        if tuple(sorted(pairs)) == features and isinstance(value, float) and math.isfinite(value):
            found[code] = value
    if all(value.is_integer() for value in found.values()):
        return [], 0
    inside = np.isin(slices.codes, np.fromiter(found, np.int32, len(found)))
    return sorted(set(found.values())), len(np.unique(slices.rows[inside]))


def check_sources(groups: Sequence[Grouping], model: ModelPlan) -> None:
    """Raises a ConfigError where labels or predictions are sliced by that the candidate's spec does not describe."""
    labels = dict(model.label_keys)
    for values in (values for group in groups for values in group.values):
        if values.source in (LABEL, PREDICTION) and values.output not in labels:
            hint = nearest(values.output, filter(None, labels))
            problem = (
                f"{values.output!r} is no output that {model.spec_path}.label_keys names"
                if hint
                else (f"{values.output!r}, and {model.spec_path} names no output; leave it out")
            )
            raise ConfigError(f"{values.path}.output: {problem}" + (f"; {hint}" if hint else ""))
        if values.source == LABEL and not labels[values.output]:
            raise ConfigError(f"{values.path}.source: {model.spec_path}.label_key is not set; name the label there")


def check_outputs(groups: Sequence[Grouping], predictor: Predictor | None) -> None:
    """Raises a ConfigError where outputs are sliced by that the candidate does not have."""
    for values in (values for group in groups for values in group.values):
        if values.source != OUTPUT:
            continue
        if predictor is None:
            raise ConfigError(
                f"{values.path}.source: there is no model, so it has no output; name the feature in feature_keys"
            )
        pick_output(predictor.outputs, values.output, predictor.path, f"{values.path}.output")
