"""Several labels, numbers, sets, texts, boxes and masks: what the peer and this package make of each.

The peer reads from files what its pipeline takes from tf.Examples. The rest is given to it as extracts in memory: its
own slices, evaluator and writers do all that comes after reading. This package always reads tf.Examples.

``python -m tests.parity.records`` prints the overall values of each metric.
"""

from __future__ import annotations

import io
import json
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests import trips

Row = dict[str, Any]
"""The features of an example."""

SAME, SINGLE, GRID = "same", "single precision", "grid"

WEIGHTS = np.array([0.5, 1.0, 2.0, 4.0], np.float32)
GROUPS = 3
CLASSES = 4
BOX_CLASSES = 3
SCORES = 1 << 8
"""Scores of boxes are multiples of 1 over this, each there once: so many thresholds tell them apart."""
BETWEEN_SCORES = [(i + 0.5) / SCORES for i in range(SCORES)]
IOUS = (0.5, 0.75)
AREA = (400.0, 2000.0)


class Key(NamedTuple):
    """What a value in a metrics file is the value of."""

    group: str
    name: str
    sub_key: str
    weighted: bool


Values = dict[Key, Any]
"""Numbers, and tuples of several."""


@dataclass(frozen=True)
class Family:
    """Examples of one kind, and what the peer and this package compute.

    Attributes:
        rows: The examples.
        peer: The peer's values, under our keys.
        ours: This package's values.
        classes: How the two compare, by name or by name and whether weighted; ``same`` where nothing is said.
        folder: Where the results are.
    """

    rows: list[Row]
    peer: Values
    ours: Values
    classes: Mapping[str | tuple[str, bool], str]
    folder: Path

    def class_of(self, key: Key) -> str:
        """How the two values of a key compare."""
        return self.classes.get((key.name, key.weighted), self.classes.get(key.name, SAME))

    def inside(self, group: str) -> list[Row]:
        """The examples of a slice, '' for all."""
        return [row for row in self.rows if not group or row["group"] == int(group)]

    def differing(self, name: str) -> Iterator[tuple[Key, list[Row], Any, Any]]:
        """For each key of a class of differences: the key, its examples, the peer's value and ours."""
        for key, value in self.ours.items():
            if self.class_of(key) == name:
                yield key, self.inside(key.group), self.peer[key], value


@dataclass(frozen=True)
class Records:
    """All families."""

    multi_label: Family
    regression: Family
    exact: Family
    sets: Family
    unlike_sets: Family
    texts: Family
    tied_texts: Family
    boxes: Family
    tied_boxes: Family
    stacked: Family
    masks: Family

    @property
    def families(self) -> dict[str, Family]:
        """Each by its name."""
        return dict(self.__dict__)


def run_both(folder: Path) -> Records:
    """Makes the data, and lets the peer and this package evaluate it."""
    return Records(
        _multi_label(folder / "multi_label"),
        _regression(folder / "regression"),
        _exact(folder / "exact"),
        _sets(folder / "sets"),
        _unlike_sets(folder / "unlike_sets"),
        _texts(folder / "texts"),
        _tied_texts(folder / "tied_texts"),
        _boxes(folder / "boxes"),
        _tied_boxes(folder / "tied_boxes"),
        _stacked(folder / "stacked"),
        _masks(folder / "masks"),
    )


BOTH: Row = {"weighted": True, "unweighted": True}
UNWEIGHTED: Row = {"unweighted": True}


def metric(class_name: str, **options: Any) -> Row:
    """A metric of a config."""
    return {"class_name": class_name, "config": json.dumps(options)}


def config(*specs: Row, model: Row) -> Any:
    """The peer's EvalConfig, with the slices of all families."""
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format

    plain = {
        "model_specs": [model],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": list(specs),
    }
    return json_format.ParseDict(plain, tfma.EvalConfig())


def _drawn(draw: np.random.Generator) -> Row:
    """A slice and a weight."""
    return {"group": int(draw.integers(0, GROUPS)), "weight": float(draw.choice(WEIGHTS))}


def _evaluate(
    folder: Path,
    rows: list[Row],
    chosen: Any,
    *,
    extracts: Sequence[Row] | None = None,
    ours: Any = None,
    classes: Mapping[str | tuple[str, bool], str] | None = None,
    rename: Callable[[Key], Key] = lambda key: key,
) -> Family:
    """Lets both evaluate.

    Args:
        folder: Where everything goes.
        rows: The examples.
        chosen: The config.
        extracts: What the peer is given in memory; None lets it read the file.
        ours: Our config where it cannot be the peer's.
        classes: See :class:`Family`.
        rename: From the peer's key to ours.
    """
    import tensorflow_model_analysis as tfma

    import evaluator_component as ec

    data = trips.write_records(folder / "data", [trips.example(**row) for row in rows])
    if extracts is None:
        tfma.run_model_analysis(
            eval_config=chosen,
            data_location=str(data),
            output_path=str(folder / "peer"),
            pipeline_options=_runner(),
        )
    else:
        _evaluate_in_memory(folder / "peer", extracts, chosen)
    ec.evaluate(chosen if ours is None else ours, data=str(data), output=folder / "ours", progress=False)
    peer = {rename(key): value for key, value in read_values(folder / "peer").items()}
    return Family(rows, peer, read_values(folder / "ours"), classes or {}, folder)


