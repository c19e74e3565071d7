"""Independent values of every metric of the catalogue: scikit-learn, SciPy, math.fsum or a quadrature."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import sklearn.metrics as skm
from scipy.special import expit, log_softmax, xlog1py, xlogy

Array = npt.NDArray[np.float64]
Oracle = Callable[..., float]
"""Takes labels, predictions, weights and the metric's options; NaN where the metric is not defined."""

EPSILON = 1e-7


def mean(values: Array, weights: Array) -> float:
    total = math.fsum(weights.tolist())
    return math.fsum((values * weights).tolist()) / total if total else math.nan


def classified(labels: Array, predictions: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Soft labels as a positive and a negative example that share the weight; nothing without weight."""
    y = np.repeat([1, 0], len(labels))
    w = np.concatenate([weights * labels, weights * (1 - labels)])
    some = w > 0
    return y[some], np.tile(predictions, 2)[some], w[some]


def matrix(labels: Array, predictions: Array, weights: Array, threshold: float) -> tuple[float, float, float, float]:
    y, p, w = classified(labels, predictions, weights)
    if not len(y):
        return 0.0, 0.0, 0.0, 0.0
    (tn, fp), (fn, tp) = skm.confusion_matrix(y, p > threshold, labels=[0, 1], sample_weight=w).tolist()
    return tp, fp, tn, fn


def share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def binary_accuracy(y: Array, p: Array, w: Array, threshold: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.accuracy_score(y, p > threshold, sample_weight=w)) if len(y) else math.nan


def precision(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    score = skm.precision_score(y, p > thresholds, sample_weight=w, zero_division=np.nan) if len(y) else math.nan
    return float(score)


def recall(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.recall_score(y, p > thresholds, sample_weight=w, zero_division=np.nan)) if len(y) else math.nan


def f1_score(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.f1_score(y, p > thresholds, sample_weight=w, zero_division=np.nan)) if len(y) else math.nan


def false_positive_rate(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    _, fp, tn, _ = matrix(y, p, w, thresholds)
    return share(fp, fp + tn)


def false_negative_rate(y: Array, p: Array, w: Array, thresholds: float = 0.5) -> float:
    tp, _, _, fn = matrix(y, p, w, thresholds)
    return share(fn, fn + tp)


def auc(y: Array, p: Array, w: Array, curve: str = "ROC", summation_method: str = "interpolation") -> float:
    if curve == "PR":
        return auc_precision_recall(y, p, w, summation_method)
    y, p, w = classified(y, p, w)
    return float(skm.roc_auc_score(y, p, sample_weight=w)) if len(np.unique(y)) == 2 else math.nan


def auc_precision_recall(y: Array, p: Array, w: Array, summation_method: str = "interpolation") -> float:
    """Between neighbouring scores, precision along the straight line of ROC space, integrated over recall."""
    y, p, w = classified(y, p, w)
    total = math.fsum(w[y == 1].tolist())
    if not total:
        return math.nan
    area = tp = fp = 0.0
    for score in np.unique(p)[::-1]:
        here = p == score
        gain, cost = float(w[here & (y == 1)].sum()), float(w[here & (y == 0)].sum())
        after = (tp + gain) / (tp + gain + fp + cost)
        before = tp / (tp + fp) if tp + fp else after
        if summation_method == "interpolation":
            area += along_the_line(tp, fp, gain, cost)
        else:
            area += gain * (min if summation_method == "minoring" else max)(before, after)
        tp, fp = tp + gain, fp + cost
    return area / total


def along_the_line(tp: float, fp: float, gain: float, cost: float) -> float:
    """∫ x / (x + f(x)) dx from tp to tp + gain, where f goes straight from fp to fp + cost; by quadrature."""
    if not gain:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    # x = tp + gain·exp(u): the precision bends most next to the start, which a substitution spreads out.
    edges = np.linspace(math.log(1e-18), 0.0, 9)
    total = 0.0
    for low, high in itertools.pairwise(edges.tolist()):
        part = gain * np.exp((high - low) / 2 * nodes + (high + low) / 2)
        x = tp + part
        total += (high - low) / 2 * float(np.sum(weights * part * x / (x + fp + cost * part / gain)))
    return total


def binary_cross_entropy(
    y: Array, p: Array, w: Array, label_smoothing: float = 0.0, from_logits: bool = False
) -> float:
    y = y * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return mean(-(y * np.log(expit(p)) + (1 - y) * np.log(expit(-p))), w)
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    if not label_smoothing and set(np.unique(y)) == {0.0, 1.0} and w.any():
        return float(skm.log_loss(y, clipped, sample_weight=w))
    return mean(-(xlogy(y, clipped) + xlog1py(1 - y, -clipped)), w)


def class_accuracy(y: Array, p: Array, w: Array) -> float:
    actual = y.argmax(axis=1) if y.ndim == 2 else y.astype(int)
    return float(skm.accuracy_score(actual, p.argmax(axis=1), sample_weight=w)) if w.any() else math.nan


def root(value: float) -> float:
    return math.sqrt(value)


def of_matrix(formula: Callable[[float, float, float, float], float]) -> Oracle:
    """An oracle from a formula of tp, fp, tn, fn; dividing by 0 means NaN."""

    def oracle(y: Array, p: Array, w: Array, thresholds: float = 0.5, **options: float) -> float:
        try:
            return formula(*matrix(y, p, w, thresholds), **options)
        except ZeroDivisionError:
            return math.nan

    return oracle


def of_classes(score: Callable[..., float], *, both: bool = False, predicted: bool = False) -> Oracle:
    """An oracle from scikit-learn's score of classes; NaN with one class (both) or one prediction (predicted)."""

    def oracle(y: Array, p: Array, w: Array, thresholds: float = 0.5, **options: float) -> float:
        y, p, w = classified(y, p, w)
        above = p > thresholds
        if not len(y) or (both and len(np.unique(y)) < 2) or (predicted and len(np.unique(above)) < 2):
            return math.nan
        return float(score(y, above, sample_weight=w, **options))

    return oracle


def f_beta(y: Array, p: Array, w: Array, thresholds: float = 0.5, beta: float = 1.0) -> float:
    y, p, w = classified(y, p, w)
    if not len(y):
        return math.nan
    return float(skm.fbeta_score(y, p > thresholds, beta=beta, sample_weight=w, zero_division=np.nan))


def prevalence_threshold(tp: float, fp: float, tn: float, fn: float) -> float:
    sensitivity, fall_out = tp / (tp + fn), fp / (fp + tn)
    return (math.sqrt(sensitivity * fall_out) - fall_out) / (sensitivity - fall_out)


def operating_points(y: Array, p: Array, w: Array) -> list[tuple[float, float, float, float]]:
    """tp, fp, positives, negatives of predicting nothing positive, and from each distinct score on."""
    y, p, w = classified(y, p, w)
    positives, negatives = math.fsum(w[y == 1].tolist()), math.fsum(w[y == 0].tolist())
    points = [(0.0, 0.0, positives, negatives)]
    for score in np.unique(p)[::-1]:
        tp, fp = (math.fsum(w[(p >= score) & (y == label)].tolist()) for label in (1, 0))
        points.append((tp, fp, positives, negatives))
    return points


def best_point(
    value: Callable[..., float], feasible: Callable[..., float], *, at_most: bool = False, needs_negatives: bool = True
) -> Oracle:
    """The highest value of the points whose other value is at least (at most) the bound; 0 without one."""

    def oracle(y: Array, p: Array, w: Array, **options: float) -> float:
        (bound,) = options.values()
        best = 0.0
        points = operating_points(y, p, w)
        if not points[0][2] or (needs_negatives and not points[0][3]):
            return math.nan
        for point in points:
            try:
                other, found = feasible(*point), value(*point)
            except ZeroDivisionError:  # precision of predicting nothing
                continue
            if math.isclose(other, bound, rel_tol=1e-12) or (other <= bound if at_most else other >= bound):
                best = max(best, found)
        return best

    return oracle


def recall_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return tp / positives


def specificity_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return (negatives - fp) / negatives


def precision_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return tp / (tp + fp)


def fall_out_of(tp: float, fp: float, positives: float, negatives: float) -> float:
    return fp / negatives


def average_precision(y: Array, p: Array, w: Array) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.average_precision_score(y, p, sample_weight=w)) if (y == 1).any() else math.nan


