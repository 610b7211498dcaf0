"""Kept: what a row's updated list begins with, as keys for the kernel. Compiled by numba.

What belongs here: candidates of a list that stay as they were, and the key that others must beat.
What does not: the search among the others (``top_k``), and what is to be updated (``incremental``).
Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled, read_only
from movie_assets.recommender.top_k import LAST, UNBEATABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from movie_assets.recommender.incremental import Lists

    Keys = NDArray[np.int64]


class _Lists(NamedTuple):
    """The lists as they were, and where candidates are now."""

    indices: NDArray[np.int32]
    bits: NDArray[np.int32]  # of the scores
    whole: NDArray[np.bool_]
    now: NDArray[np.int64]  # by place before: -1 where it is not the same or gone
    next_now: NDArray[np.int64]  # by place before: the first place now of all that came later


def kept(
    lists: Lists, rows_before: NDArray[np.int64], candidates_before: NDArray[np.int64]
) -> Callable[[int, int], tuple[Keys, Keys]]:
    """What is known of rows before changed candidates are searched: see ``top_k.search``.

    Args:
        lists: as they were.
        rows_before: each row's place in the lists, -1 for rows to leave out: nothing beats them.
        candidates_before: each candidate's place before, -1 where it is not the same.
    """
    were = _Lists(
        read_only(lists.indices),
        read_only(lists.scores.view(np.int32)),
        read_only(lists.whole),
        *_places_now(lists, candidates_before),
    )
    width = lists.indices.shape[1]

    def known(start: int, stop: int) -> tuple[Keys, Keys]:
        places = rows_before[start:stop]
        keys, floors = np.empty((len(places), width), np.int64), np.empty(len(places), np.int64)
        _begin(places, were, keys, floors)
        return keys, floors

    return known


def _places_now(
    lists: Lists, candidates_before: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n_now = len(candidates_before)
    n_before = int(max(lists.indices.max(initial=-1), candidates_before.max(initial=-1))) + 1
    same = np.flatnonzero(candidates_before >= 0)
    now = np.full(n_before, -1, np.int64)
    now[candidates_before[same]] = same
    places = np.append(np.where(now >= 0, now, n_now), n_now)
    return now, np.minimum.accumulate(places[::-1])[::-1][1:].copy()


# From here on compiled.


@compiled
def _begin(places: NDArray[np.int64], lists: _Lists, keys: Keys, floors: Keys) -> None:
    """Fill the keys, ascending, and the floors of rows that stood at these places."""
    for i in range(len(places)):
        row = places[i]
        floors[i] = UNBEATABLE if row < 0 else _floor(lists, row)
        keys[i, :] = floors[i]
        if row < 0:
            continue
        n_kept = 0
        for rank in range(lists.indices.shape[1]):
            candidate = lists.indices[row, rank]
            if candidate < 0 or lists.now[candidate] < 0:
                continue
            key = np.int64(lists.bits[row, rank]) << 32 | (LAST - lists.now[candidate])
            if key > floors[i]:
                n_kept += 1
                _insert(keys[i], len(keys[i]) - n_kept, key)


@compiled
def _floor(lists: _Lists, row: int) -> np.int64:
    """The best key that a candidate outside the list can have, if it stayed the same.

    Its score is at most that of the list's last; where it is as much, it came later.
    """
    if lists.whole[row]:
        return np.int64(0)
    last = lists.indices.shape[1] - 1
    while lists.indices[row, last] < 0:
        last -= 1
    upper = np.int64(lists.bits[row, last]) << 32
    return np.int64(upper | (LAST - lists.next_now[lists.indices[row, last]]))


@compiled
def _insert(keys: Keys, place: int, key: np.int64) -> None:
    """Put a key at a place or further on: what comes after is ascending, and stays so.

    Lists are descending, but equal scores may have changed their order.
    """
    while place + 1 < len(keys) and keys[place + 1] < key:
        keys[place] = keys[place + 1]
        place += 1
    keys[place] = key
