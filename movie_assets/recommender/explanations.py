"""Explanations: which terms make two films alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.neighbours import Neighbours

_PAIRS_A_BLOCK = 50_000


def shared_terms(features: MovieFeatures, neighbours: Neighbours, top: int = 3) -> list[list[str]]:
    """The terms that add most to each pair's score, the strongest first.

    A score is an inner product, so each shared term's share of it is known exactly.

    Args:
        features: what the neighbours were found by.
        neighbours: n_pairs pairs.
        top: the most terms a pair gets.

    Returns:
        n_pairs lists of at most ``top`` terms; equal shares in alphabetical order.
    """
    vocabulary = np.asarray(features.vocabulary, dtype=object)
    out: list[list[str]] = []
    for start in range(0, len(neighbours.rows), _PAIRS_A_BLOCK):
        block = slice(start, start + _PAIRS_A_BLOCK)
        products = features.matrix[neighbours.rows[block]].multiply(
            features.matrix[neighbours.columns[block]]
        )
        products = products.tocsr()
        products.sort_indices()
        pairs = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
        # Columns are in alphabetical order, and the sort is stable.
        order = np.lexsort((-products.data, pairs))
        terms = vocabulary[products.indices[order]]
        out.extend(
            terms[begin : min(begin + top, end)].tolist()
            for begin, end in zip(products.indptr[:-1], products.indptr[1:], strict=True)
        )
    return out
