"""Neighbours: for each row of a feature matrix the K rows most like it, exactly.

No n x n matrix is ever held: the product is made block by block and each block is cut down to its
K best at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.features import MovieFeatures

    Ints = NDArray[np.int32]
    Floats = NDArray[np.float32]

#: A block of scores, rows x candidates in float32, takes at most this many bytes.
BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Neighbours:
    """Pairs of films, one a row of each array; by film, then by rank.

    Attributes:
        rows: int32 of shape (n_pairs,): index of the film among the features' rows.
        columns: int32 of shape (n_pairs,): index of its neighbour among the features' rows.
        ranks: int32 of shape (n_pairs,): 1 for the nearest.
        scores: float32 of shape (n_pairs,), in (0, 1]: cosine similarity.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    ranks: NDArray[np.int32]
    scores: NDArray[np.float32]


def nearest_neighbours(
    features: MovieFeatures,
    k: int,
    *,
    block_bytes: int = BLOCK_BYTES,
    progress: Callable[[int, int], None] | None = None,
) -> Neighbours:
    """Find each film's K nearest candidates by cosine similarity, the film itself excluded.

    A candidate with which a film shares no term is no neighbour, so a film can have fewer than K.
    Equal scores are ordered by film id, so the result depends on nothing but the features.

    Args:
        features: rows of length 1 or 0; the candidates among them are marked.
        k: the most neighbours a film gets, at least 1.
        block_bytes: memory for one block of scores.
        progress: called with films done and films in all after each block.

    Raises:
        ValueError: where k is less than 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    candidates = np.flatnonzero(features.is_candidate).astype(np.int32)
    transposed = features.matrix[candidates].T.tocsc()
    n_rows = features.matrix.shape[0]
    step = max(1, block_bytes // (4 * max(1, len(candidates))))
    parts: list[tuple[Ints, Ints, Ints, Floats]] = []
    for start in range(0, max(n_rows, 1), step):  # no films make one block without rows
        stop = min(start + step, n_rows)
        block = _block_scores(features.matrix, transposed, candidates, start, stop)
        parts.append(_top_k(block, candidates, k, first_row=start))
        if progress:
            progress(stop, n_rows)
    rows, columns, ranks, scores = zip(*parts, strict=True)
    return Neighbours(
        rows=np.concatenate(rows),
        columns=np.concatenate(columns),
        ranks=np.concatenate(ranks),
        scores=np.concatenate(scores),
    )


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


def _block_scores(
    matrix: sparse.csr_matrix,
    transposed: sparse.csc_matrix,
    candidates: NDArray[np.int32],
    start: int,
    stop: int,
) -> NDArray[np.float32]:
    scores = (matrix[start:stop] @ transposed).toarray()
    # Rows of length 1 in float32 can give a product a little above 1.
    np.clip(scores, 0.0, 1.0, out=scores)
    itself = np.searchsorted(candidates, np.arange(start, stop))
    inside = itself < len(candidates)
    inside[inside] = candidates[itself[inside]] == np.arange(start, stop)[inside]
    scores[np.flatnonzero(inside), itself[inside]] = 0.0
    return np.asarray(scores)


def _top_k(
    scores: NDArray[np.float32], candidates: NDArray[np.int32], k: int, first_row: int
) -> tuple[Ints, Ints, Ints, Floats]:
    n_candidates = scores.shape[1]
    if n_candidates > k:
        # All ties of the K-th score are kept here and cut after the sort: else which of them
        # stays would be left to the partition.
        threshold = np.partition(scores, n_candidates - k, axis=1)[:, n_candidates - k, None]
        keep = (scores >= threshold) & (scores > 0)
    else:
        keep = scores > 0
    rows, columns = np.nonzero(keep)
    values = scores[rows, columns]
    order = np.lexsort((columns, -values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    counts = np.bincount(rows, minlength=scores.shape[0])
    ranks = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    best = ranks <= k
    return (
        (rows[best] + first_row).astype(np.int32),
        candidates[columns[best]],
        ranks[best].astype(np.int32),
        values[best],
    )
