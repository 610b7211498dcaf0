from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from movie_assets.recommender.query import Filters, Wishes
from movie_assets.serving.web.wanted import MOST, Wanted, read_wanted

GENRES, LANGUAGES = ("Crime", "Drama", "Horror"), ("en", "fr")


def wanted_of(query: str) -> Wanted:
    return read_wanted(
        QueryParams(query), genres=GENRES, languages=LANGUAGES, default_popularity=0.5
    )


def test_a_form_that_nobody_touched_wants_nothing() -> None:
    form = "popularity=0.5&diversity=0&from=&to=&shortest=&longest=&language=&votes="
    wanted = wanted_of(form)
    assert wanted == Wanted()
    assert wanted.wishes == Wishes()
    assert (wanted.fields, wanted.filters, wanted.problems) == ([], 0, ())


def test_everything_that_can_be_wanted() -> None:
    wanted = wanted_of(
        "popularity=0.25&diversity=0.4&from=1970&to=1989&genre=Crime&genre=Drama&without=Horror"
        "&language=fr&votes=100&shortest=60&longest=120&limit=48"
    )
    assert wanted.problems == ()
    assert wanted.limit == 48
    assert wanted.filters == 9
    assert wanted.wishes == Wishes(
        popularity=0.25,
        diversity=0.4,
        filters=Filters(
            first_year=1970,
            last_year=1989,
            genres=("Crime", "Drama"),
            without_genres=("Horror",),
            languages=("fr",),
            least_votes=100,
            least_runtime=60,
            longest_runtime=120,
        ),
    )


def test_an_address_that_is_made_of_what_is_wanted_wants_the_same() -> None:
    wanted = wanted_of("popularity=0.123456789&genre=Crime&genre=Crime&without=Horror&from=1970")
    again = read_wanted(
        QueryParams(wanted.fields), genres=GENRES, languages=LANGUAGES, default_popularity=0.5
    )
    assert again == wanted
    assert wanted.genres == ("Crime",)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("popularity=1.01", "The popularity dial has to be a number from 0 to 1."),
        ("diversity=nan", "The diversity dial has to be a number from 0 to 1."),
        ("from=-inf", "The first year has to be a number from 1870 to 2100."),
        ("to=soon", "The last year has to be a number from 1870 to 2100."),
        ("votes=1e99", "The number of votes has to be a number from 0 to 10000000."),
        ("shortest=0", "The shortest length has to be a number from 1 to 1000."),
        (f"limit={MOST + 1}", f"The number of films has to be a number from 1 to {MOST}."),
        ("limit=0", f"The number of films has to be a number from 1 to {MOST}."),
        ("genre=Noir", "No film here has the genre Noir."),
        ("language=xx", "No film here has the language xx."),
    ],
)
def test_what_cannot_be_used_is_told_and_left_out(query: str, told: str) -> None:
    wanted = wanted_of(query)
    assert wanted == Wanted()
    assert wanted.problems == (told,)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("from=2000&to=1990", "The first year is after the last one"),
        ("shortest=120&longest=60", "The shortest length is above the longest"),
        ("genre=Crime&without=Crime", "Crime is both wanted and left out"),
    ],
)
def test_what_no_film_can_be_is_told(query: str, told: str) -> None:
    (problem,) = wanted_of(query).problems
    assert problem.startswith(told)


def test_a_long_unknown_name_is_told_in_short() -> None:
    (problem,) = wanted_of("genre=" + "x" * 10_000).problems
    assert len(problem) < 100
