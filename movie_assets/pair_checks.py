"""What is wrong with the stored pairs of films, counted in one pass over all of them.

What belongs here: the counting. Which checks it is for, and what they are called, is in
``catalogue_checks``. As queries, one a check, the same takes ten times as long: each has to sort or
gather fifty million rows by film, which here only find their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender.rows import RowsOfIds
from movie_assets.recommender.threads import in_threads, processors

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

_ROWS_A_BATCH, _FILMS_A_BLOCK = 200_000, 20_000
#: Of a place in a list that no pair has; no film has such a number.
_NONE = np.iinfo(np.int32).min


@dataclass(frozen=True)
class WrongPairs:
    """How many pairs, or films, are wrong in which way.

    Attributes:
        unknown: pairs one of whose films is not in movies_table.
        incomplete: films with fewer neighbours than there are films to be one, or with too many.
        ranks: films whose ranks do not run from 1 without gaps.
        scores: films with a score beyond [0, 1], or larger than that of the rank before.
        names: films that are their own neighbour, or have one twice.
    """

    unknown: int
    incomplete: int
    ranks: int
    scores: int
    names: int


def count_wrong_pairs(connection: duckdb.DuckDBPyConnection, k: int) -> WrongPairs:
    """Look over similarity_matrix.

    Takes 8 bytes a place in memory, of which there are k a film.

    Args:
        connection: to the warehouse.
        k: how many neighbours a film has at most.
    """
    films = connection.sql("SELECT id, vote_count > 0 AS seen FROM movies_table").to_arrow_table()
    order = np.argsort(films["id"].to_numpy())
    ids, seen = (films[name].to_numpy()[order] for name in ("id", "seen"))
    lists = _Lists.empty(ids, k)
    unknown = 0
    pairs = connection.sql("SELECT movie_id, rank, neighbour_id, score FROM similarity_matrix")
    for batch in pairs.to_arrow_reader(_ROWS_A_BATCH):
        unknown += lists.take(*(column.to_numpy(zero_copy_only=False) for column in batch.columns))
    # Every film shares a term with every other one, so that it has as many neighbours as there are
    # films with votes beside it.
    wanted = np.minimum(k, np.count_nonzero(seen) - seen.astype(np.int64))
    incomplete = np.count_nonzero((lists.counts < wanted) | (lists.counts > k))
    return WrongPairs(unknown, int(incomplete), *lists.wrong())


@dataclass(frozen=True)
class _Lists:
    """Films' neighbours and scores by place, which is the rank less 1.

    Attributes:
        rows: of the films.
        ids: integers of shape (n_films,), ascending.
        neighbours: int32 of shape (n_films, k).
        scores: float32 of shape (n_films, k).
        counts: int64 of shape (n_films,): how many pairs were taken, also those without a place.
    """

    rows: RowsOfIds
    ids: NDArray[np.int32]
    neighbours: NDArray[np.int32]
    scores: NDArray[np.float32]
    counts: NDArray[np.int64]

    @classmethod
    def empty(cls, ids: NDArray[np.int32], k: int) -> _Lists:
        shape = len(ids), k
        return cls(
            RowsOfIds(ids),
            ids,
            np.full(shape, _NONE, np.int32),
            np.zeros(shape, np.float32),
            np.zeros(len(ids), np.int64),
        )

    def take(
        self,
        movies: NDArray[np.int32],
        ranks: NDArray[np.int32],
        neighbours: NDArray[np.int32],
        scores: NDArray[np.float32],
    ) -> int:
        """Lay some pairs down; how many are of films that are not there."""
        rows, k = self.rows.of(movies), self.neighbours.shape[1]
        known = rows >= 0
        if known.any():
            first = rows[known].min()
            counts = np.bincount(rows[known] - first)
            self.counts[first : first + len(counts)] += counts
        unknown = np.count_nonzero(~known | (self.rows.of(neighbours) < 0))
        placed = known & (ranks >= 1) & (ranks <= k)
        if not placed.all():
            rows, ranks, neighbours, scores = (
                values[placed] for values in (rows, ranks, neighbours, scores)
            )
        at = rows * k + (ranks - 1)
        self.neighbours.reshape(-1)[at], self.scores.reshape(-1)[at] = neighbours, scores
        return int(unknown)

    def wrong(self) -> tuple[int, int, int]:
        """How many films have wrong ranks, scores and names."""
        starts = range(0, len(self.ids), _FILMS_A_BLOCK)
        found = np.zeros((len(starts), 3), np.int64)

        def look(start: int) -> int:
            block = slice(start, start + _FILMS_A_BLOCK)
            found[start // _FILMS_A_BLOCK] = self._wrong_in(block)
            return len(self.ids[block])

        in_threads(look, starts, processors(), len(self.ids), None)
        gaps, scores, names = found.sum(axis=0).tolist()
        return gaps, scores, names

    def _wrong_in(self, block: slice) -> list[int]:
        """The same, of some films."""
        names, scores = self.neighbours[block], self.scores[block]
        places = np.arange(names.shape[1])
        there = names != _NONE
        # Of two pairs with one rank only one is there, and so the last place is not.
        gaps = there != (places < self.counts[block, None])
        # Not the opposite of it: a NaN would pass.
        right = (scores >= 0) & (scores <= 1)
        right[:, 1:] &= (scores[:, 1:] <= scores[:, :-1]) | ~there[:, :-1]
        in_order = np.sort(names, axis=1)
        twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] != _NONE)
        own = names == self.ids[block, None]
        wrong = (
            gaps.any(axis=1) | (self.counts[block] > len(places)),
            (there & ~right).any(axis=1),
            own.any(axis=1) | twice.any(axis=1),
        )
        return [int(np.count_nonzero(films)) for films in wrong]