def _runner() -> Any:
    from apache_beam.options.pipeline_options import PipelineOptions

    return PipelineOptions(["--runner=apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"])


def _evaluate_in_memory(folder: Path, extracts: Sequence[Row], chosen: Any) -> None:
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.extractors import slice_key_extractor

    folder.mkdir(parents=True)
    with beam.Pipeline(options=_runner()) as pipeline:
        evaluation = (
            pipeline
            | beam.Create(extracts, reshuffle=False)
            | tfma.ExtractAndEvaluate(
                extractors=[slice_key_extractor.SliceKeyExtractor(eval_config=chosen, materialize=False)],
                evaluators=tfma.default_evaluators(eval_config=chosen),
            )
        )
        evaluation["metrics"] = evaluation["metrics"] | beam.Map(_as_numbers)
        writers = tfma.default_writers(output_path=str(folder), eval_config=chosen)
        _ = evaluation | tfma.WriteResults(writers=writers)


def _as_numbers(of_slice: Any) -> Any:
    """The metrics of a slice; the peer would write scores of texts as text (those of BLEU with two decimals)."""
    where, values = of_slice
    return where, {key: _as_number(value) for key, value in values.items()}


def _as_number(value: Any) -> Any:
    if hasattr(value, "fmeasure"):
        return np.array([value.precision, value.recall, value.fmeasure])
    return value.score if hasattr(value, "score") else value


def read_values(folder: Path) -> Values:
    """The values in a folder, whoever wrote them; those of a ROUGE one by one."""
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    found: Values = {}
    for message in _messages(folder, "metrics", metrics_for_slice_pb2.MetricsForSlice):
        for pair in message.metric_keys_and_values:
            key = Key(_group(message), pair.key.name, _sub_key(pair.key), pair.key.example_weighted.value)
            assert key not in found, key
            if pair.value.WhichOneof("type") == "double_value":
                found[key] = pair.value.double_value.value
                continue
            values = tuple(pair.value.array_value.float64_values)
            assert values, (key, pair.value)
            if key.name.startswith("rouge"):
                names = ("precision", "recall", "fmeasure")
                found |= {
                    key._replace(name=f"{key.name}/{name}"): value for name, value in zip(names, values, strict=True)
                }
            else:
                found[key] = values if len(values) > 1 else values[0]
    return found


def read_matrices(folder: Path) -> dict[tuple[Any, ...], tuple[float, ...]]:
    """The matrices of several labels in a folder: (slice, threshold, actual, predicted) to TP, FP, TN and FN."""
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    return {
        (_group(message), matrix.threshold, entry.actual_class_id, entry.predicted_class_id): (
            entry.true_positives,
            entry.false_positives,
            entry.true_negatives,
            entry.false_negatives,
        )
        for message in _messages(folder, "plots", metrics_for_slice_pb2.PlotsForSlice)
        for pair in message.plot_keys_and_values
        for matrix in pair.value.multi_label_confusion_matrix_at_thresholds.matrices
        for entry in matrix.entries
    }


def _messages(folder: Path, what: str, of: Any) -> Iterator[Any]:
    import tensorflow as tf

    for record in tf.data.TFRecordDataset(sorted(map(str, folder.glob(f"{what}-*.tfrecord")))).as_numpy_iterator():
        yield of.FromString(record)


def _group(message: Any) -> str:
    return "".join(str(key.int64_value) for key in message.slice_key.single_slice_keys)


def _sub_key(key: Any) -> str:
    return " ".join(
        [f"{field.name}:{value.value}" for field, value in key.sub_key.ListFields()]
        + [field.name for field, _ in key.aggregation_type.ListFields()]
    )


