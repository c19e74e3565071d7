"""Where simulated examples come from, and what is true there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special
import scipy.stats

Array = npt.NDArray[np.float64]
Drawn = tuple[Array, Array, Array | None]
"""Labels, and predictions of the candidate and of the baseline."""


@dataclass(frozen=True)
class Figure:
    """A number that has an interval: a metric's value, or its change against the baseline.

    Attributes:
        title: What it is.
        entry: The metric's entry in the config.
        metric: Its name in the results.
        truth: Its true value.
        change: Whether it is the change.
    """

    title: str
    entry: Mapping[str, Any]
    metric: str
    truth: float
    change: bool = False


@dataclass(frozen=True)
class World:
    """Where examples are drawn from.

    Attributes:
        draw: Draws so many examples; of queries, so many queries with ``documents`` each.
        figures: What is known about it.
        documents: How many documents a query has; 0 where examples are not of queries.
        cluster: How many examples, one after another, are of one cluster; 0 where they are independent.
        weighted: Whether they have weights, which are exponential.
    """

    draw: Callable[[np.random.Generator, int], Drawn]
    figures: tuple[Figure, ...]
    documents: int = 0
    cluster: int = 0
    weighted: bool = False


def share(chance: float) -> World:
    """A model that is right with a given chance."""

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        return (rng.random(size) < chance).astype(float), np.full(size, 0.9), None

    return World(draw, (Figure(f"accuracy {chance:g}", {"class_name": "BinaryAccuracy"}, "binary_accuracy", chance),))


CLUSTER = 5


def clustered(chance: float) -> World:
    """A model that is right with a chance that differs between clusters."""

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        own = np.repeat(rng.beta(2 * chance, 2 * (1 - chance), size // CLUSTER), CLUSTER)
        return (rng.random(size) < own).astype(float), np.full(size, 0.9), None

    title = f"accuracy {chance:g}, clusters of {CLUSTER}"
    return World(draw, (Figure(title, {"class_name": "BinaryAccuracy"}, "binary_accuracy", chance),), cluster=CLUSTER)


def binormal(area: float) -> World:
    """Scores of positives and negatives that are normal; three of ten examples are positive."""
    distance = float(np.sqrt(2) * scipy.stats.norm.ppf(area))

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        labels = (rng.random(size) < 0.3).astype(float)
        return labels, scipy.special.expit(rng.normal(size=size) + distance * labels), None

    return World(draw, (Figure(f"AUC {area:g}", {"class_name": "AUC"}, "auc", area),))


@dataclass(frozen=True)
class Logits:
    """A calibrated candidate with normal logits, and a baseline that adds noise to them."""

    mean: float
    deviation: float
    noise: float

    def draw(self, rng: np.random.Generator, size: int) -> Drawn:
        """Draws examples."""
        own = rng.normal(self.mean, self.deviation, size)
        labels = (rng.random(size) < scipy.special.expit(own)).astype(float)
        its = own + rng.normal(0, self.noise, size)
        return labels, scipy.special.expit(own), scipy.special.expit(its)

    def grid(self) -> tuple[Array, Array, Array]:
        """Logits of the candidate, and the mass of positives and of negatives there."""
        logits = self.mean + self.deviation * np.linspace(-9, 9, 4001)
        mass = scipy.stats.norm.pdf(logits, self.mean, self.deviation)
        mass /= mass.sum()
        return logits, mass * scipy.special.expit(logits), mass * scipy.special.expit(-logits)

    def predicted_positive(self, noise: float) -> tuple[float, float]:
        """The mass of true and of false positives at a threshold of 0.5."""
        logits, positives, negatives = self.grid()
        chance = scipy.stats.norm.cdf(logits / noise) if noise else np.where(logits == 0, 0.5, logits > 0)
        return float(positives @ chance), float(negatives @ chance)

    def accuracy(self, noise: float) -> float:
        """The share of labels that are predicted."""
        tp, fp = self.predicted_positive(noise)
        return float(tp + self.grid()[2].sum() - fp)

    def f1(self) -> float:
        """The candidate's F1 score."""
        tp, fp = self.predicted_positive(0.0)
        return float(2 * tp / (tp + fp + self.grid()[1].sum()))

    def cross_entropy(self, noise: float) -> float:
        """The mean of −log of what the label was given."""
        logits, positives, negatives = self.grid()
        places, weights = np.polynomial.hermite_e.hermegauss(60)
        theirs = logits[:, None] + noise * places
        expected = np.log1p(np.exp(-np.abs(theirs))) + np.maximum(theirs, 0.0)
        own = (positives + negatives)[:, None] * expected - positives[:, None] * theirs
        return float(own.sum(axis=0) @ weights / weights.sum())

    def area(self, noise: float) -> float:
        """The area under the ROC curve."""
        logits, positives, negatives = self.grid()
        if noise:
            spread = scipy.stats.norm.pdf((logits[:, None] - logits) / noise)
            spread /= spread.sum(axis=0)
            positives, negatives = spread @ positives, spread @ negatives
        below = np.cumsum(negatives) - negatives / 2
        return float(positives @ below / (positives.sum() * negatives.sum()))


