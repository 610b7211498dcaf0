"""The transpose of some rows of a sparse matrix, a block at a time.

What belongs here: this one function. The matrix may be mapped from a file, and is never held whole.
Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from movie_assets.recommender.inverted import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy import sparse

_NUMBERS_A_BLOCK = 8_000_000


def transposed(
    matrix: sparse.csr_matrix,
    wanted: NDArray[np.bool_],
    numbers_a_block: int = _NUMBERS_A_BLOCK,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]]:
    """The CSR of the transpose of the wanted rows, in blocks of rows one after the other.

    A block takes one pass over the matrix; there are as many as it has ``numbers_a_block`` numbers.

    Args:
        matrix: CSR of shape (n_rows, n_columns).
        wanted: of shape (n_rows,): the rows that are columns of the transpose.
        numbers_a_block: how many numbers a block has at most, but for a column that has more.

    Yields:
        The next part of ``indptr``, the first one from its 0 on, and of ``indices``, which are
        places among the wanted rows and ascend in each row, and ``data``.
    """
    indptr = np.zeros(matrix.shape[1] + 1, np.int64)
    _count(matrix.indptr, matrix.indices, wanted, indptr)
    np.cumsum(indptr, out=indptr)
    yield indptr[:1], np.zeros(0, np.int32), matrix.data[:0]
    start = 0
    while start < matrix.shape[1]:
        stop = int(np.searchsorted(indptr, indptr[start] + numbers_a_block, side="right")) - 1
        stop = max(stop, start + 1)
        places = indptr[start:stop] - indptr[start]
        size = int(indptr[stop] - indptr[start])
        rows, data = np.empty(size, np.int32), np.empty(size, matrix.dtype)
        _scatter(matrix.indptr, matrix.indices, matrix.data, wanted, start, places, rows, data)
        yield indptr[start + 1 : stop + 1], rows, data
        start = stop


@compiled
def _count(indptr: Any, indices: Any, wanted: Any, counts: Any) -> None:
    """How many numbers each column has, one place further on."""
    for row in range(len(indptr) - 1):
        if wanted[row]:
            for i in range(indptr[row], indptr[row + 1]):
                counts[indices[i] + 1] += 1


@compiled
def _scatter(
    indptr: Any,
    indices: Any,
    values: Any,
    wanted: Any,
    start: int,
    places: Any,
    rows: Any,
    data: Any,
) -> None:
    """Put the numbers of some columns, from ``start`` on, where ``places`` say theirs begin."""
    stop, n_wanted = start + len(places), 0
    for row in range(len(indptr) - 1):
        if not wanted[row]:
            continue
        among_wanted = n_wanted
        n_wanted += 1
        for i in range(indptr[row], indptr[row + 1]):
            column = indices[i]
            if start <= column < stop:
                place = places[column - start]
                places[column - start] = place + 1
                rows[place] = among_wanted
                data[place] = values[i]
