"""Numbers that lie far from 0 for how little they vary: what is taken off them before they are squared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evaluator_component.engine import exact
from evaluator_component.engine.accumulate import State
from evaluator_component.engine.layout import Shift, SliceTable
from evaluator_component.engine.plan import Plan
from evaluator_component.engine.sums import Sums
from evaluator_component.metrics.terms import Weight

_FAR = 100.0
"""A mean of more standard deviations than this would leave squares with too few digits for the deviations."""


def find_shifts(plan: Plan, state: State) -> tuple[tuple[Shift, ...], ...]:
    """What to take off the columns of each table, by the first examples; nothing of most.

    Any number near the mean does: what is taken off is put back exactly. It must be the same on all workers.
    """
    tables = zip(plan.slice_tables, state.tables, strict=False)
    return tuple(_of_table(layout, table) for layout, table in tables)


def _of_table(layout: SliceTable, table: Sums) -> tuple[Shift, ...]:
    squares = {product: i for i, product in enumerate(layout.products, len(layout.columns))}
    total = [float(exact.decode(column).sum()) for column in table.columns]
    found: list[Shift] = []
    for (view, terms, number), place in layout.columns.items():
        weight = layout.columns.get((view, Weight(), 0))
        if weight is None or weight == place or (place, place) not in squares or not total[weight] > 0:
            continue
        if not _can_be_put_back(place, weight, layout.products):
            continue
        mean = total[place] / total[weight]
        own, both, of_weight = (
            total[squares[pair]] for pair in ((place, place), _sorted(place, weight), (weight, weight))
        )
        spread = own - 2 * mean * both + mean * mean * of_weight
        if np.isfinite(mean) and mean * mean * of_weight > _FAR * _FAR * abs(spread):
            # The baseline's column moves with the candidate's, so that both stay comparable number by number.
            of_candidate = layout.columns.get((replace(view, model=0), terms, number))
            first = next((shift.by for shift in found if shift.column == of_candidate), mean)
            found.append(Shift(place, weight, first))
    return tuple(found)


def _sorted(left: int, right: int) -> tuple[int, int]:
    return min(left, right), max(left, right)


def _can_be_put_back(place: int, weight: int, products: Sequence[tuple[int, ...]]) -> bool:
    """Whether each product of a column is also there with the weight in its place."""
    known = set(products)
    with_column = (product for product in products if place in product)
    return (weight, weight) in known and all(
        tuple(sorted([*product[: product.index(place)], weight, *product[product.index(place) + 1 :]])) in known
        for product in with_column
    )
