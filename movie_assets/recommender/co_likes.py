"""Liked by the same people: for each film the K films that its likers like as well.

With few ratings, how many people like both of two films is mostly chance. So it is taken together
with how many are expected to by a few tastes (``expected``), by empirical Bayes: what is expected
is the mean of a gamma prior, of shape trust, and what is counted is drawn from a Poisson
distribution; the rate's mean then is (Efron and Morris, "Data Analysis Using Stein's Estimator and
its Generalizations", JASA 70, 1975):

    likely(i, j) = expected * (both(i, j) + trust) / (expected + trust)

Where much is expected the count decides, and where little is what the tastes say. A rating that is
worth less than a like (``worth``) counts for so much of one, wherever likes or likers are counted
here. People are counted by weight, 1 / n^c of somebody with n ratings that are worth anything, in
parts of the mean weight of a like. The score, with s the shrinkage and b the popularity exponent,
at most 1:

    likers(i) / (likers(i) + s) * likely(i, j) / ((likers(i) + s)^(1 - b) * (likers(j) + s)^b)

What stands before it is the same for all of a film's list: it says how much the film's likers are
to be believed beside what the films are about. What few people say is mostly what everybody says.

Where it is known whom films are for, pairs for audiences far apart are marked down: grown-ups who
like crime films have liked films for children as well, which is no reason to show the one beside
the other.

Every pair is scored (``co_like_search``); no films x films matrix is held. The work is the sum over
people of the square of their ratings, and films x films x tastes. Memory grows with the ratings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from movie_assets.recommender.expected import taste_factors
from movie_assets.recommender.ranking import far_apart
from movie_assets.recommender.worth import WORTH, worth_in_likes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

#: Fewer people than this are nobody: what a sum of roundings can come to.
_LEAST_EXPECTED = 1e-3


@dataclass(frozen=True)
class CoLikeOptions:
    """How films are compared by those who like them.

    Attributes:
        worth: what a rating is worth, whoever gave it: stars, falling, and likes from there on;
            the first is a like, and so 1.
        user_exponent: c: 0 where everybody counts the same, 1 where each has one vote to share out
            among what they like; those who like everything say little.
        shrinkage: s, in people: pairs that few people vouch for come further down, and lists of
            films that few people like count for less.
        popularity_exponent: b, within [0, 1]: how much a film is marked down for having many
            likers. 0 recommends what everybody likes, 1/2 is as the cosine does.
        tastes: how many, at least 1.
        trust: in what is expected, in people, above 0: where so many are expected to like both,
            expectation and count weigh the same.
        neighbours: K, how many films each film gets at most.
        audience: how much pairs are marked down whose audiences are far apart, 0 where not at all.
    """

    worth: tuple[tuple[float, float], ...] = WORTH
    user_exponent: float = 0.3
    shrinkage: float = 20.0
    popularity_exponent: float = 0.45
    tastes: int = 48
    trust: float = 30.0
    neighbours: int = 100
    audience: float = 0.8

    def __post_init__(self) -> None:
        steps = list(self.worth)
        falling = all(of[i] > then[i] for of, then in pairwise(steps) for i in (0, 1))
        if not steps or steps[0][1] != 1 or steps[-1][1] <= 0 or not falling:
            raise ValueError(f"worth must fall from 1, for ever fewer stars, not {self.worth}")
        if not 0 <= self.popularity_exponent <= 1:
            raise ValueError(
                f"popularity_exponent must be within [0, 1], not {self.popularity_exponent}"
            )
        for name in ("user_exponent", "shrinkage", "audience"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be at least 0 and finite, not {value}")
        if not 0 < self.trust < np.inf:
            raise ValueError(f"trust must be above 0 and finite, not {self.trust}")
        for name in ("tastes", "neighbours"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class CoLikes:
    """Pairs of films, one a row of each array; by film, then by rank.

    Attributes:
        rows: int32 of shape (n_pairs,): the film's index.
        columns: int32 of shape (n_pairs,): the index of a film that its likers like, or would.
        ranks: int32 of shape (n_pairs,): 1 for the best.
        scores: float32 of shape (n_pairs,), in (0, 1].
        liked_by_both: int32 of shape (n_pairs,): how many people like both, each counted once; 0
            where they only would.
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
    audiences: ArrayLike | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CoLikes:
    """Find, for each film, the films that are liked by the same people.

    Equal scores are ordered by film. Nothing depends on the order of the ratings or on threads, to
    the last bit; other numbers for the same people change the last bits of a score.

    Args:
        users: integers of shape (n_ratings,), at least 0: who rated.
        films: integers of shape (n_ratings,): the index of what was rated, below ``n_films``; -1
            for a film that is neither to have neighbours nor to be one. It still counts among what
            its user has rated.
        ratings: numbers of shape (n_ratings,): stars. No user has rated a film twice.
        n_films: how many films there are.
        options: how they are compared.
        audiences: integers of shape (n_films,): whom each film is for (``ranking.audiences``);
            None where that is not known.
        threads: how many; None for as many as this process has processors.
        progress: called with films done and films in all, now and then.

    Raises:
        ValueError: where lengths differ, a number is out of range, a rating is no number, or a
            user has rated a film twice.
    """
    options = options or CoLikeOptions()
    users, films, ratings = np.asarray(users), np.asarray(films), np.asarray(ratings)
    _refuse_unusable(users, films, ratings, n_films)
    worth = worth_in_likes(ratings, options.worth)
    says = worth > 0
    likers, weights = _likers(users[says], films[says], worth[says], n_films, options.user_exponent)
    # A film that nobody really likes has no list and is in none, and there may be many.
    known = np.unique(films[(worth == 1) & (films >= 0)]).astype(np.int32)
    if not len(known):
        nothing = np.zeros(0, dtype=np.int32)
        return CoLikes(nothing, nothing, nothing, nothing.astype(np.float32), nothing)
    likers = likers[known]
    indices, scores = _best(likers, weights, options, threads, progress)
    places, ranks = np.nonzero(indices >= 0)
    rows, columns = places.astype(np.int32), indices[places, ranks]
    found = CoLikes(
        rows=known[rows],
        columns=known[columns],
        ranks=(ranks + 1).astype(np.int32),
        scores=scores[places, ranks],
        liked_by_both=_liked_by_both(likers, rows, columns),
    )
    return found if audiences is None else _suited(found, np.asarray(audiences), options.audience)


