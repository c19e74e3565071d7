"""Sets of classes and texts: made examples, and what the peer and this package make of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tests.parity.both import BOTH, UNWEIGHTED, WEIGHTS, Family, Key, Row, config, drawn, evaluate_both, metric

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
            **drawn(draw),
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


def make_sets(folder: Path) -> Family:
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
    return evaluate_both(folder, rows, chosen, extracts=_set_extracts(rows), classes=classes)


def make_unlike_sets(folder: Path) -> Family:
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
    return evaluate_both(folder, rows, chosen, extracts=_set_extracts(rows), classes=classes)


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


def make_texts(folder: Path) -> Family:
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
        rows.append({"references": references, "text": " ".join(text), **drawn(draw)})
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

    return evaluate_both(folder, rows, chosen, extracts=_text_extracts(rows), ours=ours, rename=rename)


def make_tied_texts(folder: Path) -> Family:
    """Sentences with a longer and then a shorter reference, whose lengths are as far from the sentence's."""
    draw = np.random.default_rng(43)
    rows = []
    for _ in range(60):
        longer = draw.choice(WORDS[:6], draw.integers(6, 12)).tolist()
        rows.append({"references": [" ".join(longer), " ".join(longer[:-2])], "text": " ".join(longer[:-1])})
        rows[-1] |= drawn(draw)
    chosen = config({"metrics": [metric("Bleu", tokenize="none")], "example_weights": UNWEIGHTED}, model=TEXT_MODEL)
    return evaluate_both(folder, rows, chosen, extracts=_text_extracts(rows), classes={"BLEU": FIRST_OF_TIES})