def partial_auc(y: Array, p: Array, w: Array, max_fpr: float) -> float:
    y, p, w = classified(y, p, w)
    return float(skm.roc_auc_score(y, p, sample_weight=w, max_fpr=max_fpr)) if len(np.unique(y)) == 2 else math.nan


def kolmogorov_smirnov(y: Array, p: Array, w: Array) -> float:
    y, p, w = classified(y, p, w)
    if len(np.unique(y)) < 2:
        return math.nan
    false_positive, true_positive, _ = skm.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    return float(np.max(np.abs(true_positive - false_positive)))


def brier(y: Array, p: Array, w: Array) -> float:
    return mean((y - p) ** 2, w)


def calibration_gaps(y: Array, p: Array, w: Array, count: int) -> list[tuple[float, float]]:
    """(mass, gap of the means) of each bucket that has mass."""
    bucket = np.clip(np.searchsorted(np.linspace(0, 1, count + 1), p, side="right") - 1, 0, count - 1)
    parts = [(y[bucket == b], p[bucket == b], w[bucket == b]) for b in range(count)]
    return [(math.fsum(pw.tolist()), abs(mean(py, pw) - mean(pp, pw))) for py, pp, pw in parts if pw.any()]


def expected_calibration_error(y: Array, p: Array, w: Array, num_buckets: int = 10) -> float:
    gaps = calibration_gaps(y, p, w, num_buckets)
    return sum(mass * gap for mass, gap in gaps) / sum(mass for mass, _ in gaps) if gaps else math.nan


