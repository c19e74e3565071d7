"""One measurement in a process of its own, so that its peak memory is its own; prints a line of JSON."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import sys
import time
from pathlib import Path

from tests.benchmarks import inputs

METRICS = (
    "ExampleCount",
    "BinaryAccuracy",
    "AUC",
    "AUCPrecisionRecall",
    "Precision",
    "Recall",
    "Calibration",
    "BinaryCrossEntropy",
    "CalibrationPlot",
)
SLICES = ("trip_start_hour", "payment_type")
EXTRA_SLICE = "trip_start_day"
PAIRS = 21


def config(metrics=METRICS, slices=SLICES, baseline=True, **engine):
    """An EvalConfig as a mapping."""
    specs = [{"name": "candidate", "label_key": "big_tipper"}]
    if baseline:
        specs.append({"name": "baseline", "label_key": "big_tipper", "is_baseline": True})
    return {
        "model_specs": specs,
        "slicing_specs": [{}, *({"feature_keys": [name]} for name in slices)],
        "metrics_specs": [{"metrics": [{"class_name": name} for name in metrics]}],
        "gate": {"no_thresholds": "BLESS"},
        **({"engine": engine} if engine else {}),
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _output(name: str) -> Path:
    path = inputs.FOLDER / "out" / name
    shutil.rmtree(path, ignore_errors=True)
    return path


def ours(count: int) -> dict[str, float]:
    """evaluate() from call to return, results on disk, models loaded inside."""
    import apache_beam  # noqa: F401 - imports are not part of the evaluation
    import tensorflow as tf  # noqa: F401

    import evaluator_component as ec

    candidate, baseline = inputs.models()
    data = inputs.examples(count)
    before = time.perf_counter()
    result = ec.evaluate(config(), candidate, baseline, str(data), _output(f"ours-{count}"), progress=False)
    seconds = time.perf_counter() - before
    assert result.metrics.value("example_count") == count
    return {"seconds": seconds, **{f"{k} s": v for k, v in result.run["seconds"].items()}}


def floor(count: int) -> dict[str, float]:
    """The same reading, parsing and predicting, and nothing else."""
    import apache_beam  # noqa: F401
    import tensorflow as tf  # noqa: F401

    from evaluator_component.data.features import ValueKind

    kinds = {"big_tipper": ValueKind.INT, "trip_start_hour": ValueKind.INT, "payment_type": ValueKind.BYTES}
    return _floor(inputs.models(), inputs.examples(count), kinds, count)


def _floor(paths, data: Path, kinds: dict, count: int) -> dict[str, float]:
    from evaluator_component.data.batch import Parser
    from evaluator_component.data.files import find_shards
    from evaluator_component.data.reader import read_blocks
    from evaluator_component.models.opening import open_model

    shards = find_shards(str(data))
    before = time.perf_counter()
    models = [open_model(path) for path in paths]
    parser = Parser(kinds, keep_serialized=True)
    rows = 0
    for shard in shards:
        for block in read_blocks(shard):
            batch = parser.parse(block)
            for model in models:
                (scores,) = model.predict(batch).values()
                rows += len(scores)
    seconds = time.perf_counter() - before
    assert rows == len(models) * count
    return {"seconds": seconds}


def peer(count: int) -> dict[str, float]:
    """TFMA's run_model_analysis on the same work, from call to return."""
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    import tfx.v1  # noqa: F401 - TFMA's own names are complete only after it
    from google.protobuf import json_format

    candidate, baseline = inputs.models()
    data = inputs.examples(count)
    plain = config()
    del plain["gate"]
    eval_config = json_format.ParseDict(plain, tfma.EvalConfig())
    before = time.perf_counter()
    shared = [
        tfma.default_eval_shared_model(str(path), eval_config=eval_config, model_name=name)
        for path, name in ((candidate, "candidate"), (baseline, "baseline"))
    ]
    options = beam.options.pipeline_options.PipelineOptions(
        flags=["--runner=apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"]
    )
    tfma.run_model_analysis(
        eval_shared_model=shared,
        eval_config=eval_config,
        data_location=str(data / "*"),
        output_path=str(_output(f"peer-{count}")),
        pipeline_options=options,
    )
    return {"seconds": time.perf_counter() - before}


def _pairs(count: int, first: dict, second: dict) -> dict[str, float]:
    """The times of two configs on the same work: the median of the ratios of interleaved pairs."""
    import apache_beam  # noqa: F401
    import tensorflow as tf  # noqa: F401

    import evaluator_component as ec

    candidate, baseline = inputs.models()
    data = str(inputs.examples(count))

    def once(chosen: dict) -> float:
        before = time.perf_counter()
        ec.evaluate(chosen, candidate, baseline, data, _output("pairs"), progress=False)
        return time.perf_counter() - before

    once(first)
    ratios = []
    for pair in range(PAIRS):
        order = (0, 1) if pair % 2 else (1, 0)
        times = {which: once((first, second)[which]) for which in order}
        ratios.append(times[1] / times[0])
    return {"median ratio": statistics.median(ratios), "smallest": min(ratios), "largest": max(ratios)}


def extra_spec(count: int) -> dict[str, float]:
    """What one more slicing spec costs."""
    return _pairs(count, config(), config(slices=(*SLICES, EXTRA_SLICE)))


def binary_family(count: int) -> dict[str, float]:
    """What all metrics of a binary classifier at a threshold cost together, against one of them."""
    from evaluator_component.metrics.describe import by_family

    family = by_family()["binary at threshold"]
    entries = [{"class_name": entry.class_name, "config": dict(entry.example)} for entry in family]
    every = config()
    every["metrics_specs"] = [{"metrics": entries}]
    return _pairs(count, config(metrics=("BinaryAccuracy",)), every)


