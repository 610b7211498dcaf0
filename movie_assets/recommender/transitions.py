"""Transitions: what people like soon after a film.

Item weights see somebody's films as a set; this sees them as a sequence. Whom the last few films
have brought into a mood, a period or a director's work, stays there for a while, and the films that
others like next are better guesses than those that they like at all. It is a first-order Markov
chain over films, as in Rendle, Freudenthaler and Schmidt-Thieme, "Factorizing Personalized Markov
Chains for Next-Basket Recommendation" (WWW 2010), not factorized, and with a longer reach: where
film j is liked d ratings after i was rated, by somebody who does not dislike i, that counts
exp(-d / reach). With n such counts,

    transition(i, j) = n(i, j) / (n(i, any) + s) * ((m + s) / (n(any, j) + s))^b

where s is the shrinkage, b the popularity exponent, and m the mean of n(any, j) over all that is
liked: of a film as well known as that it is the share of what is liked soon after i. So it stays
what it is with more people, but for what shrinkage takes of few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from movie_assets.recommender.item_weights import films_taking_part, largest
from movie_assets.recommender.worth import worth_in_likes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from movie_assets.recommender.transition_counts import Histories

#: In reaches: what is further away counts less than a twentieth.
_WITHIN = 3


@dataclass(frozen=True)
class TransitionOptions:
    """How transitions are counted.

    Attributes:
        reach: in ratings, above 0: what comes so many later counts 1/e.
        shrinkage: s, in counts, above 0.
        popularity_exponent: b, within [0, 1]: how much a film is marked down for being liked after
            many others.
        least_likes: a film whose ratings are worth less (``worth``) takes no part.
        most_films: how many films take part at most, the most liked; memory is four float32
            matrices of most_films x most_films (8,000: 1 GB).
        kept: how many transitions of each film are kept, the largest, with those as large.
    """

    reach: float = 20.0
    shrinkage: float = 20.0
    popularity_exponent: float = 0.5
    least_likes: float = 3.0
    most_films: int = 8_000
    kept: int = 400

    def __post_init__(self) -> None:
        for name in ("reach", "shrinkage", "least_likes"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        if not 0 <= self.popularity_exponent <= 1:
            raise ValueError(
                f"popularity_exponent must be within [0, 1], not {self.popularity_exponent}"
            )
        for name in ("most_films", "kept"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


def fit_transitions(
    users: ArrayLike,
    films: ArrayLike,
    stars: ArrayLike,
    seconds: ArrayLike,
    n_films: int,
    options: TransitionOptions | None = None,
    *,
    threads: int | None = None,
) -> sparse.csr_matrix:
    """Count what people like soon after a film.

    Nothing depends on the order of the ratings or on threads, to the last bit; other numbers for
    the same people change the last bits.

    Args:
        users: integers of shape (n_ratings,): who rated.
        films: integers of shape (n_ratings,): the index of what was rated, below ``n_films``; -1
            for another film, which still stands between those before and after it.
        stars: of shape (n_ratings,).
        seconds: integers of shape (n_ratings,): when. What somebody rated in one second is in no
            order.
        n_films: how many films there are.
        options: how.
        threads: how many; None for as many as this process has processors.

    Returns:
        CSR float32 of shape (n_films, n_films), above 0: row i has what is liked after film i.
    """
    options = options or TransitionOptions()
    films, worth = np.asarray(films), worth_in_likes(stars)
    likes = np.bincount(films[films >= 0], worth[films >= 0], n_films).astype(np.float64)
    chosen = films_taking_part(likes, options.least_likes, options.most_films)
    if not len(chosen):
        return sparse.csr_matrix((n_films, n_films), dtype=np.float32)
    from movie_assets.recommender import transition_counts  # noqa: PLC0415 - loads numba

    histories = _histories(np.asarray(users), films, worth, np.asarray(seconds), chosen, n_films)
    decay = np.exp(-np.arange(int(_WITHIN * options.reach) + 1) / options.reach)
    found = _shrunk(transition_counts.counts(histories, decay, threads), options)
    rows, columns, values = largest(found, options.kept)
    return sparse.csr_matrix((values, (chosen[rows], chosen[columns])), (n_films, n_films))


def _histories(
    users: NDArray[np.int32],
    films: NDArray[np.int32],
    worth: NDArray[np.float32],
    seconds: NDArray[np.int64],
    chosen: NDArray[np.int64],
    n_films: int,
) -> Histories:
    from movie_assets.recommender.transition_counts import Histories  # noqa: PLC0415

    # Within a second by film, so that sums are made in one order.
    order = np.lexsort((films, seconds, users))
    users, films, worth, seconds = users[order], films[order], worth[order], seconds[order]
    places = np.full(n_films + 1, -1, np.int32)  # the last is for other films, which are -1
    places[chosen] = np.arange(len(chosen), dtype=np.int32)
    films = places[films]
    of_another = np.ones(len(users), np.bool_)
    of_another[1:] = users[1:] != users[:-1]
    another_moment = of_another.copy()
    another_moment[1:] |= seconds[1:] != seconds[:-1]
    liked = np.flatnonzero((films >= 0) & (worth == 1))
    by_film = liked[np.argsort(films[liked], kind="stable")]
    counts = np.bincount(films[liked], minlength=len(chosen))
    return Histories(
        person_begins=_begins(of_another),
        moment_begins=_begins(another_moment),
        speaks=np.where(worth > 0, films, np.int32(-1)),
        liked=by_film,
        film_begins=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def _begins(is_first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each event the last one up to it that is the first of its kind."""
    return np.maximum.accumulate(np.where(is_first, np.arange(len(is_first)), 0))


def _shrunk(counts: NDArray[np.float32], options: TransitionOptions) -> NDArray[np.float32]:
    """The transitions, from -> to, of counts to -> from."""
    before, after = counts.sum(axis=0, dtype=np.float64), counts.sum(axis=1, dtype=np.float64)
    counts /= (before + options.shrinkage).astype(np.float32)
    mean = np.average(after, weights=after) if after.any() else 0.0
    known = (after + options.shrinkage) / (mean + options.shrinkage)
    counts *= (known**-options.popularity_exponent).astype(np.float32)[:, None]
    return np.ascontiguousarray(counts.T)
