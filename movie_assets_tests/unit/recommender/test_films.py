"""Films in the recommender's frame, from whatever they come in."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from movie_assets.recommender.films import (
    LISTS,
    TEXTS,
    CatalogueError,
    film_frame,
    read_catalogue,
)

NUMBERS = ["vote_count", "vote_average", "popularity", "runtime"]


def test_films_ascend_by_id_with_all_that_is_theirs() -> None:
    frame = film_frame(
        pd.DataFrame(
            {
                "id": [30, 4],
                "title": ["Thirty", "Four"],
                "genres": [["Crime"], ["Drama", "War"]],
                "release_date": ["1999-03-01", "2001-01-31"],
                "vote_count": [3, 4],
                "vote_average": [7.5, 8.0],
                "budget": [1, 2],
            },
            index=[7, 7],
        )
    )
    assert frame.columns.tolist() == ["id", *TEXTS, *LISTS, "year", *NUMBERS]
    assert frame.index.tolist() == [0, 1]
    assert frame["id"].tolist() == [4, 30]
    assert frame["title"].tolist() == ["Four", "Thirty"]
    assert frame["genres"].tolist() == [["Drama", "War"], ["Crime"]]
    assert frame["year"].tolist() == [2001, 1999]
    assert frame["vote_count"].tolist() == [4, 3]
    assert frame["vote_average"].tolist() == [8.0, 7.5]
    dtypes = frame.dtypes.astype(str)
    assert (
        dtypes[["id", "year", *NUMBERS]].tolist() == ["int32", "Int16", "int64"] + ["float64"] * 3
    )


def test_a_missing_column_is_missing_for_every_film() -> None:
    frame = film_frame(pd.DataFrame({"id": [1, 2]}))
    for name in TEXTS:
        assert frame[name].tolist() == [None, None]
    for name in LISTS:
        assert frame[name].tolist() == [[], []]
    assert frame["year"].isna().all()
    assert not frame[NUMBERS].to_numpy().any()


def test_no_films() -> None:
    for nothing in (pd.DataFrame({"id": []}), pd.DataFrame({"id": [], "release_date": []})):
        frame = film_frame(nothing)
        assert len(frame) == 0
        assert str(frame["id"].dtype) == "int32"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([None, float("nan"), "", "  ", 5, "text"], [None] * 5 + ["text"]),
    ],
)
def test_texts(given: list[Any], expected: list[str | None]) -> None:
    films = pd.DataFrame({"id": range(len(given)), "overview": pd.Series(given, dtype=object)})
    assert film_frame(films)["overview"].tolist() == expected


def test_lists() -> None:
    given = [["a", None, "b"], ("c",), np.array(["d"], object), None, float("nan"), "Drama", [" "]]
    films = pd.DataFrame({"id": range(len(given)), "genres": pd.Series(given, dtype=object)})
    assert film_frame(films)["genres"].tolist() == [["a", "b"], ["c"], ["d"], [], [], [], []]


def test_dates_of_every_kind_in_one_column() -> None:
    given = [
        "1999",
        "1999-03-01",
        "soon",
        None,
        datetime.date(1894, 1, 9),
        pd.Timestamp(2001, 1, 1),
    ]
    films = pd.DataFrame({"id": range(len(given)), "release_date": pd.Series(given, dtype=object)})
    years = film_frame(films)["year"]
    assert years.fillna(0).tolist() == [1999, 1999, 0, 0, 1894, 2001]


def test_numbers_that_cannot_be_are_0() -> None:
    films = pd.DataFrame(
        {
            "id": range(6),
            "vote_count": [-3, np.nan, np.inf, 1e300, "many", "7"],
            "vote_average": [-1, np.nan, np.inf, 10.5, "x", "10"],
        }
    )
    frame = film_frame(films)
    assert frame["vote_count"].tolist() == [0, 0, 0, 0, 0, 7]
    assert frame["vote_average"].tolist() == [0, 0, 0, 0, 0, 10]


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        (None, "films need an id"),
        ([7, 8, 7], "film 7 is there twice"),
        ([1, 1.5], "1.5 is no film's id"),
        ([1, np.nan], "nan is no film's id"),
        ([1, None], "nan is no film's id"),
        (["1", "one"], "one is no film's id"),
        ([1, 2**31], "2147483648 is no film's id"),
        ([1, np.inf], "inf is no film's id"),
    ],
)
def test_ids_that_are_none(ids: list[Any] | None, complaint: str) -> None:
    films = pd.DataFrame({"title": ["a"]} if ids is None else {"id": ids})
    with pytest.raises(ValueError, match=complaint):
        film_frame(films)


def test_ids_as_text_are_numbers() -> None:
    assert film_frame(pd.DataFrame({"id": ["10", "9"]}))["id"].tolist() == [9, 10]


# -- files --------------------------------------------------------------------------------------


def test_a_catalogue_with_tmdbs_names(tmp_path: Path) -> None:
    path = tmp_path / "films.parquet"
    films = {
        "id": [2, 1],
        "cast": [["Ann", "Bob"], []],
        "collection_name": ["Tales", None],
        "release_date": [datetime.date(1999, 1, 1), None],
    }
    pd.DataFrame(films).to_parquet(path)
    frame = read_catalogue(path)
    assert frame["id"].tolist() == [1, 2]
    assert frame["actors"].tolist() == [[], ["Ann", "Bob"]]
    assert frame["collection"].tolist() == [None, "Tales"]
    assert frame["year"].fillna(0).tolist() == [0, 1999]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, r"There is no file .*f\.parquet"),
        (b"", r"f\.parquet cannot be read as a parquet file of films: "),
        (b"id,title\n1,Heat\n", r"f\.parquet cannot be read as a parquet file of films: "),
        (pd.DataFrame({"title": ["Heat"]}), r"f\.parquet is no file of films: films need an id"),
        (pd.DataFrame({"id": [3, 3]}), r"f\.parquet is no file of films: film 3 is there twice"),
    ],
    ids=["missing", "empty", "csv", "no ids", "an id twice"],
)
def test_files_that_are_no_catalogue(tmp_path: Path, content: Any, complaint: str) -> None:
    path = tmp_path / "f.parquet"
    if isinstance(content, pd.DataFrame):
        content.to_parquet(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(CatalogueError, match=complaint) as raised:
        read_catalogue(path)
    assert "\n" not in str(raised.value)


def test_a_catalogue_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pd.DataFrame({"id": range(100)}).to_parquet(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(CatalogueError, match="cannot be read"):
            read_catalogue(path)
