"""How far the candidate's predictions are from the baseline's, example by example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from evaluator_component.metrics.binary import at_thresholds
from evaluator_component.metrics.losses import AbsoluteError, LogLoss, SquaredError
from evaluator_component.metrics.means import MeanOf
from evaluator_component.metrics.metric import LOWER, Definition, Direction, Metric, Options, Plot, Ratio, Values
from evaluator_component.metrics.registry import register, snake_case
from evaluator_component.metrics.terms import Terms, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.undefined import NO_WEIGHT
from evaluator_component.metrics.view import Float64, Kind, View

_FAMILY = "model against model"
_FLIPS = ("neg_to_neg", "neg_to_pos", "pos_to_neg", "pos_to_pos")


def nothing_to_compare_with(totals: Totals) -> Values:
    """Undefined: there is no baseline."""
    return Values(np.full(totals.slice_count, np.nan), "there is no baseline model to compare with")


def _baseline(view: View) -> Float64:
    assert view.baseline is not None
    return view.baseline


@dataclass(frozen=True)
class Flips:
    """Σw of the examples that are on each side of the threshold by the baseline, and by the candidate."""

    threshold: float
    columns = _FLIPS

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        before, after = _baseline(view) > self.threshold, view.predictions > self.threshold
        return tuple(
            view.weights * both for both in (~before & ~after, ~before & after, before & ~after, before & after)
        )


@dataclass(frozen=True)
class _FlipRate:
    terms: Flips
    of: tuple[int, ...]

    def __call__(self, totals: Totals) -> Ratio:
        flips = totals[self.terms]
        return Ratio(sum((flips[i] for i in self.of), np.zeros(totals.slice_count)), totals[Weight()][0], NO_WEIGHT)


@dataclass(frozen=True)
class PredictionDifference:
    """Σw·2·|b − p| / |b + p|, 0 where both predictions are (nearly) 0."""

    columns = ("difference",)

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        gap, total = np.abs(_baseline(view) - view.predictions), np.abs(_baseline(view) + view.predictions)
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = np.where((gap < _NEARLY_0) & (total < _NEARLY_0), 0.0, 2.0 * gap / total)
        return (np.where(view.weights > 0, view.weights * difference, 0.0),)


_NEARLY_0 = 1e-7


@dataclass(frozen=True)
class Cosine:
    """Σw·cos of the angle between both models' predictions of an example, and Σw, where neither is 0."""

    columns = ("cosine", "weight")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        ours, theirs = view.predictions, _baseline(view)
        if ours.ndim == 1:
            ours, theirs = ours[:, None], theirs[:, None]
        sizes = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        some = sizes > 0
        cosine = (ours * theirs).sum(axis=1) / np.where(some, sizes, 1.0)
        return np.where(some, view.weights * cosine, 0.0), np.where(some, view.weights, 0.0)


def _mean_cosine(totals: Totals) -> Ratio:
    cosine, weight = totals[Cosine()]
    return Ratio(cosine, weight, "no example has predictions other than 0 by both models")


@dataclass(frozen=True)
class Discordant:
    """Numbers of examples that only the baseline gets right, and only the candidate."""

    threshold: float
    columns = ("lost", "gained")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        label, usable = view.labels > self.threshold, view.weights > 0
        before, after = (_baseline(view) > self.threshold) == label, (view.predictions > self.threshold) == label
        return (usable & before & ~after).astype(float), (usable & ~before & after).astype(float)


@dataclass(frozen=True)
class _McNemar:
    terms: Discordant

    def __call__(self, totals: Totals) -> Values:
        lost, gained = totals[self.terms]
        p_value = 2.0 * scipy.stats.binom.cdf(np.minimum(lost, gained), lost + gained, 0.5)
        return Values(np.where(totals[Weight()][0] > 0, np.minimum(p_value, 1.0), np.nan), NO_WEIGHT)


@dataclass(frozen=True)
class LossDifference:
    """Number, Σd and Σd² of the differences of loss, candidate less baseline."""

    loss: Terms
    columns = ("examples", "difference", "squared_difference")

    def compute(self, view: View) -> tuple[Float64, ...]:
        """See :class:`~evaluator_component.metrics.terms.Terms`."""
        usable = view.weights > 0
        plain = View(view.labels, view.predictions, usable.astype(float), *_flags(view))
        before = View(view.labels, _baseline(view), usable.astype(float), *_flags(view))
        difference = self.loss.compute(plain)[0] - self.loss.compute(before)[0]
        return usable.astype(float), difference, difference**2


def _flags(view: View) -> tuple[Any, Any, Any]:
    return view.bad_labels, view.bad_predictions, view.bad_weights


@dataclass(frozen=True)
class _PairedTTest:
    terms: LossDifference

    def __call__(self, totals: Totals) -> Values:
        count, total, squares = totals[self.terms]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total / count
            variance = (squares - total * mean) / (count - 1)
            statistic = mean / np.sqrt(np.maximum(variance, 0.0) / count)
            p_value = 2.0 * scipy.stats.t.sf(np.abs(statistic), count - 1)
        return Values(np.where(count > 1, p_value, np.nan), "fewer than two examples, or all differences are the same")


