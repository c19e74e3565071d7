"""Several labels, numbers, sets, texts, boxes and masks against the peer; oracles where they differ. See records.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import sacrebleu
import sklearn.metrics as skm
from rouge_score import rouge_scorer

from tests.metrics.oracles import ORACLES
from tests.parity.both import CLASSES, GRID, IGNORES_WEIGHTS, SAME, SINGLE, Family, Key, Row, read_matrices
from tests.parity.records import COUNTS_WEIGHTS, HUBER_DELTA, ONE_BY_ONE, Records
from tests.parity.records_of_boxes import (
    ABSENT_CLASS,
    BELOW_SCORE,
    FILTERED,
    MISSED_FOUND,
    NOT_REACHED,
    OVERLAP,
    TRUNCATES_NONE,
)
from tests.parity.records_of_names import AS_LISTED, BLEUS, FIRST_OF_TIES, LAST_SCORE, TAKES_ANOTHERS

pytestmark = pytest.mark.tfx

NAMES = (
    "multi_label", "regression", "exact", "sets", "unlike_sets", "texts", "tied_texts", "boxes", "tied_boxes",
    "stacked", "masks",
)  # fmt: skip
DIFFERENCES = {
    ("multi_label", GRID),
    ("regression", IGNORES_WEIGHTS),
    ("regression", COUNTS_WEIGHTS),
    ("exact", ONE_BY_ONE),
    ("sets", TAKES_ANOTHERS),
    ("unlike_sets", LAST_SCORE),
    ("unlike_sets", AS_LISTED),
    ("tied_texts", FIRST_OF_TIES),
    ("boxes", IGNORES_WEIGHTS),
    ("boxes", MISSED_FOUND),
    ("boxes", BELOW_SCORE),
    ("boxes", NOT_REACHED),
    ("boxes", FILTERED),
    ("boxes", ABSENT_CLASS),
    ("tied_boxes", OVERLAP),
    ("stacked", TRUNCATES_NONE),
    ("stacked", GRID),
}
"""Each has a test below."""
MORE_HERE: dict[str, Callable[[Key], bool]] = {
    "sets": lambda key: not key.weighted and key.name.endswith(("_by_label", "_by_class", "_clashing")),
    "texts": lambda key: key.weighted != key.name.startswith("rouge"),
    "masks": lambda key: key.weighted,
}
"""The peer weighs examples whenever it weighs classes, and always with ROUGE; never with BLEU and masks."""


def close(found: Any, expected: Any, tolerance: float = 1e-9) -> bool:
    """Whether numbers, or tuples of them, are the same; NaN is the same as NaN."""
    left, right = np.atleast_1d(found), np.atleast_1d(expected)
    return left.shape == right.shape and np.allclose(left, right, rtol=tolerance, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_values_are_there(made: Records, name: str) -> None:
    family = made.families[name]
    more_here = {key for key in family.ours if MORE_HERE.get(name, lambda _: False)(key)}
    more_there = {key for key in family.peer if family.class_of(key) == COUNTS_WEIGHTS}
    assert family.ours.keys() - family.peer.keys() == more_here
    assert family.peer.keys() - family.ours.keys() == more_there
    assert {key.group for key in family.ours} == {"", "0", "1", "2"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_to_be_the_same_is(made: Records, name: str) -> None:
    family = made.families[name]
    left = set()
    for key, value in family.ours.items():
        tolerance = {SAME: 1e-9, SINGLE: 1e-6}.get(family.class_of(key))
        if tolerance is None:
            left.add((name, family.class_of(key)))
        elif key in family.peer:
            assert close(value, family.peer[key], tolerance), (key, value, family.peer[key])
    assert left == {(of, what) for of, what in DIFFERENCES if of == name and what != COUNTS_WEIGHTS}


def test_all_families_are_compared(made: Records) -> None:
    assert tuple(made.families) == NAMES
    assert all(len(family.ours) >= 4 for family in made.families.values())
    undefined = [
        key for family in made.families.values() for key, value in family.ours.items() if np.isnan(value).any()
    ]
    assert {key.name for key in undefined} == {"od_threshold_at_all", "precision_of_absent", "recall_of_absent"}


def of_class(rows: Sequence[Row], grid: bool) -> Callable[[str, str], float]:
    """The area of a name and sub-key, by scikit-learn or by trapezoids, of scores as they are or on the peer's grid."""
    labels, scores = (np.array([row[name] for row in rows], np.float64) for name in ("labels", "scores"))
    weights = np.array([row["weight"] for row in rows])
    second = np.argsort(-scores, axis=1, kind="stable")[:, 1:2]
    of_second = [np.take_along_axis(array, second, axis=1)[:, 0] for array in (labels, scores)]

    def area(name: str, sub_key: str) -> float:
        def one(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
            scores = np.floor(scores * 10_000) if grid else scores
            return ORACLES[{"auc": "AUC", "auc_precision_recall": "AUCPrecisionRecall"}[name]](labels, scores, weights)

        if sub_key == "k:2":
            return one(*of_second, weights)
        if sub_key == "micro_average":
            return one(labels.ravel(), scores.ravel(), np.repeat(weights, CLASSES))
        each = [one(labels[:, i], scores[:, i], weights) for i in range(CLASSES)]
        if sub_key == "macro_average":
            return float(np.average(each, weights=[1.0, 1.0, 0.5, 2.0]))
        return each[int(sub_key.removeprefix("class_id:"))]

    return area


def test_areas_differ_by_the_peers_grid_and_nothing_else(made: Records) -> None:
    different = 0
    for key, rows, peer, ours in made.multi_label.differing(GRID):
        assert close(ours, of_class(rows, grid=False)(key.name, key.sub_key)), key
        assert close(peer, of_class(rows, grid=True)(key.name, key.sub_key)), key
        different += peer != ours
    assert different > 20


def test_matrices_of_several_labels_are_the_same(made: Records) -> None:
    peer, ours = (read_matrices(made.multi_label.folder / side) for side in ("peer", "ours"))
    assert peer.keys() == ours.keys()
    assert len(ours) == 4 * 2 * CLASSES**2
    for key, cells in ours.items():
        assert close(cells, peer[key]), key
    rows = [row for row in made.multi_label.rows if row["labels"][3] and row["scores"][1] > np.float32(0.6)]
    assert close(ours["", 0.6, 3, 1][0], sum(row["weight"] for row in rows if row["labels"][1]))


def test_recall_of_the_highest_scores_is_that_of_all_labels(made: Records) -> None:
    for key, value in made.multi_label.ours.items():
        if key.name == "recall_at_2":
            rows = made.multi_label.inside(key.group)
            labels, scores = (np.array([row[name] for row in rows]) for name in ("labels", "scores"))
            found = np.argsort(np.argsort(-scores, axis=1), axis=1) < 2
            weights = np.repeat([row["weight"] for row in rows], CLASSES)
            assert close(value, skm.recall_score(labels.ravel(), found.ravel(), sample_weight=weights)), key


def test_the_peer_does_not_weigh_losses_of_keras(made: Records) -> None:
    seen = 0
    for key, rows, peer, ours in made.regression.differing(IGNORES_WEIGHTS):
        error = np.abs([row["target"] - row["estimate"] for row in rows])
        delta = HUBER_DELTA
        loss = np.where(error <= delta, error**2 / 2, delta * (error - delta / 2))
        assert close(ours, np.average(loss, weights=[row["weight"] for row in rows]), 1e-7), key
        assert close(peer, np.mean(loss), 1e-6), key
        assert not close(peer, ours, 1e-3), key
        seen += 1
    assert seen == 4


def test_the_peer_weighs_the_number_of_examples(made: Records) -> None:
    weighted = {key: value for key, value in made.regression.peer.items() if key.name == "example_count"}
    assert len(weighted) == 8
    for key, value in weighted.items():
        rows = made.regression.inside(key.group)
        assert close(value, sum(row["weight"] for row in rows) if key.weighted else len(rows))
        assert close(made.regression.ours[key._replace(weighted=False)], len(rows))


def test_errors_relative_to_0_are_left_out_by_both(made: Records) -> None:
    key = Key("", "mean_absolute_percentage_error", "", True)
    rows = [row for row in made.regression.rows if row["target"]]
    assert len(rows) == len(made.regression.rows) - 20
    each = [100 * abs(row["target"] - row["estimate"]) / row["target"] for row in rows]
    assert close(made.regression.ours[key], np.average(each, weights=[row["weight"] for row in rows]))


def test_the_peer_compares_several_values_one_by_one(made: Records) -> None:
    for key, rows, peer, ours in made.exact.differing(ONE_BY_ONE):
        same = np.array([np.equal(row["wanted_both"], row["said_both"]) for row in rows])
        weights = [row["weight"] for row in rows]
        assert close(ours, np.average(same.all(axis=1), weights=weights)), key
        assert close(peer, np.average(same.mean(axis=1), weights=weights)), key
        assert peer > ours + 0.1


SET_OPTIONS: dict[str, Row] = {
    "": {},
    "_of_2": {"top_k": 2, "threshold": -math.inf},
    "_of_1": {"top_k": 1, "threshold": 0.6},
    "_by_label": {"top_k": 6, "threshold": -math.inf, "of": ("labels", "label_weights")},
    "_by_class": {"top_k": 7, "threshold": 0.3, "of": ("some", "weights_of_some")},
    "_clashing": {"of": ("some", "weights_of_some")},
}


def of_sets(
    rows: Iterable[Row],
    key: Key,
    *,
    threshold: float = 0.5,
    top_k: int = 99,
    of: tuple[str, str] | None = None,
    as_listed: bool = False,
    last: bool = False,
) -> float:
    """Precision or recall of sets, label by label and class by class."""
    found = wrong = missed = 0.0
    for row in rows:
        pairs = list(zip(row["classes"], row["scores"], strict=True))
        pairs = (pairs if as_listed else sorted(pairs, key=lambda pair: -pair[1]))[:top_k]
        scores = dict(pairs if last else sorted(pairs, key=lambda pair: pair[1]))
        weights = dict(zip(*(row[name] for name in of), strict=True)) if of else {}
        for name in {*row["labels"], *scores}:
            weight = (row["weight"] if key.weighted else 1.0) * weights.get(name, 1.0)
            above = name in scores and scores[name] > threshold
            found += weight * (above and name in row["labels"])
            wrong += weight * (above and name not in row["labels"])
            missed += weight * (not above and name in row["labels"])
    return found / (found + (wrong if key.name.startswith("precision") else missed))


def test_sets_are_matched_class_by_class(made: Records) -> None:
    for key, value in made.sets.ours.items():
        kind = "_" + key.name.partition("_")[2] if "_" in key.name else ""
        if kind != "_at_thresholds":
            assert close(value, of_sets(made.sets.inside(key.group), key, **SET_OPTIONS[kind])), key


def test_the_peer_gives_a_metric_of_sets_the_weights_of_another(made: Records) -> None:
    """Its cells are made once for all metrics of sets with the same ``top_k``, as the first of them has them."""
    seen = 0
    for key, peer in made.sets.peer.items():
        if made.sets.class_of(key) == TAKES_ANOTHERS:
            assert close(peer, made.sets.peer[key._replace(name=key.name.removesuffix("_clashing"))])
            assert not close(peer, made.sets.ours[key], 1e-4)
            seen += 1
    assert seen == 8


def test_the_peer_takes_the_first_classes_as_they_are_listed(made: Records) -> None:
    different = 0
    for key, rows, peer, ours in made.unlike_sets.differing(AS_LISTED):
        options: Row = {"top_k": 2, "threshold": -math.inf}
        assert close(peer, of_sets(rows, key, **options, as_listed=True)), key
        # Both scores of a class that is found twice can be among the highest.
        assert close(ours, of_sets(rows, key, **options)), key
        different += not close(peer, ours)
    assert different == 8


def test_the_peer_takes_the_last_of_two_scores_of_a_class(made: Records) -> None:
    different = 0
    for key, rows, peer, ours in made.unlike_sets.differing(LAST_SCORE):
        assert close(peer, of_sets(rows, key, as_listed=True, last=True)), key
        assert close(ours, of_sets(rows, key)), key
        different += not close(peer, ours)
    assert different == 8


def bleu(rows: Iterable[Row], **options: Any) -> float:
    """BLEU of the corpus by sacrebleu itself."""
    rows = list(rows)
    most = max(len(row["references"]) for row in rows)
    references = [[row["references"][i] if i < len(row["references"]) else None for row in rows] for i in range(most)]
    made = sacrebleu.BLEU(force=True, **options)
    return float(made.corpus_score([row["text"] for row in rows], references).score)


def test_bleu_is_that_of_sacrebleu_weighted_or_not(made: Records) -> None:
    seen = 0
    for key, value in made.texts.ours.items():
        if key.name in BLEUS and not (key.weighted and key.name == "lower_intl"):
            rows = made.texts.inside(key.group)
            if key.weighted:  # as often as twice the weight; what add-k adds would not grow with that
                rows = [row for row in rows for _ in range(int(2 * row["weight"]))]
            assert close(value, bleu(rows, **BLEUS[key.name])), key
            seen += 1
    assert seen == 7 * 4
    overall = Key("", "BLEU", "", True)
    assert not close(made.texts.ours[overall], made.texts.ours[overall._replace(weighted=False)], 1e-3)


def test_rouge_is_that_of_rouge_score_weighted_or_not(made: Records) -> None:
    seen = set()
    for key, value in made.texts.ours.items():
        name, _, part = key.name.partition("/")
        if part:
            kind = name.removesuffix("_of_stems")
            scorer = rouge_scorer.RougeScorer([kind], use_stemmer=kind != name)
            rows = made.texts.inside(key.group)
            each = [getattr(scorer.score_multi(row["references"], row["text"])[kind], part) for row in rows]
            assert close(value, np.average(each, weights=[row["weight"] for row in rows] if key.weighted else None)), (
                key
            )
            seen.add(round(value, 9))
    assert len(seen) == len([key for key in made.texts.ours if "/" in key.name])


def test_the_peer_refuses_to_weigh_rouge_and_weighs_it_otherwise(made: Records) -> None:
    from tensorflow_model_analysis.metrics import rouge

    with pytest.raises(ValueError, match="does not support example weights"):
        rouge.Rouge("rouge1").computations(example_weighted=True)
    key = Key("", "rouge1/fmeasure", "", True)
    assert close(made.texts.peer[key], made.texts.ours[key])
    assert not close(made.texts.peer[key], made.texts.ours[key._replace(weighted=False)], 1e-4)


def test_the_peer_takes_the_first_of_two_references_that_are_as_near_in_length(made: Records) -> None:
    """All words are right; only the penalty for texts shorter than their references is left."""
    for key, rows, peer, ours in made.tied_texts.differing(FIRST_OF_TIES):
        assert close(ours, bleu(rows, tokenize="none")), key
        longer, text = (
            sum(len(words.split()) for words in texts)
            for texts in ([row["references"][0] for row in rows], [row["text"] for row in rows])
        )
        assert close(ours, 100), key
        assert close(peer, 100 * math.exp(1 - longer / text)), key


def test_options_are_compared_that_change_values(made: Records) -> None:
    """A metric that its options leave as it is would be compared in vain."""
    family: Family = made.masks
    for kind in ("true", "false"):
        of = f"semantic_segmentation_{kind}_positives"
        without = {name: family.ours[Key("", name, "class_id:3", False)] for name in (of, f"{kind}_without_0")}
        assert (len(set(without.values())) == 2) == (kind == "false")
    texts = {name: made.texts.ours[Key("", name, "", False)] for name in ("lower_intl", "char", "BLEU")}
    assert len(set(texts.values())) == 3
    exact = {name: made.exact.ours[Key("", name, "", True)] for name in ("same_document", "text")}
    assert exact["same_document"] > exact["text"] > 0