def _multi_label(folder: Path) -> Family:
    """Any number of four classes as labels; the last one is rare."""
    draw = np.random.default_rng(19)
    rows = []
    for _ in range(300):
        labels = (draw.random(CLASSES) < (0.5, 0.3, 0.2, 0.08)).astype(int)
        scores = 0.01 + 0.6 * draw.random(CLASSES) + 0.35 * labels * draw.random(CLASSES)
        rows.append({"labels": labels.tolist(), "scores": scores.astype(np.float32).tolist(), **_drawn(draw)})
    at = {"thresholds": [0.4]}
    names = ("Recall", "Precision", "Specificity", "FPR", "F1Score", "BalancedAccuracy", "FowlkesMallowsIndex")
    rates = [metric(name, **at) for name in names]
    areas = [metric("AUC"), metric("AUCPrecisionRecall")]
    others = [metric(name) for name in ("MeanLabel", "MeanPrediction", "Calibration", "BinaryCrossEntropy")]
    several = metric("Recall", name="recalls", thresholds=[0.2, 0.5])
    chosen = config(
        {
            "metrics": [*rates, *areas, *others, several, metric("BinaryAccuracy")],
            "binarize": {"class_ids": {"values": [0, 1, 3]}, "k_list": {"values": [2]}},
        },
        {"metrics": [*rates, *areas, *others, several], "aggregate": {"micro_average": True}},
        {
            "metrics": [*rates, *areas],
            "aggregate": {"macro_average": True, "class_weights": {"0": 1.0, "1": 1.0, "2": 0.5, "3": 2.0}},
        },
        {
            "metrics": [metric("Precision", name="prevalence_weighted_precision", **at)],
            "aggregate": {"weighted_macro_average": True, "class_weights": {"0": 1.0, "1": 1.0, "2": 1.0, "3": 1.0}},
        },
        {
            "metrics": [metric("Recall", name="class_weighted_recall", **at)],
            "aggregate": {"micro_average": True, "class_weights": {"1": 1.0, "2": 0.5, "3": 2.0}},
        },
        {"metrics": [metric("Precision"), metric("Recall")], "binarize": {"top_k_list": {"values": [1]}}},
        {
            "metrics": [metric("Precision", name="precision_of_top", **at), metric("Recall", name="recall_of_top")],
            "aggregate": {"micro_average": True, "top_k_list": {"values": [3]}},
        },
        {
            "metrics": [
                metric("Precision", name="precision_at_2", top_k=2),
                metric("Recall", name="recall_at_2", top_k=2),
                metric("Recall", name="recall_of_class_1", class_id=1, **at),
                metric("Precision", name="pooled_precision", **at),
                metric("MultiLabelConfusionMatrixPlot", thresholds=[0.3, 0.6]),
            ]
        },
        model={"label_key": "labels", "prediction_key": "scores", "example_weight_key": "weight"},
    )
    classes = {"auc": GRID, "auc_precision_recall": GRID, "binary_crossentropy": SINGLE}

    def rename(key: Key) -> Key:
        """The peer does not tell of some means that they are over all classes, nor how they weigh these."""
        if key.name in ("mean_label", "mean_prediction", "calibration", "binary_crossentropy") and not key.sub_key:
            return key._replace(sub_key="micro_average")
        if key.name == "prevalence_weighted_precision":
            return key._replace(sub_key="weighted_macro_average")
        return key

    return _evaluate(folder, rows, chosen, classes=classes, rename=rename)


IGNORES_WEIGHTS = "not weighted there"
COUNTS_WEIGHTS = "weighted count there"
HUBER_DELTA = 1.5


def _regression(folder: Path) -> Family:
    """Sizes from 0 on, some exactly 0, and estimates of them."""
    draw = np.random.default_rng(23)
    rows = []
    for i in range(500):
        target = np.float32(draw.gamma(2, 3) if i % 25 else 0.0)
        estimate = np.float32(abs(target + draw.normal(0, 2)))
        distance = float(np.float32(draw.normal(5, 2)))
        rows.append({"target": float(target), "estimate": float(estimate), "distance": distance, **_drawn(draw)})
    names = (
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError",
        "SquaredPearsonCorrelation", "MeanLabel", "MeanPrediction", "Calibration", "WeightedExampleCount",
        "ExampleCount", "RootMeanSquaredError", "LogCoshError", "CosineSimilarity", "Poisson",
    )  # fmt: skip
    huber = metric("Huber", delta=HUBER_DELTA, name="huber") | {"module": "tf_keras.src.losses"}
    of_module = metric("RootMeanSquaredError", name="of_module") | {"module": "tf_keras.metrics"}
    model = {"label_key": "target", "prediction_key": "estimate", "example_weight_key": "weight"}
    alike = {"metrics": [*map(metric, names), huber, of_module], "example_weights": BOTH}
    path = {"feature_key_path": ["features", "distance"]}
    mean, weighted = metric("Mean", **path), metric("Mean", name="weighted_mean", **path)
    by_path = metric("Mean", name="weighted_mean", example_weights_key_path=["features", "weight"], **path)
    chosen = config(alike, {"metrics": [mean, by_path], "example_weights": UNWEIGHTED}, model=model)
    # The peer weighs a mean by the path of the weights, this package as every metric.
    ours = config(alike, {"metrics": [mean], "example_weights": UNWEIGHTED}, {"metrics": [weighted]}, model=model)
    single = (
        "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error", "mean_features.distance", "weighted_mean", "root_mean_squared_error",
        "of_module", "log_cosh_error", "cosine_similarity", "poisson", "huber",
    )  # fmt: skip
    classes: dict[str | tuple[str, bool], str] = dict.fromkeys(single, SINGLE)
    classes |= {("huber", True): IGNORES_WEIGHTS, ("example_count", True): COUNTS_WEIGHTS}
    return _evaluate(folder, rows, chosen, ours=ours, classes=classes)


