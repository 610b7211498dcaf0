"""From the warehouse to what is published: a snapshot's content as streams, so that none is whole.

What belongs here: the queries that the streams come from, and publishing a home's tables without
Dagster. What does not: the snapshot's files (``serving.snapshot``), and the asset that publishes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movie_assets import film_tables, recommender
from movie_assets.recommender.explanations import most_votes_of_little_known
from movie_assets.recommender.rows import RowsOfIds
from movie_assets.recommender.storage import load_features
from movie_assets.serving.snapshot import Renewal, SnapshotContent, Written, layout, write_snapshot
from movie_assets.warehouse import TableMissingError
from movie_assets.warehouse.contents import stored_tables
from movie_assets.warehouse.store import connect

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    from movie_assets.recommender import MovieFeatures

#: The tables that content comes from.
TABLES = (
    "movies_table",
    "genres_table",
    "movie_details",
    "similarity_matrix",
    "co_liked_movies",
    "item_weights",
    "recommendation_quality",
)

#: So many films are read at a time, some 100 MB, and the pairs of so many, at most as much.
_FILMS_A_BLOCK, _FILMS_A_BLOCK_OF_PAIRS = 50_000, 10_000
#: Rows of a table that are further from each other are looked for one after the other.
_ROWS_APART = 100_000
#: What DuckDB may hold in memory beside.
_MEMORY = "512MB"

#: Of some films. Not joined to their details by DuckDB, which would copy every text twice.
_MOVIES = """
    WITH names AS (SELECT map(list(id), list(name)) AS of_ids FROM genres_table)
    SELECT id AS movie_id, title, original_title, overview, poster_path,
           CAST(release_date AS DATE) AS release_date, original_language,
           CAST(popularity AS FLOAT) AS popularity, CAST(vote_average AS FLOAT) AS vote_average,
           vote_count,
           list_filter(
               list_transform(genre_ids, lambda id: names.of_ids[id]), lambda name: name IS NOT NULL
           ) AS genres
    FROM movies_table, names
    WHERE movies_table.id BETWEEN {first} AND {last}
"""
_LISTS_OF_DETAILS = ("directors", "writers", "actors", "keywords")
_DETAILS = f"""
    SELECT id AS movie_id, imdb_id, tagline, runtime, collection_name AS collection,
           {", ".join(_LISTS_OF_DETAILS)}
    FROM movie_details
    WHERE id BETWEEN {{first}} AND {{last}}
