"""What a worker does with a block: parse, predict with every model, slice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.data.batch import Batch, Parser
from evaluator_component.data.images import decode_images
from evaluator_component.data.reader import Block
from evaluator_component.engine import local
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.hashing import hash_names
from evaluator_component.engine.job import Job
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.slice_columns import SliceColumns
from evaluator_component.engine.views import Source, ViewKey
from evaluator_component.errors import DataError, ModelError
from evaluator_component.metrics.binarize import AS_ONE_POOL
from evaluator_component.metrics.records import as_lists, held, lengths
from evaluator_component.metrics.view import Float64, Kind
from evaluator_component.models.opening import open_model
from evaluator_component.models.predictor import Predictions, Predictor, class_names, pick_output
from evaluator_component.slicing.codes import membership

BLOCKS_AT_A_TIME = 3
"""So many blocks are in work on a worker while the sums of an earlier one are made."""


class Worker:
    """Turns blocks into labels, predictions, weights and slices."""

    def __init__(self, job: Job, predictors: tuple[Predictor | None, ...] | None = None):
        self._plan = job.plan
        self._forms = job.labels
        self.class_names: dict[str, tuple[bytes, ...]] = {}
        self.named_by_schema: set[str] = set()
        self.unknown_names: dict[str, bytes] = {}
        self._parser = Parser(dict(job.kinds), job.keep_serialized)
        self._predictors = (
            predictors
            or local.predictors(job.run_id)
            or tuple(
                open_model(path, model.signature_name, model.batch_size) if path else None
                for path, model in zip(job.model_paths, self._plan.models, strict=True)
            )
        )
        for predictor in self._predictors:
            if predictor is not None:
                predictor.settle_inputs(dict(job.kinds))
        self._views = _views_by_output(self._plan)
        self._fits = {(p.metric.fits, p.view.sources): p for p in reversed(self._plan.metrics) if p.metric.fits}
        self._predicting = threading.Lock()
        self._pool = ThreadPoolExecutor(BLOCKS_AT_A_TIME)

    @property
    def halved(self) -> tuple[str, ...]:
        """Paths of the models that ran out of memory and get smaller batches since."""
        return tuple(p.path for p in self._predictors if p is not None and p.halved)

    def label_key(self, output: str) -> str:
        """The feature that holds the labels of an output."""
        return dict(self._plan.models[0].label_keys)[output]

    def start(self, block: Block) -> Future[Evaluated]:
        """Evaluates a block beside other work; one model at a time gets one of the blocks."""
        return self._pool.submit(self.evaluate, block)

    def evaluate(self, block: Block) -> Evaluated:
        """Evaluates one block.

        Raises:
            DataError: A record cannot be parsed, or a label or weight is of the wrong kind.
            ModelError: A model fails, or its predictions do not fit the labels.
        """
        batch = self._parser.parse(block)
        given = [self._predict(batch, index) for index in range(len(self._plan.models))]
        predictions = {
            (index, output): self._numbers(batch, given[index], index, output)
            for index, output in sorted(self._plan.number_predictions)
        }
        self._put_in_order(predictions, given)
        labels: dict[str, Float64] = {}
        weights: dict[str, Float64] = {}
        candidate = self._plan.models[0]
        for output, key in candidate.label_keys:
            if output in self._plan.number_labels:
                labels[output] = self._labels(batch, given[0], output, key, predictions.get((0, output)))
        for output, key in candidate.weight_keys:
            if key:
                weights[output] = _single(batch.numbers(key, "weight"), batch, f"weight {key!r}")
        columns = SliceColumns(batch, labels, predictions, candidate, self._forms, given[0], self._predictors[0])
        slices = membership(self._plan.groupings, columns, batch.size)
        features = {}
        for name in self._plan.features:
            features[name] = _single(batch.numbers(name, "feature"), batch, f"feature {name!r}")
        queries = {plan.key: batch.ids(plan.key, "query id") for plan in self._plan.queries}
        records = {source: self._lists(batch, given, source) for source in self._plan.sources}
        records |= {source: columns.surveyed(values) for source, values in self._plan.surveyed}
        intervals = self._plan.intervals
        clusters = None
        if intervals is not None and intervals.cluster_key:
            clusters = hash_names(batch.ids(intervals.cluster_key, "cluster"))
        evaluated = Evaluated(
            slices, labels, predictions, weights, batch.size, features, queries, records, batch.unit_hashes(), clusters
        )
        self._check_shapes(batch, evaluated)
        self._check_records(batch, evaluated)
        return evaluated

    def _predict(self, batch: Batch, index: int) -> Predictions | None:
        """What a model gives; None where its predictions are in the data."""
        predictor = self._predictors[index]
        if predictor is None:
            return None
        with self._predicting:
            return predictor.predict(batch)

    def _numbers(self, batch: Batch, given: Predictions | None, index: int, output: str) -> Float64:
        """A model's predictions for an output."""
        model, predictor = self._plan.models[index], self._predictors[index]
        key = dict(model.prediction_keys)[output]
        if predictor is None or given is None:
            return batch.numbers(key, "prediction")
        info = pick_output(predictor.outputs, key, predictor.path, f"{model.spec_path}.prediction_key")
        return _as_float(given[info.name], predictor.path, info.name)

    def _put_in_order(self, predictions: dict[tuple[int, str], Float64], given: Sequence[Predictions | None]) -> None:
        """Puts the scores of the baseline in the order of the candidate's classes, where both are named."""
        for (index, output), scores in predictions.items():
            own = predictions.get((0, output))
            if index == 0 or own is None or own.ndim == 1 or scores.shape != own.shape:
                continue
            names = _given_names(given[0], own) or self._forms.vocabularies[0]
            try:
                order = self._forms.order(index, _given_names(given[index], scores), names) if names else None
            except ValueError as error:
                model = self._plan.models[index]
                raise ModelError(f"model {model.name!r} cannot be compared with the candidate: {error}") from error
            if order is not None and order != sorted(order):
                predictions[index, output] = np.ascontiguousarray(scores[:, order])

    def _labels(
        self, batch: Batch, given: Predictions | None, output: str, key: str, scores: Float64 | None
    ) -> Float64:
        """The labels of an output: numbers; or classes by name or number, any number of them if the data has such."""
        if scores is None or scores.ndim == 1:
            return batch.numbers(key, "label")
        classes, several = scores.shape[1], key in self._forms.several
        try:
            names = self._forms.names(key, _given_names(given, scores), classes)
        except ValueError as error:
            raise ModelError(f"{self._plan.models[0].spec_path}.label_vocabulary: {error}") from error
        if names is not None:
            self.class_names[output] = names
            if batch.is_text(key) and names is self._forms.domains.get(key):
                self.named_by_schema.add(output)
        if batch.is_text(key):
            if names is None:
                return batch.numbers(key, "label")  # which tells what to do
            index, counts = batch.named_classes(key, names)
            unknown = np.flatnonzero(np.isnan(index))
            if len(unknown):
                self.unknown_names.setdefault(output, batch.column(key).flatten()[int(unknown[0])].as_py())
        elif several:
            index, counts = batch.numbered_classes(key, classes)
        else:
            return batch.numbers(key, "label")
        return batch.multi_hot(index, counts, classes) if several else batch.one_class(key, index, counts)

    def _lists(self, batch: Batch, given: list[Predictions | None], source: Source) -> pa.ListArray:
        """A column that is read as lists, from the model if it is a prediction of one, else from the data."""
        key, predictor, predicted = self._plan.column_of(source), self._predictors[source.model], given[source.model]
        if source.reads.role == "prediction" and predictor is not None and predicted is not None:
            where = self._plan.sources[source]
            lists = as_lists(predicted[pick_output(predictor.outputs, key, predictor.path, where).name])
        else:
            lists = batch.column(key)
        if source.reads.image:
            lists = decode_images(lists, lambda row: f"{batch.where(row)}: {source.reads.role} {key!r}")
        if source.reads.holds and held(lists) != source.reads.holds and len(lists.flatten()):
            raise DataError(
                f"{batch.where(0)}: {source.reads.role} {key!r} holds {held(lists)}; expected {source.reads.holds} "
                f"({self._plan.sources[source]})"
            )
        most = source.reads.most
        if most and (lengths(lists) > most).any():
            row = int(np.argmax(lengths(lists) > most))
            raise DataError(
                f"{batch.where(row)}: {source.reads.role} {key!r} has {lengths(lists)[row]} values; expected {most} "
                f"({self._plan.sources[source]})"
            )
        return lists

    def _check_records(self, batch: Batch, evaluated: Evaluated) -> None:
        """Lists of one example must fit each other."""
        for (fits, sources), planned in self._fits.items():
            problem = fits([evaluated.records[source] for source in sources]) if fits is not None else None
            if problem is not None:
                row, text = problem
                raise DataError(f"{batch.where(row)}: metric {planned.metric.name!r} {text} ({planned.path})")

    def _check_shapes(self, batch: Batch, evaluated: Evaluated) -> None:
        for (index, output), predictions in evaluated.predictions.items():
            labels = evaluated.labels.get(output, np.zeros(batch.size))
            model = self._plan.models[index]
            where = f"{batch.where(0)}: model {model.name!r}" + (f", output {output!r}" if output else "")
            for view, name in self._views.get((index, output), ()):
                problem = "" if view.kind.of_records else _mismatch(view, labels, predictions)
                other = None if view.against is None else evaluated.predictions[view.against, output]
                if other is not None and other.shape != predictions.shape:
                    own, its = (array.shape[1] if array.ndim == 2 else 1 for array in (predictions, other))
                    problem = (
                        f"compares the scores of two models, and this one gives {own} per example while "
                        f"{self._plan.models[1].name!r} gives {its}"
                    )
                if problem:
                    raise ModelError(f"{where}: metric {name!r} {problem}")


