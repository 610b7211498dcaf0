"""Item weights: what liking one film says of liking another, learned from many people's likes.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019): of all matrices B
with a diagonal of zeros, the one with the smallest ``|X - X B|^2 + ridge |B|^2``, where X are the
likes, people x films. It has a closed form, an inverse of films x films; so the films that most
people like take part, as many as fit. Unlike co-liked films, weights tell what a film adds to the
others that somebody likes, which is what a person's list asks for. A rating that is worth less than
a like (``worth``) counts for so much of one.

What is learned so tells who likes a film among all; somebody's list asks for what they have not
come upon yet, and what everybody likes they most often have. So each weight is marked down by how
many like the film that it speaks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILMS_A_BLOCK = 1024
#: In likes: below about so many, that a film has fewer is mostly chance.
_FEW = 10.0


@dataclass(frozen=True)
class ItemWeightOptions:
    """How item weights are learned.

    Attributes:
        ridge: the penalty on weights, in people who like a film; above 0.
        user_exponent: a person whose ratings are worth n likes counts ``n ** -user_exponent``.
        least_likes: a film with fewer takes no part, since too little is known of it; above 0.
        most_films: how many films take part at most; memory is three float32 matrices of
            most_films x most_films (8,000: 0.8 GB), time grows with the cube.
        kept: how many weights of each film are kept, the largest by size, with those as large.
        popularity_exponent: how much what speaks for a film is marked down for its many likes, 0
            where not at all; a weight for the film of a mean like stays what it is.
    """

    ridge: float = 25.0
    user_exponent: float = 0.5
    least_likes: float = 3.0
    most_films: int = 8_000
    kept: int = 400
    popularity_exponent: float = 0.4

    def __post_init__(self) -> None:
        for name in ("ridge", "least_likes"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        if not 0 <= self.popularity_exponent < np.inf:
            raise ValueError(
                f"popularity_exponent must be at least 0 and finite, not {self.popularity_exponent}"
            )
        for name in ("most_films", "kept"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


def fit_item_weights(
    likes: sparse.csr_matrix, options: ItemWeightOptions | None = None
) -> sparse.csr_matrix:
    """Learn the item weights.

    The same likes give the same weights, to the last bit on one machine, whatever its threads.

    Args:
        likes: CSR of shape (n_users, n_films), in (0, 1]: how much somebody likes a film; nobody
            twice.
        options: how.

    Returns:
        CSR float32 of shape (n_films, n_films): row i has what liking film i adds to each other
        film; zeros in the diagonal, empty rows for films that took no part.
    """
    options = options or ItemWeightOptions()
    counts = np.asarray(likes.sum(axis=0, dtype=np.float64)).ravel()
    # Of equally liked films the first take part, so that the same likes give the same weights.
    order = np.lexsort((np.arange(len(counts)), -counts))[: options.most_films]
    films = np.sort(order[counts[order] >= options.least_likes])
    shape = (likes.shape[1], likes.shape[1])
    if not len(films):
        return sparse.csr_matrix(shape, dtype=np.float32)
    weights = _solve(_gram(likes[:, films], options), np.float32(options.ridge))
    rows, columns, values = _largest(weights, options.kept)
    values *= _marked_down(counts[films], options.popularity_exponent)[columns]
    return sparse.csr_matrix((values, (films[rows], films[columns])), shape)


def _gram(likes: sparse.csr_matrix, options: ItemWeightOptions) -> NDArray[np.float32]:
    """How many people like each two of the films, heavy likers counting less."""
    of_users = np.asarray(likes.sum(axis=1, dtype=np.float64)).ravel()
    own = np.maximum(of_users, 1) ** (-options.user_exponent / 2)
    scaled = sparse.diags(own.astype(np.float32)) @ likes.astype(np.float32)
    by_film = scaled.T.tocsr()
    gram = np.empty((likes.shape[1], likes.shape[1]), dtype=np.float32)
    # By blocks: the product of two sparse matrices would be as large and sparse only in name.
    for start in range(0, len(gram), _FILMS_A_BLOCK):
        block = slice(start, start + _FILMS_A_BLOCK)
        gram[block] = (by_film[block] @ scaled).toarray()
    return gram


def _solve(gram: NDArray[np.float32], ridge: np.float32) -> NDArray[np.float32]:
    diagonal = np.diag_indices_from(gram)
    gram[diagonal] += ridge
    with threadpool_limits(1):
        inverse = linalg.inv(gram, overwrite_a=True, check_finite=False, assume_a="pos")
    weights: NDArray[np.float32] = inverse / -inverse[diagonal]
    weights[diagonal] = 0
    return weights


def _marked_down(counts: NDArray[np.float64], exponent: float) -> NDArray[np.float32]:
    """What the weights for films with so many likes are times; 1 for the film of a mean like."""
    of_mean_like = np.average(counts, weights=counts)
    return (((counts + _FEW) / (of_mean_like + _FEW)) ** -exponent).astype(np.float32)


def _largest(
    weights: NDArray[np.float32], kept: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    n = len(weights)
    if n > kept:
        sizes = np.abs(weights)
        least = np.partition(sizes, n - kept, axis=1)[:, n - kept, None]
        rows, columns = np.nonzero((sizes >= least) & (sizes > 0))
    else:
        rows, columns = np.nonzero(weights)
    return rows, columns, weights[rows, columns]
