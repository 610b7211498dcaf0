"""Merging rows into stored tables: what changed is replaced, what did not is left where it is.

``merge_table`` does so for the table of one asset, ``merge_films`` for what was fetched of films,
which stands in two tables and keeps count of its changes. Whole tables are written by ``store.py``;
what changed since a merge is told by ``changes.py``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from movie_assets.warehouse import store
from movie_assets.warehouse.errors import SchemaError
from movie_assets.warehouse.schema import TableSchema, quote, validate
from movie_assets.warehouse.tables import RAW_CATALOGUE_MOVIES, RAW_MOVIE_DETAILS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    import duckdb
    from numpy.typing import NDArray

#: Of raw_catalogue_movies, what says nothing of the film itself.
_NO_CONTENT = ("fetched_at", "revision")
#: Of raw_catalogue_movies, what a merge fills in.
_FILLED_IN = ("gone_at", "revision")


_LARGEST_REVISION = "SELECT coalesce(max(revision), 0) FROM raw_catalogue_movies"


@dataclass(frozen=True)
class Merge:
    """What changed of a table: an asset's output that the IO manager merges into the stored rows.

    The first column of the primary key says what a row belongs to: an id of a film, say, of which
    the table has one row or several. All stored rows are removed whose value of it is in ``rows``
    or in ``removed``, and then ``rows`` are added.

    Attributes:
        rows: pandas DataFrame or Arrow table of the declared columns; may be empty.
        removed: int64[n_removed], values whose rows have none to follow them.
    """

    rows: pa.Table | pd.DataFrame
    removed: NDArray[np.int64]


@dataclass(frozen=True)
class MergedFilms:
    """What a merge of fetched films did.

    Attributes:
        films: how many films were merged, those that are gone among them.
        changed: int64[n_changed], the ids that were new, changed, gone, or back; ascending.
        revision: of the films that changed; where none did, the largest there is, 0 for none.
    """

    films: int
    changed: NDArray[np.int64]
    revision: int


def merge_table(
    database: Path,
    schema: TableSchema,
    merge: Merge,
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> store.Written:
    """Replace some of a table's rows, in one transaction; see :class:`Merge`.

    Either all of it is done afterwards, or nothing; done twice, it leaves the same.

    Raises:
        SchemaError: where the rows, or the stored table, are not as declared.
        WarehouseError: of the type that says why the file cannot be written.
    """
    started = time.perf_counter()
    rows = validate(merge.rows, replace(schema, may_be_empty=True))
    with store.writing(database, wait_seconds=wait_seconds, config=config) as connection:
        store.keep_table(connection, schema)
        connection.register("merged rows", rows)
        connection.register("removed keys", pa.table({"key": pa.array(merge.removed, pa.int64())}))
        name, key = quote(schema.name), quote(schema.primary_key[0])
        connection.execute(
            f'DELETE FROM {name} WHERE {key} IN (SELECT {key} FROM "merged rows" '  # noqa: S608 - quoted
            'UNION ALL SELECT key FROM "removed keys")'
        )
        connection.execute(f'INSERT INTO {name} BY NAME SELECT * FROM "merged rows"')  # noqa: S608 - quoted
        left = store.number_of(connection.execute(f"SELECT count(*) FROM {name}"))  # noqa: S608 - quoted
        if not left and not schema.may_be_empty:
            raise SchemaError(
                f"The rows for {schema.name} would leave the table empty, and nothing was written. "
                f"See what the asset {schema.name} was made from, and materialize it again."
            )
        store.describe(connection, schema)
    return store.Written(len(rows), time.perf_counter() - started, left - len(rows))


def merge_films(
    database: Path,
    films: pa.Table | pd.DataFrame,
    details: pa.Table | pd.DataFrame,
    gone: Mapping[int, datetime],
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
) -> MergedFilms:
    """Merge what was fetched of some films into both raw tables, in one transaction.

    Films whose content changed, here or in the details, all get the revision after the largest
    there was; of the others only ``fetched_at`` is renewed. So the same merge done again changes
    nothing, and a fold of a journal may be repeated where nobody knows whether it was committed.

    Args:
        database: the DuckDB file; it and the tables are made where they are missing.
        films: the columns of raw_catalogue_movies but ``gone_at`` and ``revision``, a row a film.
        details: the columns of raw_movie_details, a row for each of the same films.
        gone: when TMDB said that it does not have a film, in UTC without a time zone, by id. What
            was known of the film stays, and the moment when it was found gone first.
        wait_seconds: how long to wait where another process holds the file.

    Raises:
        SchemaError: where the rows, or the stored tables, are not as declared, a film comes twice,
            has only one of its two rows, or is both found and gone.
        WarehouseError: of the type that says why the file cannot be written.
    """
    found = _found_rows(films)
    details = validate(details, replace(RAW_MOVIE_DETAILS, may_be_empty=True))
    _refuse_half_films(found, details, gone)
    with store.writing(database, wait_seconds=wait_seconds) as connection:
        for schema in (RAW_CATALOGUE_MOVIES, RAW_MOVIE_DETAILS):
            store.keep_table(connection, schema)
        revision = store.number_of(connection.execute(_LARGEST_REVISION))
        connection.register("incoming films", found)
        connection.register("incoming details", details)
        connection.register("gone films", _gone_rows(gone))
        changed = _merge_films(connection, revision + 1)
        for schema in (RAW_CATALOGUE_MOVIES, RAW_MOVIE_DETAILS):
            store.describe(connection, schema)
    return MergedFilms(len(found) + len(gone), changed, revision + (len(changed) > 0))


def _merge_films(connection: duckdb.DuckDBPyConnection, new_revision: int) -> NDArray[np.int64]:
    """Merge the rows that are registered; gives the ids of the films that changed."""
    # What becomes of each film that was asked for: of a gone one, what was known of it.
    known = ", ".join(
        f"stored.{quote(name)}"
        for name in RAW_CATALOGUE_MOVIES.column_names
        if name not in ("id", "fetched_at", "gone_at", "revision")
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE "merged films" AS
        SELECT * FROM "incoming films" UNION ALL BY NAME
        SELECT id, {known}, gone.at AS fetched_at, coalesce(stored.gone_at, gone.at) AS gone_at,
            0 AS revision
        FROM "gone films" gone LEFT JOIN raw_catalogue_movies stored USING (id)
        """  # noqa: S608 - declared names
    )
    connection.execute(
        'CREATE TEMP TABLE "changed films" AS '
        + _other_content(RAW_CATALOGUE_MOVIES, "merged films", _NO_CONTENT)
        + " UNION "
        + _other_content(RAW_MOVIE_DETAILS, "incoming details", ())
    )
    connection.execute(
        'UPDATE raw_catalogue_movies SET fetched_at = merged.fetched_at FROM "merged films" merged '
        "WHERE raw_catalogue_movies.id = merged.id AND merged.id NOT IN "
        '(SELECT id FROM "changed films")'
    )
    connection.execute('UPDATE "merged films" SET revision = ?', [new_revision])
    for name, rows in (
        ("raw_catalogue_movies", '"merged films"'),
        ("raw_movie_details", '"incoming details"'),
    ):
        # A film that is gone has no details to follow those that it had.
        new = f'SELECT * FROM {rows} WHERE id IN (SELECT id FROM "changed films")'  # noqa: S608 - fixed names
        connection.execute(f"DELETE FROM {name} WHERE id IN (SELECT id FROM ({new}))")  # noqa: S608 - fixed names
        connection.execute(f"INSERT INTO {name} BY NAME {new}")
    changed = connection.sql('SELECT id FROM "changed films" ORDER BY id').to_arrow_table()
    return np.asarray(changed["id"].to_numpy(), np.int64)


