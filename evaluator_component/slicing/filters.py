"""Filters: SQL expressions that say which examples are in a slice."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.errors import ConfigError, DataError, nearest
from evaluator_component.slicing import sql

LISTS: Final = "lists"
"""What stands before a feature in a filter where all of its values are meant, as a list."""


@dataclass(frozen=True)
class Filter:
    """Which examples a slice is made of.

    Attributes:
        name: What it is called in slices.
        query: SELECT over the table ``examples`` with one truth value per example.
        values: Features that are taken as one value each: the columns v0, v1, …
        lists: Features that are taken as lists: the columns l0, l1, …
        path: Where the config says so.
    """

    name: str
    query: str
    values: tuple[str, ...]
    lists: tuple[str, ...]
    path: str = field(default="", compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The features that it looks at."""
        return tuple(sorted({*self.values, *self.lists}))

    def holds(
        self, feature: Callable[[str], pa.ListArray], where: Callable[[int], str], size: int
    ) -> npt.NDArray[np.int32]:
        """Finds the examples for which it is true.

        Args:
            feature: Gives a feature's values.
            where: Names an example.
            size: Number of examples.

        Returns:
            int32 ``[examples it holds for]``, rising.

        Raises:
            DataError: An example has several values where one is asked for, or the expression fails on a value.
        """
        columns: dict[str, pa.Array] = {}
        for i, name in enumerate(self.values):
            column = feature(name)
            odd = sql.several(column)
            if odd is not None:
                raise DataError(
                    f"{where(odd[0])}: feature {name!r} has {odd[1]} values, and {self.path} takes it as one; write "
                    f"{LISTS}.{name} for the list of all, for example list_contains({LISTS}.{name}, …)"
                )
            columns[f"v{i}"] = sql.as_column(column)
        columns |= {f"l{i}": sql.as_list_column(feature(name)) for i, name in enumerate(self.lists)}
        (found,) = sql.run(self.query, columns, size, f"{where(0)} and after: {self.path}").values()
        return np.flatnonzero(np.ma.filled(found, False)).astype(np.int32)

    def check(self, kinds: Mapping[str, str]) -> None:
        """Tries it.

        Args:
            kinds: What features hold: "string", "int" or "float".

        Raises:
            ConfigError: It cannot be computed from such features, or is not true or false for each example.
        """
        columns = {f"v{i}": sql.column_type(kinds[name], lists=False) for i, name in enumerate(self.values)}
        columns |= {f"l{i}": sql.column_type(kinds[name], lists=True) for i, name in enumerate(self.lists)}
        rows, (kind, *more) = sql.check(self.query, columns, self.path)
        if rows != 2 or more:
            raise ConfigError(
                f"{self.path}: has not one value for each example; expected a condition such as fare > 20"
            )
        if kind != "BOOLEAN":
            raise ConfigError(
                f"{self.path}: gives {kind}; expected a condition that is true or false, such as fare > 20"
            )


@functools.lru_cache(maxsize=256)
def read_filter(expression: str, name: str, path: str) -> Filter:
    """Parses a filter.

    Args:
        expression: SQL as DuckDB has it. A feature's name means its value, ``lists.NAME`` all of its values.
        name: What it is called in slices.
        path: Its config path.

    Raises:
        ConfigError: It is not one expression over features.
    """
    sqlglot, exp = sql.parser(path)
    try:
        trees = sqlglot.parse(expression, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        said = str(error).split("\n")[0].rstrip(".")
        raise ConfigError(f"{path}: {expression!r} is not an SQL expression: {said}") from error
    tree = trees[0] if len(trees) == 1 else None
    refused = (exp.Query, exp.Subquery, exp.Window, exp.AggFunc, exp.Star, exp.Placeholder, exp.Parameter)
    if not isinstance(tree, exp.Condition) or isinstance(tree, exp.Alias) or tree.find(*refused):
        raise ConfigError(
            f"{path}: {expression!r} is not an expression over the features of one example, such as fare > 20 AND "
            "company IS NOT NULL"
        )
    sql.check_functions(tree, path)
    values: list[str] = []
    lists: list[str] = []
    select = exp.select(tree.transform(lambda node: _column(node, exp, values, lists, path))).from_(sql.EXAMPLES)
    return Filter(name, select.sql(dialect="duckdb"), tuple(values), tuple(lists), path)


def _column(node: Any, exp: Any, values: list[str], lists: list[str], path: str) -> Any:
    """A feature's name becomes a column's that cannot be mistaken for another's, as DuckDB's names can."""
    if not isinstance(node, exp.Column):
        return node
    if node.table and (node.table.lower() != LISTS or node.args.get("db")):
        hint = nearest(node.table, [LISTS])
        raise ConfigError(f"{path}: {node.sql()!r} is no feature's name; put it in double quotes if it is one; {hint}")
    known, prefix = (lists, "l") if node.table else (values, "v")
    if node.name not in known:
        known.append(node.name)
    return exp.column(f"{prefix}{known.index(node.name)}")
