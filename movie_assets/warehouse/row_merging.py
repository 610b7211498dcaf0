"""Merging single rows into a stored table, by the whole of its primary key.

``merging.py`` replaces all rows of a film together; where a film has many rows of which few change,
as its neighbours do, only these are replaced here, so that little has to be held and written. A row
that is only numbered otherwise than before, since one above it is new, stays where it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from movie_assets.warehouse import store
from movie_assets.warehouse.digest import Digest, digest_of_rows, hash_of_row
from movie_assets.warehouse.errors import SchemaError
from movie_assets.warehouse.schema import TableSchema, quote, validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb
    from numpy.typing import NDArray

#: In :attr:`RowMerge.moved`, what the last column of the primary key is from now on.
TO = "to"

#: DuckDB holds what it joins and what it updates at once in memory, of ten million rows gigabytes.
_MOVED_AT_ONCE = 500_000


@dataclass(frozen=True)
class RowMerge:
    """What changed of a table: an asset's output that the IO manager merges row by row.

    Rows are removed, then others moved, then new ones added; so a row may take the key of one that
    is removed or moved.

    Attributes:
        rows: of the declared columns, to be added.
        removed: in the columns of the primary key, the keys of rows that are no more.
        moved: likewise those of rows of which only the last column of the key becomes another, and
            which one in the column :data:`TO`.
    """

    rows: pa.Table
    removed: pa.Table
    moved: pa.Table


def merge_rows(
    database: Path,
    schema: TableSchema,
    merge: RowMerge,
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> store.Written:
    """Change some rows of a table, in one transaction; see :class:`RowMerge`.

    Either all of it is done afterwards, or nothing.

    Raises:
        SchemaError: where the rows, or the stored table, are not as declared, or a row would get
            the key of another.
        WarehouseError: of the type that says why the file cannot be written.
    """
    started = time.perf_counter()
    rows = validate(merge.rows, replace(schema, may_be_empty=True))
    name, by, last = map(quote, (schema.name, schema.primary_key[0], schema.primary_key[-1]))
    with store.writing(database, wait_seconds=wait_seconds, config=config) as connection:
        store.keep_table(connection, schema)
        _register(connection, schema, merge)
        connection.register("added", rows)
        connection.execute(f"DELETE FROM {name} USING removed WHERE {_same_key(schema, 'removed')}")  # noqa: S608 - quoted
        ranges = _ranges(merge.moved[schema.primary_key[0]])
        for first, end in ranges:
            some = f"BETWEEN {first} AND {end}"
            connection.execute(
                f"UPDATE {name} SET {last} = moved.{quote(TO)} FROM moved "  # noqa: S608 - quoted
                f"WHERE {_same_key(schema, 'moved')} AND {name}.{by} {some} AND moved.{by} {some}"
            )
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM added")  # noqa: S608 - quoted
        for first, end in ranges:
            _refuse_taken_keys(connection, schema, f"{by} BETWEEN {first} AND {end}")
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
    name, by, last = quote(schema.name), quote(schema.primary_key[0]), schema.primary_key[-1]
    to = f"keys.{quote(TO)}"
    was, becomes = hash_of_row(schema, name), hash_of_row(schema, name, {last: to})
    with store.reading(database, schema, **options) as connection:
        _register(connection, schema, merge)
        for first, end in _ranges(merge.moved[schema.primary_key[0]]):
            some = f"BETWEEN {first} AND {end}"
            # Both by one join with the table: it is what takes the time.
            found = connection.execute(
                f"SELECT count(*), coalesce(sum({was}), 0), count({to}), "  # noqa: S608 - quoted
                f"coalesce(sum({becomes}) FILTER ({to} IS NOT NULL), 0) FROM {name} JOIN "
                f"(SELECT *, NULL AS {quote(TO)} FROM removed WHERE {by} {some} "
                f"UNION ALL FROM moved WHERE {by} {some}) keys "
                f"ON {_same_key(schema, 'keys')} WHERE {name}.{by} {some}"
            ).fetchall()[0]
            digest = digest - Digest.of(*found[:2]) + Digest.of(*found[2:])
    return digest + digest_of_rows(rows, schema)


def _register(connection: duckdb.DuckDBPyConnection, schema: TableSchema, merge: RowMerge) -> None:
    keys = list(schema.primary_key)
    types = [schema.arrow_schema.field(name) for name in keys]
    moved = pa.schema([*types, types[-1].with_name(TO)])
    connection.register("removed", merge.removed.select(keys).cast(pa.schema(types)))
    connection.register("moved", merge.moved.select(moved.names).cast(moved))


def _same_key(schema: TableSchema, keys: str) -> str:
    name = quote(schema.name)
    return " AND ".join(f"{name}.{quote(key)} = {keys}.{quote(key)}" for key in schema.primary_key)


def _ranges(keys: pa.ChunkedArray) -> list[tuple[int, int]]:
    """First and last values that cover all integers, in each at most some of the keys at a time."""
    # All rows with one value are in one range, which may therefore hold more: a row that was moved
    # must not be taken for another in the next.
    bounds = np.unique(_ascending(keys.to_numpy())[_MOVED_AT_ONCE::_MOVED_AT_ONCE])
    whole = np.iinfo(np.int64)
    firsts = [whole.min, *(bounds + 1).tolist()]
    return list(zip(firsts, [*bounds.tolist(), whole.max], strict=True))


def _ascending(keys: NDArray[np.integer]) -> NDArray[np.integer]:
    # They mostly are; to sort millions takes a second.
    return keys if (keys[1:] >= keys[:-1]).all() else np.sort(keys)


def _refuse_taken_keys(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, some: str
) -> None:
    """Refuse a merge after which another row has the key of one that was added or moved.

    Only keys that meet an SQL condition are looked at.
    """
    *firsts, last = map(quote, schema.primary_key)
    key = ", ".join([*firsts, last])
    given = (
        f"SELECT {key} FROM added WHERE {some} UNION ALL "  # noqa: S608 - quoted
        f"SELECT {', '.join([*firsts, quote(TO)])} FROM moved WHERE {some}"
    )
    stored = f"(FROM {quote(schema.name)} SELECT {key} WHERE {some})"
    having = f"SELECT count(*) FROM {stored} SEMI JOIN ({given}) USING ({key})"  # noqa: S608 - quoted
    keys = f"SELECT count(*) FROM (SELECT DISTINCT * FROM ({given}))"  # noqa: S608 - quoted
    rows, places = (store.number_of(connection.execute(query)) for query in (having, keys))
    if rows != places:
        raise SchemaError(
            f"{rows} rows of {schema.name} would share {places} primary keys ({key}), and nothing "
            f"was written. Correct the asset that makes {schema.name}, and materialize it again."
        )
