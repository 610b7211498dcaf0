"""Counts of what is liked after what, compiled by numba.

What belongs here: counting. What the counts mean is ``transitions``'s to say. Importing this module
loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled, read_only
from movie_assets.recommender.threads import in_threads, processors

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILMS_A_BLOCK = 64


class Histories(NamedTuple):
    """What people rated, one after the other; each person by time.

    Attributes:
        person_begins: int64 of shape (n_events,): the first event of the same person.
        moment_begins: int64 of shape (n_events,): the first event of that person in the same
            second: what was rated then is in no order.
        speaks: int32 of shape (n_events,): the film, where what comes after it counts; else -1.
        liked: int64 of shape (n_liked,): the events in which a film is liked, by film.
        film_begins: int64 of shape (n_films + 1,): where in ``liked`` each film begins, and the
            last ends.
    """

    person_begins: NDArray[np.int64]
    moment_begins: NDArray[np.int64]
    speaks: NDArray[np.int32]
    liked: NDArray[np.int64]
    film_begins: NDArray[np.int64]


def counts(
    histories: Histories, decay: NDArray[np.float64], threads: int | None = None
) -> NDArray[np.float32]:
    """How often each film is liked after each other one, what is nearer counting more.

    Args:
        histories: what people rated.
        decay: float64 of shape (within + 1,): what it counts, by how many ratings after the other;
            the first is not used.
        threads: how many; None for as many as this process has processors. They change nothing.

    Returns:
        float32 of shape (n_films, n_films): row j, column i for film j liked after i.
    """
    n_films = len(histories.film_begins) - 1
    found = np.zeros((n_films, n_films), np.float32)
    shared = Histories(*[read_only(np.asarray(array)) for array in histories])

    def work(start: int) -> int:
        block = found[start : start + _FILMS_A_BLOCK]
        _fill(block, start, shared, read_only(decay))
        return len(block)

    in_threads(work, range(0, n_films, _FILMS_A_BLOCK), threads or processors(), n_films, None)
    return found


# From here on compiled.


@compiled
def _fill(
    block: NDArray[np.float32], start: int, histories: Histories, decay: NDArray[np.float64]
) -> None:
    """Fill the rows of the films from ``start`` on."""
    row = np.empty(block.shape[1], np.float64)
    for i in range(len(block)):
        row[:] = 0
        for place in range(histories.film_begins[start + i], histories.film_begins[start + i + 1]):
            _count(row, histories.liked[place], histories, decay)
        block[i] = row


@compiled
def _count(
    row: NDArray[np.float64], event: int, histories: Histories, decay: NDArray[np.float64]
) -> None:
    """Add what was rated before an event, from the second before on, as far as it reaches."""
    here, first = histories.moment_begins[event], histories.person_begins[event]
    before = here - 1
    while before >= first:
        apart = here - histories.moment_begins[before]
        if apart >= len(decay):
            break
        film = histories.speaks[before]
        if film >= 0:
            row[film] += decay[apart]
        before -= 1
