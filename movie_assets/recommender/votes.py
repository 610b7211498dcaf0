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
    """What the films that can be recommended count, and how close they are: all arrays read-only.

    The others, of a million films half, have no votes to get.
    """

    films: NDArray[np.uint32]  # (n_candidates,), ascending
    prior: NDArray[np.float32]  # (n_candidates,), above 0
    codes: NDArray[np.uint32]  # (n_candidates,)
    years: NDArray[np.uint32]  # (n_codes,): a code's place in the two tables
    others: NDArray[np.uint32]
    by_years: NDArray[np.float32]  # whose product is the closeness of two codes
    by_others: NDArray[np.float32]


class Voters(NamedTuple):
    """Films that share out a vote each, and what is known of them: all arrays read-only."""

    films: NDArray[np.int32]  # (n_voters,)
    codes: NDArray[np.uint32]  # (n_voters,)
    values: NDArray[np.float32]  # (n_voters,)
    extra_ends: NDArray[np.int64]  # (n_voters + 1,): what signals add to scores, as CSR
    extra_places: NDArray[np.uint32]  # among the candidates
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
    is_candidate, codes = ranking.prior > 0, ranking.codes.view(np.uint32)
    candidates = np.flatnonzero(is_candidate)
    rank = Rank(
        films=read_only(candidates.astype(np.uint32)),
        prior=read_only(ranking.prior[candidates]),
        codes=read_only(codes[candidates]),
        years=read_only(years.places),
        others=read_only(others.places),
        by_years=read_only(years.factors),
        by_others=read_only(others.factors),
    )
    voters = Voters(
        read_only(films),
        read_only(codes[films]),
        read_only(values),
        *_among(extra, is_candidate, candidates),
    )
    votes = np.zeros(len(candidates), dtype=np.float32)
    _add_votes(terms, rank, voters, sharpness, votes)
    total = np.zeros(len(ranking.prior), dtype=np.float32)
    total[candidates] = votes
    return total


def _among(
    extra: sparse.csr_matrix, is_candidate: NDArray[np.bool_], candidates: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
    """The candidates' columns of a matrix, as CSR: by their places among the candidates."""
    found = is_candidate[extra.indices]
    ends = np.concatenate([[0], np.cumsum(found)])[extra.indptr]
    return (
        read_only(ends.astype(np.int64)),
        read_only(np.searchsorted(candidates, extra.indices[found]).astype(np.uint32)),
        read_only(np.asarray(extra.data[found], dtype=np.float32)),
    )


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
    """Add the votes to each candidate's total."""
    row = np.empty(len(terms.ends) - 1, np.float32)
    votes, factors = np.empty_like(total), np.empty(len(rank.years), np.float32)
    whole = int(sharpness)
    for voter in range(len(voters.films)):
        film = voters.films[voter]
        _closeness_to(rank, voters.codes[voter], factors)
        row[:] = terms.floor
        add_likeness(terms, film, row)
        row[film] = 0
        if whole == sharpness and 1 <= whole <= 3:
            given = _products(row, factors, rank, whole, votes)
        else:
            given = _powers(row, factors, rank, sharpness, votes)
        for entry in range(voters.extra_ends[voter], voters.extra_ends[voter + 1]):
            place = voters.extra_places[entry]
            if rank.films[place] != film:
                content = min(row[rank.films[place]], np.float32(1))
                score = content * factors[rank.codes[place]] * rank.prior[place]
                vote = np.float32((score + voters.extra_values[entry]) ** sharpness)
                given += np.float64(vote) - np.float64(votes[place])
                votes[place] = vote
        if given > 0:
            _add(total, votes, np.float32(voters.values[voter] / given))


@compiled
def _closeness_to(rank: Rank, code: np.uint32, factors: Row) -> None:
    """Fill the closeness of a code to each."""
    years, others = rank.by_years[rank.years[code]], rank.by_others[rank.others[code]]
    for other in range(len(factors)):
        factors[other] = years[rank.years[other]] * others[rank.others[other]]


@partial(compiled, fastmath=_IN_ANY_ORDER)
def _products(row: Row, factors: Row, rank: Rank, power: int, votes: Row) -> float:
    """Fill the candidates' scores, their squares or their cubes, of a row of likenesses; their sum.

    A power by the library takes longer than all else that is done for a film.
    """
    given = 0.0
    for i in range(len(votes)):
        score = min(row[rank.films[i]], np.float32(1)) * factors[rank.codes[i]] * rank.prior[i]
        vote = score
        if power >= 2:
            vote *= score
        if power == 3:
            vote *= score
        votes[i] = vote
        given += vote
    return given


@compiled
def _powers(row: Row, factors: Row, rank: Rank, sharpness: float, votes: Row) -> float:
    """Fill the candidates' scores to a power, of a row of likenesses; their sum."""
    given = 0.0
    power = np.float32(sharpness)
    for i in range(len(votes)):
        score = min(row[rank.films[i]], np.float32(1)) * factors[rank.codes[i]] * rank.prior[i]
        votes[i] = score**power
        given += votes[i]
    return given


@compiled
def _add(total: Row, row: Row, value: np.float32) -> None:
    for i in range(len(row)):
        total[i] += value * row[i]
