"""Texts, sets of classes, masks and attributions against the libraries and formulas that the field uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as skm
from sklearn.preprocessing import MultiLabelBinarizer

from evaluator_component import ConfigError
from tests.metrics.listed import evaluated, overall, rows
from tests.metrics.pass_over import built, entry


def sets(seed: int, count: int) -> tuple[list[list[str]], list[list[str]], list[list[float]]]:
    """Labels and predictions of animals without repetition, with distinct scores; some of them empty."""
    draw = np.random.default_rng(seed)
    animals = [f"animal {i}" for i in range(9)]
    labels = [draw.choice(animals, draw.integers(0, 5), replace=False).tolist() for _ in range(count)]
    predicted = [draw.choice(animals, draw.integers(0, 6), replace=False).tolist() for _ in range(count)]
    return labels, predicted, [draw.permutation(20)[: len(p)].astype(float).__truediv__(20).tolist() for p in predicted]


@pytest.mark.parametrize("top_k", [None, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_sets_are_those_of_scikit_learn(seed: int, top_k: int | None) -> None:
    labels, predicted, scores = sets(seed, 30)
    columns = {"": labels, "classes": predicted, "scores": scores}
    weights = np.random.default_rng(seed).random(30)
    thresholds = [0.3] if top_k is None else [-np.inf]
    chosen = [
        [name for name, s in sorted(zip(p, own, strict=True), key=lambda pair: -pair[1])[:top_k] if s > thresholds[0]]
        for p, own in zip(predicted, scores, strict=True)
    ]
    binarizer = MultiLabelBinarizer().fit([*labels, *predicted])
    options = {"thresholds": thresholds} if top_k is None else {"top_k": top_k}
    for name, oracle in (("SetMatchPrecision", skm.precision_score), ("SetMatchRecall", skm.recall_score)):
        expected = oracle(
            binarizer.transform(labels), binarizer.transform(chosen), average="micro", sample_weight=weights
        )
        assert overall(rows(entry(name, **options), columns, weights.tolist()))["value"] == pytest.approx(
            expected, rel=1e-9
        )


def test_sets_of_numbers_and_of_repeated_classes() -> None:
    columns = {"": [[3, 1], [2]], "classes": [[1, 1, 4], ["2"]], "scores": [[0.2, 0.9, 0.8], [0.7]]}
    columns["classes"] = [[1.0, 1.0, 4.0], [2.0]]
    found = overall(rows(entry("SetMatchPrecision"), columns))
    assert found["value"] == pytest.approx(2 / 3)
    assert overall(rows(entry("SetMatchRecall"), columns))["value"] == pytest.approx(2 / 3)
    unscored = entry("SetMatchRecall", prediction_score_key="")
    assert overall(rows(unscored, {name: columns[name] for name in ("", "classes")}))["value"] == pytest.approx(2 / 3)


def test_classes_have_weights() -> None:
    """Sun 0.3, moon 0.4; classes that are not named weigh 1; example weights multiply."""
    columns = {
        "": [["sun", "moon"], ["moon"]],
        "classes": [["sun", "sea", "light"], ["moon"]],
        "scores": [[1.0, 0.7, 0.6], [0.9]],
        "weights": [[0.3, 0.4], [0.5]],
        "names": [["sun", "moon"], ["moon"]],
    }
    weights = [0.1, 2.0]
    right, wrong, missed = 0.03 + 1.0, 0.2, 0.04
    for keys in ({"weight_key": "weights"}, {"weight_key": "weights", "class_key": "names"}):
        precision = overall(rows(entry("SetMatchPrecision", **keys), columns, weights))["value"]
        recall = overall(rows(entry("SetMatchRecall", **keys), columns, weights))["value"]
        assert precision == pytest.approx(right / (right + wrong), rel=1e-9)
        assert recall == pytest.approx(right / (right + missed), rel=1e-9)


def masks(seed: int, count: int) -> tuple[list[list[int]], list[list[int]]]:
    draw = np.random.default_rng(seed)
    true = [draw.integers(0, 5, size).tolist() for size in draw.integers(1, 30, count)]
    return true, [np.where(draw.random(len(t)) < 0.7, t, draw.integers(0, 5, len(t))).tolist() for t in true]


SEGMENTATION = {"ground_truth_key": "mask", "prediction_key": "found", "decode_ground_truth": False}


@pytest.mark.parametrize("ignored", [None, 0, 2])
@pytest.mark.parametrize("seed", range(2))
def test_pixels_are_counted_as_scikit_learn_does(seed: int, ignored: int | None) -> None:
    true, found = masks(seed, 25)
    ids = [2, 0, 4]
    options = {**SEGMENTATION, "class_ids": ids, "ignore_ground_truth_id": ignored}
    y, p = np.concatenate(true), np.concatenate(found)
    columns = {"mask": true, "found": found}
    positives = rows(entry("SemanticSegmentationTruePositive", **options), columns)
    wrong = rows(entry("SemanticSegmentationFalsePositive", **options), columns)
    shares, dices = [], []
    for number in ids:
        counted = np.ones(len(y), bool) if ignored in (None, number) else y != ignored
        (_, fp), (fn, tp) = skm.confusion_matrix(y[counted] == number, p[counted] == number, labels=[False, True])
        assert overall(positives, sub_key=f"classId:{number}")["value"] == tp
        assert overall(wrong, sub_key=f"classId:{number}")["value"] == fp
        shares.append(skm.jaccard_score(y[counted] == number, p[counted] == number))
        dices.append(skm.f1_score(y[counted] == number, p[counted] == number))
        assert fn >= 0
    assert overall(rows(entry("SemanticSegmentationMeanIoU", **options), columns))["value"] == pytest.approx(
        np.mean(shares), rel=1e-9
    )
    assert overall(rows(entry("SemanticSegmentationDice", **options), columns))["value"] == pytest.approx(
        np.mean(dices), rel=1e-9
    )


def test_matrices_of_pixels_are_the_cells_of_each_class() -> None:
    true, found = masks(3, 20)
    options = {**SEGMENTATION, "class_ids": [3, 1]}
    _, plotted = evaluated(entry("SemanticSegmentationConfusionMatrix", **options), {"mask": true, "found": found})
    y, p = np.concatenate(true), np.concatenate(found)
    assert [row["actual_class"] for row in plotted] == [3, 1]
    for row in plotted:
        (tn, fp), (fn, tp) = skm.confusion_matrix(y == row["actual_class"], p == row["actual_class"])
        cells = ("true_negatives", "false_positives", "false_negatives", "true_positives")
        assert [row[cell] for cell in cells] == [tn, fp, fn, tp]


def test_a_class_that_is_nowhere_is_left_out_and_told() -> None:
    options = {**SEGMENTATION, "class_ids": [1, 7]}
    row = overall(rows(entry("SemanticSegmentationMeanIoU", **options), {"mask": [[1, 1, 0]], "found": [[1, 0, 0]]}))
    assert (row["value"], row["reason"]) == (0.5, "without classes that no pixel is of or predicted to be: 7")
    row = overall(rows(entry("SemanticSegmentationDice", **options), {"mask": [[0]], "found": [[0]]}))
    assert np.isnan(row["value"])
    assert row["reason"] == "no pixel is of one of the classes or predicted to be"


def test_attributions_are_summed() -> None:
    draw = np.random.default_rng(4)
    fare, company = draw.normal(size=(20, 1)), draw.normal(size=(20, 3))
    weights = draw.random(20)
    columns = {"attributions/fare": fare.tolist(), "attributions/company": company.tolist()}
    for name, absolute, mean in (
        ("MeanAttributions", False, True),
        ("MeanAbsoluteAttributions", True, True),
        ("TotalAttributions", False, False),
        ("TotalAbsoluteAttributions", True, False),
    ):
        found = rows(entry(name, features=["fare", "company"]), columns, weights.tolist())
        for feature, values in (("fare", fare), ("company", company)):
            total = weights @ (np.abs(values) if absolute else values).sum(axis=1)
            expected = total / weights.sum() if mean else total
            (row,) = [row for row in found if row["metric"].endswith(f"/{feature}")]
            assert row["value"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Bleu", {"tokenize": "13b"}, "tokenize: expected one of 13a, "),
        ("Bleu", {"smooth_method": "more"}, "smooth_method: expected one of none, floor, add-k, exp, got 'more'"),
        ("Bleu", {"max_ngram_order": 0}, "max_ngram_order: expected a whole number from 1 to 9, got 0"),
        ("Rouge", {"rouge_type": "rouge0"}, "rouge_type: expected one of rouge1, .*got 'rouge0'"),
        ("ExactMatch", {"convert_to": "xml"}, "convert_to: expected json or nothing, got 'xml'"),
        ("SetMatchRecall", {"thresholds": []}, "thresholds: expected at least one number, got none"),
        ("Bleu", {"tokenize": "ja-mecab"}, "tokenize: 'ja-mecab' cannot be used here: "),
        ("SetMatchRecall", {"top_k": 0}, "top_k: expected a whole number from 1 on, got 0"),
        ("SetMatchRecall", {"class_key": "c"}, "class_key: .*set weight_key"),
        ("SemanticSegmentationMeanIoU", {"class_ids": [1, 1]}, "names a class twice"),
        ("SemanticSegmentationDice", {"class_ids": ["a"]}, "class_ids: expected whole numbers, got 'a'"),
        ("MeanAttributions", {"features": []}, "features: expected a list of names"),
        ("COCOAveragePrecision", {"iou_threshold": 1.5}, "iou_threshold: expected a number above 0 and up to 1"),
        ("COCOAveragePrecision", {"class_id": "dog"}, "class_id: expected a whole number from 0 on, got 'dog'"),
        ("COCOMeanAveragePrecision", {"class_weights": [1.0]}, "class_weights: expected one for each of the 2"),
        ("COCOMeanAveragePrecision", {"recalls": [0.1], "num_recalls": 3}, "recalls and num_recalls: only one"),
    ],
)
def test_wrong_options_are_told(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: .*{message}"):
        built(name, **options)
