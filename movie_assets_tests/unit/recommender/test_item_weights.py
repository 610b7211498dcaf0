"""Item weights: by hand, and against the same in dense NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from movie_assets.recommender.item_weights import ItemWeightOptions, fit_item_weights

PLAIN = ItemWeightOptions(ridge=1, user_exponent=0, least_likes=1, popularity_exponent=0)


def likes_of(table: Any) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(table, dtype=np.float32))


def made_up(n_users: int, n_films: int, seed: int = 0) -> sparse.csr_matrix:
    chance = np.random.default_rng(seed)
    return likes_of(chance.random((n_users, n_films)) < chance.random(n_films))


def dense(likes: sparse.csr_matrix, options: ItemWeightOptions) -> NDArray[np.float64]:
    """Film by film the ridge regression that EASE is: what tells who likes it, but itself."""
    table = likes.toarray().astype(np.float64)
    own = np.maximum(table.sum(axis=1), 1) ** (-options.user_exponent / 2)
    table *= own[:, None]
    weights = np.zeros((table.shape[1],) * 2)
    for film in range(len(weights)):
        others = np.arange(len(weights)) != film
        rest = table[:, others]
        weights[others, film] = np.linalg.solve(
            rest.T @ rest + options.ridge * np.eye(rest.shape[1]), rest.T @ table[:, film]
        )
    return weights


def test_by_hand() -> None:
    """Films 0 and 1 are liked by the same two people, film 2 by a third."""
    found = fit_item_weights(likes_of([[1, 1, 0], [1, 1, 0], [0, 0, 1]]), PLAIN)
    # Of one film alone, the regression on another: 2 / (2 + ridge).
    expected = [[0, 2 / 3, 0], [2 / 3, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)
    assert found.dtype == np.float32
    assert found.nnz == 2


def test_a_film_speaks_against_what_another_stands_for_already() -> None:
    """Who likes 0 likes 1 or 2, and never both: given 0, liking 1 speaks against 2."""
    found = fit_item_weights(likes_of([[1, 1, 0], [1, 0, 1]] * 9), PLAIN).toarray()
    assert found[0, 1] > 0 > found[1, 2]
    assert found[2, 1] < 0


@settings(max_examples=60, deadline=None)
@given(
    table=st.lists(
        st.lists(st.sampled_from([0, 0, 0.25, 0.5, 1, 1]), min_size=5, max_size=5),
        min_size=1,
        max_size=12,
    ),
    ridge=st.sampled_from([0.5, 3.0, 25.0]),
    exponent=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_as_in_dense_numpy(table: list[list[float]], ridge: float, exponent: float) -> None:
    options = ItemWeightOptions(ridge, exponent, least_likes=0.25, popularity_exponent=0)
    likes = likes_of(table)
    found = fit_item_weights(likes, options).toarray()
    np.testing.assert_allclose(found, dense(likes, options), atol=1e-5)
    np.testing.assert_array_equal(np.diag(found), 0)


@settings(max_examples=40, deadline=None)
@given(
    table=st.lists(
        st.lists(st.sampled_from([0, 0, 0.5, 1]), min_size=4, max_size=4), min_size=1, max_size=9
    ),
    content=st.sampled_from([0.0, 0.5, 2.0]),
    seed=st.integers(0, 9),
)
def test_terms_count_like_people_who_like_the_films_that_have_them(
    table: list[list[float]], content: float, seed: int
) -> None:
    """Each term as one more row of the regression, in parts of how much a film is liked."""
    options = ItemWeightOptions(3.0, 0.0, 0.25, popularity_exponent=0, content=content)
    likes = likes_of(table)
    terms = np.random.default_rng(seed).random((4, 6)).astype(np.float32)
    terms /= np.linalg.norm(terms, axis=1, keepdims=True)
    squares = np.sqrt((likes.toarray() ** 2).sum(axis=0))
    rows = np.sqrt(content) * squares * terms.T
    with_terms = likes_of(np.concatenate([likes.toarray(), rows]))
    found = fit_item_weights(likes, options, contents=likes_of(terms)).toarray()
    takes_part = likes.toarray().sum(axis=0) >= 0.25
    expected = dense(with_terms[:, takes_part], options)
    np.testing.assert_allclose(found[np.ix_(takes_part, takes_part)], expected, atol=1e-5)
    assert not found[~takes_part].any()


def test_a_film_that_few_like_leans_on_what_it_is_about() -> None:
    """Films 0 and 1 are about the same; 2 is liked as much as 1, and about something else."""
    likes = likes_of([[1, 0, 0]] * 9 + [[0, 1, 0]] * 2 + [[0, 0, 1]] * 2)
    contents = likes_of([[1, 0], [1, 0], [0, 1]])
    assert fit_item_weights(likes, PLAIN).nnz == 0
    found = fit_item_weights(likes, PLAIN, contents=contents).toarray()
    assert found[0, 1] > 0
    assert found[0, 2] == 0


def test_a_large_ridge_leaves_the_counts_of_common_likers() -> None:
    likes, ridge = made_up(80, 12), 1e6
    found = fit_item_weights(
        likes, ItemWeightOptions(ridge, 0.0, 1, popularity_exponent=0)
    ).toarray()
    both = (likes.T @ likes).toarray()
    np.fill_diagonal(both, 0)
    np.testing.assert_allclose(found * ridge, both, rtol=1e-2, atol=1e-2)


def test_the_most_liked_films_take_part_and_the_first_of_equals() -> None:
    likes = likes_of([[1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]])
    found = fit_item_weights(likes, ItemWeightOptions(1, 0, least_likes=1, most_films=2))
    assert sorted(zip(*found.nonzero(), strict=True)) == [(0, 1), (1, 0)]
    alone = fit_item_weights(likes, ItemWeightOptions(1, 0, least_likes=3))
    assert alone.nnz == 0
    assert alone.shape == (4, 4)


def test_the_largest_by_size_are_kept() -> None:
    likes = made_up(60, 20)
    every = dense(likes, PLAIN)
    found = fit_item_weights(likes, replace(PLAIN, kept=4))
    assert np.diff(found.indptr).tolist() == [4] * 20
    for film in range(20):
        assert set(found[film].indices) == set(np.argsort(-np.abs(every[film]))[:4])


def test_what_speaks_for_a_film_is_marked_down_by_its_likes() -> None:
    """Film 0 has 30 likes, film 1 has 10: a like's film has 25 of them in the mean."""
    likes = likes_of([[1, 1]] * 10 + [[1, 0]] * 20)
    plain = fit_item_weights(likes, PLAIN).toarray()
    found = fit_item_weights(likes, replace(PLAIN, popularity_exponent=0.5)).toarray()
    factors = (np.array([40, 20]) / 35) ** -0.5
    np.testing.assert_allclose(found, plain * factors, rtol=1e-6)


def test_threads_and_the_order_of_ratings_change_nothing() -> None:
    likes = made_up(300, 150)
    entries = likes.tocoo()
    order = np.random.default_rng(0).permutation(entries.nnz)
    shuffled = sparse.csr_matrix(
        (entries.data[order], (entries.row[order], entries.col[order])), likes.shape
    )
    found = fit_item_weights(likes)
    for threads in (1, 2):
        with threadpool_limits(threads):
            again = fit_item_weights(shuffled)
        for name in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(found, name), getattr(again, name))


@pytest.mark.parametrize("shape", [(0, 3), (0, 0), (3, 0), (4, 1)])
def test_nothing_to_learn_from(shape: tuple[int, int]) -> None:
    found = fit_item_weights(sparse.csr_matrix(np.ones(shape, np.float32)))
    assert found.shape == (shape[1], shape[1])
    assert found.nnz == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"ridge": 0},
        {"ridge": float("nan")},
        {"least_likes": 0},
        {"most_films": 0},
        {"kept": 0},
        {"popularity_exponent": -1},
        {"content": -1},
    ],
)
def test_options_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    [name] = changed
    with pytest.raises(ValueError, match=name):
        ItemWeightOptions(**changed)
