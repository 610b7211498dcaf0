"""People's ratings as arrays, and their split into those to learn from and those to judge by.

Where ratings come from (a MovieLens release, a table) is not for here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: The stars from which a rating is a like, whoever gave it.
LIKE_FROM = 4.0


@dataclass(frozen=True)
class Ratings:
    """Who rated which film how and when; by user, then time, then film.

    Attributes:
        users: int32 of shape (n_ratings,), at least 0.
        films: int32 of shape (n_ratings,): index of the film in the catalogue; -1 for a film that
            is not in it.
        stars: float32 of shape (n_ratings,): 0.5 to 5.
        seconds: int64 of shape (n_ratings,): since 1970, UTC.
    """

    users: NDArray[np.int32]
    films: NDArray[np.int32]
    stars: NDArray[np.float32]
    seconds: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        users: ArrayLike,
        movie_ids: ArrayLike,
        stars: ArrayLike,
        seconds: ArrayLike,
        *,
        catalogue: ArrayLike,
    ) -> Self:
        """Ratings of the films of a catalogue, in any order; no user has rated a film twice.

        Args:
            users: whole numbers, at least 0.
            movie_ids: TMDB's number of each rated film.
            stars: 0.5 to 5.
            seconds: since 1970, UTC.
            catalogue: the catalogue's ids, ascending.

        Raises:
            ValueError: where lengths differ, or a rating is no number.
        """
        arrays = [np.asarray(values) for values in (users, movie_ids, stars, seconds)]
        if len({array.shape for array in arrays}) > 1:
            raise ValueError("users, movie_ids, stars and seconds must be of one length")
        if np.isnan(arrays[2].astype(np.float32)).any():
            raise ValueError("a rating is no number")
        ids = np.asarray(catalogue)
        films = np.minimum(np.searchsorted(ids, arrays[1]), max(0, len(ids) - 1)).astype(np.int32)
        known = ids[films] == arrays[1] if len(ids) else np.zeros(len(films), bool)
        films[~known] = -1
        order = np.lexsort((films, arrays[3], arrays[0]))
        return cls(
            arrays[0][order].astype(np.int32),
            films[order],
            arrays[2][order].astype(np.float32),
            arrays[3][order].astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_users(self) -> int:
        """How many people rated."""
        return len(np.unique(self.users))

    @property
    def liked(self) -> NDArray[np.bool_]:
        """Which ratings are likes."""
        return np.asarray(self.stars >= LIKE_FROM)

    def where(self, chosen: NDArray[np.bool_] | slice) -> Ratings:
        """The chosen ratings, in the same order."""
        return Ratings(
            self.users[chosen], self.films[chosen], self.stars[chosen], self.seconds[chosen]
        )


def split_people(ratings: Ratings, seed: int = 0, judges: float = 0.5) -> tuple[Ratings, Ratings]:
    """Split people with all their ratings: those to learn from, and those who judge.

    Somebody's side depends on the number of the user and the seed alone, so that nobody changes
    sides when others come or go. The sides are only nearly of the sizes asked for.

    Args:
        ratings: of everybody.
        seed: another one makes other sides.
        judges: the share of the people who judge, above 0 and below 1.

    Raises:
        ValueError: where the share is out of range.
    """
    if not 0 < judges < 1:
        raise ValueError(f"judges must be above 0 and below 1, not {judges}")
    first = np.uint64((1 - judges) * 2.0**64)
    judge = _mixed(ratings.users.astype(np.uint64), seed) >= first
    return ratings.where(~judge), ratings.where(judge)


def _mixed(numbers: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Each number's hash by SplitMix64 (Steele, Lea and Flood 2014), whose bits are all mixed."""
    mixed = numbers + np.uint64((1 + seed) * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