ONE_BY_ONE = "values one by one there"


def _exact(folder: Path) -> Family:
    """Answers of one value, of a document and of two values."""
    draw = np.random.default_rng(29)
    rows = []
    for _ in range(200):
        said, wanted = draw.integers(0, 3, 2), draw.integers(0, 3, 2)
        rows.append(
            {
                "wanted": ("yes", "no", "Yes")[wanted[0]],
                "said": ("yes", "no", "Yes")[said[0]],
                "wanted_document": json.dumps({"a": int(wanted[1]), "b": [1, "x"]}),
                "said_document": json.dumps({"a": int(said[1]), "b": [1, "x"]}, indent=draw.choice([None, 1])),
                "wanted_both": [f"{n}" for n in wanted],
                "said_both": [f"{n}" for n in said],
                **_drawn(draw),
            }
        )
    outputs = ("one", "document", "both")
    chosen = config(
        {"metrics": [metric("ExactMatch")], "output_names": ["one"], "example_weights": BOTH},
        {
            "metrics": [
                metric("ExactMatch", convert_to="json", name="same_document"),
                metric("ExactMatch", name="text"),
            ],
            "output_names": ["document"],
        },
        {"metrics": [metric("ExactMatch", name="both")], "output_names": ["both"]},
        model={
            "label_keys": dict(zip(outputs, ("wanted", "wanted_document", "wanted_both"), strict=True)),
            "prediction_keys": dict(zip(outputs, ("said", "said_document", "said_both"), strict=True)),
            "example_weight_keys": dict.fromkeys(outputs, "weight"),
        },
    )
    return _evaluate(folder, rows, chosen, classes={"both": ONE_BY_ONE})


NAMES = ("sun", "moon", "sea", "light", "rock", "tree", "bird")
TAKES_ANOTHERS = "weights of another metric there"
AS_LISTED = "k as listed there"
LAST_SCORE = "last score there"


def _set_rows(draw: np.random.Generator, *, in_order: bool) -> Iterator[Row]:
    for _ in range(150):
        labels = draw.permutation(NAMES)[: draw.integers(1, 5)].tolist()
        found = draw.permutation(NAMES)[: draw.integers(1, 6)].tolist()
        scores = draw.random(len(found)).astype(np.float32)
        if in_order:
            scores = np.sort(scores)[::-1]
        else:
            found += found[:1]  # the first class once more, with another score
            scores = np.append(scores, np.float32(draw.random()))
        yield {
            "labels": labels,
            "classes": found,
            "scores": scores.tolist(),
            "label_weights": draw.choice(WEIGHTS, len(labels)).tolist(),
            "some": list(NAMES[:4]),
            "weights_of_some": draw.choice(WEIGHTS, 4).tolist(),
            **_drawn(draw),
        }


def _set_extracts(rows: Iterable[Row]) -> list[Row]:
    features = ("label_weights", "weights_of_some")
    return [
        {
            "labels": np.array(row["labels"]),
            "predictions": {"classes": np.array(row["classes"]), "scores": np.array(row["scores"], np.float32)},
            "example_weights": np.array([row["weight"]], np.float32),
            "features": {
                "group": np.array([row["group"]]),
                "some": np.array(row["some"]),
                **{name: np.array(row[name], np.float32) for name in features},
            },
        }
        for row in rows
    ]


SET_MODEL = {"label_key": "labels", "prediction_key": "classes", "example_weight_key": "weight"}
OF_LABELS = {"weight_key": "label_weights"}
OF_SOME = {"class_key": "some", "weight_key": "weights_of_some"}


