"""Who rated what, and on which side each of them is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_assets.recommender.evaluation.ratings import Ratings, split_people


def test_films_get_their_index_and_ratings_their_order() -> None:
    found = Ratings.of(
        [7, 2, 7, 7],
        [30, 10, 99, 10],
        [4.0, 0.5, 5.0, 3.5],
        [50, 60, 40, 40],
        catalogue=[10, 20, 30],
    )
    assert found.users.tolist() == [2, 7, 7, 7]
    assert found.films.tolist() == [0, -1, 0, 2]  # of one second, by film
    assert found.stars.tolist() == [0.5, 5.0, 3.5, 4.0]
    assert found.seconds.tolist() == [60, 40, 40, 50]
    assert found.liked.tolist() == [False, True, False, True]
    assert (len(found), found.n_users) == (4, 2)


def test_without_a_catalogue_every_film_is_unknown() -> None:
    assert Ratings.of([1], [10], [4.0], [0], catalogue=[]).films.tolist() == [-1]


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="of one length"):
        Ratings.of([1, 2], [10], [4.0], [0], catalogue=[10])
    with pytest.raises(ValueError, match="no number"):
        Ratings.of([1], [10], [np.nan], [0], catalogue=[10])


def one_rating_each(users: list[int]) -> Ratings:
    nothing = [0] * len(users)
    return Ratings.of(users, nothing, [4.0] * len(users), nothing, catalogue=[0])


@given(
    users=st.lists(st.integers(0, 2**31 - 1), unique=True, max_size=50),
    others=st.lists(st.integers(0, 2**31 - 1), max_size=50),
    seed=st.integers(0, 2**40),
    judges=st.floats(0.01, 0.99),
)
def test_nobody_is_on_both_sides_or_changes_sides(
    users: list[int], others: list[int], seed: int, judges: float
) -> None:
    train, judge = split_people(one_rating_each(users), seed, judges)
    assert sorted([*train.users, *judge.users]) == sorted(users)
    with_others = split_people(one_rating_each([*users, *(set(others) - set(users))]), seed, judges)
    for half, larger in zip((train, judge), with_others, strict=True):
        assert set(half.users) <= set(larger.users)


def test_halves_are_nearly_halves_and_another_seed_makes_others() -> None:
    everybody = one_rating_each(list(range(10_000)))
    halves = [set(split_people(everybody, seed)[0].users.tolist()) for seed in (0, 1)]
    for half in halves:
        assert len(half) == pytest.approx(5_000, abs=150)  # three standard deviations
    assert len(halves[0] & halves[1]) == pytest.approx(2_500, abs=150)


def test_the_share_of_judges_is_as_asked() -> None:
    everybody = one_rating_each(list(range(10_000)))
    judging = {share: split_people(everybody, 0, share)[1] for share in (0.2, 0.5)}
    assert judging[0.2].n_users == pytest.approx(2_000, abs=120)
    assert set(judging[0.2].users) < set(judging[0.5].users)
    for share in (0, 1, -1, float("nan")):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            split_people(everybody, 0, share)
