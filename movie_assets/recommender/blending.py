"""Blending: the best of what content and signals propose for each film, found by compiled code.

What belongs here: which films are the best by all parts together. What does not: the best by
content (``top_k``), and what a pair is told to be made of (``similar``).
Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled, csr, read_only
from movie_assets.recommender.top_k import LAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.ranking import Ranking
    from movie_assets.recommender.similar import Signal


def blend(
    matrix: sparse.csr_matrix,
    ranking: Ranking,
    signals: Sequence[Signal],
    asking: NDArray[np.int32],
    by_content: tuple[NDArray[np.int32], NDArray[np.float32]],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The K best of some films by content and signals; equal ones in the order of columns.

    Args:
        matrix: CSR float32 of shape (n_movies, n_terms); sorted indices.
        ranking: of these films.
        signals: what else goes into a score, at least one.
        asking: int32 of shape (n_rows,): the films.
        by_content: their K best by content: columns, -1 where there is none, and scores; of shape
            (n_rows, k) both.

    Raises:
        ValueError: as :func:`content_of_pairs`.

    Returns:
        Columns, int32, -1 where there are fewer, and their scores by content alone, float32, 0
        there; of shape (n_rows, k) both.
    """
    best, scores = (read_only(np.ascontiguousarray(part)) for part in by_content)
    lists = _Lists.of(signals, asking)
    columns, ends = np.empty(len(lists.columns), np.int32), np.zeros(len(asking) + 1, np.int64)
    count = _propose(read_only(asking), best, lists, read_only(ranking.prior), columns, ends)
    rows, columns = np.repeat(asking, np.diff(ends)), columns[:count]
    by_product = content_of_pairs(matrix, rows, columns)
    by_product *= ranking.closeness(rows, columns)
    by_product *= ranking.prior[columns]
    found, values = np.full(best.shape, -1, np.int32), np.zeros(best.shape, np.float32)
    _choose(best, scores, lists, (ends, columns, by_product), found, values)
    return found, values


