"""Slices by TFMA's SQL: ``SELECT STRUCT(fruit AS kind) FROM example.fruits AS fruit WHERE fruit <> ''``.

The SELECT is meant for one example, whose features are arrays. It is rewritten so that DuckDB runs it once over all
examples of a batch: ``FROM example.fruits`` becomes a lateral UNNEST of the column, beside the number of the row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.errors import ConfigError
from evaluator_component.slicing import sql
from evaluator_component.slicing.encoding import Encoded, encode

EXAMPLE: Final = "example"
"""What the SELECT calls the example whose features it reads."""

_FORM: Final = "SELECT STRUCT(a, b AS key) FROM example.a, example.b WHERE a = 'x'"
_TYPES: Final = ("VARCHAR", "BOOLEAN", "FLOAT", "DOUBLE", "DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT")


@dataclass(frozen=True)
class SqlSlices:
    """A SELECT whose rows are the slices of each example.

    Attributes:
        keys: Names of the fields of its STRUCT, sorted: the features of its slices.
        query: SELECT over the table ``examples`` that gives the row of the example and the values v0, … of the keys.
        columns: Features that it reads, the columns ·0, ·1, … of lists.
        path: Where the config says so.
    """

    keys: tuple[str, ...]
    query: str
    columns: tuple[str, ...]
    path: str = field(default="", compare=False)

    def slices(
        self, feature: Callable[[str], pa.ListArray], where: Callable[[int], str], size: int
    ) -> tuple[npt.NDArray[np.int32], list[Encoded]]:
        """Runs it.

        Args:
            feature: Gives a feature's values.
            where: Names an example.
            size: Number of examples.

        Returns:
            int32 ``[results]`` the example of each result, and for each key the values of all results. A result in
            which a key is NULL is left out.

        Raises:
            DataError: It fails on a value.
        """
        columns = {_column(i): sql.as_list_column(feature(name)) for i, name in enumerate(self.columns)}
        found = sql.run(self.query, columns, size, f"{where(0)} and after: {self.path}")
        rows, *values = found.values()
        there = ~np.logical_or.reduce([np.ma.getmaskarray(column) for column in values])
        encoded = [encode(_one_each(np.ma.getdata(column)[there])) for column in values]
        return np.ma.getdata(rows)[there].astype(np.int32), encoded

    def check(self, kinds: Mapping[str, str]) -> None:
        """Tries it.

        Args:
            kinds: What features hold: "string", "int" or "float".

        Raises:
            ConfigError: It cannot be computed from such features, or gives values that cannot name slices.
        """
        columns = {_column(i): sql.column_type(kinds[name], lists=True) for i, name in enumerate(self.columns)}
        _, (_, *described) = sql.check(self.query, columns, self.path)
        for key, kind in zip(self.keys, described, strict=True):
            if kind.partition("(")[0] not in _TYPES:
                raise ConfigError(
                    f"{self.path}: {key} is of the type {kind}, which names no slice; write CAST({key} AS STRING) or "
                    "another conversion to text or numbers"
                )


def _one_each(values: npt.NDArray[Any]) -> pa.ListArray:
    """Lists of one value each: text, int64, float32 or float64."""
    if values.dtype == bool:
        flat = pa.array(np.where(values, b"true", b"false").tolist(), pa.binary())
    elif values.dtype == object:
        flat = pa.array(values.tolist(), pa.string()).cast(pa.binary())
    else:
        flat = pa.array(values)
    return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1), pa.int32()), flat)


@functools.lru_cache(maxsize=256)
def read_sql(text: str, path: str) -> SqlSlices:
    """Parses ``slice_keys_sql``.

    Args:
        text: One SELECT of a STRUCT, in the SQL of BigQuery.
        path: Its config path.

    Raises:
        ConfigError: It is something else, or does what cannot be done for all examples at once.
    """
    sqlglot, exp = sql.parser(path)
    try:
        trees = sqlglot.parse(text, dialect="bigquery")
    except sqlglot.errors.SqlglotError as error:
        said = str(error).split("\n")[0].rstrip(".")
        raise ConfigError(f"{path}: is not SQL: {said}; expected something like {_FORM}") from error
    select = trees[0] if len(trees) == 1 else None
    if not isinstance(select, exp.Select) or [type(one) for one in select.expressions] != [exp.Struct]:
        raise ConfigError(f"{path}: expected one SELECT of one STRUCT, like {_FORM}")
    _refuse(select, exp, path)
    sql.check_functions(select, path)
    (struct,) = select.expressions
    names = _names(struct, exp, path)
    columns: list[str] = []
    _rewrite(select, exp, columns, path)
    values = [one.expression if isinstance(one, exp.PropertyEQ) else one for one in struct.expressions]
    fields = sorted(zip(names, values, strict=True), key=lambda field: field[0])
    row = exp.column(sql.ROW, table=EXAMPLE, quoted=True)
    select.set("expressions", [row, *(exp.alias_(value, f"v{i}") for i, (_, value) in enumerate(fields))])
    return SqlSlices(tuple(name for name, _ in fields), select.sql(dialect="duckdb"), tuple(columns), path)


def _refuse(select: Any, exp: Any, path: str) -> None:
    """Refuses what is not about one example: it would be another thing over a batch."""
    named = {"group": "GROUP BY", "having": "HAVING", "limit": "LIMIT", "offset": "OFFSET"}
    for name, shown in {**named, "with": "WITH", "with_": "WITH"}.items():
        if select.args.get(name):
            raise ConfigError(f"{path}: {shown} is not supported here; the rows of the SELECT are the example's slices")
    for one in select.find_all(exp.AggFunc, exp.Window):
        if one.parent_select is select:
            raise ConfigError(f"{path}: {one.sql()} is over several rows; put it into a SELECT of its own in brackets")
    for join in select.find_all(exp.Join):
        if join.side or join.args.get("using"):
            raise ConfigError(f"{path}: only lists of features side by side (a comma, or CROSS JOIN) can be joined")


def _names(struct: Any, exp: Any, path: str) -> list[str]:
    """The names of the fields of the STRUCT."""
    names: list[str] = []
    for one in struct.expressions:
        named = one.this if isinstance(one, exp.PropertyEQ) else one
        if not isinstance(named, (exp.Column, exp.Identifier)):
            raise ConfigError(f"{path}: {one.sql(dialect='bigquery')} in the STRUCT has no name; add one with AS")
        if named.name in names:
            raise ConfigError(f"{path}: the STRUCT has {named.name!r} twice; give one another name with AS")
        names.append(named.name)
    if not names:
        raise ConfigError(f"{path}: the STRUCT is empty; name what the slices are made of, like {_FORM}")
    return names


def _rewrite(select: Any, exp: Any, columns: list[str], path: str) -> None:
    """Makes a SELECT for one example into one over the table of all."""
    own = {alias.lower() for alias in _range_names(select, exp)}
    for column in list(select.find_all(exp.Column)):
        name = column.name
        if column.table.lower() == EXAMPLE or (not column.table and name.lower() not in own):
            column.replace(_list(name, exp, columns))
        elif column.table and column.table.lower() not in own:
            problem = f"{column.sql()} is nothing that the SELECT knows; write {EXAMPLE}.NAME for a feature"
            raise ConfigError(f"{path}: {problem}")
    for number, table in enumerate(list(select.find_all(exp.Table))):
        if table.db.lower() != EXAMPLE or table.catalog:
            shown = table.sql(dialect="bigquery")
            raise ConfigError(f"{path}: {shown} is no feature of the example; write FROM {EXAMPLE}.NAME")
        table.replace(_unnest(_list(table.name, exp, columns), table.alias or table.name, number, exp))
    source = select.args.get("from_") or select.args.get("from")
    first = [source.this] if source is not None else []
    lists = [*first, *(join.this for join in select.args.get("joins") or ())]
    conditions = [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on")]
    for condition in conditions:
        select.where(condition, copy=False)
    select.set("joins", [exp.Join(this=one, kind="CROSS") for one in lists])
    select.from_(exp.alias_(exp.to_table(sql.EXAMPLES), EXAMPLE, table=True), copy=False)


def _range_names(select: Any, exp: Any) -> Sequence[str]:
    """The names by which the SELECT, and those inside it, call the elements of lists."""
    names = [table.alias or table.name for table in select.find_all(exp.Table)]
    for unnest in select.find_all(exp.Unnest):
        names += unnest.alias_column_names or ([unnest.alias] if unnest.alias else [])
    return names


def _list(name: str, exp: Any, columns: list[str]) -> Any:
    """The column that holds a feature's list."""
    if name not in columns:
        columns.append(name)
    return exp.column(_column(columns.index(name)), table=EXAMPLE, quoted=True)


def _column(number: int) -> str:
    """The name of a feature's column: none that a SELECT would use for something else."""
    return f"·{number}"


def _unnest(column: Any, name: str, number: int, exp: Any) -> Any:
    alias = exp.TableAlias(this=exp.to_identifier(f"list{number}"), columns=[exp.to_identifier(name, quoted=True)])
    return exp.Unnest(expressions=[column], alias=alias)
