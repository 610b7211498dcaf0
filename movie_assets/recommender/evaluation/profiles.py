"""What is right for somebody: films liked later, by what was rated before.

People are cut by their own time, as in life: a recommender knows what somebody rated until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from movie_assets.recommender.evaluation.ratings import Ratings

#: Somebody is asked about with so many likes in all, and so many of them before the cut.
LEAST_LIKES = 10
LEAST_LIKES_BEFORE = 3


@dataclass(frozen=True)
class Profiles:
    """What people rated before their cut, and what they liked from then on.

    Attributes:
        users: int32 of shape (n_profiles,), ascending: whom each profile is of.
        before: all that these rated before their cut, by user and time.
        starts: int64 of shape (n_profiles + 1,): where in ``before`` each profile begins, and the
            last ends.
        relevant: CSR bool of shape (n_profiles, n_films): what they liked from the cut on; one
            film at least.
    """

    users: NDArray[np.int32]
    before: Ratings
    starts: NDArray[np.int64]
    relevant: sparse.csr_matrix

    def __len__(self) -> int:
        return len(self.users)

    def __iter__(self) -> Iterator[Ratings]:
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            yield self.before.where(slice(start, end))

    def some(self, rows: NDArray[np.int64]) -> Profiles:
        """The chosen profiles, given by their places in ascending order."""
        sizes = np.diff(self.starts)
        chosen = np.zeros(len(self), dtype=bool)
        chosen[rows] = True
        return Profiles(
            self.users[rows],
            self.before.where(np.repeat(chosen, sizes)),
            np.concatenate([[0], np.cumsum(sizes[rows])]).astype(np.int64),
            self.relevant[rows],
        )


def split_by_time(held_out: Ratings, n_films: int) -> Profiles:
    """Cut each person's ratings at the time of the middle one of their likes.

    With n likes in the order of time, n at least 10, the cut is the time of number n // 2, counted
    from 0. What was rated at that very second counts as after it, so that films rated in one go do
    not vouch for each other; who then has fewer than 3 likes before it is left out.

    Args:
        held_out: ratings by people from whom nothing was learned; films that are not in the
            catalogue do not count.
        n_films: how many films the catalogue has.
    """
    known = held_out.where(held_out.films >= 0)
    users, rows = np.unique(known.users, return_inverse=True)
    likes = np.flatnonzero(known.liked)
    n_likes = np.bincount(rows[likes], minlength=len(users))
    first_like = np.concatenate([[0], np.cumsum(n_likes)[:-1]]).astype(np.int64)
    enough = n_likes >= LEAST_LIKES
    cut = np.full(len(users), np.iinfo(np.int64).min)
    cut[enough] = known.seconds[likes[(first_like + n_likes // 2)[enough]]]
    is_before = known.seconds < cut[rows]
    likes_before = np.bincount(rows[is_before & known.liked], minlength=len(users))
    chosen = enough & (likes_before >= LEAST_LIKES_BEFORE)
    return _profiles(known, users, rows, is_before, chosen, n_films)


def _profiles(
    known: Ratings,
    users: NDArray[np.int32],
    rows: NDArray[np.int64],
    is_before: NDArray[np.bool_],
    chosen: NDArray[np.bool_],
    n_films: int,
) -> Profiles:
    place = np.cumsum(chosen) - 1
    before = is_before & chosen[rows]
    after = ~is_before & chosen[rows] & known.liked
    n_before = np.bincount(rows[before], minlength=len(users))[chosen]
    relevant = sparse.csr_matrix(
        (np.ones(after.sum(), bool), (place[rows[after]], known.films[after])),
        (int(chosen.sum()), n_films),
    )
    starts = np.concatenate([[0], np.cumsum(n_before)]).astype(np.int64)
    return Profiles(users[chosen], known.where(before), starts, relevant)
