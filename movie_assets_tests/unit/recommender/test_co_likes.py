"""Films liked by the same people: by hand, and against the same in dense NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender import co_like_search
from movie_assets.recommender.co_likes import CoLikeOptions, CoLikes, co_liked_films
from movie_assets.recommender.expected import taste_factors
from movie_assets.recommender.ranking import ADULT, FAMILY, GENERAL
from movie_assets.recommender.worth import WORTH

Ratings = list[tuple[int, int, float]]

#: Who likes what: film 0 is liked by users 0 to 3, film 1 by 0 to 2, film 2 by 3, film 3 by nobody.
#: Everybody likes two, and so counts the same.
LIKES = [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (3, 2)]
BY_HAND: Ratings = [(user, film, 4.0) for user, film in LIKES] + [(0, 3, 3.5), (1, 2, 1.0)]
LIKES_ALONE = ((4.0, 1.0),)
#: There are more tastes than people, so that what is expected is what is counted.
PLAIN = CoLikeOptions(LIKES_ALONE, user_exponent=0, shrinkage=0, popularity_exponent=0.5)


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


def test_films_for_audiences_far_apart_stand_further_down() -> None:
    """Everybody likes all four; one is for families, one a crime film, two are for anybody."""
    events = [(user, film, 5.0) for user in range(30) for film in range(4)]
    audiences = [FAMILY, ADULT, GENERAL, GENERAL]
    users, films, stars = (np.array(of) for of in zip(*events, strict=True))
    plain = co_liked_films(users, films, stars, 4)
    suited = co_liked_films(users, films, stars, 4, audiences=audiences)
    of_family, of_adult = (suited.columns[suited.rows == film].tolist() for film in (0, 1))
    assert of_family == [2, 3, 1]
    assert of_adult == [2, 3, 0]
    assert plain.columns[plain.rows == 0].tolist() == [1, 2, 3]
    score = {(i, j): s for i, j, s in zip(suited.rows, suited.columns, suited.scores, strict=True)}
    assert score[0, 1] == pytest.approx(score[0, 2] * np.exp(-0.8 * 2.5), rel=1e-5)
    assert suited.ranks.tolist() == plain.ranks.tolist()
    assert suited.liked_by_both.tolist() == [30] * 12
    untouched = co_liked_films(
        users, films, stars, 4, CoLikeOptions(audience=0), audiences=audiences
    )
    for name in ("rows", "columns", "ranks", "scores", "liked_by_both"):
        np.testing.assert_array_equal(getattr(untouched, name), getattr(plain, name))


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
        (
            {"shrinkage": 2},
            {(0, 1): 4 / 6 * 3 / np.sqrt(6 * 5), (0, 2): 4 / 6 * 1 / np.sqrt(6 * 3)},
        ),
        ({"popularity_exponent": 0}, {(0, 1): 3 / 4, (0, 2): 1 / 4}),
        ({"popularity_exponent": 1}, {(0, 2): 1 / 1, (0, 1): 3 / 3}),
        # What everybody counts is in parts of a like's mean.
        ({"user_exponent": 1}, {(0, 1): 3 / np.sqrt(4 * 3), (0, 2): 1 / np.sqrt(4 * 1)}),
        ({"neighbours": 1}, {(0, 1): 3 / np.sqrt(12)}),
        ({"worth": ((3.5, 1.0),)}, {(0, 1): 3 / np.sqrt(12), (0, 2): 0.5, (0, 3): 0.5}),
        # Film 2 has a quarter of a liker more, who likes film 0 as well.
        (
            {"worth": ((4.0, 1.0), (1.0, 0.25))},
            {(0, 1): 3 / np.sqrt(12), (0, 2): 1.25 / np.sqrt(4 * 1.25)},
        ),
    ],
)
def test_options(changed: dict[str, Any], expected: dict[tuple[int, int], float]) -> None:
    options = CoLikeOptions(**vars(PLAIN) | changed)
    found = scores(found_in(BY_HAND, options=options))
    assert {pair: score for pair, score in found.items() if pair[0] == 0} == expected


def test_likes_of_unknown_films_count_among_their_users() -> None:
    """A user who likes much beside what we have says less, and nothing else changes."""
    options = CoLikeOptions(LIKES_ALONE, user_exponent=1, shrinkage=0, popularity_exponent=0)
    more = [*BY_HAND, (3, -1, 5.0), (3, -1, 1.0)]
    found = scores(found_in(more, options=options))
    mean = (6 * 1 / 2 + 2 * 1 / 3) / 8
    assert found[0, 1] == 3 * 1 / 2 / mean / 4
    assert found[0, 2] == 1 * 1 / 3 / mean / 4
    assert {film for pair in found for film in pair} == {0, 1, 2}


#: Two kinds of people and of films. Nobody has seen both film 0 and film 1.
KINDS: Ratings = [
    (user, 6 * (user % 2) + film, 5.0)
    for user in range(40)
    for film in range(6)
    if film != user // 2 % 2 and (user + film) % 5
]


def test_films_that_nobody_has_seen_both_of_are_found_by_taste() -> None:
    found = found_in(KINDS, 12, CoLikeOptions(tastes=2, neighbours=5))
    pairs = {(row, column): both for row, column, _, _, both in as_tuples(found)}
    assert pairs[0, 1] == pairs[1, 0] == 0
    assert pairs[2, 3] > 0
    assert all(row // 6 == column // 6 for row, column in pairs)
    exactly = found_in(KINDS, 12, CoLikeOptions(tastes=12, neighbours=5))
    assert (0, 1) not in scores(exactly)


def test_what_is_expected_is_the_best_approximation_by_so_many_tastes() -> None:
    """Against LAPACK's decomposition of the dense matrix."""
    users, films = made_up(60, 25, 500)
    chance = np.random.default_rng(1)
    worth = chance.choice(np.float32([1, 0.5]), len(users))
    likers = sparse.csr_matrix((worth, (films, users)), (25, 60))
    likers = likers[np.flatnonzero(np.diff(likers.indptr))]
    weights = chance.random(60) + 0.5
    scale = (likers.toarray().sum(axis=1) + 5) ** 0.25
    left, sizes, _ = np.linalg.svd(likers.toarray() / scale[:, None] * np.sqrt(weights))
    best = left[:, :3] * sizes[:3] * scale[:, None]
    factors = taste_factors(likers, weights, 3)
    assert factors.dtype == np.float32
    np.testing.assert_allclose(factors @ factors.T, best @ best.T, atol=0.2)
    np.testing.assert_array_equal(factors, taste_factors(likers, weights, 3))