def _views_by_output(plan: Plan) -> dict[tuple[int, str], tuple[tuple[ViewKey, str], ...]]:
    """The views of each model and output, each with the name of a metric that needs it."""
    views: dict[tuple[int, str], dict[ViewKey, str]] = {}
    for planned in plan.metrics:
        views.setdefault((planned.view.model, planned.view.output), {}).setdefault(planned.view, planned.metric.name)
    return {key: tuple(value.items()) for key, value in views.items()}


def _mismatch(view: ViewKey, labels: Float64, predictions: Float64) -> str:
    """What is wrong with the shapes for a view; '' when nothing is."""
    if view.kind in (Kind.ANY, Kind.VECTORS, Kind.FEATURE):
        return ""
    if view.kind is Kind.QUERY and (predictions.ndim == 2 or labels.ndim == 2):
        return "needs one label and one score per document; the model or the label has several"
    classes = predictions.shape[1] if predictions.ndim == 2 else 1
    if view.kind is Kind.ONE_SCORE:
        return "needs one score per example, and the model gives several" if classes > 1 else ""
    if view.kind is Kind.LABELS and labels.ndim == 1:
        return "needs for each class whether it is a label (0 or 1), and there is one label per example"
    if view.kind in (Kind.CLASSES, Kind.LABELS) and classes == 1:
        return (
            "needs one score per class, and the model gives a single number per example; use a metric such as "
            "BinaryAccuracy or MeanSquaredError, or another output (prediction_key)"
        )
    if view.binarization not in (None, AS_ONE_POOL):
        assert view.binarization is not None
        if classes == 1:
            return "is asked for by class (binarize or aggregate), and the model gives a single number per example"
        if classes < view.binarization.least_classes():
            return (
                f"is asked for a class or rank that is not there: the model gives {classes} scores per example, so "
                f"class ids go from 0 to {classes - 1} and ranks up to {classes}"
            )
    if labels.ndim == 2 and labels.shape[1] != classes and view.kind is not Kind.SCORES:
        return f"compares labels of {labels.shape[1]} classes with scores of {classes} classes"
    return ""


def _as_float(values: npt.NDArray[Any], path: str, output: str) -> Float64:
    if values.dtype == object:
        raise ModelError(
            f"{path}: output {output!r} holds strings; expected numbers. Set prediction_key to an output of scores"
        )
    flat = values.reshape(len(values), -1) if values.ndim > 2 else values
    if flat.ndim == 2 and flat.shape[1] == 1:
        flat = flat[:, 0]
    return np.ascontiguousarray(flat, np.float64)


def _given_names(given: Predictions | None, scores: Float64) -> tuple[bytes, ...] | None:
    return None if given is None or scores.ndim == 1 else class_names(given, scores.shape[1])


def _single(values: Float64, batch: Batch, what: str) -> Float64:
    if values.ndim != 1:
        raise DataError(f"{batch.where(0)}: {what} has {values.shape[1]} values; expected one per example")
    return values
