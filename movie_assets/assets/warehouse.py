"""The warehouse: films, genres and details, cleaned and typed, as SQL users know the tutorial's."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from movie_assets.assets.declare import counts, spooled_result, table_asset, table_result
from movie_assets.assets.history import (
    RowsLostError,
    latest_figures,
    refuse_lost_rows,
    refuse_lost_values,
)
from movie_assets.assets.pictures import histogram
from movie_assets.warehouse import TABLES, cleaning, genre_names
from movie_assets.warehouse.io_manager import WarehouseStorage

_MOVIE_COLUMNS = [name for name in TABLES["movies_table"].column_names if name != "popularity_rank"]


@table_asset(
    group="warehouse",
    uses=(cleaning.clean_genres,),
    lineage={column: [("raw_genres", column)] for column in ("id", "name")},
)
def genres_table(raw_genres: pd.DataFrame) -> dg.MaterializeResult[pa.Table]:
    """Clean the genres."""
    cleaned = cleaning.clean_genres(raw_genres)
    _refuse_nothing("genres_table", cleaned, "genres")
    return table_result(
        "genres_table",
        cleaned.frame,
        {"rows_in": len(raw_genres), **counts("rows_dropped", cleaned.dropped)},
    )


@table_asset(
    group="warehouse",
    uses=(cleaning.clean_movies,),
    lineage={
        **{column: [("raw_popular_movies", column)] for column in _MOVIE_COLUMNS},
        "title": [("raw_popular_movies", "title"), ("raw_popular_movies", "original_title")],
        "genre_ids": [("raw_popular_movies", "genre_ids"), ("genres_table", "id")],
        "popularity_rank": [("raw_popular_movies", "position")],
    },
)
def movies_table(
    context: dg.AssetExecutionContext,
    raw_popular_movies: pd.DataFrame,
    genres_table: pd.DataFrame,
) -> dg.MaterializeResult[pa.Table]:
    """Clean the films."""
    cleaned = cleaning.clean_movies(raw_popular_movies, set(genres_table["id"]))
    movies = cleaned.frame
    _refuse_nothing("movies_table", cleaned, "films")
    asked_for = str(latest_figures(context.instance, "raw_popular_movies").get("asked_for"))
    if refuse_lost_rows(context.instance, "movies_table", len(movies), asked_for) is not None:
        refuse_lost_values("movies_table", len(movies), cleaned.mended)
    return table_result(
        "movies_table",
        movies,
        {
            "rows_in": len(raw_popular_movies),
            **counts("rows_dropped", cleaned.dropped),
            **counts("values_mended", cleaned.mended),
            "films_without_votes": int((movies["vote_count"] == 0).sum()),
            "votes_histogram": histogram(
                movies["vote_count"], "Votes per film", "votes", log_counts=True
            ),
            "vote_average_histogram": histogram(
                movies.loc[movies["vote_count"] > 0, "vote_average"], "Average vote", "0 to 10"
            ),
            "popularity_histogram": histogram(
                movies["popularity"], "TMDB popularity", "popularity", log_counts=True
            ),
        },
    )


@table_asset(
    group="warehouse",
    uses=(cleaning.clean_details,),
    lineage={
        **{
            column: [("raw_movie_details", column)]
            for column in TABLES["movie_details"].column_names
        },
        "id": [("raw_movie_details", "id"), ("movies_table", "id")],
    },
)
def movie_details(
    context: dg.AssetExecutionContext,
    raw_movie_details: pd.DataFrame,
    movies_table: pd.DataFrame,
) -> dg.MaterializeResult[pa.Table]:
    """Clean the films' details."""
    cleaned = cleaning.clean_details(raw_movie_details, movies_table["id"])
    details = cleaned.frame
    _refuse_nothing("movie_details", cleaned, "details")
    asked_for = str(latest_figures(context.instance, "raw_movie_details").get("asked_for"))
    refuse_lost_rows(context.instance, "movie_details", len(details), asked_for)
    keywords = details["keywords"].map(len)
    return table_result(
        "movie_details",
        details,
        {
            "rows_in": len(raw_movie_details),
            **counts("rows_dropped", cleaned.dropped),
            **counts("values_mended", cleaned.mended),
            "films_without_details": len(movies_table) - len(details),
            "films_without_keywords": int((keywords == 0).sum()),
            "films_without_directors": int((details["directors"].map(len) == 0).sum()),
            "films_without_actors": int((details["actors"].map(len) == 0).sum()),
            "films_in_a_collection": int(details["collection_id"].notna().sum()),
            "keywords_histogram": histogram(keywords, "Keywords per film", "keywords"),
        },
    )


@table_asset(
    group="warehouse",
    uses=(genre_names,),
    kinds=frozenset({"duckdb"}),
    lineage={
        **{
            column: [("movies_table", column)]
            for column in TABLES["movie_genre_data"].column_names
            if column != "genre_names"
        },
        "genre_names": [("movies_table", "genre_ids"), ("genres_table", "name")],
    },
    deps=("movies_table", "genres_table"),
)
def movie_genre_data(io_manager: dg.ResourceParam[WarehouseStorage]) -> dg.MaterializeResult[Any]:
    """Join the films that have votes with the names of their genres."""
    years = _Years()
    spooled = io_manager.spool(
        "movie_genre_data", years.passing(genre_names.join_genre_names(io_manager.database))
    )
    return spooled_result(
        spooled,
        {"years_histogram": histogram(years.found, "Films by year of release", "year")},
    )


class _Years:
    """The films' years of release, picked up as their rows pass by."""

    def __init__(self) -> None:
        self._found = [np.empty(0, np.int64)]

    @property
    def found(self) -> NDArray[np.int64]:
        return np.concatenate(self._found)

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self._found.append(pc.year(batch.column("release_date").drop_null()).to_numpy())
            yield batch


def _refuse_nothing(table: str, cleaned: cleaning.Cleaned, what: str) -> None:
    if cleaned.frame.empty:
        why = ", ".join(f"{count} x {reason}" for reason, count in cleaned.dropped.items())
        raise RowsLostError(
            f"{table} was not written, what it held is unchanged: none of the {what} that the "
            f"source sent can be used ({why or 'there were none'}). See whether it is TMDB that "
            "TMDB_BASE_URL names, and build again later."
        )
