"""What is right for a film, by hand and as a dense computation has it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.recommender.evaluation.ratings import Ratings
from movie_assets.recommender.evaluation.truth import co_liked_truth


def likes_of(table: np.ndarray, stars: float = 4.0) -> Ratings:
    """Ratings by as many people as rows, of as many films as columns; 3 stars where it is 0."""
    users, films = np.indices(table.shape).reshape(2, -1)
    ratings = np.where(table.ravel(), stars, 3.0)
    return Ratings.of(
        users, films, ratings, np.zeros(len(users)), catalogue=np.arange(table.shape[1])
    )


def right(table: np.ndarray) -> dict[int, list[int]]:
    truth = co_liked_truth(likes_of(table), table.shape[1])
    ends = truth.relevant.indptr
    return {
        int(seed): truth.relevant.indices[ends[row] : ends[row + 1]].tolist()
        for row, seed in enumerate(truth.seeds)
    }


def test_by_hand() -> None:
    table = np.zeros((12, 5), dtype=bool)
    table[:, 0] = True  # 12 likes
    table[:10, 1] = True  # 10 likes, the least
    table[:9, 2] = True  # 9: nobody asks about it, but it can be right
    table[:2, 3] = True  # two people in common with each: too few
    assert right(table) == {0: [1, 2], 1: [0, 2]}


def test_three_stars_are_no_like() -> None:
    table = np.ones((12, 3), dtype=bool)
    assert co_liked_truth(likes_of(table, 3.5), 3).seeds.tolist() == []
    assert co_liked_truth(likes_of(table, 4.0), 3).seeds.tolist() == [0, 1, 2]


def test_of_equal_films_the_first_twenty_are_right() -> None:
    found = right(np.ones((10, 25), dtype=bool))
    assert found[0] == list(range(1, 21))
    assert found[24] == list(range(20))


def test_few_people_in_common_count_less() -> None:
    # Films 1 and 2 have the same cosine with film 0, but more people vouch for film 2.
    table = np.zeros((40, 23), dtype=bool)
    table[:16, 0] = True
    table[:4, 1] = True  # 4 / sqrt(16 * 4) = 1/2
    table[:16, 2] = True
    table[16:32, 2] = True
    table[8:16, 2] = False
    table[24:32, 2] = False  # 8 / sqrt(16 * 16) = 1/2
    table[:5, 3:23] = True  # twenty films that are better than film 1, and worse than film 2
    found = right(table)[0]
    assert 2 in found
    assert 1 not in found


def test_without_anybody_nothing_is_asked() -> None:
    empty = Ratings.of([], [], [], [], catalogue=[1, 2])
    truth = co_liked_truth(empty, 2)
    assert truth.seeds.shape == (0,)
    assert truth.relevant.shape == (0, 2)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.integers(0, 2**12 - 1), min_size=10, max_size=30),
)
def test_as_a_dense_computation(rows: list[int]) -> None:
    table = (np.array(rows)[:, None] >> np.arange(12)) & 1 == 1
    both = table.T.astype(float) @ table
    likers = both.diagonal()
    expected = {}
    for seed in np.flatnonzero(likers >= 10):
        others = [
            j for j in range(12) if j != seed and both[seed, j] >= 3
        ]  # fewer than twenty: all of them are right
        if others:
            expected[int(seed)] = others
    assert right(table) == expected
