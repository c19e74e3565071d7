"""Several labels, numbers, sets, texts, boxes and masks: what the peer and this package make of each.

The peer reads from files what its pipeline takes from tf.Examples. The rest is given to it as extracts in memory: its
own slices, evaluator and writers do all that comes after reading. This package always reads tf.Examples.

``python -m tests.parity.records`` prints the overall values of each metric.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.parity.both import (
    BOTH,
    CLASSES,
    GRID,
    IGNORES_WEIGHTS,
    SAME,
    SINGLE,
    UNWEIGHTED,
    Family,
    Key,
    config,
    drawn,
    evaluate_both,
    metric,
)
from tests.parity.records_of_boxes import make_boxes, make_masks, make_stacked, make_tied_boxes
from tests.parity.records_of_names import make_sets, make_texts, make_tied_texts, make_unlike_sets


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
        make_multi_label(folder / "multi_label"),
        make_regression(folder / "regression"),
        make_exact(folder / "exact"),
        make_sets(folder / "sets"),
        make_unlike_sets(folder / "unlike_sets"),
        make_texts(folder / "texts"),
        make_tied_texts(folder / "tied_texts"),
        make_boxes(folder / "boxes"),
        make_tied_boxes(folder / "tied_boxes"),
        make_stacked(folder / "stacked"),
        make_masks(folder / "masks"),
    )


def make_multi_label(folder: Path) -> Family:
    """Any number of four classes as labels; the last one is rare."""
    draw = np.random.default_rng(19)
    rows = []
    for _ in range(300):
        labels = (draw.random(CLASSES) < (0.5, 0.3, 0.2, 0.08)).astype(int)
        scores = 0.01 + 0.6 * draw.random(CLASSES) + 0.35 * labels * draw.random(CLASSES)
        rows.append({"labels": labels.tolist(), "scores": scores.astype(np.float32).tolist(), **drawn(draw)})
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

    return evaluate_both(folder, rows, chosen, classes=classes, rename=rename)


COUNTS_WEIGHTS = "weighted count there"
HUBER_DELTA = 1.5


def make_regression(folder: Path) -> Family:
    """Sizes from 0 on, some exactly 0, and estimates of them."""
    draw = np.random.default_rng(23)
    rows = []
    for i in range(500):
        target = np.float32(draw.gamma(2, 3) if i % 25 else 0.0)
        estimate = np.float32(abs(target + draw.normal(0, 2)))
        distance = float(np.float32(draw.normal(5, 2)))
        rows.append({"target": float(target), "estimate": float(estimate), "distance": distance, **drawn(draw)})
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
    return evaluate_both(folder, rows, chosen, ours=ours, classes=classes)


ONE_BY_ONE = "values one by one there"


def make_exact(folder: Path) -> Family:
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
                **drawn(draw),
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
    return evaluate_both(folder, rows, chosen, classes={"both": ONE_BY_ONE})


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
