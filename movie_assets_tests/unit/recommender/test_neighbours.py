"""The K best of another matrix by whichever way is sooner done, and the films that share a term."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender import blocks, neighbours
from movie_assets.recommender import top_k as kernel
from movie_assets.recommender.neighbours import count_positive, top_k
from movie_assets_tests.films import features_of

WEIGHT = st.sampled_from([0.0, 0.0, 0.5, 1.0])
N_TERMS = 5
EXACT_ROWS = st.lists(
    st.lists(WEIGHT, min_size=N_TERMS, max_size=N_TERMS), min_size=1, max_size=14
).map(lambda rows: np.array(rows, dtype=np.float32))


@settings(max_examples=80, deadline=None)
@given(rows=EXACT_ROWS, candidates=EXACT_ROWS, k=st.integers(1, 20))
def test_a_small_task_as_in_dense_numpy(
    rows: NDArray[np.float32], candidates: NDArray[np.float32], k: int
) -> None:
    indices, scores = top_k(sparse.csr_matrix(rows), sparse.csr_matrix(candidates), k)
    assert indices.shape == scores.shape == (len(rows), k)
    for row, its in enumerate(rows @ candidates.T):
        best = sorted(np.flatnonzero(its > 0), key=lambda column: (-its[column], column))[:k]
        assert indices[row].tolist() == [*best, *[-1] * (k - len(best))]
        assert scores[row].tolist() == [*its[best], *[0] * (k - len(best))]


@pytest.mark.parametrize(
    ("kernel_from", "way"), [(float("inf"), "blocks"), (0, "kernel")], ids=["few", "many"]
)
def test_which_way_is_taken(monkeypatch: pytest.MonkeyPatch, kernel_from: float, way: str) -> None:
    taken: list[str] = []

    def stand_in(name: str) -> Any:
        return lambda *_, **__: taken.append(name)

    monkeypatch.setattr(neighbours, "KERNEL_FROM", kernel_from)
    monkeypatch.setattr(blocks, "search", stand_in("blocks"))
    monkeypatch.setattr(kernel, "search", stand_in("kernel"))
    top_k(*[sparse.csr_matrix(np.eye(3, dtype=np.float32))] * 2, 1)
    assert taken == [way]


def test_a_number_of_threads_that_is_none() -> None:
    ones = sparse.csr_matrix(np.eye(2, dtype=np.float32))
    with pytest.raises(ValueError, match="threads must be at least 1, not 0"):
        top_k(ones, ones, 1, threads=0)


def test_blocks_change_nothing_and_tell_their_progress() -> None:
    rows = sparse.csr_matrix(np.eye(5, dtype=np.float32))
    told: list[tuple[int, int]] = []
    task = neighbours.scoring_task(rows, rows, 1)
    # A score takes four bytes, so a block has two of the five rows.
    found = neighbours.search(task, block_bytes=40, progress=lambda *done: told.append(done))
    assert told == [(2, 5), (4, 5), (5, 5)]
    for one, other in zip(found, top_k(rows, rows, 1), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=80, deadline=None)
@given(rows=EXACT_ROWS, data=st.data())
def test_count_of_films_that_share_a_term(rows: NDArray[np.float32], data: st.DataObject) -> None:
    n_movies = len(rows)
    votes = data.draw(st.lists(st.integers(0, 1), min_size=n_movies, max_size=n_movies))
    asked = data.draw(st.lists(st.integers(0, n_movies - 1), max_size=n_movies))
    expected = [
        sum(
            votes[other] and other != row and bool(np.any((rows[row] > 0) & (rows[other] > 0)))
            for other in range(n_movies)
        )
        for row in asked
    ]
    counted = count_positive(features_of(rows, votes), np.array(asked, np.int64))
    assert counted.tolist() == expected
    assert counted.dtype == np.int64
