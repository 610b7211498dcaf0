"""Votes: one film beside every film, for questions that are answered when they are asked.

A film's terms are looked up in the candidates by terms, and what they add is added up in one dense
row of the candidates, which are the films that can be recommended; one pass over that row makes
votes of it, and one more adds them up. What goes into a score is for
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


#: The list of a term that one candidate in so many has is kept as a row with a number for each
#: candidate: to add it goes through memory in order. English is one, which most films that people
#: name have.
_IN_A_ROW = 4


class Terms(NamedTuple):
    """The films' matrix by films and by terms, as the kernel reads it: all arrays read-only."""

    ends: NDArray[np.int64]  # (n_movies + 1,): film i has the entries from ends[i]
    terms: NDArray[np.uint32]  # ascending within a film
    weights: NDArray[np.float32]
    list_ends: NDArray[np.int64]  # (n_terms + 1,): term t is of those from list_ends[t]
    places: NDArray[np.uint32]  # among the candidates
    list_weights: NDArray[np.float32]
    candidates: NDArray[np.uint32]  # (n_candidates,): films, ascending
    usual: NDArray[np.uint32]  # (n_usual,): terms that so many have that their lists are rows
    usual_weights: NDArray[np.float32]  # (n_usual, n_candidates)
    n_terms: np.uint32  # every film has the others, and they add `floor` to any two
    floor: np.float32


class Rank(NamedTuple):
    """What the candidates count, and how close they are: all arrays read-only."""

    prior: NDArray[np.float32]  # (n_candidates,)
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
    matrix: sparse.csr_matrix,
    by_term: sparse.csr_matrix,
    candidates: NDArray[np.intp],
    n_terms: int,
    floor: float,
) -> Terms:
    """The matrices as the kernel reads them.

    Args:
        matrix: CSR float32 of shape (n_movies, n_terms and more), columns ascending.
        by_term: CSR float32 of shape (n_terms and more, n_candidates): the transpose of the
            candidates' rows.
        candidates: of shape (n_candidates,), ascending: the films that can be recommended.
        n_terms: the columns from here on are those that every film has.
        floor: what these add to the likeness of any two films.
    """
    sizes = np.diff(by_term.indptr)[:n_terms]
    usual = np.flatnonzero((sizes > 0) & (sizes * _IN_A_ROW >= len(candidates)))
    return Terms(
        *_csr(matrix),
        *_csr(by_term),
        candidates=read_only(candidates.astype(np.uint32)),
        usual=read_only(usual.astype(np.uint32)),
        usual_weights=read_only(by_term[usual].toarray()),
        n_terms=np.uint32(n_terms),
        floor=np.float32(floor),
    )