"""  # noqa: S608 - names of our own


class PublicationError(Exception):
    """The stored tables do not fit together; nothing was published."""


@dataclass(frozen=True)
class Stored:
    """Where what is published comes from, and where it goes to.

    Attributes:
        database: the DuckDB file.
        features: the file of the features.
        published: the folder of snapshots.
    """

    database: Path
    features: Path
    published: Path

    def publish(
        self,
        *,
        run_id: str | None = None,
        refreshed_at: datetime | None = None,
        made_by: str | None = None,
    ) -> Written:
        """Publish the stored tables as they are at this moment.

        The database is held for reading meanwhile, so that all of it is of one moment.

        Args:
            run_id: of the Dagster run.
            refreshed_at: when the films were last asked for, aware.
            made_by: as for :func:`movie_assets.serving.snapshot.write_snapshot`.

        Raises:
            PublicationError: where the tables do not fit together.
            WarehouseError: of the type that says why the database cannot be read.
            FeatureFileError: where the features are missing or damaged.
            SnapshotError: where the snapshot cannot be written.
        """
        with self.content() as content:
            return write_snapshot(
                self.published,
                content,
                run_id=run_id,
                refreshed_at=refreshed_at,
                made_by=made_by,
            )

    def counts(self) -> tuple[int, int]:
        """How many films and how many pairs are stored.

        Raises:
            WarehouseError: of the type that says why the database cannot be read.
        """
        with connect(self.database, read_only=True) as connection:
            return _count(connection, "movies_table"), _count(connection, "similarity_matrix")

    @contextmanager
    def content(self) -> Iterator[SnapshotContent]:
        """What there is to publish; its streams can be read while the context is open.

        Raises:
            WarehouseError: of the type that says why the database cannot be read.
            FeatureFileError: where the features are missing or damaged.
        """
        missing = set(TABLES) - stored_tables(self.database)
        if missing:
            raise TableMissingError(
                f"{self.database} has no {', '.join(sorted(missing))} yet. Make them with: "
                "movie-assets build"
            )
        features = load_features(self.features)
        with connect(self.database, read_only=True) as connection:
            connection.execute(f"SET memory_limit = '{_MEMORY}'")
            reading = _Reading(connection, features)
            yield SnapshotContent(
                films=reading.films(),
                features=features,
                pairs=reading.pairs("reasons"),
                weights=recommender.load_weights(),
                n_pairs=reading.count("similarity_matrix"),
                signals=reading.signals(),
                quality=reading.quality(),
                renewal=reading.renewal(),
            )


@dataclass(frozen=True)
class _Reading:
    """Reads the tables in one connection.

    Attributes:
        connection: to the database.
        features: of the films.
    """

    connection: duckdb.DuckDBPyConnection
    features: MovieFeatures

    @property
    def movie_ids(self) -> NDArray[np.int32]:
        """Of shape (n_films,), ascending."""
        return self.features.movie_ids

    def films(self) -> Iterator[pa.RecordBatch]:
        # By ranges of ids: of a million films one sorted query would take a gigabyte.
        for first, last in self._ranges(_FILMS_A_BLOCK):
            movies, details = (
                self._by_id(query.format(first=first, last=last)) for query in (_MOVIES, _DETAILS)
            )
            yield from _with_details(movies, details).to_batches()

    def _by_id(self, query: str) -> pa.Table:
        found = self.connection.cursor().sql(query).to_arrow_table().combine_chunks()
        return _in_order(found, found["movie_id"].to_numpy())

    def renewal(self) -> Renewal:
        """The pairs without their reasons, and those of some."""
        frozen = self.features.frozen
        context = (
            (frozen.n_movies, frozen.well_known)
            if frozen
            else (self.features.n_movies, most_votes_of_little_known(self.features))
        )
        return Renewal(
            told_by=repr(context),
            signals=self.pair_signals,
            pairs=self.pairs(),
            reasons=self.reasons_of,
        )

    @cached_property
    def pair_signals(self) -> tuple[str, ...]:
        """The signals that any pair has something of."""
        return tuple(name for name in layout.SIGNAL_PARTS if self._is_there(name))

    def reasons_of(self, movies: NDArray[np.int32], neighbours: NDArray[np.int32]) -> pa.ListArray:
        """The reasons of some pairs, by film and rank."""
        cursor = self.connection.cursor()
        cursor.register("wanted", pa.table({"movie_id": movies, "neighbour_id": neighbours}))
        found = (
            cursor.sql(
                "SELECT rowid AS place, movie_id, rank, neighbour_id "  # noqa: S608 - numbers
                "FROM similarity_matrix SEMI JOIN wanted USING (movie_id, neighbour_id) "
                f"WHERE movie_id BETWEEN {movies[0]} AND {movies[-1]}"
            )
            .to_arrow_table()
            .combine_chunks()
        )
        found = _in_order(found, _keys(found, "rank"))
        if not np.array_equal(found["neighbour_id"].to_numpy(), neighbours):
            raise PublicationError(
                "similarity_matrix has a pair twice. Nothing was published; build again: "
                "movie-assets build"
            )
        return self._reasons_at(found["place"].to_numpy())

    def _reasons_at(self, places: NDArray[np.int64]) -> pa.ListArray:
        """The reasons in some rows of similarity_matrix.

        By where they stand: to find them by their films, DuckDB would read the reasons of every
        pair near them. Those that were merged later stand together, behind all others.
        """
        cursor, ordered, found = self.connection.cursor(), np.sort(places), []
        for some in np.split(ordered, np.flatnonzero(np.diff(ordered) > _ROWS_APART) + 1):
            cursor.register("wanted", pa.table({"place": some}))
            found.append(
                cursor.sql(
                    "SELECT rowid AS place, reasons "  # noqa: S608 - numbers
                    "FROM similarity_matrix SEMI JOIN wanted ON rowid = place "
                    f"WHERE rowid BETWEEN {some[0]} AND {some[-1]}"
                ).to_arrow_table()
            )
        table = pa.concat_tables(found).combine_chunks()
        table = _in_order(table, table["place"].to_numpy())
        rows = np.searchsorted(table["place"].to_numpy(), places)
        reasons: pa.ListArray = table["reasons"].combine_chunks().take(pa.array(rows))
        return reasons

    def pairs(self, *more: str) -> Iterator[pa.RecordBatch]:
        """The numbers of pairs, and other columns of theirs."""
        parts = (*layout.PARTS, *self.pair_signals)
        names = ["rank", *(f"CAST({name} AS FLOAT) AS {name}" for name in parts), *more]
        read = 0
        for some in self._blocks("similarity_matrix", names, order="rank"):
            read += len(some)
            yield some
        self._refuse_others("similarity_matrix", read)

    def signals(self) -> dict[str, Iterator[pa.RecordBatch]]:
        """Those of which there is anything."""
        found = {}
        if self.count("co_liked_movies"):
            found["co_liked"] = self._blocks("co_liked_movies", ["CAST(score AS FLOAT) AS value"])
        for name, column in (("item_weights", "weight"), ("transitions", "transition")):
            if self.count("item_weights", f"{column} != 0"):
                found[name] = self._blocks(
                    "item_weights", [f"CAST({column} AS FLOAT) AS value"], f"{column} != 0"
                )
        if self.count("movie_details", "len(recommended_ids) > 0"):
            found["tmdb"] = self._recommended()
        return found

    def quality(self) -> list[dict[str, Any]]:
        return [
            {name: _finite(value) for name, value in row.items()}
            for some in self._stream("SELECT * FROM recommendation_quality")
            for row in some.to_pylist()
        ]

    def count(self, table: str, condition: str = "true") -> int:
        """How many rows of a table meet a condition."""
        return _count(self.connection, table, condition)

    def _recommended(self) -> Iterator[pa.RecordBatch]:
        for first, last in self._ranges(_FILMS_A_BLOCK):
            pairs = film_tables.recommended_pairs(
                self.movie_ids,
                self.connection.cursor()
                .sql(
                    "SELECT id, recommended_ids FROM movie_details "  # noqa: S608 - numbers
                    f"WHERE id BETWEEN {first} AND {last}"
                )
                .to_arrow_table(),
            )
            pairs.sort_indices()
            rows = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
            yield pa.record_batch(
                {
                    "movie_id": self.movie_ids[rows],
                    "neighbour_id": self.movie_ids[pairs.indices],
                    "value": pairs.data,
                }
            )

    def _blocks(
        self,
        table: str,
        columns: Sequence[str],
        condition: str = "true",
        order: str = "neighbour_id",
    ) -> Iterator[pa.RecordBatch]:
        """A table's pairs and other columns of theirs, by film; those of some films at a time.

        Not by one sorted query, which would sort all of them on disk: they are stored by film, but
        for those that were merged later, so that DuckDB reads of each block little but its own
        rows, and there is little left to bring in order.
        """
        for first, last in self._ranges(_FILMS_A_BLOCK_OF_PAIRS):
            found = (
                self.connection.cursor()
                .sql(
                    f"SELECT movie_id, neighbour_id, {', '.join(columns)} FROM {table} "  # noqa: S608 - names of our own
                    f"WHERE movie_id BETWEEN {first} AND {last} AND {condition}"
                )
                .to_arrow_table()
                .combine_chunks()
            )
            yield from _in_order(found, _keys(found, order)).to_batches()

    def _ranges(self, films: int) -> Iterator[tuple[int, int]]:
        """First and last id of so many films at a time."""
        for start in range(0, len(self.movie_ids), films):
            some = self.movie_ids[start : start + films]
            yield int(some[0]), int(some[-1])

    def _stream(self, query: str) -> Iterator[pa.RecordBatch]:
        # A cursor of its own: a result is lost when its connection is asked something else.
        yield from self.connection.cursor().sql(query).to_arrow_reader(layout.ROWS_A_BATCH)

    def _is_there(self, signal: str) -> bool:
        return self.count("similarity_matrix", f"{signal} <> 0") > 0

    def _refuse_others(self, table: str, read: int) -> None:
        stored = self.count(table)
        if read != stored:
            raise PublicationError(
                f"{table} has {stored - read} rows of films that movie_features does not have. "
                "Nothing was published; build again: movie-assets build"
            )


def _with_details(movies: pa.Table, details: pa.Table) -> pa.Table:
    """Films beside their details, by id both; what a film has none of is null, or an empty list."""
    wanted, there = movies["movie_id"].to_numpy(), details["movie_id"].to_numpy()
    if not np.array_equal(wanted, there):
        rows = RowsOfIds(there).of(wanted)
        details = details.take(pa.array(rows, mask=rows < 0)).combine_chunks()
    for name in details.column_names[1:]:
        column = details[name]
        if name in _LISTS_OF_DETAILS and column.null_count:
            column = pc.coalesce(column, pa.scalar([], column.type))
        movies = movies.append_column(name, column)
    return movies


def _keys(pairs: pa.Table, order: str) -> NDArray[np.int64]:
    """Numbers by which pairs are in the order of their films, and then of a column."""
    keys: NDArray[np.int64] = (
        pairs["movie_id"].to_numpy().astype(np.int64) << 32 | pairs[order].to_numpy()
    )
    return keys


def _in_order(rows: pa.Table, keys: NDArray[Any]) -> pa.Table:
    """A table's rows by ascending keys."""
    if (keys[1:] < keys[:-1]).any():
        rows = rows.take(pa.array(np.argsort(keys, kind="stable"))).combine_chunks()
    return rows


def _count(connection: duckdb.DuckDBPyConnection, table: str, condition: str = "true") -> int:
    query = f"SELECT count(*) FROM {table} WHERE {condition}"  # noqa: S608 - names of our own
    return int(connection.cursor().sql(query).fetchall()[0][0])


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
