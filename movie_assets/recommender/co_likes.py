"""Liked by the same people: for each film the K films that its likers like as well, exactly.

The score of films i and j, with s the shrinkage and b the popularity exponent:

    both(i, j) / ((likers(i) + s)^(1 - b) * (likers(j) + s)^b)

where likers and both count people, each with the weight 1 / likes^c of somebody with so many likes.
Both is at most the smaller of the two counts, so that a score is within [0, 1].

This is an inner product of two sparse matrices, films x people, and so the kernel for neighbours
finds the best (``neighbours.top_k``): no films x films matrix, all threads. Its work is the sum
over people of the square of their likes, and a person can like each film only once: 50,000 likes
are 2.5 billion multiplications, some seconds. Memory grows with the likes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from movie_assets.recommender.neighbours import top_k

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class CoLikeOptions:
    """How films are compared by those who like them.

    Attributes:
        like_from: the stars from which a rating is a like, whoever gave it.
        user_exponent: c: 0 where everybody counts the same, 1 where each has one vote to share out
            among their likes; those who like everything say little.
        shrinkage: s, in people: pairs that few people vouch for come further down.
        popularity_exponent: b, within [0, 1]: how much a film is marked down for having many
            likers. 0 recommends what everybody likes, 1/2 is the cosine.
        neighbours: K, how many films each film gets at most.
    """

    like_from: float = 4.0
    user_exponent: float = 0.25
    shrinkage: float = 10.0
    popularity_exponent: float = 0.5
    neighbours: int = 50

    def __post_init__(self) -> None:
        if not 0 <= self.popularity_exponent <= 1:
            raise ValueError(
                f"popularity_exponent must be within [0, 1], not {self.popularity_exponent}"
            )
        for name in ("user_exponent", "shrinkage"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be at least 0 and finite, not {value}")
        if self.neighbours < 1:
            raise ValueError(f"neighbours must be at least 1, not {self.neighbours}")


@dataclass(frozen=True)
class CoLikes:
    """Pairs of films, one a row of each array; by film, then by rank.

    Attributes:
        rows: int32 of shape (n_pairs,): the film's index.
        columns: int32 of shape (n_pairs,): the index of a film that its likers like.
        ranks: int32 of shape (n_pairs,): 1 for the best.
        scores: float32 of shape (n_pairs,), in (0, 1].
        liked_by_both: int32 of shape (n_pairs,): how many people like both, each counted once.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    ranks: NDArray[np.int32]
    scores: NDArray[np.float32]
    liked_by_both: NDArray[np.int32]


