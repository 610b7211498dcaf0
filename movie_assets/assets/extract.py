"""Extraction: TMDB's answers, row by row, as they came.

Nothing is judged here. A value that is not of its type stays, beside its row, as text; what becomes
of it is decided in ``movie_assets.warehouse.cleaning``.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import dagster as dg
import pandas as pd
import pyarrow as pa

from movie_assets import tmdb
from movie_assets.assets import film_details
from movie_assets.assets.declare import counts, reporter, table_asset, table_result
from movie_assets.assets.history import RowsLostError, refuse_lost_rows
from movie_assets.tmdb import MovieSource, RetryPolicy, details, listing, reading, rows
from movie_assets.warehouse import TABLES
from movie_assets.warehouse.io_manager import WarehouseStorage

#: Steps in this pool ask TMDB; its limit in dagster.yaml keeps runs from doing so side by side,
#: since TMDB counts all of them together.
TMDB_POOL = "tmdb"
#: Of the films that were asked for and that the source says it has.
_LEAST_SHARE_OF_LIST = 0.95


class NothingListedError(Exception):
    """The source's answer is in order, and there is nothing in it."""


@dataclass(frozen=True)
class Extraction:
    """What to extract: the resource that the assets share.

    Attributes:
        open_source: gives TMDB, or the bundled films, with so much patience. It is called in the
            step that reads, so that a missing key fails that step and not the whole run.
        language: the films' original language; None for all.
        limit: how many films of the popular list.
    """

    open_source: Callable[[RetryPolicy], MovieSource]
    language: str | None
    limit: int

    @cached_property
    def source(self) -> MovieSource:
        """The source as an asset reads it, opened once.

        Raises:
            MissingKeyError: where TMDB is to be read and there is no key.
        """
        return self.open_source(RetryPolicy())

    @property
    def asked_for(self) -> str:
        """What is extracted, in words; row counts are only compared where it is the same."""
        return f"{self.limit} films in {self.language or 'all languages'} of {self.source.name}"


@table_asset(
    group="extract",
    uses=(rows, listing, reading),
    kinds=frozenset({"tmdb", "duckdb"}),
    pool=TMDB_POOL,
)
def raw_popular_movies(
    context: dg.AssetExecutionContext, extraction: dg.ResourceParam[Extraction]
) -> dg.MaterializeResult[pa.Table]:
    """Read the popular list, every film once, in the list's order."""
    source = extraction.source
    started = time.perf_counter()
    popular = source.popular_movies(
        limit=extraction.limit,
        language=extraction.language,
        progress=reporter(context.log, f"Read %s of %s films from {source.name}."),
    )
    seconds = time.perf_counter() - started
    if not popular.movies:
        raise NothingListedError(
            f"{source.name} has no film in {extraction.language or 'any language'}: check "
            "MOVIE_ASSETS_LANGUAGE and TMDB_BASE_URL. What is stored stays as it was."
        )
    refuse_lost_rows(
        context.instance, "raw_popular_movies", len(popular.movies), extraction.asked_for
    )
    _refuse_or_tell_gaps(context.log, source.name, popular, extraction.limit)
    parsed = [rows.parse_movie(movie) for movie in popular.movies]
    frame = _numbered("raw_popular_movies", parsed)
    return table_result(
        "raw_popular_movies",
        frame,
        {
            "asked_for": extraction.asked_for,
            "rows_fetched": len(popular.movies) + sum(popular.rejected.values()),
            **counts("rows_rejected", popular.rejected),
            "rows_with_malformed_fields": int(frame["malformed_fields"].notna().sum()),
            "films_in_the_list": popular.total_results,
            "pages_read": popular.pages,
            "rows_repeated": popular.repeated,
            "fetch_seconds": round(seconds, 3),
        },
    )


@table_asset(group="extract", uses=(rows,), kinds=frozenset({"tmdb", "duckdb"}), pool=TMDB_POOL)
def raw_genres(
    context: dg.AssetExecutionContext, extraction: dg.ResourceParam[Extraction]
) -> dg.MaterializeResult[pa.Table]:
    """Read the list of genres."""
    started = time.perf_counter()
    entries = extraction.source.genres(language=extraction.language)
    seconds = time.perf_counter() - started
    objects = [entry for entry in entries if isinstance(entry, dict)]
    if not objects:
        raise NothingListedError(
            f"{extraction.source.name} lists no genre: check TMDB_BASE_URL, and try again later. "
            "What is stored stays as it was."
        )
    refuse_lost_rows(context.instance, "raw_genres", len(objects), extraction.asked_for)
    rejected = {"entry is no object": len(entries) - len(objects)}
    frame = _numbered("raw_genres", [rows.parse_genre(entry) for entry in objects])
    return table_result(
        "raw_genres",
        frame,
        {
            "asked_for": extraction.asked_for,
            "rows_fetched": len(entries),
            **counts("rows_rejected", {why: n for why, n in rejected.items() if n}),
            "fetch_seconds": round(seconds, 3),
        },
    )


