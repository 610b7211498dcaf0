"""Lists are put together from pages that come in any order."""

from __future__ import annotations

import random

import pytest

from movie_assets.tmdb import UnexpectedShapeError
from movie_assets.tmdb.listing import FilmList, Page, parse_page


def page_of(*ids: int, total: int = 100) -> Page:
    return Page([{"id": film} for film in ids], 5, total)


def ids_of(films: FilmList) -> list[object]:
    return [film["id"] for film in films.result().movies]


def test_films_come_in_the_order_of_the_list_whatever_came_first() -> None:
    answers = [(1, 1, page_of(1, 2)), (1, 2, page_of(2, 3)), (1, 3, page_of(4, 1))]
    for _ in range(6):
        random.shuffle(answers)
        films = FilmList(10)
        for answer in answers:
            films.add(*answer)
        assert ids_of(films) == [1, 2, 3, 4]
        assert films.result().repeated == 2


def test_a_film_found_later_takes_its_place_on_the_page() -> None:
    films = FilmList(10)
    films.add(1, 1, page_of(1, 2))
    films.add(1, 2, page_of(4, 5))
    films.add(2, 1, page_of(1, 2, 3))
    assert ids_of(films) == [1, 2, 3, 4, 5]
    assert films.result().pages == 3


def test_the_list_is_cut_to_the_limit() -> None:
    films = FilmList(3)
    films.add(1, 1, page_of(1, 2, 3, 4))
    assert ids_of(films) == [1, 2, 3]
    assert films.result().complete


def test_rows_that_are_no_films_are_counted_with_their_reason() -> None:
    films = FilmList(10)
    rows: list[object] = [{"id": 1}, None, "x", {"id": True}, {"title": "x"}, {"id": "2"}]
    films.add(1, 1, Page(rows, 1, 6))
    films.add(2, 1, Page(rows, 1, 6))
    result = films.result()
    assert result.movies == [{"id": 1}, {"id": "2"}]
    assert result.rejected == {"not an object": 2, "no usable id": 2}
    assert result.repeated == 2
    assert result.complete  # there are no more films than these


def test_rows_are_kept_as_they_are() -> None:
    row: dict[str, object] = {"id": 7.0, "title": None, "new": [1]}
    films = FilmList(10)
    films.add(1, 1, Page([row], 1, 1))
    assert films.result().movies[0] is row


def test_too_few_films_make_no_complete_list() -> None:
    films = FilmList(10)
    films.add(1, 1, page_of(1, 2, total=3))
    assert not films.result().complete
    assert films.wanted == 3


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "x",
        {},
        {"results": None, "total_pages": 1, "total_results": 1},
        {"results": {}, "total_pages": 1, "total_results": 1},
        {"results": [], "total_pages": "1", "total_results": 1},
        {"results": [], "total_pages": 1.5, "total_results": 1},
        {"results": [], "total_pages": True, "total_results": 1},
        {"results": [], "total_pages": -1, "total_results": 1},
        {"results": [], "total_pages": 1},
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: object) -> None:
    with pytest.raises(UnexpectedShapeError, match="/movie/popular"):
        parse_page(answer, "/movie/popular")