def _sets(folder: Path) -> Family:
    """Classes by their names, found ones in the order of their scores."""
    rows = list(_set_rows(np.random.default_rng(31), in_order=True))
    # The peer tells metrics of sets apart by top_k alone: those that weigh classes have one of their own.
    metrics = [
        metric(f"SetMatch{what}", name=f"{what.lower()}{name}", **options)
        for what in ("Precision", "Recall")
        for name, options in {
            "": {},
            "_at_thresholds": {"thresholds": [0.2, 0.7]},
            "_of_2": {"top_k": 2},
            "_of_1": {"top_k": 1, "thresholds": [0.6]},
            "_by_label": {"top_k": 6, **OF_LABELS},
            "_by_class": {"top_k": 7, "thresholds": [0.3], **OF_SOME},
            "_clashing": OF_SOME,
        }.items()
    ]
    chosen = config({"metrics": metrics, "example_weights": BOTH}, model=SET_MODEL)
    classes = {"precision_clashing": TAKES_ANOTHERS, "recall_clashing": TAKES_ANOTHERS}
    return _evaluate(folder, rows, chosen, extracts=_set_extracts(rows), classes=classes)


def _unlike_sets(folder: Path) -> Family:
    """Found classes in no order, one of them twice."""
    rows = list(_set_rows(np.random.default_rng(37), in_order=False))
    metrics = [
        metric("SetMatchPrecision", name="precision", thresholds=[0.5]),
        metric("SetMatchRecall", name="recall", thresholds=[0.5]),
        metric("SetMatchPrecision", name="precision_of_2", top_k=2),
        metric("SetMatchRecall", name="recall_of_2", top_k=2),
    ]
    classes = {
        "precision": LAST_SCORE, "recall": LAST_SCORE, "precision_of_2": AS_LISTED, "recall_of_2": AS_LISTED,
    }  # fmt: skip
    chosen = config({"metrics": metrics}, model=SET_MODEL)
    return _evaluate(folder, rows, chosen, extracts=_set_extracts(rows), classes=classes)


WORDS = (
    "The", "a", "cat", "Dog", "dogs", "runs", "running", "house", "houses", "don't", "on", "3.5", "red-blue", "quickly",
    "and", "mat", ",", "old", ";", "tree",
)  # fmt: skip
BLEUS: dict[str, Row] = {
    "BLEU": {},
    "lower_intl": {"smooth_method": "add-k", "lowercase": True, "tokenize": "intl"},
    "floor": {"smooth_method": "floor", "smooth_value": 0.2, "tokenize": "none"},
    "char": {"tokenize": "char", "smooth_method": "none"},
}
FIRST_OF_TIES = "first of two lengths there"


def _text_extracts(rows: Iterable[Row]) -> list[Row]:
    return [
        {
            "labels": np.array(row["references"])[:, None],
            "predictions": np.array([row["text"]]),
            "example_weights": np.array([row["weight"]], np.float32),
            "features": {"group": np.array([row["group"]])},
        }
        for row in rows
    ]


TEXT_MODEL = {"label_key": "references", "prediction_key": "text", "example_weight_key": "weight"}


def _texts(folder: Path) -> Family:
    """Sentences with one reference, or with two of which the second is the longer one."""
    draw = np.random.default_rng(41)
    rows = []
    for _ in range(150):
        reference = draw.choice(WORDS, draw.integers(5, 14)).tolist()
        text, other = (
            [word if draw.random() < kept else str(draw.choice(WORDS)) for word in reference] for kept in (0.8, 0.5)
        )
        text = text[: len(text) - draw.integers(0, 3)]
        reference[3] += " .\n"
        text[2] += "\n"
        references = [" ".join(reference), " ".join([*other, "and so on and so on and so on"])][: draw.integers(1, 3)]
        rows.append({"references": references, "text": " ".join(text), **_drawn(draw)})
    rouges = [
        metric("Rouge", rouge_type="rouge1"),
        metric("Rouge", rouge_type="rouge2"),
        metric("Rouge", rouge_type="rougeL"),
        metric("Rouge", rouge_type="rouge1", use_stemmer=True, name="rouge1_of_stems"),
        metric("Rouge", rouge_type="rougeLsum"),
    ]
    bleus = [metric("Bleu", **({} if name == "BLEU" else {"name": name}), **options) for name, options in BLEUS.items()]
    # One spec each: this package takes two of one class in one spec only with names of their own.
    each = [{"metrics": [one]} for one in (*rouges, *bleus)]
    # The peer refuses to weigh them, and weighs ROUGE all the same.
    chosen = config(*({**spec, "example_weights": UNWEIGHTED} for spec in each), model=TEXT_MODEL)
    ours = config(*({**spec, "example_weights": BOTH} for spec in each), model=TEXT_MODEL)

    def rename(key: Key) -> Key:
        return key._replace(weighted=key.name.startswith("rouge"))

    return _evaluate(folder, rows, chosen, extracts=_text_extracts(rows), ours=ours, rename=rename)


