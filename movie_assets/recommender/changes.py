"""Changes: which films are, to the last bit, what they were before.

What belongs here: the comparison, with what they were (``same_films``) or with a number that is
left of it (``digests``). What does not: what is done about it (``incremental``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from movie_assets.recommender.threads import in_threads, processors

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


def digests(*parts: sparse.csr_matrix | NDArray[Any]) -> NDArray[np.uint64]:
    """A number a film that another film, or the same after a change, does not have.

    It is no cryptographic one: that two of a million are alike by chance happens once in 40 million
    times, and whoever means to can make it happen.

    Args:
        parts: what films are made of: CSR matrices of float32 with a row a film, columns ascending
            or not; or arrays whose first axis is films, of items of 8 bytes at most.

    Returns:
        uint64 of shape (n_films,).
    """
    found = np.zeros(parts[0].shape[0], dtype=np.uint64)
    for part in parts:
        if sparse.issparse(part):
            found = _mixed(np.asarray(found ^ _row_digests(part), dtype=np.uint64))
        else:
            for column in np.asarray(part).reshape(len(found), -1).T:
                items = np.ascontiguousarray(column).view(f"u{column.dtype.itemsize}")
                found = _mixed(np.bitwise_xor(found, items, dtype=np.uint64))
    return found


def _row_digests(matrix: sparse.csr_matrix) -> NDArray[np.uint64]:
    found = np.empty(matrix.shape[0], dtype=np.uint64)

    def fill(start: int) -> int:
        ends = matrix.indptr[start : start + _COMPARED + 1].astype(np.int64)
        entries = slice(int(ends[0]), int(ends[-1]))
        keys = matrix.indices[entries].astype(np.uint64) << np.uint64(32)
        keys |= matrix.data[entries].view(np.uint32)
        # A sum, which wraps: so the order of the columns is nothing.
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(keys), dtype=np.uint64)])
        ends -= ends[0]
        found[start : start + _COMPARED] = sums[ends[1:]] - sums[ends[:-1]]
        return len(ends) - 1

    in_threads(fill, range(0, len(found), _COMPARED), processors(), len(found), None)
    return found


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each bit of a number spread over all (splitmix64, by S. Vigna)."""
    mixed = keys + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


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