def content_of_pairs(
    matrix: sparse.csr_matrix, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[np.float32]:
    """The likeness of content of pairs of films; float32 of shape (n_pairs,), in [0, 1].

    It is added up in the order of columns, as the kernel does.

    Raises:
        ValueError: where the indices are not sorted: terms would be missed without a word.
    """
    if not matrix.has_sorted_indices:
        raise ValueError("the matrix must have sorted indices")
    found = np.empty(len(rows), np.float32)
    _multiply(*csr(matrix), read_only(rows), read_only(columns), found)
    return found


class _Lists(NamedTuple):
    """What signals list for some films.

    Attributes:
        ends: int64 of shape (n_signals, n_rows + 1): of each signal, where each film's list begins
            and ends.
        columns: int32 of shape (n_entries,): of all lists.
        values: float32 of shape (n_entries,).
        shares: float64 of shape (n_signals,): of a score.
        of_content: the share of content.
    """

    ends: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    shares: NDArray[np.float64]
    of_content: float

    @classmethod
    def of(cls, signals: Sequence[Signal], asking: NDArray[np.int32]) -> _Lists:
        parts = [csr(signal.pairs[asking]) for signal in signals]
        sizes = [len(columns) for _, columns, _ in parts]
        begins = np.cumsum([0, *sizes])
        shares = [signal.share for signal in signals]
        return cls(
            np.stack([ends + begin for (ends, _, _), begin in zip(parts, begins, strict=False)]),
            np.concatenate([columns for _, columns, _ in parts]),
            np.concatenate([values for _, _, values in parts]),
            np.array(shares),
            1.0 - sum(shares),
        )


# From here on compiled.


@compiled
def _multiply(
    indptr: Any, terms: Any, weights: Any, rows: Any, columns: Any, found: NDArray[np.float32]
) -> None:
    """The inner product of two rows for each pair, 1 at most."""
    for pair in range(len(found)):
        left, left_end = indptr[rows[pair]], indptr[rows[pair] + 1]
        right, right_end = indptr[columns[pair]], indptr[columns[pair] + 1]
        total = np.float32(0)
        while left < left_end and right < right_end:
            one, another = terms[left], terms[right]
            if one == another:
                total += weights[left] * weights[right]
            left += one <= another
            right += another <= one
        found[pair] = min(total, np.float32(1))


@compiled
def _propose(
    asking: Any, best: Any, lists: Any, prior: Any, columns: NDArray[np.int32], ends: Any
) -> int:
    """The films that signals list and content does not, of each film after the other."""
    count = 0
    for i in range(len(asking)):
        for signal in range(len(lists.ends)):
            for entry in range(lists.ends[signal, i], lists.ends[signal, i + 1]):
                column = lists.columns[entry]
                if (
                    lists.values[entry] > 0
                    and prior[column] > 0
                    and column != asking[i]
                    and _place(best[i], column) < 0
                    and _place(columns[ends[i] : count], column) < 0
                ):
                    columns[count] = column
                    count += 1
        ends[i + 1] = count
    return count


@compiled
def _place(columns: Any, wanted: Any) -> int:
    """Where a column is among some, -1 where it is not."""
    for place in range(len(columns)):
        if columns[place] == wanted:
            return place
    return -1


@compiled
def _choose(
    best: Any, scores: Any, lists: Any, new: Any, found: NDArray[np.int32], values: Any
) -> None:
    """Of what content and signals propose for each film, the best."""
    ends, columns, by_product = new
    k, most = best.shape[1], 0
    for i in range(len(best)):
        most = max(most, ends[i + 1] - ends[i])
    proposed, by_content = np.empty(k + most, np.int32), np.empty(k + most, np.float32)
    totals, keys = np.empty(k + most, np.float64), np.empty(k + most, np.int64)
    for i in range(len(best)):
        count = 0
        while count < k and best[i, count] >= 0:
            proposed[count], by_content[count] = best[i, count], scores[i, count]
            count += 1
        for at in range(ends[i], ends[i + 1]):
            proposed[count], by_content[count] = columns[at], by_product[at]
            count += 1
        _weigh(lists, i, proposed[:count], by_content, totals)
        _sort(proposed[:count], totals, by_content, keys)
        for place in range(min(k, count)):
            found[i, place], values[i, place] = proposed[place], by_content[place]


@compiled
def _weigh(lists: Any, i: int, proposed: Any, by_content: Any, totals: Any) -> None:
    """The score of what is proposed for a film; see ``similar.scored``, which does the same."""
    shares = lists.of_content
    for place in range(len(proposed)):
        totals[place] = lists.of_content * np.float64(by_content[place])
    for signal in range(len(lists.ends)):
        begin, end = lists.ends[signal, i], lists.ends[signal, i + 1]
        if end > begin:
            # A film without such a list loses nothing by it.
            shares += lists.shares[signal]
        for entry in range(begin, end):
            place = _place(proposed, lists.columns[entry])
            if place >= 0:
                part = np.float32(lists.shares[signal]) * lists.values[entry]
                totals[place] += np.float64(part)
    for place in range(len(proposed)):
        totals[place] /= shares


@compiled
def _sort(proposed: Any, totals: Any, by_content: Any, keys: Any) -> None:
    """The best first; equals in the order of columns."""
    score = np.empty(1, np.float32)
    for place in range(len(proposed)):
        score[0] = totals[place]
        # No score is negative, so that its bits are in its order.
        key = np.int64(score.view(np.int32)[0]) << 32 | (LAST - proposed[place])
        column, value, at = proposed[place], by_content[place], place
        while at > 0 and keys[at - 1] < key:
            keys[at], proposed[at] = keys[at - 1], proposed[at - 1]
            by_content[at] = by_content[at - 1]
            at -= 1
        keys[at], proposed[at], by_content[at] = key, column, value
