from __future__ import annotations

import pytest

from movie_assets.serving.web.posters import HUES, TURNS, drawing, initials, poster


def test_a_poster_in_two_widths() -> None:
    found = poster("/abc.jpg")
    assert found is not None
    assert found.source == "https://image.tmdb.org/t/p/w342/abc.jpg"
    assert found.sources == (
        "https://image.tmdb.org/t/p/w185/abc.jpg 185w, https://image.tmdb.org/t/p/w342/abc.jpg 342w"
    )


@pytest.mark.parametrize(
    "path", [None, "", "abc.jpg", "/../x.jpg", "/a b.jpg", "//evil.example/x.jpg", '/"onload=.jpg']
)
def test_what_is_no_poster_of_tmdb_is_none(path: str | None) -> None:
    assert poster(path) is None


@pytest.mark.parametrize(
    ("title", "letters"),
    [
        ("Heat", "H"),
        ("The Silence of the Lambs", "SL"),
        ("The Lord of the Rings: The Fellowship of the Ring", "LRF"),
        ("2001: A Space Odyssey", "2001"),
        ("8½", "8"),
        ("The The", "TT"),
        ("l'Avventura", "L"),
        ("千と千尋の神隠し", "千"),
        ("<b>", "B"),
        ("…", ""),
        ("", ""),
    ],
)
def test_initials(title: str, letters: str) -> None:
    assert initials(title) == letters


def test_a_film_always_has_the_same_drawing_and_films_differ() -> None:
    drawn = [drawing(film_id, "Heat") for film_id in range(1, 500)]
    assert drawn == [drawing(film_id, "Heat") for film_id in range(1, 500)]
    assert {one.hue for one in drawn} == set(range(HUES))
    assert {one.turn for one in drawn} == set(range(TURNS))
    assert len({one.shapes for one in drawn}) == 12
