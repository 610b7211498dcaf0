"""movie_genre_data, made in SQL from the tables that it joins: no film passes through Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from movie_assets.warehouse import store
from movie_assets.warehouse.tables import GENRES_TABLE, MOVIE_GENRE_DATA, MOVIES_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

_BATCH_ROWS = 50_000
_OF_MOVIES = [name for name in MOVIE_GENRE_DATA.column_names if name != "genre_names"]

# A genre that the list has lost since the films were cleaned has no name, and is left out. A film
# without votes is left out as well, since its average says nothing.
_QUERY = f"""
WITH known AS (SELECT map(list(id), list(name)) AS names FROM {GENRES_TABLE.name})
SELECT {", ".join(_OF_MOVIES)}, array_to_string(
    [names[genre] for genre in genre_ids if names[genre] IS NOT NULL], ', '
) AS genre_names
FROM {MOVIES_TABLE.name}, known WHERE vote_count > 0 ORDER BY id
"""  # noqa: S608 - declared names


def join_genre_names(
    database: Path, *, wait_seconds: float = store.DEFAULT_WAIT_SECONDS
) -> Iterator[pa.RecordBatch]:
    """The rows of movie_genre_data, by id: the films with votes and their genres' names.

    A film's names are joined by ', ', in its own order of genres; '' where it has none.

    Raises:
        TableMissingError: where the films or the genres are not there yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    with store.reading(database, GENRES_TABLE, wait_seconds=wait_seconds):
        pass  # it is there, and as it is declared
    with store.reading(database, MOVIES_TABLE, wait_seconds=wait_seconds) as connection:
        yield from connection.sql(_QUERY).to_arrow_reader(_BATCH_ROWS)
