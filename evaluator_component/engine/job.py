"""What travels to a worker, and how it is made."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from evaluator_component.config import baseline_spec, candidate_spec
from evaluator_component.data.features import Features, ValueKind
from evaluator_component.engine.layout import Shift
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.planning import make_plan
from evaluator_component.metrics.modules import load_module
from evaluator_component.models.class_names import LabelForms, read_vocabulary
from evaluator_component.models.predictor import Predictor
from evaluator_component.proto import config_pb2


@dataclass(frozen=True)
class Job:
    """What travels to a worker.

    Attributes:
        config: The complete config, serialized.
        module: Python file or module name that declares metrics; '' for none.
        model_paths: The candidate's path, then the baseline's if it is evaluated; '' when predictions are in the data.
        kinds: All features that are read, with the kind of their values.
        keep_serialized: Whether a model takes serialized examples.
        run_id: Names the run within the process that started it.
        labels: How labels are written.
        shifts: What is taken off columns before they are multiplied, by the first examples; of each table of the plan.
    """

    config: bytes
    module: str
    model_paths: tuple[str, ...]
    kinds: tuple[tuple[str, ValueKind], ...]
    keep_serialized: bool
    run_id: str
    labels: LabelForms = field(default_factory=LabelForms)
    shifts: tuple[tuple[Shift, ...], ...] = ()

    @cached_property
    def plan(self) -> Plan:
        """What is summed; made anew in each process, since a user's functions cannot travel."""
        return self.make_plan()

    def make_plan(self) -> Plan:
        """The plan of the config."""
        load_module(self.module)
        config = config_pb2.EvalConfig.FromString(self.config)
        plan = make_plan(config, evaluate_baseline=len(self.model_paths) > 1)
        if not any(self.shifts):
            return plan
        tables = zip(plan.slice_tables, self.shifts, strict=True)
        return replace(plan, slice_tables=tuple(replace(table, shifts=own) for table, own in tables))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "plan"}


def make_job(
    config: Any,
    module: str,
    model_paths: tuple[str, ...],
    predictors: tuple[Predictor | None, ...],
    features: Features,
) -> Job:
    """Lists the features that the plan and the models need, and nothing else."""
    plan, kinds = make_plan(config, evaluate_baseline=len(model_paths) > 1), features.kinds
    for predictor in predictors:
        if predictor is not None:
            predictor.settle_inputs(kinds)
    wanted = {*plan.label_columns, *plan.slice_columns}
    for index, (model, predictor) in enumerate(zip(plan.models, predictors, strict=True)):
        if predictor is None:
            wanted |= {key for _, key in model.prediction_keys if key}
            wanted |= {plan.column_of(source) for source in plan.sources if source.model == index}
        elif predictor.inputs is not None:
            wanted |= {info.name for info in predictor.inputs}
    serialized = any(predictor is not None and predictor.inputs is None for predictor in predictors)
    columns = tuple((name, kinds[name]) for name in sorted(wanted))
    labels = _label_forms(config, plan, model_paths, features)
    content = config.SerializeToString(deterministic=True)
    return Job(content, module, model_paths, columns, serialized, uuid.uuid4().hex, labels)


def _label_forms(config: Any, plan: Plan, model_paths: Sequence[str], features: Features) -> LabelForms:
    keys = {key for _, key in plan.models[0].label_keys}
    several = {key for key in keys & features.several if features.kinds[key] is not ValueKind.FLOAT}
    domains = {key: names for key, names in features.domains.items() if key in keys}
    specs = (candidate_spec(config), baseline_spec(config) or candidate_spec(config))
    vocabularies = []
    for spec, model, path in zip(specs, plan.models, model_paths, strict=False):
        named = spec.label_vocabulary or specs[0].label_vocabulary
        where = f"{model.spec_path if spec.label_vocabulary else plan.models[0].spec_path}.label_vocabulary"
        vocabularies.append(read_vocabulary(named, path, where) if named else ())
    return LabelForms(tuple(vocabularies), domains, frozenset(several))