def _compare(
    class_name: str,
    summary: str,
    build: Callable[[Options], list[tuple[str, Any, tuple[Terms, ...]]]],
    *,
    options: Options | None = None,
    kind: Kind = Kind.SCORES,
    direction: Direction | None = None,
    interval: str | None = "wilson",
    limits: tuple[float, float] = (0.0, 1.0),
    uses_weights: bool = True,
    names: tuple[str, ...] = (),
) -> None:
    """Registers an entry; ``build`` gives name ('' for the entry's), result and terms of each of its metrics."""

    def made(name: str, given: Options) -> tuple[Metric | Plot, ...]:
        return tuple(
            Metric(
                name if own in ("", *names[:1]) else own,
                kind,
                result,
                (*terms, Weight()),
                direction=direction,
                interval=interval,
                uses_weights=uses_weights,
                compares=True,
            )
            for own, result, terms in build(given)
        )

    register(
        Definition(
            class_name,
            names[0] if names else snake_case(class_name),
            _FAMILY,
            summary,
            options or {},
            made,
            direction=direction,
            interval=interval,
            range=limits,
            compares=True,
            names=names,
        )
    )


def _flips(names: dict[str, tuple[int, ...]]) -> Callable[[Options], list[tuple[str, Any, tuple[Terms, ...]]]]:
    def build(given: Options) -> list[tuple[str, Any, tuple[Terms, ...]]]:
        (threshold,) = at_thresholds(given["threshold"])
        terms = Flips(threshold)
        return [(name, _FlipRate(terms, of), (terms,)) for name, of in names.items()]

    return build


_BOTH_WAYS = (1, 2)
_THRESHOLD: Options = {"threshold": 0.5}

_RATES = {"flip_rate": _BOTH_WAYS, **{f"{name}_flip_rate": (i,) for i, name in enumerate(_FLIPS)}}

_compare(
    "BooleanFlipRates",
    "Shares of examples by the side of the threshold that baseline and candidate put them on, and that change it.",
    _flips(_RATES),
    options=_THRESHOLD,
    names=tuple(_RATES),
)
_compare(
    "SymmetricFlipRate",
    "The share of examples that are on another side of the threshold than by the baseline.",
    _flips({"": _BOTH_WAYS}),
    options=_THRESHOLD,
    direction=LOWER,
)
for _class_name, _number, _sides in (
    ("NegToNegFlipRate", 0, "below the threshold by baseline and candidate"),
    ("NegToPosFlipRate", 1, "below the threshold by the baseline and above it by the candidate"),
    ("PosToNegFlipRate", 2, "above the threshold by the baseline and below it by the candidate"),
    ("PosToPosFlipRate", 3, "above the threshold by baseline and candidate"),
):
    _compare(
        _class_name,
        f"The share of examples that are {_sides}.",
        _flips({"": (_number,)}),
        options=_THRESHOLD,
    )
_compare(
    "SymmetricPredictionDifference",
    "The mean of 2·|b − p| / |b + p| of the baseline's and the candidate's prediction, 0 where both are 0.",
    lambda _: [("", MeanOf(PredictionDifference()), (PredictionDifference(),))],
    direction=LOWER,
    interval="delta",
    limits=(0.0, float("inf")),
)
_compare(
    "ModelCosineSimilarity",
    "The mean cosine of the angle between the predictions of baseline and candidate, where neither is 0.",
    lambda _: [("", _mean_cosine, (Cosine(),))],
    kind=Kind.VECTORS,
    interval="delta",
    limits=(-1.0, 1.0),
    uses_weights=False,
)


def _mcnemar(given: Options) -> list[tuple[str, Any, tuple[Terms, ...]]]:
    (threshold,) = at_thresholds(given["threshold"])
    return [("", _McNemar(Discordant(threshold)), (Discordant(threshold),))]


_compare(
    "McNemar",
    "The p-value of as many examples that only one model gets right as that only the other does. (McNemar 1947)",
    _mcnemar,
    options=_THRESHOLD,
    kind=Kind.BINARY,
    interval="exact",
    uses_weights=False,
)

_LOSSES: dict[str, tuple[Terms, Kind]] = {
    "log_loss": (LogLoss(), Kind.BINARY),
    "squared_error": (SquaredError(), Kind.REAL),
    "absolute_error": (AbsoluteError(), Kind.REAL),
}


def _t_test(name: str, given: Options) -> tuple[Metric | Plot, ...]:
    loss = str(given["loss"])
    if loss not in _LOSSES:
        raise ValueError(f"loss: expected one of {', '.join(_LOSSES)}, got {loss!r}")
    of_loss, kind = _LOSSES[loss]
    terms = LossDifference(of_loss)
    return (
        Metric(name, kind, _PairedTTest(terms), (terms, Weight()), interval="exact", uses_weights=False, compares=True),
    )


register(
    Definition(
        "PairedTTest",
        snake_case("PairedTTest"),
        _FAMILY,
        "The p-value of equal mean losses of both models on the same examples, by a paired t test. (Student 1908)",
        {"loss": "squared_error"},
        _t_test,
        interval="exact",
        range=(0.0, 1.0),
        compares=True,
    )
)