def co_liked_films(
    users: ArrayLike,
    films: ArrayLike,
    ratings: ArrayLike,
    n_films: int,
    options: CoLikeOptions | None = None,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CoLikes:
    """Find, for each film, the films that are liked by the same people.

    Equal scores are ordered by film; the order of the ratings changes nothing.

    Args:
        users: integers of shape (n_ratings,), at least 0: who rated.
        films: integers of shape (n_ratings,): the index of what was rated, below ``n_films``; -1
            for a film that is neither to have neighbours nor to be one. A like of it still counts
            among its user's likes.
        ratings: numbers of shape (n_ratings,): stars. No user has rated a film twice.
        n_films: how many films there are.
        options: how they are compared.
        threads: how many; None for as many as this process has processors.
        progress: called with films done and films in all, now and then.

    Raises:
        ValueError: where lengths differ, a number is out of range, a rating is no number, or a
            user has rated a film twice.
    """
    options = options or CoLikeOptions()
    users, films, ratings = np.asarray(users), np.asarray(films), np.asarray(ratings)
    _refuse_unusable(users, films, ratings, n_films)
    liked = ratings >= options.like_from
    likers, weights = _likers(users[liked], films[liked], n_films, options.user_exponent)
    indices, scores = _best(likers, weights, options, threads, progress)
    places, ranks = np.nonzero(indices >= 0)
    rows, columns = places.astype(np.int32), indices[places, ranks]
    return CoLikes(
        rows=rows,
        columns=columns,
        ranks=(ranks + 1).astype(np.int32),
        scores=scores[places, ranks],
        liked_by_both=_liked_by_both(likers, rows, columns),
    )


def _refuse_unusable(
    users: NDArray[np.int32], films: NDArray[np.int32], ratings: NDArray[np.float32], n_films: int
) -> None:
    if not users.shape == films.shape == ratings.shape or users.ndim != 1:
        raise ValueError(
            f"users, films and ratings must be of one length, not {users.shape}, {films.shape} "
            f"and {ratings.shape}"
        )
    if not len(users):
        return
    if users.min() < 0:
        raise ValueError("users must be at least 0")
    if films.min() < -1 or films.max() >= n_films:
        raise ValueError(f"films must be from -1 to {n_films - 1}")
    if np.isnan(ratings.min()):
        raise ValueError("a rating is no number")


def _likers(
    users: NDArray[np.int32], films: NDArray[np.int32], n_films: int, exponent: float
) -> tuple[sparse.csr_matrix, NDArray[np.float64]]:
    """Who likes each film, films x people, all ones; and each person's weight."""
    likes = np.bincount(users)
    weights = np.maximum(likes, 1).astype(np.float64) ** -exponent
    known = films >= 0
    entries = (films, users) if known.all() else (films[known], users[known])
    ones = np.ones(len(entries[0]), dtype=np.float32)
    likers = sparse.csr_matrix((ones, entries), (n_films, len(likes)))
    if likers.nnz < len(ones):
        raise ValueError("a user has rated a film twice")
    return likers, weights


def _best(
    likers: sparse.csr_matrix,
    weights: NDArray[np.float64],
    options: CoLikeOptions,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    # Each of the two matrices gets the root of a person's weight, so that their product has it.
    half = np.sqrt(weights)[likers.indices].astype(np.float32)
    candidates = sparse.csr_matrix((half, likers.indices, likers.indptr), likers.shape)
    counts = likers @ weights + options.shrinkage
    with np.errstate(divide="ignore"):
        # Nobody likes a film that counts 0: what it is multiplied by is of no account.
        own = np.where(counts > 0, counts, 1) ** (options.popularity_exponent - 1)
        prior = np.where(counts > 0, counts, 1) ** -options.popularity_exponent
    scaled = half * np.repeat(own.astype(np.float32), np.diff(likers.indptr))
    rows = sparse.csr_matrix((scaled, likers.indices, likers.indptr), likers.shape)
    return top_k(
        rows,
        candidates,
        min(options.neighbours, max(1, likers.shape[0])),
        prior=prior,
        exclude_self=True,
        # Without shrinkage two films with the same likers have 1, and rounding a little more.
        ceiling=1.0,
        threads=threads,
        progress=progress,
    )


def _liked_by_both(
    likers: sparse.csr_matrix, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[np.int32]:
    """How many people like both films of each pair.

    Of each pair the film with more likers is marked, and the other's likers looked up: most pairs
    have one film with few, whose short list is then all that is read.
    """
    counts = np.diff(likers.indptr)
    has_more = counts[rows] > counts[columns]
    marked = np.where(has_more, rows, columns)
    looked_up = np.where(has_more, columns, rows)
    order = np.argsort(marked, kind="stable")
    both = np.zeros(len(rows), dtype=np.int32)
    marks = np.zeros(likers.shape[1], dtype=np.float32)
    for pairs in np.split(order, np.flatnonzero(np.diff(marked[order])) + 1):
        if not len(pairs):
            continue
        film = marked[pairs[0]]
        its = likers.indices[likers.indptr[film] : likers.indptr[film + 1]]
        marks[its] = 1
        both[pairs] = likers[looked_up[pairs]] @ marks
        marks[its] = 0
    return both
