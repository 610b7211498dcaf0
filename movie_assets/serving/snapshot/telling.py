"""Which reasons pairs have, numbered as they are stored.

What belongs here: the numbers of reasons, each by when it came first, and which pairs keep the
reasons that they have in another snapshot. A pair's reasons follow from what is known of its two
films, from its own numbers, and from the terms: where all of these are the same, so are they.
Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movie_assets.recommender.inverted import compiled
from movie_assets.serving.snapshot import layout
from movie_assets.serving.snapshot.files import mapped
from movie_assets.serving.snapshot.interning import Interner

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from movie_assets.serving.snapshot.reader import Snapshot

    #: The reasons, lists of strings, of pairs by the numbers of their films: of one film after the
    #: other, and each film's in their order.
    TellPairs = Callable[[NDArray[np.int32], NDArray[np.int32]], pa.ListArray]


class Reasons:
    """Numbers reasons, each distinct one by when it came first."""

    def __init__(self) -> None:
        self._known = Interner()

    def numbered(self, lists: pa.Array) -> tuple[pa.Array, NDArray[np.int32]]:
        """The new reasons among lists, and each list's first reasons; -1 where it has fewer."""
        lists = _shown(lists)
        # A batch names few reasons, and each often.
        encoded = lists.flatten().dictionary_encode()
        new, numbers = self._known.numbered(encoded.dictionary)
        return new, _of_lists(lists, numbers[encoded.indices.to_numpy()])


class KeptReasons:
    """Numbers pairs' reasons, and asks for those alone that another snapshot does not tell.

    Args:
        snapshot: the other one.
        rows: int64 of shape (n_films,): where each film stands there, -1 for a film of which
            anything that reasons follow from is not the same.
        tell: the reasons of pairs.
    """

    def __init__(self, snapshot: Snapshot, rows: NDArray[np.int64], tell: TellPairs) -> None:
        # In 32 bits: they are looked up at random, and half as many bytes are twice as often near.
        # And all at once, so that the processor need not wait for one before it asks for the next.
        self._rows, self._tell = rows.astype(np.int32), tell
        self._ends = snapshot.neighbours["indptr"]
        self._records = _numbers_of(mapped(snapshot.folder / layout.PAIRS))
        self._texts = Interner()
        for chunk in snapshot.reasons.chunks:
            self._texts.numbered(chunk)
        # By the number that a reason has there, or behind those, the number that it gets here.
        self._given = np.full(len(snapshot.reasons), -1, np.int32)
        self._count = 0

    def numbered(
        self,
        rows: NDArray[np.int64],
        records: NDArray[np.void],
        ids: tuple[NDArray[np.int32], NDArray[np.int32]],
    ) -> pa.Array:
        """Number the reasons of pairs, and have them in their records; -1 where there are fewer.

        Args:
            rows: of the pairs' films.
            records: the pairs, but for their reasons.
            ids: the numbers of the pairs' films, and of their neighbours.

        Returns:
            The reasons that are new.
        """
        own = _numbers_of(records)
        told = own[:, -layout.REASONS_A_PAIR :]
        is_told = np.zeros(len(rows), np.bool_)
        there = self._rows.take(rows), self._rows.take(own[:, 0])
        _find(rows, there, own, self._ends, self._records, told, is_told)
        asked = np.flatnonzero(~is_told)
        if len(asked):
            lists = _shown(self._tell(ids[0][asked], ids[1][asked]))
            new, numbers = self._texts.numbered(lists.flatten())
            told[asked] = _of_lists(lists, numbers)
            self._given = np.concatenate([self._given, np.full(len(new), -1, np.int32)])
        first = np.empty(told.size, np.int32)
        count = _renumber(told, self._given, self._count, first)
        names = self._texts.texts(first[: count - self._count])
        self._count = count
        return names


def _shown(lists: pa.ListArray) -> pa.ListArray:
    """As many reasons of each pair as are stored."""
    return pc.list_slice(lists, 0, layout.REASONS_A_PAIR)


def _of_lists(lists: pa.Array, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """The numbers of each list; -1 where it has fewer than can be stored."""
    sizes = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    begins = np.cumsum(sizes, dtype=np.int64) - sizes
    told = np.full((len(lists), layout.REASONS_A_PAIR), -1, np.int32)
    for place in range(layout.REASONS_A_PAIR):
        there = np.flatnonzero(sizes > place)
        told[there, place] = numbers[begins[there] + place]
    return told


def _numbers_of(records: NDArray[np.void]) -> NDArray[np.int32]:
    """Records, all of whose fields have four bytes, as rows of numbers."""
    return np.asarray(records).view(np.int32).reshape(len(records), -1)


def same_rows(
    rows: NDArray[np.int64], new: tuple[NDArray[Any], ...], old: tuple[NDArray[Any], ...]
) -> NDArray[np.int64]:
    """Of films that stand at some rows, or -1, those whose rows of two CSR matrices are the same.

    Args:
        rows: int64 of shape (n_films,).
        new: ``indptr``, ``indices`` and ``data``.
        old: likewise, of the rows that ``rows`` names.
    """
    same = rows.copy()
    _refuse_others(same, *new, *old)
    return same


@compiled
def _refuse_others(
    rows: Any, ends: Any, terms: Any, values: Any, old_ends: Any, old_terms: Any, old_values: Any
) -> None:
    for row in range(len(rows)):
        old = rows[row]
        if old < 0:
            continue
        begin, size, old_begin = ends[row], ends[row + 1] - ends[row], old_ends[old]
        if old_ends[old + 1] - old_begin != size:
            rows[row] = -1
            continue
        for i in range(size):
            if (
                terms[begin + i] != old_terms[old_begin + i]
                or values[begin + i] != old_values[old_begin + i]
            ):
                rows[row] = -1
                break


@compiled
def _find(
    rows: Any, there: Any, own: Any, ends: Any, records: Any, told: Any, is_told: Any
) -> None:
    """What is told of each pair that is among the old ones with the same numbers; else -1.

    ``there`` has where the pair's film and its neighbour stand among the old ones.
    """
    films, neighbours = there
    last, rank = np.int64(-1), 0
    n_numbers = own.shape[1] - told.shape[1]
    for i in range(len(rows)):
        rank = rank + 1 if rows[i] == last else 0
        last = rows[i]
        for n in range(told.shape[1]):
            told[i, n] = -1
        film, neighbour = films[i], neighbours[i]
        if film < 0 or neighbour < 0:
            continue
        # It is most likely where it was; from there on once around.
        begin, end = ends[film], ends[film + 1]
        place = begin + rank if rank < end - begin else begin
        for _ in range(end - begin):
            if records[place, 0] == neighbour:
                same = True
                for n in range(1, n_numbers):
                    if records[place, n] != own[i, n]:
                        same = False
                        break
                if same:
                    is_told[i] = True
                    for n in range(told.shape[1]):
                        told[i, n] = records[place, n_numbers + n]
                break
            place = place + 1 if place + 1 < end else begin


@compiled
def _renumber(told: Any, given: Any, count: int, first: Any) -> int:
    """Number anew by when each came first; how many there are then, and which are new."""
    before = count
    for i in range(len(told)):
        for n in range(told.shape[1]):
            number = told[i, n]
            if number >= 0:
                if given[number] < 0:
                    given[number] = count
                    first[count - before] = number
                    count += 1
                told[i, n] = given[number]
    return count
