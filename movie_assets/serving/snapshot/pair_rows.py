"""From the numbers of pairs' films to their rows, and whether pairs come as they must.

What belongs here: this one look over millions of pairs. What is said of those that do not come so
is for ``drafting``. Importing this module loads numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from movie_assets.recommender.inverted import compiled


@compiled
def place(
    movies: Any, others: Any, scores: Any, table: Any, first: int, last: Any, rows: Any, own: Any
) -> bool:
    """The rows of pairs' films, and of their neighbours.

    Args:
        movies: the number of each pair's film.
        others: of its neighbour.
        scores: of the pair.
        table: as of :class:`movie_assets.recommender.rows.RowsOfIds`.
        first: likewise.
        last: the row and the score of the pair before the first one.
        rows: the films' rows come here.
        own: those of the neighbours come here.

    Returns:
        False where a film is not there, or pairs do not come by film and best first.
    """
    last_row, last_score = last
    for i in range(len(movies)):
        film, other = np.int64(movies[i]) - first, np.int64(others[i]) - first
        if film < 0 or film >= len(table) or other < 0 or other >= len(table):
            return False
        row, neighbour, score = np.int64(table[film]), table[other], scores[i]
        if row < 0 or neighbour < 0 or row < last_row or (row == last_row and score > last_score):
            return False
        rows[i], own[i] = row, neighbour
        last_row, last_score = row, score
    return True
