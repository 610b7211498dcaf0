"""The search for co-liked films: every pair of films is scored, compiled by numba.

Films are taken block by block, each block by one thread: first who likes its films and what else
they like is counted, then what is expected is worked out and both are put together, tile by tile,
so that what is read and written again stays in the processor's cache. No films x films matrix is
held. Each score is summed in one order, so blocks, tiles and threads change nothing, to the last
bit.

What belongs here: counting and scoring. What a score means is ``co_likes``'s to say, and where the
expected numbers come from ``expected``'s. Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled, read_only
from movie_assets.recommender.threads import in_threads, processors
from movie_assets.recommender.top_k import replace_worst, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.top_k import Found

#: Films a block: each thread holds a float32 for each pair of one of them and any film.
BLOCK = 64
#: Films a tile: with 48 tastes each, 192 KiB.
TILE = 1024
#: Tastes are added up so many at a time.
_AT_ONCE = 4


class Likes(NamedTuple):
    """Who likes what how much, by films and by people, and what each person counts."""

    film_begins: NDArray[np.int64]
    likers: NDArray[np.int32]
    worth_of_likers: NDArray[np.float32]
    person_begins: NDArray[np.int64]
    films: NDArray[np.int32]
    worth_of_films: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, likers: sparse.csr_matrix, weights: NDArray[np.float64]) -> Likes:
        """From CSR of shape (n_films, n_people) with sorted columns, and a weight a person."""
        return cls(*_csr(likers), *_csr(likers.T.tocsr()), read_only(weights.astype(np.float32)))


class Scoring(NamedTuple):
    """What else goes into a score."""

    factors: NDArray[np.float32]  # (n_tastes, n_films), n_tastes in fours
    trust: np.float32
    least_expected: np.float32
    own: NDArray[np.float32]  # (n_films,): what a score is times for the film that asks
    prior: NDArray[np.float32]  # (n_films,): and for the other

    @classmethod
    def of(
        cls,
        factors: NDArray[np.float32],
        trust: float,
        least_expected: float,
        own: NDArray[np.float64],
        prior: NDArray[np.float64],
    ) -> Scoring:
        """From factors of shape (n_films, n_tastes)."""
        missing = -factors.shape[1] % _AT_ONCE
        by_taste = np.ascontiguousarray(np.pad(factors, ((0, 0), (0, missing))).T)
        return cls(
            read_only(by_taste),
            np.float32(trust),
            np.float32(least_expected),
            read_only(own.astype(np.float32)),
            read_only(prior.astype(np.float32)),
        )


def search(
    likes: Likes,
    scoring: Scoring,
    k: int,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    block: int = BLOCK,
) -> Found:
    """Each film's K best others.

    Args:
        likes: who likes what.
        scoring: what else goes into a score.
        k: the most films a film gets.
        threads: how many; None for as many as this process has processors.
        progress: called in the calling thread with films done and films in all, now and then.
        block: films a block.

    Returns:
        Indices int32 and scores float32 of shape (n_films, k), the best first, equal scores in the
        order of films; -1 and 0 where there are fewer.
    """
    n_films = len(likes.film_begins) - 1
    indices = np.full((n_films, k), -1, dtype=np.int32)
    scores = np.zeros((n_films, k), dtype=np.float32)
    width = min(k, n_films)

    def work(start: int) -> int:
        keys = np.zeros((min(block, n_films - start), width), np.int64)
        _fill(keys, start, likes, scoring)
        stop = start + len(keys)
        indices[start:stop, :width], scores[start:stop, :width] = unpacked(keys)
        return len(keys)

    starts = range(0, n_films, block)
    in_threads(work, starts, threads or processors(), n_films, progress)
    return indices, scores


def _csr(
    matrix: sparse.csr_matrix,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    return (
        read_only(matrix.indptr.astype(np.int64)),
        read_only(matrix.indices.astype(np.int32, copy=False)),
        read_only(matrix.data.astype(np.float32, copy=False)),
    )


# From here on compiled.


@compiled
def _fill(keys: NDArray[np.int64], start: int, likes: Likes, scoring: Scoring) -> None:
    """Fill the keys, of shape (n, k), of the n films from ``start`` on; as heaps, from zeros."""
    n_films = len(scoring.own)
    counts = np.zeros((len(keys), n_films), np.float32)
    for i in range(len(keys)):
        _count(counts[i], start + i, likes)
    expected = np.empty(TILE, np.float32)
    for first in range(0, n_films, TILE):
        tile = expected[: min(TILE, n_films - first)]
        for i in range(len(keys)):
            _expect(tile, scoring.factors, start + i, first)
            _score(tile, counts[i, first : first + len(tile)], scoring, start + i, first)
            _offer(keys[i], tile, start + i, first)


@compiled
def _count(counts: NDArray[np.float32], film: int, likes: Likes) -> None:
    """Add up how much people like the film and another, by their weights, for each other."""
    for liker in range(likes.film_begins[film], likes.film_begins[film + 1]):
        person = likes.likers[liker]
        weight = likes.weights[person] * likes.worth_of_likers[liker]
        begin, end = (
            np.uint64(likes.person_begins[person]),
            np.uint64(likes.person_begins[person + 1]),
        )
        for place in range(begin, end):
            counts[likes.films[place]] += weight * likes.worth_of_films[place]


@compiled
def _expect(tile: NDArray[np.float32], factors: NDArray[np.float32], film: int, first: int) -> None:
    """The inner products of the film and those of the tile."""
    tile[:] = 0
    last = first + len(tile)
    for taste in range(0, len(factors), _AT_ONCE):
        a, its_a = factors[taste, film], factors[taste, first:last]
        b, its_b = factors[taste + 1, film], factors[taste + 1, first:last]
        c, its_c = factors[taste + 2, film], factors[taste + 2, first:last]
        d, its_d = factors[taste + 3, film], factors[taste + 3, first:last]
        for place in range(np.uint64(len(tile))):
            tile[place] += a * its_a[place] + b * its_b[place] + c * its_c[place] + d * its_d[place]


@compiled
def _score(
    tile: NDArray[np.float32],
    counts: NDArray[np.float32],
    scoring: Scoring,
    film: int,
    first: int,
) -> None:
    """Put the score in the place of what is expected."""
    own, trust, least = scoring.own[film], scoring.trust, scoring.least_expected
    prior = scoring.prior[first : first + len(tile)]
    for place in range(np.uint64(len(tile))):
        expected = tile[place]
        likely = expected * (counts[place] + trust) / (expected + trust)
        score = min(likely * own * prior[place], np.float32(1))
        tile[place] = score if expected >= least else np.float32(0)


@compiled
def _offer(heap: NDArray[np.int64], tile: NDArray[np.float32], film: int, first: int) -> None:
    """Put what beats the heap's worst into it."""
    bits = tile.view(np.int32)
    threshold = max(np.int32(heap[0] >> 32), np.int32(1))
    for place in range(np.uint64(len(tile))):
        if bits[place] >= threshold:
            other = first + np.int64(place)
            key = np.int64(bits[place]) << 32 | np.int64(0x7FFFFFFF - other)
            if key > heap[0] and other != film:
                replace_worst(heap, key)
                threshold = max(np.int32(heap[0] >> 32), np.int32(1))