def maximum_calibration_error(y: Array, p: Array, w: Array, num_buckets: int = 10) -> float:
    return max((gap for _, gap in calibration_gaps(y, p, w, num_buckets)), default=math.nan)


def improvement(y: Array, p: Array, w: Array) -> float:
    rate = mean(y, w)
    if not 0 < rate < 1:
        return math.nan
    return 1 - binary_cross_entropy(y, p, w) / mean(-(xlogy(y, rate) + xlog1py(1 - y, -rate)), w)


def discrimination(y: Array, p: Array, w: Array, combine: Callable[[float, float], float]) -> float:
    try:
        return combine(mean(p, w * y), mean(p, w * (1 - y)))
    except ZeroDivisionError:
        return math.nan


def of_errors(score: Callable[..., float]) -> Oracle:
    return lambda y, p, w: float(score(y, p, sample_weight=w)) if w.any() else math.nan


def symmetric_percentage(y: Array, p: Array, w: Array) -> float:
    size = np.abs(y) + np.abs(p)
    return mean(np.divide(200 * np.abs(y - p), size, out=np.zeros(len(y)), where=size > 0), w)


def percentage(y: Array, p: Array, w: Array) -> float:
    some = (y != 0) & (w > 0)
    if not some.any():
        return math.nan
    return 100 * float(skm.mean_absolute_percentage_error(y[some], p[some], sample_weight=w[some]))


def squared_log(y: Array, p: Array, w: Array) -> float:
    y, p, w = y[w > 0], p[w > 0], w[w > 0]
    if not len(y) or min(y.min(), p.min()) <= -1:
        return math.nan
    return float(skm.mean_squared_log_error(y, p, sample_weight=w))


def pinball(y: Array, p: Array, w: Array, quantile: float) -> float:
    return float(skm.mean_pinball_loss(y, p, alpha=quantile, sample_weight=w)) if w.any() else math.nan


def top_classes(y: Array, p: Array, w: Array, k: int = 5) -> float:
    actual = y.argmax(axis=1) if y.ndim == 2 else y.astype(int)
    better = [sum(score > scores[c] for score in scores) for scores, c in zip(p.tolist(), actual, strict=True)]
    return mean(np.array(better) < k, w)


def class_cross_entropy(y: Array, p: Array, w: Array, label_smoothing: float = 0.0, from_logits: bool = False) -> float:
    labels = y if y.ndim == 2 else np.eye(p.shape[1])[y.astype(int)]
    labels = labels * (1 - label_smoothing) + label_smoothing / p.shape[1]
    if from_logits:
        return mean(-(labels * log_softmax(p, axis=1)).sum(axis=1), w)
    total = p.sum(axis=1, keepdims=True)
    shares = np.divide(p, total, out=np.zeros_like(p), where=total != 0)
    return mean(-xlogy(labels, np.clip(shares, EPSILON, 1 - EPSILON)).sum(axis=1), w)


jaccard = of_matrix(lambda tp, fp, tn, fn: tp / (tp + fp + fn))
specificity = of_matrix(lambda tp, fp, tn, fn: tn / (tn + fp))
negative_predictive = of_matrix(lambda tp, fp, tn, fn: tn / (tn + fn))

