"""Films liked by the same people: by hand, and against the same in dense NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from movie_assets.recommender.co_likes import CoLikeOptions, CoLikes, co_liked_films

Ratings = list[tuple[int, int, float]]

#: Who likes what: film 0 is liked by users 0 to 3, film 1 by 0 to 2, film 2 by 3, film 3 by nobody.
LIKES = [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (3, 2)]
BY_HAND: Ratings = [(user, film, 4.0) for user, film in LIKES] + [(0, 3, 3.5), (1, 2, 1.0)]
PLAIN = CoLikeOptions(user_exponent=0, shrinkage=0, popularity_exponent=0.5)


def found_in(
    ratings: Ratings, n_films: int = 4, options: CoLikeOptions | None = None, **more: Any
) -> CoLikes:
    users, films, stars = (np.array(column) for column in zip(*ratings, strict=True))
    return co_liked_films(users, films, stars, n_films, options, **more)


def as_tuples(found: CoLikes) -> list[tuple[int, int, int, float, int]]:
    columns = (found.rows, found.columns, found.ranks, found.scores, found.liked_by_both)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def scores(found: CoLikes) -> dict[tuple[int, int], float]:
    return {
        (row, column): pytest.approx(score, rel=1e-6)
        for row, column, _, score, _ in as_tuples(found)
    }


def test_by_hand() -> None:
    """The cosine: both / sqrt(likers x likers)."""
    found = found_in(BY_HAND, options=PLAIN)
    assert as_tuples(found) == [
        (0, 1, 1, pytest.approx(3 / np.sqrt(4 * 3)), 3),
        (0, 2, 2, pytest.approx(1 / np.sqrt(4 * 1)), 1),
        (1, 0, 1, pytest.approx(3 / np.sqrt(3 * 4)), 3),
        (2, 0, 1, pytest.approx(1 / np.sqrt(1 * 4)), 1),
    ]
    arrays = (found.rows, found.columns, found.ranks, found.liked_by_both)
    assert {array.dtype for array in arrays} == {np.dtype(np.int32)}
    assert found.scores.dtype == np.float32


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"shrinkage": 2}, {(0, 1): 3 / np.sqrt(6 * 5), (0, 2): 1 / np.sqrt(6 * 3)}),
        ({"popularity_exponent": 0}, {(0, 1): 3 / 4, (0, 2): 1 / 4}),
        ({"popularity_exponent": 1}, {(0, 2): 1 / 1, (0, 1): 3 / 3}),
        # Every user likes two films, and so weighs a half: all counts are halved.
        ({"user_exponent": 1}, {(0, 1): 1.5 / np.sqrt(2 * 1.5), (0, 2): 0.5 / np.sqrt(2 * 0.5)}),
        (
            {"user_exponent": 1, "shrinkage": 1, "popularity_exponent": 0},
            {(0, 1): 0.5, (0, 2): 1 / 6},
        ),
        ({"neighbours": 1}, {(0, 1): 3 / np.sqrt(12)}),
        ({"like_from": 3.5}, {(0, 1): 3 / np.sqrt(12), (0, 2): 0.5, (0, 3): 0.5}),
    ],
)
def test_options(changed: dict[str, Any], expected: dict[tuple[int, int], float]) -> None:
    options = CoLikeOptions(**{"user_exponent": 0, "shrinkage": 0} | changed)
    found = scores(found_in(BY_HAND, options=options))
    assert {pair: score for pair, score in found.items() if pair[0] == 0} == expected


def test_likes_of_unknown_films_count_among_their_users() -> None:
    """A user who likes much beside what we have says less, and nothing else changes."""
    options = CoLikeOptions(user_exponent=1, shrinkage=0, popularity_exponent=0)
    more = [*BY_HAND, (3, -1, 5.0), (3, -1, 1.0)]
    found = scores(found_in(more, options=options))
    assert found[0, 1] == 1.5 / (1.5 + 1 / 3)
    assert found[0, 2] == (1 / 3) / (1.5 + 1 / 3)
    assert {film for pair in found for film in pair} == {0, 1, 2}


def dense(ratings: Ratings, n_films: int, options: CoLikeOptions) -> tuple[Any, Any]:
    """The definition itself: all scores in float64, and how many like both."""
    n_users = 1 + max(user for user, _, _ in ratings)
    likes = np.zeros((n_films, n_users))
    n_likes = np.zeros(n_users)
    for user, film, stars in ratings:
        if stars >= options.like_from:
            n_likes[user] += 1
            if film >= 0:
                likes[film, user] = 1
    weights = np.maximum(n_likes, 1) ** -options.user_exponent
    counts = likes @ weights + options.shrinkage
    b = options.popularity_exponent
    counts[counts == 0] = 1
    all_scores = (likes * weights) @ likes.T / np.outer(counts ** (1 - b), counts**b)
    np.fill_diagonal(all_scores, 0)
    return all_scores, (likes @ likes.T).astype(int)


RATINGS = st.dictionaries(
    st.tuples(st.integers(0, 11), st.integers(0, 7)),
    st.sampled_from([0.5, 3.5, 4.0, 5.0]),
    min_size=1,
    max_size=70,
).map(lambda found: [(user, film, stars) for (user, film), stars in found.items()])


@settings(max_examples=150, deadline=None)
@given(
    ratings=RATINGS,
    unknown=st.lists(st.integers(0, 11), max_size=4),
    c=st.sampled_from([0.0, 0.5, 1.0]),
    s=st.sampled_from([0.0, 1.5, 30.0]),
    b=st.sampled_from([0.0, 0.4, 0.5, 1.0]),
    k=st.integers(1, 9),
)
def test_as_in_dense_numpy(
    ratings: Ratings, unknown: list[int], c: float, s: float, b: float, k: int
) -> None:
    ratings = [*ratings, *((user, -1, 5.0) for user in unknown)]
    options = CoLikeOptions(4.0, c, s, b, k)
    found = found_in(ratings, 8, options)
    expected, both = dense(ratings, 8, options)
    assert np.all((found.scores > 0) & (found.scores <= 1))
    np.testing.assert_allclose(found.scores, expected[found.rows, found.columns], rtol=1e-5)
    np.testing.assert_array_equal(found.liked_by_both, both[found.rows, found.columns])
    for film in range(8):
        mine = found.rows == film
        best = -np.sort(-expected[film])[:k]
        np.testing.assert_allclose(found.scores[mine], best[best > 0], rtol=1e-5)
        assert found.ranks[mine].tolist() == list(range(1, mine.sum() + 1))


@settings(max_examples=30, deadline=None)
@given(ratings=RATINGS, seed=st.integers(0, 99))
def test_the_order_of_ratings_and_threads_change_nothing(ratings: Ratings, seed: int) -> None:
    shuffled = [ratings[i] for i in np.random.default_rng(seed).permutation(len(ratings))]
    assert as_tuples(found_in(ratings, 8)) == as_tuples(found_in(shuffled, 8, threads=1))


def made_up(n_users: int, n_films: int, n_ratings: int) -> tuple[NDArray[Any], NDArray[Any]]:
    chance = np.random.default_rng(0)
    pairs = np.unique(
        chance.integers(0, n_users, n_ratings) * n_films
        + (n_films * chance.random(n_ratings) ** 3).astype(int)
    )
    return pairs // n_films, pairs % n_films


def test_by_the_compiled_kernel_and_by_numpy_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    users, films = made_up(400, 300, 9000)
    small = co_liked_films(users, films, np.full(len(users), 5.0), 300)
    monkeypatch.setattr("movie_assets.recommender.neighbours.KERNEL_FROM", 0)
    by_kernel = co_liked_films(users, films, np.full(len(users), 5.0), 300)
    assert as_tuples(small) == as_tuples(by_kernel)
    assert len(small.rows) == 300 * 50


def test_somebody_who_likes_everything_hardly_counts() -> None:
    """All pairs have this one liker in common, and little comes of it."""
    n_films = 10_000
    others = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]
    users = np.concatenate([np.zeros(n_films, int), [user for user, _ in others]])
    films = np.concatenate([np.arange(n_films), [film for _, film in others]])
    found = co_liked_films(users, films, np.full(len(users), 5.0), n_films)
    mine = found.rows == 0
    assert found.columns[mine][0] == 1
    assert found.liked_by_both[mine].tolist() == [4] + [1] * 49
    assert found.scores[mine][0] > 20 * found.scores[mine][1]


@pytest.mark.parametrize(
    "ratings",
    [
        [(0, 0, 5.0)],
        [(0, 0, 3.0), (0, 1, 3.0)],
        [(0, 0, 5.0), (1, 1, 5.0)],
        [(0, -1, 5.0), (0, -1, 5.0)],
    ],
    ids=["one rating", "no like", "nobody likes two", "unknown films only"],
)
def test_nothing_in_common(ratings: Ratings) -> None:
    found = found_in(ratings)
    assert as_tuples(found) == []
    assert found.rows.dtype == found.liked_by_both.dtype == np.int32


def test_no_ratings_and_no_films() -> None:
    nothing = np.array([], dtype=np.int32)
    for n_films in (0, 3):
        found = co_liked_films(nothing, nothing, nothing.astype(np.float32), n_films)
        assert as_tuples(found) == []


@pytest.mark.parametrize(
    ("ratings", "words"),
    [
        ([(0, 4, 5.0)], "films must be from -1 to 3"),
        ([(0, -2, 5.0)], "films must be from -1 to 3"),
        ([(-1, 0, 5.0)], "users must be at least 0"),
        ([(0, 0, float("nan"))], "no number"),
        ([(0, 0, 5.0), (0, 1, 4.0), (0, 0, 4.0)], "rated a film twice"),
    ],
)
def test_what_cannot_be_is_refused(ratings: Ratings, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        found_in(ratings)


def test_arrays_of_different_lengths_are_refused() -> None:
    for lengths in itertools.permutations((2, 2, 3)):
        arrays = [np.zeros(length, int) for length in lengths]
        with pytest.raises(ValueError, match="one length"):
            co_liked_films(*arrays, n_films=3)


@pytest.mark.parametrize(
    "changed",
    [
        {"popularity_exponent": 1.1},
        {"popularity_exponent": -0.1},
        {"user_exponent": -1},
        {"shrinkage": float("nan")},
        {"shrinkage": float("inf")},
        {"neighbours": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    [name] = changed
    with pytest.raises(ValueError, match=name):
        CoLikeOptions(**changed)
