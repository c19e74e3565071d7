"""A pass over a candidate and a baseline in memory, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.config import complete_config, load_config
from evaluator_component.data.batch import unit_hashes
from evaluator_component.engine.accumulate import State, accumulate, merge
from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.finalise import finalise
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.slicing.codes import Membership

Array = npt.NDArray[np.float64]
Row = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """Examples of two models; ``slices`` has a mask for each slice beside Overall."""

    labels: Array
    candidate: Array
    baseline: Array | None = None
    weights: Array | None = None
    slices: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    queries: npt.NDArray[np.int64] | None = None
    clusters: npt.NDArray[np.uint64] | None = None
    feature: Array | None = None
    units: npt.NDArray[np.uint64] | None = None
    membership: Membership | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def unit(self) -> npt.NDArray[np.uint64]:
        """The hash of the place of each example."""
        return unit_hashes("examples", 0, len(self)) if self.units is None else self.units

    @property
    def mass(self) -> Array:
        """The weights, ones without."""
        return np.ones(len(self)) if self.weights is None else self.weights

    def rows(self, rows: Any) -> Sample:
        """The examples of these rows."""
        optional = ("labels", "candidate", "baseline", "weights", "queries", "clusters", "feature")
        parts = {name: None if getattr(self, name) is None else getattr(self, name)[rows] for name in optional}
        slices = {name: mask[rows] for name, mask in self.slices.items()}
        return replace(self, **parts, slices=slices, units=self.unit[rows])

    def evaluated(self) -> Evaluated:
        """What the sums need of them."""
        predictions = {(0, ""): self.candidate}
        if self.baseline is not None:
            predictions[1, ""] = self.baseline
        queries = {} if self.queries is None else {"q": pa.array(self.queries.astype(str)).cast(pa.binary())}
        return Evaluated(
            self._membership(),
            {"": self.labels},
            predictions,
            {} if self.weights is None else {"": self.weights},
            len(self),
            {"fare": np.zeros(len(self)) if self.feature is None else self.feature},
            queries,
            {},
            self.unit,
            self.clusters,
        )

    def _membership(self) -> Membership:
        if self.membership is not None:
            return self.membership
        masks = np.array([np.ones(len(self), bool), *self.slices.values()])
        rows, codes = np.nonzero(masks.T)
        return Membership(rows.astype(np.int32), codes.astype(np.int32), ("Overall", *self.slices))


def plan(
    metrics: Sequence[Any],
    sample: Sample,
    *,
    spec: Mapping[str, Any] | None = None,
    bare: bool = False,
    **config: Any,
) -> Plan:
    """The plan of metrics, each a class name or an entry of the config, with intervals on unless it is bare."""
    entries = [{"class_name": one} if isinstance(one, str) else one for one in metrics]
    compared = sample.baseline is not None
    queried = {} if sample.queries is None else {"query_key": "q"}
    weight = {} if sample.weights is None else {"example_weight_key": "w"}
    cluster = {} if sample.clusters is None else {"cluster_key": "user"}
    intervals = {"groups": 64, **cluster, **config.pop("intervals", {})}
    written = {
        "model_specs": [{"label_key": "y", **weight}],
        "slicing_specs": [{}, {"feature_keys": ["group"]}],
        "metrics_specs": [{"metrics": entries, **queried, **(spec or {})}],
        **({} if bare else {"intervals": intervals}),
        **config,
    }
    return make_plan(complete_config(load_config(written), has_baseline=compared), evaluate_baseline=compared)


def add_up(planned: Plan, sample: Sample, batch: int | None = None) -> State:
    """The sums of the examples, in batches of so many."""
    if batch is None:
        return accumulate(planned, sample.evaluated())
    starts = range(0, len(sample), batch)
    parts = [accumulate(planned, sample.rows(slice(start, start + batch)).evaluated()) for start in starts]
    return merge(planned, parts)


def table(planned: Plan, sample: Sample, batch: int | None = None) -> pa.Table:
    """The metric table."""
    return finalise(planned, {"eval": add_up(planned, sample, batch)})[0]


def rows(metrics: Sequence[Any], sample: Sample, batch: int | None = None, **options: Any) -> dict[Any, Row]:
    """The candidate's rows by (slice, metric), or (slice, metric, sub-key) where there is one."""
    found = {}
    for row in table(plan(metrics, sample, **options), sample, batch).to_pylist():
        if row["model"] != "baseline":
            key = (row["slice"], row["metric"], row["sub_key"]) if row["sub_key"] else (row["slice"], row["metric"])
            assert key not in found
            found[key] = row
    return found
