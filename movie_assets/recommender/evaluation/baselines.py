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
    from collections.abc import Callable

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
    # The length of somebody's mean scales all of their scores alike, so the sum will do.
    tastes = (_likes(profiles, len(catalogue)) @ catalogue.fields).tocsr()
    films, prior = catalogue.fields.T.tocsr(), np.log1p(catalogue.votes) ** 2
    return _best_unrated(profiles, lambda some: (tastes[some] @ films).toarray() * prior, k)


def co_liked_for(
    catalogue: Catalogue, pairs: sparse.csr_matrix, profiles: Profiles, k: int
) -> NDArray[np.int32]:
    """The films that the likers of somebody's liked films like, their scores added up.

    Args:
        catalogue: the films.
        pairs: CSR of shape (n_films, n_films): each film's co-liked films and their scores.
        profiles: whom to recommend films to.
        k: how many.
    """
    scores = (_likes(profiles, len(catalogue)) @ pairs).tocsr()
    return _best_unrated(profiles, lambda some: scores[some].toarray(), k)


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


def _likes(profiles: Profiles, n_films: int) -> sparse.csr_matrix:
    """What somebody liked before the cut, people x films."""
    liked = profiles.before.liked
    owners = np.repeat(np.arange(len(profiles)), np.diff(profiles.starts))
    ones = np.ones(liked.sum(), np.float32)
    return sparse.csr_matrix(
        (ones, (owners[liked], profiles.before.films[liked])), (len(profiles), n_films)
    )


def _best_unrated(
    profiles: Profiles, scores_of: Callable[[slice], NDArray[np.float64]], k: int
) -> NDArray[np.int32]:
    """The k best films that somebody has not rated, by scores of all films of some people."""
    lists = np.full((len(profiles), k), -1, dtype=np.int32)
    rated = [before.films for before in profiles]
    step = max(1, _BLOCK_BYTES // (8 * max(1, profiles.relevant.shape[1])))
    for start in range(0, len(profiles), step):
        for row, scores in enumerate(scores_of(slice(start, start + step)), start):
            scores[rated[row]] = 0
            best = best_films(scores, k)
            lists[row, : len(best)] = best
    return lists


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
