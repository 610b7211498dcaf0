"""The order of a list's films: one franchise cannot fill it, and MMR takes unlike films first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender.diversity import (
    LARGEST_SHARE,
    marginal_relevance,
    spread_collections,
)


def spread(collections: list[int], k: int = 100) -> list[int]:
    return spread_collections(np.array(collections, dtype=np.int32), k).tolist()


def test_a_franchise_is_spread_over_the_list() -> None:
    assert spread([7, 7, 7, -1, -1, -1, -1]) == [0, 3, 4, 1, 5, 6, 2]


def test_films_of_no_collection_keep_their_order() -> None:
    assert spread([-1, -1, -1, -1]) == [0, 1, 2, 3]


def test_a_franchise_alone_is_still_listed() -> None:
    assert spread([7, 7, 7]) == [0, 1, 2]
    assert spread([]) == []


def test_what_came_before_counts() -> None:
    numbers = np.array([7, 7, -1, -1], dtype=np.int32)
    # One of four, and two of five: there the next may stand.
    assert spread_collections(numbers, 4, before=[7, -1, -1]).tolist() == [0, 2, 3, 1]
    assert spread_collections(numbers, 4, before=[7, 7, 7]).tolist() == [2, 3, 0, 1]


@given(st.lists(st.integers(-1, 2), max_size=30), st.integers(0, 30))
def test_a_list_may_be_spread_in_two_steps(collections: list[int], first: int) -> None:
    whole = spread(collections)
    began, left = whole[:first], sorted(whole[first:])
    rest = spread_collections(
        np.array([collections[i] for i in left], np.int32),
        len(left),
        before=[collections[i] for i in began],
    )
    assert began + [left[i] for i in rest] == whole


@given(st.lists(st.integers(-1, 2), max_size=30), st.integers(1, 12))
def test_no_beginning_of_the_list_is_full_of_one_franchise(collections: list[int], k: int) -> None:
    chosen = spread(collections, k)
    assert len(chosen) == len(set(chosen)) == min(k, len(collections))
    for length in range(1, len(chosen) + 1):
        newest = collections[chosen[length - 1]]
        if newest < 0:
            continue
        of_it = sum(collections[i] == newest for i in chosen[:length])
        left = [i for i in range(len(collections)) if i not in chosen[: length - 1]]
        counts = {c: sum(collections[i] == c for i in chosen[: length - 1]) for c in range(3)}
        most = math.ceil(LARGEST_SHARE * length)
        others = any(collections[i] < 0 or counts[collections[i]] < most for i in left)
        assert of_it <= most or not others


ROWS = sparse.csr_matrix(np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [0, 0, 2]], dtype=np.float32))
SCORES = np.array([1.0, 0.9, 0.6, 0.5], dtype=np.float32)


def test_without_diversity_the_order_stays() -> None:
    assert marginal_relevance(SCORES, ROWS, 3, 0.0).tolist() == [0, 1, 2]


def test_relevance_and_likeness_by_hand() -> None:
    # 0 first. Then 1: 0.5 * 0.9 - 0.5 * 0.995 < 2: 0.5 * 0.6 - 0, and so 2; then 3, then 1.
    assert marginal_relevance(SCORES, ROWS, 4, 0.5).tolist() == [0, 2, 3, 1]


def test_length_of_rows_changes_nothing() -> None:
    longer = sparse.csr_matrix(sparse.diags([1, 5, 3, 0.1]) @ ROWS)
    for diversity in (0.2, 0.5, 1.0):
        np.testing.assert_array_equal(
            marginal_relevance(SCORES, longer, 4, diversity),
            marginal_relevance(SCORES, ROWS, 4, diversity),
        )


@pytest.mark.parametrize("diversity", [-0.1, 1.1, float("nan")])
def test_diversity_out_of_range_is_refused(diversity: float) -> None:
    with pytest.raises(ValueError, match="diversity must be from 0 to 1"):
        marginal_relevance(SCORES, ROWS, 2, diversity)


def test_nothing_to_choose_from() -> None:
    nothing = sparse.csr_matrix((0, 3), dtype=np.float32)
    assert marginal_relevance(np.zeros(0, np.float32), nothing, 3, 0.5).tolist() == []
