"""Incremental: the best candidates after some films changed, exactly as a rebuild would find them.

A row that stayed the same keeps the scores of candidates that stayed the same, to the last bit. So
only changed rows are scored against all candidates, and all rows against changed candidates.

Where a candidate of a row's list changed for the worse or went, one that was never kept could take
its place. Lists therefore go on for some places after the K that are asked for. A candidate that
was outside the list cannot be above its last entry; so whatever stands above that is in its right
place, and only rows with fewer than K such entries are searched again.

What belongs here: lists that can be updated. What does not: which films are the same (``changes``),
how candidates are searched (``top_k``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from movie_assets.recommender import neighbours
from movie_assets.recommender.scoring import scoring_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from movie_assets.recommender.scoring import PairCodes, ScoringTask

#: Places after the K-th. If every day another film stands in the place of 1 % of them, none but
#: these is searched again for two weeks, and after six 0.2 % of the rows a day.
MARGIN = 14


@dataclass(frozen=True)
class Lists:
    """Each row's best candidates, and some more than are asked for.

    Attributes:
        k: how many are asked for.
        indices: int32 of shape (n_rows, k + margin): the first candidates in the order of a full
            search, K at least where a row has as many, then -1.
        scores: float32 of the same shape, 0 where there is no candidate.
        whole: bool of shape (n_rows,): no other candidate has a positive score.
    """

    k: int
    indices: NDArray[np.int32]
    scores: NDArray[np.float32]
    whole: NDArray[np.bool_]

    @classmethod
    def of(cls, k: int, found: tuple[NDArray[np.int32], NDArray[np.float32]]) -> Lists:
        """What a full search for K + margin candidates has found, on one machine or on many.

        Raises:
            ValueError: where fewer than K were searched for.
        """
        indices, scores = found
        if not 1 <= k <= indices.shape[1]:
            raise ValueError(f"k must be from 1 to the {indices.shape[1]} searched for, not {k}")
        return cls(k, indices, scores, indices[:, -1] < 0)

    @property
    def best(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Indices and scores of shape (n_rows, k), as ``neighbours.top_k`` gives them."""
        return self.indices[:, : self.k], self.scores[:, : self.k]


class Before(NamedTuple):
    """Where each row and each candidate stood when the lists were made.

    A row is the same where its weights, its code and the candidate that it must not get are; a
    candidate where its weights, its prior and its code are. Removed ones are named by nobody.

    Attributes:
        rows: integers of shape (n_rows,), -1 where the row is new or not the same.
        candidates: integers of shape (n_candidates,), -1 where it is new or not the same.
    """

    rows: ArrayLike
    candidates: ArrayLike


def update(  # noqa: PLR0913 - four are asked for, the others are top_k's options
    lists: Lists,
    rows: sparse.csr_matrix,
    candidates: sparse.csr_matrix,
    before: Before,
    *,
    prior: ArrayLike | None = None,
    exclude_self: bool | ArrayLike = False,
    pair_codes: PairCodes | None = None,
    ceiling: float = np.inf,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Lists:
    """Renew lists after changes: their best are those of ``neighbours.top_k``, to the last bit.

    Args:
        lists: as they were.
        rows: as they are now, all of them; their columns in the same order as before. Terms may be
            new, as long as old ones keep their order and weights.
        candidates: as they are now, all of them.
        before: what of it is the same as when the lists were made.
        prior: as for ``top_k``, and so the following. The factors of pairs and the ceiling must be
            the same as before.
        exclude_self: each row's own candidate.
        pair_codes: a factor a pair.
        ceiling: the largest score.
        threads: how many.
        progress: called with rows done and rows in all, of which there are more once it is known
            which have to be searched again.

    Raises:
        ValueError: as ``top_k``; or where ``before`` does not fit.
    """
    width = lists.indices.shape[1]
    task = scoring_task(
        rows,
        candidates,
        width,
        prior=prior,
        exclude_self=exclude_self,
        pair_codes=pair_codes,
        ceiling=ceiling,
    )
    rows_before, candidates_before = _checked(before, task, lists)
    if not task.takes_more_than(neighbours.KERNEL_FROM):
        # So few are sooner searched than the kernel is loaded.
        return Lists.of(lists.k, neighbours.search(task, threads=threads, progress=progress))
    # numba takes a fifth of a second to import, which small catalogues save.
    from movie_assets.recommender import top_k as kernel  # noqa: PLC0415
    from movie_assets.recommender.kept import kept  # noqa: PLC0415

    indices, scores = kernel.search(
        replace(task, candidates=_only(task.candidates, candidates_before < 0)),
        known=kept(lists, rows_before, candidates_before),
        threads=threads,
        progress=progress,
    )
    whole = (rows_before >= 0) & (indices[:, -1] < 0)
    whole[whole] = lists.whole[rows_before[whole]]
    again = np.flatnonzero(~whole & (indices[:, lists.k - 1] < 0))

    def report(done: int, of: int) -> None:
        if progress:
            progress(len(indices) + done, len(indices) + of)

    if len(again):
        indices[again], scores[again] = kernel.search(
            _rows_of(task, again), threads=threads, progress=report
        )
        whole[again] = indices[again, -1] < 0
    return Lists(lists.k, indices, scores, whole)


def _checked(
    before: Before, task: ScoringTask, lists: Lists
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, candidates = (np.asarray(places, dtype=np.int64) for places in before)
    if rows.shape != (task.n_rows,) or candidates.shape != (task.n_candidates,):
        raise ValueError(
            f"before must name {task.n_rows} rows and {task.n_candidates} candidates, "
            f"not {rows.shape} and {candidates.shape}"
        )
    if rows.max(initial=-1) >= len(lists.indices):
        raise ValueError(f"before names row {rows.max()} of {len(lists.indices)}")
    if np.bincount(candidates[candidates >= 0]).max(initial=0) > 1:
        raise ValueError("before names a candidate twice")
    return rows, candidates


def _only(matrix: sparse.csr_matrix, chosen: NDArray[np.bool_]) -> sparse.csr_matrix:
    """The matrix with nothing in the rows that are not chosen."""
    sizes = np.diff(matrix.indptr)
    entries = np.repeat(chosen, sizes)
    indptr = np.concatenate([[0], np.cumsum(np.where(chosen, sizes, 0))])
    return sparse.csr_matrix((matrix.data[entries], matrix.indices[entries], indptr), matrix.shape)


def _rows_of(task: ScoringTask, chosen: NDArray[np.int64]) -> ScoringTask:
    return replace(
        task, rows=task.rows[chosen], own=task.own[chosen], row_codes=task.row_codes[chosen]
    )
