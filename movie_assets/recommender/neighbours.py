"""Neighbours: for each row of one matrix the K rows of another with the best scores, exactly.

No n x n matrix is ever held: the product is made part by part and each part is cut down to its K
best at once, by plain NumPy (``blocks``) or the compiled kernel (``top_k``), whichever is sooner
done. Both give the same result to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender import blocks
from movie_assets.recommender.scoring import ScoringTask, scoring_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray
    from scipy import sparse

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.scoring import PairCodes

#: A block of scores, rows x candidates in float32, takes at most this many bytes.
BLOCK_BYTES = 64 * 2**20

#: From so many multiplications on (about 5,500 films) the kernel is worth loading: NumPy then takes
#: two seconds, the kernel half a second, and once on a machine eight more to compile.
KERNEL_FROM = 3e7


def top_k(  # noqa: PLR0913 - three are asked for, the others are options
    rows: sparse.csr_matrix,
    candidates: sparse.csr_matrix,
    k: int,
    *,
    prior: ArrayLike | None = None,
    exclude_self: bool | ArrayLike = False,
    pair_codes: PairCodes | None = None,
    ceiling: float = np.inf,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find each row's K candidates with the largest inner product, exactly.

    Equal scores are ordered by candidate. Each row's result depends on that row and the candidates
    alone: neither on threads nor on the other rows, to the last bit. Ctrl-C is heard within some
    seconds, and nothing of the result is then given.

    Args:
        rows: CSR float32 of shape (n_rows, n_terms), nothing negative.
        candidates: CSR float32 of shape (n_candidates, n_terms), nothing negative.
        k: the most candidates a row gets, at least 1.
        prior: one factor a candidate, at least 0, by which its scores are multiplied; a candidate
            with 0 is nobody's.
        exclude_self: True where row i is candidate i and must not get itself; or integers of shape
            (n_rows,), each row's own candidate, -1 where it is none.
        pair_codes: a factor in [0, 1] a pair of row and candidate, looked up from a small code of
            each: codes of shape (n_rows,), codes of shape (n_candidates,), and the table of
            factors, row codes x candidate codes.
        ceiling: larger scores count as this one, before they are ranked.
        threads: how many; None for as many as this process has processors. A small task is done in
            the calling thread.
        progress: called in the calling thread with rows done and rows in all, now and then.

    Returns:
        Indices of candidates, int32 of shape (n_rows, k), and scores, float32 of the same shape,
        the best first; -1 and 0 where a row has fewer than K positive scores.

    Raises:
        ValueError: where weights, prior or factors are negative or not finite, shapes do not fit,
            or scores would be beyond float32.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    task = scoring_task(
        rows,
        candidates,
        k,
        prior=prior,
        exclude_self=exclude_self,
        pair_codes=pair_codes,
        ceiling=ceiling,
    )
    return search(task, threads=threads, progress=progress)


def search(
    task: ScoringTask,
    *,
    block_bytes: int = BLOCK_BYTES,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Do a checked task by whichever way is sooner done; as :func:`top_k`."""
    if not task.takes_more_than(KERNEL_FROM):
        return blocks.search(task, block_bytes=block_bytes, progress=progress)
    # numba takes a fifth of a second to import, which small catalogues and the command line save.
    from movie_assets.recommender import top_k as kernel  # noqa: PLC0415

    return kernel.search(task, threads=threads, progress=progress)


def count_positive(features: MovieFeatures, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many candidates share a term with each of the given rows, themselves excluded.

    Returns:
        int64 of shape (len(rows),).
    """
    candidates = np.flatnonzero(features.is_candidate)
    product = features.matrix[rows] @ features.matrix[candidates].T
    positive = np.asarray((product > 0).sum(axis=1)).ravel().astype(np.int64)
    has_itself = features.is_candidate[rows] & (np.diff(features.matrix.indptr)[rows] > 0)
    return np.asarray(positive - has_itself)
