"""Every decision about a faulty row, and that all rows and values are accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.assets.extract import _frame, _numbered
from movie_assets.tmdb.details import parse_details
from movie_assets.tmdb.rows import parse_genre, parse_movie
from movie_assets.warehouse import TABLES, read_table, validate, write_table
from movie_assets.warehouse.cleaning import (
    Cleaned,
    clean_details,
    clean_genres,
    clean_movies,
)

GENRES = {18: "Drama", 80: "Crime"}
GOOD = {
    "adult": True,
    "backdrop_path": "/b.jpg",
    "genre_ids": [80, 18],
    "id": 7,
    "original_language": "fr",
    "original_title": "Le Titre",
    "overview": "A plot.",
    "popularity": 1.5,
    "poster_path": "/p.jpg",
    "release_date": "1995-12-15",
    "title": "The Title",
    "video": True,
    "vote_average": 7.9,
    "vote_count": 12,
}


def raw(*films: dict[str, Any]) -> pd.DataFrame:
    return _numbered("raw_popular_movies", [parse_movie(film) for film in films])


def clean(*films: dict[str, Any]) -> Cleaned:
    return clean_movies(raw(*films), GENRES)


def test_a_good_film_stays_as_it_is() -> None:
    cleaned = clean(GOOD)
    assert (cleaned.dropped, cleaned.mended) == ({}, {})
    (film,) = cleaned.frame.to_dict("records")
    expected = GOOD | {"release_date": pd.Timestamp("1995-12-15"), "popularity_rank": 1}
    assert film == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"id": "seven"}, "id is missing"),
        ({"id": 2**63}, "id is missing"),  # not even BIGINT holds it
        ({"id": 0}, "id is out of INTEGER's range"),
        ({"id": -1}, "id is out of INTEGER's range"),
        ({"id": 2**31}, "id is out of INTEGER's range"),
        ({"id": 2**40}, "id is out of INTEGER's range"),
        ({"title": None, "original_title": None}, "no title"),
        ({"title": "", "original_title": " \n "}, "no title"),
    ],
)
def test_dropped(fields: dict[str, Any], reason: str) -> None:
    cleaned = clean(GOOD | fields, GOOD | {"id": 8})
    assert cleaned.dropped == {reason: 1}
    assert cleaned.frame["id"].tolist() == [8]
    assert cleaned.frame["popularity_rank"].tolist() == [1]
    assert cleaned.mended == {}


@pytest.mark.parametrize("film_id", [1, 2**31 - 1, "7", 7.0])
def test_ids_that_are_in_range(film_id: object) -> None:
    assert clean(GOOD | {"id": film_id}).frame["id"].tolist() == [int(film_id)]  # type: ignore[call-overload]


def test_of_a_repeated_film_the_first_is_kept() -> None:
    cleaned = clean(
        GOOD, GOOD | {"title": "Again"}, GOOD | {"id": 8}, GOOD | {"title": "And again"}
    )
    assert cleaned.dropped == {"id was seen before": 2}
    assert cleaned.frame["title"].tolist() == ["The Title", "The Title"]
    assert cleaned.frame["popularity_rank"].tolist() == [1, 2]


def test_of_a_repeated_film_the_first_with_a_title_is_kept() -> None:
    cleaned = clean(GOOD | {"title": None, "original_title": None}, GOOD)
    assert cleaned.dropped == {"no title": 1}
    assert cleaned.frame["id"].tolist() == [7]


def test_a_row_counts_for_its_first_fault_only() -> None:
    nothing = {"id": None, "title": None, "original_title": None}
    assert clean(nothing, nothing).dropped == {"id is missing": 2}
    assert clean(GOOD | {"id": -5}, GOOD | {"id": -5}).dropped == {
        "id is out of INTEGER's range": 2
    }


NO_GENRE = "genre unknown or repeated: left out"
NO_DATE = "release date is no date: null"
DATE = {"release_date": pd.NaT}
NO_POPULARITY = "popularity missing or out of range: 0"
NO_AVERAGE = "vote average missing or out of range: 0"
NO_COUNT = "vote count missing or out of range: 0"
ORIGINAL = {"title": "Le Titre"}


@pytest.mark.parametrize(
    ("fields", "reasons", "result"),
    [
        ({"title": None}, {"title missing: original title taken": 1}, ORIGINAL),
        ({"title": ""}, {"title missing: original title taken": 1}, ORIGINAL),
        ({"title": " \t"}, {"title missing: original title taken": 1}, ORIGINAL),
        ({"title": ["x"]}, {"title missing: original title taken": 1}, ORIGINAL),
        ({"overview": None}, {"overview missing: null": 1}, {"overview": None}),
        ({"overview": ""}, {"overview missing: null": 1}, {"overview": None}),
        ({"overview": " \n\u3000"}, {"overview missing: null": 1}, {"overview": None}),
        ({"release_date": None}, {"release date missing: null": 1}, DATE),
        ({"release_date": ""}, {"release date missing: null": 1}, DATE),
        ({"release_date": "2020-13-45"}, {NO_DATE: 1}, DATE),
        ({"release_date": "2019-02-29"}, {NO_DATE: 1}, DATE),
        ({"release_date": "soon"}, {NO_DATE: 1}, DATE),
        ({"release_date": "today"}, {NO_DATE: 1}, DATE),
        ({"release_date": "now"}, {NO_DATE: 1}, DATE),
        ({"release_date": "0000-01-01"}, {NO_DATE: 1}, DATE),
        ({"release_date": "-001-01-01"}, {NO_DATE: 1}, DATE),
        ({"release_date": "10000-01-01"}, {NO_DATE: 1}, DATE),
        ({"release_date": "20200101"}, {NO_DATE: 1}, DATE),
        ({"release_date": "2020-01-01T00:00"}, {NO_DATE: 1}, DATE),
        ({"genre_ids": None}, {"genres missing: none": 1}, {"genre_ids": []}),
        ({"genre_ids": "18"}, {"genres missing: none": 1}, {"genre_ids": []}),
        ({"genre_ids": [99, 18]}, {NO_GENRE: 1}, {"genre_ids": [18]}),
        ({"genre_ids": [18, 80, 18]}, {NO_GENRE: 1}, {"genre_ids": [18, 80]}),
        ({"genre_ids": [2**40, -1, 18]}, {NO_GENRE: 2}, {"genre_ids": [18]}),
        ({"popularity": None}, {NO_POPULARITY: 1}, {"popularity": 0.0}),
        ({"popularity": -0.1}, {NO_POPULARITY: 1}, {"popularity": 0.0}),
        ({"popularity": float("inf")}, {NO_POPULARITY: 1}, {"popularity": 0.0}),
        ({"vote_average": None}, {NO_AVERAGE: 1}, {"vote_average": 0.0}),
        ({"vote_average": -0.1}, {NO_AVERAGE: 1}, {"vote_average": 0.0}),
        ({"vote_average": 10.1}, {NO_AVERAGE: 1}, {"vote_average": 0.0}),
        ({"vote_average": float("nan")}, {NO_AVERAGE: 1}, {"vote_average": 0.0}),
        ({"vote_count": None}, {NO_COUNT: 1}, {"vote_count": 0}),
        ({"vote_count": -1}, {NO_COUNT: 1}, {"vote_count": 0}),
        ({"vote_count": 2**31}, {NO_COUNT: 1}, {"vote_count": 0}),
        ({"vote_count": 2**62}, {NO_COUNT: 1}, {"vote_count": 0}),
        ({"adult": None}, {"adult missing: false": 1}, {"adult": False}),
        ({"video": None}, {"video missing: false": 1}, {"video": False}),
        ({"adult": "yes"}, {"adult missing: false": 1}, {"adult": False}),
    ],
)
def test_mended(fields: dict[str, Any], reasons: dict[str, int], result: dict[str, Any]) -> None:
    cleaned = clean(GOOD | fields)
    assert cleaned.mended == reasons
    assert cleaned.dropped == {}
    (film,) = cleaned.frame.to_dict("records")
    for name, value in result.items():
        if value is None or value is pd.NaT:
            assert pd.isna(film[name])
        else:
            assert film[name] == value
    # Nothing else changed.
    (good,) = clean(GOOD).frame.to_dict("records")
    assert {k: v for k, v in film.items() if k not in result} == {
        k: v for k, v in good.items() if k not in result
    }


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"title": " Heat \n"}, {"title": "Heat"}),
        ({"title": "nan", "overview": "None"}, {"title": "nan", "overview": "None"}),
        ({"release_date": "0001-01-01"}, {"release_date": pd.Timestamp("0001-01-01")}),
        ({"release_date": "9999-12-31"}, {"release_date": pd.Timestamp("9999-12-31")}),
        ({"release_date": " 1995-1-5 "}, {"release_date": pd.Timestamp("1995-01-05")}),
        ({"genre_ids": []}, {"genre_ids": []}),
        ({"vote_average": 0, "vote_count": 0}, {"vote_average": 0.0, "vote_count": 0}),
        ({"vote_average": 10}, {"vote_average": 10.0}),
        ({"vote_count": 2**31 - 1}, {"vote_count": 2**31 - 1}),
        ({"popularity": 0}, {"popularity": 0.0}),
        ({"popularity": 1e9}, {"popularity": 1e9}),
        ({"popularity": "7.5"}, {"popularity": 7.5}),
        ({"overview": 'Quotes " and \n 🎬 مرحبا'}, {"overview": 'Quotes " and \n 🎬 مرحبا'}),
    ],
)
def test_taken_without_a_word(fields: dict[str, Any], result: dict[str, Any]) -> None:
    cleaned = clean(GOOD | fields)
    assert (cleaned.dropped, cleaned.mended) == ({}, {})
    (film,) = cleaned.frame.to_dict("records")
    assert {name: film[name] for name in result} == result


@pytest.mark.parametrize(
    "column", ["original_language", "original_title", "backdrop_path", "poster_path"]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_tmdb_may_leave_open_is_null(column: str, value: str | None) -> None:
    cleaned = clean(GOOD | {column: value})
    assert cleaned.mended == {}
    assert cleaned.frame[column].isna().all()


def test_no_films_at_all() -> None:
    cleaned = clean()
    assert cleaned.frame.empty
    assert tuple(cleaned.frame.columns) == TABLES["movies_table"].column_names
    assert (cleaned.dropped, cleaned.mended) == ({}, {})


def test_rows_that_came_back_from_the_warehouse(tmp_path: Any) -> None:
    """What the IO manager hands over has the same dtypes as what extraction made."""
    frame = raw(GOOD, GOOD | {"id": 8, "genre_ids": None, "title": None}, GOOD | {"id": None})
    table = TABLES["raw_popular_movies"]
    write_table(tmp_path / "films.duckdb", table, validate(frame, table))
    stored = read_table(tmp_path / "films.duckdb", table.name)
    direct, back = clean_movies(frame, GENRES), clean_movies(stored, GENRES)
    pd.testing.assert_frame_equal(back.frame, direct.frame)
    assert (back.dropped, back.mended) == (direct.dropped, direct.mended)


def test_genre_lists_may_be_numpy_arrays() -> None:
    frame = raw(GOOD, GOOD | {"id": 8})
    frame["genre_ids"] = [np.array([80, 99]), np.array([], dtype="int64")]
    cleaned = clean_movies(frame, GENRES)
    assert cleaned.frame["genre_ids"].tolist() == [[80], []]
    assert cleaned.mended == {NO_GENRE: 1}


def test_infinite_numbers_are_mended_too() -> None:
    """TMDB's answers cannot hold them, but a frame can."""
    frame = raw(GOOD).assign(popularity=np.inf, vote_average=-np.inf)
    cleaned = clean_movies(frame, GENRES)
    assert cleaned.mended == {NO_POPULARITY: 1, NO_AVERAGE: 1}
    assert cleaned.frame[["popularity", "vote_average"]].to_numpy().tolist() == [[0.0, 0.0]]


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.sampled_from([0, 2**31 - 1, 2**31, 2**40, 2**63, -(2**31)]),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["", " ", "7", "2020-02-30", "1999-12-31", "soon", "now", "\x00", "\ud800"]),
    st.lists(
        st.one_of(st.integers(-1, 3), st.sampled_from([18, 80, 2**40]), st.none()), max_size=4
    ),
    st.just({}),
)
FILM = st.builds(
    lambda good, junk: good | junk,
    st.fixed_dictionaries({}, optional={name: st.just(GOOD[name]) for name in GOOD}),
    st.dictionaries(st.sampled_from([*GOOD, "new_field"]), JUNK, max_size=6),
)


