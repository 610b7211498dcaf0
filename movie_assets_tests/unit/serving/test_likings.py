"""From what somebody says of films to a taste."""

from __future__ import annotations

import math

import numpy as np
import pytest

from movie_assets.recommender import load_weights
from movie_assets.recommender.query import EmptyTasteError
from movie_assets.serving.likings import MOST_SPEAKING, Liking, TasteError, taste_of

WEIGHTS = load_weights()
DISLIKE = -WEIGHTS.profile.dislike
N_FILMS = 1000


def values(*likings: Liking) -> dict[int, float]:
    taste = taste_of(likings, [], WEIGHTS, N_FILMS)
    return dict(zip(taste.films.tolist(), taste.values.tolist(), strict=True))


def test_liked_disliked_seen_and_rated() -> None:
    assert values(
        Liking(1, value=1.0),
        Liking(2, value=-1.0),
        Liking(3, value=0.0),
        Liking(4),
        Liking(5, stars=4.0),
        Liking(6, stars=2.5),
        Liking(7, stars=3.5),
        Liking(8, value=1.0, stars=0.5),
    ) == pytest.approx({1: 1, 2: DISLIKE, 3: 0, 4: 0, 5: 1, 6: DISLIKE, 7: 0, 8: 1})


def test_seen_films_are_kept() -> None:
    taste = taste_of([Liking(1, value=1)], [5, 6, 5], WEIGHTS, N_FILMS)
    assert taste.seen.tolist() == [5, 6, 5]


def test_what_is_said_now_counts_as_the_latest_and_a_rating_without_time_as_the_oldest() -> None:
    found = values(
        Liking(1, stars=5, at=100),
        Liking(2, stars=5, at=200),
        Liking(3, value=1),
        Liking(4, stars=5),
    )
    assert found[3] == found[2] == 1
    assert found[4] == found[1] < 1


def test_the_last_films_lead_to_what_comes_next() -> None:
    likings = [Liking(1, stars=5, at=1), Liking(2, stars=3, at=2), Liking(3, stars=1, at=3)]
    taste = taste_of(likings, [9], WEIGHTS, N_FILMS)
    half_life = WEIGHTS.profile.last_half_life
    leads = dict(zip(taste.films.tolist(), taste.leads(half_life).tolist(), strict=True))
    half = 0.5 ** (1 / half_life)
    assert leads == pytest.approx({1: half**2, 2: half, 3: 0})
    many = [Liking(row, stars=5, at=row) for row in range(200)]
    assert (taste_of(many, [], WEIGHTS, N_FILMS).leads(half_life) > 0).sum() < 100


def test_the_latest_rating_of_a_film_counts() -> None:
    assert values(Liking(1, stars=5, at=2), Liking(1, stars=1, at=1))[1] == 1
    with pytest.raises(EmptyTasteError):
        values(Liking(1, stars=5, at=1), Liking(1, stars=1, at=2))
    # Somebody who names a film now has changed their mind since.
    assert values(Liking(1, stars=1, at=1), Liking(1, value=1))[1] == 1


@pytest.mark.parametrize(
    "likings", [[], [Liking(1, value=-1)], [Liking(1, value=0)], [Liking(1, stars=3)], [Liking(1)]]
)
def test_who_likes_nothing(likings: list[Liking]) -> None:
    with pytest.raises(EmptyTasteError, match="at least one film that you like"):
        taste_of(likings, [], WEIGHTS, N_FILMS)


@pytest.mark.parametrize(
    ("liking", "message"),
    [
        (Liking(-1, value=1), "no film in row -1"),
        (Liking(N_FILMS, value=1), "no film in row 1000"),
        (Liking(2**40, value=1), "no film in row"),
        (Liking(1, value=math.nan), "must be a number, not nan"),
        (Liking(1, value=math.inf), "must be a number, not inf"),
        (Liking(1, stars=math.nan), "Stars must be from 0 to 5, not nan"),
        (Liking(1, stars=5.5), "Stars must be from 0 to 5"),
        (Liking(1, stars=-1), "Stars must be from 0 to 5"),
        (Liking(1, value=1, at=math.nan), "time of a rating must be a number"),
        (Liking(1, value=1, at=-math.inf), "time of a rating must be a number"),
        (Liking(9, value=-1), "both liked and disliked"),
    ],
)
def test_what_makes_no_sense(liking: Liking, message: str) -> None:
    with pytest.raises(TasteError, match=message):
        taste_of([Liking(9, value=1), liking], [], WEIGHTS, N_FILMS)


def test_seen_films_that_are_not_there() -> None:
    with pytest.raises(TasteError, match="no film in row 1000"):
        taste_of([Liking(1, value=1)], [N_FILMS], WEIGHTS, N_FILMS)


def test_of_many_likings_those_that_count_most_speak() -> None:
    n = 50_000
    likings = [Liking(row % N_FILMS, stars=5, at=row) for row in range(n)]
    taste = taste_of(likings, [], WEIGHTS, N_FILMS)
    assert len(taste.films) == N_FILMS  # the others are still known to have been seen
    speak = taste.films[taste.values > 0]
    assert sorted(speak.tolist()) == list(range(N_FILMS - MOST_SPEAKING, N_FILMS))
    assert np.count_nonzero(taste.values) == MOST_SPEAKING


def test_of_equals_some_of_all_ages_speak() -> None:
    taste = taste_of([Liking(row, value=1) for row in range(N_FILMS)], [], WEIGHTS, N_FILMS)
    speak = taste.films[taste.values > 0]
    assert len(speak) == MOST_SPEAKING
    quarters = np.bincount(speak * 4 // N_FILMS)
    assert quarters.min() > MOST_SPEAKING / 8
