"""The films for analysis, joined with the names of their genres where they are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from movie_assets.assets import warehouse
from movie_assets.warehouse import (
    TABLES,
    SchemaError,
    TableMissingError,
    content_hash,
    digest_of_table,
    join_genre_names,
    read_arrow,
    read_table,
    validate,
    write_batches,
    write_table,
)
from movie_assets.warehouse.io_manager import WarehouseIOManager

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


def run(database: Path) -> dict[str, Any]:
    """Make the asset; gives its metadata. What is stored, and its version, is what must be."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [warehouse.movie_genre_data],
            resources={"io_manager": WarehouseIOManager(database=str(database))},
            instance=instance,
        )
    (event,) = result.asset_materializations_for_node("movie_genre_data")
    made = pa.Table.from_batches(list(join_genre_names(database))).cast(DATA.arrow_schema)
    assert content_hash(read_arrow(database, DATA).sort_by("id")) == content_hash(made)
    assert (event.tags or {})["dagster/data_version"] == str(digest_of_table(database, DATA))
    return {name: value.value for name, value in event.metadata.items()}


def many(films: pd.DataFrame, n: int) -> pd.DataFrame:
    """So many films with votes."""
    found = pd.concat([films.iloc[:1]] * n, ignore_index=True)
    return found.assign(id=np.arange(1, n + 1))


def test_only_rows_that_are_other_are_written(database: Path, films: pd.DataFrame) -> None:
    genres = {12: "Adventure", 28: "Action", 99: "Documentary"}
    before = many(films, 40)
    store(database, before, genres)
    assert run(database)["rebuilt"]
    same = run(database)
    assert (same["rebuilt"], same["rows_changed"], same["dagster/row_count"]) == (False, 0, 40)

    # One film has other votes, one none any more, one is gone, and one is new.
    after = before.drop(index=4).reset_index(drop=True)
    after.loc[0, "vote_count"] = 7
    after.loc[1, "vote_count"] = 0
    after.loc[2, "id"] = 50
    store(database, after, genres)
    second = run(database)
    assert (second["rebuilt"], second["rows_changed"]) == (False, 2)
    assert second["dagster/row_count"] == 38

    store(database, after, genres | {28: "Thrills"})
    assert run(database)["rebuilt"]


def test_whatever_is_stored_is_mended(database: Path, films: pd.DataFrame) -> None:
    store(database, many(films, 40), {12: "Adventure", 28: "Action"})
    run(database)
    for statement, rebuilt in (
        ("UPDATE movie_genre_data SET title = 'Another' WHERE id = 3", False),
        ("DELETE FROM movie_genre_data WHERE id = 3", False),
        ("INSERT INTO movie_genre_data SELECT * FROM movie_genre_data WHERE id = 3", True),
        ("ALTER TABLE movie_genre_data DROP COLUMN title", True),
        ("DELETE FROM movie_genre_data", True),
        ("DROP TABLE movie_genre_data", True),
    ):
        with duckdb.connect(database) as connection:
            connection.execute(statement)
        assert run(database)["rebuilt"] == rebuilt


def test_without_a_film_that_has_votes_what_is_stored_stays(
    database: Path, films: pd.DataFrame
) -> None:
    store(database, many(films, 3), {})
    run(database)
    before = read_arrow(database, DATA)
    store(database, many(films, 3).assign(vote_count=0), {})
    with pytest.raises(SchemaError, match="no rows"):
        run(database)
    assert read_arrow(database, DATA) == before
