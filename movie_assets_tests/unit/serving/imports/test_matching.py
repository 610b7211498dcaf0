"""Entries and their films, on a real snapshot of the bundled films."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from movie_assets.serving.api.models import TasteAsked
from movie_assets.serving.api.naming import resolve
from movie_assets.serving.imports import Entry, Export, Matched, Place, Rated, match, read_export
from movie_assets.serving.published import Film, Published
from movie_assets.serving.snapshot import open_snapshot
from movie_assets_tests.exports import IMDB, LETTERBOXD, MOVIELENS, TRAKT, zipped
from movie_assets_tests.snapshots import write_small_snapshot

HEAT, ALIEN, AMELIE, PARASITE, TITANIC = 949, 348, 194, 496243, 597


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("published")
    write_small_snapshot(folder, k=1)
    with open_snapshot(folder) as snapshot:
        yield Published(snapshot)


def entry(title: str = "", year: int | None = None, **known: object) -> Entry:
    return replace(Entry(Place("x.csv", 2), title, year), stars=4.0, **known)  # type: ignore[arg-type]


def matched(published: Published, *entries: Entry, near_words: int = 1_000) -> Matched[Film]:
    export = Export("table", ("x.csv",), entries, (), {}, ())
    return match(export, published, near_words=near_words)


@pytest.mark.parametrize(
    ("asked", "film", "how"),
    [
        (entry(tmdb_id=949), HEAT, "id"),
        (entry("Alien", 1979, tmdb_id=949), HEAT, "id"),
        (entry(imdb_id="tt0113277"), HEAT, "id"),
        (entry("Whatever", 1900, tmdb_id=2**31 - 1, imdb_id="tt0113277"), HEAT, "id"),
        (entry("Heat", 1995), HEAT, "title and year"),
        (entry("HEAT!", 1995), HEAT, "title and year"),
        (entry("amelie", 2001), AMELIE, "title and year"),
        (entry("Le Fabuleux Destin d'Amélie Poulain", 2001), AMELIE, "title and year"),
        (entry("기생충", 2019), PARASITE, "title and year"),
        (entry("Heat", 1995, tmdb_id=2_000_000_000), HEAT, "title and year"),  # a new id
        (entry("Scarface", 1932), 877, "title and year"),
        (entry("Scarface", 1983), 111, "title and year"),
        (entry("Scarface"), 111, "title"),  # the better known one
        (entry("Heat", 1996), HEAT, "near miss"),
        (entry("Alein", 1979), ALIEN, "near miss"),
        (entry("The Usual Suspekts", 1994), 629, "near miss"),
        (entry("Parasite (Gisaengchung)", 2019), PARASITE, "near miss"),
        (entry("Spirited Away - Sen to Chihiro", 2001), 129, "near miss"),
    ],
)
def test_how_films_are_found(published: Published, asked: Entry, film: int, how: str) -> None:
    (one,) = matched(published, asked).found
    assert (one.film.id, one.how) == (film, how)
    assert one.entry is asked


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (entry(tmdb_id=2_000_000_000), "no film here has its id"),
        (entry(imdb_id="tt9999999"), "no film here has its id"),
        # Another film of the same title and year, by its id at IMDb.
        (
            entry("Heat", 1995, imdb_id="tt9999999"),
            "no film here has its id, or its title and year",
        ),
        (entry("Alein", 1979, tmdb_id=5), "no film here has its id, or its title and year"),
        (entry("Heat", 1986), "the film of this title here is of 1995"),
        (entry("Scarface", 1950), "the film of this title here is of 1932 and 1983"),
        (entry("Meadow, Under Glass", 2022), "no film here has this title"),
        (entry("x" * 500, 2022), "no film here has this title"),
        (entry("???", 2022), "no film here has this title"),
    ],
)
def test_what_is_no_film_here(published: Published, asked: Entry, reason: str) -> None:
    result = matched(published, asked)
    assert not result.found
    assert [(one.entry, one.reason) for one in result.unmatched] == [(asked, reason)]


def test_what_is_only_like_a_film_does_not_speak_for_it(published: Published) -> None:
    sure, near = entry("Heat", 1995), replace(entry("Heat", 1996), stars=1.0)
    for entries in ((sure, near), (near, sure)):
        result = matched(published, *entries)
        assert [(one.entry, one.how) for one in result.found] == [(sure, "title and year")]
        assert [one.entry for one in result.unmatched] == [near]
    # Of two that are like it the first does.
    result = matched(published, near, entry("Heats", 1995))
    assert [one.entry for one in result.found] == [near]


def test_entries_of_one_film_are_one(published: Published) -> None:
    first = entry("Amélie", 2001, rated_at=datetime(2020, 1, 1, tzinfo=UTC))
    younger = replace(
        entry("Le Fabuleux Destin d'Amélie Poulain", 2001, liked=True),
        stars=2.0,
        rated_at=datetime(2021, 1, 1, tzinfo=UTC),
    )
    (one,) = matched(published, first, younger).found
    assert (one.entry.stars, one.entry.liked, one.entry.title) == (2.0, True, younger.title)


def test_titles_that_are_like_films_are_looked_for_so_often_and_no_more(
    published: Published,
) -> None:
    entries = [entry("Alein", 1979), entry("Toy Storry", 1995), entry("Titanic", 1996)]
    assert len(matched(published, *entries).found) == 3
    # A year beside costs nothing, and is found all the same.
    assert [one.film.id for one in matched(published, *entries, near_words=1).found] == [
        ALIEN, TITANIC,
    ]  # fmt: skip


def test_a_profile_of_letterboxds_zip(published: Published) -> None:
    result = match(read_export(zipped(LETTERBOXD), "x.zip"), published)
    assert [one.reason for one in result.unmatched] == ["no film here has this title"]
    profile = result.profile
    # Also the one that has three and a half stars.
    assert {one.id for one in profile.liked} == {PARASITE, AMELIE}
    assert profile.disliked == ()
    assert {one.id: one.stars for one in profile.rated} == {HEAT: 4.0, TITANIC: 1.5}
    assert set(profile.seen) == {ALIEN}
    day = datetime(2019, 6, 1, tzinfo=UTC).timestamp()
    assert {"id": HEAT, "stars": 4.0, "at": day} in profile.as_json()["rated"]
    marked = datetime(2020, 1, 11, tzinfo=UTC).timestamp()
    assert {"id": PARASITE, "at": marked} in profile.as_json()["liked"]


def test_what_an_export_says_is_what_the_api_takes_times_included(published: Published) -> None:
    profile = match(read_export(zipped(LETTERBOXD), "x.zip"), published).profile
    named = resolve(TasteAsked.model_validate(profile.as_json()), published)
    assert named.unresolved == []
    said = {(liking.row, liking.value, liking.stars, liking.at) for liking in named.likings}
    assert said == {
        *((published.row_of(one.id), 1.0, None, one.at) for one in profile.liked),
        *((published.row_of(one.id), None, one.stars, one.at) for one in profile.rated),
    }
    assert None not in {at for *_, at in said}


def test_a_heart_for_what_has_four_stars_says_no_more_than_the_stars(published: Published) -> None:
    profile = matched(published, entry("Heat", 1995, liked=True)).profile
    assert (profile.liked, profile.rated) == ((), (Rated(HEAT, 4.0, None),))
    assert profile.as_json() == {
        "liked": [], "disliked": [], "rated": [{"id": HEAT, "stars": 4.0}], "seen": [],
    }  # fmt: skip


@pytest.mark.parametrize("data", [IMDB.encode(), MOVIELENS.encode(), zipped(TRAKT)])
def test_exports_with_ids_are_found_by_them(published: Published, data: bytes) -> None:
    result = match(read_export(data), published)
    assert {one.how for one in result.found} == {"id"}
    assert not result.unmatched
