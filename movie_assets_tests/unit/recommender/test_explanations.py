"""Shared terms, against multiplying them out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import (
    MovieFeatures,
    Neighbours,
    explanations,
    nearest_neighbours,
    shared_terms,
)


def features_of(rows: list[list[float]], vocabulary: tuple[str, ...]) -> MovieFeatures:
    return MovieFeatures(
        np.arange(len(rows), dtype=np.int32),
        np.ones(len(rows), bool),
        sparse.csr_matrix(np.array(rows, np.float32)),
        vocabulary,
    )


def pairs(*both: tuple[int, int]) -> Neighbours:
    rows, columns = np.array(both, np.int32).reshape(-1, 2).T
    return Neighbours(rows, columns, np.ones(len(both), np.int32), np.ones(len(both), np.float32))


def test_the_strongest_first_and_equals_by_alphabet() -> None:
    features = features_of(
        [[0.5, 0.5, 0.5, 0.5], [0.1, 0.7, 0.1, 0.7]], ("ant", "bee", "cat", "dog")
    )
    assert shared_terms(features, pairs((0, 1)), top=4) == [["bee", "dog", "ant", "cat"]]
    assert shared_terms(features, pairs((0, 1), (1, 0))) == [["bee", "dog", "ant"]] * 2


def test_nothing_shared_and_no_pairs() -> None:
    features = features_of([[1, 0], [0, 1]], ("ant", "bee"))
    assert shared_terms(features, pairs((0, 1))) == [[]]
    assert shared_terms(features, pairs()) == []


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=5, max_size=5),
        min_size=2,
        max_size=8,
    ),
    top=st.integers(1, 6),
    block=st.integers(1, 5),
)
def test_as_multiplied_out(rows: list[list[float]], top: int, block: int) -> None:
    vocabulary = ("ant", "bee", "cat", "dog", "elk")
    features = features_of(rows, vocabulary)
    neighbours = nearest_neighbours(features, 4)
    expected = []
    for row, column in zip(neighbours.rows, neighbours.columns, strict=True):
        shares = [a * b for a, b in zip(rows[row], rows[column], strict=True)]
        order = sorted(
            (-share, term) for share, term in zip(shares, vocabulary, strict=True) if share
        )
        expected.append([term for _, term in order[:top]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explanations, "_PAIRS_A_BLOCK", block)
        assert shared_terms(features, neighbours, top) == expected
