"""The best candidates in plain NumPy: for small catalogues, which are done before the kernel loads.

A block of rows x candidates of scores is made at a time and cut down to each row's K best at once.
It reaches the kernel's results (``top_k``) to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from movie_assets.recommender.scoring import ScoringTask


def search(
    task: ScoringTask,
    *,
    block_bytes: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each row's K best candidates.

    Args:
        task: what to score.
        block_bytes: memory for one block of scores, of one row at least.
        progress: called with rows done and rows in all after each block.

    Returns:
        Indices and scores of shape (n_rows, k), -1 and 0 where there are fewer.
    """
    indices = np.full((task.n_rows, task.k), -1, dtype=np.int32)
    best = np.zeros((task.n_rows, task.k), dtype=np.float32)
    by_term = task.candidates.tocsc()
    lists = (by_term.indptr.tolist(), by_term.indices, by_term.data)
    step = max(1, block_bytes // (4 * max(1, task.n_candidates)))
    for start in range(0, task.n_rows, step):
        stop = min(start + step, task.n_rows)
        scores = _scores(task, lists, start, stop)
        rows, columns, ranks = _best(scores, task.k)
        indices[start + rows, ranks] = columns
        best[start + rows, ranks] = scores[rows, columns]
        if progress:
            progress(stop, task.n_rows)
    return indices, best


def _scores(
    task: ScoringTask,
    lists: tuple[list[int], NDArray[np.int32], NDArray[np.float32]],
    start: int,
    stop: int,
) -> NDArray[np.float32]:
    # One term at a time, so that no library's order of summation or fused multiplication comes in:
    # scipy's own product fuses on some processors and not on others.
    begins, members, weights = lists
    scores = np.zeros((stop - start, task.n_candidates), dtype=np.float32)
    for row, row_scores in enumerate(scores, start):
        terms = slice(task.rows.indptr[row], task.rows.indptr[row + 1])
        for term, weight in zip(task.rows.indices[terms], task.rows.data[terms], strict=True):
            members_of = slice(begins[term], begins[term + 1])
            row_scores[members[members_of]] += weight * weights[members_of]
    scores *= task.factors[task.row_codes[start:stop, None], task.candidate_codes]
    np.minimum(scores, task.ceiling, out=scores)
    excluding = np.flatnonzero(task.own[start:stop] >= 0)
    scores[excluding, task.own[start:stop][excluding]] = 0
    return scores


def _best(
    scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows, columns and ranks from 0 of the best positive scores, ties by column."""
    n_candidates = scores.shape[1]
    keep = scores > 0
    if n_candidates > k:
        # All ties of the K-th score are kept here and cut after the sort: else which of them
        # stays would be left to the partition.
        keep &= scores >= np.partition(scores, n_candidates - k, axis=1)[:, n_candidates - k, None]
    rows, columns = np.nonzero(keep)
    order = np.lexsort((columns, -scores[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    counts = np.bincount(rows, minlength=scores.shape[0])
    ranks = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = ranks < k
    return rows[first], columns[first], ranks[first]
