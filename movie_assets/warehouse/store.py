"""Reading and writing the warehouse's DuckDB file, all or nothing.

Connecting, waiting for the file, transactions and the naming of errors belong here. What may be
written is declared in ``tables.py``; Dagster's side of it is ``io_manager.py``.

DuckDB lets one process write and nobody else read meanwhile, so a connection is held as briefly as
possible: data is checked before the file is opened, and every connection is closed again.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from movie_assets.warehouse.errors import (
    SchemaError,
    TableMissingError,
    WarehouseError,
    WarehouseFullError,
    WarehouseLockedError,
    WarehousePermissionError,
    WarehouseVersionError,
)
from movie_assets.warehouse.schema import TableSchema, quote, to_frame
from movie_assets.warehouse.tables import find_table

#: How long to wait for a file that someone else holds, in seconds.
DEFAULT_WAIT_SECONDS = 10.0

#: The rows to be written, as a table to SQL; the name of no declared table, so that it hides none.
_INCOMING = "incoming rows"

_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Partition:
    """The part of a table that a write replaces or a read returns.

    Attributes:
        column: the column that says which part a row belongs to.
        keys: the values of that column, as text; or else
        window: from when to before when, naive like all stored times.
    """

    column: str
    keys: tuple[str, ...] = ()
    window: tuple[datetime, datetime] | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """An SQL condition and its parameters."""
        if self.window is not None:
            name = quote(self.column)
            return f"({name} >= ? AND {name} < ?)", list(self.window)
        return f"(CAST({quote(self.column)} AS VARCHAR) IN (SELECT unnest(?)))", [list(self.keys)]


@dataclass(frozen=True)
class Written:
    """What a write did.

    Attributes:
        rows: how many rows were written.
        seconds: how long it took, waiting for the file included.
        kept: how many rows of the table, or of the partitions that were written, stayed.
    """

    rows: int
    seconds: float
    kept: int = 0

    @property
    def table_rows(self) -> int:
        """How many rows there are now."""
        return self.rows + self.kept


def read_table(
    database: Path,
    table: str,
    columns: Sequence[str] | None = None,
    *,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> pd.DataFrame:
    """Read a declared table as a frame of the declared dtypes (see :func:`schema.to_frame`).

    Args:
        database: the DuckDB file.
        table: the name of a declared table.
        columns: the columns wanted, in that order; all by default.
        wait_seconds: how long to wait where another process is writing.

    Raises:
        TableMissingError: where the table or the database is not there yet.
        SchemaError: where the table has no such column.
        WarehouseError: of the type that says why the file cannot be read.
    """
    schema = find_table(table)
    found = read_arrow(database, schema, columns, wait_seconds=wait_seconds)
    return to_frame(found, schema.project(found.column_names))


def read_arrow(
    database: Path,
    schema: TableSchema,
    columns: Sequence[str] | None = None,
    *,
    partitions: Sequence[Partition] = (),
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Read a table as Arrow, of exactly the declared types; see :func:`read_table`."""
    wanted = schema.project(schema.column_names if columns is None else columns)
    names = ", ".join(quote(column.name) for column in wanted)
    condition, parameters = _condition(partitions)
    with reading(
        database,
        schema,
        [column.name for column in wanted],
        wait_seconds=wait_seconds,
        config=config,
    ) as connection:
        found = connection.sql(
            f"SELECT {names} FROM {quote(schema.name)} WHERE {condition}",  # noqa: S608 - quoted
            params=parameters,
        ).to_arrow_table()
    return found.cast(pa.schema([schema.arrow_schema.field(column.name) for column in wanted]))


