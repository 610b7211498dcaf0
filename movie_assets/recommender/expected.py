"""Expected: how many people a few tastes would have like both of two films.

A truncated singular value decomposition of who likes what takes people and films to be mixtures of
a few tastes. Two films that few people rated may be liked by the same kind of people though nobody
has seen both; this tells it. The decomposition is a randomised one (Halko, Martinsson and Tropp,
"Finding Structure with Randomness", SIAM Review 53, 2011).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A film's likes are scaled by (likers + _OFFSET) ** -_SCALE before they are taken apart: else the
#: tastes would be those for the most liked films.
_OFFSET, _SCALE = 5.0, 0.25


def taste_factors(
    likers: sparse.csr_matrix, weights: NDArray[np.float64], rank: int
) -> NDArray[np.float32]:
    """Each film's part in each taste.

    The inner product of two films' parts is how many people are expected to like both, by weight.
    The same likes give the same parts to the last bit on one machine, whatever its threads.

    Args:
        likers: CSR of shape (n_films, n_people), in (0, 1]: how much somebody likes a film; each
            film has one at least.
        weights: float64 of shape (n_people,): what each person counts.
        rank: how many tastes at most.

    Returns:
        float32 of shape (n_films, n_tastes).
    """
    # Takes a second to import, which every start would wait for.
    from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415

    scale = (np.asarray(likers.sum(axis=1, dtype=np.float64)).ravel() + _OFFSET) ** _SCALE
    people = (sparse.diags(1 / scale) @ likers @ sparse.diags(np.sqrt(weights))).T.tocsr()
    rank = min(rank, *people.shape)
    with threadpool_limits(1):
        # Not transposed: what is random is then drawn by film, and people may be in any order.
        _, sizes, films = randomized_svd(
            people.astype(np.float32), rank, transpose=False, random_state=0
        )
    parts: NDArray[np.float32] = (films.T * sizes * scale[:, None]).astype(np.float32)
    return parts
