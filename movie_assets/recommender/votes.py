"""Votes: one film beside every film, for questions that are answered when they are asked.

A film's terms are looked up in the films by terms, and what they add is added up in one dense row;
one pass over that row makes scores of it, and votes of the scores. What goes into a score is for
``ranking`` and ``query``, and the best of every film beforehand for ``top_k``. Importing this
module loads numba.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.ranking import Ranking

    Row = NDArray[np.float32]


#: A sum by vectors, several at a time: nothing here is no number, and its last bit does not count.
_IN_ANY_ORDER = frozenset({"reassoc", "contract", "nnan", "nsz"})


class Terms(NamedTuple):
    """The films' matrix by films and by terms, as the kernel reads it: all arrays read-only."""

    ends: NDArray[np.int64]  # (n_movies + 1,): film i has the entries from ends[i]
    terms: NDArray[np.uint32]  # ascending within a film
    weights: NDArray[np.float32]
    list_ends: NDArray[np.int64]  # (n_terms + 1,): term t is of the films from list_ends[t]
    films: NDArray[np.uint32]
    list_weights: NDArray[np.float32]
    n_terms: np.uint32  # every film has the others, and they add `floor` to any two
    floor: np.float32


class Rank(NamedTuple):
    """What films count and how close they are: ``ranking.Ranking``, all arrays read-only."""

    prior: NDArray[np.float32]  # (n_movies,)
    codes: NDArray[np.uint32]  # (n_movies,)
    years: NDArray[np.uint32]  # (n_codes,): a code's place in the two tables
    others: NDArray[np.uint32]
    by_years: NDArray[np.float32]  # whose product is the closeness of two codes
    by_others: NDArray[np.float32]


class Voters(NamedTuple):
    """Films that share out a vote each, and what is known of them: all arrays read-only."""

    films: NDArray[np.int32]  # (n_voters,)
    values: NDArray[np.float32]  # (n_voters,)
    extra_ends: NDArray[np.int64]  # (n_voters + 1,): what signals add to scores, as CSR
    extra_films: NDArray[np.uint32]
    extra_values: NDArray[np.float32]


def terms_of(
    matrix: sparse.csr_matrix, by_term: sparse.csr_matrix, n_terms: int, floor: float
) -> Terms:
    """The matrices as the kernel reads them.

    Args:
        matrix: CSR float32 of shape (n_movies, n_terms and more), columns ascending.
        by_term: CSR of its transpose; films whose prior is 0 may be left out.
        n_terms: the columns from here on are those that every film has.
        floor: what these add to the likeness of any two films.
    """
    return Terms(*_csr(matrix), *_csr(by_term), n_terms=np.uint32(n_terms), floor=np.float32(floor))


def votes_of(
    terms: Terms,
    ranking: Ranking,
    films: NDArray[np.int32],
    values: NDArray[np.float32],
    extra: sparse.csr_matrix,
    sharpness: float,
) -> NDArray[np.float32]:
    """What each film gets of the votes of some films, times their values; shape (n_movies,).

    Args:
        terms: of all n_movies films.
        ranking: of all films.
        films: int32 of shape (n_voters,), each once.
        values: float32 of shape (n_voters,).
        extra: CSR float32 of shape (n_voters, n_movies): what is added to the product of content,
            closeness and prior.
        sharpness: the power to which scores are raised.
    """
    years, others = ranking.by_halves
    rank = Rank(
        prior=read_only(ranking.prior),
        codes=read_only(ranking.codes.view(np.uint32)),
        years=read_only(years.places),
        others=read_only(others.places),
        by_years=read_only(years.factors),
        by_others=read_only(others.factors),
    )
    voters = Voters(read_only(films), read_only(values), *_csr(extra))
    total = np.zeros(len(ranking.prior), dtype=np.float32)
    _add_votes(terms, rank, voters, sharpness, total)
    return total


def _csr(
    matrix: sparse.csr_matrix,
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
    return (
        read_only(np.asarray(matrix.indptr, dtype=np.int64)),
        # Unsigned: numba would ask of each signed index whether it counts from the end.
        read_only(np.asarray(matrix.indices, dtype=np.int32).view(np.uint32)),
        read_only(np.asarray(matrix.data, dtype=np.float32)),
    )


# From here on compiled.


@compiled
def add_likeness(terms: Terms, film: int, row: Row) -> None:
    """Add the likeness of a film's content to every film's, but for the floor, to a row."""
    for entry in range(terms.ends[film], terms.ends[film + 1]):
        term = terms.terms[entry]
        if term >= terms.n_terms:
            continue
        weight = terms.weights[entry]
        for place in range(terms.list_ends[term], terms.list_ends[term + 1]):
            row[terms.films[place]] += weight * terms.list_weights[place]


@compiled
def _add_votes(terms: Terms, rank: Rank, voters: Voters, sharpness: float, total: Row) -> None:
    """Add the votes to each film's total."""
    row, factors = np.empty_like(total), np.empty(len(rank.years), np.float32)
    content = np.empty(np.diff(voters.extra_ends).max(), np.float32)
    for voter in range(len(voters.films)):
        film = voters.films[voter]
        first, last = voters.extra_ends[voter], voters.extra_ends[voter + 1]
        _closeness_to(rank, rank.codes[film], factors)
        row[:] = terms.floor
        add_likeness(terms, film, row)
        row[film] = 0
        for entry in range(first, last):
            content[entry - first] = min(row[voters.extra_films[entry]], np.float32(1))
        whole = int(sharpness)
        if whole == sharpness and 1 <= whole <= 3:
            votes = _products(row, factors, rank.codes, rank.prior, whole)
        else:
            votes = _powers(row, factors, rank.codes, rank.prior, sharpness)
        for entry in range(first, last):
            other = voters.extra_films[entry]
            if rank.prior[other] > 0 and other != film:
                score = content[entry - first] * factors[rank.codes[other]] * rank.prior[other]
                vote = np.float32((score + voters.extra_values[entry]) ** sharpness)
                votes += np.float64(vote) - np.float64(row[other])
                row[other] = vote
        if votes > 0:
            _add(total, row, np.float32(voters.values[voter] / votes))


@compiled
def _closeness_to(rank: Rank, code: np.uint32, factors: Row) -> None:
    """Fill the closeness of a code to each."""
    years, others = rank.by_years[rank.years[code]], rank.by_others[rank.others[code]]
    for other in range(len(factors)):
        factors[other] = years[rank.years[other]] * others[rank.others[other]]


@partial(compiled, fastmath=_IN_ANY_ORDER)
def _products(row: Row, factors: Row, codes: NDArray[np.uint32], prior: Row, power: int) -> float:
    """Make scores, their squares or their cubes of a row of likenesses; their sum.

    A power by the library takes five times as long as all else that is done for a film.
    """
    votes = 0.0
    for i in range(len(row)):
        score = min(row[i], np.float32(1)) * factors[codes[i]] * prior[i]
        vote = score
        if power >= 2:
            vote *= score
        if power == 3:
            vote *= score
        row[i] = vote
        votes += vote
    return votes


@compiled
def _powers(
    row: Row, factors: Row, codes: NDArray[np.uint32], prior: Row, sharpness: float
) -> float:
    """Make scores to a power of a row of likenesses; their sum."""
    votes = 0.0
    power = np.float32(sharpness)
    for i in range(len(row)):
        row[i] = (min(row[i], np.float32(1)) * factors[codes[i]] * prior[i]) ** power
        votes += row[i]
    return votes


@compiled
def _add(total: Row, row: Row, value: np.float32) -> None:
    for i in range(len(row)):
        total[i] += value * row[i]
