"""The transpose of a sparse matrix, a block of its rows at a time.

What belongs here: this one function. The matrix may be mapped from a file, and is never held whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy import sparse

_NUMBERS_A_BLOCK = 4_000_000


def transposed(
    matrix: sparse.csr_matrix, numbers_a_block: int = _NUMBERS_A_BLOCK
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]]:
    """The CSR of the transpose, in blocks of rows one after the other.

    A block takes one pass over the matrix; there are as many as it has ``numbers_a_block`` numbers.

    Args:
        matrix: CSR of shape (n_rows, n_columns).
        numbers_a_block: how many numbers a block has at most, but for a column that has more.

    Yields:
        The next part of ``indptr``, the first one from its 0 on, and of ``indices``, which ascend
        in each row, and ``data``.
    """
    indptr = _ends(matrix)
    yield indptr[:1], np.zeros(0, np.int64), matrix.data[:0]
    start = 0
    while start < matrix.shape[1]:
        stop = int(np.searchsorted(indptr, indptr[start] + numbers_a_block, side="right")) - 1
        stop = max(stop, start + 1)
        yield indptr[start + 1 : stop + 1], *_of_columns(matrix, start, stop)
        start = stop


def _ends(matrix: sparse.csr_matrix) -> NDArray[np.int64]:
    counts = np.zeros(matrix.shape[1] + 1, dtype=np.int64)
    for _, columns, _ in _blocks(matrix):
        counts[1:] += np.bincount(columns, minlength=matrix.shape[1])
    return np.cumsum(counts)


def _of_columns(
    matrix: sparse.csr_matrix, start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    found = []
    for rows, columns, values in _blocks(matrix):
        ours = np.flatnonzero((columns >= start) & (columns < stop))
        found.append((rows.of(ours), columns[ours], values[ours]))
    of_rows, of_columns, data = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    # Stable, so that a column's rows stay in their order.
    order = np.argsort(of_columns, kind="stable")
    return of_rows[order], data[order]


class _Rows:
    """The rows of a block's numbers, looked up for some of them."""

    def __init__(self, indptr: NDArray[Any], start: int) -> None:
        self._indptr = indptr
        self._start = start

    def of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._indptr, places + self._start, side="right") - 1


def _blocks(
    matrix: sparse.csr_matrix,
) -> Iterator[tuple[_Rows, NDArray[np.int32], NDArray[Any]]]:
    for start in range(0, max(len(matrix.indices), 1), _NUMBERS_A_BLOCK):
        block = slice(start, start + _NUMBERS_A_BLOCK)
        yield _Rows(matrix.indptr, start), matrix.indices[block], matrix.data[block]