def _tied_texts(folder: Path) -> Family:
    """Sentences with a longer and then a shorter reference, whose lengths are as far from the sentence's."""
    draw = np.random.default_rng(43)
    rows = []
    for _ in range(60):
        longer = draw.choice(WORDS[:6], draw.integers(6, 12)).tolist()
        rows.append({"references": [" ".join(longer), " ".join(longer[:-2])], "text": " ".join(longer[:-1])})
        rows[-1] |= _drawn(draw)
    chosen = config({"metrics": [metric("Bleu", tokenize="none")], "example_weights": UNWEIGHTED}, model=TEXT_MODEL)
    return _evaluate(folder, rows, chosen, extracts=_text_extracts(rows), classes={"BLEU": FIRST_OF_TIES})


MISSED_FOUND = "missed boxes found there"
BELOW_SCORE = "a threshold below there"
NOT_REACHED = "not reached: −1e-7 there"
OVERLAP = "overlaps in single precision there"
FILTERED = "boxes out of range dropped there"
ABSENT_CLASS = "absent class 0 there"
TRUNCATES_NONE = "0 detections: all there"


def _box_rows(draw: np.random.Generator, count: int) -> list[Row]:
    """Images with some boxes, most of them found, and some detections of nothing; each score once."""
    rows = []
    for _ in range(count):
        many = draw.integers(0, 6)
        corner = draw.uniform(0, 100, (many, 2))
        classes = draw.integers(0, BOX_CLASSES, (many, 1))
        true = np.concatenate([corner, corner + draw.uniform(8, 60, (many, 2)), classes], axis=1).astype(np.float32)
        found = [box + np.append(draw.normal(0, 2, 4), 0) for box in true for _ in range(draw.integers(0, 3))]
        for box in found:
            box[4] = box[4] if draw.random() < 0.9 else draw.integers(0, BOX_CLASSES)
        corner, size = draw.uniform(0, 100, (2, 2)), draw.uniform(8, 60, (2, 2))
        nothing = np.concatenate([corner, corner + size, draw.integers(0, BOX_CLASSES, (2, 1))], axis=1)
        found += list(nothing[: draw.integers(0, 3)])
        rows.append({"true": true, "found": np.array(found, np.float32).reshape(-1, 5), **_drawn(draw)})
    total = sum(len(row["found"]) for row in rows)
    assert total < SCORES, total
    scores = (draw.permutation(np.arange(1, SCORES))[:total] / SCORES).astype(np.float32)
    for row in rows:
        own, scores = scores[: len(row["found"])], scores[len(row["found"]) :]
        row["found"] = np.concatenate([row["found"], own[:, None]], axis=1)
    return rows


def _boxes(folder: Path) -> Family:
    """Boxes as the label, detections as the prediction."""
    made = _box_rows(np.random.default_rng(47), 60)
    of_1 = {"class_id": 1}
    fast = {"num_thresholds": SCORES + 2}  # enough for these scores; its 10,000 take the peer minutes
    metrics = [
        metric("ObjectDetectionPrecision", thresholds=[0.3], iou_threshold=0.6, **of_1),
        metric("ObjectDetectionRecall", thresholds=[0.3], iou_threshold=0.6, **of_1),
        metric("ObjectDetectionRecall", name="od_recalls", thresholds=[0.2, 0.6], class_id=2, class_weight=0.5),
        metric("ObjectDetectionMaxRecall", **of_1),
        metric("ObjectDetectionMaxRecall", name="od_max_recall_of_1", class_id=0, max_num_detections=1),
        metric("ObjectDetectionPrecisionAtRecall", recall=[0.3, 0.6], thresholds=BETWEEN_SCORES, **of_1),
        metric("ObjectDetectionPrecisionAtRecall", name="od_precision_at_all", recall=[0.5, 0.95], **of_1),
        metric("ObjectDetectionThresholdAtRecall", recall=0.25, thresholds=BETWEEN_SCORES, **of_1),
        metric("ObjectDetectionThresholdAtRecall", name="od_threshold_at_all", recall=0.95, **of_1),
        metric("ObjectDetectionRecall", name="od_recall_in_range", area_range=AREA, **of_1),
        metric("ObjectDetectionPrecision", name="od_precision_in_range", thresholds=[0.1], area_range=AREA, **of_1),
    ]
    every = {"class_ids": [0, 1, 2]}
    means = [
        metric("COCOAveragePrecision", iou_threshold=0.5, **of_1, **fast),
        metric("COCOAveragePrecision", name="average_precision_at_11", num_recalls=11, class_id=2, **fast),
        metric("COCOAveragePrecision", name="average_precision_in_range", area_range=AREA, **of_1, **fast),
        metric("COCOAverageRecall", **of_1),
        metric("COCOMeanAveragePrecision", iou_thresholds=IOUS, **every, **fast),
        metric("COCOMeanAveragePrecision", name="with_absent", iou_thresholds=IOUS, class_ids=[0, 1, 7], **fast),
        metric("COCOMeanAverageRecall", class_weights=[1.0, 2.0, 0.5], **every),
        metric("COCOMeanAverageRecall", name="mean_average_recall_of_1", max_num_detections=1, **every),
        metric("COCOMeanAverageRecall", name="recall_with_absent", class_ids=[0, 1, 7]),
        metric("COCOAveragePrecision", name="precision_of_absent", class_id=7, **fast),
        metric("COCOAverageRecall", name="recall_of_absent", class_id=7),
    ]
    model = {"label_key": "boxes", "prediction_key": "found", "example_weight_key": "weight"}
    spec = {"metrics": [*metrics, *means], "example_weights": BOTH}
    classes: dict[str | tuple[str, bool], str] = {
        (name, True): IGNORES_WEIGHTS
        for name in (
            "average_precision", "average_precision_at_11", "average_precision_in_range", "average_recall",
            "mean_average_precision", "with_absent", "mean_average_recall", "mean_average_recall_of_1",
            "recall_with_absent",
        )
    }  # fmt: skip
    classes |= {
        "od_precision_at_all": MISSED_FOUND,
        "object_detection_threshold_at_recall": BELOW_SCORE,
        "od_threshold_at_all": NOT_REACHED,
        "od_precision_in_range": FILTERED,
        "average_precision_in_range": FILTERED,
        "with_absent": ABSENT_CLASS,
        "precision_of_absent": ABSENT_CLASS,
    }
    extracts = [
        {
            "labels": row["true"],
            "predictions": row["found"],
            "example_weights": np.array([row["weight"]], np.float32),
            "features": {"group": np.array([row["group"]])},
        }
        for row in made
    ]
    rows = [
        {"boxes": row["true"].ravel().tolist(), "found": row["found"].ravel().tolist(), **_rest(row)} for row in made
    ]
    family = _evaluate(
        folder,
        rows,
        config(spec, model=model),
        extracts=extracts,
        classes=classes,
    )
    return replace(family, rows=made)


