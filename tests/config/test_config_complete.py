"""What complete_config fills in, and which spec is which model's."""

from __future__ import annotations

from evaluator_component.config import baseline_spec, candidate_spec, complete_config, load_config
from evaluator_component.proto import config_pb2


def test_one_model_keeps_the_name_that_it_has() -> None:
    assert complete_config(load_config({"model_specs": [{}]})).model_specs[0].name == ""
    assert complete_config(load_config({"model_specs": [{"name": "a"}]})).model_specs[0].name == "a"


def test_a_baseline_is_added_like_the_candidate() -> None:
    config = load_config({"model_specs": [{"label_key": "tips", "prediction_key": "p", "name": "mine"}]})
    complete = complete_config(config, has_baseline=True)
    assert candidate_spec(complete).name == "mine"
    baseline = baseline_spec(complete)
    assert baseline is not None
    assert (baseline.name, baseline.label_key, baseline.prediction_key) == ("baseline", "tips", "p")
    assert baseline_spec(complete_config(config)) is None


def test_a_described_baseline_is_completed_whatever_the_order() -> None:
    described = {"is_baseline": True, "prediction_key": "old"}
    config = load_config({"model_specs": [described, {"label_keys": {"a": "x"}, "example_weight_key": "w"}]})
    complete = complete_config(config)
    baseline = baseline_spec(complete)
    assert baseline is not None
    assert (baseline.name, baseline.prediction_key, baseline.example_weight_key) == ("baseline", "old", "w")
    assert dict(baseline.label_keys) == {"a": "x"}
    assert candidate_spec(complete).name == "candidate"


def test_a_baseline_keeps_keys_of_its_own() -> None:
    models = [{"label_key": "new", "example_weight_key": "w"}, {"is_baseline": True, "label_keys": {"a": "old"}}]
    baseline = baseline_spec(complete_config(load_config({"model_specs": models})))
    assert baseline is not None
    assert (baseline.label_key, dict(baseline.label_keys)) == ("", {"a": "old"})


def test_without_specs_the_candidate_is_an_empty_spec() -> None:
    assert candidate_spec(config_pb2.EvalConfig()) == config_pb2.ModelSpec()


def test_bounds_of_the_engine_that_are_given_stay() -> None:
    engine = complete_config(load_config({"engine": {"max_plot_slices": 0, "batch_size": 16}})).engine
    assert (engine.max_plot_slices, engine.batch_size) == (0, 16)


def test_choices_of_the_gate_stay_as_given() -> None:
    config = load_config({"gate": {"missing_slice": "SKIP"}})
    assert complete_config(config).gate == config.gate
