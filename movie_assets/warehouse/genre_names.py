"""movie_genre_data, made in SQL from the tables that it joins: no film passes through Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from movie_assets.warehouse import store
from movie_assets.warehouse.tables import GENRES_TABLE, MOVIE_GENRE_DATA, MOVIES_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_BATCH_ROWS = 50_000
_OF_MOVIES = [name for name in MOVIE_GENRE_DATA.column_names if name != "genre_names"]

# A genre that the list has lost since the films were cleaned has no name, and is left out. A film
# without votes is left out as well, since its average says nothing.
_JOINED = f"""
WITH known AS (SELECT map(list(id), list(name)) AS names FROM {GENRES_TABLE.name})
SELECT {", ".join(_OF_MOVIES)}, array_to_string(
    [names[genre] for genre in genre_ids if names[genre] IS NOT NULL], ', '
) AS genre_names
FROM {MOVIES_TABLE.name}, known WHERE vote_count > 0
"""  # noqa: S608 - declared names
_HASHED = f"SELECT id, hash({', '.join(MOVIE_GENRE_DATA.column_names)}) AS content"
_OTHER = f"""
SELECT id FROM ({_HASHED} FROM ({_JOINED})) wanted
FULL JOIN ({_HASHED} FROM {MOVIE_GENRE_DATA.name}) stored USING (id)
WHERE wanted.content IS DISTINCT FROM stored.content ORDER BY id
"""  # noqa: S608 - declared names


def join_genre_names(
    database: Path,
    films: NDArray[np.int64] | None = None,
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
) -> Iterator[pa.RecordBatch]:
    """The rows of movie_genre_data, by id: the films with votes and their genres' names.

    A film's names are joined by ', ', in its own order of genres; '' where it has none.

    Args:
        database: the DuckDB file.
        films: int64[n], the only films wanted; None for all.
        wait_seconds: how long to wait where another process is writing.

    Raises:
        TableMissingError: where the films or the genres are not there yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    with store.reading(database, GENRES_TABLE, wait_seconds=wait_seconds):
        pass  # it is there, and as it is declared
    with store.reading(database, MOVIES_TABLE, wait_seconds=wait_seconds) as connection:
        some = ""
        if films is not None:
            connection.register("wanted films", pa.table({"id": pa.array(films, pa.int64())}))
            some = ' AND id IN (SELECT id FROM "wanted films")'
        yield from connection.sql(f"{_JOINED}{some} ORDER BY id").to_arrow_reader(_BATCH_ROWS)


def other_films(
    database: Path, *, wait_seconds: float = store.DEFAULT_WAIT_SECONDS
) -> NDArray[np.int64]:
    """The films whose row is not stored in movie_genre_data as it has to be, or must not be there.

    Rows are compared by their hashes.

    Returns:
        int64[n], ascending.

    Raises:
        TableMissingError: where one of the tables is not there yet.
        SchemaError: where one was written to another declaration.
        WarehouseError: of the type that says why the file cannot be read.
    """
    for schema in (GENRES_TABLE, MOVIES_TABLE):
        with store.reading(database, schema, wait_seconds=wait_seconds):
            pass
    with store.reading(database, MOVIE_GENRE_DATA, wait_seconds=wait_seconds) as connection:
        found = connection.sql(_OTHER).to_arrow_table()
    return np.asarray(found["id"].to_numpy(), np.int64)


def count_films(database: Path, *, wait_seconds: float = store.DEFAULT_WAIT_SECONDS) -> int:
    """How many rows movie_genre_data has to have.

    Raises:
        TableMissingError: where the films are not there yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    with store.reading(database, MOVIES_TABLE, wait_seconds=wait_seconds) as connection:
        return store.number_of(
            connection.execute(f"SELECT count(*) FROM {MOVIES_TABLE.name} WHERE vote_count > 0")  # noqa: S608 - a declared name
        )


def years_of_release(
    database: Path, *, wait_seconds: float = store.DEFAULT_WAIT_SECONDS
) -> NDArray[np.int64]:
    """The years in which the films with votes came out; int64, of those that have one.

    Raises:
        TableMissingError: where the films are not there yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    with store.reading(database, MOVIES_TABLE, wait_seconds=wait_seconds) as connection:
        found = connection.sql(
            f"SELECT year(release_date) AS year FROM {MOVIES_TABLE.name} "  # noqa: S608 - a declared name
            "WHERE vote_count > 0 AND release_date IS NOT NULL"
        ).to_arrow_table()
    return np.asarray(found["year"].to_numpy(), np.int64)
