"""The values in metrics files: the peer's and ours are read alike."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

RESULT_NAMES = {
    "example_count": "ExampleCount",
    "weighted_example_count": "WeightedExampleCount",
    "mean_label": "MeanLabel",
    "mean_prediction": "MeanPrediction",
    "calibration": "Calibration",
    "binary_accuracy": "BinaryAccuracy",
    "precision": "Precision",
    "recall": "Recall",
    "fpr": "FPR",
    "fnr": "FNR",
    "f1_score": "F1Score",
    "auc": "AUC",
    "auc_precision_recall": "AUCPrecisionRecall",
    "binary_crossentropy": "BinaryCrossEntropy",
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "true_positives": "TruePositives",
    "tp": "TP",
    "true_negatives": "TrueNegatives",
    "tn": "TN",
    "false_positives": "FalsePositives",
    "fp": "FP",
    "false_negatives": "FalseNegatives",
    "fn": "FN",
    "ppv": "PPV",
    "tpr": "TPR",
    "specificity": "Specificity",
    "tnr": "TNR",
    "fall_out": "FallOut",
    "miss_rate": "MissRate",
    "negative_predictive_value": "NegativePredictiveValue",
    "npv": "NPV",
    "false_discovery_rate": "FalseDiscoveryRate",
    "false_omission_rate": "FalseOmissionRate",
    "prevalence": "Prevalence",
    "predicted_positive_rate": "PredictedPositiveRate",
    "prevalence_threshold": "PrevalenceThreshold",
    "threat_score": "ThreatScore",
    "balanced_accuracy": "BalancedAccuracy",
    "matthews_correlation_coefficient": "MatthewsCorrelationCoefficient",
    "fowlkes_mallows_index": "FowlkesMallowsIndex",
    "informedness": "Informedness",
    "markedness": "Markedness",
    "positive_likelihood_ratio": "PositiveLikelihoodRatio",
    "negative_likelihood_ratio": "NegativeLikelihoodRatio",
    "diagnostic_odds_ratio": "DiagnosticOddsRatio",
    "max_recall": "MaxRecall",
    "coefficient_of_discrimination": "CoefficientOfDiscrimination",
    "relative_coefficient_of_discrimination": "RelativeCoefficientOfDiscrimination",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "categorical_accuracy": "CategoricalAccuracy",
    "minoring": "AUCPrecisionRecall",
}

Pairs = tuple[tuple[str, Any], ...]


class Key(NamedTuple):
    """What a value in a metrics file is the value of."""

    slice: Pairs
    name: str
    model: str
    output: str
    weighted: bool
    change: bool


@dataclass(frozen=True)
class Results:
    """The folders that both wrote for the same work."""

    peer: Path
    ours: Path

    @functools.cached_property
    def values(self) -> tuple[dict[Key, float], dict[Key, float]]:
        """The values of the peer's and of our metrics files."""
        return read_metrics(self.peer), read_metrics(self.ours)


def read_metrics(folder: Path) -> dict[Key, float]:
    """The values in a folder's metrics files, read with the peer's messages whoever wrote them."""
    import tensorflow as tf
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    found: dict[Key, float] = {}
    for record in tf.data.TFRecordDataset(sorted(map(str, folder.glob("metrics-*.tfrecord")))).as_numpy_iterator():
        message = metrics_for_slice_pb2.MetricsForSlice.FromString(record)
        keys = message.slice_key.single_slice_keys
        pairs = tuple((key.column, getattr(key, key.WhichOneof("kind"))) for key in keys)
        for pair in message.metric_keys_and_values:
            key = pair.key
            name = Key(pairs, key.name, key.model_name, key.output_name, key.example_weighted.value, key.is_diff)
            assert name not in found, name
            found[name] = pair.value.double_value.value
    return found
