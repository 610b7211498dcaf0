"""What is right for item-to-item lists: the films that a film's likers like as well.

It is made of people who were held out: nothing that is judged by it may have learned from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from movie_assets.recommender.evaluation.ratings import Ratings

#: A film is asked about where so many people like it.
LEAST_LIKES = 10
#: Two films belong together where so many people like both.
LEAST_COMMON = 3
#: In people: a pair that few vouch for comes further down.
SHRINKAGE = 10.0
#: How many films are right for a film, at most.
RIGHT_FILMS = 20

_SEEDS_A_BLOCK = 256


class Truth(NamedTuple):
    """The films asked about, and what is right for each.

    Attributes:
        seeds: int32 of shape (n_seeds,): index of the film in the catalogue, ascending.
        relevant: CSR bool of shape (n_seeds, n_films): the films that are right; one at least.
    """

    seeds: NDArray[np.int32]
    relevant: sparse.csr_matrix


def co_liked_truth(held_out: Ratings, n_films: int, least_likes: int = LEAST_LIKES) -> Truth:
    """The 20 films most co-liked with each film that enough people like.

    With c people who like both i and j, and n who like one of them, j is as right for i as

        c / sqrt(n_i n_j) * c / (c + 10)

    says, where c is 3 at least; of equal ones the film with the smaller index goes first. Films
    for which nothing is right are not asked about.

    Args:
        held_out: ratings by people from whom nothing was learned.
        n_films: how many films the catalogue has.
        least_likes: of a film that is asked about.
    """
    chosen = held_out.liked & (held_out.films >= 0)
    _, people = np.unique(held_out.users[chosen], return_inverse=True)
    likes = sparse.csr_matrix(
        (np.ones(len(people), np.float32), (people, held_out.films[chosen])),
        (int(people.max(initial=-1)) + 1, n_films),
    )
    likers = np.bincount(likes.indices, minlength=n_films)
    seeds = np.flatnonzero(likers >= least_likes).astype(np.int32)
    found = list(_right_films(likes, likers, seeds))
    asked = np.array([len(films) > 0 for films in found], dtype=bool)
    films = np.concatenate([np.empty(0, np.int32), *found])
    ends = np.cumsum([0] + [len(films) for films in found if len(films)])
    relevant = sparse.csr_matrix((np.ones(len(films), bool), films, ends), (asked.sum(), n_films))
    relevant.sort_indices()
    return Truth(seeds[asked], relevant)


def _right_films(
    likes: sparse.csr_matrix, likers: NDArray[np.int64], seeds: NDArray[np.int32]
) -> Iterator[NDArray[np.int32]]:
    by_film = likes.T.tocsr()
    for start in range(0, len(seeds), _SEEDS_A_BLOCK):
        block = seeds[start : start + _SEEDS_A_BLOCK]
        together = (by_film[block] @ likes).tocsr()
        for row, seed in enumerate(block):
            entries = slice(together.indptr[row], together.indptr[row + 1])
            films, common = together.indices[entries], together.data[entries].astype(np.float64)
            counts = (common >= LEAST_COMMON) & (films != seed)
            films, common = films[counts], common[counts]
            score = common / np.sqrt(likers[seed] * likers[films]) * common / (common + SHRINKAGE)
            yield films[np.lexsort((films, -score))[:RIGHT_FILMS]].astype(np.int32)