ORACLES: dict[str, Oracle] = {
    "MaxRecall": lambda y, p, w: recall(y, p, w, 1e-12),
    "TopKCategoricalAccuracy": top_classes,
    "SparseTopKCategoricalAccuracy": top_classes,
    "CategoricalCrossEntropy": class_cross_entropy,
    "SparseCategoricalCrossentropy": class_cross_entropy,
    "TruePositives": of_matrix(lambda tp, fp, tn, fn: tp),
    "TP": of_matrix(lambda tp, fp, tn, fn: tp),
    "TrueNegatives": of_matrix(lambda tp, fp, tn, fn: tn),
    "TN": of_matrix(lambda tp, fp, tn, fn: tn),
    "FalsePositives": of_matrix(lambda tp, fp, tn, fn: fp),
    "FP": of_matrix(lambda tp, fp, tn, fn: fp),
    "FalseNegatives": of_matrix(lambda tp, fp, tn, fn: fn),
    "FN": of_matrix(lambda tp, fp, tn, fn: fn),
    "PPV": precision,
    "PositivePredictiveValue": precision,
    "TPR": recall,
    "TruePositiveRate": recall,
    "Specificity": specificity,
    "TNR": specificity,
    "TrueNegativeRate": specificity,
    "FallOut": false_positive_rate,
    "MissRate": false_negative_rate,
    "NegativePredictiveValue": negative_predictive,
    "NPV": negative_predictive,
    "FalseDiscoveryRate": of_matrix(lambda tp, fp, tn, fn: fp / (fp + tp)),
    "FalseOmissionRate": of_matrix(lambda tp, fp, tn, fn: fn / (fn + tn)),
    "Prevalence": of_matrix(lambda tp, fp, tn, fn: (tp + fn) / (tp + fp + tn + fn)),
    "PredictedPositiveRate": of_matrix(lambda tp, fp, tn, fn: (tp + fp) / (tp + fp + tn + fn)),
    "ThreatScore": jaccard,
    "FBeta": f_beta,
    "BalancedAccuracy": of_classes(skm.balanced_accuracy_score, both=True),
    "FowlkesMallowsIndex": of_matrix(lambda tp, fp, tn, fn: root(tp / (tp + fp) * tp / (tp + fn))),
    "PrevalenceThreshold": of_matrix(prevalence_threshold),
    "Informedness": of_matrix(lambda tp, fp, tn, fn: tp / (tp + fn) + tn / (tn + fp) - 1),
    "Markedness": of_matrix(lambda tp, fp, tn, fn: tp / (tp + fp) + tn / (tn + fn) - 1),
    "MatthewsCorrelationCoefficient": of_classes(skm.matthews_corrcoef, both=True, predicted=True),
    "CohenKappa": of_matrix(
        lambda tp, fp, tn, fn: 2 * (tp * tn - fn * fp) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))
    ),
    "PositiveLikelihoodRatio": of_matrix(lambda tp, fp, tn, fn: (tp / (tp + fn)) / (fp / (fp + tn))),
    "NegativeLikelihoodRatio": of_matrix(lambda tp, fp, tn, fn: (fn / (fn + tp)) / (tn / (tn + fp))),
    "DiagnosticOddsRatio": of_matrix(lambda tp, fp, tn, fn: (tp / fn) / (fp / tn)),
    "SensitivityAtSpecificity": best_point(recall_of, specificity_of),
    "SpecificityAtSensitivity": best_point(specificity_of, recall_of),
    "PrecisionAtRecall": best_point(precision_of, recall_of, needs_negatives=False),
    "RecallAtPrecision": best_point(recall_of, precision_of, needs_negatives=False),
    "RecallAtFalsePositiveRate": best_point(recall_of, fall_out_of, at_most=True),
    "AveragePrecision": average_precision,
    "KolmogorovSmirnov": kolmogorov_smirnov,
    "Gini": lambda y, p, w: 2 * auc(y, p, w) - 1,
    "PartialAUC": partial_auc,
    "BrierScore": brier,
    "ExpectedCalibrationError": expected_calibration_error,
    "MaximumCalibrationError": maximum_calibration_error,
    "LogLikelihoodRatioImprovement": improvement,
    "CoefficientOfDiscrimination": lambda y, p, w: discrimination(y, p, w, lambda a, b: a - b),
    "RelativeCoefficientOfDiscrimination": lambda y, p, w: discrimination(y, p, w, lambda a, b: a / b),
    "RootMeanSquaredError": of_errors(skm.root_mean_squared_error),
    "MeanAbsolutePercentageError": percentage,
    "SymmetricMAPE": symmetric_percentage,
    "MeanSquaredLogarithmicError": squared_log,
    "Bias": lambda y, p, w: mean(p - y, w),
    "QuantileLoss": pinball,
    "ExampleCount": lambda y, p, w: float(len(y)),
    "WeightedExampleCount": lambda y, p, w: math.fsum(w.tolist()),
    "MeanLabel": lambda y, p, w: mean(y, w),
    "MeanPrediction": lambda y, p, w: mean(p, w),
    "Calibration": lambda y, p, w: share(math.fsum((w * p).tolist()), math.fsum((w * y).tolist())),
    "BinaryAccuracy": binary_accuracy,
    "Precision": precision,
    "Recall": recall,
    "F1Score": f1_score,
    "FPR": false_positive_rate,
    "FalsePositiveRate": false_positive_rate,
    "FNR": false_negative_rate,
    "FalseNegativeRate": false_negative_rate,
    "AUC": auc,
    "AUCPrecisionRecall": auc_precision_recall,
    "BinaryCrossEntropy": binary_cross_entropy,
    "MeanSquaredError": lambda y, p, w: float(skm.mean_squared_error(y, p, sample_weight=w)) if w.any() else math.nan,
    "MeanAbsoluteError": lambda y, p, w: float(skm.mean_absolute_error(y, p, sample_weight=w)) if w.any() else math.nan,
    "CategoricalAccuracy": class_accuracy,
    "SparseCategoricalAccuracy": class_accuracy,
}