def read_keys(
    database: Path,
    schema: TableSchema,
    keys: NDArray[np.int64],
    *,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> pa.Table:
    """Read the rows whose first column of the primary key has one of these values.

    Args:
        database: the DuckDB file.
        schema: the table.
        keys: int64[n].
        wait_seconds: how long to wait where another process is writing.

    Returns:
        Rows in no particular order, of exactly ``schema.arrow_schema``.

    Raises:
        TableMissingError: where the table or the database is not there yet.
        SchemaError: where it was written to another declaration.
        WarehouseError: of the type that says why the file cannot be read.
    """
    names = ", ".join(quote(name) for name in schema.column_names)
    with reading(database, schema, wait_seconds=wait_seconds) as connection:
        connection.register("wanted keys", pa.table({"key": pa.array(keys, pa.int64())}))
        found = connection.sql(
            f"SELECT {names} FROM {quote(schema.name)} WHERE {quote(schema.primary_key[0])} IN "  # noqa: S608 - quoted
            '(SELECT key FROM "wanted keys")'
        ).to_arrow_table()
    return found.cast(schema.arrow_schema)


def write_table(
    database: Path,
    schema: TableSchema,
    rows: pa.Table,
    *,
    partitions: Sequence[Partition] = (),
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> Written:
    """Replace a table, or some partitions of it, in one transaction.

    Either all of the new rows are there afterwards, and the table's views with them, or all of the
    old ones are: also where the process is killed meanwhile.

    Args:
        database: the DuckDB file; it and its folder are made where they are missing.
        schema: the table.
        rows: the rows, of exactly ``schema.arrow_schema``, as :func:`schema.validate` returns them.
        partitions: what to replace: the rows that are in all of these; everything by default.
        wait_seconds: how long to wait where another process holds the file.
        config: DuckDB's configuration.

    Raises:
        SchemaError: where the rows are not of the declared types, or lie outside of the partitions.
        WarehouseError: of the type that says why the file cannot be written.
    """
    started = time.perf_counter()
    if not rows.schema.equals(schema.arrow_schema):
        raise SchemaError(
            f"Rows for {schema.name} must come from schema.validate(): they have the columns "
            f"{_types(rows.schema)}, declared are {_types(schema.arrow_schema)}."
        )
    with writing(database, wait_seconds=wait_seconds, config=config) as connection:
        connection.register(_INCOMING, rows)
        if partitions:
            written = _swap_partitions(connection, schema, partitions)
        else:
            connection.execute(
                f"CREATE OR REPLACE TABLE {quote(schema.name)} ({schema.column_ddl})"
            )
            written = number_of(connection.execute(_insert(schema)))
        describe(connection, schema)
    return Written(written, time.perf_counter() - started)


def keep_table(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> None:
    """Make a table where there is none yet, for a write that keeps some of its rows.

    Raises:
        SchemaError: where the stored table was written to another declaration.
    """
    connection.execute(f"CREATE TABLE IF NOT EXISTS {quote(schema.name)} ({schema.column_ddl})")
    _refuse_other_declaration(_stored_types(connection, schema.name), schema, schema.column_names)


def describe(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> None:
    """Make a table's views, and let SQL clients see what its declaration says."""
    for statement in _describing(schema):
        connection.execute(statement)


@contextmanager
def reading(
    database: Path,
    schema: TableSchema,
    columns: Sequence[str] | None = None,
    *,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for reading a table, some columns of it or all; see :func:`connect`.

    Raises:
        TableMissingError: where the table or the database is not there yet.
        SchemaError: where these columns were written to another declaration.
    """
    if not _exists(Path(database)):
        raise _missing(schema.name, database)
    with connect(database, read_only=True, wait_seconds=wait_seconds, config=config) as connection:
        stored = _stored_types(connection, schema.name)
        if not stored:
            raise _missing(schema.name, database)
        _refuse_other_declaration(stored, schema, columns or schema.column_names)
        yield connection


@contextmanager
def writing(
    database: Path,
    *,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in one transaction, which is committed at the end; see :func:`connect`."""
    database = Path(database)
    _make_folder(database)
    with (
        connect(database, read_only=False, wait_seconds=wait_seconds, config=config) as connection,
        transaction(connection),
    ):
        yield connection


@contextmanager
def connect(
    database: Path,
    *,
    read_only: bool,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed afterwards, whatever happens.

    Waits up to ``wait_seconds`` for a file that others hold, trying again at growing intervals.

    Raises:
        WarehouseError: of the type that says what is wrong with the file; also for what goes wrong
            with the file while the connection is used.
    """
    path = Path(database).absolute()
    deadline = time.monotonic() + wait_seconds
    with _turns_at(path).take(path, read_only=read_only, wait_seconds=wait_seconds):
        with named_errors(path, wait_seconds):
            if not read_only:
                _create_if_missing(path, dict(config or {}))
            connection = _open(path, read_only, deadline, dict(config or {}))
        try:
            with named_errors(path, wait_seconds):
                yield connection
        finally:
            connection.close()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing: committed at the end, rolled back on any error, Ctrl-C included."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.Error:
        # A failed commit has ended the transaction already, and a full disk can invalidate the
        # whole connection: what was not committed is gone either way, and the first error counts.
        return


class _Turns:
    """Readers together, writers alone, within this process.

    Connections of one process to one file must all be read-only or all be not. A writer that waits
    goes before readers that come later, so that it is not kept out for ever.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writers_waiting = 0
        self._writing = False

    @contextmanager
    def take(self, path: Path, *, read_only: bool, wait_seconds: float) -> Iterator[None]:
        with self._changed:
            self._writers_waiting += not read_only
            free = self._changed.wait_for(lambda: self._is_free(read_only), wait_seconds)
            self._writers_waiting -= not read_only
            if not free:
                self._changed.notify_all()
                raise _held_by_us(path, wait_seconds)
            self._readers += read_only
            self._writing = not read_only
        try:
            yield
        finally:
            with self._changed:
                self._readers -= read_only
                self._writing = False
                self._changed.notify_all()

    def _is_free(self, read_only: bool) -> bool:
        if read_only:
            return not self._writing and not self._writers_waiting
        return not self._writing and not self._readers


_turns: dict[Path, _Turns] = {}
_turns_guard = threading.Lock()


def _turns_at(path: Path) -> _Turns:
    with _turns_guard:
        return _turns.setdefault(path.resolve(), _Turns())


def _create_if_missing(path: Path, config: dict[str, Any]) -> None:
    """Make an empty database under another name, and link it to its own once it is whole.

    A process that is killed while DuckDB makes a file in place leaves a file that DuckDB refuses
    from then on.
    """
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        duckdb.connect(draft, config=config).close()
        os.link(draft, path)
    except OSError:
        # Another process was quicker, and its database may hold rows by now; or the file system has
        # no hard links, and DuckDB makes the file in place after all.
        return
    finally:
        draft.unlink(missing_ok=True)


def _open(
    path: Path, read_only: bool, deadline: float, config: dict[str, Any]
) -> duckdb.DuckDBPyConnection:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            connection = duckdb.connect(path, read_only=read_only, config=config)
        except duckdb.Error as error:
            if not _is_held(error) or time.monotonic() + pause > deadline:
                raise
        else:
            # What takes more than two seconds would draw a bar into our own output.
            connection.execute("SET enable_progress_bar = false")
            return connection
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _is_held(error: duckdb.Error) -> bool:
    message = str(error)
    return "Could not set lock on file" in message or _OTHER_CONFIGURATION in message


_OTHER_CONFIGURATION = "different configuration than existing connections"
_HOLDER = re.compile(r"lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


@contextmanager
def named_errors(path: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Our errors for what goes wrong with a path, and Ctrl-C for what DuckDB made of it."""
    try:
        yield
    except (duckdb.Error, RuntimeError, OSError) as error:
        if _is_interrupt(error):
            raise KeyboardInterrupt from error
        named = _named(error, path, wait_seconds)
        if named is None:
            raise
        raise named from error


def _is_interrupt(error: Exception) -> bool:
    """Whether this is what DuckDB made of Ctrl-C, which a caller must not take for a failure.

    In a running statement it is a RuntimeError, in a callback into Python a duckdb.Error.
    """
    message = str(error)
    return message == "Query interrupted" or (
        isinstance(error, duckdb.Error) and "KeyboardInterrupt" in message
    )


def _named(error: Exception, path: Path, wait_seconds: float) -> WarehouseError | None:
    """Our error for one of DuckDB's about the file, None for one about a statement.

    DuckDB has one type for all that the operating system refuses, so its words have to be read;
    the contract tests make each of these situations for real and would see a change of words.
    """
    message = str(error)
    if _OTHER_CONFIGURATION in message:
        return _held_by_us(path, wait_seconds)
    if "Could not set lock on file" in message:
        return _held_by_other(message, path, wait_seconds)
    for words, make in _KINDS:
        if any(word in message for word in words):
            return make(path, message)
    if isinstance(error, duckdb.IOException):
        return WarehouseError(f"{path}: {message}")
    return None


def _held_by_us(path: Path, wait_seconds: float) -> WarehouseLockedError:
    return WarehouseLockedError(
        f"{path} is held by another connection of this very process, for longer than "
        f"{wait_seconds:g} s. Close connections that you opened yourself, and do not write while "
        "you read."
    )


def _held_by_other(message: str, path: Path, wait_seconds: float) -> WarehouseLockedError:
    holder = _HOLDER.search(message)
    if holder is None:
        who, pid, program = "another process", None, None
    else:
        pid, program = int(holder["pid"]), holder["program"]
        who = f"process {pid} ({program})"
    return WarehouseLockedError(
        f"{path} is held by {who}; waited {wait_seconds:g} s for it. DuckDB lets one process write "
        "and none other read meanwhile: wait until the other run is done or close what has the "
        "file open (a notebook, a DuckDB shell), then run this again.",
        pid=pid,
        program=program,
    )


def _unreadable(path: Path, message: str) -> WarehouseVersionError:
    first_lines = " ".join(message.splitlines()[:2])
    return WarehouseVersionError(
        f"{path} is no database that DuckDB {duckdb.__version__} reads, and was left as it is: "
        f"{first_lines} Open it with the DuckDB that wrote it, or move it away and materialize all "
        "assets again."
    )


def _forbidden(path: Path, message: str) -> WarehousePermissionError:
    return WarehousePermissionError(
        f"{path} cannot be used by this user: {message}. Give the user read and write access to "
        "the file and its folder, or choose another folder with MOVIE_ASSETS_HOME."
    )


def _full(path: Path, message: str) -> WarehouseFullError:
    return WarehouseFullError(
        f"There is no room to write {path}: {message}. What was stored before is unchanged. Free "
        "some space, or choose another folder with MOVIE_ASSETS_HOME, and run this again."
    )


_KINDS = (
    (("No space left", "File too large", "Disk quota exceeded"), _full),
    (("Permission denied", "Read-only file system", "Operation not permitted"), _forbidden),
    (
        (
            "storage version number",
            "not a valid DuckDB database file",
            "Corrupt database file",
            "Is a directory",
        ),
        _unreadable,
    ),
)


def _make_folder(database: Path) -> None:
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        make = _full if error.errno in {errno.ENOSPC, errno.EDQUOT} else _forbidden
        raise make(database, str(error)) from error


def _exists(database: Path) -> bool:
    try:
        return database.exists()
    except PermissionError as error:  # its folder may not even be looked into
        raise _forbidden(database, str(error)) from error


def _missing(table: str, database: Path) -> TableMissingError:
    return TableMissingError(
        f"{database} has no table {table!r} yet. Materialize the asset {table!r} first: "
        f"dagster asset materialize -m movie_assets.definitions --select {table}"
    )


def _stored_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The stored table's columns by name; none where there is no such table.

    To ask for one that is not there ends a transaction.
    """
    try:
        # Not duckdb_columns(), with which a connection's first question takes many times as long.
        described = connection.execute(f"DESCRIBE {quote(table)}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: of_type for name, of_type, *_ in described}


def _refuse_other_declaration(
    stored: Mapping[str, str], schema: TableSchema, names: Iterable[str]
) -> None:
    wrong = [
        f"{column.name} is {stored.get(column.name, 'missing')} and not {column.duckdb_type}"
        for column in schema.project(names)
        if stored.get(column.name) != column.duckdb_type
    ]
    if wrong:
        raise SchemaError(
            f"The stored table {schema.name} was written to another declaration: "
            f"{'; '.join(wrong)}. Materialize the asset {schema.name!r} again; where it has "
            f"partitions, drop the table first and materialize all of them."
        )


def _swap_partitions(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, partitions: Sequence[Partition]
) -> int:
    for partition in partitions:
        schema.column(partition.column)  # a misspelt one is refused by name
    name, incoming = quote(schema.name), quote(_INCOMING)
    condition, parameters = _condition(partitions)
    outside = number_of(
        connection.execute(
            f"SELECT count(*) FROM {incoming} WHERE ({condition}) IS NOT TRUE",  # noqa: S608 - quoted
            parameters,
        )
    )
    if outside:
        raise SchemaError(
            f"{outside} rows for {schema.name} lie outside of the partition that is written, and "
            "would be there twice after the next run. Nothing was written. Let the asset return "
            "the rows of its partition only."
        )
    keep_table(connection, schema)
    connection.execute(f"DELETE FROM {name} WHERE {condition}", parameters)  # noqa: S608 - quoted
    written = number_of(connection.execute(_insert(schema)))
    refuse_doubles(connection, schema)
    return written


def refuse_doubles(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> None:
    """Look at a table as a whole, where rows were checked part by part.

    Raises:
        SchemaError: where two rows have the same primary key.
    """
    key = ", ".join(quote(column) for column in schema.primary_key)
    doubles = number_of(
        connection.execute(
            f"SELECT count(*) - count(DISTINCT ({key})) FROM {quote(schema.name)}"  # noqa: S608 - quoted
        )
    )
    if doubles:
        raise SchemaError(
            f"{doubles} rows for {schema.name} have a primary key ({', '.join(schema.primary_key)})"
            " that another row of this write or of another partition has already. Nothing was "
            "written."
        )


def number_of(result: duckdb.DuckDBPyConnection) -> int:
    """The one number of a result, 0 where there is no row."""
    # To the end: a result of which rows may be left keeps the connection from other work.
    rows = result.fetchall()
    return int(rows[0][0]) if rows else 0


def _insert(schema: TableSchema) -> str:
    source = quote(_INCOMING)
    return f"INSERT INTO {quote(schema.name)} BY NAME SELECT * FROM {source}"  # noqa: S608 - quoted


def _condition(partitions: Sequence[Partition]) -> tuple[str, list[Any]]:
    """The SQL condition, and its parameters, of the rows that are in all of the partitions."""
    conditions = [partition.condition() for partition in partitions]
    parameters = [parameter for _, found in conditions for parameter in found]
    return " AND ".join(condition for condition, _ in conditions) or "TRUE", parameters


def _describing(schema: TableSchema) -> Iterator[str]:
    """The statements that make the views, and that let SQL clients see the descriptions."""
    table = quote(schema.name)
    for view in schema.views:
        names = ", ".join(quote(name) for name in view.columns)
        yield f"CREATE OR REPLACE VIEW {quote(view.name)} AS SELECT {names} FROM {table}"  # noqa: S608 - quoted
        yield f"COMMENT ON VIEW {quote(view.name)} IS {_text(view.description)}"
    yield f"COMMENT ON TABLE {table} IS {_text(schema.description)}"
    for column in schema.columns:
        yield f"COMMENT ON COLUMN {table}.{quote(column.name)} IS {_text(column.description)}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _types(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
