"""A digest of a table's content that can be carried on: of what changed, without the rest.

It is a sum over the rows, so that it does not depend on their order, and so that the digest of a
merged table follows from the digest before and those of the rows removed and added. It is worked
out by DuckDB where the rows are. What a whole frame's content is named by, its order included, is
in ``hashing.py``.

DuckDB does not promise that its hash stays as it is. Another one would make all digests other than
those that were noted: then everything is rebuilt once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from movie_assets.warehouse import store
from movie_assets.warehouse.schema import TableSchema, quote

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_MODULUS = 2**128


@dataclass(frozen=True)
class Digest:
    """The content of some rows of a table.

    Attributes:
        rows: how many there are.
        total: the sum of the rows' hashes, below 2**128.
    """

    rows: int = 0
    total: int = 0

    @classmethod
    def of(cls, rows: int, total: int) -> Digest:
        """Of so many rows, whose hashes have this sum."""
        return cls(int(rows), int(total) % _MODULUS)

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, (self.total + other.total) % _MODULUS)

    def __sub__(self, other: Digest) -> Digest:
        return Digest(self.rows - other.rows, (self.total - other.total) % _MODULUS)

    def __str__(self) -> str:
        return f"{self.rows}-{self.total:x}"


def digest_of_rows(rows: pa.Table, schema: TableSchema) -> Digest:
    """The digest of rows that :func:`schema.validate` returned."""
    with duckdb.connect() as connection:
        connection.register("digested rows", rows)
        return _digest(connection, schema, '"digested rows" digested')


def digest_of_table(
    database: Path,
    schema: TableSchema,
    keys: NDArray[np.int64] | None = None,
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
) -> Digest:
    """The digest of a stored table, by one scan of it.

    Args:
        database: the DuckDB file.
        schema: the table.
        keys: values of the primary key's first column, whose rows alone are wanted; int64[n].
        wait_seconds: how long to wait where another process is writing.

    Raises:
        TableMissingError: where the table or the database is not there yet.
        SchemaError: where the table was written to another declaration.
        WarehouseError: of the type that says why the file cannot be read.
    """
    with store.reading(database, schema, wait_seconds=wait_seconds) as connection:
        if keys is None:
            return _digest(connection, schema, f"{quote(schema.name)} digested")
        connection.register("digested keys", pa.table({"key": pa.array(keys, pa.int64())}))
        of_keys = f'{quote(schema.primary_key[0])} IN (SELECT key FROM "digested keys")'  # noqa: S608 - quoted
        return _digest(connection, schema, f"{quote(schema.name)} digested WHERE {of_keys}")


def sum_of_rows(schema: TableSchema, table: str) -> str:
    """SQL for the sum of the hashes of a table's rows.

    Where the table has places, the place is hashed apart from what else is told of what is placed:
    so a row that only gets another place adds what can be known without the rest of it.
    """
    if schema.placed is None:
        return sum_of(_hash(table, *schema.column_names))
    others = (name for name in schema.column_names if name != schema.primary_key[-1])
    return f"{sum_of(_hash(table, *others))} + {sum_of(hash_of_place(schema, table))}"


def sum_of(value: str) -> str:
    """SQL for a sum, 0 of no rows."""
    return f"coalesce(sum({value}), 0)"


def hash_of_place(schema: TableSchema, table: str, place: str | None = None) -> str:
    """Of :func:`sum_of_rows`, what a row adds by its place, which may be in another column.

    Raises:
        ValueError: where the table has no places.
    """
    if schema.placed is None:
        raise ValueError(f"{schema.name} has no places")
    first, last = schema.primary_key
    return _hash(table, first, last if place is None else place, schema.placed)


def _hash(table: str, *columns: str) -> str:
    return f"hash({', '.join(f'{table}.{quote(name)}' for name in columns)})"


def _digest(connection: duckdb.DuckDBPyConnection, schema: TableSchema, rows: str) -> Digest:
    found = connection.execute(
        f"SELECT count(*), {sum_of_rows(schema, 'digested')} FROM {rows}"  # noqa: S608 - quoted
    ).fetchall()
    return Digest.of(*found[0])
