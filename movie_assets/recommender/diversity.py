"""Diversity: a list's films put in another order, so that they are not all the same thing.

Two ways: one franchise cannot fill a list, and the next film is one that is unlike those before
(maximal marginal relevance). Pure functions on the films of one list, the best first.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from scipy import sparse

#: Of the first n films, at most this share, rounded up, may be of one collection.
LARGEST_SHARE = 0.3


def are_apart(collections: NDArray[np.int32]) -> bool:
    """Whether no two films are of one collection, as in most lists; -1 stands for none.

    Then :func:`spread_collections` leaves them as they are, whatever follows.
    """
    named = [number for number in collections.tolist() if number >= 0]
    return len(set(named)) == len(named)


def spread_collections(
    collections: NDArray[np.int32],
    k: int,
    largest_share: float = LARGEST_SHARE,
    before: Iterable[int] = (),
) -> NDArray[np.intp]:
    """Choose k films so that no beginning of the list is full of one franchise.

    Of the first n films at most ``ceil(largest_share * n)`` are of one collection: one of the first
    three, two of the first six, three of the first ten. The others keep their order. Where only
    such films are left, they follow all the same.

    Args:
        collections: of shape (n_films,), the best film first: a number, -1 for none.
        k: how many to choose.
        largest_share: above 0, at most 1.
        before: the collections of the films that the list begins with.

    Returns:
        Places among the films, of shape (min(k, n_films),).
    """
    before = list(before)
    if not before and are_apart(collections[:k]):
        return np.arange(min(k, len(collections)))
    numbers = collections.tolist()
    counts = Counter(before)
    n_before = len(before)
    chosen: list[int] = []
    held: list[int] = []  # the places that were passed over, in their order
    following = 0
    for length in range(n_before + 1, n_before + min(k, len(numbers)) + 1):
        most = math.ceil(largest_share * length)
        place = next((i for i in held if counts[numbers[i]] < most), None)
        while place is None and following < len(numbers):
            if numbers[following] < 0 or counts[numbers[following]] < most:
                place = following
            else:
                held.append(following)
            following += 1
        if place is None:
            place = held[0]
        if place in held:
            held.remove(place)
        chosen.append(place)
        counts[numbers[place]] += 1
    return np.array(chosen, dtype=np.intp)


def marginal_relevance(
    scores: NDArray[np.float32], rows: sparse.csr_matrix, k: int, diversity: float
) -> NDArray[np.intp]:
    """Choose k films by maximal marginal relevance (Carbonell and Goldstein 1998).

    The next film is the one with the largest ``(1 - diversity) * score - diversity * likeness``,
    where score is in parts of the best one, and likeness is the cosine with the most alike film
    chosen so far. Equals stay in their order.

    Args:
        scores: float32 of shape (n_films,), at least 0, the best first.
        rows: CSR float32 of shape (n_films, n_terms), nothing negative.
        k: how many to choose.
        diversity: from 0 (the order stays) to 1 (nothing but unlikeness counts).

    Returns:
        Places among the films, of shape (min(k, n_films),).

    Raises:
        ValueError: where diversity is out of range.
    """
    if not 0 <= diversity <= 1:
        raise ValueError(f"diversity must be from 0 to 1, not {diversity}")
    n = len(scores)
    if diversity == 0 or n == 0:
        return np.arange(min(k, n))
    likeness = np.asarray((rows @ rows.T).toarray(), dtype=np.float64)
    lengths = np.sqrt(np.maximum(likeness.diagonal(), 1e-12))
    likeness /= lengths[:, None] * lengths
    relevance = scores.astype(np.float64) / max(float(scores.max()), 1e-12)
    closest = np.zeros(n)
    free = np.ones(n, dtype=bool)
    chosen: list[int] = []
    for _ in range(min(k, n)):
        worth = np.where(free, (1 - diversity) * relevance - diversity * closest, -np.inf)
        chosen.append(int(np.argmax(worth)))
        free[chosen[-1]] = False
        closest = np.maximum(closest, likeness[chosen[-1]])
    return np.array(chosen, dtype=np.intp)
