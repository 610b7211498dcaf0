"""Answers that are worked out when asked for, on a handful of films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from movie_assets.answers import (
    Catalogue,
    FeaturesBehindError,
    Rated,
    open_catalogue,
)
from movie_assets.lookup import Film, NoSuchFilmError
from movie_assets.recommender import fit_features
from movie_assets.recommender.query import (
    EmptyTasteError,
    Filters,
    Recommender,
    UnknownNameError,
    Wishes,
)
from movie_assets.warehouse import TableMissingError
from movie_assets_tests.films import films_of, weights_of

# Title, year, genres, language, votes, keywords.
FILMS = [
    ("Heat", 1995, ["Crime"], "en", 100, ["heist", "police", "city"]),
    ("Thief", 1981, ["Crime"], "en", 50, ["heist", "police", "night"]),
    ("Rififi", 1955, ["Crime", "Science Fiction"], "fr", 20, ["heist", "silence"]),
    ("Alien", 1979, ["Science Fiction"], "en", 300, ["space", "monster"]),
    ("Moon", 2009, ["Science Fiction"], "en", 80, ["space", "silence"]),
    ("Unseen", 1995, ["Crime"], "en", 0, ["heist", "police", "city"]),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    names = ("title", "year", "genres", "original_language", "vote_count", "keywords")
    rows: list[dict[str, Any]] = [dict(zip(names, film, strict=True)) for film in FILMS]
    for row in rows:
        row["release_date"] = f"{row.pop('year')}-01-01"
    weights = weights_of({"keywords": 1.0, "genres": 0.5, "language": 0.1})
    features = fit_features(films_of(*rows), weights)
    films = [
        Film(n, title, None, year, 1.0, 5.0, votes, tuple(genres))
        for n, (title, year, genres, _, votes, _) in enumerate(FILMS, start=1)
    ]
    return Catalogue(films, Recommender(features, weights))


def similar(catalogue: Catalogue, title: str, limit: int = 10, **filters: Any) -> list[str]:
    found = catalogue.similar(title, limit, Wishes(filters=Filters(**filters)), None).found
    assert [r.rank for r in found] == list(range(1, len(found) + 1))
    return [r.film.title for r in found]


def test_the_films_most_like_a_film(catalogue: Catalogue) -> None:
    answer = catalogue.similar("heat (1995)", 2, Wishes(), None)
    assert (answer.film.title, answer.others) == ("Heat", ())
    assert [r.film.title for r in answer.found] == ["Thief", "Rififi"]
    assert answer.found[0].reasons == ("police", "heist", "Crime")
    assert answer.found[0].score > answer.found[1].score > 0
    assert answer.metrics["vote_count"] is not None


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({}, ["Thief", "Rififi", "Alien", "Moon"]),
        ({"first_year": 1979}, ["Thief", "Alien", "Moon"]),
        ({"last_year": 1979}, ["Rififi", "Alien"]),
        ({"genres": ("CRIME",)}, ["Thief", "Rififi"]),
        ({"genres": ("crime", "science fiction")}, ["Rififi"]),
        ({"without_genres": ("science-fiction",)}, ["Thief"]),
        ({"languages": ("FR",)}, ["Rififi"]),
        ({"least_votes": 80}, ["Alien", "Moon"]),
        ({"least_rating": 5.5}, []),
    ],
)
def test_filters(catalogue: Catalogue, filters: dict[str, Any], titles: list[str]) -> None:
    found = similar(catalogue, "Heat", **filters)
    # Of Alien and Moon only English speaks for them, so that their order is that of ids.
    assert found == titles


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"genres": ("Horor",)}, "genre 'Horor'. There are: Crime, Science Fiction."),
        ({"without_genres": ("",)}, "genre ''. There are: Crime"),
        ({"languages": ("xx",)}, "language 'xx'. There are: en, fr."),
    ],
)
def test_names_that_no_film_has(
    catalogue: Catalogue, filters: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        similar(catalogue, "Heat", **filters)


def test_no_such_film(catalogue: Catalogue) -> None:
    with pytest.raises(NoSuchFilmError, match="Did you mean Heat"):
        similar(catalogue, "Haet")


def test_a_film_that_came_after_the_features(catalogue: Catalogue) -> None:
    new = Film(99, "New", None, 2024, 1.0, 5.0, 10, ())
    behind = Catalogue([*catalogue.films[:1], new], catalogue.recommender)
    with pytest.raises(FeaturesBehindError, match=r"New \(2024\) .* movie-assets build"):
        similar(behind, "New")
    # And films that have gone from the tables are in no list.
    assert similar(behind, "Heat") == []


# -- a person's films --------------------------------------------------------------------------


def rated(catalogue: Catalogue, **stars: float) -> list[Rated]:
    return [Rated(catalogue.titles.find(title)[0], given) for title, given in stars.items()]


def test_films_for_somebody(catalogue: Catalogue) -> None:
    found = catalogue.for_taste(rated(catalogue, Heat=5, Alien=5, Moon=3), 10, Wishes())
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    # Neither what was liked nor what was only seen, nor what nobody has seen.
    assert {one.film.title for one in found} == {"Thief", "Rififi"}
    by_title = {one.film.title: one for one in found}
    # Alien and Thief have no more in common than that they are in English.
    assert [film.title for film in by_title["Thief"].because] == ["Heat"]
    assert 1 >= found[0].score > found[1].score > 0


def test_what_is_disliked_is_never_why(catalogue: Catalogue) -> None:
    found = catalogue.for_taste(rated(catalogue, Alien=5, Heat=1), 10, Wishes())
    assert found[0].film.title == "Moon"
    assert {film.title for one in found for film in one.because} == {"Alien"}


def test_filters_hold_for_a_person_too(catalogue: Catalogue) -> None:
    wishes = Wishes(popularity=0.0, filters=Filters(languages=("fr",)))
    found = catalogue.for_taste(rated(catalogue, Heat=4), 10, wishes)
    assert [one.film.title for one in found] == ["Rififi"]


@pytest.mark.parametrize("stars", [{}, {"Heat": 3}, {"Heat": 1}])
def test_who_likes_nothing_is_asked_for_more(catalogue: Catalogue, stars: dict[str, float]) -> None:
    with pytest.raises(EmptyTasteError, match="at least one film that you like"):
        catalogue.for_taste(rated(catalogue, **stars), 10, Wishes())


def test_the_latest_of_two_ratings_counts(catalogue: Catalogue) -> None:
    film = catalogue.titles.find("Heat")[0]
    alien = Rated(catalogue.titles.find("Alien")[0], 5.0)  # without a time: before all others
    for first, then in ((5.0, 1.0), (1.0, 5.0)):
        both = [Rated(film, first, 10.0), Rated(film, then, 20.0), alien]
        found = catalogue.for_taste(both, 10, Wishes())
        because = {film.title for one in found for film in one.because}
        assert because == ({"Alien"} if then == 1 else {"Alien", "Heat"})


def test_nothing_was_built_yet(tmp_path: Path) -> None:
    with pytest.raises(TableMissingError, match="movie-assets build"):
        open_catalogue(tmp_path / "films.duckdb", tmp_path / "movie_features.npz")
    assert not any(tmp_path.iterdir())
