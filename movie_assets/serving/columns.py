"""Single values of mapped Arrow columns, at a tenth of what Arrow's own scalars cost.

What belongs here: from a column and a row to a Python value, read out of the column's buffers when
it is asked for. What does not: what the columns mean (``films``).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

    #: From a row of one chunk to its value.
    Read = Callable[[int], Any]

_EPOCH = date(1970, 1, 1).toordinal()
#: The formats of ``memoryview`` for Arrow's numbers.
_NUMBERS = {pa.int32(): "i", pa.float32(): "f", pa.date32(): "i"}


class Column:
    """A column, one value at a time. Safe to be read by many threads.

    Args:
        column: of numbers, dates, strings or lists of strings; kept, and not copied.

    Raises:
        TypeError: where it is of another type.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        chunks = [chunk for chunk in column.chunks if len(chunk)]
        self._readers = [_reader(chunk) for chunk in chunks]
        self._starts = [0, *accumulate(map(len, chunks))]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, row: int) -> Any:
        """The value of a row; None where it is null.

        Raises:
            IndexError: where there is no such row.
        """
        if not 0 <= row < self._starts[-1]:
            raise IndexError(f"there is no row {row} among {len(self)}")
        if len(self._readers) == 1:
            return self._readers[0](row)
        chunk = bisect_right(self._starts, row) - 1
        return self._readers[chunk](row - self._starts[chunk])


def _reader(array: pa.Array) -> Read:
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        read = _lists(array)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        read = _strings(array)
    elif kind in _NUMBERS:
        read = _numbers(array)
    else:
        raise TypeError(f"a column of {kind} cannot be read")
    return _shifted(_with_nulls(array, read), array.offset)


def _numbers(array: pa.Array) -> Read:
    values = _mapped(array, _NUMBERS[array.type])
    if array.type == pa.date32():
        return lambda row: date.fromordinal(_EPOCH + values[row])
    if array.type == pa.float32():
        # Seven digits: what was rounded to 32 bits is then again what it was.
        return lambda row: float(f"{values[row]:.7g}")
    return lambda row: values[row]


def _strings(array: pa.Array) -> Read:
    ends = _mapped(array, "q" if pa.types.is_large_string(array.type) else "i")
    characters = memoryview(array.buffers()[2] or b"")

    def read(row: int) -> str:
        return str(characters[ends[row] : ends[row + 1]], "utf-8")

    return read


def _lists(array: pa.Array) -> Read:
    ends = _mapped(array, "q" if pa.types.is_large_list(array.type) else "i")
    item = _reader(array.values)

    def read(row: int) -> tuple[Any, ...]:
        return tuple([item(place) for place in range(ends[row], ends[row + 1])])

    return read


def _mapped(array: pa.Array, code: Any) -> memoryview[Any]:
    """Its numbers, or where its values begin and end, by their format."""
    return memoryview(array.buffers()[1]).cast("B").cast(code)


def _with_nulls(array: pa.Array, read: Read) -> Read:
    if not array.null_count:
        return read
    valid = memoryview(array.buffers()[0]).cast("B")

    def or_none(row: int) -> Any:
        return read(row) if valid[row >> 3] >> (row & 7) & 1 else None

    return or_none


def _shifted(read: Read, offset: int) -> Read:
    return (lambda row: read(row + offset)) if offset else read