@pytest.mark.no_cover
@settings(max_examples=60, deadline=None)
@given(films=st.lists(FILM, max_size=8))
def test_all_rows_are_accounted_for_and_fit_the_table(films: list[dict[str, Any]]) -> None:
    frame = raw(*films)
    before = frame.copy()
    cleaned = clean_movies(frame, GENRES)
    pd.testing.assert_frame_equal(frame, before)
    assert len(cleaned.frame) + sum(cleaned.dropped.values()) == len(films)
    assert all(count > 0 for count in (*cleaned.dropped.values(), *cleaned.mended.values()))
    if not cleaned.frame.empty:
        table = validate(cleaned.frame, TABLES["movies_table"])
        assert table.num_rows == len(cleaned.frame)
        assert cleaned.frame["popularity_rank"].tolist() == list(range(1, table.num_rows + 1))
        assert {i for ids in cleaned.frame["genre_ids"] for i in ids} <= GENRES.keys()
        in_the_list = iter(frame["id"].dropna().tolist())
        assert all(film in in_the_list for film in cleaned.frame["id"])  # in the list's order


def raw_genres(*entries: object) -> pd.DataFrame:
    return _numbered("raw_genres", [parse_genre(entry) for entry in entries])


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"name": "X"}, "id is missing"),
        ({"id": "x", "name": "X"}, "id is missing"),
        ("no object", "id is missing"),
        ({"id": -1, "name": "X"}, "id is out of INTEGER's range"),
        ({"id": 2**31, "name": "X"}, "id is out of INTEGER's range"),
        ({"id": 9, "name": None}, "no name"),
        ({"id": 9, "name": " "}, "no name"),
        ({"id": 18, "name": "Drama again"}, "id was seen before"),
    ],
)
def test_genres_dropped(entry: object, reason: str) -> None:
    cleaned = clean_genres(
        raw_genres({"id": 18, "name": " Drama"}, entry, {"id": 0, "name": "None"})
    )
    assert cleaned.dropped == {reason: 1}
    assert cleaned.frame.to_dict("records") == [
        {"id": 18, "name": "Drama"},
        {"id": 0, "name": "None"},
    ]
    validate(cleaned.frame, TABLES["genres_table"])