def another_metric(count: int) -> dict[str, float]:
    """What a metric without a threshold costs beside those of the comparison."""
    return _pairs(count, config(), config(metrics=(*METRICS, "KolmogorovSmirnov")))


SEVERAL_SLICES = (
    ("trip_start_hour",),
    ("payment_type",),
    ("trip_start_hour", "trip_start_day"),
    ("company",),
)
TEN_SLICES = (
    *SEVERAL_SLICES,
    ("trip_start_day",),
    ("payment_type", "trip_start_hour"),
    ("payment_type", "trip_start_day"),
    ("company", "payment_type"),
    ("company", "trip_start_day"),
)


def _sliced(specs: tuple[tuple[str, ...], ...], *, intervals: bool) -> dict:
    chosen = config()
    chosen["slicing_specs"] = [{}, *({"feature_keys": list(names)} for names in specs)]
    chosen["options"] = {"compute_confidence_intervals": {"value": intervals}}
    return chosen


def intervals(count: int) -> dict[str, float]:
    """What intervals of all metrics and changes cost."""
    return _pairs(count, _sliced(SEVERAL_SLICES, intervals=False), _sliced(SEVERAL_SLICES, intervals=True))


def ten_specs(count: int) -> dict[str, float]:
    """What ten slicing specs cost against one, with intervals."""
    return _pairs(count, _sliced((), intervals=True), _sliced(TEN_SLICES, intervals=True))


def with_intervals(count: int, on: int) -> dict[str, float]:
    """One evaluation with or without intervals, for its memory."""
    candidate, baseline = inputs.models()
    chosen = _sliced(SEVERAL_SLICES, intervals=bool(on))
    return _once(chosen, candidate, inputs.examples(count), f"intervals-{on}", baseline)


def _once(config: dict, model: Path, data: Path, what: str, baseline: Path | None = None) -> dict[str, float]:
    import apache_beam  # noqa: F401
    import tensorflow as tf  # noqa: F401

    import evaluator_component as ec

    before = time.perf_counter()
    result = ec.evaluate(config, model, baseline, str(data), _output(what), progress=False)
    seconds = time.perf_counter() - before
    return {"seconds": seconds, **{f"{k} s": v for k, v in result.run["seconds"].items()}}


def classes(count: int, macro: int = 0) -> dict[str, float]:
    """1,000 classes in 25 slices: accuracy, top 5, cross-entropy, confusion matrix; also recall by class."""
    data, model = inputs.class_examples(count), inputs.class_model()
    plain = ("SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy")
    spec = {
        "model_specs": [{"label_key": "label"}],
        "slicing_specs": [{}, {"feature_keys": ["hour"]}],
        "metrics_specs": [
            {"metrics": [{"class_name": name} for name in (*plain, "MultiClassConfusionMatrixPlot")]},
            *([{"aggregate": {"macro_average": True}, "metrics": [{"class_name": "Recall"}]}] if macro else []),
        ],
    }
    return _once(spec, model, data, "classes")


def classes_floor(count: int) -> dict[str, float]:
    """The same reading, parsing and predicting of 1,000 scores, and nothing else."""
    import tensorflow as tf  # noqa: F401

    from evaluator_component.data.features import ValueKind

    kinds = {"label": ValueKind.INT, "hour": ValueKind.INT}
    return _floor([inputs.class_model()], inputs.class_examples(count), kinds, count)


def queries(count: int) -> dict[str, float]:
    """100,000 queries among ``count`` documents: five metrics of them, two slicing specs."""
    names = ("NDCG", "PrecisionAtK", "MeanReciprocalRank", "MeanAveragePrecision", "QueryStatistics")
    spec = config(metrics=names, baseline=False)
    spec["metrics_specs"][0]["query_key"] = "user"
    return _once(spec, inputs.models()[0], inputs.examples(count), "queries")


def queries_floor(count: int) -> dict[str, float]:
    """The same reading, parsing and predicting, and nothing else."""
    import tensorflow as tf  # noqa: F401

    from evaluator_component.data.features import ValueKind

    kinds = {"user": ValueKind.INT, "big_tipper": ValueKind.INT, "trip_start_hour": ValueKind.INT}
    kinds["payment_type"] = ValueKind.BYTES
    return _floor(inputs.models()[:1], inputs.examples(count), kinds, count)


def many_slices(count: int, slices: int) -> dict[str, float]:
    """``slices`` distinct slices, 8 scalar metrics and a plot of the largest."""
    import apache_beam  # noqa: F401
    import pyarrow.compute as pc
    import tensorflow as tf  # noqa: F401

    import evaluator_component as ec

    candidate, _ = inputs.models()
    data = inputs.examples(count)
    spec = config(slices=("user",), baseline=False)
    before = time.perf_counter()
    result = ec.evaluate(spec, candidate, None, str(data), _output("many"), progress=False)
    seconds = time.perf_counter() - before
    found = len(pc.unique(result.metrics.table.column("slice"))) - 1
    assert found == slices, found
    return {"seconds": seconds, "slices": found, **{f"{k} s": v for k, v in result.run["seconds"].items()}}


def main(kind: str, *arguments: str) -> None:
    """Runs one measurement."""
    started = time.perf_counter()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    result = globals()[kind](*(int(argument) for argument in arguments))
    print(json.dumps({**result, "process seconds": time.perf_counter() - started, "peak MiB": _peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
