"""The most telling terms that each of many pairs of films share, found by compiled code.

What belongs here: which terms. How they are told, and why a term tells nothing, is for
``explanations`` to say, which also finds those of a few pairs, without numba.
Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


class Telling(NamedTuple):
    """How much each term tells.

    Attributes:
        ranks: int8 of shape (n_terms,): the larger the more; 0 for a term that is told only where
            nothing else can be; -1 for one that is no reason.
        names: int32 of shape (n_terms,): a number of its name; of terms of one name a pair is told
            the first only.
    """

    ranks: NDArray[np.int8]
    names: NDArray[np.int32]


def most_telling(
    matrix: sparse.csr_matrix,
    telling: Telling,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    top: int,
) -> NDArray[np.int32]:
    """The terms that tell most of what films have in common.

    Args:
        matrix: CSR float32 of shape (n_movies, n_terms); sorted indices, no negative value.
        telling: how much the terms tell.
        rows: int32 of shape (n_pairs,).
        columns: likewise, the other film of each pair.
        top: the most terms that a pair gets, at least 1.

    Returns:
        int32 of shape (n_pairs, top): terms by rank, then by what they add to the likeness, then
        in the order of columns; -1 where there are fewer. Those of rank 0 stand alone.

    Raises:
        ValueError: where the indices are not sorted: terms would be missed without a word.
    """
    if not matrix.has_sorted_indices:
        raise ValueError("the matrix must have sorted indices")
    found = np.full((len(rows), top), -1, dtype=np.int32)
    longest = int(np.diff(matrix.indptr).max(initial=0))
    shared = np.empty(longest, np.int32), np.empty(longest, np.float32)
    entries = matrix.indptr, matrix.indices, matrix.data
    _most_telling(entries, telling, (rows, columns), shared, found)
    return found


@compiled
def _most_telling(entries: Any, telling: Any, pairs: Any, shared: Any, found: Any) -> None:
    for pair in range(len(found)):
        count = _share(entries, telling[0], pairs[0][pair], pairs[1][pair], shared)
        _pick(telling, shared, count, found[pair])


@compiled
def _share(entries: Any, ranks: Any, film: Any, other: Any, shared: Any) -> int:
    """Lay down the terms of two films that are reasons, and their products; how many there are."""
    ends, indices, data = entries
    left, left_end = ends[film], ends[film + 1]
    right, right_end = ends[other], ends[other + 1]
    count = 0
    while left < left_end and right < right_end:
        one, another = indices[left], indices[right]
        if one == another and ranks[one] >= 0 and data[left] * data[right] > 0:
            shared[0][count] = one
            shared[1][count] = data[left] * data[right]
            count += 1
        # Without a branch: which of the two is smaller cannot be foreseen.
        left += one <= another
        right += another <= one
    return count


@compiled
def _pick(telling: Any, shared: Any, count: int, found: Any) -> None:
    """The best of what is laid down; of each name the first."""
    ranks, names = telling
    terms, products = shared
    for place in range(len(found)):
        best = -1
        for i in range(count):
            if terms[i] >= 0 and (
                best < 0
                or ranks[terms[i]] > ranks[terms[best]]
                or (ranks[terms[i]] == ranks[terms[best]] and products[i] > products[best])
            ):
                best = i
        if best < 0 or (place > 0 and ranks[terms[best]] == 0 and ranks[found[0]] > 0):
            return
        found[place] = terms[best]
        for i in range(count):
            if terms[i] >= 0 and names[terms[i]] == names[found[place]]:
                terms[i] = -1
