"""Tables that are too large for the memory: written batch by batch, and still all or nothing.

The batches are checked and laid down in a file as they come, and only the whole of them is written
to the database, in one short transaction. So nobody is kept out of the database while rows are
still being made, and what makes them may itself read from it.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from movie_assets.warehouse import store
from movie_assets.warehouse.digest import Digest, digest_of_rows
from movie_assets.warehouse.schema import TableSchema, ascends, quote, validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

_PREVIEWED_ROWS = 8
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class Spooled:
    """A table's rows, checked, in a file without a name that is gone with its last use.

    Attributes:
        schema: the table.
        digest: of the content; also counts the rows.
        first_rows: to show.
    """

    schema: TableSchema
    digest: Digest
    first_rows: pa.Table
    in_key_order: bool
    _file: IO[bytes]

    def batches(self) -> pa.RecordBatchReader:
        """The rows, from the first; one reader at a time."""
        self._file.seek(0)
        return pa.ipc.open_stream(pa.PythonFile(self._file, mode="r"))

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def __enter__(self) -> Spooled:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def spool(
    schema: TableSchema,
    batches: Iterable[pa.RecordBatch | pa.Table | pd.DataFrame],
    folder: Path,
) -> Spooled:
    """Check a table's rows, batch by batch, and lay them down in a folder.

    Args:
        schema: the table.
        batches: its rows; each batch is let go before the next is asked for.
        folder: where there is room for all of them; it is made where it is missing.

    Raises:
        SchemaError: where the rows are not as declared, or there are none and there must be some.
        WarehouseFullError: where the folder has no room for them.
    """
    with ExitStack() as closed_on_failure:
        with store.named_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file = closed_on_failure.enter_context(tempfile.TemporaryFile(dir=folder))
        spooled = _lay_down(file, schema, batches, folder)
        if not spooled.digest.rows:
            validate(spooled.first_rows, schema)  # which says whether there may be none
        closed_on_failure.pop_all()
    return spooled


def _lay_down(
    file: IO[bytes],
    schema: TableSchema,
    batches: Iterable[pa.RecordBatch | pa.Table | pd.DataFrame],
    folder: Path,
) -> Spooled:
    one_batch = replace(schema, may_be_empty=True)
    digest, first_rows = Digest(), schema.arrow_schema.empty_table()
    in_key_order, last_key = True, None
    writer = pa.ipc.new_stream(file, schema.arrow_schema, options=_COMPRESSED)
    for batch in batches:
        found = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        rows = validate(found, one_batch)
        if not len(rows):
            continue
        # Only this: an error of what makes the batches is not one of the folder.
        with store.named_errors(folder):
            writer.write_table(rows)
        digest += digest_of_rows(rows, schema)
        if len(first_rows) < _PREVIEWED_ROWS:
            first_rows = pa.concat_tables([first_rows, rows.slice(0, _PREVIEWED_ROWS)])
        keys = rows.select(list(schema.primary_key))
        in_key_order &= ascends(keys) and (last_key is None or _key(keys, 0) > last_key)
        last_key = _key(keys, len(keys) - 1)
    with store.named_errors(folder):
        writer.close()
        file.flush()
    return Spooled(schema, digest, first_rows, in_key_order, file)


def _key(keys: pa.Table, row: int) -> tuple[Any, ...]:
    return tuple(column[row].as_py() for column in keys.columns)


def write_spooled(
    database: Path,
    spooled: Spooled,
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> store.Written:
    """Replace a table by the rows that were laid down, in one transaction.

    Raises:
        SchemaError: where rows of different batches have the same primary key.
        WarehouseError: of the type that says why the file cannot be written.
    """
    started = time.perf_counter()
    schema = spooled.schema
    name = quote(schema.name)
    with store.writing(database, wait_seconds=wait_seconds, config=config) as connection:
        connection.register("spooled rows", spooled.batches())
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({schema.column_ddl})")
        connection.execute(f'INSERT INTO {name} BY NAME SELECT * FROM "spooled rows"')  # noqa: S608 - quoted
        if not spooled.in_key_order:
            store.refuse_doubles(connection, schema)
        store.describe(connection, schema)
    return store.Written(spooled.digest.rows, time.perf_counter() - started)


def write_batches(
    database: Path,
    schema: TableSchema,
    batches: Iterable[pa.RecordBatch | pa.Table | pd.DataFrame],
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> store.Written:
    """Replace a table by rows that come batch by batch; see :func:`spool`."""
    with spool(schema, batches, Path(database).parent) as spooled:
        return write_spooled(database, spooled, wait_seconds=wait_seconds, config=config)
