"""Merging single rows into a stored table, by the whole of its primary key.

``merging.py`` replaces all rows of a film together; where a film has many rows of which few change,
as its neighbours do, only these are replaced here, so that little has to be held and written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from movie_assets.warehouse import store
from movie_assets.warehouse.digest import Digest, digest_of_rows, digest_of_selected
from movie_assets.warehouse.schema import TableSchema, quote, validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb


@dataclass(frozen=True)
class RowMerge:
    """What changed of a table: an asset's output that the IO manager merges row by row.

    Attributes:
        rows: of the declared columns; they replace those that have their primary keys.
        removed: the primary keys of rows that are no more, in the columns of the primary key.
    """

    rows: pa.Table
    removed: pa.Table


def merge_rows(
    database: Path,
    schema: TableSchema,
    merge: RowMerge,
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> store.Written:
    """Replace some rows of a table, in one transaction; see :class:`RowMerge`.

    Either all of it is done afterwards, or nothing; done twice, it leaves the same.

    Raises:
        TableMissingError: where the table is not there.
        SchemaError: where the rows, or the stored table, are not as declared.
        WarehouseError: of the type that says why the file cannot be written.
    """
    started = time.perf_counter()
    rows = validate(merge.rows, replace(schema, may_be_empty=True))
    name = quote(schema.name)
    with store.writing(database, wait_seconds=wait_seconds, config=config) as connection:
        store.keep_table(connection, schema)
        _register(connection, schema, merge)
        connection.register("merged rows", rows)
        connection.execute(f"DELETE FROM {name} WHERE {_is_replaced(schema)}")  # noqa: S608 - quoted
        connection.execute(f'INSERT INTO {name} BY NAME SELECT * FROM "merged rows"')  # noqa: S608 - quoted
        left = store.number_of(connection.execute(f"SELECT count(*) FROM {name}"))  # noqa: S608 - quoted
    return store.Written(len(rows), time.perf_counter() - started, left - len(rows))


def digest_after(
    database: Path, schema: TableSchema, merge: RowMerge, digest: Digest, **options: Any
) -> Digest:
    """The digest of a table once rows are merged, from the one that it has now.

    Raises:
        SchemaError: where the rows, or the stored table, are not as declared.
        WarehouseError: of the type that says why the file cannot be read.
    """
    rows = validate(merge.rows, replace(schema, may_be_empty=True))
    with store.reading(database, schema, **options) as connection:
        _register(connection, schema, merge)
        before = digest_of_selected(connection, schema, _is_replaced(schema))
    return digest - before + digest_of_rows(rows, schema)


def _register(connection: duckdb.DuckDBPyConnection, schema: TableSchema, merge: RowMerge) -> None:
    keys = list(schema.primary_key)
    types = pa.schema([schema.arrow_schema.field(name) for name in keys])
    replaced = [merge.rows.select(keys).cast(types), merge.removed.select(keys).cast(types)]
    connection.register("replaced keys", pa.concat_tables(replaced))


def _is_replaced(schema: TableSchema) -> str:
    name = quote(schema.name)
    same = " AND ".join(
        f"{name}.{quote(key)} = replaced.{quote(key)}" for key in schema.primary_key
    )
    return f'EXISTS (SELECT 1 FROM "replaced keys" replaced WHERE {same})'  # noqa: S608 - quoted
