"""What lists are like whether they are right or not: how wide, how little known, how varied.

Accuracy alone is bought most easily by recommending the same well-known films to everybody, so
these stand beside it. What a list is about does not matter here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray


def counts(lists: NDArray[np.int32], n_films: int) -> NDArray[np.int64]:
    """How many lists each film is in.

    Args:
        lists: int32 of shape (n_lists, k): films; -1 where a list is shorter.
        n_films: how many films there are.

    Returns:
        int64 of shape (n_films,).
    """
    return np.bincount(lists[lists >= 0], minlength=n_films)


def gini(recommended: NDArray[np.int64]) -> float | None:
    """Gini's coefficient of how unequally places in lists are shared out among films.

    0 where all films are recommended equally often, near 1 where one film takes all places; None
    where nothing is recommended.

    Args:
        recommended: int64 of shape (n_films,): how many lists each film is in.

    >>> gini(np.array([0, 0, 0, 4]))
    0.75
    """
    total, n_films = recommended.sum(), len(recommended)
    if not total:
        return None
    places = np.arange(1, n_films + 1)
    return float((2 * places - n_films - 1) @ np.sort(recommended) / (n_films * total))


def self_information(lists: NDArray[np.int32], votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Novelty: the mean of -log2(votes of the film / all votes) over each list, in bits.

    So Zhou et al. (2010) measure how unexpected a film is; a film without votes counts as one with
    a single vote.

    Args:
        lists: int32 of shape (n_lists, k); -1 where a list is shorter.
        votes: float64 of shape (n_films,).

    Returns:
        float64 of shape (n_lists,); NaN for an empty list.
    """
    known = np.maximum(votes, 1.0)
    return mean_over(lists, -np.log2(known / known.sum()))


def mean_over(lists: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of a number of each film over each list; NaN for an empty list.

    Args:
        lists: int32 of shape (n_lists, k); -1 where a list is shorter.
        values: float64 of shape (n_films,).
    """
    return mean_of_places(lists, values[lists])


def mean_of_places(lists: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of a number of each place over each list; NaN for an empty list.

    Args:
        lists: int32 of shape (n_lists, k); -1 where a list is shorter.
        values: shape (n_lists, k); of no account where a list is shorter.
    """
    there = lists >= 0
    sizes = there.sum(axis=1)
    sums = np.where(there, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, sizes, out=np.full(len(lists), np.nan), where=sizes > 0))


def diversity(lists: NDArray[np.int32], rows: sparse.csr_matrix) -> NDArray[np.float64]:
    """Intra-list diversity: the mean cosine distance between two films of a list, 0 to 1.

    After Ziegler et al. (2005), who add similarities up instead.

    Args:
        lists: int32 of shape (n_lists, k); -1 where a list is shorter.
        rows: CSR of shape (n_films, n_terms); rows of length 1 or zero, nothing negative.

    Returns:
        float64 of shape (n_lists,); NaN for a list with no two films.
    """
    members = sparse.csr_matrix(
        (
            np.ones((lists >= 0).sum()),
            lists[lists >= 0],
            np.concatenate([[0], np.cumsum((lists >= 0).sum(axis=1))]),
        ),
        (len(lists), rows.shape[0]),
    )
    # The sum over all ordered pairs of a list is |sum of its rows|^2, so each list takes one sum of
    # rows instead of all its pairs.
    wide = rows.astype(np.float64)
    total = members @ wide
    own = np.asarray(wide.multiply(wide).sum(axis=1)).ravel()
    similarity = np.asarray(total.multiply(total).sum(axis=1)).ravel() - members @ own
    sizes = np.diff(members.indptr)
    pairs = sizes * (sizes - 1)
    share = np.divide(similarity, pairs, out=np.full(len(lists), np.nan), where=pairs > 0)
    return np.asarray(1.0 - share)


def most_voted(votes: NDArray[np.float64], number: int = 100) -> NDArray[np.bool_]:
    """Which films are the best known: those with most votes, of equal ones those that come first.

    Args:
        votes: float64 of shape (n_films,).
        number: how many films.
    """
    chosen = np.zeros(len(votes), dtype=bool)
    chosen[np.argsort(-votes, kind="stable")[:number]] = True
    return chosen


def sequels(
    lists: NDArray[np.int32], seeds: NDArray[np.int32], collections: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The share of each list's films that are of the same series of films as the one asked about.

    Args:
        lists: int32 of shape (n_lists, k); -1 where a list is shorter.
        seeds: int32 of shape (n_lists,): the film that each list is for.
        collections: int32 of shape (n_films,): a number for each series; -1 for none.

    Returns:
        float64 of shape (n_lists,); NaN for an empty list.
    """
    own = collections[seeds][:, None]
    return mean_of_places(lists, (collections[lists] == own) & (own >= 0))
