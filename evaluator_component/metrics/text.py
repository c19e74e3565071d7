"""Texts against references, by the libraries that the field compares its figures with; and exact equality.

BLEU and ROUGE look at one text after another, since their libraries do; everything after the tokens is summed as any
other term is.
"""

from __future__ import annotations

import decimal
import functools
import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import HIGHER, Definition, Metric, Options, Plot, Values
from evaluator_component.metrics.records import Reads, comparable, lengths, owners
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.terms import Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.undefined import NO_WEIGHT
from evaluator_component.metrics.view import Float64, Kind, View

_READS = (Reads("label", least=1, holds="texts"), Reads("prediction", least=1, most=1, holds="texts"))


def _library(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"it needs the package {package}, which is not installed; pip install 'evaluator-component[text]'"
        ) from error


def _texts(lists: pa.ListArray) -> list[list[str]]:
    """The texts of each example; bytes that are no UTF-8 become question marks."""
    return [[_text(value) for value in values or ()] for values in lists.to_pylist()]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _of_each(view: View, width: int, score: Any) -> tuple[Float64, ...]:
    """Numbers of each text and its references, times the weight: ``width`` arrays, float64 ``[n]``."""
    result = np.zeros((width, len(view)))
    references, texts = (_texts(lists) for lists in view.records)
    for row in np.flatnonzero(view.weights > 0):
        result[:, row] = score(texts[row][0], references[row])
    return tuple(column * view.weights for column in result)