def _rest(row: Row) -> Row:
    return {name: row[name] for name in ("group", "weight")}


TIED_IOU = 0.65


def _tied_boxes(folder: Path) -> Family:
    """Boxes 20 long of which a detection covers 12, 13 or 14: 13 is exactly 0.65 of 20, in double precision only."""
    draw = np.random.default_rng(61)
    rows, extracts = [], []
    for _ in range(40):
        true = np.array([[0, 0, 20, 1, 1]], np.float32)
        found = np.array([[0, 0, draw.choice([12, 13, 14]), 1, 1, 0.75]], np.float32)
        rows.append({"boxes": true.ravel().tolist(), "found": found.ravel().tolist(), **_drawn(draw)})
        extracts.append({"labels": true, "predictions": found, "features": {"group": np.array([rows[-1]["group"]])}})
    chosen = config(
        {"metrics": [metric("ObjectDetectionMaxRecall", class_id=1, iou_threshold=TIED_IOU, name="od_max_recall")]},
        model={"label_key": "boxes", "prediction_key": "found"},
    )
    return _evaluate(
        folder,
        rows,
        chosen,
        extracts=extracts,
        classes={"od_max_recall": OVERLAP},
    )


SIDES = ("left", "top", "right", "bottom")
TRUE_COLUMNS = [*SIDES, "class"]
FOUND_COLUMNS = [f"found_{name}" for name in (*SIDES, "class", "score")]
PADDED = 10
FINE = 4
"""Every so many images have detections with scores that the peer's 10,000 thresholds do not tell apart."""


