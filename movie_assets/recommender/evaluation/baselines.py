"""What a recommender has to beat: chance, popularity, the tutorial's method, fields all alike.

Each gives lists as every method does: int32 of shape (n, k), films by index, the best first, -1
where there are fewer; never the film asked about, nor what somebody rated already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from movie_assets.recommender.evaluation.plain import tutorial_terms
from movie_assets.recommender.neighbours import top_k

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from movie_assets.recommender.evaluation.catalogue import Catalogue
    from movie_assets.recommender.evaluation.profiles import Profiles

_BLOCK_BYTES = 64 * 2**20


def at_random(
    catalogue: Catalogue, seeds: NDArray[np.int32], k: int, seed: int = 0
) -> NDArray[np.int32]:
    """Any films that have votes."""
    lists = np.full((len(seeds), k), -1, dtype=np.int32)
    for row, film in enumerate(seeds):
        # A generator a film, so that its list is the same whatever else is asked about.
        generator = np.random.default_rng([seed, int(catalogue.ids[film])])
        number = min(k + 1, len(catalogue.by_votes))
        drawn = generator.choice(catalogue.by_votes, number, replace=False)
        drawn = drawn[drawn != film][:k]
        lists[row, : len(drawn)] = drawn
    return lists


def most_popular(catalogue: Catalogue, seeds: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """The films with most votes, for every film the same."""
    return _first_others(catalogue.by_votes, [seeds[i : i + 1] for i in range(len(seeds))], k)


def most_popular_for(catalogue: Catalogue, profiles: Profiles, k: int) -> NDArray[np.int32]:
    """The films with most votes that somebody has not rated yet."""
    return _first_others(catalogue.by_votes, [before.films for before in profiles], k)


def tutorial(catalogue: Catalogue, seeds: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """The tutorial's method: cosine of overviews and doubled genre names, nothing else."""
    return _nearest(catalogue, tutorial_terms(catalogue.films), seeds, k)


def fields_alone(catalogue: Catalogue, seeds: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """Cosine of all fields alike, however well known or good a film is."""
    return _nearest(catalogue, catalogue.fields, seeds, k)


def fields_for(catalogue: Catalogue, profiles: Profiles, k: int) -> NDArray[np.int32]:
    """The mean of somebody's liked films by fields, its cosine with each film, times a prior.

    The prior is the square of log(1 + votes): what the recommender's own first version did.
    """
    likes = profiles.before.liked
    owners = np.repeat(np.arange(len(profiles)), np.diff(profiles.starts))
    liked = sparse.csr_matrix(
        (np.ones(likes.sum(), np.float32), (owners[likes], profiles.before.films[likes])),
        (len(profiles), len(catalogue)),
    )
    # The length of somebody's mean scales all of their scores alike, so the sum will do.
    tastes = (liked @ catalogue.fields).tocsr()
    prior = np.log1p(catalogue.votes) ** 2
    films = catalogue.fields.T.tocsr()
    lists = np.full((len(profiles), k), -1, dtype=np.int32)
    rated = [before.films for before in profiles]
    step = max(1, _BLOCK_BYTES // (8 * max(1, len(catalogue))))
    for start in range(0, len(profiles), step):
        scores = (tastes[start : start + step] @ films).toarray() * prior
        for row, of_one in enumerate(scores, start):
            of_one[rated[row]] = 0
            best = best_films(of_one, k)
            lists[row, : len(best)] = best
    return lists


def best_films(scores: NDArray[np.float64], k: int) -> NDArray[np.int32]:
    """The k films with the largest positive scores; of equal ones the smaller index first.

    Args:
        scores: shape (n_films,).
        k: the most films.
    """
    least = 0.0
    if k < len(scores):
        least = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    places = np.flatnonzero((scores > 0) & (scores >= least))
    return places[np.argsort(-scores[places], kind="stable")[:k]].astype(np.int32)


def _nearest(
    catalogue: Catalogue, rows: sparse.csr_matrix, seeds: NDArray[np.int32], k: int
) -> NDArray[np.int32]:
    lists, _ = top_k(
        rows[seeds], rows, k, prior=(catalogue.votes > 0).astype(np.float32), exclude_self=seeds
    )
    return lists


def _first_others(
    ranking: NDArray[np.int32], excluded: list[NDArray[np.int32]], k: int
) -> NDArray[np.int32]:
    """For each list the first k of a ranking that are not excluded from it."""
    lists = np.full((len(excluded), k), -1, dtype=np.int32)
    for row, films in enumerate(excluded):
        first = ranking[: k + len(films)]
        first = first[~np.isin(first, films)][:k]
        lists[row, : len(first)] = first
    return lists