def votes_of(
    terms: Terms,
    ranking: Ranking,
    films: NDArray[np.int32],
    values: NDArray[np.float32],
    extra: sparse.csr_matrix,
    sharpness: float,
) -> NDArray[np.float32]:
    """What each film gets of the votes of some films, times their values; shape (n_movies,).

    Films that are no candidates get nothing.

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
    candidates, codes = terms.candidates, ranking.codes.view(np.uint32)
    rank = Rank(
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
        *_among(extra, candidates),
    )
    votes = np.zeros(len(candidates), dtype=np.float32)
    _add_votes(terms, rank, voters, sharpness, votes)
    total = np.zeros(len(ranking.prior), dtype=np.float32)
    total[candidates] = votes
    return total


def _among(
    extra: sparse.csr_matrix, candidates: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
    """The candidates' columns of a matrix, as CSR: by their places among the candidates."""
    places = np.searchsorted(candidates, extra.indices).astype(np.uint32)
    found = places < len(candidates)
    found[found] = candidates[places[found]] == extra.indices[found]
    ends = np.concatenate([[0], np.cumsum(found)])[extra.indptr]
    return (
        read_only(ends.astype(np.int64)),
        read_only(places[found]),
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
    """Add the likeness of a film's content to each candidate's, but for the floor, to a row."""
    for entry in range(terms.ends[film], terms.ends[film + 1]):
        term = terms.terms[entry]
        if term >= terms.n_terms:
            continue
        weight = terms.weights[entry]
        row_of_it = _place_of(terms.usual, term)
        if row_of_it >= 0:
            _add_row(row, terms.usual_weights[row_of_it], weight)
            continue
        for at in range(terms.list_ends[term], terms.list_ends[term + 1]):
            row[terms.places[at]] += weight * terms.list_weights[at]


@partial(compiled, fastmath=_IN_ANY_ORDER)
def _add_row(row: Row, other: Row, weight: np.float32) -> None:
    for i in range(len(row)):
        row[i] += weight * other[i]


@compiled
def _add_votes(terms: Terms, rank: Rank, voters: Voters, sharpness: float, total: Row) -> None:
    """Add the votes to each candidate's total."""
    row = np.full(len(total), terms.floor, np.float32)
    factors = np.empty(len(rank.years), np.float32)
    whole = int(sharpness)
    for voter in range(len(voters.films)):
        film = voters.films[voter]
        extra = slice(voters.extra_ends[voter], voters.extra_ends[voter + 1])
        places, values = voters.extra_places[extra], voters.extra_values[extra]
        _closeness_to(rank, voters.codes[voter], factors)
        add_likeness(terms, film, row)
        own = _place_of(terms.candidates, film)
        if own >= 0:
            row[own] = 0  # none votes for itself
        content = row[places]
        if whole == sharpness and 1 <= whole <= 3:
            given = _products(row, factors, rank, whole)
        else:
            given = _powers(row, factors, rank, sharpness)
        for i in range(len(places)):
            place = places[i]
            if place == own:
                continue
            score = min(content[i], np.float32(1)) * factors[rank.codes[place]] * rank.prior[place]
            vote = np.float32((score + values[i]) ** sharpness)
            given += np.float64(vote) - np.float64(row[place])
            row[place] = vote
        share = voters.values[voter] / given if given > 0 else 0.0
        _add(total, row, np.float32(share), terms.floor)


@compiled
def _place_of(numbers: NDArray[np.uint32], wanted: int) -> int:
    """The place of a number among ascending ones; -1 where it is none of them."""
    place = np.searchsorted(numbers, wanted)
    return int(place) if place < len(numbers) and numbers[place] == wanted else -1


@compiled
def _closeness_to(rank: Rank, code: np.uint32, factors: Row) -> None:
    """Fill the closeness of a code to each."""
    years, others = rank.by_years[rank.years[code]], rank.by_others[rank.others[code]]
    for other in range(len(factors)):
        factors[other] = years[rank.years[other]] * others[rank.others[other]]


@partial(compiled, fastmath=_IN_ANY_ORDER)
def _products(row: Row, factors: Row, rank: Rank, power: int) -> float:
    """Make of a row of likenesses the scores, their squares or their cubes; their sum.

    A power by the library takes longer than all else that is done for a film.
    """
    given = 0.0
    for i in range(len(row)):
        score = min(row[i], np.float32(1)) * factors[rank.codes[i]] * rank.prior[i]
        vote = score
        if power >= 2:
            vote *= score
        if power == 3:
            vote *= score
        row[i] = vote
        given += vote
    return given


@compiled
def _powers(row: Row, factors: Row, rank: Rank, sharpness: float) -> float:
    """Make of a row of likenesses the scores to a power; their sum."""
    given = 0.0
    power = np.float32(sharpness)
    for i in range(len(row)):
        score = min(row[i], np.float32(1)) * factors[rank.codes[i]] * rank.prior[i]
        row[i] = score**power
        given += row[i]
    return given


@compiled
def _add(total: Row, row: Row, value: np.float32, floor: np.float32) -> None:
    """Add a row times a value to the total, and make the row ready for the next."""
    for i in range(len(row)):
        total[i] += value * row[i]
        row[i] = floor