@settings(max_examples=25, deadline=None)
@given(
    n_films=st.sampled_from([1, 2, 70, 1030]),
    n_tastes=st.integers(1, 9),
    trust=st.sampled_from([0.1, 10.0]),
    k=st.integers(1, 9),
    seed=st.integers(0, 2**32),
)
def test_scores_are_as_in_dense_numpy_whatever_the_blocks_and_threads(
    n_films: int, n_tastes: int, trust: float, k: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    likers = sparse.random(n_films, 9, 0.3, "csr", np.float32, chance)
    likers.data[:] = chance.choice([1, 0.5, 0.25], likers.nnz)
    weights, own, prior = chance.random(9), chance.random(n_films), chance.random(n_films)
    factors = chance.normal(size=(n_films, n_tastes)).astype(np.float32)
    likes = co_like_search.Likes.of(likers, weights)
    scoring = co_like_search.Scoring.of(factors, trust, 0.01, own, prior)

    indices, values = co_like_search.search(likes, scoring, k)

    both = likers.toarray() * weights @ likers.toarray().T
    expected = factors.astype(float) @ factors.T
    dense = expected * (both + trust) / (expected + trust) * np.outer(own, prior)
    dense[expected < 0.01] = 0
    dense = np.minimum(dense, 1)
    np.fill_diagonal(dense, 0)
    best = -np.sort(-dense, axis=1)[:, :k]
    best = np.pad(best, ((0, 0), (0, k - best.shape[1])))
    np.testing.assert_allclose(values, best, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(indices >= 0, values > 0)
    for rows in (1, 33):
        again = co_like_search.search(likes, scoring, k, block=rows, threads=1)
        np.testing.assert_array_equal(indices, again[0])
        np.testing.assert_array_equal(values, again[1])


def dense(ratings: Ratings, n_films: int, options: CoLikeOptions) -> tuple[Any, Any]:
    """With as many tastes as it takes, by definition: all scores in float64, and who likes both."""
    n_users = 1 + max(user for user, _, _ in ratings)
    likes = np.zeros((n_films, n_users))
    n_ratings = np.zeros(n_users)
    for user, film, stars in ratings:
        worth = next((worth for least, worth in options.worth if stars >= least), 0)
        n_ratings[user] += worth > 0
        if film >= 0:
            likes[film, user] = worth
    weights = np.maximum(n_ratings, 1) ** -options.user_exponent
    weights /= (likes @ weights).sum() / max(likes.sum(), 1) or 1
    n_likers = likes.sum(axis=1)
    counts = n_likers + options.shrinkage
    b = options.popularity_exponent
    counts[counts == 0] = 1
    all_scores = (likes * weights) @ likes.T / np.outer(counts ** (1 - b), counts**b)
    all_scores *= (n_likers / counts)[:, None]
    np.fill_diagonal(all_scores, 0)
    liked = (likes == 1).astype(int)
    nobody = ~liked.any(axis=1)
    all_scores[nobody] = all_scores[:, nobody] = 0
    return np.minimum(all_scores, 1), liked @ liked.T


RATINGS = st.dictionaries(
    st.tuples(st.integers(0, 11), st.integers(0, 7)),
    st.sampled_from([0.5, 3.0, 3.5, 4.0, 5.0]),
    min_size=1,
    max_size=70,
).map(lambda found: [(user, film, stars) for (user, film), stars in found.items()])


@settings(max_examples=150, deadline=None)
@given(
    ratings=RATINGS,
    unknown=st.lists(st.integers(0, 11), max_size=4),
    worth=st.sampled_from([LIKES_ALONE, WORTH]),
    c=st.sampled_from([0.0, 0.5, 1.0]),
    s=st.sampled_from([0.0, 1.5, 30.0]),
    b=st.sampled_from([0.0, 0.4, 0.5, 1.0]),
    k=st.integers(1, 9),
)
def test_as_in_dense_numpy(
    ratings: Ratings, unknown: list[int], worth: Any, c: float, s: float, b: float, k: int
) -> None:
    ratings = [*ratings, *((user, -1, 5.0) for user in unknown)]
    options = CoLikeOptions(worth, c, s, b, tastes=12, trust=3.0, neighbours=k)
    found = found_in(ratings, 8, options)
    expected, both = dense(ratings, 8, options)
    assert np.all((found.scores > 0) & (found.scores <= 1))
    np.testing.assert_allclose(found.scores, expected[found.rows, found.columns], rtol=1e-4)
    np.testing.assert_array_equal(found.liked_by_both, both[found.rows, found.columns])
    for film in range(8):
        mine = found.rows == film
        best = -np.sort(-expected[film])[:k]
        np.testing.assert_allclose(found.scores[mine], best[best > 0], rtol=1e-4)
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


def test_other_numbers_for_the_same_people_change_no_more_than_last_bits() -> None:
    users, films = made_up(400, 300, 9000)
    stars = np.full(len(users), 5.0)
    found = co_liked_films(users, films, stars, 300)
    renumbered = co_liked_films(np.random.default_rng(0).permutation(400)[users], films, stars, 300)
    np.testing.assert_allclose(found.scores, renumbered.scores, rtol=1e-3)
    assert np.bincount(found.rows, minlength=300).max() == 100
    assert np.all(np.diff(found.scores)[np.diff(found.rows) == 0] <= 0)


def test_films_that_nobody_likes_change_nothing() -> None:
    users, films = made_up(50, 40, 600)
    stars = np.full(len(users), 5.0)
    few = co_liked_films(users, films, stars, 40)
    many = co_liked_films(users, 3 * films, stars, 5000)
    np.testing.assert_array_equal(3 * few.rows, many.rows)
    np.testing.assert_array_equal(3 * few.columns, many.columns)
    np.testing.assert_array_equal(few.scores, many.scores)


def test_somebody_who_likes_everything_hardly_counts() -> None:
    """All pairs have this one liker in common, and little comes of it."""
    n_films = 10_000
    others = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]
    users = np.concatenate([np.zeros(n_films, int), [user for user, _ in others]])
    films = np.concatenate([np.arange(n_films), [film for _, film in others]])
    found = co_liked_films(users, films, np.full(len(users), 5.0), n_films)
    mine = found.rows == 0
    assert found.columns[mine][0] == 1
    assert found.liked_by_both[mine].tolist() == [4] + [1] * 99
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
        {"trust": 0},
        {"trust": float("nan")},
        {"tastes": 0},
        {"worth": ()},
        {"worth": ((4.0, 0.9),)},
        {"worth": ((4.0, 1.0), (3.0, 0.0))},
        {"worth": ((4.0, 1.0), (4.5, 0.5))},
        {"worth": ((4.0, 1.0), (3.0, 1.0))},
        {"neighbours": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    [name] = changed
    with pytest.raises(ValueError, match=name):
        CoLikeOptions(**changed)