def calibrated(mean: float, deviation: float, title: str, *, weighted: bool = False) -> World:
    """The losses and totals of a calibrated model."""
    model = Logits(mean, deviation, 0.0)
    title += ", weighted" if weighted else ""
    figures = (
        Figure(
            f"cross-entropy{title}",
            {"class_name": "BinaryCrossEntropy"},
            "binary_crossentropy",
            model.cross_entropy(0.0),
        ),
        Figure(f"calibration{title}", {"class_name": "Calibration"}, "calibration", 1.0),
    )
    if mean > -2:  # a model of rare positives predicts none
        figures += (Figure(f"F1 score{title}", {"class_name": "F1Score"}, "f1_score", model.f1()),)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        return *model.draw(rng, size)[:2], None

    return World(draw, figures, weighted=weighted)


def paired() -> World:
    """Changes between two correlated models."""
    model = Logits(-0.5, 1.5, 0.7)
    measures: tuple[tuple[str, str, str, Callable[[float], float]], ...] = (
        ("accuracy", "BinaryAccuracy", "binary_accuracy", model.accuracy),
        ("cross-entropy", "BinaryCrossEntropy", "binary_crossentropy", model.cross_entropy),
        ("AUC", "AUC", "auc", model.area),
    )
    figures = tuple(
        Figure(f"change of {title}", {"class_name": name}, metric, measure(0.0) - measure(model.noise), change=True)
        for title, name, metric, measure in measures
    )
    return World(model.draw, figures)


DOCUMENTS = 5


def _documents(rng: np.random.Generator, queries: int) -> Drawn:
    labels = rng.binomial(3, rng.beta(2.0, 3.0, (queries, 1)), (queries, DOCUMENTS)).astype(float)
    labels[:, 0] = np.maximum(labels[:, 0], 1.0)
    scores = labels + rng.normal(0, 1.2, labels.shape)
    return labels.ravel(), scores.ravel(), None


@cache
def _true_gain() -> float:
    rng, means = np.random.default_rng(77), []
    discount = 1 / np.log2(np.arange(2, DOCUMENTS + 2))
    for _ in range(20):
        labels, scores, _ = _documents(rng, 200_000)
        labels, scores = labels.reshape(-1, DOCUMENTS), scores.reshape(-1, DOCUMENTS)
        found = np.take_along_axis(labels, np.argsort(-scores, axis=1), axis=1) @ discount
        means.append(np.mean(found / (-np.sort(-labels, axis=1) @ discount)))
    return float(np.mean(means))


def ranked() -> World:
    """Queries of five documents; the truth is the mean of four million."""
    return World(_documents, (Figure("NDCG", {"class_name": "NDCG"}, "ndcg", _true_gain()),), DOCUMENTS)


def worlds() -> dict[str, World]:
    """All of them."""
    return {
        "accuracy 0.5": share(0.5),
        "accuracy 0.9": share(0.9),
        "accuracy 0.98": share(0.98),
        "clusters": clustered(0.9),
        "AUC 0.75": binormal(0.75),
        "AUC 0.95": binormal(0.95),
        "calibrated": calibrated(-0.5, 1.5, ""),
        "weighted": calibrated(-0.5, 1.5, "", weighted=True),
        "rare positives": calibrated(-4.5, 1.0, ", 1.7 % positive"),
        "paired": paired(),
        "ranked": ranked(),
    }