def test_a_genre_whose_first_entry_has_no_name() -> None:
    cleaned = clean_genres(raw_genres({"id": 18, "name": ""}, {"id": 18, "name": "Drama"}))
    assert cleaned.frame.to_dict("records") == [{"id": 18, "name": "Drama"}]
    assert cleaned.dropped == {"no name": 1}


GENRE = st.one_of(
    JUNK,
    st.fixed_dictionaries(
        {},
        optional={"id": st.one_of(st.integers(0, 4), JUNK), "name": st.one_of(st.just("X"), JUNK)},
    ),
)


@settings(max_examples=80, deadline=None)
@given(entries=st.lists(GENRE, max_size=8))
def test_all_genres_are_accounted_for(entries: list[object]) -> None:
    cleaned = clean_genres(raw_genres(*entries))
    assert len(cleaned.frame) + sum(cleaned.dropped.values()) == len(entries)
    if not cleaned.frame.empty:
        validate(cleaned.frame, TABLES["genres_table"])


def test_films_of_the_catalogue_have_no_rank() -> None:
    cleaned = clean_movies(raw(GOOD, GOOD | {"id": 8}), GENRES, ranked=False)
    assert cleaned.frame["popularity_rank"].isna().tolist() == [True, True]
    table = validate(cleaned.frame, TABLES["movies_table"])
    assert table["popularity_rank"].null_count == 2


