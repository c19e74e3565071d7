"""How many examples there are, and means of labels and predictions."""

from __future__ import annotations

from collections.abc import Callable

from evaluator_component.metrics.metric import Definition, Metric, Options, Plot, Ratio, Result, Values
from evaluator_component.metrics.registry import first_sentence, register, snake_case
from evaluator_component.metrics.terms import Examples, LabelSum, PredictionSum, Terms, Weight
from evaluator_component.metrics.totals import Totals
from evaluator_component.metrics.undefined import NO_WEIGHT
from evaluator_component.metrics.view import Kind
from evaluator_component.stats.student import Scale

_COUNT = (0.0, float("inf"))


def _count(
    class_name: str,
    terms: tuple[Terms, ...],
    *,
    interval: str | None = None,
    kind: Kind = Kind.REAL,
    uses_predictions: bool = True,
    uses_weights: bool = True,
    limits: tuple[float, float] = (-float("inf"), float("inf")),
    scale: Scale = "plain",
) -> Callable[[Callable[[Totals], Result]], Callable[[Totals], Result]]:
    def decorate(result: Callable[[Totals], Result]) -> Callable[[Totals], Result]:
        def build(name: str, _: Options) -> tuple[Metric | Plot, ...]:
            metric = Metric(
                name,
                kind,
                result,
                terms,
                interval=interval,
                uses_predictions=uses_predictions,
                uses_weights=uses_weights,
                scale=scale,
            )
            return (metric,)

        register(
            Definition(
                class_name,
                snake_case(class_name),
                "counts",
                first_sentence(result),
                {},
                build,
                interval=interval,
                range=limits,
            )
        )
        return result

    return decorate


@_count(
    "ExampleCount",
    (Examples(),),
    kind=Kind.ANY,
    interval="exact",
    uses_predictions=False,
    uses_weights=False,
    limits=_COUNT,
)
def example_count(totals: Totals) -> Result:
    """The number of examples, whatever their weights."""
    return Values(totals[Examples()][0])


@_count("WeightedExampleCount", (Weight(),), kind=Kind.ANY, interval="exact", uses_predictions=False, limits=_COUNT)
def weighted_example_count(totals: Totals) -> Result:
    """The sum of the example weights: Σw."""
    return Values(totals[Weight()][0])


@_count("MeanLabel", (LabelSum(), Weight()), kind=Kind.LABEL, interval="delta", uses_predictions=False)
def mean_label(totals: Totals) -> Result:
    """The weighted mean of the labels: Σwy / Σw."""
    return Ratio(totals[LabelSum()][0], totals[Weight()][0], NO_WEIGHT)


@_count("MeanPrediction", (PredictionSum(), Weight()), interval="delta")
def mean_prediction(totals: Totals) -> Result:
    """The weighted mean of the predictions: Σwp / Σw."""
    return Ratio(totals[PredictionSum()][0], totals[Weight()][0], NO_WEIGHT)


@_count("Calibration", (PredictionSum(), LabelSum()), interval="delta", scale="log")
def calibration(totals: Totals) -> Result:
    """Total prediction over total label, 1 when they agree: Σwp / Σwy. (McMahan et al. 2013)"""
    return Ratio(totals[PredictionSum()][0], totals[LabelSum()][0], "the labels add up to 0")
