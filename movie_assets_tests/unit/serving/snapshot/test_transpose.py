from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from movie_assets.serving.snapshot.transpose import transposed


def joined(
    matrix: sparse.csr_matrix, wanted: np.ndarray[Any, np.dtype[np.bool_]], numbers_a_block: int
) -> sparse.csr_matrix:
    parts = zip(*transposed(matrix, wanted, numbers_a_block), strict=True)
    indptr, indices, data = (np.concatenate(part) for part in parts)
    assert data.dtype == matrix.dtype
    return sparse.csr_matrix((data, indices, indptr), (matrix.shape[1], wanted.sum()))


@pytest.mark.parametrize("shape", [(1, 1), (30, 7), (7, 30), (5, 60), (60, 5)])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("block", [1, 10, 10_000])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_is_the_transpose_of_the_wanted_rows_whatever_the_blocks(
    shape: tuple[int, int], density: float, block: int, share: float
) -> None:
    random = np.random.default_rng(1)
    matrix = sparse.random(*shape, density, "csr", np.float32, random)
    wanted = random.random(shape[0]) < share
    found = joined(matrix, wanted, block)
    expected = matrix[wanted].T.tocsr()
    expected.sort_indices()
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.data, expected.data)


def test_without_columns_there_is_the_first_end() -> None:
    nothing = sparse.csr_matrix((3, 0), dtype=np.float32)
    [(indptr, indices, data)] = transposed(nothing, np.ones(3, np.bool_))
    assert indptr.tolist() == [0]
    assert len(indices) == len(data) == 0