@dataclass(frozen=True)
class NGrams:
    """For each n: how many n-grams of the text are in a reference, and how many there are; lengths in tokens."""

    tokenize: str
    lowercase: bool
    order: int

    @property
    def columns(self) -> tuple[str, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        orders = range(1, self.order + 1)
        return (*(f"matching_{n}" for n in orders), *(f"total_{n}" for n in orders), "length", "reference_length")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        bleu = _bleu(self.tokenize, self.lowercase, self.order)

        def statistics(text: str, references: Sequence[str]) -> list[float]:
            found = bleu.sentence_score(text, references)
            return [*found.counts, *found.totals, found.sys_len, found.ref_len]

        return _of_each(view, len(self.columns), statistics)


@functools.lru_cache
def _bleu(tokenize: str, lowercase: bool, order: int) -> Any:
    library = _library("sacrebleu.metrics", "sacrebleu")
    return library.BLEU(tokenize=tokenize, lowercase=lowercase, force=True, max_ngram_order=order, effective_order=True)


@dataclass(frozen=True)
class _Bleu:
    terms: NGrams
    smooth_method: str
    smooth_value: float
    effective_order: bool

    def __call__(self, totals: Totals) -> Values:
        columns, order = totals[self.terms], self.terms.order
        weight = totals[Weight()][0]
        matching, possible, (length, reference) = columns[:order], columns[order : 2 * order], columns[2 * order :]
        logs, orders, halved = np.zeros_like(length), np.zeros_like(length), np.ones_like(length)
        with np.errstate(divide="ignore", invalid="ignore"):
            for n, (match, total) in enumerate(zip(matching, possible, strict=True)):
                added = self.smooth_value if self.smooth_method == "add-k" and n > 0 else 0.0
                match, total = match + added, total + added
                none = (match == 0) & (total > 0)
                if self.smooth_method == "exp":
                    halved = np.where(none, halved * 2, halved)
                    match = np.where(none, 1 / halved, match)
                elif self.smooth_method == "floor":
                    match = np.where(none, self.smooth_value, match)
                counted = (total > 0) if self.effective_order else np.ones(len(total), bool)
                logs += np.where(counted, np.log(np.where(total > 0, match / total, 0.0)), 0.0)
                orders += counted
            brevity = np.where(length < reference, np.exp(1 - reference / length), 1.0)
            score = 100 * brevity * np.exp(logs / orders)
            score = np.where(np.sum(matching, axis=0) > 0, score, 0.0)
        return Values(np.where(weight > 0, score, np.nan), NO_WEIGHT)


_SMOOTHING = {"none": 0.0, "floor": 0.1, "add-k": 1.0, "exp": 0.0}


def _build_bleu(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    method, value = str(given["smooth_method"]), given["smooth_value"]
    if method not in _SMOOTHING:
        raise ValueError(f"smooth_method: expected one of {', '.join(_SMOOTHING)}, got {method!r}")
    tokenize = str(given["tokenize"])
    order = given["max_ngram_order"]
    if not isinstance(order, int) or not 1 <= order <= 9:
        raise ValueError(f"max_ngram_order: expected a whole number from 1 to 9, got {order!r}")
    known = _library("sacrebleu.metrics", "sacrebleu").BLEU.TOKENIZERS
    if tokenize not in known:
        raise ValueError(f"tokenize: expected one of {', '.join(sorted(known))}, got {tokenize!r}")
    terms = NGrams(tokenize, bool(given["lowercase"]), order)
    try:
        _bleu(tokenize, terms.lowercase, order).sentence_score("a", ["a"])
    except Exception as error:  # a tokenizer can need a package, or data from the net
        raise ValueError(f"tokenize: {tokenize!r} cannot be used here: {error}") from error
    value = _SMOOTHING[method] if value is None else float(value)
    result = _Bleu(terms, method, value, bool(given["use_effective_order"]))
    return (Metric(name, Kind.TEXTS, result, (terms, Weight()), direction=HIGHER, interval="jackknife", reads=_READS),)


register(
    Definition(
        "Bleu",
        "BLEU",
        "text",
        "How many of the n-grams of all texts are in their references, from 0 to 100. (Papineni et al. 2002)",
        {
            "lowercase": False,
            "force": False,
            "tokenize": "13a",
            "smooth_method": "exp",
            "smooth_value": None,
            "use_effective_order": False,
            "max_ngram_order": 4,
        },
        _build_bleu,
        direction=HIGHER,
        interval="jackknife",
        range=(0.0, 100.0),
    )
)


@dataclass(frozen=True)
class RougeScores:
    """Σw·precision, Σw·recall and Σw·F of each text, each of the reference that it scores best with."""

    rouge_type: str
    use_stemmer: bool
    split_summaries: bool
    columns = ("precision", "recall", "fmeasure")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        scorer = _rouge(self.rouge_type, self.use_stemmer, self.split_summaries)

        def score(text: str, references: Sequence[str]) -> list[float]:
            best = scorer.score_multi(references, text)[self.rouge_type]
            return [best.precision, best.recall, best.fmeasure]

        return _of_each(view, 3, score)


@functools.lru_cache
def _rouge(rouge_type: str, use_stemmer: bool, split_summaries: bool) -> Any:
    library = _library("rouge_score.rouge_scorer", "rouge-score")
    return library.RougeScorer([rouge_type], use_stemmer=use_stemmer, split_summaries=split_summaries)


_ROUGE_TYPES = (*(f"rouge{n}" for n in range(1, 10)), "rougeL", "rougeLsum")


def _build_rouge(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    kind = str(given["rouge_type"])
    if kind not in _ROUGE_TYPES:
        raise ValueError(f"rouge_type: expected one of {', '.join(_ROUGE_TYPES)}, got {kind!r}")
    terms = RougeScores(kind, bool(given["use_stemmer"]), bool(given["split_summaries"]))
    scorer = _rouge(kind, terms.use_stemmer, terms.split_summaries)
    if terms.split_summaries:
        try:
            scorer.score("One. Two.", "One. Two.")
        except LookupError as error:
            raise ValueError(
                "split_summaries: it cuts texts by NLTK's sentence tokenizer, whose data is not there; run python -m "
                "nltk.downloader punkt punkt_tab, or put one sentence on a line and leave split_summaries out"
            ) from error
    return tuple(
        Metric(
            f"{name}/{column}",
            Kind.TEXTS,
            MeanOf(terms, column=i),
            (terms, Weight()),
            direction=HIGHER,
            interval="delta",
            reads=_READS,
        )
        for i, column in enumerate(terms.columns)
    )


register(
    Definition(
        "Rouge",
        "rouge",
        "text",
        "The mean share of n-grams (or of the longest common subsequence) that text and reference share. (Lin 2004)",
        {"rouge_type": None, "use_stemmer": False, "split_summaries": False},
        _build_rouge,
        direction=HIGHER,
        interval="delta",
        range=(0.0, 1.0),
        example={"rouge_type": "rouge1"},
        name_of=lambda given: str(given.get("rouge_type") or "rouge"),
    )
)


@dataclass(frozen=True)
class SameValues:
    """Σw·[the prediction has the values of the label, in their order]."""

    as_json: bool
    columns = ("same",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        labels, predictions = view.records
        same = _same_json(labels, predictions) if self.as_json else _same(labels, predictions)
        return (view.weights * same,)


def _same(left: pa.ListArray, right: pa.ListArray) -> Any:
    """Bool ``[n]``; numbers are compared as numbers, and with a text as they are written."""
    alike = lengths(left) == lengths(right)
    sides = comparable([lists.flatten().filter(pa.array(alike[owners(lists)])) for lists in (left, right)])
    differs = pc.not_equal(*sides).to_numpy(zero_copy_only=False)
    owner = owners(left)[alike[owners(left)]]
    alike = alike.copy()
    alike[owner[differs]] = False
    return alike


def _same_json(left: pa.ListArray, right: pa.ListArray) -> Any:
    """Bool ``[n]``; a text that is no JSON is the same as nothing."""
    pairs = zip(_texts(left), _texts(right), strict=True)
    return np.array([_equal_documents(label, prediction) for label, prediction in pairs], bool)


def _equal_documents(left: Sequence[str], right: Sequence[str]) -> bool:
    try:
        return [_canonical(text) for text in left] == [_canonical(text) for text in right]
    except ValueError:
        return False


def _canonical(text: str) -> str:
    """A JSON document in one form: the order of keys and the way to write a number do not count, types do."""
    content = json.loads(text, parse_int=decimal.Decimal, parse_float=decimal.Decimal)
    return json.dumps(content, sort_keys=True, default=lambda number: {"number": str(number.normalize())})


def _build_exact_match(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    if given["convert_to"] not in (None, "json"):
        raise ValueError(f"convert_to: expected json or nothing, got {given['convert_to']!r}")
    terms = SameValues(given["convert_to"] == "json")
    reads = (Reads("label", least=1), Reads("prediction", least=1))
    result = MeanOf(terms)
    metric = Metric(name, Kind.VALUES, result, (terms, Weight()), direction=HIGHER, interval="wilson", reads=reads)
    return (metric,)


register(
    Definition(
        "ExactMatch",
        "exact_match",
        "text",
        "The share of examples whose prediction is the label in all of its values. (Rajpurkar et al. 2016)",
        {"convert_to": None},
        _build_exact_match,
        direction=HIGHER,
        interval="wilson",
        range=(0.0, 1.0),
    )
)
