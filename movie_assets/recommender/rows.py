"""From TMDB's numbers to rows, millions of them at a time.

What belongs here: the look-up alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A table with a place for every number is ten times as fast as a search, and is made where it has
#: at most so many places a film. TMDB has numbered some 1.5 films for each that it still has.
_PLACES_A_FILM = 16
_PLACES = 1_000_000


class RowsOfIds:
    """The rows of films.

    Args:
        movie_ids: integers of shape (n_films,), ascending, each once.

    Attributes:
        first: the first of them; 0 where there is none.
        table: int32, of the numbers from the first one to the last: the row, -1 where there is no
            film of that number; None where there are no films, or few among their numbers.
    """

    def __init__(self, movie_ids: NDArray[Any]) -> None:
        self._ids = movie_ids
        self.table: NDArray[np.int32] | None = None
        self.first = 0
        if len(movie_ids):
            self.first = int(movie_ids[0])
            places = int(movie_ids[-1]) - self.first + 1
            if places <= _PLACES_A_FILM * len(movie_ids) + _PLACES:
                self.table = np.full(places, -1, np.int32)
                self.table[movie_ids - self.first] = np.arange(len(movie_ids), dtype=np.int32)

    def of(self, wanted: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each film, -1 for one that is not there; int64 of the same shape."""
        if not len(self._ids):
            return np.full(len(wanted), -1, np.int64)
        if self.table is None:
            places = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
            return np.where(self._ids[places] == wanted, places, -1)
        places = wanted.astype(np.int64) - self.first
        outside = (places < 0) | (places >= len(self.table))
        if outside.any():
            places[outside] = 0
            return np.where(outside, np.int64(-1), self.table[places])
        return self.table[places].astype(np.int64)
