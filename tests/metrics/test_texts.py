"""Texts against the libraries and formulas that the field uses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import sacrebleu

from tests.metrics.listed import Lists, overall, rows
from tests.metrics.pass_over import entry

WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat,", "house.", "Quickly?", "it's", "3,000"]


def sentences(seed: int, count: int, references: int = 2) -> tuple[list[str], list[list[str]]]:
    draw = np.random.default_rng(seed)
    texts = [" ".join(draw.choice(WORDS, draw.integers(1, 12))) for _ in range(count)]
    return texts, [
        [
            " ".join(np.where(draw.random(len(t.split())) < 0.6, t.split(), draw.choice(WORDS)))
            for _ in range(references)
        ]
        for t in texts
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lowercase": True, "tokenize": "intl"},
        {"tokenize": "none", "smooth_method": "none"},
        {"smooth_method": "floor"},
        {"smooth_method": "floor", "smooth_value": 0.3},
        {"smooth_method": "add-k", "smooth_value": 2},
        {"tokenize": "char", "max_ngram_order": 6},
        {"use_effective_order": True, "max_ngram_order": 2},
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_bleu_is_that_of_sacrebleu(options: dict[str, Any], seed: int) -> None:
    texts, references = sentences(seed, 5 if seed else 40)
    found = rows(entry("Bleu", **options), {"": references, "p": [[text] for text in texts]})
    oracle = sacrebleu.BLEU(
        force=True, **{key.removeprefix("use_"): value for key, value in options.items()}
    ).corpus_score(texts, list(map(list, zip(*references, strict=True))))
    assert overall(found)["value"] == pytest.approx(oracle.score, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("method", ["exp", "floor", "none", "add-k"])
@pytest.mark.parametrize("text", ["the", "the cat", "dog", "", "the cat sat on", "cat the on sat"])
def test_bleu_of_short_texts(text: str, method: str) -> None:
    for effective in (False, True):
        options = {"smooth_method": method, "use_effective_order": effective}
        found = rows(entry("Bleu", **options), {"": [["the cat sat on"]], "p": [[text]]})
        oracle = sacrebleu.BLEU(
            force=True, **{key.removeprefix("use_"): value for key, value in options.items()}
        ).corpus_score([text], [["the cat sat on"]])
        assert overall(found)["value"] == pytest.approx(oracle.score, rel=1e-9, abs=1e-12)


def test_texts_are_weighed_and_sliced() -> None:
    texts, references = sentences(5, 30)
    groups, weights = [i % 2 for i in range(30)], [float(i % 3) for i in range(30)]
    columns = {"": references, "p": [[text] for text in texts]}
    found = {row["slice"]: row["value"] for row in rows(entry("Bleu"), columns, weights, groups)}
    for group in (0, 1):
        often = [i for i in range(30) if groups[i] == group for _ in range(int(weights[i]))]
        streams = [[references[i][k] for i in often] for k in (0, 1)]
        oracle = sacrebleu.BLEU(force=True).corpus_score([texts[i] for i in often], streams)
        assert found[f"group={group}"] == pytest.approx(oracle.score, rel=1e-9)


def test_a_text_that_is_missing_makes_its_slices_undefined() -> None:
    columns = {"": [["a b"], ["a b"], []], "p": [["a b"], [], ["a b"]]}
    for metric in (entry("Bleu"), entry("Rouge"), entry("ExactMatch")):
        for row in rows(metric, columns):
            assert np.isnan(row["value"])
            assert row["reason"] == (
                "1 of 3 labels are missing, not finite or out of range (expected "
                f"{'at least one value' if 'exact' in row['metric'] else 'one text, and at least one reference'}); "
                "1 of 3 predictions are missing, NaN or infinite"
            )


def words_of(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def rouge_by_hand(kind: str, text: str, reference: str) -> tuple[float, float, float]:
    """Lin 2004: overlap of n-grams, or the longest common subsequence, over the n-grams of each side."""
    one, other = words_of(text), words_of(reference)
    if kind == "rougeL":
        table = np.zeros((len(one) + 1, len(other) + 1), int)
        for i, word in enumerate(one):
            for j, known in enumerate(other):
                table[i + 1, j + 1] = table[i, j] + 1 if word == known else max(table[i, j + 1], table[i + 1, j])
        shared, left, right = int(table[-1, -1]), len(one), len(other)
    else:
        n = int(kind[-1])
        grams = [Counter(tuple(w[i : i + n]) for i in range(len(w) - n + 1)) for w in (one, other)]
        shared, left, right = (grams[0] & grams[1]).total(), grams[0].total(), grams[1].total()
    precision, recall = shared / max(left, 1), shared / max(right, 1)
    return precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rouge3", "rougeL"])
def test_rouge_is_that_of_its_paper(kind: str) -> None:
    texts, references = sentences(11, 40)
    weights = np.random.default_rng(1).random(40).tolist()
    found = rows(entry("Rouge", rouge_type=kind), {"": references, "p": [[text] for text in texts]}, weights)
    best = [
        max((rouge_by_hand(kind, text, reference) for reference in several), key=lambda scores: scores[2])
        for text, several in zip(texts, references, strict=True)
    ]
    expected = np.average(best, axis=0, weights=weights)
    for i, name in enumerate(("precision", "recall", "fmeasure")):
        assert overall(found, f"{kind}/{name}")["value"] == pytest.approx(expected[i], rel=1e-9)


@pytest.mark.parametrize(
    ("labels", "predictions", "options", "same"),
    [
        ([["a"], ["b"], ["a", "b"]], [["a"], ["a"], ["a", "b"]], {}, [1, 0, 1]),
        ([["a", "b"], ["a"]], [["b", "a"], ["a", "a"]], {}, [0, 0]),
        ([[1], [2]], [[1], [3]], {}, [1, 0]),
        ([["1"], ["2.5"], ["x"]], [[1], [2.5], [3]], {}, [1, 1, 0]),
        ([['{"a": 1, "b": 2}'], ["[1, 2]"], ["no json"]], [['{"b": 2, "a": 1.0}'], ["[2, 1]"], ["no json"]],
         {"convert_to": "json"}, [1, 0, 0]),
        ([["1"], ['{"a": [1.50, "1"]}'], ["true"]], [["true"], ['{"a":[15e-1,"1"]}'], ["true"]],
         {"convert_to": "json"}, [0, 1, 1]),
    ],
)  # fmt: skip
def test_exact_match_compares_all_values(labels: Lists, predictions: Lists, options: Any, same: list[int]) -> None:
    weights = [1.0, 2.0, 5.0][: len(labels)]
    found = rows(entry("ExactMatch", **options), {"": labels, "p": predictions}, weights)
    assert overall(found)["value"] == pytest.approx(np.average(same, weights=weights))