# -- details --------------------------------------------------------------------------------------

DETAILS: dict[str, Any] = {
    "id": 7,
    "imdb_id": " tt0000007",
    "tagline": "One more time.",
    "runtime": 99,
    "belongs_to_collection": {"id": 70, "name": "All of them"},
    "keywords": {"keywords": [{"name": "heist"}, {"name": "train"}]},
    "credits": {
        "cast": [{"name": "B", "order": 1}, {"name": "A", "order": 0}],
        "crew": [{"name": "C", "job": "Director"}, {"name": "D", "job": "Writer"}],
    },
    "recommendations": {"results": [{"id": 9}, {"id": 8}]},
}
NO_LISTS: dict[str, list[Any]] = {
    name: [] for name in ("keywords", "directors", "writers", "composers", "actors")
}


def raw_details(*films: dict[str, Any]) -> pd.DataFrame:
    return _frame("raw_movie_details", [parse_details(film) for film in films])


def details_of(*films: dict[str, Any]) -> Cleaned:
    cleaned = clean_details(raw_details(*films), [7, 8])
    validate(cleaned.frame, TABLES["movie_details"])
    return cleaned


def test_good_details_stay_as_they_are() -> None:
    cleaned = details_of(DETAILS)
    assert (cleaned.dropped, cleaned.mended) == ({}, {})
    assert cleaned.frame.to_dict("records") == [
        {
            "id": 7,
            "imdb_id": "tt0000007",
            "tagline": "One more time.",
            "runtime": 99,
            "collection_id": 70,
            "collection_name": "All of them",
            "keywords": ["heist", "train"],
            "directors": ["C"],
            "writers": ["D"],
            "composers": [],
            "actors": ["A", "B"],
            "recommended_ids": [9, 8],
        }
    ]


