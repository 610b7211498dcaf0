"""What lists are like, worked out by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender.evaluation import breadth

# Two films, one film, none.
LISTS = np.array([[1, 2], [2, -1], [-1, -1]], np.int32)


def test_how_often_each_film_is_recommended() -> None:
    assert breadth.counts(LISTS, 4).tolist() == [0, 1, 2, 0]


def test_gini_by_hand() -> None:
    assert breadth.gini(np.array([2, 2, 2])) == pytest.approx(0)
    assert breadth.gini(np.array([0, 0, 0, 4])) == pytest.approx(3 / 4)
    # Half the mean difference of two films, over the mean: (|0-1| + |0-3| + |1-3|) / (9 * 4 / 3)
    assert breadth.gini(np.array([1, 0, 3])) == pytest.approx(6 / 12)
    assert breadth.gini(np.zeros(3, int)) is None
    assert breadth.gini(np.zeros(0, int)) is None


@given(counts=st.lists(st.integers(0, 50), min_size=1, max_size=20).filter(any))
def test_gini_as_the_mean_difference(counts: list[int]) -> None:
    n_films = len(counts)
    differences = sum(abs(a - b) for a in counts for b in counts)
    expected = differences / (2 * n_films**2 * (sum(counts) / n_films))
    assert breadth.gini(np.array(counts)) == pytest.approx(expected)


def test_self_information_by_hand() -> None:
    votes = np.array([4.0, 2.0, 1.0, 1.0])
    found = breadth.self_information(LISTS, votes)
    assert found[:2].tolist() == [2.5, 3.0]  # 2 of 8 votes are 2 bits, 1 of 8 is 3
    assert np.isnan(found[2])


def test_a_film_without_votes_counts_as_one_with_one() -> None:
    found = breadth.self_information(np.array([[1]]), np.array([3.0, 0.0]))
    assert found.tolist() == [2.0]


def test_means_leave_out_what_is_not_there() -> None:
    values = np.array([1e9, 1.0, 4.0, 1e9])
    found = breadth.mean_over(LISTS, values)
    assert found[:2].tolist() == [2.5, 4.0]
    assert np.isnan(found[2])


def test_the_best_known_films() -> None:
    assert breadth.most_voted(np.array([5.0, 9.0, 5.0, 1.0]), 2).tolist() == [1, 1, 0, 0]
    assert breadth.most_voted(np.array([5.0]), 100).tolist() == [1]


def test_sequels_by_hand() -> None:
    collections = np.array([7, 7, -1, -1])
    lists = np.array([[1, 2], [2, 3], [3, -1], [-1, -1]], np.int32)
    found = breadth.sequels(lists, np.array([0, 1, 2, 0]), collections)
    # Films that are of no series are not of the same one.
    assert found[:3].tolist() == [0.5, 0.0, 0.0]
    assert np.isnan(found[3])


ROWS = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8], [0.0, 0.0, 0.0]]


@given(lists=st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=5))
def test_diversity_as_pair_by_pair(lists: list[set[int]]) -> None:
    padded = np.array([(sorted(films) + [-1] * 4)[:4] for films in lists], np.int32)
    found = breadth.diversity(padded, sparse.csr_matrix(np.array(ROWS, np.float32)))
    for films, value in zip(lists, found, strict=True):
        pairs = [1 - np.dot(ROWS[a], ROWS[b]) for a, b in combinations(films, 2)]
        if pairs:
            assert value == pytest.approx(np.mean(pairs), abs=1e-6)
        else:
            assert np.isnan(value)