def _stacked(folder: Path) -> Family:
    """A column for each side of the boxes; detections are padded with others that would count."""
    draw = np.random.default_rng(53)
    made = _box_rows(draw, 60)
    rows, extracts = [], []
    for i, row in enumerate(made):
        found = row["found"]
        padding = np.tile(np.array([[0, 0, 30, 30, 1, 0.9]], np.float32), (PADDED - len(found), 1))
        fine, fine_true = (boxes[: len(boxes) if i % FINE == 0 else 0].copy() for boxes in (found, row["true"]))
        fine[:, 5] = draw.random(len(fine)).astype(np.float32) * np.float32(1e-3)
        padded = np.concatenate([found, padding])
        row |= {"fine": fine, "fine_true": fine_true, "padded": padded}
        columns = {name: row["true"][:, i] for i, name in enumerate(TRUE_COLUMNS)}
        columns |= {name: padded[:, i] for i, name in enumerate(FOUND_COLUMNS)}
        rows.append(
            {
                **{name: values.tolist() for name, values in columns.items()},
                "fine_true": fine_true.ravel().tolist(),
                "fine": fine.ravel().tolist(),
                "count": len(found),
                **_rest(row),
            }
        )
        extracts.append(
            {
                "features": {
                    **columns,
                    "fine_true": fine_true,
                    "fine": fine,
                    "count": np.array([len(found)]),
                    "group": np.array([row["group"]]),
                }
            }
        )
    sides = {"class_id": 1, "labels_to_stack": TRUE_COLUMNS, "predictions_to_stack": FOUND_COLUMNS}
    counted = {**sides, "num_detections_key": "count"}
    fine = {"class_id": 1, "labels_to_stack": ["fine_true"], "predictions_to_stack": ["fine"]}
    # The peer does not tell metrics apart by the columns that they stack: each has an overlap of its own.
    fast = {"num_thresholds": SCORES + 2}
    metrics = [
        metric("ObjectDetectionPrecision", name="od_precision_of_all", iou_threshold=0.52, **sides),
        metric("ObjectDetectionPrecision", iou_threshold=0.53, **counted),
        metric("ObjectDetectionRecall", thresholds=[0.1], iou_threshold=0.54, **counted),
        metric("COCOAveragePrecision", iou_threshold=0.55, **counted, **fast),
        metric("COCOAverageRecall", iou_thresholds=[0.56, 0.66], **sides),
        metric("COCOAveragePrecision", name="average_precision_of_fine", iou_threshold=0.57, **fine),
    ]
    classes = {
        "object_detection_precision": TRUNCATES_NONE,
        "average_precision": TRUNCATES_NONE,
        "average_precision_of_fine": GRID,
    }
    family = _evaluate(
        folder,
        rows,
        config({"metrics": metrics}, model={"label_key": "fine_true", "prediction_key": "fine"}),
        extracts=extracts,
        classes=classes,
    )
    return replace(family, rows=made)


def png(pixels: np.ndarray) -> bytes:
    """An image as it lies in a file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _masks(folder: Path) -> Family:
    """Images of different sizes with four classes of pixels, as numbers and as files."""
    draw = np.random.default_rng(59)
    made, rows, extracts = [], [], []
    for _ in range(60):
        true = draw.integers(0, 4, draw.integers(3, 9, 2))
        found = np.where(draw.random(true.shape) < 0.7, true, draw.integers(0, 4, true.shape))
        row = {"true": true, "found": found, **_drawn(draw)}
        made.append(row)
        images = {"image": png(true), "found_image": png(found)}
        rows.append({"true": true.ravel().tolist(), "found": found.ravel().tolist(), **images, **_rest(row)})
        features = {"true": true, "found": found, **{name: np.array([image]) for name, image in images.items()}}
        extracts.append({"features": {**features, "group": np.array([row["group"]])}})
    numbers = {
        "class_ids": [1, 3], "ground_truth_key": "true", "prediction_key": "found", "decode_ground_truth": False,
    }  # fmt: skip
    images = {
        "class_ids": [0, 2], "ground_truth_key": "image", "prediction_key": "found_image", "decode_prediction": True,
    }  # fmt: skip
    metrics = [
        metric(f"SemanticSegmentation{what}Positive", **({"name": f"{what.lower()}{name}"} if name else {}), **options)
        for what in ("True", "False")
        for name, options in {
            "": numbers,
            "_of_images": images,
            "_without_0": {**numbers, "ignore_ground_truth_id": 0},
            "_without_1": {**numbers, "ignore_ground_truth_id": 1},
        }.items()
    ]
    model = {"label_key": "true", "prediction_key": "found"}
    family = _evaluate(
        folder,
        rows,
        config({"metrics": metrics}, model=model),
        extracts=extracts,
        ours=config({"metrics": metrics, "example_weights": BOTH}, model={**model, "example_weight_key": "weight"}),
    )
    return replace(family, rows=made)


def main() -> None:
    """Prints a table of the overall values: those that differ one by one, the others by their names."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        import tfx.v1  # noqa: F401

        made = run_both(Path(folder))
    print("| metric | class | TFMA | ours |\n|---|---|---|---|")
    for kind, family in made.families.items():
        alike: dict[str, dict[str, None]] = {SAME: {}, SINGLE: {}}
        differing: dict[tuple[str, bool], Key] = {}
        for key in (*family.ours, *family.peer):
            of_class = family.class_of(key)
            if not key.group and of_class in alike:
                alike[of_class][key.name] = None
            elif not key.group:
                differing.setdefault((key.name, key.weighted), key)
        for of_class, names in alike.items():
            if names:
                print(f"| {kind}: {', '.join(names)} | {of_class} | | |")
        for key in differing.values():
            named = f"{key.name} {key.sub_key}".strip() + (" w" if key.weighted else "")
            values = " | ".join(_written(values.get(key)) for values in (family.peer, family.ours))
            print(f"| {kind}: {named} | {family.class_of(key)} | {values} |")


def _written(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(f"{number:.12g}" for number in value) if isinstance(value, tuple) else f"{value:.12g}"


if __name__ == "__main__":
    main()
