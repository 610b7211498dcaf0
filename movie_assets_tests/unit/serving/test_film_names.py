"""Which films have a genre, a language, a collection: against going through them one by one."""

from __future__ import annotations

import pyarrow as pa

from movie_assets.serving.film_names import FilmNames
from movie_assets_tests.snapshots import bundled_films

TABLE = pa.concat_tables([bundled_films().slice(0, 400), bundled_films().slice(400)])
ROWS = TABLE.to_pylist()
GENRES = sorted({genre for row in ROWS for genre in row["genres"]})
LANGUAGES = sorted({row["original_language"] for row in ROWS})
NAMES = FilmNames(TABLE, GENRES, LANGUAGES)


def test_genres() -> None:
    for genre in GENRES:
        expected = [genre in row["genres"] for row in ROWS]
        assert NAMES.of_genre(genre).tolist() == expected
        assert any(expected)


def test_languages() -> None:
    for language in LANGUAGES:
        expected = [row["original_language"] == language for row in ROWS]
        assert NAMES.in_language(language).tolist() == expected


def test_names_that_no_film_has() -> None:
    assert not NAMES.of_genre("Ballet").any()
    assert not NAMES.in_language("xx").any()


def test_collections() -> None:
    of_number: dict[int, set[str | None]] = {}
    for number, row in zip(NAMES.collections.tolist(), ROWS, strict=True):
        of_number.setdefault(number, set()).add(row["collection"])
    assert of_number.pop(-1) == {None}
    assert all(len(names) == 1 for names in of_number.values())
    assert len(of_number) == len({row["collection"] for row in ROWS} - {None}) > 50


def test_no_films() -> None:
    names = FilmNames(TABLE.slice(0, 0), ["Drama"], ["en"])
    assert names.of_genre("Drama").tolist() == names.in_language("en").tolist() == []
    assert names.collections.tolist() == []
