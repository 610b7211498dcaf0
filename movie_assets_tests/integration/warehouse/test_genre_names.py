"""The films for analysis, joined with the names of their genres where they are stored."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from movie_assets.warehouse import (
    TABLES,
    TableMissingError,
    join_genre_names,
    read_table,
    validate,
    write_batches,
    write_table,
)

MOVIES, GENRES = TABLES["movies_table"], TABLES["genres_table"]
DATA = TABLES["movie_genre_data"]


def store(database: Path, films: pd.DataFrame, genres: dict[int, str]) -> None:
    names = pd.DataFrame({"id": list(genres), "name": list(genres.values())}).astype(
        {"id": "int64", "name": "str"}
    )
    write_table(database, MOVIES, validate(films, MOVIES))
    write_table(database, GENRES, pa.Table.from_pandas(names).cast(GENRES.arrow_schema))


def joined(database: Path) -> pd.DataFrame:
    write_batches(database, DATA, join_genre_names(database))
    return read_table(database, "movie_genre_data")


def test_names_keep_the_films_order_and_films_without_votes_are_left_out(
    database: Path, films: pd.DataFrame
) -> None:
    store(database, films.assign(genre_ids=[[28, 12], [12], []]), {12: "Adventure", 28: "Action"})
    found = joined(database)
    assert found["id"].tolist() == [2, 3]
    assert found["genre_names"].tolist() == ["", "Action, Adventure"]
    assert found["genre_ids"].tolist() == [[], [28, 12]]


@pytest.mark.parametrize("genres", [{}, {28: "Action"}])
def test_a_genre_that_the_list_has_lost_is_left_out(
    database: Path, films: pd.DataFrame, genres: dict[int, str]
) -> None:
    store(database, films, genres)
    assert joined(database)["genre_names"].tolist() == ["", genres.get(28, "")]


def test_both_tables_are_needed(database: Path, films: pd.DataFrame) -> None:
    write_table(database, MOVIES, validate(films, MOVIES))
    with pytest.raises(TableMissingError, match="genres_table"):
        next(join_genre_names(database))
