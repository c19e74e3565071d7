"""The gate's scenarios: a config, tiny data and the verdict that is wanted, by the numbers of the gate's specification.

The same scenarios run on tables that are worked out by hand (`scenario_tables`), on real models (a score is what the
model has to return for the example), and through the peer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator_component.gate import BaselineState, BaselineStatus

WIRED = BaselineState(BaselineStatus.WIRED, uri="models/7")
NONE_YET = BaselineState(BaselineStatus.NONE_YET)
NOT_ASKED = BaselineState(BaselineStatus.NOT_ASKED)
LOST = BaselineState(BaselineStatus.LOST, uri="models/3", detail="no such folder")


@dataclass(frozen=True)
class Scenario:
    """One row.

    Attributes:
      number: The row's number; a letter tells variants apart.
      config: The config's text (YAML), without model_specs.
      data: Split -> columns; see `scenario_tables`.
      blessed: The verdict that is wanted; None where ``error`` is.
      error: What the ConfigError has to say (a regular expression), at loading or in `decide`.
      rubber_stamp: Whether changes are waved through.
      reasons: Texts that the reasons have to contain, one each, in this order; together they are all reasons.
      notices: Texts that some notice has to contain.
      outcomes: Slice -> the outcomes of its checks, in the order of the checks.
      preflight_error: What the preflight has to say on real data, where it refuses before anything is judged.
      no_model: The scores are features of the examples, and no model is given.
    """

    number: str
    title: str
    config: str
    data: Mapping[str, Mapping[str, Any]]
    baseline: BaselineState = NOT_ASKED
    blessed: bool | None = None
    error: str = ""
    rubber_stamp: bool = False
    reasons: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    preflight_error: str = ""
    no_model: bool = False

    @property
    def config_text(self) -> str:
        """The whole config, with the features that hold label and weight."""
        columns = next(iter(self.data.values()))
        if isinstance(columns["label"], Mapping):
            keys = ", ".join(f"{name}: label_{name}" for name in columns["label"])
            spec = f"label_keys: {{{keys}}}"
        else:
            spec = "label_key: label"
        weight = ", example_weight_key: weight" if "weight" in columns else ""
        scores = ", prediction_key: candidate" if self.no_model else ""
        return f"model_specs: [{{{spec}{weight}{scores}}}]\n{self.config}"


def scores(label: list[int], right: int) -> list[float]:
    """Returns scores of which the first ``right`` are on the right side of 0.5."""
    return [0.75 if bool(y) == (i < right) else 0.25 for i, y in enumerate(label)]


LABELS = [0, 1] * 5
"""Ten examples, half of them positive."""


def ten(right: int, baseline_right: int | None = None, **columns: Any) -> dict[str, Any]:
    """Returns ten examples of which the candidate gets ``right`` right."""
    data: dict[str, Any] = {"label": LABELS, "candidate": scores(LABELS, right), **columns}
    if baseline_right is not None:
        data["baseline"] = scores(LABELS, baseline_right)
    return data


def accuracy(threshold: str, more: str = "") -> str:
    """Returns a config with one threshold on binary accuracy."""
    return f"metrics_specs: [{{metrics: [{{class_name: BinaryAccuracy, threshold: {{{threshold}}}}}]}}]\n{more}"


SLICED = "slicing_specs: [{}, {feature_keys: [a]}]"
HIGHER, LOWER = "direction: HIGHER_IS_BETTER", "direction: LOWER_IS_BETTER"
SQUARED = "metrics_specs: [{metrics: [{class_name: MeanSquaredError, threshold: {%s}}]}]"
MEAN = "metrics_specs: [{metrics: [{class_name: MeanPrediction, threshold: {%s}}]}]"
PER_SLICE = (
    "metrics_specs: [{metrics: [{class_name: %s, per_slice_thresholds: "
    "[{slicing_specs: [%s], threshold: {value_threshold: {lower_bound: %s}}}]}]}]\n"
)
TWO_SPECS = (
    "metrics_specs: [{example_weights: {weighted: true}, metrics: [{class_name: BinaryAccuracy, threshold: "
    "{value_threshold: {lower_bound: %s}}}]}, {example_weights: {unweighted: true}, metrics: [{class_name: "
    "BinaryAccuracy, threshold: {value_threshold: {lower_bound: %s}}}]}]"
)
CONFIDENT, CONFIDENT_AND = "\ngate: {confidence: 0.95}", "\ngate: {confidence: 0.95, inconclusive: %s}"
FALL = {
    "label": [0, 1] * 128,
    "baseline": [0.5] * 256,
    "candidate": [0.5 - 1 / 512 + sign * 3 / 128 for sign in (-1, 1)] * 128,
}
"""256 examples on which predictions fell by 0.00195 with a standard error of 0.00147."""


UNDECIDED = (
    "fell by 0.001953 [-0.0004699, 0.004376] (n = 256); a fall of at most 0.004 is allowed; too close to tell (0.0036 "
    "from the bound could be told, about 100 more examples would decide)"
)


def fifty(right: int, baseline_right: int) -> dict[str, Any]:
    """Returns fifty examples of which the models get so many right, those that are right in both the same."""
    label = [0, 1] * 25
    return {"label": label, "candidate": scores(label, right), "baseline": scores(label, baseline_right)}


COUNTED = "metrics_specs: [{metrics: [{class_name: ExampleCount, threshold: {value_threshold: {lower_bound: 50}}}]}]"
CROSS = (
    "slicing_specs: [{}, {feature_keys: [a]}]\n"
    "cross_slicing_specs: [{baseline_spec: {feature_values: {a: x}}, slicing_specs: [{feature_values: {a: y}}]}]\n"
    "metrics_specs: [{metrics: [{class_name: BinaryAccuracy, cross_slice_thresholds: [{cross_slicing_specs: "
    "[{baseline_spec: {feature_values: {a: x}}, slicing_specs: [{feature_values: {a: y}}]}], threshold: "
    "{value_threshold: {%s}}}]}]}]"
)
X, Y = ["x"] * 8 + ["y"] * 2, ["x"] * 5 + ["y"] * 5
TINY = {"eval": ten(9, a=["x"] * 9 + ["y"])}
"""Right on all of a=x, wrong on the only example of a=y."""

SCENARIOS = (
    Scenario("1", "value equal to its lower bound", accuracy("value_threshold: {lower_bound: 0.9}"), {"eval": ten(9)},
             blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("2", "value below its lower bound", accuracy("value_threshold: {lower_bound: 0.9}"), {"eval": ten(8)},
             blessed=False, reasons=("binary_accuracy on Overall is 0.8 (n = 10); at least 0.9 is required",)),
    Scenario("3", "loss below its upper bound", SQUARED % "value_threshold: {upper_bound: 0.1}", {"eval": ten(10)},
             blessed=True),
    Scenario("3b", "loss above its upper bound", SQUARED % "value_threshold: {upper_bound: 0.05}", {"eval": ten(10)},
             blessed=False, reasons=("mean_squared_error on Overall is 0.0625 (n = 10); at most 0.05 is allowed",)),
    Scenario("4", "value between both bounds", accuracy("value_threshold: {lower_bound: 0.7, upper_bound: 0.9}"),
             {"eval": ten(8)}, blessed=True, outcomes={"Overall": "PASS PASS"}),
    Scenario("4b", "value above both bounds", accuracy("value_threshold: {lower_bound: 0.7, upper_bound: 0.9}"),
             {"eval": ten(10)}, blessed=False, outcomes={"Overall": "PASS FAIL"},
             reasons=("binary_accuracy on Overall is 1 (n = 10); at most 0.9 is allowed",)),
    Scenario("5", "worse than the baseline by less than the margin",
             accuracy(f"change_threshold: {{absolute: -0.2, {HIGHER}}}"), {"eval": ten(8, 9)}, WIRED, blessed=True),
    Scenario("5b", "worse by exactly the margin, which rounding must not hide",
             accuracy(f"change_threshold: {{absolute: -0.1, {HIGHER}}}"), {"eval": ten(8, 9)}, WIRED, blessed=True),
    Scenario("5c", "better by exactly what is required: 0.9 - 0.8 is not quite 0.1",
             accuracy(f"change_threshold: {{absolute: 0.1, {HIGHER}}}"), {"eval": ten(9, 8)}, WIRED, blessed=True),
    Scenario("6", "worse by more than the margin", accuracy(f"change_threshold: {{absolute: -0.1, {HIGHER}}}"),
             {"eval": ten(7, 9)}, WIRED, blessed=False,
             reasons=("binary_accuracy on Overall fell by 0.2 (n = 10); a fall of at most 0.1 is allowed",)),
    Scenario("7", "equal models, no fall allowed", accuracy(f"change_threshold: {{absolute: 0, {HIGHER}}}"),
             {"eval": ten(7, 7)}, WIRED, blessed=True),
    Scenario("8", "loss rose by less than the margin", SQUARED % f"change_threshold: {{absolute: 0.1, {LOWER}}}",
             {"eval": ten(8, 9)}, WIRED, blessed=True),
    Scenario("8b", "loss rose by more than the margin", SQUARED % f"change_threshold: {{absolute: 0.01, {LOWER}}}",
             {"eval": ten(8, 9)}, WIRED, blessed=False,
             reasons=("mean_squared_error on Overall rose by 0.05 (n = 10); a rise of at most 0.01 is allowed",)),
    Scenario("8c", "the metric's own direction", SQUARED % "change_threshold: {absolute: 0.01}",
             {"eval": ten(8, 9)}, WIRED, blessed=False, reasons=("mean_squared_error on Overall rose by 0.05",)),
    Scenario("9", "relative change of a negative baseline", MEAN % f"change_threshold: {{relative: 0, {HIGHER}}}",
             {"eval": {"label": [0, 1], "candidate": [-1.5, -2.5], "baseline": [-2.0, -2.5]}}, WIRED, blessed=True),
    Scenario("9b", "relative change of a negative baseline, too small a rise",
             MEAN % f"change_threshold: {{relative: 0.2, {HIGHER}}}",
             {"eval": {"label": [0, 1], "candidate": [-1.5, -2.0], "baseline": [-2.0, -2.0]}}, WIRED, blessed=False,
             reasons=("mean_prediction on Overall rose by 12.5 % (n = 2); a rise of at least 20 % is required",)),
    Scenario("10", "relative change of a baseline of 0", MEAN % f"change_threshold: {{relative: 0.1, {HIGHER}}}",
             {"eval": {"label": [0, 1], "candidate": [0.25, 0.5], "baseline": [0.0, 0.0]}}, WIRED, blessed=True),
    Scenario("11", "value and change, only the change violated",
             accuracy(f"value_threshold: {{lower_bound: 0.5}}, change_threshold: {{absolute: 0, {HIGHER}}}"),
             {"eval": ten(8, 9)}, WIRED, blessed=False, outcomes={"Overall": "PASS FAIL"},
             reasons=("fell by 0.1 (n = 10); no fall is allowed",)),
    Scenario("11b", "value and change, both violated",
             accuracy(f"value_threshold: {{lower_bound: 0.85}}, change_threshold: {{absolute: 0, {HIGHER}}}"),
             {"eval": ten(8, 9)}, WIRED, blessed=False, outcomes={"Overall": "FAIL FAIL"},
             reasons=("fell by 0.1 (n = 10); no fall is allowed", "is 0.8 (n = 10); at least 0.85 is required")),
    Scenario("11c", "absolute and relative change, both violated",
             accuracy(f"change_threshold: {{absolute: 0, relative: -0.1, {HIGHER}}}"),
             {"eval": ten(8, 9)}, WIRED, blessed=False, outcomes={"Overall": "FAIL FAIL"},
             reasons=("no fall is allowed", "fell by 11.11 % (n = 10); a fall of at most 10 % is allowed")),
    Scenario("12", "only changes, no baseline yet", accuracy(f"change_threshold: {{absolute: 0, {HIGHER}}}"),
             {"eval": ten(3)}, NONE_YET, blessed=True, rubber_stamp=True, notices=("rubber stamp",),
             outcomes={"Overall": "SKIPPED"}),
    Scenario("13", "the same with no_baseline: FAIL",
             accuracy(f"change_threshold: {{absolute: 0, {HIGHER}}}", "gate: {no_baseline: FAIL}"),
             {"eval": ten(3)}, NONE_YET, blessed=False, reasons=("there is no baseline",)),
    Scenario("14", "value and change, no baseline yet, value violated",
             accuracy(f"value_threshold: {{lower_bound: 0.9}}, change_threshold: {{absolute: 0, {HIGHER}}}"),
             {"eval": ten(8)}, NONE_YET, blessed=False, rubber_stamp=True, reasons=("is 0.8",)),
    Scenario("14b", "value and change, no baseline yet, value satisfied",
             accuracy(f"value_threshold: {{lower_bound: 0.8}}, change_threshold: {{absolute: 0, {HIGHER}}}"),
             {"eval": ten(8)}, NONE_YET, blessed=True, rubber_stamp=True),
    Scenario("15", "no thresholds at all", "metrics_specs: [{metrics: [{class_name: BinaryAccuracy}]}]",
             {"eval": ten(8)}, blessed=False, reasons=("no thresholds",)),
    Scenario("15b", "no thresholds, no_thresholds: BLESS",
             "metrics_specs: [{metrics: [{class_name: BinaryAccuracy}]}]\ngate: {no_thresholds: BLESS}",
             {"eval": ten(8)}, blessed=True, notices=("no thresholds",)),
    Scenario("16", "threshold of one slice, violated",
             PER_SLICE % ("BinaryAccuracy", "{feature_values: {a: y}}", 0.9) + SLICED, {"eval": ten(8, a=X)},
             blessed=False, reasons=("binary_accuracy on a=y is 0 (n = 2); at least 0.9 is required",)),
    Scenario("16b", "threshold of one slice, the other is bad",
             PER_SLICE % ("BinaryAccuracy", "{feature_values: {a: x}}", 0.9) + SLICED, {"eval": ten(8, a=X)},
             blessed=True, outcomes={"a=x": "PASS"}),
    Scenario("17", "threshold of a=x, undefined on a=y",
             PER_SLICE % ("Precision", "{feature_values: {a: x}}", 0.5) + SLICED,
             {"eval": {"label": [0, 1, 0, 1], "candidate": [0.25, 0.75, 0.25, 0.25], "a": ["x", "x", "y", "y"]}},
             blessed=True, outcomes={"a=x": "PASS"}),
    Scenario("18", "threshold of each value of a feature",
             PER_SLICE % ("BinaryAccuracy", "{feature_keys: [a]}", 0.5) + SLICED, {"eval": ten(8, a=X)},
             blessed=False, outcomes={"a=x": "PASS", "a=y": "FAIL"}, reasons=("on a=y is 0 (n = 2)",)),
    Scenario("19", "small slice under a threshold of each value",
             PER_SLICE % ("BinaryAccuracy", "{feature_keys: [a]}", 0.5) + SLICED + "\ngate: {min_examples: 3}",
             {"eval": ten(8, a=X)}, blessed=True, outcomes={"a=x": "PASS", "a=y": "SKIPPED"},
             notices=("1 of 2 checks were skipped",)),
    Scenario("19b", "threshold of a=x, and a=y is small",
             PER_SLICE % ("BinaryAccuracy", "{feature_values: {a: x}}", 0.5) + SLICED + "\ngate: {min_examples: 3}",
             {"eval": ten(8, a=X)}, blessed=True, outcomes={"a=x": "PASS"}),
    Scenario("20", "all slices skipped, overall too small",
             PER_SLICE % ("BinaryAccuracy", "{feature_keys: [a]}", 0.5) + SLICED + "\ngate: {min_examples: 11}",
             {"eval": ten(8, a=X)}, blessed=False, outcomes={"a=x": "SKIPPED", "a=y": "SKIPPED"},
             reasons=("the evaluation set is too small: split eval has 10 examples, gate.min_examples asks for 11",
                      "no check judged anything")),
    Scenario("20b", "all slices skipped, overall large enough",
             PER_SLICE % ("BinaryAccuracy", "{feature_keys: [a]}", 0.5) + SLICED + "\ngate: {min_examples: 9}",
             {"eval": ten(8, a=X)}, blessed=False, reasons=("no check judged anything",)),
    Scenario("21", "misspelt feature",
             PER_SLICE % ("BinaryAccuracy", "{feature_keys: [colour]}", 0.5)
             + "slicing_specs: [{}, {feature_keys: [colour]}, {feature_keys: [color]}]",
             {"eval": ten(8, color=X)}, blessed=False,
             reasons=("no slices of colour were evaluated; there are slices of Overall, color",),
             preflight_error="colour.*color"),
    Scenario("21b", "misspelt feature in the slices only",
             accuracy("value_threshold: {lower_bound: 0.5}", "slicing_specs: [{}, {feature_keys: [colour]}]"),
             {"eval": ten(8, color=X)}, blessed=True, outcomes={"Overall": "PASS"}, preflight_error="colour.*color"),
    Scenario("22", "a value that does not occur",
             PER_SLICE % ("BinaryAccuracy", "{feature_values: {a: z}}", 0.5) + SLICED, {"eval": ten(8, a=X)},
             blessed=False, reasons=("(threshold on binary_accuracy); values of a that occur: x, y",)),
    Scenario("22b", "a value that does not occur, missing_slice: SKIP",
             PER_SLICE % ("BinaryAccuracy", "{feature_values: {a: z}}, {feature_values: {a: x}}", 0.5)
             + SLICED + "\ngate: {missing_slice: SKIP}",
             {"eval": ten(8, a=X)}, blessed=True, notices=("no slice matches a=z",)),
    Scenario("23", "difference between slices within its bounds", CROSS % "lower_bound: -0.25, upper_bound: 0.25",
             {"eval": ten(9, a=Y)}, blessed=True, outcomes={"a=x − a=y": "PASS PASS"}),
    Scenario("24", "difference between slices beyond its bound", CROSS % "upper_bound: 0.25", {"eval": ten(8, a=Y)},
             blessed=False, outcomes={"a=x − a=y": "FAIL"},
             reasons=("binary_accuracy on a=x − a=y is 0.4 (n = 5); at most 0.25 is allowed",)),
    Scenario("24b", "a difference that there is not",
             CROSS.replace("{a: y}}]}], threshold", "{a: z}}]}], threshold") % "upper_bound: 0.25",
             {"eval": ten(8, a=Y)}, blessed=False,
             reasons=("no slice matches a=x − a=z (threshold on binary_accuracy); values of a that occur: x, y",)),
    Scenario("25", "a text that looks like a number is not that number",
             PER_SLICE % ("BinaryAccuracy", '{feature_values: {a: "01234"}}', 0.9) + SLICED,
             {"eval": ten(8, a=["01234"] * 8 + ["1234"] * 2)}, blessed=True, outcomes={'a="01234"': "PASS"}),
    Scenario("25b", "and an integer is not the text",
             PER_SLICE % ("BinaryAccuracy", '{feature_values: {a: "1234"}}', 0.9) + SLICED,
             {"eval": ten(8, a=[7] * 8 + [1234] * 2)}, blessed=False, outcomes={"a=1234": "FAIL"}, reasons=("a=1234",)),
    Scenario("26", "plain threshold, violated on a tiny slice only",
             accuracy("value_threshold: {lower_bound: 0.9}", SLICED), TINY, blessed=False,
             reasons=("binary_accuracy on a=y is 0 (n = 1); at least 0.9 is required",),
             notices=("gate.min_examples skips small slices",)),
    Scenario("26b", "the same for the overall slice only",
             accuracy("value_threshold: {lower_bound: 0.9}", SLICED + "\ngate: {plain_threshold_scope: OVERALL}"), TINY,
             blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("27", "the same with min_examples above the slice's size",
             accuracy("value_threshold: {lower_bound: 0.9}", SLICED + "\ngate: {min_examples: 2}"), TINY,
             blessed=True, outcomes={"Overall": "PASS", "a=x": "PASS", "a=y": "SKIPPED"}),
    Scenario("28", "undefined value",
             "metrics_specs: [{metrics: [{class_name: Precision, threshold: {value_threshold: {lower_bound: 0.1}}}]}]",
             {"eval": {"label": [0, 1], "candidate": [0.25, 0.25]}}, blessed=False,
             reasons=("precision on Overall is undefined (n = 2): no example is predicted positive",)),
    Scenario("29", "undefined change under a rule without bounds",
             accuracy(f"change_threshold: {{{HIGHER}}}").replace("BinaryAccuracy", "Precision"),
             {"eval": {"label": [0, 1], "candidate": [0.75, 0.75], "baseline": [0.25, 0.25]}}, WIRED, blessed=False,
             reasons=("the change of precision on Overall is undefined (n = 2): baseline: no example",),
             notices=("has no bound",)),
    Scenario("29b", "defined change under a rule without bounds", accuracy(f"change_threshold: {{{HIGHER}}}"),
             {"eval": ten(5, 9)}, WIRED, blessed=True, notices=("has no bound",)),
    Scenario("31", "predictions in the data, value rule", accuracy("value_threshold: {lower_bound: 0.8}"),
             {"eval": ten(8)}, blessed=True, no_model=True),
    Scenario("32", "misspelt name in a map",
             "metrics_specs: [{metrics: [{class_name: BinaryAccuracy}], thresholds: "
             "{binary_acuracy: {value_threshold: {lower_bound: 0.5}}}}]",
             {"eval": ten(8)}, error=r'thresholds\["binary_acuracy"\].*binary_accuracy'),
    Scenario("33", "a fall of 0.002, surely less than the margin of 0.005",
             MEAN % f"change_threshold: {{absolute: -0.005, {HIGHER}}}" + CONFIDENT, {"eval": FALL}, WIRED,
             blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("34", "the same with a margin of 0.004: the data cannot tell",
             MEAN % f"change_threshold: {{absolute: -0.004, {HIGHER}}}" + CONFIDENT, {"eval": FALL}, WIRED,
             blessed=False, outcomes={"Overall": "INCONCLUSIVE"},
             reasons=(UNDECIDED,)),
    Scenario("34b", "and inconclusive checks pass",
             MEAN % f"change_threshold: {{absolute: -0.004, {HIGHER}}}" + CONFIDENT_AND % "PASS", {"eval": FALL}, WIRED,
             blessed=True, outcomes={"Overall": "INCONCLUSIVE"}, notices=("1 inconclusive checks count as passed",)),
    Scenario("34c", "and the point estimate decides",
             MEAN % f"change_threshold: {{absolute: -0.004, {HIGHER}}}" + CONFIDENT_AND % "POINT_ESTIMATE",
             {"eval": FALL}, WIRED, blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("34d", "surely more than the margin",
             MEAN % f"change_threshold: {{absolute: 0.001, {HIGHER}}}" + CONFIDENT, {"eval": FALL}, WIRED,
             blessed=False, outcomes={"Overall": "FAIL"}, reasons=("a rise of at least 0.001 is required",)),
    Scenario("36", "two outputs, threshold on one",
             "metrics_specs: [{output_names: [one], metrics: [{class_name: BinaryAccuracy, threshold: "
             "{value_threshold: {lower_bound: 0.9}}}]}, {output_names: [two], "
             "metrics: [{class_name: BinaryAccuracy}]}]",
             {"eval": {"label": {"one": LABELS, "two": LABELS},
                       "candidate": {"one": scores(LABELS, 10), "two": scores(LABELS, 2)}}},
             blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("38", "baseline wired, no rule about changes", accuracy("value_threshold: {lower_bound: 0.8}"),
             {"eval": ten(8, 9)}, WIRED, blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("41", "two splits, violated in one", accuracy("value_threshold: {lower_bound: 0.8}"),
             {"eval": ten(9), "test": ten(7)}, blessed=False,
             reasons=("binary_accuracy on Overall in split test is 0.7 (n = 10); at least 0.8 is required",)),
    Scenario("41b", "two splits, one is judged",
             accuracy("value_threshold: {lower_bound: 0.8}", "gate: {splits: [eval]}"),
             {"eval": ten(9), "test": ten(7)}, blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("42", "weighted and unweighted value, each by its own threshold", TWO_SPECS % (0.9, 0.8),
             {"eval": ten(8, weight=[5.0] * 8 + [1.0] * 2)}, blessed=True, outcomes={"Overall": "PASS PASS"}),
    Scenario("42b", "and the other way round", TWO_SPECS % (0.8, 0.9),
             {"eval": ten(8, weight=[5.0] * 8 + [1.0] * 2)}, blessed=False, outcomes={"Overall": "PASS FAIL"},
             reasons=("unweighted binary_accuracy on Overall is 0.8",)),
    Scenario("43", "baseline lost", accuracy(f"change_threshold: {{absolute: 0, {HIGHER}}}"), {"eval": ten(9)}, LOST,
             blessed=False, reasons=("the baseline models/3 is lost",), outcomes={"Overall": "FAIL"}),
    Scenario("43b", "baseline lost, although nothing asks for it", accuracy("value_threshold: {lower_bound: 0.8}"),
             {"eval": ten(9)}, LOST, blessed=False, reasons=("the baseline models/3 is lost",)),
    Scenario("44", "nobody asked for a baseline", accuracy(f"change_threshold: {{absolute: 0, {HIGHER}}}"),
             {"eval": ten(9)}, NOT_ASKED, error="change_threshold.absolute: compares with a baseline.*no_baseline"),
    Scenario("44b", "the same with a policy in words",
             accuracy(f"change_threshold: {{absolute: 0, {HIGHER}}}", "gate: {no_baseline: PASS_WITH_NOTICE}"),
             {"eval": ten(9)}, NOT_ASKED, blessed=True, rubber_stamp=True, notices=("no baseline was given",)),
    Scenario("45", "50 examples, the models agree on all: nothing is uncertain",
             accuracy(f"change_threshold: {{absolute: -0.01, {HIGHER}}}", CONFIDENT), {"eval": fifty(40, 40)}, WIRED,
             blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("45b", "50 examples, the models differ on one: a score interval, not a standard error of 0",
             accuracy(f"change_threshold: {{absolute: -0.01, {HIGHER}}}", CONFIDENT), {"eval": fifty(39, 40)}, WIRED,
             blessed=False, outcomes={"Overall": "INCONCLUSIVE"}, reasons=("too close to tell",)),
    Scenario("45c", "50 examples, all right: a share of 1 is not known to be 0.99",
             accuracy("value_threshold: {lower_bound: 0.99}", CONFIDENT), {"eval": fifty(50, 50)}, WIRED,
             blessed=False, outcomes={"Overall": "INCONCLUSIVE"},
             reasons=("binary_accuracy on Overall is 1 [0.9487, 1]",)),
    Scenario("45d", "of the number of examples nothing is uncertain",
             COUNTED + CONFIDENT, {"eval": fifty(50, 50)}, WIRED, blessed=True, outcomes={"Overall": "PASS"}),
    Scenario("46", "suspicious improvement", accuracy(f"change_threshold: {{absolute: 0.1, {LOWER}}}"),
             {"eval": ten(9, 6)}, WIRED, blessed=False,
             reasons=("rose by 0.3 (n = 10); a rise of at most 0.1 is allowed (a suspicious improvement)",)),
)  # fmt: skip

ENGINE_SCENARIOS = (
    Scenario("30", "a plot under a threshold",
             "metrics_specs: [{metrics: [{class_name: BinaryAccuracy}, {class_name: ConfusionMatrixPlot, "
             "threshold: {value_threshold: {lower_bound: 0.5}}}]}]",
             {"eval": ten(8)}, preflight_error=r"^metrics_specs\[0\].metrics\[1\].*'confusion_matrix_plot'"),
    Scenario("30b", "precision at two thresholds: each is judged",
             "metrics_specs: [{metrics: [{class_name: Precision, config: '{\"thresholds\": [0.5, 0.9]}', "
             "threshold: {value_threshold: {lower_bound: 0.7}}}]}]",
             {"eval": ten(8)}, blessed=False, outcomes={"Overall": "PASS FAIL"},
             reasons=("precision (threshold=0.9) on Overall is undefined (n = 10): no example is predicted positive",)),
)  # fmt: skip
"""Scenarios of metrics that are not worked out by hand."""
