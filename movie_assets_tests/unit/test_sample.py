"""The bundled films: enough of them, of every kind, and nothing wrong with any."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import movie_assets
from movie_assets.assets.extract import _frame, _numbered
from movie_assets.tmdb import BundledCatalogue
from movie_assets.tmdb.details import parse_details
from movie_assets.tmdb.rows import parse_genre, parse_movie
from movie_assets.warehouse import TABLES, validate
from movie_assets.warehouse.cleaning import Cleaned, clean_details, clean_genres, clean_movies

FOLDER = Path(movie_assets.__file__).parent / "sample"
CATALOGUE = BundledCatalogue(FOLDER)
POPULAR = CATALOGUE.popular_movies(limit=10_000)
FILMS: list[dict[str, Any]] = POPULAR.movies  # type: ignore[assignment]
GENRES: list[dict[str, Any]] = CATALOGUE.genres()  # type: ignore[assignment]
DETAILS: dict[str, Any] = json.loads((FOLDER / "details.json").read_text(encoding="utf-8"))

POSTER = re.compile(r"/\w+\.(jpg|png)")
#: TMDB's film genres.
ALL_GENRES = (
    "Action, Adventure, Animation, Comedy, Crime, Documentary, Drama, Family, Fantasy, History, "
    "Horror, Music, Mystery, Romance, Science Fiction, TV Movie, Thriller, War, Western"
)


def test_there_are_enough_films_and_each_only_once() -> None:
    assert len(FILMS) >= 500
    assert len({film["id"] for film in FILMS}) == len(FILMS)
    assert POPULAR.repeated == 0
    assert POPULAR.rejected == {}


def test_every_decade_since_1920() -> None:
    decades = Counter(int(film["release_date"][:4]) // 10 * 10 for film in FILMS)
    missing = [decade for decade in range(1920, 2021, 10) if decades[decade] < 3]
    assert missing == []


def test_all_19_genres_and_films_of_each() -> None:
    names = {genre["id"]: genre["name"] for genre in GENRES}
    assert set(names.values()) == set(ALL_GENRES.split(", "))
    assert len(GENRES) == 19
    of_films = Counter(genre for film in FILMS for genre in film["genre_ids"])
    assert of_films.keys() == names.keys()
    assert all(film["genre_ids"] for film in FILMS)


def test_at_least_15_languages() -> None:
    assert len({film["original_language"] for film in FILMS}) >= 15


def test_remakes_that_share_a_title() -> None:
    titles = Counter(film["title"] for film in FILMS)
    shared = {title for title, count in titles.items() if count > 1}
    assert len(shared) >= 3
    for title in shared:
        years = [film["release_date"][:4] for film in FILMS if film["title"] == title]
        assert len(set(years)) == len(years), f"{title} could not be told apart by year"


def test_sequels_and_directors_with_several_films() -> None:
    collections = Counter(
        detail["belongs_to_collection"]["name"]
        for detail in DETAILS.values()
        if detail["belongs_to_collection"]
    )
    directors = Counter(
        person["name"] for detail in DETAILS.values() for person in detail["credits"]["crew"]
    )
    assert sum(count > 1 for count in collections.values()) >= 10
    assert sum(count > 2 for count in directors.values()) >= 10


def film_faults(film: dict[str, Any]) -> set[str]:
    parsed = parse_movie(film)
    optional = ("extra_fields", "malformed_fields", "backdrop_path", "poster_path")
    rules = {
        "malformed": parsed["malformed_fields"] is None,
        "extra": parsed["extra_fields"] is None,
        "missing": all(value not in (None, "") for k, value in parsed.items() if k not in optional),
        "length": 25 <= len(film["overview"].split()) <= 60,
        "end": film["overview"].endswith((".", "!", "?", '"')),
        "white space": " ".join(film["overview"].split()) == film["overview"],
        "poster": film["poster_path"] is None or bool(POSTER.fullmatch(film["poster_path"])),
        "votes": film["vote_count"] > 0,
        "adult": not film["adult"],
    }
    return {name for name, is_kept in rules.items() if not is_kept}


def detail_faults(film: dict[str, Any], detail: dict[str, Any]) -> set[str]:
    people = detail["credits"]
    rules = {
        "id": detail["id"] == film["id"],
        "title": detail["title"] == film["title"],
        "runtime": detail["runtime"] is None or detail["runtime"] > 0,
        "cast": len(people["cast"]) <= 5,
        "nobody": people["cast"] or people["crew"],
        "order": [p["order"] for p in people["cast"]] == sorted(p["order"] for p in people["cast"]),
        "directors": {person["job"] for person in people["crew"]} == {"Director"},
        "keywords": all(word["name"].strip() for word in detail["keywords"]["keywords"]),
    }
    return {name for name, is_kept in rules.items() if not is_kept}


def test_each_film() -> None:
    found = {film["title"]: faults for film in FILMS if (faults := film_faults(film))}
    assert found == {}


def test_the_details_of_each_film() -> None:
    found = {
        film["title"]: faults
        for film in FILMS
        if (faults := detail_faults(film, CATALOGUE.movie(film["id"])))
    }
    assert found == {}


def test_few_posters_and_runtimes_are_not_known() -> None:
    """Where the source of the facts has none, none is made up."""
    assert sum(film["poster_path"] is None for film in FILMS) <= 0.03 * len(FILMS)
    assert sum(detail["runtime"] is None for detail in DETAILS.values()) <= 0.01 * len(FILMS)


def test_overviews_are_not_said_twice() -> None:
    assert len({film["overview"] for film in FILMS}) == len(FILMS)


def test_details_of_no_other_films() -> None:
    assert DETAILS.keys() == {str(film["id"]) for film in FILMS}


def test_the_most_popular_first() -> None:
    popularity = [film["popularity"] for film in FILMS]
    assert popularity == sorted(popularity, reverse=True)


def cleaned() -> tuple[Cleaned, Cleaned]:
    genres = clean_genres(_numbered("raw_genres", [parse_genre(genre) for genre in GENRES]))
    raw = _numbered("raw_popular_movies", [parse_movie(film) for film in FILMS])
    return clean_movies(raw, set(genres.frame["id"])), genres


def test_nothing_is_dropped_or_mended() -> None:
    films, genres = cleaned()
    assert (films.dropped, films.mended) == ({}, {})
    assert (genres.dropped, genres.mended) == ({}, {})
    validate(films.frame, TABLES["movies_table"])
    validate(genres.frame, TABLES["genres_table"])
    assert len(films.frame) == len(FILMS)


def test_no_details_are_dropped_or_mended() -> None:
    parsed = [parse_details(CATALOGUE.movie(film["id"])) for film in FILMS]
    assert {row["malformed_fields"] for row in parsed} == {None}
    details = clean_details(
        _frame("raw_movie_details", parsed), [int(film["id"]) for film in FILMS]
    )
    assert (details.dropped, details.mended) == ({}, {})
    validate(details.frame, TABLES["movie_details"])
    for column in ("keywords", "directors", "actors"):
        assert (details.frame[column].map(len) > 0).mean() > 0.95, column