def _suited(found: CoLikes, audiences: NDArray[np.int64], weight: float) -> CoLikes:
    """The same pairs, those for audiences far apart further down."""
    scores = found.scores * far_apart(audiences[found.rows], audiences[found.columns], weight)
    order = np.lexsort((found.columns, -scores, found.rows))
    # Each film has as many pairs as before, in the same places.
    return CoLikes(
        found.rows, found.columns[order], found.ranks, scores[order], found.liked_by_both[order]
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
    users: NDArray[np.int32],
    films: NDArray[np.int32],
    worth: NDArray[np.float32],
    n_films: int,
    exponent: float,
) -> tuple[sparse.csr_matrix, NDArray[np.float64]]:
    """How much who likes each film, films x people; and each person's weight, a like's mean 1."""
    counts = np.bincount(users)
    weights = np.maximum(counts, 1).astype(np.float64) ** -exponent
    known = films >= 0
    if not known.all():
        users, films, worth = users[known], films[known], worth[known]
    likers = sparse.csr_matrix((worth, (films, users)), (n_films, len(counts)))
    if likers.nnz < len(worth):
        raise ValueError("a user has rated a film twice")
    mean = np.average(weights[likers.indices], weights=likers.data) if likers.nnz else 1
    return likers, weights / mean


def _best(
    likers: sparse.csr_matrix,
    weights: NDArray[np.float64],
    options: CoLikeOptions,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    from movie_assets.recommender import co_like_search as kernel  # noqa: PLC0415 - loads numba

    n_likers = np.asarray(likers.sum(axis=1, dtype=np.float64)).ravel()
    counts = n_likers + float(options.shrinkage)
    b = options.popularity_exponent
    return kernel.search(
        kernel.Likes.of(likers, weights),
        kernel.Scoring.of(
            taste_factors(likers, weights, options.tastes),
            trust=options.trust,
            least_expected=_LEAST_EXPECTED,
            own=n_likers / counts * counts ** (b - 1),
            prior=counts**-b,
        ),
        options.neighbours,
        threads=threads,
        progress=progress,
    )


def _liked_by_both(
    likers: sparse.csr_matrix, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[np.int32]:
    """How many people like both films of each pair: what is worth less than a like is none.

    Of each pair the film with more likers is marked, and the other's likers looked up: most pairs
    have one film with few, whose short list is then all that is read.
    """
    likers = likers.copy()
    likers.data = (likers.data == 1).astype(np.float32)
    likers.eliminate_zeros()
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