def _other_content(schema: TableSchema, incoming: str, no_content: tuple[str, ...]) -> str:
    """The query for the ids of incoming rows that are not stored just so."""
    names = [name for name in schema.column_names if name not in no_content]
    new, old = (
        "row(" + ", ".join(f"{side}.{quote(name)}" for name in names) + ")"
        for side in ("incoming", "stored")
    )
    return (
        f"SELECT incoming.id FROM {quote(incoming)} incoming LEFT JOIN {schema.name} stored "  # noqa: S608 - declared names
        f"USING (id) WHERE stored.id IS NULL OR {new} IS DISTINCT FROM {old}"
    )


def _found_rows(films: pa.Table | pd.DataFrame) -> pa.Table:
    names = films.columns if isinstance(films, pd.DataFrame) else films.column_names
    if given := [name for name in _FILLED_IN if name in names]:
        raise SchemaError(f"The columns {given} of raw_catalogue_movies are for the merge to fill.")
    schema = replace(
        RAW_CATALOGUE_MOVIES,
        columns=tuple(c for c in RAW_CATALOGUE_MOVIES.columns if c.name not in _FILLED_IN),
        may_be_empty=True,
    )
    checked = validate(films, schema)
    none = pa.nulls(len(checked), pa.timestamp("us"))
    zero = pa.array(np.zeros(len(checked), np.int64))
    return checked.append_column("gone_at", none).append_column("revision", zero)


def _gone_rows(gone: Mapping[int, datetime]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(list(gone), pa.int64()),
            "at": pa.array(list(gone.values()), pa.timestamp("us")),
        }
    )


def _refuse_half_films(films: pa.Table, details: pa.Table, gone: Mapping[int, datetime]) -> None:
    found, detailed = (set(table["id"].to_pylist()) for table in (films, details))
    if half := sorted(found ^ detailed):
        raise SchemaError(f"Films with only one of their two rows were fetched: {half[:5]}.")
    if both := sorted(found & gone.keys()):
        raise SchemaError(f"Films are both found and gone: {both[:5]}.")
