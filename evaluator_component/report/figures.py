"""Static figures of an evaluation, for papers and notebooks: ``result.plot.roc()``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evaluator_component.report import curves, drawing, matrices, over_slices, wording
from evaluator_component.report.plot_rows import buckets as buckets_of
from evaluator_component.report.plot_rows import confusions
from evaluator_component.report.plotted import (
    BUCKETS,
    CONFUSIONS,
    Place,
    Plotted,
    area_of,
    each,
    examples_per_weight,
    find,
    title,
)
from evaluator_component.report.slice_values import slice_values
from evaluator_component.results.arguments import real_number, whole_number
from evaluator_component.slicing.names import OVERALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from evaluator_component.results import Evaluation

_GAINS: Final = ("GainLiftPlot", *CONFUSIONS)
_SCORES: Final = ("ConfusionMatrixPlot", "CalibrationPlot", "ScoreDistributionPlot", "ReliabilityDiagram")
_TOP_SHARE: Final = 0.1


@dataclass(frozen=True, repr=False)
class Figures:
    """The figures of an evaluation, each drawn by a method that returns matplotlib's Axes.

    The candidate is drawn over its baseline. Methods take:

    - ``slice``: the slice's name, the overall one by default;
    - ``split``, ``output``, ``sub_key``: as in the tables; all splits, the only output and the undivided problem by
      default;
    - ``ax``: Axes to draw on; without them a new figure is made, which ``ax.figure.savefig("roc.pdf")`` saves.

    They raise LookupError where the plot was not asked for in the config, with the entry to add, and for names that do
    not exist, with the nearest; ImportError without matplotlib. Curves come from a ConfusionMatrixPlot where there is
    one, else from the buckets of a CalibrationPlot or ReliabilityDiagram.

    Attributes:
      evaluation: What is drawn.
    """

    evaluation: Evaluation

    def roc(
        self,
        slice: str = OVERALL,  # noqa: A002
        *,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws the ROC curve: true by false positive rate, over all thresholds of the plot. (Fawcett 2006)

        The legend has the AUC of the metric table, which is of all distinct scores; without one the area of the
        trapezoids below the points that are plotted.
        """
        place = Place(slice, split, output, sub_key)
        plotted = find(self.evaluation, "a ROC curve", CONFUSIONS, place)[0]
        found = each(self.evaluation, plotted, place, lambda rows: curves.roc(confusions(rows)))
        ax = drawing.new_axes(ax)
        self._draw(ax, plotted, place, found, "ROC")
        drawing.reference(ax, (0, 1), (0, 1), "chance, area 0.5")
        drawing.unit_square(ax)
        x, y = "False positive rate (share of negatives)", "True positive rate (share of positives)"
        return drawing.finish(ax, title(self.evaluation, place), x, y, legend="lower right")

    def precision_recall(
        self,
        slice: str = OVERALL,  # noqa: A002
        *,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws precision by recall in steps (see `curves.precision_recall`), and the share of positives as chance.

        The legend has the average precision of the metric table, else its AUC-PR; without either the area of the steps
        that are plotted.
        """
        place = Place(slice, split, output, sub_key)
        plotted = find(self.evaluation, "a precision-recall curve", CONFUSIONS, place)[0]
        found = each(self.evaluation, plotted, place, lambda rows: curves.precision_recall(confusions(rows)))
        ax = drawing.new_axes(ax)
        rate = curves.base_rate(next(iter(plotted.models.values())))
        self._draw(ax, plotted, place, found, "PR")
        drawing.reference(ax, (0, 1), (rate, rate), f"chance, area {rate:.3f}")
        drawing.unit_square(ax)
        x, y = "Recall (share of positives)", "Precision (share of predicted positives)"
        return drawing.finish(ax, title(self.evaluation, place), x, y)

    def calibration(
        self,
        slice: str = OVERALL,  # noqa: A002
        *,
        buckets: int = 10,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws mean label by mean prediction, in buckets of equal width of the prediction. (Murphy & Winkler 1977)

        Whiskers are Wilson's intervals of 95 %, for labels from 0 to 1; with weights only if the run had intervals,
        since these tell to how many examples of equal weight they amount. The legend has the expected calibration error
        of the buckets that are drawn. (Naeini et al. 2015)

        Args:
          slice: see the class.
          buckets: how many at most; those of the plot are joined.
          split: see the class.
          output: see the class.
          sub_key: see the class.
          ax: see the class.
        """
        buckets = whole_number("buckets", buckets, 1)
        place = Place(slice, split, output, sub_key)
        plotted = find(self.evaluation, "a calibration curve", BUCKETS, place)[0]
        ends = []
        weights = (examples_per_weight(self.evaluation, plotted, place, model) for model in plotted.models)
        made = each(self.evaluation, plotted, place, lambda rows: curves.calibration(rows, buckets, next(weights)))
        ax = drawing.new_axes(ax)
        for index, (model, found) in enumerate(made):
            ends += [found.mean_prediction, found.mean_label]
            label = f"{model}, calibration error {wording.number(found.error)}"
            drawing.reliability(ax, index, found, label)
        low, high = min(0.0, *(float(end.min()) for end in ends)), max(1.0, *(float(end.max()) for end in ends))
        drawing.reference(ax, (low, high), (low, high), "perfect")
        drawing.unit_square(ax)
        margin = (high - low) / 100
        ax.set_xlim(low - margin, high + margin)
        ax.set_ylim(low - margin, high + margin)
        shares = all(buckets_of(rows).has_shares for rows in plotted.models.values())
        x = "Mean prediction (in a bucket of the prediction)"
        y = "Mean label (share of positives)" if shares else "Mean label"
        return drawing.finish(ax, title(self.evaluation, place), x, y, legend="upper left")

    def scores(
        self,
        slice: str = OVERALL,  # noqa: A002
        *,
        buckets: int = 50,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws how scores are distributed, by class of the label where the plot tells it.

        Every class has an area of 1. The candidate's is filled, the baseline's an outline. Scores beyond the edges of
        the plot are bars beside it, which say so.

        Args:
          slice: see the class.
          buckets: how many at most; those of the plot are joined.
          split: see the class.
          output: see the class.
          sub_key: see the class.
          ax: see the class.
        """
        buckets = whole_number("buckets", buckets, 1)
        place = Place(slice, split, output, sub_key)
        plotted = find(self.evaluation, "a distribution of scores", _SCORES, place)[0]
        found = each(self.evaluation, plotted, place, lambda rows: curves.scores(rows, buckets))
        ax = drawing.new_axes(ax)
        for index, (model, one) in enumerate(found):
            drawing.distribution(ax, index, one, model)
        drawing.beyond(ax, [one for _, one in found])
        ax.set_ylim(bottom=0)
        classes = any("positive" in one.densities for _, one in found)
        y = f"Density (share of {'class' if classes else 'examples'} per unit of score)"
        return drawing.finish(ax, title(self.evaluation, place), "Score", y)

    def gain(
        self,
        slice: str = OVERALL,  # noqa: A002
        *,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws which share of the positives is among the examples with the highest scores, by the share of those.

        The legend has the area of the trapezoids below the points that are plotted.
        """
        place = Place(slice, split, output, sub_key)
        plotted = find(self.evaluation, "a gain curve", _GAINS, place)[0]
        found = each(self.evaluation, plotted, place, curves.gain)
        ax = drawing.new_axes(ax, 5.6, 4.8)
        rate = curves.base_rate(next(iter(plotted.models.values())))
        self._draw(ax, plotted, place, found, "")
        ax.plot(
            (0, rate, 1),
            (0, 1, 1),
            color=drawing.GREY,
            linewidth=1.0,
            zorder=1,
            label=f"perfect, area {1 - rate / 2:.3f}",
        )
        drawing.reference(ax, (0, 1), (0, 1), "chance, area 0.5")
        drawing.unit_square(ax)
        x, y = "Examples with the highest scores (share of all)", "Positives among them (share of positives)"
        return drawing.finish(ax, title(self.evaluation, place), x, y, legend="lower right")

    def lift(
        self,
        slice: str = OVERALL,  # noqa: A002
        *,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws how many times as many positives are among the examples with the highest scores as in any so many.

        The legend has the lift of the highest tenth, between two points on the line between those of the gain.
        """
        place = Place(slice, split, output, sub_key)
        plotted = find(self.evaluation, "a lift curve", _GAINS, place)[0]
        found = each(self.evaluation, plotted, place, curves.gain)
        ax = drawing.new_axes(ax)
        for index, (model, one) in enumerate(found):
            top = one.at(_TOP_SHARE) / _TOP_SHARE
            drawing.curve(ax, index, curves.lift(one), f"{model}, {top:.3g} in the highest {_TOP_SHARE:.0%}")
        drawing.reference(ax, (0, 1), (1, 1), "chance, 1")
        ax.set_xlim(-0.01, 1.01)
        ax.set_ylim(bottom=0)
        ax.grid(color=drawing.PALE, linewidth=0.6)
        x, y = "Examples with the highest scores (share of all)", "Lift (times the share of positives)"
        return drawing.finish(ax, title(self.evaluation, place), x, y)

    def confusion_matrix(
        self,
        slice: str = OVERALL,  # noqa: A002
        *,
        threshold: float | None = None,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws the confusion matrix, with shares of the actual class, and the baseline's shares below them.

        Of two classes it is that of a ConfusionMatrixPlot (or of one at thresholds, or of buckets) at a threshold that
        the plot has. Of several classes it is that of a MultiClassConfusionMatrixPlot; of more than 30 the heaviest
        confusions are drawn instead, as bars.

        Args:
          slice: see the class.
          threshold: a score above it is predicted positive; of several classes the best one is predicted where its
            score is above it. None: 0.5 of two classes, and the lowest that the plot has of several.
          split: see the class.
          output: see the class.
          sub_key: see the class.
          ax: see the class.
        """
        if threshold is not None:
            threshold = real_number("threshold", threshold)
        place = Place(slice, split, output, sub_key)
        if matrices.has_classes(self.evaluation, place):
            return matrices.of_classes(self.evaluation, place, threshold, ax)
        return matrices.at_threshold(self.evaluation, place, 0.5 if threshold is None else threshold, ax)

    def metric(
        self,
        metric: str,
        slices: str | Sequence[str] | None = None,
        *,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws a metric over slices: a dot for each model, its interval, and the bounds that the verdict has.

        Bounds of changes are drawn where the baseline's value puts them.

        Args:
          metric: the metric's name in the results, or its last part: "recall" also finds
            fairness_indicators_metrics/recall@0.5.
          slices: names of slices; or a feature, for all slices of it alone; None for all slices. Of those that are not
            listed the 40 with the most examples are drawn.
          split: see the class.
          output: see the class.
          sub_key: see the class.
          ax: see the class.
        """
        values = slice_values(self.evaluation, metric, slices, split=split, output=output, sub_key=sub_key)
        place = Place("", split, output, sub_key)
        return over_slices.of_metric(self.evaluation, values, place, ax)

    def fairness(
        self,
        feature: str,
        metric: str,
        *,
        split: str | None = None,
        output: str = "",
        sub_key: str = "",
        ax: Axes | None = None,
    ) -> Axes:
        """Draws a metric over the groups that a feature makes, with how far they are apart.

        The legend has the largest less the smallest value of the groups that are drawn, and the ratio of the two
        (Agarwal et al. 2018); the shaded band goes from the candidate's smallest to its largest value, the dotted line
        is its overall one.

        Args:
          feature: a feature that slices are made of alone.
          metric: the metric's name in the results, or its last part: "recall" also finds
            fairness_indicators_metrics/recall@0.5.
          split: see the class.
          output: see the class.
          sub_key: see the class.
          ax: see the class.
        """
        values = slice_values(self.evaluation, metric, feature, split=split, output=output, sub_key=sub_key)
        place = Place(f"by {feature}", split, output, sub_key)
        return over_slices.of_groups(self.evaluation, values, place, ax)

    def __repr__(self) -> str:
        names = "roc, precision_recall, calibration, scores, gain, lift, confusion_matrix, metric, fairness"
        return f"Figures({names})"

    def _draw(
        self, ax: Axes, plotted: Plotted, place: Place, found: Sequence[tuple[str, curves.Curve]], area: str
    ) -> None:
        """Draws curves with their areas: that of the metric table for "ROC" and "PR", else that of what is drawn."""
        for index, (model, one) in enumerate(found):
            known = area_of(self.evaluation, plotted, place, model, area) if area else None
            drawn = f"area of plotted {'steps' if one.steps else 'points'}", one.area
            name, value = known or drawn
            drawing.curve(ax, index, one, f"{model}, {name} {value:.3f}")
