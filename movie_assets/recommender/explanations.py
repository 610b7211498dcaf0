"""Explanations: why two films go together, in words that a person can check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.similar import Neighbours

_PAIRS_A_BLOCK = 50_000

#: How a shared term of each field is told. Language, decade and what every film has are no reason.
_WORDING = {
    "text": "“{}”",
    "genres": "{}",
    "keywords": "{}",
    "directors": "directed by {}",
    "writers": "written by {}",
    "actors": "with {}",
    "collection": "{}",
}
#: How a signal is told, from which value on it is one.
_SIGNALS = {"co_liked": "liked by the same people", "tmdb": "recommended by TMDB"}
_LEAST_SIGNAL = 0.05


def reasons(features: MovieFeatures, neighbours: Neighbours, top: int = 3) -> list[list[str]]:
    """What makes the films of each pair go together, the strongest first.

    The likeness of content is an inner product, so each shared term's part of it is known exactly.
    What people liked comes first, since it counts most.

    Args:
        features: what the neighbours were found by.
        neighbours: n_pairs pairs.
        top: the most shared terms that a pair gets.

    Returns:
        n_pairs lists; terms with equal parts in the order of columns.
    """
    told = shared_terms(features, neighbours, top)
    for name, wording in _SIGNALS.items():
        if name in neighbours.signals:
            for pair in np.flatnonzero(neighbours.signals[name] >= _LEAST_SIGNAL):
                told[pair].insert(0, wording)
    return told


def shared_terms(features: MovieFeatures, neighbours: Neighbours, top: int = 3) -> list[list[str]]:
    """The terms that add most to each pair's likeness of content, as they are told."""
    fields = features.fields_of(np.arange(len(features.vocabulary), dtype=np.int32))
    wordings = [_WORDING.get(name) for name in features.fields]
    tellable = np.array([wordings[place] is not None for place in fields], dtype=bool)
    words = np.array(
        [
            (wordings[place] or "").format(term)
            for place, term in zip(fields, features.vocabulary, strict=True)
        ],
        dtype=object,
    )
    out: list[list[str]] = []
    for start in range(0, len(neighbours.rows), _PAIRS_A_BLOCK):
        block = slice(start, start + _PAIRS_A_BLOCK)
        products = features.matrix[neighbours.rows[block]].multiply(
            features.matrix[neighbours.columns[block]]
        )
        products = products.tocsr()
        products.sort_indices()
        products.data *= tellable[products.indices]
        products.eliminate_zeros()
        pairs = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
        order = np.lexsort((-products.data, pairs))  # stable: equals stay in the order of columns
        terms = words[products.indices[order]]
        out.extend(
            terms[begin : min(begin + top, end)].tolist()
            for begin, end in zip(products.indptr[:-1], products.indptr[1:], strict=True)
        )
    return out
