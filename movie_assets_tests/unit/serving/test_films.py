"""Films out of a table that is read a field at a time."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from unittest import mock

import pandas as pd
import pytest

from movie_assets.serving import films
from movie_assets.serving.films import Film, Films
from movie_assets_tests.snapshots import bundled_films, film_table

NOTHING_KNOWN = {
    "imdb_id": None, "original_title": None, "year": None, "release_date": None, "overview": None,
    "tagline": None, "poster_path": None, "runtime": None, "language": None, "popularity": 0,
    "vote_average": 0, "vote_count": 0, "genres": (), "directors": (), "writers": (), "actors": (),
    "keywords": (), "collection": None,
}  # fmt: skip


def test_every_field_is_the_tables() -> None:
    table = bundled_films().slice(0, 50)
    read = Films(table)
    assert len(read) == 50
    for row, expected in enumerate(table.to_pylist()):
        film = dataclasses.asdict(read[row])
        assert film.pop("row") == row
        assert film.pop("id") == expected.pop("movie_id")
        assert film.pop("language") == expected.pop("original_language")
        assert film.pop("year") == expected["release_date"].year
        # In Arrow of 32 bits, and here the number that was rounded to them.
        for name in ("popularity", "vote_average"):
            assert film.pop(name) == pytest.approx(expected.pop(name))
        for name, value in expected.items():
            assert film.pop(name) == (tuple(value) if isinstance(value, list) else value), name
        assert film == {}


def test_what_is_unknown() -> None:
    table = film_table(pd.DataFrame([{"movie_id": 7, "title": "Untold"}]))
    expected = Film(row=0, id=7, title="Untold", **NOTHING_KNOWN)  # type: ignore[arg-type]
    assert dataclasses.asdict(Films(table)[0]) == dataclasses.asdict(expected)


def test_labels() -> None:
    table = film_table(
        pd.DataFrame(
            [
                {"movie_id": 1, "title": "Heat", "release_date": date(1995, 12, 15)},
                {"movie_id": 2, "title": "Untold"},
            ]
        )
    )
    assert [Films(table)[row].label for row in (0, 1)] == ["Heat (1995)", "Untold"]


def test_a_film_is_read_once_and_does_not_change() -> None:
    read = Films(bundled_films())
    film = read[3]
    assert read[3] is film
    assert film.genres is film.genres
    with pytest.raises(dataclasses.FrozenInstanceError):
        film.title = "Other"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="has no stars"):
        film.stars  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("row", [-1, 941])
def test_rows_that_are_not_there(row: int) -> None:
    with pytest.raises(IndexError, match="among 941 films"):
        Films(bundled_films())[row]


def test_no_more_films_are_kept_than_may_be() -> None:
    read = Films(bundled_films())
    with mock.patch.object(films, "_KEPT", 10):
        with ThreadPoolExecutor(4) as threads:
            titles = list(threads.map(lambda row: read[row % 941].title, range(3000)))
        assert len(read._kept) <= 10 + 4
    expected = bundled_films()["title"].to_pylist()
    assert titles == [expected[row % 941] for row in range(3000)]
