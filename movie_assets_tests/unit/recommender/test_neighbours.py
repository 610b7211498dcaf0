"""Nearest neighbours by blocks, against the same in dense NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender import MovieFeatures, Neighbours, nearest_neighbours
from movie_assets.recommender.neighbours import count_positive

N_TERMS = 16


def features_of(
    rows: NDArray[np.float32], candidates: Sequence[bool] | None = None
) -> MovieFeatures:
    n_movies, n_terms = rows.shape
    return MovieFeatures(
        movie_ids=np.arange(10, 10 + n_movies, dtype=np.int32),
        is_candidate=np.ones(n_movies, bool) if candidates is None else np.array(candidates, bool),
        matrix=sparse.csr_matrix(rows.astype(np.float32)),
        vocabulary=tuple(f"term{i:02}" for i in range(n_terms)),
    )


def dense_neighbours(features: MovieFeatures, k: int) -> list[tuple[int, int, int, float]]:
    """The definition itself: all scores, sorted by score and then by film."""
    rows = features.matrix.toarray()
    scores = np.minimum(rows @ rows.T, 1)
    found = []
    for row in range(len(rows)):
        others = [
            column
            for column in np.flatnonzero(features.is_candidate)
            if column != row and scores[row, column] > 0
        ]
        others.sort(key=lambda column: (-scores[row, column], column))
        found += [
            (row, int(column), rank, float(scores[row, column]))
            for rank, column in enumerate(others[:k], start=1)
        ]
    return found


def as_tuples(found: Neighbours) -> list[tuple[int, int, int, float]]:
    columns = (found.rows, found.columns, found.ranks, found.scores)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def row_of(terms: set[int]) -> NDArray[np.float32]:
    """A row of length 1 whose products are exact in float32: 1, 4 or 16 equal weights."""
    row = np.zeros(N_TERMS, np.float32)
    size = max((n for n in (1, 4, 16) if n <= len(terms)), default=0)
    row[sorted(terms)[:size]] = 1 / np.sqrt(max(size, 1))
    return row


EXACT_ROWS = st.lists(
    st.one_of(
        st.sets(st.integers(0, N_TERMS - 1), max_size=6),
        st.just(set(range(N_TERMS))),
        st.sampled_from([set(), {0}, {0, 1, 2, 3}]),  # empty rows and films of the same text
    ),
    min_size=1,
    max_size=14,
).map(lambda rows: np.array([row_of(terms) for terms in rows]))


@settings(max_examples=150, deadline=None)
@given(
    rows=EXACT_ROWS,
    k=st.integers(1, 20),
    block_bytes=st.sampled_from([1, 40, 200, 2**20]),
    data=st.data(),
)
def test_as_in_dense_numpy_ties_included(
    rows: NDArray[np.float32], k: int, block_bytes: int, data: st.DataObject
) -> None:
    flags = st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))
    features = features_of(rows, data.draw(flags))
    found = nearest_neighbours(features, k, block_bytes=block_bytes)
    assert as_tuples(found) == dense_neighbours(features, k)
    assert (found.rows.dtype, found.columns.dtype, found.ranks.dtype) == (np.int32,) * 3
    assert found.scores.dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_movies=st.integers(1, 60),
    density=st.floats(0.02, 0.6),
    k=st.integers(1, 70),
)
def test_contract_on_any_weights(seed: int, n_movies: int, density: float, k: int) -> None:
    chance = np.random.default_rng(seed)
    rows = chance.random((n_movies, 30)) * (chance.random((n_movies, 30)) < density)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    features = features_of(rows.astype(np.float32), chance.random(n_movies) < 0.7)
    found = nearest_neighbours(features, k, block_bytes=4096)
    whole = nearest_neighbours(features, k)
    assert as_tuples(found) == as_tuples(whole)

    dense = features.matrix.toarray().astype(np.float64)
    scores = dense @ dense.T
    np.fill_diagonal(scores, 0)
    scores[:, ~features.is_candidate] = 0
    assert not np.any(found.rows == found.columns)
    assert features.is_candidate[found.columns].all()
    assert np.all((found.scores > 0) & (found.scores <= 1))
    np.testing.assert_allclose(found.scores, scores[found.rows, found.columns], atol=2e-6)
    for row in range(n_movies):
        mine = found.rows == row
        best = -np.sort(-scores[row])[:k]
        np.testing.assert_allclose(found.scores[mine], best[best > 0], atol=2e-6)
        assert found.ranks[mine].tolist() == list(range(1, mine.sum() + 1))
        order = np.lexsort((found.columns[mine], -found.scores[mine]))
        assert order.tolist() == list(range(mine.sum()))


def test_scores_by_hand() -> None:
    rows = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0.8, 0.6], [0, 0, 1]])
    found = as_tuples(nearest_neighbours(features_of(rows), 2))
    assert [(row, column, rank) for row, column, rank, _ in found] == [
        (0, 1, 1),
        (1, 2, 1),
        (1, 0, 2),
        (2, 1, 1),
        (2, 3, 2),
        (3, 2, 1),
    ]
    assert [score for *_, score in found] == pytest.approx([0.6, 0.64, 0.6, 0.64, 0.6, 0.6])


def test_equal_scores_are_ordered_by_film() -> None:
    """Six films of one text: every score is the same, and the K-th place has many ties."""
    found = nearest_neighbours(features_of(np.tile([1.0, 0.0], (6, 1))), 3)
    neighbours = found.columns.reshape(6, 3).tolist()
    assert neighbours == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2], [0, 1, 2]]


def test_scores_never_exceed_1() -> None:
    weights = np.full(7, 0.37796450, np.float32)  # 1 / sqrt(7), a little more in float32
    weights[0] = np.nextafter(weights[0], np.float32(1))
    rows = np.tile(weights, (2, 1))
    assert float(rows[0] @ rows[1]) > 1
    found = nearest_neighbours(features_of(rows), 1)
    assert found.scores.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "features",
    [
        features_of(np.zeros((0, 3))),
        features_of(np.zeros((3, 3))),
        features_of(np.zeros((3, 0))),
        features_of(np.eye(3)),
        features_of(np.ones((3, 1)), [False] * 3),
        features_of(np.ones((1, 1))),
    ],
    ids=["no films", "empty rows", "no terms", "nothing shared", "no candidates", "one film"],
)
def test_no_neighbours_at_all(features: MovieFeatures) -> None:
    found = nearest_neighbours(features, 5)
    assert as_tuples(found) == []
    assert (found.rows.dtype, found.scores.dtype) == (np.int32, np.float32)


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_positive(k: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {k}"):
        nearest_neighbours(features_of(np.eye(2)), k)


def test_progress_is_told_block_by_block() -> None:
    told: list[tuple[int, int]] = []
    # A score takes four bytes, so a block has two of the five rows.
    nearest_neighbours(
        features_of(np.eye(5)), 1, block_bytes=40, progress=lambda *done: told.append(done)
    )
    assert told == [(2, 5), (4, 5), (5, 5)]


@settings(max_examples=80, deadline=None)
@given(rows=EXACT_ROWS, data=st.data())
def test_count_of_films_that_share_a_term(rows: NDArray[np.float32], data: st.DataObject) -> None:
    n_movies = len(rows)
    candidates = data.draw(st.lists(st.booleans(), min_size=n_movies, max_size=n_movies))
    asked = data.draw(st.lists(st.integers(0, n_movies - 1), max_size=n_movies))
    expected = [
        sum(
            candidates[other] and other != row and bool(np.any((rows[row] > 0) & (rows[other] > 0)))
            for other in range(n_movies)
        )
        for row in asked
    ]
    counted = count_positive(features_of(rows, candidates), np.array(asked, np.int64))
    assert counted.tolist() == expected
    assert counted.dtype == np.int64