def test_what_tmdb_does_not_know_of_a_film_is_no_fault() -> None:
    cleaned = details_of({"id": 7, "runtime": 0, "imdb_id": "", "tagline": ""}, {"id": 8})
    assert (cleaned.dropped, cleaned.mended) == ({}, {})
    assert cleaned.frame[["imdb_id", "tagline", "runtime", "collection_id"]].isna().all(axis=None)
    for name in (*NO_LISTS, "recommended_ids"):
        assert cleaned.frame[name].tolist() == [[], []]


def test_details_of_other_films_are_dropped() -> None:
    cleaned = details_of(DETAILS, DETAILS | {"id": 9}, DETAILS | {"id": 2**40})
    assert cleaned.dropped == {"film is not in movies_table": 2}
    assert cleaned.frame["id"].tolist() == [7]


@pytest.mark.parametrize("minutes", [-1, 2**31, -(2**63)])
def test_a_runtime_that_cannot_be_is_unknown(minutes: int) -> None:
    cleaned = details_of(DETAILS | {"runtime": minutes})
    assert cleaned.mended == {"runtime out of range: null": 1}
    assert cleaned.frame["runtime"].isna().all()


@pytest.mark.parametrize("number", [0, -1, 2**31])
def test_a_collection_keeps_its_name_where_its_number_cannot_be(number: int) -> None:
    cleaned = details_of(DETAILS | {"belongs_to_collection": {"id": number, "name": " All "}})
    assert cleaned.mended == {"collection id out of range: null": 1}
    assert cleaned.frame["collection_id"].isna().all()
    assert cleaned.frame["collection_name"].tolist() == ["All"]


def test_names_are_stripped_and_each_is_kept_at_its_first_place() -> None:
    names = [{"name": name} for name in (" b ", "a", "", "b", " \n", "a", "B")]
    cleaned = details_of(DETAILS | {"keywords": {"keywords": names}})
    assert cleaned.mended == {"keywords blank or repeated: left out": 4}
    assert cleaned.frame["keywords"].tolist() == [["b", "a", "B"]]


def test_recommended_films_are_others_each_once() -> None:
    results = [{"id": film} for film in (9, 7, 8, 9, 0, -3, 2**31, 2**31 - 1)]
    cleaned = details_of(DETAILS | {"recommendations": {"results": results}})
    reason = "recommended film out of range, repeated or itself: left out"
    assert cleaned.mended == {reason: 5}
    assert cleaned.frame["recommended_ids"].tolist() == [[9, 8, 2**31 - 1]]


def test_no_details_of_any_film_are_no_rows() -> None:
    cleaned = clean_details(raw_details(), [7])
    assert len(cleaned.frame) == 0
    assert tuple(cleaned.frame.columns) == TABLES["movie_details"].column_names


def test_details_are_cleaned_as_they_are_read_back(tmp_path: Any) -> None:
    """Lists, nulls and masked integers come back as they were."""
    raw_rows = raw_details(DETAILS, {"id": 8})
    path = tmp_path / "movies.duckdb"
    table = TABLES["raw_movie_details"]
    write_table(path, table, validate(raw_rows, table))
    again = clean_details(read_table(path, "raw_movie_details"), [7, 8])
    pd.testing.assert_frame_equal(again.frame, clean_details(raw_rows, [7, 8]).frame)
