"""Looking films up by their titles, in a small warehouse of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_assets.lookup import (
    Film,
    NoSuchFilmError,
    Titles,
    normalised,
    read_films,
    recommend,
)
from movie_assets.warehouse import TABLES, TableMissingError, validate, write_table
from movie_assets.warehouse.errors import WarehouseVersionError

GENRES = {18: "Drama", 80: "Crime", 28: "Action"}


def movie(film_id: int, title: str, year: int | None = 2000, **changes: Any) -> dict[str, Any]:
    fields = {
        "genre_ids": [18],
        "id": film_id,
        "original_language": "en",
        "overview": None,
        "popularity": 1.0,
        "release_date": pd.Timestamp(year, 7, 1) if year else pd.NaT,
        "title": title,
        "vote_average": 5.0,
        "vote_count": 10,
        "original_title": title,
        "adult": False,
        "video": False,
        "backdrop_path": None,
        "poster_path": None,
        "popularity_rank": film_id,
    }
    return fields | changes


MOVIES = [
    movie(1, "Heat", 1995, genre_ids=[80, 18, 28], popularity=10.0, vote_average=8, vote_count=100),
    movie(2, "Scarface", 1983, popularity=13.0, vote_average=7, vote_count=90, genre_ids=[]),
    movie(3, "Scarface", 1932, popularity=6.0, vote_average=6, vote_count=20),
    movie(4, "Amélie", 2001, original_title="Le Fabuleux Destin d'Amélie Poulain"),
    movie(5, "No Date", None, original_title=None),
]
PAIRS = [(1, 1, 2, 0.875, ["Crime", "“city”"]), (1, 2, 3, 0.5, []), (2, 1, 3, 0.75, ["Crime"])]


def write(database: Path, table: str, rows: pd.DataFrame) -> None:
    write_table(database, TABLES[table], validate(rows, TABLES[table]))


def neighbours(pairs: list[tuple[int, int, int, float, list[str]]]) -> pd.DataFrame:
    names = ["movie_id", "rank", "neighbour_id", "score", "reasons"]
    parts = dict.fromkeys(("content", "closeness", "prior", "co_liked", "tmdb"), 0.5)
    frame = pd.DataFrame(pairs, columns=names).assign(**parts)
    return frame.astype(dict.fromkeys(("score", *parts), "float32"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("warehouse") / "films.duckdb"
    write(path, "movies_table", pd.DataFrame(MOVIES))
    write(path, "genres_table", pd.DataFrame({"id": list(GENRES), "name": list(GENRES.values())}))
    write(path, "similarity_matrix", neighbours(PAIRS[::-1]))
    return path


def test_the_films_most_like_a_film(database: Path) -> None:
    found = recommend(database, "Heat")
    assert found.film == Film(
        1, "Heat", "Heat", 1995, 10.0, 8.0, 100, genres=("Crime", "Drama", "Action")
    )
    assert found.others == ()
    assert [(r.rank, r.film.label, r.score, r.reasons) for r in found.found] == [
        (1, "Scarface (1983)", 0.875, ("Crime", "“city”")),
        (2, "Scarface (1932)", 0.5, ()),
    ]
    assert found.found[0].film.genres == ()


def test_the_distances_are_rmse_rounded_to_three_places(database: Path) -> None:
    assert recommend(database, "Heat").metrics == {
        "popularity": round(math.sqrt((3**2 + 4**2) / 2), 3),
        "vote_avg": round(math.sqrt((1**2 + 2**2) / 2), 3),
        "vote_count": round(math.sqrt((10**2 + 80**2) / 2), 3),
    }
    assert recommend(database, "Heat", limit=1).metrics["popularity"] == 3.0


def test_a_film_that_none_is_like(database: Path) -> None:
    found = recommend(database, "No Date")
    assert found.found == ()
    assert found.metrics == {"popularity": None, "vote_avg": None, "vote_count": None}
    assert found.film.label == "No Date"
    assert (found.film.year, found.film.original_title) == (None, None)


def test_the_limit(database: Path) -> None:
    assert [r.rank for r in recommend(database, "heat", limit=1).found] == [1]


@pytest.mark.parametrize(
    ("title", "year", "found", "others"),
    [
        ("Scarface", None, 2, (3,)),  # the one with most votes
        ("scarface ", 1932, 3, ()),
        ("Scarface", 1983, 2, ()),
        ("Scarface (1932)", None, 3, ()),
        (" SCARFACE(1932) ", None, 3, ()),
        ("Scarface (1932)", 1932, 3, ()),
        ("amelie", None, 4, ()),
        ("Le fabuleux destin d’Amélie Poulain", None, 4, ()),  # noqa: RUF001
        ("The Heat", None, 1, ()),
    ],
)
def test_titles_and_years(
    database: Path, title: str, year: int | None, found: int, others: tuple[int, ...]
) -> None:
    answer = recommend(database, title, year=year)
    assert answer.film.id == found
    assert tuple(film.id for film in answer.others) == others


@pytest.mark.parametrize(
    ("title", "year", "message"),
    [
        (
            "Scarfase",
            None,
            "no film 'Scarfase' in .* Did you mean Scarface .1983., Scarface .1932.",
        ),
        ("Heat", 1996, "no film 'Heat' of 1996 in .* Did you mean Heat .1995.[?]"),
        ("Heat (1996)", None, "no film 'Heat' of 1996"),
        ("Heat (1995)", 1996, r"no film 'Heat \(1995\)' of 1996"),
        ("xyzzy", None, "no film 'xyzzy' in .* Look through movies_table"),
        ("", None, "no film '' in"),
    ],
)
def test_no_such_film(database: Path, title: str, year: int | None, message: str) -> None:
    with pytest.raises(NoSuchFilmError, match=message):
        recommend(database, title, year=year)


def test_nothing_was_built_yet(tmp_path: Path) -> None:
    database = tmp_path / "films.duckdb"
    with pytest.raises(TableMissingError, match="movie-assets build"):
        recommend(database, "Heat")
    assert not database.exists()
    write(database, "movies_table", pd.DataFrame(MOVIES))
    with pytest.raises(TableMissingError, match=r"films\.duckdb yet"):
        recommend(database, "Heat")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    database = tmp_path / "films.duckdb"
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseVersionError):
        recommend(database, "Heat", wait_seconds=0)


def test_a_neighbour_that_is_gone_is_left_out(tmp_path: Path, database: Path) -> None:
    copy = tmp_path / "films.duckdb"
    copy.write_bytes(database.read_bytes())
    write(copy, "movies_table", pd.DataFrame([m for m in MOVIES if m["id"] != 2]))
    assert [r.film.id for r in recommend(copy, "Heat").found] == [3]


def detail(film_id: int, collection: int | None) -> dict[str, Any]:
    lists = ("keywords", "directors", "writers", "composers", "actors", "recommended_ids")
    nothing = ("imdb_id", "tagline", "runtime", "collection_name")
    return {
        "id": film_id,
        "collection_id": collection,
        **{name: [] for name in lists},
        **dict.fromkeys(nothing),
    }


def test_one_franchise_does_not_fill_the_list(tmp_path: Path) -> None:
    """Films 2 to 9 are like film 1, in this order; all but 5 and 8 are of its collection."""
    path = tmp_path / "films.duckdb"
    write(path, "movies_table", pd.DataFrame([movie(n, f"Film {n}") for n in range(1, 10)]))
    write(path, "genres_table", pd.DataFrame({"id": list(GENRES), "name": list(GENRES.values())}))
    pairs = [(1, n - 1, n, 1 - n / 10, [f"reason {n}"]) for n in range(2, 10)]
    write(path, "similarity_matrix", neighbours(pairs))
    details = [detail(n, None if n in (5, 8) else 7) for n in range(1, 10)]
    write(path, "movie_details", pd.DataFrame(details).astype({"collection_id": "Int32"}))

    found = recommend(path, "Film 1", limit=4).found
    assert [r.film.id for r in found] == [2, 5, 8, 3]
    assert [r.rank for r in found] == [1, 2, 3, 4]
    assert [r.score for r in found] == pytest.approx([0.8, 0.5, 0.2, 0.7])
    assert found[1].reasons == ("reason 5",)
    # Where there is nothing else, the franchise is better than nothing.
    assert len(recommend(path, "Film 1", limit=10).found) == 8


def test_all_films(database: Path, tmp_path: Path) -> None:
    assert sorted(film.id for film in read_films(database)) == [1, 2, 3, 4, 5]
    with pytest.raises(TableMissingError, match="movie-assets build"):
        read_films(tmp_path / "none.duckdb")


# -- titles ------------------------------------------------------------------------------------


def film(film_id: int, title: str, original: str | None = None, **changes: Any) -> Film:
    fields = {"year": 2000, "popularity": 1.0, "vote_average": 5.0, "vote_count": 10}
    return Film(film_id, title, original, **(fields | changes), genres=())


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        ("Amélie", "AMELIE"),
        ("Das weiße Band", "das weisse band"),
        ("Ocean's Eleven", "oceans eleven"),
        ("Ocean’s Eleven", "ocean's eleven"),  # noqa: RUF001
        ("WALL·E", "wall-e"),
        ("Spider-Man: Into the Spider-Verse", "spider man  into the spider verse"),
        ("Mission: Impossible - Fallout", "Mission Impossible – Fallout"),  # noqa: RUF001
        ("8½", "8 1/2"),
        ("9½ Weeks", "9 1/2 weeks"),
        ("¡Átame!", "atame"),
        ("Łódź", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("Ðæðalus", "daedalus"),
        ("Ёлки", "елки"),
        ("Ζορμπάς", "ΖΟΡΜΠΑΣ"),
        ("İstanbul", "istanbul"),
        ("Tiếng Việt", "tieng viet"),
        ("七人の侍", " 七人の侍 "),
        ("살인의 추억", "살인의  추억"),
        ("عَرَبِيّ", "عربي"),
        ("שָׁלוֹם", "שלום"),
        ("ﬁlm", "film"),
        ("№ 7", "no 7"),
        ("Title™", "titletm"),
        ("Cafe\u0301", "café"),
        ("???", "???"),
        ("$", " $ "),
    ],
)
def test_one_title_in_two_spellings(title: str, typed: str) -> None:
    assert normalised(title) == normalised(typed)
    assert Titles([film(1, title)]).find(typed)[0].id == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("パパ", "ハハ"),  # papa and haha: mother
        ("दिल", "दुल"),
        ("กา", "กี"),
        ("Alien", "Aliens"),
        ("Se7en", "Seven"),
        ("???", "!!!"),
        ("$", "€"),
        ("M", "M3GAN"),
        ("Up", "Us"),
        ("21", "2:1 0"),
    ],
)
def test_titles_that_differ(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(st.text(max_size=20))
def test_any_text_may_be_normalised_again(title: str) -> None:
    once = normalised(title)
    assert normalised(once) == once
    assert "  " not in once


def test_exact_titles_go_before_original_ones_and_those_before_articles() -> None:
    films = [film(1, "The Ring"), film(2, "Loop", "Ring", vote_count=99), film(3, "Ring")]
    assert [f.id for f in Titles(films).find("ring")] == [3]
    assert [f.id for f in Titles(films[:2]).find("ring")] == [2]
    assert [f.id for f in Titles(films[:1]).find("ring")] == [1]
    assert [f.id for f in Titles(films[:1]).find("A Ring")] == [1]


def test_the_year_is_looked_for_in_all_forms_of_the_title() -> None:
    films = [film(1, "The Ring", year=2002), film(2, "Ring", year=1998)]
    assert [f.id for f in Titles(films).find("The Ring", 1998)] == [2]
    with pytest.raises(NoSuchFilmError) as raised:
        Titles(films).find("The Ring", 1950)
    assert [f.id for f in raised.value.suggestions] == [1, 2]


def test_most_votes_first_and_then_by_id() -> None:
    films = [film(3, "Heat"), film(2, "Heat", vote_count=50), film(1, "Heat")]
    assert [f.id for f in Titles(films).find("Heat")] == [2, 1, 3]


def test_a_film_without_a_year_is_of_no_year() -> None:
    films = [film(1, "Heat", year=None)]
    assert Titles(films).find("Heat")[0].label == "Heat"
    with pytest.raises(NoSuchFilmError, match="Did you mean Heat"):
        Titles(films).find("Heat", 1995)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("godfather prat II", "The Godfather Part II"),
        ("pulp fictoin", "Pulp Fiction"),
        ("dark knight batman", "The Dark Knight"),
        ("fiction by tarantino: pulp", "Pulp Fiction"),
        ("lord of the ring fellowship", "The Lord of the Rings: The Fellowship of the Ring"),
    ],
)
def test_suggestions(typed: str, expected: str) -> None:
    titles = [
        "The Lord of the Rings: The Fellowship of the Ring",
        "The Godfather Part II",
        "Pulp Fiction",
        "The Dark Knight",
        "Amélie",
        "Heat",
    ]
    with pytest.raises(NoSuchFilmError) as raised:
        Titles([film(n, title) for n, title in enumerate(titles)]).find(typed)
    suggested = [f.title for f in raised.value.suggestions]
    assert suggested[0] == expected
    assert len(suggested) < len(titles)


def test_at_most_five_suggestions_the_better_known_first() -> None:
    films = [film(n, "Rocky", vote_count=n) for n in range(1, 9)]
    with pytest.raises(NoSuchFilmError) as raised:
        Titles(films).find("Rockx")
    assert [f.id for f in raised.value.suggestions] == [8, 7, 6, 5, 4]
