"""How right lists are, one number a list: NDCG, precision, recall, reciprocal rank.

Gains are 0 or 1: a film is right or it is not. Means and their intervals are made elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


def hits(lists: NDArray[np.int32], relevant: sparse.csr_matrix) -> NDArray[np.bool_]:
    """Which places of the lists hold a film that is right.

    Args:
        lists: int32 of shape (n_lists, k): films, the best first; -1 where a list is shorter.
        relevant: CSR of shape (n_lists, n_films): what is right for each list.

    Returns:
        bool of shape (n_lists, k).
    """
    n_films = relevant.shape[1]
    rows = np.arange(len(lists), dtype=np.int64)[:, None]
    owners = np.repeat(rows.ravel(), np.diff(relevant.indptr))
    right = owners * n_films + relevant.indices
    return np.isin(rows * n_films + lists, right) & (lists >= 0)


def ndcg(found: NDArray[np.bool_], n_relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), 0 to 1.

    A film that is right counts 1 / log2(place + 1), and the sum is divided by that of the best
    possible list of the same length.

    Args:
        found: bool of shape (n_lists, k).
        n_relevant: how many films are right for each list, of shape (n_lists,).

    Returns:
        float64 of shape (n_lists,); 0 where nothing is right.

    >>> ndcg(np.array([[True, False, True]]), np.array([2])).round(4)
    array([0.9197])
    """
    k = found.shape[1]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(n_relevant, k)]
    return _ratio(found @ discounts, best)


def precision(found: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of a list's k places that hold a film that is right; missing films are wrong.

    Args:
        found: bool of shape (n_lists, k).
    """
    return np.asarray(found.mean(axis=1))


def recall(found: NDArray[np.bool_], n_relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share found of min(k, what is right), so that a list of k can always reach 1.

    Args:
        found: bool of shape (n_lists, k).
        n_relevant: how many films are right for each list, of shape (n_lists,).
    """
    return _ratio(found.sum(axis=1), np.minimum(n_relevant, found.shape[1]))


def reciprocal_rank(found: NDArray[np.bool_]) -> NDArray[np.float64]:
    """1 / the place, from 1, of a list's first film that is right; 0 where none of the k is.

    Args:
        found: bool of shape (n_lists, k).
    """
    return np.where(found.any(axis=1), 1 / (found.argmax(axis=1) + 1), 0.0)


def _ratio(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0)
