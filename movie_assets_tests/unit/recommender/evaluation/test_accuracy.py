"""How right lists are, worked out by hand and list by list."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender.evaluation import accuracy

# Of three lists of three: the first is half right, the second short and wrong, the third perfect.
LISTS = np.array([[4, 0, 3], [2, -1, -1], [1, 2, 0]], np.int32)
RIGHT = [{0, 3}, {4}, {0, 1, 2, 3}]


def relevant(right: list[set[int]], n_films: int = 5) -> sparse.csr_matrix:
    table = np.zeros((len(right), n_films), bool)
    for row, films in enumerate(right):
        table[row, sorted(films)] = True
    return sparse.csr_matrix(table)


def test_by_hand() -> None:
    found = accuracy.hits(LISTS, relevant(RIGHT))
    assert found.tolist() == [[False, True, True], [False] * 3, [True] * 3]
    n_relevant = np.array([2, 1, 4])
    second, third = 1 / math.log2(3), 1 / math.log2(4)
    assert accuracy.ndcg(found, n_relevant) == pytest.approx(
        [(second + third) / (1 + second), 0, 1]
    )
    assert accuracy.precision(found) == pytest.approx([2 / 3, 0, 1])
    assert accuracy.recall(found, n_relevant) == pytest.approx([1, 0, 1])
    assert accuracy.reciprocal_rank(found).tolist() == [0.5, 0, 1]


def test_recall_is_of_what_a_list_can_hold() -> None:
    found = np.array([[True, False]])
    assert accuracy.recall(found, np.array([50])).tolist() == [0.5]


def test_where_nothing_is_right_all_is_zero() -> None:
    nothing = relevant([set()])
    found = accuracy.hits(np.array([[0, 4]], np.int32), nothing)
    for measure in (accuracy.ndcg, accuracy.recall):
        assert measure(found, np.array([0])).tolist() == [0.0]


def test_the_end_of_a_list_is_not_the_last_film_of_the_one_before() -> None:
    found = accuracy.hits(np.array([[0], [-1]], np.int32), relevant([{4}, {0}]))
    assert found.tolist() == [[False], [False]]


@given(
    lists=st.lists(st.permutations(range(6)), min_size=1, max_size=5),
    k=st.integers(1, 6),
    data=st.data(),
)
def test_as_list_by_list(lists: list[list[int]], k: int, data: st.DataObject) -> None:
    right = [data.draw(st.sets(st.integers(0, 5), min_size=1)) for _ in lists]
    shown = np.array(lists, np.int32)[:, :k]
    found = accuracy.hits(shown, relevant(right, 6))
    sizes = np.array([len(films) for films in right])
    gains = [
        sum(1 / math.log2(place + 2) for place, film in enumerate(films) if film in good)
        for films, good in zip(shown.tolist(), right, strict=True)
    ]
    best = [sum(1 / math.log2(place + 2) for place in range(min(k, size))) for size in sizes]
    assert accuracy.ndcg(found, sizes) == pytest.approx(np.divide(gains, best))
    first = [
        next((1 / (p + 1) for p, film in enumerate(films) if film in good), 0.0)
        for films, good in zip(shown.tolist(), right, strict=True)
    ]
    assert accuracy.reciprocal_rank(found).tolist() == pytest.approx(first)
