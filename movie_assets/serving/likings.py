"""Likings: from what somebody says of films to a taste that films are found for.

What belongs here: which sayings count, and how much. What does not: which films they are about
(``imports``, the API), and what is found for them (``recommender.query``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender.query import EmptyTasteError, Taste

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from movie_assets.recommender.weights import Weights

#: So many films of a taste speak at most, those that count most; more have only been seen. The work
#: grows with their number, and of dated ratings the two-hundredth counts one part in a hundred.
MOST_SPEAKING = 200
#: Stars that say as much as "liked" and "disliked".
_LIKED, _DISLIKED, _SEEN = 5.0, 1.0, 3.0
_STARS = (0.0, 5.0)


class TasteError(ValueError):
    """A taste cannot be made sense of: numbers that are none, films that are not there."""


@dataclass(frozen=True)
class Liking:
    """What somebody says of one film.

    Attributes:
        row: of the film.
        value: above 0 for a film that they liked, below for one that they did not, 0 for one that
            they have only seen; None where stars say it.
        stars: 0 to 5, as they rated it; from 4 on it is liked, up to 2.5 disliked.
        at: when, in any unit, the younger the larger; None where it is unknown.
    """

    row: int
    value: float | None = None
    stars: float | None = None
    at: float | None = None


def taste_of(
    likings: Sequence[Liking], seen: Sequence[int], weights: Weights, n_films: int
) -> Taste:
    """The taste of somebody.

    What they say without a time counts as their latest word where it is no rating, and as old as
    their oldest where it is one. Of a film that was rated more than once the latest rating counts.

    Args:
        likings: what they say.
        seen: rows of films that are not to be recommended, beside those of the likings.
        weights: what a dislike counts, and how fast ratings age.
        n_films: how many there are.

    Raises:
        EmptyTasteError: where they like nothing.
        TasteError: where a number is none, a film is not there, or is both liked and disliked.
    """
    rows = np.array([_row(liking.row, n_films) for liking in likings], dtype=np.int32)
    stars = [_stars(liking) for liking in likings]
    _refuse_contradictions(likings)
    taste = Taste.of_ratings(rows, stars, weights, _times(likings))
    if not (taste.values > 0).any():
        raise EmptyTasteError("Name at least one film that you like, or rated 4 stars or more.")
    return Taste(
        taste.films,
        _loudest(taste),
        np.array([_row(row, n_films) for row in seen], dtype=np.int32),
        taste.recent,
    )


def _row(row: int, n_films: int) -> int:
    if not 0 <= row < n_films:
        raise TasteError(f"There is no film in row {row}.")
    return row


def _stars(liking: Liking) -> float:
    if liking.value is not None:
        if not math.isfinite(liking.value):
            raise TasteError(f"What is said of a film must be a number, not {liking.value}.")
        return _LIKED if liking.value > 0 else _DISLIKED if liking.value < 0 else _SEEN
    if liking.stars is None:
        return _SEEN
    if not _STARS[0] <= liking.stars <= _STARS[1]:  # NaN is not within either
        raise TasteError(f"Stars must be from 0 to 5, not {liking.stars}.")
    return liking.stars


def _times(likings: Sequence[Liking]) -> list[float] | None:
    known = [liking.at for liking in likings if liking.at is not None]
    if not known:
        return None
    if not all(map(math.isfinite, known)):
        raise TasteError("The time of a rating must be a number.")
    oldest, latest = min(known), max(known)
    return [
        liking.at if liking.at is not None else oldest if liking.value is None else latest
        for liking in likings
    ]


def _refuse_contradictions(likings: Sequence[Liking]) -> None:
    said: dict[int, float] = {}
    for liking in likings:
        if liking.value and liking.value * said.setdefault(liking.row, liking.value) < 0:
            raise TasteError("A film is both liked and disliked: name it once.")


def _loudest(taste: Taste) -> NDArray[np.float32]:
    """The values of a taste with all but those that count most made 0."""
    # Of equals some of all ages, which a multiple of the row picks, and not the oldest films.
    scattered = taste.films.astype(np.uint32) * np.uint32(2_654_435_761)
    quiet = np.lexsort((scattered, -np.abs(taste.values)))[MOST_SPEAKING:]
    kept = taste.values.copy()
    kept[quiet] = 0
    return kept
