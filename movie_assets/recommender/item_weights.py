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

Where it is known what the films are about, that is learned from as well (CEASE: Jeunen, Van Balen
and Goethals, "Closed-Form Models for Collaborative Filtering with Side-Information", RecSys 2020):
each term counts like somebody who likes the films that have it. So films that few people like, of
whom alone little could be learned, lean on films that are about the same.
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
        content: what the films' contents count: of two films that are all alike as much as if so
            many times those who like them liked both.
    """

    ridge: float = 25.0
    user_exponent: float = 0.5
    least_likes: float = 3.0
    most_films: int = 8_000
    kept: int = 400
    popularity_exponent: float = 0.4
    content: float = 2.0

    def __post_init__(self) -> None:
        for name in ("ridge", "least_likes"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        for name in ("popularity_exponent", "content"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be at least 0 and finite, not {getattr(self, name)}")
        for name in ("most_films", "kept"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


def fit_item_weights(
    likes: sparse.csr_matrix,
    options: ItemWeightOptions | None = None,
    *,
    contents: sparse.csr_matrix | None = None,
) -> sparse.csr_matrix:
    """Learn the item weights.

    The same likes give the same weights, to the last bit on one machine, whatever its threads.

    Args:
        likes: CSR of shape (n_users, n_films), in (0, 1]: how much somebody likes a film; nobody
            twice.
        options: how.
        contents: CSR float32 of shape (n_films, n_terms), at least 0, rows of length at most 1:
            what the films are about; None where that is not known.

    Returns:
        CSR float32 of shape (n_films, n_films): row i has what liking film i adds to each other
        film; zeros in the diagonal, empty rows for films that took no part.
    """
    options = options or ItemWeightOptions()
    counts = np.asarray(likes.sum(axis=0, dtype=np.float64)).ravel()
    films = films_taking_part(counts, options.least_likes, options.most_films)
    shape = (likes.shape[1], likes.shape[1])
    if not len(films):
        return sparse.csr_matrix(shape, dtype=np.float32)
    gram = _gram(likes[:, films], options)
    if contents is not None:
        _add_contents(gram, contents[films], np.float32(options.content))
    weights = _solve(gram, np.float32(options.ridge))
    rows, columns, values = largest(weights, options.kept)
    values *= _marked_down(counts[films], options.popularity_exponent)[columns]
    return sparse.csr_matrix((values, (films[rows], films[columns])), shape)


def films_taking_part(likes: NDArray[np.float64], least: float, most: int) -> NDArray[np.int64]:
    """The most liked films, by index: those with enough likes, and so many at most.

    Of equally liked films the first take part, so that the same likes give the same films.
    """
    order = np.lexsort((np.arange(len(likes)), -likes))[:most]
    return np.sort(order[likes[order] >= least])


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


def _add_contents(
    gram: NDArray[np.float32], contents: sparse.csr_matrix, share: np.float32
) -> None:
    """Add how alike two films are, in parts of how much both are liked."""
    likes = np.sqrt(np.diag(gram))
    by_term = contents.T.tocsr()
    for start in range(0, len(gram), _FILMS_A_BLOCK):
        block = slice(start, start + _FILMS_A_BLOCK)
        alike = (contents[block] @ by_term).toarray()
        alike *= share * likes[block, None]
        alike *= likes
        gram[block] += alike


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


def largest(
    weights: NDArray[np.float32], kept: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """The largest of each row by size, with those as large: rows, columns and values."""
    n = len(weights)
    if n > kept:
        sizes = np.abs(weights)
        least = np.partition(sizes, n - kept, axis=1)[:, n - kept, None]
        rows, columns = np.nonzero((sizes >= least) & (sizes > 0))
    else:
        rows, columns = np.nonzero(weights)
    return rows, columns, weights[rows, columns]
