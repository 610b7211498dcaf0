"""What is to be scored: two matrices, what else goes into a score, all of it checked once.

The score of a row and a candidate, which every way of finding the best must reach to the last bit:

1. each weight of the candidate times the candidate's prior, rounded to float32;
2. times the row's weight of the same term, rounded;
3. added up over the row's terms in the order of their columns, rounding each sum;
4. times the factor of the pair, rounded; and not more than the ceiling.

What belongs here: that meaning, and the refusal of what has none. What does not: how the best are
found (``blocks`` and ``top_k``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    #: Row codes, candidate codes, and the factor of each pair of codes.
    PairCodes = tuple[ArrayLike, ArrayLike, ArrayLike]

_LARGEST = float(np.finfo(np.float32).max)
#: Where there are millions of weights, each is multiplied more often than this.
_PRODUCTS_A_WEIGHT = 10


@dataclass(frozen=True)
class ScoringTask:
    """Rows and candidates, ready to be scored.

    Attributes:
        rows: CSR float32 of shape (n_rows, n_terms), columns ascending within a row.
        candidates: CSR float32 of shape (n_candidates, n_terms), times the prior.
        k: how many candidates a row gets at most.
        has_prior: whether the candidates differ in what they can reach.
        own: int32 of shape (n_rows,): the candidate that a row must not get, -1 for none.
        row_codes: int32 of shape (n_rows,).
        candidate_codes: int32 of shape (n_candidates,).
        factors: float32 in [0, 1], indexed by row code and candidate code.
        ceiling: no score is more.
    """

    rows: sparse.csr_matrix
    candidates: sparse.csr_matrix
    k: int
    has_prior: bool
    own: NDArray[np.int32]
    row_codes: NDArray[np.int32]
    candidate_codes: NDArray[np.int32]
    factors: NDArray[np.float32]
    ceiling: np.float32

    @property
    def n_rows(self) -> int:
        """How many rows ask for candidates."""
        return int(self.rows.shape[0])

    @property
    def n_candidates(self) -> int:
        """How many candidates there are."""
        return int(self.candidates.shape[0])

    def takes_more_than(self, multiplications: float) -> bool:
        """Whether the scores of all pairs are made of more products of two weights than these."""
        # To count them takes seconds where there are millions of weights; each is then in many.
        if min(self.rows.nnz, self.candidates.nnz) * _PRODUCTS_A_WEIGHT > multiplications:
            return True
        n_terms = self.rows.shape[1]
        in_rows = np.bincount(self.rows.indices, minlength=n_terms).astype(np.float64)
        in_candidates = np.bincount(self.candidates.indices, minlength=n_terms)
        return bool(in_rows @ in_candidates > multiplications)


def scoring_task(
    rows: sparse.csr_matrix,
    candidates: sparse.csr_matrix,
    k: int,
    *,
    prior: ArrayLike | None = None,
    exclude_self: bool | ArrayLike = False,
    pair_codes: PairCodes | None = None,
    ceiling: float = np.inf,
) -> ScoringTask:
    """Check what :func:`movie_assets.recommender.neighbours.top_k` was given.

    Raises:
        ValueError: where something cannot be scored; it says which and why.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if not ceiling > 0:
        raise ValueError(f"the ceiling must be more than 0, not {ceiling}")
    rows, candidates = _checked(rows, "rows"), _checked(candidates, "candidates")
    if rows.shape[1] != candidates.shape[1]:
        raise ValueError(
            f"rows have {rows.shape[1]} columns and candidates {candidates.shape[1]}: "
            "both need the same terms"
        )
    n_rows, n_candidates = rows.shape[0], candidates.shape[0]
    codes = pair_codes if pair_codes is not None else _same_code(n_rows, n_candidates)
    row_codes, candidate_codes, factors = _checked_codes(codes, n_rows, n_candidates)
    task = ScoringTask(
        rows=rows,
        candidates=candidates if prior is None else _times(candidates, prior),
        k=k,
        has_prior=prior is not None,
        own=_own(exclude_self, n_rows, n_candidates),
        row_codes=row_codes,
        candidate_codes=candidate_codes,
        factors=factors,
        ceiling=np.float32(ceiling),
    )
    _refuse_overflow(task)
    return task


