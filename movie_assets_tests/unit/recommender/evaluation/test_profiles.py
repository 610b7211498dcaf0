"""People cut by their own time."""

from __future__ import annotations

import numpy as np
import pytest

from movie_assets.recommender.evaluation.profiles import Profiles, split_by_time
from movie_assets.recommender.evaluation.ratings import Ratings

N_FILMS = 40


def rated(user: int, *ratings: tuple[int, float, int]) -> list[tuple[int, int, float, int]]:
    """Film, stars and second of each."""
    return [(user, *rating) for rating in ratings]


def profiles_of(*people: list[tuple[int, int, float, int]]) -> Profiles:
    users, films, stars, seconds = zip(*(row for rows in people for row in rows), strict=True)
    ratings = Ratings.of(users, films, stars, seconds, catalogue=np.arange(N_FILMS))
    return split_by_time(ratings, N_FILMS)


def likes(number: int, *, first_film: int = 0, step: int = 1) -> list[tuple[int, float, int]]:
    """So many likes of films in their order, one every ``step`` seconds."""
    return [(first_film + i, 4.0, i * step) for i in range(number)]


def test_by_hand() -> None:
    person = rated(7, *likes(10), (20, 2.0, 1), (21, 3.0, 5), (22, 3.5, 9), (23, 2.0, 9))
    found = profiles_of(person)
    # The sixth like, at second 5, cuts: what else was rated then or later is not known before.
    assert found.users.tolist() == [7]
    [before] = list(found)
    assert before.films.tolist() == [0, 1, 20, 2, 3, 4]
    assert before.stars.tolist() == [4.0, 4.0, 2.0, 4.0, 4.0, 4.0]
    assert found.relevant.shape == (1, N_FILMS)
    assert sorted(found.relevant.indices) == [5, 6, 7, 8, 9]


def test_who_likes_too_little_is_not_asked_about() -> None:
    found = profiles_of(rated(1, *likes(9)), rated(2, *likes(10)))
    assert found.users.tolist() == [2]


def test_who_rated_in_one_go_is_not_asked_about() -> None:
    one_go = rated(1, *likes(12, step=0))
    two_likes_before = rated(2, (0, 4, 0), (1, 4, 1), *((i, 4.0, 9) for i in range(2, 10)))
    three = rated(3, *((i, 4.0, i) for i in range(3)), *((i, 4.0, 9) for i in range(3, 10)))
    found = profiles_of(one_go, two_likes_before, three)
    assert found.users.tolist() == [3]
    assert [before.films.tolist() for before in found] == [[0, 1, 2]]


def test_films_that_are_not_in_the_catalogue_do_not_count() -> None:
    unknown = [(100 + i, 5.0, i) for i in range(9)]
    assert len(profiles_of(rated(1, *likes(9), *unknown))) == 0


def test_several_people_keep_what_is_theirs() -> None:
    people = [rated(user, *likes(10 + user, first_film=user)) for user in (4, 1, 2)]
    found = profiles_of(*people)
    assert found.users.tolist() == [1, 2, 4]
    for user, before, right in zip(found.users, found, found.relevant, strict=True):
        n_likes = 10 + user
        assert before.films.tolist() == list(range(user, user + n_likes // 2))
        assert sorted(right.indices) == list(range(user + n_likes // 2, user + n_likes))


@pytest.mark.parametrize("rows", [[], [0], [1], [0, 2], [0, 1, 2]])
def test_some_of_them(rows: list[int]) -> None:
    found = profiles_of(*(rated(user, *likes(10 + user)) for user in (1, 2, 3)))
    some = found.some(np.array(rows, dtype=np.int64))
    assert some.users.tolist() == [[1, 2, 3][row] for row in rows]
    every = [before.films.tolist() for before in found]
    assert [before.films.tolist() for before in some] == [every[row] for row in rows]
    assert (some.relevant != found.relevant[rows]).nnz == 0
    assert len(some.before) == some.starts[-1]
