"""What ``binarize``, ``aggregate`` and a metric's own ``class_id`` and ``top_k`` ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator_component.config.paths import FieldError, Path
from evaluator_component.metrics.binarize import AS_ONE_POOL, Binarization
from evaluator_component.metrics.over_classes import MeanOverClasses, OneClass
from evaluator_component.metrics.registry import class_options


@dataclass(frozen=True)
class Reading:
    """One way to read several classes as a binary problem.

    Attributes:
        binarization: How the classes become binary problems.
        of_classes: What becomes of the values of single classes; None where there is one value.
        sub_key: Names the reading in the results.
        of_top: Whether only the highest scores of each example count, whatever they are.
    """

    binarization: Binarization = AS_ONE_POOL
    of_classes: OneClass | MeanOverClasses | None = None
    sub_key: str = ""
    of_top: bool = False


NOTHING_SAID = Reading()


def read_classes(spec: Any, metric_config: Any, path: Path) -> tuple[Reading, ...]:
    """The readings that a metric is asked for, one after another.

    Args:
        spec: A MetricsSpec message.
        metric_config: One of its metrics.
        path: Where the metric is in the config, for an error.

    Raises:
        ConfigError: ``binarize``, ``aggregate`` or the metric's own ``class_id`` or ``top_k`` says nothing, or
            something impossible.
    """
    of_spec = tuple(_of_spec(spec, path[:-2]))
    own = class_options(metric_config, path)
    if not own:
        return of_spec or (NOTHING_SAID,)
    if of_spec:
        raise FieldError(
            (*path, "config"), f"{' and '.join(own)} cannot be combined with binarize or aggregate of the metrics spec"
        )
    class_id, top_k = own.get("class_id"), own.get("top_k", 0)
    sub_key = " ".join(f"{name}:{own[key]}" for key, name in (("class_id", "classId"), ("top_k", "topK")) if key in own)
    if class_id is None:
        return (Reading(Binarization(top_k=top_k), None, sub_key, of_top=True),)
    binarization = Binarization((class_id,), pooled=False, top_k=top_k)
    return (Reading(binarization, OneClass(0), sub_key, of_top=top_k > 0),)


def _of_spec(spec: Any, path: Path) -> Iterator[Reading]:
    found = tuple(_binarized(spec.binarize, (*path, "binarize")))
    if spec.HasField("binarize") and not found:
        raise FieldError((*path, "binarize"), "says nothing; expected class_ids, k_list or top_k_list")
    yield from found
    if spec.HasField("aggregate"):
        yield from _aggregated(spec, path)


def _binarized(options: Any, path: Path) -> Iterator[Reading]:
    class_ids = _distinct(options.class_ids.values, 0, (*path, "class_ids"))
    for position, number in enumerate(class_ids):
        yield Reading(Binarization(class_ids, pooled=False), OneClass(position), f"classId:{number}")
    for k in _distinct(options.k_list.values, 1, (*path, "k_list")):
        yield Reading(Binarization(ranks=(k,)), None, f"k:{k}")
    for k in _distinct(options.top_k_list.values, 1, (*path, "top_k_list")):
        yield Reading(Binarization(top_k=k), None, f"topK:{k}", of_top=True)


def _aggregated(spec: Any, path: Path) -> Iterator[Reading]:
    options = spec.aggregate
    kind = options.WhichOneof("type")
    if kind is None or not getattr(options, kind):
        raise FieldError(
            (*path, "aggregate"), "says nothing; expected micro_average, macro_average or weighted_macro_average: true"
        )
    class_ids, weights = _classes(spec, path)
    top = _distinct(options.top_k_list.values, 1, (*path, "aggregate", "top_k_list"))
    if top and kind == "weighted_macro_average":
        raise FieldError(
            (*path, "aggregate", "top_k_list"), "reads ranks, which have no prevalence to weight by; use macro_average"
        )
    for k in top:
        binarization = Binarization(ranks=tuple(range(1, k + 1)), pooled=kind == "micro_average")
        mean = None if binarization.pooled else MeanOverClasses()
        yield Reading(binarization, mean, f"{kind} topK:{k}", of_top=True)
    if not top and kind == "micro_average":
        yield Reading(Binarization(class_ids, class_weights=weights), None, kind)
    elif not top:
        by_class = MeanOverClasses(kind == "weighted_macro_average", weights)
        yield Reading(Binarization(class_ids, pooled=False), by_class, kind)


def _classes(spec: Any, path: Path) -> tuple[tuple[int, ...] | None, tuple[float, ...] | None]:
    """The classes to aggregate and their weights: None for all, and for all alike."""
    given = spec.aggregate.class_weights
    if not given:
        return tuple(spec.binarize.class_ids.values) or None, None
    if spec.aggregate.top_k_list.values:
        raise FieldError((*path, "aggregate", "class_weights"), "cannot be used with top_k_list, which reads ranks")
    for number, weight in given.items():
        if number < 0 or not 0.0 <= weight < float("inf"):
            raise FieldError(
                (*path, "aggregate", "class_weights"),
                f"expected class ids from 0 on with weights from 0 on, got {number}: {weight}",
            )
    class_ids = tuple(sorted(given))
    return class_ids, tuple(float(given[number]) for number in class_ids)


def _distinct(values: Sequence[int], least: int, path: Path) -> tuple[int, ...]:
    numbers = tuple(int(value) for value in values)
    for i, number in enumerate(numbers):
        if number < least:
            raise FieldError((*path, i), f"expected a whole number from {least} on, got {number}")
        if number in numbers[:i]:
            raise FieldError((*path, i), f"{number} is there twice")
    return numbers
