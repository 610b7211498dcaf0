"""Changes: which films are, to the last bit, what they were before.

What belongs here: the comparison. What does not: what is done about it (``incremental``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

#: Rows compared at a time, so that little memory is needed.
_COMPARED = 65_536


def same_films(
    ids_before: ArrayLike,
    ids: ArrayLike,
    parts: Iterable[tuple[sparse.csr_matrix | ArrayLike, sparse.csr_matrix | ArrayLike]],
) -> NDArray[np.int64]:
    """Where each film stood before, -1 where it was not there or is not the same in every part.

    Args:
        ids_before: shape (n_before,), none twice.
        ids: shape (n,).
        parts: what films are made of, before and now: CSR matrices with a row a film and the same
            columns, or arrays with an entry a film, such as priors and codes.
    """
    ids_before, ids = np.asarray(ids_before), np.asarray(ids)
    if not len(ids_before):
        return np.full(len(ids), -1, np.int64)
    order = np.argsort(ids_before, kind="stable")
    found = np.minimum(np.searchsorted(ids_before, ids, sorter=order), len(order) - 1)
    places = np.where(ids_before[order[found]] == ids, order[found], -1).astype(np.int64)
    for before, now in parts:
        if sparse.issparse(now):
            same = _same_rows(before, now, places)
        else:
            same = np.asarray(before)[places] == np.asarray(now)
        places[~same] = -1
    return places


def _same_rows(
    before: sparse.csr_matrix, now: sparse.csr_matrix, places: NDArray[np.int64]
) -> NDArray[np.bool_]:
    lengths = np.diff(before.indptr), np.diff(now.indptr)
    same: NDArray[np.bool_] = (places >= 0) & (lengths[0][places] == lengths[1])
    for start in range(0, len(places), _COMPARED):
        rows = start + np.flatnonzero(same[start : start + _COMPARED])
        sizes = lengths[1][rows]
        entry = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        old = np.repeat(before.indptr[places[rows]].astype(np.int64), sizes) + entry
        new = np.repeat(now.indptr[rows].astype(np.int64), sizes) + entry
        differs = (before.indices[old] != now.indices[new]) | (before.data[old] != now.data[new])
        same[np.repeat(rows, sizes)[differs]] = False
    return same
