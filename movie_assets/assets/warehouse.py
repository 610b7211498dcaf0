"""The warehouse: films, genres and details, cleaned and typed, as SQL users know the tutorial's."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from movie_assets.assets.declare import (
    counts,
    merge_result,
    spooled_result,
    table_asset,
    table_result,
)
from movie_assets.assets.history import (
    RowsLostError,
    latest_figures,
    refuse_lost_rows,
    refuse_lost_values,
)
from movie_assets.assets.pictures import histogram
from movie_assets.warehouse import (
    TABLES,
    Digest,
    Merge,
    SchemaError,
    TableMissingError,
    cleaning,
    digest_of_rows,
    digest_of_table,
    genre_names,
    validate,
)
from movie_assets.warehouse.io_manager import WarehouseStorage

#: Where more of the rows of movie_genre_data than this share are other, all are written: what is
#: merged is held in memory.
_MOST_MERGED = 0.2
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
    name, database = "movie_genre_data", io_manager.database
    years = histogram(genre_names.years_of_release(database), "Films by year of release", "year")
    changed = _changed_genre_names(database)
    if changed is not None:
        merge, digest = changed
        figures = {"rebuilt": False, "rows_changed": len(merge.rows), "years_histogram": years}
        return merge_result(name, merge, digest, figures)
    spooled = io_manager.spool(name, genre_names.join_genre_names(database))
    return spooled_result(spooled, {"rebuilt": True, "years_histogram": years})


def _changed_genre_names(database: Path) -> tuple[Merge, Digest] | None:
    """What of movie_genre_data is to be other, and its digest then; None where all is made anew."""
    schema = TABLES["movie_genre_data"]
    try:
        others = genre_names.other_films(database)
    except (SchemaError, TableMissingError):
        return None  # of this table or another: then joining says so
    before = digest_of_table(database, schema)
    if len(others) > _MOST_MERGED * before.rows:
        return None
    found = [pa.Table.from_batches([b]) for b in genre_names.join_genre_names(database, others)]
    none = schema.arrow_schema.empty_table()
    rows = pa.concat_tables([none, *(validate(some, schema) for some in found)])
    merge = Merge(rows, np.setdiff1d(others, rows["id"].to_numpy()))
    left = before - digest_of_table(database, schema, others)
    digest = left + digest_of_rows(rows, schema)
    # Else a row is there twice, which no comparison of contents tells.
    return (merge, digest) if digest.rows == genre_names.count_films(database) else None


def _refuse_nothing(table: str, cleaned: cleaning.Cleaned, what: str) -> None:
    if cleaned.frame.empty:
        why = ", ".join(f"{count} x {reason}" for reason, count in cleaned.dropped.items())
        raise RowsLostError(
            f"{table} was not written, what it held is unchanged: none of the {what} that the "
            f"source sent can be used ({why or 'there were none'}). See whether it is TMDB that "
            "TMDB_BASE_URL names, and build again later."
        )