@table_asset(
    group="extract",
    uses=(film_details, details, rows, reading),
    lineage={"id": [("raw_popular_movies", "id")]},
    kinds=frozenset({"tmdb", "duckdb"}),
    pool=TMDB_POOL,
)
def raw_movie_details(
    context: dg.AssetExecutionContext,
    extraction: dg.ResourceParam[Extraction],
    io_manager: dg.ResourceParam[WarehouseStorage],
    raw_popular_movies: pd.DataFrame,
) -> dg.MaterializeResult[pa.Table]:
    """Read the details of the films of the popular list that are new or changed."""
    source = extraction.source
    # Before anything is asked: what changes meanwhile is then asked for again the next time.
    now = datetime.now(UTC)
    started = time.perf_counter()
    films = sorted({int(film) for film in raw_popular_movies["id"].dropna()})
    version = context.assets_def.specs_by_key[context.asset_key].code_version
    known = film_details.find_known(context.instance, version, io_manager.read_stored, now)
    read = film_details.read_details(
        source,
        films,
        known,
        now,
        reporter(context.log, f"Read the details of %s of %s films from {source.name}."),
    )
    seconds = time.perf_counter() - started
    if not read.rows:
        raise NothingListedError(
            f"{source.name} gives the details of none of the {len(films)} films of its list: check "
            "TMDB_BASE_URL, and try again later. What is stored stays as it was."
        )
    refuse_lost_rows(context.instance, "raw_movie_details", len(read.rows), extraction.asked_for)
    # By id, and not in the order of the list: that changes daily, and would make content new.
    frame = _frame("raw_movie_details", [read.rows[film] for film in sorted(read.rows)])
    return table_result(
        "raw_movie_details",
        frame,
        {
            "asked_for": extraction.asked_for,
            "asked_at": dg.MetadataValue.timestamp(now),
            "all_asked_at": dg.MetadataValue.timestamp(known.all_asked_at if known else now),
            "films_listed": len(films),
            "films_kept": read.kept,
            "films_fetched": read.asked,
            "films_not_renewed": read.not_renewed,
            **counts("films_left_out", read.left_out),
            "rows_with_malformed_fields": int(frame["malformed_fields"].notna().sum()),
            "fetch_seconds": round(seconds, 3),
        },
    )


def _refuse_or_tell_gaps(
    log: dg.DagsterLogManager, source: str, popular: tmdb.PopularMovies, limit: int
) -> None:
    """A list that is longer than TMDB serves can keep a few films back however often it is read."""
    wanted = min(limit, popular.total_results - sum(popular.rejected.values()))
    found = len(popular.movies)
    if found < _LEAST_SHARE_OF_LIST * wanted:
        raise RowsLostError(
            f"{source} lists {popular.total_results} films, and only {found} of the {wanted} asked "
            "for could be read: its pages are incomplete. What is "
            "stored stays as it was. Build again later."
        )
    if not popular.complete:
        log.warning(
            "%s lists %s films, but only %s of the %s asked for could be read: the list moved.",
            source,
            popular.total_results,
            found,
            wanted,
        )


def _numbered(table: str, parsed: list[tmdb.MovieRow] | list[tmdb.GenreRow]) -> pd.DataFrame:
    """The rows under the table's columns, with their position in TMDB's answer from 1."""
    frame = _frame(table, parsed)
    return frame.assign(position=range(1, len(frame) + 1))


def _frame(
    table: str, parsed: Sequence[tmdb.MovieRow | tmdb.GenreRow | tmdb.DetailsRow]
) -> pd.DataFrame:
    """The rows under the table's columns, but for their position."""
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [row[column.name] for row in parsed],  # type: ignore[literal-required]
                dtype=column.pandas_dtype,
            )
            for column in TABLES[table].columns
            if column.name != "position"
        }
    )