def _checked(matrix: sparse.csr_matrix, name: str) -> sparse.csr_matrix:
    if not sparse.issparse(matrix) or matrix.format != "csr" or matrix.dtype != np.float32:
        raise ValueError(f"{name} must be a scipy CSR matrix of float32")
    if not _finite_and_not_negative(matrix.data):
        raise ValueError(f"{name} has negative or non-finite weights, which have no score")
    if not matrix.has_canonical_format:
        # The sums go by columns, and the caller's matrix is not ours to sort.
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def _finite_and_not_negative(values: NDArray[np.float32]) -> bool:
    # A NaN makes the minimum NaN, and no comparison with it is true.
    return values.size == 0 or bool(values.min() >= 0 and values.max() <= _LARGEST)


def _times(candidates: sparse.csr_matrix, prior: ArrayLike) -> sparse.csr_matrix:
    factors = np.asarray(prior, dtype=np.float32)
    if factors.shape != (candidates.shape[0],):
        raise ValueError(
            f"prior must have one factor a candidate, {candidates.shape[0]}, not {factors.shape}"
        )
    if not _finite_and_not_negative(factors):
        raise ValueError("prior has negative or non-finite factors")
    with np.errstate(over="ignore"):
        data = candidates.data * np.repeat(factors, np.diff(candidates.indptr))
    return sparse.csr_matrix((data, candidates.indices, candidates.indptr), candidates.shape)


def _own(exclude_self: bool | ArrayLike, n_rows: int, n_candidates: int) -> NDArray[np.int32]:
    if isinstance(exclude_self, bool):
        if exclude_self and n_rows != n_candidates:
            raise ValueError(
                f"{n_rows} rows are not {n_candidates} candidates: to exclude, give each row's own "
                "candidate, -1 for none"
            )
        return np.arange(n_rows, dtype=np.int32) if exclude_self else np.full(n_rows, -1, np.int32)
    return _integers(exclude_self, n_rows, "exclude_self", least=-1, most=n_candidates - 1)


def _same_code(n_rows: int, n_candidates: int) -> PairCodes:
    return np.zeros(n_rows, np.int32), np.zeros(n_candidates, np.int32), np.ones((1, 1))


def _checked_codes(
    pair_codes: PairCodes, n_rows: int, n_candidates: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    row_codes, candidate_codes, table = pair_codes
    factors = np.ascontiguousarray(table, dtype=np.float32)
    if factors.ndim != 2 or not factors.size:
        raise ValueError("the factors of pair_codes must be a table, row codes x candidate codes")
    if not (factors.min() >= 0 and factors.max() <= 1):
        raise ValueError("the factors of pair_codes must be within [0, 1]")
    most = [size - 1 for size in factors.shape]
    return (
        _integers(row_codes, n_rows, "the row codes", least=0, most=most[0]),
        _integers(candidate_codes, n_candidates, "the candidate codes", least=0, most=most[1]),
        factors,
    )


def _integers(
    values: ArrayLike, length: int, name: str, *, least: int, most: int
) -> NDArray[np.int32]:
    array = np.asarray(values)
    if array.shape != (length,) or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must be {length} integers")
    if array.size and (array.min() < least or array.max() > most):
        raise ValueError(f"{name} must be from {least} to {most}")
    return np.ascontiguousarray(array, dtype=np.int32)


def _refuse_overflow(task: ScoringTask) -> None:
    """Refuse weights so large that a score could be infinite in float32."""
    most = [
        float(matrix.data.max(initial=0)) * int(np.diff(matrix.indptr).max(initial=0)) ** 0.5
        for matrix in (task.rows, task.candidates)
    ]
    # Half leaves room for rounding; not-less-than catches the prior's overflow as well.
    if not most[0] * most[1] < _LARGEST / 2 or most[1] == np.inf:
        raise ValueError("weights and prior are so large that a score could overflow float32")
