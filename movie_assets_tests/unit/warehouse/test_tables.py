"""The declared tables keep what others rely on."""

from __future__ import annotations

import pytest

from movie_assets.warehouse import TABLES, TableMissingError, TableSchema, find_table


def test_films_begin_with_the_nine_columns_of_the_view() -> None:
    table = TABLES["movies_table"]
    assert [(c.name, c.duckdb_type) for c in table.columns[:9]] == [
        ("genre_ids", "INTEGER[]"),
        ("id", "INTEGER"),
        ("original_language", "VARCHAR"),
        ("overview", "VARCHAR"),
        ("popularity", "DOUBLE"),
        ("release_date", "TIMESTAMP"),
        ("title", "VARCHAR"),
        ("vote_average", "DOUBLE"),
        ("vote_count", "INTEGER"),
    ]
    (view,) = table.views
    assert view.name == "movies"
    assert view.columns == table.column_names[:9]


def test_genres_are_id_and_name() -> None:
    table = TABLES["genres_table"]
    assert table.column_names == ("id", "name")
    assert [view.name for view in table.views] == ["genres"]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_everything_is_described(table: TableSchema) -> None:
    descriptions = [table.description, *(c.description for c in table.columns)]
    assert all(text.endswith(".") and "\n" not in text for text in descriptions)
    signals = {"movielens_ratings", "co_liked_movies", "item_weights"}
    assert table.may_be_empty == (table.name in signals)


def test_unknown_table_names_those_that_there_are() -> None:
    with pytest.raises(TableMissingError, match=r"'filmz'.*movies_table"):
        find_table("filmz")
