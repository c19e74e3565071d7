"""Classes, queries, two models and fairness from files to results, on one worker and on several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as skm

import evaluator_component as ec
from evaluator_component.errors import ConfigError, DataError, ModelError
from evaluator_component.evaluation import judge_again
from tests import trips

SIZE = 900
RNG = np.random.default_rng(3)
CLASS = RNG.integers(0, 3, SIZE)
SCORES = RNG.dirichlet(np.ones(3), SIZE)
SCORES[np.arange(SIZE), CLASS] += 0.3
SCORES = (SCORES / SCORES.sum(axis=1, keepdims=True)).astype(np.float32)
OTHERS = np.abs(SCORES - 0.1)
QUERY = RNG.integers(0, 120, SIZE)
RELEVANCE = RNG.integers(0, 4, SIZE)
RANK_SCORE = (RELEVANCE + RNG.normal(0, 2, SIZE)).astype(np.float32)
GROUP = RNG.integers(0, 3, SIZE)
AGE = np.where(RNG.random(SIZE) < 0.2, np.nan, RNG.integers(20, 70, SIZE))

KEYS = {"classes": "class", "rank": "relevance"}
CONFIG: dict[str, Any] = {
    "model_specs": [
        {"label_keys": KEYS, "prediction_keys": {"classes": "scores", "rank": "rank_score"}},
        {
            "name": "before",
            "is_baseline": True,
            "label_keys": KEYS,
            "prediction_keys": {"classes": "others", "rank": "rank_score"},
        },
    ],
    "slicing_specs": [{}, {"feature_keys": ["group"]}],
    "metrics_specs": [
        {
            "output_names": ["classes"],
            "binarize": {"class_ids": {"values": [0, 2]}},
            "aggregate": {"macro_average": True},
            "metrics": [
                {"class_name": "AUC"},
                {"class_name": "Recall", "config": {"thresholds": [0.3, 0.5]}, "threshold": {
                    "value_threshold": {"lower_bound": {"value": 0.2}}}},
                {"class_name": "SparseCategoricalAccuracy"},
                {"class_name": "MultiClassConfusionMatrixAtThresholds"},
            ],
        },
        {
            "output_names": ["classes"],
            "metrics": [
                {"class_name": "SymmetricFlipRate"},
                {"class_name": "DemographicParityDifference", "config": {"features": ["group"], "threshold": 0.4}},
                {"class_name": "MissingRate", "config": {"feature_key_path": ["features", "age"]}},
            ],
        },
        {
            "output_names": ["rank"],
            "query_key": "query",
            "metrics": [{"class_name": "NDCG", "config": {"top_k_list": [3, 5]}}, {"class_name": "QueryStatistics"}],
        },
    ],
}  # fmt: skip


def records(query: str = "query") -> list[bytes]:
    rows = []
    for i in range(SIZE):
        row = {
            "class": int(CLASS[i]), "scores": SCORES[i].tolist(), "others": OTHERS[i].tolist(),
            "relevance": int(RELEVANCE[i]), "rank_score": float(RANK_SCORE[i]), "group": f"g{GROUP[i]}",
            query: f"q{QUERY[i]}",
        }  # fmt: skip
        if not np.isnan(AGE[i]):
            row["age"] = float(AGE[i])
        rows.append(trips.example(**row))
    return rows


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    made = records()
    for i, (start, stop) in enumerate(((0, 10), (10, 500), (500, SIZE))):
        trips.write_records(folder / f"data-{i:05d}-of-00003", made[start:stop], gz=i == 1)
    return folder


@pytest.fixture(scope="module")
def output(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families-output")
    ec.evaluate(CONFIG, data=data, output=folder, progress=False)
    return folder


def bytes_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("metrics.parquet", "plots.parquet")]


@pytest.mark.parametrize(
    "mode", ["in_memory", "multi_threading", pytest.param("multi_processing", marks=pytest.mark.slow)]
)
def test_several_workers_give_the_same_bytes(mode: str, data: Path, output: Path, tmp_path: Path) -> None:
    beam_args = ["--direct_num_workers=2", f"--direct_running_mode={mode}"]
    ec.evaluate(CONFIG, data=data, output=tmp_path, beam_args=beam_args, progress=False)
    assert bytes_of(tmp_path) == bytes_of(output)


def found(output: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    rows = ec.load(output).metrics.table.to_pylist()
    return {(row["slice"], row["metric"], row["sub_key"]): row for row in rows if row["model"] == "candidate"}


def test_values_are_the_oracles(output: Path) -> None:
    rows = found(output)
    for slice_name, inside in (("Overall", np.ones(SIZE, bool)), ("group=g1", GROUP == 1)):
        one_hot, scores = np.eye(3)[CLASS[inside]], SCORES[inside].astype(float)
        auc = skm.roc_auc_score(one_hot, scores, average=None)
        assert rows[slice_name, "auc", "classId:0"]["value"] == pytest.approx(auc[0], rel=1e-9)
        assert rows[slice_name, "auc", "classId:2"]["value"] == pytest.approx(auc[2], rel=1e-9)
        assert rows[slice_name, "auc", "macro_average"]["value"] == pytest.approx((auc[0] + auc[2]) / 2, rel=1e-9)
        recall = skm.recall_score(one_hot, scores > 0.3, average=None)
        key = (slice_name, "recall", "classId:2 threshold=0.3")
        assert rows[key]["value"] == pytest.approx(recall[2], rel=1e-9)
        accuracy = (scores.argmax(axis=1) == CLASS[inside]).mean()
        assert rows[slice_name, "sparse_categorical_accuracy", ""]["value"] == pytest.approx(accuracy, rel=1e-9)
        flips = ((scores > 0.5) != (OTHERS[inside] > 0.5)).mean()
        assert rows[slice_name, "symmetric_flip_rate", ""]["value"] == pytest.approx(flips, rel=1e-9)
        missing = np.isnan(AGE[inside]).mean()
        assert rows[slice_name, "missing_rate_features.age", ""]["value"] == pytest.approx(missing, rel=1e-9)
        asked = np.unique(QUERY[inside])
        assert rows[slice_name, "total_queries", ""]["value"] == rows[slice_name, "ndcg", "topK:3"]["n"] == len(asked)
        values = []
        for query in asked:
            docs = query == QUERY  # all of them, also those outside of the slice
            if RELEVANCE[docs].any():
                gain, score = RELEVANCE[docs], RANK_SCORE[docs].astype(float)
                values.append(skm.ndcg_score([gain], [score], k=3) if len(gain) > 1 else 1.0)
        assert rows[slice_name, "ndcg", "topK:3"]["value"] == pytest.approx(np.mean(values), rel=1e-9)
    rates = [(SCORES[group == GROUP] > 0.4).mean() for group in range(3)]
    row = rows["Overall", "demographic_parity_difference", ""]
    assert row["value"] == pytest.approx(max(rates) - min(rates), rel=1e-9)
    assert row["reason"].startswith("largest in group=g")
    assert ("group=g1", "demographic_parity_difference", "") not in rows


def test_a_threshold_is_judged_on_each_class_and_on_their_mean(output: Path) -> None:
    verdict = ec.load(output).verdict
    assert verdict is not None
    judged = {(check.sub_key, check.metric) for check in verdict.checks}
    readings = {"classId:0", "classId:2", "macro_average"}
    assert judged == {(f"{reading} threshold={t}", "recall") for reading in readings for t in (0.3, 0.5)}


def test_a_document_without_a_query_is_named(data: Path, tmp_path: Path) -> None:
    made = [*records()[:5], *records("nothing")[5:8]]
    trips.write_records(tmp_path / "data", made)
    with pytest.raises(DataError, match=r"data: record 5: query id 'query' has 0 values; expected one in every record"):
        ec.evaluate(CONFIG, data=tmp_path / "data", progress=False)


def test_a_metric_of_queries_needs_the_key(data: Path) -> None:
    spec = {"output_names": ["rank"], "metrics": [{"class_name": "NDCG"}]}
    with pytest.raises(
        ConfigError, match=r"metrics_specs\[0\].metrics\[0\]: 'ndcg' is a metric of queries; set query_key"
    ):
        ec.check({**CONFIG, "metrics_specs": [spec]}, data=data)


@pytest.mark.parametrize("name", ["SymmetricFlipRate", "BooleanFlipRates"])
def test_a_bound_on_a_comparison_waits_for_a_baseline(name: str, data: Path) -> None:
    """A first model has nothing to be compared with: as for a bound on a change, gate.no_baseline says what follows."""
    bound = {"value_threshold": {"upper_bound": {"value": 0.01}}}
    result_name = "symmetric_flip_rate" if name == "SymmetricFlipRate" else "neg_to_pos_flip_rate"
    spec = {"output_names": ["classes"], "metrics": [{"class_name": name}], "thresholds": {result_name: bound}}
    config = {**CONFIG, "metrics_specs": [spec]}
    compared = ec.evaluate(config, data=data, progress=False).verdict
    assert compared is not None
    assert not compared.blessed
    alone = {**config, "model_specs": CONFIG["model_specs"][:1]}
    with pytest.raises(ConfigError, match=r"compares with a baseline, but none was given"):
        ec.check(alone, data=data)
    for policy, blessed in (("PASS_WITH_NOTICE", True), ("FAIL", False)):
        verdict = ec.evaluate({**alone, "gate": {"no_baseline": policy}}, data=data, progress=False).verdict
        assert verdict is not None
        assert verdict.blessed == blessed
        assert {check.cause.value for check in verdict.checks} == {"no_baseline"}


def test_a_mean_over_outputs_stands_beside_their_values(data: Path) -> None:
    models = [{"label_keys": KEYS, "prediction_keys": {"classes": "scores", "rank": "rank_score"}}]
    spec = {"metrics": [{"class_name": "MeanPrediction"}], "output_weights": {"classes": 3.0, "rank": 1.0}}
    found = ec.evaluate({"model_specs": models, "metrics_specs": [spec]}, data=data, progress=False).metrics
    by_output = {row["output"]: row["value"] for row in found.table.to_pylist()}
    assert by_output["classes"] == pytest.approx(1 / 3, rel=1e-6)
    assert by_output["rank"] == pytest.approx(RANK_SCORE.mean(dtype=float), rel=1e-6)
    assert by_output[""] == pytest.approx((3 * by_output["classes"] + by_output["rank"]) / 4, rel=1e-12)
    with pytest.raises(
        ConfigError, match=r"metrics_specs\[0\].output_weights: unknown output 'ranks'; did you mean 'rank'"
    ):
        ec.check({"model_specs": models, "metrics_specs": [{**spec, "output_weights": {"ranks": 1.0}}]}, data=data)


def test_a_mean_over_outputs_of_coarse_scores_has_a_bracket(data: Path) -> None:
    models = [{"label_keys": KEYS, "prediction_keys": {"classes": "scores", "rank": "rank_score"}}]
    median = {"class_name": "Quantile", "config": {"quantile": 0.5}}
    spec = {"metrics": [median], "output_weights": {"classes": 1, "rank": 1}}
    config = {"model_specs": models, "metrics_specs": [spec], "engine": {"max_distinct_scores": 200}}
    rows = {row["output"]: row for row in ec.evaluate(config, data=data, progress=False).metrics.table.to_pylist()}
    for end in ("bracket_lower", "bracket_upper", "value"):
        assert rows[""][end] == pytest.approx((rows["classes"][end] + rows["rank"][end]) / 2, rel=1e-12)
    assert rows[""]["bracket_lower"] < rows[""]["bracket_upper"]


def test_two_models_of_other_shapes_are_not_compared(data: Path) -> None:
    keys = {"classes": "rank_score", "rank": "rank_score"}
    models = [CONFIG["model_specs"][0], {**CONFIG["model_specs"][1], "prediction_keys": keys}]
    spec = {"output_names": ["classes"], "metrics": [{"class_name": "SymmetricFlipRate"}]}
    with pytest.raises(ModelError, match=r"compares the scores of two models, .* gives 3 .* 'before' gives 1"):
        ec.check({**CONFIG, "model_specs": models, "metrics_specs": [spec]}, data=data)


def test_a_misspelt_query_key_is_answered_with_the_nearest_name(data: Path) -> None:
    spec = {**CONFIG["metrics_specs"][2], "query_key": "querry"}
    with pytest.raises(ConfigError, match=r"metrics_specs\[0\].*query_key.*'querry'.*did you mean 'query'"):
        ec.check({**CONFIG, "metrics_specs": [spec]}, data=data)


def test_an_informational_metric_of_queries_does_not_make_the_data_small(data: Path) -> None:
    bound = {"value_threshold": {"lower_bound": {"value": 0.1}}}
    specs = [
        {"output_names": ["classes"], "metrics": [{"class_name": "SparseCategoricalAccuracy", "threshold": bound}]},
        {"output_names": ["rank"], "query_key": "query", "metrics": [{"class_name": "NDCG"}]},
    ]
    config = {**CONFIG, "metrics_specs": specs, "slicing_specs": [{}], "gate": {"min_examples": 500}}
    verdict = ec.evaluate(config, data=data, progress=False).verdict
    assert verdict is not None
    assert verdict.blessed
    specs[1]["thresholds"] = {"ndcg": bound}
    verdict = ec.evaluate(config, data=data, progress=False).verdict
    assert verdict is not None
    assert not verdict.blessed  # there are 120 queries only


def test_means_over_other_classes_have_no_change(tmp_path: Path) -> None:
    """Precision is undefined for a class that is never predicted; without it the mean would hardly change."""
    good, worse = np.eye(3)[[0, 1, 2, 0, 1, 2]], np.eye(3)[[0, 1, 0, 0, 1, 1]]
    rows = [
        trips.example(label=i % 3, good=g.tolist(), worse=w.tolist())
        for i, (g, w) in enumerate(zip(good, worse, strict=True))
    ]
    config = {
        "model_specs": [
            {"label_key": "label", "prediction_key": "worse"},
            {"name": "before", "is_baseline": True, "label_key": "label", "prediction_key": "good"},
        ],
        "metrics_specs": [{
            "aggregate": {"macro_average": True},
            "metrics": [{"class_name": "Precision", "threshold": {"change_threshold": {"absolute": {"value": -0.9}}}}],
        }],
    }  # fmt: skip
    result = ec.evaluate(config, data=trips.write_records(tmp_path / "data", rows), progress=False)
    (row,) = (row for row in result.metrics.table.to_pylist() if row["model"] == "candidate")
    assert "1 of 3 classes are left out (number 2)" in row["reason"]
    assert np.isnan(row["change"])
    assert result.verdict is not None
    assert not result.verdict.blessed


def test_decide_keeps_to_the_slices_that_were_told(data: Path, tmp_path: Path) -> None:
    config = {**CONFIG, "options": {"min_slice_size": {"value": 100}}}
    ec.evaluate(config, data=data, output=tmp_path, progress=False)
    with pytest.raises(ConfigError, match=r"options.min_slice_size: is 0, and 100 was evaluated"):
        judge_again(ec.load(tmp_path), CONFIG)


def test_ranks_of_binarize_are_those_of_query_metrics(data: Path) -> None:
    """As the peer does: beside the option of the metric; and its rules are judged on all of them."""
    bound = {"value_threshold": {"lower_bound": {"value": 0.1}}}
    spec = {
        "binarize": {"top_k_list": {"values": [3]}},
        "output_names": ["rank"],
        "query_key": "query",
        "metrics": [{"class_name": "NDCG", "config": {"top_k_list": [5]}, "threshold": bound}],
    }
    result = ec.evaluate({**CONFIG, "metrics_specs": [spec], "slicing_specs": [{}]}, data=data, progress=False)
    ranks = {row["sub_key"] for row in result.metrics.table.to_pylist() if row["metric"] == "ndcg"}
    assert ranks == {"topK:3", "topK:5"}
    assert len(result.verdict.checks) == 2


def test_a_bound_on_a_metric_of_all_classes_holds_whatever_is_said_of_classes(data: Path) -> None:
    spec = {
        "binarize": {"class_ids": {"values": [0, 2]}},
        "output_names": ["classes"],
        "metrics": [
            {
                "class_name": "SparseCategoricalAccuracy",
                "threshold": {"value_threshold": {"lower_bound": {"value": 0.99}}},
            }
        ],
    }
    result = ec.evaluate({**CONFIG, "metrics_specs": [spec], "slicing_specs": [{}]}, data=data, progress=False)
    (check,) = result.verdict.checks
    assert not result.verdict.blessed
    assert check.observed == pytest.approx((SCORES.argmax(axis=1) == CLASS).mean())


def test_a_query_metric_without_ranks_of_its_own_takes_those_of_binarize(data: Path) -> None:
    metrics = [{"class_name": "NDCG", "config": {"gain_key": "relevance"}}]
    spec = {
        "binarize": {"top_k_list": {"values": [3, 5]}},
        "output_names": ["rank"],
        "query_key": "query",
        "metrics": metrics,
    }
    config = {**CONFIG, "metrics_specs": [spec], "slicing_specs": [{}]}
    table = ec.evaluate(config, data=data, progress=False).metrics.table.to_pylist()
    assert {row["sub_key"] for row in table} == {"topK:3", "topK:5"}
