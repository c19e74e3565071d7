"""SQL over the columns of a batch, run by DuckDB in memory, with no access to anything else."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.errors import ConfigError, DataError

EXAMPLES: Final = "examples"
"""The table of a batch's columns."""

ROW: Final = "·row"
"""The column that numbers the examples."""

_CONFIG: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": "1",
    "lock_configuration": "true",
}
_KINDS: Final = {"string": pa.string(), "int": pa.int64(), "float": pa.float32()}
_CHANGING: Final = frozenset({"current_timestamp", "current_time", "localtime", "localtimestamp", "age"})
_own = threading.local()


def parser(path: str) -> tuple[ModuleType, ModuleType]:
    """Returns sqlglot and its expressions.

    Args:
        path: Where the config has SQL, for the error.

    Raises:
        ConfigError: sqlglot or DuckDB is not installed.
    """
    try:
        import duckdb  # noqa: F401 - without it the parsed SQL cannot be run
        import sqlglot
        from sqlglot import exp
    except ImportError as error:
        raise ConfigError(
            f"{path}: SQL needs DuckDB and sqlglot, and {error.name} is missing: pip install 'evaluator-component[sql]'"
        ) from error
    return sqlglot, exp


def run(sql: str, columns: Mapping[str, pa.Array], size: int, where: str) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    """Runs a query over the table of these columns.

    Args:
        sql: The query.
        columns: The columns of the table ``examples``, beside the one that numbers the examples.
        size: Number of examples.
        where: Names the records and the config path, for the error.

    Returns:
        The columns of the result, masked where they are NULL.

    Raises:
        DataError: It fails on these values.
    """
    import duckdb

    connection = _connection()
    rows = pa.array(np.arange(size, dtype=np.int32))
    connection.register(EXAMPLES, pa.table({ROW: rows, **columns}))
    try:
        found = connection.execute(sql).fetchnumpy()
    except duckdb.Error as error:
        raise DataError(f"{where}: {_first_line(error)}; make the expression hold for such values too") from error
    finally:
        connection.unregister(EXAMPLES)
    return {name: np.ma.asarray(values) for name, values in found.items()}


def check(sql: str, columns: Mapping[str, pa.DataType], path: str) -> tuple[int, list[str]]:
    """Tries a query on two examples without values.

    Args:
        sql: The query.
        columns: The types of the columns of the table ``examples``.
        path: The config path.

    Returns:
        How many rows it gives, and the types of its columns.

    Raises:
        ConfigError: It cannot be run.
    """
    import duckdb

    connection = _connection()
    empty = {name: pa.array([None, None], kind) for name, kind in columns.items()}
    connection.register(EXAMPLES, pa.table({ROW: pa.array([0, 1], pa.int32()), **empty}))
    try:
        described = [str(kind) for _, kind, *_ in connection.execute(f"DESCRIBE {sql}").fetchall()]
        return len(connection.execute(sql).fetchall()), described
    except duckdb.Error as error:
        raise ConfigError(f"{path}: {_first_line(error)}") from error
    finally:
        connection.unregister(EXAMPLES)


def check_functions(tree: Any, path: str) -> None:
    """Raises a ConfigError for functions whose value is another one on each call, such as ``random()``."""
    exp = parser(path)[1]
    query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'"
    changing = _CHANGING | {name for (name,) in _connection().execute(query).fetchall()}
    for function in tree.find_all(exp.Func):
        found = re.match(r"\w+", function.sql(dialect="duckdb"))
        if found and found[0].lower() in changing:
            raise ConfigError(
                f"{path}: {found[0]} has another value each time; slices must be the same on every worker"
            )


def column_type(kind: str, *, lists: bool) -> pa.DataType:
    """The type of a feature's column: of kind "string", "int" or "float"."""
    return pa.list_(_KINDS[kind]) if lists else _KINDS[kind]


def as_list_column(array: pa.ListArray) -> pa.ListArray:
    """A feature's lists, its strings as text."""
    offsets = array.offsets.to_numpy()
    values = _as_text(array.values[int(offsets[0]) : int(offsets[-1])])
    return pa.ListArray.from_arrays(pa.array(offsets - offsets[0], pa.int32()), values)


def as_column(array: pa.ListArray) -> pa.Array:
    """A feature with at most one value per example as that value, NULL where it is missing or NaN."""
    offsets = array.offsets.to_numpy()
    values = _as_text(array.values[int(offsets[0]) : int(offsets[-1])])
    places = offsets[:-1] - offsets[0]
    column = values.take(pa.array(places, mask=np.diff(offsets) == 0))
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def several(array: pa.ListArray) -> tuple[int, int] | None:
    """The first example with several values, and how many it has; None without one."""
    lengths = np.diff(array.offsets.to_numpy())
    rows: Sequence[int] = np.flatnonzero(lengths > 1).tolist()
    return (rows[0], int(lengths[rows[0]])) if rows else None


def _as_text(values: pa.Array) -> pa.Array:
    if not pa.types.is_binary(values.type):
        return values
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:  # some of it is not UTF-8
        encoded = values.dictionary_encode()
        words = [word.decode("utf-8", "backslashreplace") for word in encoded.dictionary.to_pylist()]
        return pa.array(words, pa.string()).take(encoded.indices)


def _connection() -> Any:
    """This thread's database."""
    if not hasattr(_own, "connection"):
        import duckdb

        _own.connection = duckdb.connect(":memory:", config=dict(_CONFIG))
    return _own.connection


def _first_line(error: Exception) -> str:
    """What DuckDB says, without the lines that point into SQL that the user has not written."""
    lines = re.split(r"\n+LINE ", str(error))[0].split("\n")
    return " ".join(line.strip() for line in lines if line.strip()).split(" when casting from source column")[0]
