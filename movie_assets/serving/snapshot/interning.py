"""Numbers for strings: each distinct one by when it came first.

What belongs here: a table of strings that takes tens of millions a second's while. A Python
dictionary takes several times as long, and more memory. Importing this module loads numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from movie_assets.recommender.inverted import compiled

_FREE = -1


class Interner:
    """Numbers strings as they come, the first one 0."""

    def __init__(self) -> None:
        self._slots = np.full(1 << 12, _FREE, np.int32)  # half of them free at least
        self._hashes = np.empty(0, np.uint64)
        self._ends = np.zeros(1, np.int64)
        self._bytes = np.empty(0, np.uint8)
        self._count = 0

    def numbered(self, strings: pa.Array) -> tuple[pa.Array, NDArray[np.int32]]:
        """The strings that were not known yet, in the order of their numbers, and all numbers.

        Args:
            strings: of type string, none of them null.
        """
        strings = strings.cast(pa.string())
        _, offsets, data = strings.buffers()
        ends = np.frombuffer(offsets, np.int32)[strings.offset :][: len(strings) + 1]
        raw = np.frombuffer(data, np.uint8) if data is not None and data.size else _NONE
        self._make_room(len(strings), int(ends[-1] - ends[0]))
        before = self._count
        numbers = np.empty(len(strings), np.int32)
        self._count = _number(
            ends, raw, self._slots, self._hashes, self._ends, self._bytes, before, numbers
        )
        return self._from(before), numbers

    def texts(self, numbers: NDArray[np.int32]) -> pa.Array:
        """The strings of some numbers."""
        ends = self._ends[: self._count + 1]
        every = pa.LargeStringArray.from_buffers(
            self._count, pa.py_buffer(ends), pa.py_buffer(self._bytes)
        )
        return every.take(pa.array(numbers)).cast(pa.string())

    def _from(self, first: int) -> pa.Array:
        ends = self._ends[first : self._count + 1]
        kept = self._bytes[ends[0] : ends[-1]].tobytes()
        offsets = (ends - ends[0]).astype(np.int32)
        return pa.StringArray.from_buffers(
            len(offsets) - 1, pa.py_buffer(offsets.tobytes()), pa.py_buffer(kept)
        )

    def _make_room(self, strings: int, size: int) -> None:
        """For so many new strings of so many bytes."""
        count = self._count + strings
        if count + 1 > len(self._ends):
            self._ends = _grown(self._ends, 2 * count + 1)
            self._hashes = _grown(self._hashes, 2 * count)
        used = int(self._ends[self._count]) + size
        if used > len(self._bytes):
            self._bytes = _grown(self._bytes, 2 * used)
        if 2 * count > len(self._slots):
            self._slots = np.full(1 << (2 * count).bit_length(), _FREE, np.int32)
            _fill(self._slots, self._hashes[: self._count])


_NONE = np.empty(0, np.uint8)


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    grown = np.empty(size, array.dtype)
    grown[: len(array)] = array
    return grown


@compiled
def _number(
    ends: Any, raw: Any, slots: Any, hashes: Any, kept_ends: Any, kept: Any, count: int, out: Any
) -> int:
    """Number some strings; the table's arrays are long enough. How many it has then."""
    mask = len(slots) - 1
    for i in range(len(out)):
        begin, size = ends[i], ends[i + 1] - ends[i]
        code = np.uint64(14695981039346656037)  # FNV-1a
        for at in range(begin, begin + size):
            code = (code ^ np.uint64(raw[at])) * np.uint64(1099511628211)
        slot = np.int64(code ^ (code >> np.uint64(32))) & mask
        while True:
            number = slots[slot]
            if number == _FREE:
                place = kept_ends[count]
                for at in range(size):
                    kept[place + at] = raw[begin + at]
                kept_ends[count + 1] = place + size
                hashes[count] = code
                slots[slot] = count
                out[i] = count
                count += 1
                break
            if hashes[number] == code and kept_ends[number + 1] - kept_ends[number] == size:
                place, same = kept_ends[number], True
                for at in range(size):
                    if kept[place + at] != raw[begin + at]:
                        same = False
                        break
                if same:
                    out[i] = number
                    break
            slot = (slot + 1) & mask
    return count


@compiled
def _fill(slots: Any, hashes: Any) -> None:
    """Put the numbers of strings that differ into free slots."""
    mask = len(slots) - 1
    for number in range(len(hashes)):
        code = hashes[number]
        slot = np.int64(code ^ (code >> np.uint64(32))) & mask
        while slots[slot] != _FREE:
            slot = (slot + 1) & mask
        slots[slot] = number
