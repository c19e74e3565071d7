"""What a user should know of a run before it begins, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evaluator_component.errors import nearest
from evaluator_component.gate.policies import read_policy
from evaluator_component.metrics.binarize import AS_ONE_POOL

if TYPE_CHECKING:
    from evaluator_component.engine.evaluated import Evaluated
    from evaluator_component.engine.plan import Plan
    from evaluator_component.engine.worker import Worker

_NAMED = 10


def named_classes(worker: Worker, names: Mapping[str, Sequence[str]]) -> list[str]:
    """Tells of labels that name no class, and whose order of the classes is taken.

    Args:
        worker: It has seen the first records.
        names: The names of the classes by output.
    """
    notices = []
    for output, value in worker.unknown_names.items():
        name = value.decode("utf-8", "replace")
        notices.append(
            f"label {worker.label_key(output)!r}: {name!r} is no class of the model; {nearest(name, names[output])}. "
            "Metrics of its slices are undefined."
        )
    for output in sorted(worker.named_by_schema):
        listed = ", ".join(f"{i} is {name!r}" for i, name in enumerate(names[output][:_NAMED]))
        more = ", …" if len(names[output]) > _NAMED else ""
        notices.append(
            f"label {worker.label_key(output)!r}: the model's scores are taken to be in the order of the schema's "
            f"string domain ({listed}{more}); set label_vocabulary in the model spec if they are not"
        )
    return notices


def pooled_classes(plan: Plan, evaluated: Evaluated) -> list[str]:
    """Tells which metrics of one score are computed over all classes together, since nothing else was said."""
    found: dict[tuple[str, int], dict[str, None]] = {}
    for planned in plan.metrics:
        if planned.view.binarization != AS_ONE_POOL or planned.sub_key:
            continue
        predictions = evaluated.predictions[planned.view.model, planned.view.output]
        if predictions.ndim == 2:
            where = (planned.view.output, predictions.shape[1])
            found.setdefault(where, {})[planned.metric.name] = None
    return [
        f"{', '.join(names)}{f' of output {output!r}' if output else ''}: over all {classes} scores of each example as "
        "one pool (a micro average), since neither binarize nor aggregate is set"
        for (output, classes), names in found.items()
    ]


def plain_rules(config: Any, plan: Plan) -> list[str]:
    """A plain rule covers every slice; whoever did not mean that should hear it before the verdict does."""
    features = [group.features for group in plan.groupings if group.features]
    plain = [
        f"metrics_specs[{i}].metrics[{j}].threshold"
        for i, spec in enumerate(config.metrics_specs)
        for j, metric in enumerate(spec.metrics)
        if metric.HasField("threshold")
    ]
    gate = config.gate
    if (
        not features
        or not plain
        or gate.HasField("min_examples")
        or read_policy(config).plain_threshold_scope == "OVERALL"
    ):
        return []
    listed = "; ".join(" × ".join(names) for names in features)
    more = f" (and {len(plain) - 1} more)" if len(plain) > 1 else ""
    notice = (
        f"{plain[0]}{more}: a plain threshold applies to every slice ({listed}), however small; set gate.min_examples "
        "to leave small slices out, or gate.plain_threshold_scope: OVERALL to judge only the overall slice"
    )
    return [notice]
