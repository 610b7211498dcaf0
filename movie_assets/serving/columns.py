"""Single values of mapped Arrow columns, at a tenth of what Arrow's own scalars cost.

What belongs here: from a column and a row to a Python value, read out of the column's buffers when
it is asked for. What does not: what the columns mean (``films``).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

    #: From a row of one chunk to its value.
    Read = Callable[[int], Any]

_EPOCH = date(1970, 1, 1).toordinal()
#: The formats of ``memoryview`` for Arrow's numbers.
_NUMBERS = {
    pa.int16(): "h",
    pa.int32(): "i",
    pa.int64(): "q",
    pa.float32(): "f",
    pa.float64(): "d",
    pa.date32(): "i",
}


class Rows:
    """The rows of a table, one value at a time. Safe to be read by many threads.

    Args:
        table: of numbers, dates, strings and lists of strings; kept, and not copied.
    """

    def __init__(self, table: pa.Table) -> None:
        batches = [batch for batch in table.to_batches() if batch.num_rows]
        self.n_rows: int = table.num_rows
        self._starts = [0]
        for batch in batches:
            self._starts.append(self._starts[-1] + batch.num_rows)
        self._readers: dict[str, list[Read]] = {
            name: [_reader(batch.column(place)) for batch in batches]
            for place, name in enumerate(table.schema.names)
        }

    def value(self, column: str, row: int) -> Any:
        """The value of a column in a row from 0; None where it is null.

        Raises:
            KeyError: where there is no such column.
            IndexError: where there is no such row.
        """
        if not 0 <= row < self.n_rows:
            raise IndexError(f"there is no row {row} among {self.n_rows}")
        readers = self._readers[column]
        if len(readers) == 1:
            return readers[0](row)
        batch = bisect_right(self._starts, row) - 1
        return readers[batch](row - self._starts[batch])


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
    values = memoryview(array.buffers()[1]).cast("B").cast(_NUMBERS[array.type])
    if array.type == pa.date32():
        return lambda row: date.fromordinal(_EPOCH + values[row])
    if array.type == pa.float32():
        # Seven digits: what was rounded to 32 bits is then again what it was.
        return lambda row: float(f"{values[row]:.7g}")
    return values.__getitem__


def _strings(array: pa.Array) -> Read:
    ends = _ends(array, "q" if pa.types.is_large_string(array.type) else "i")
    characters = memoryview(array.buffers()[2] or b"")

    def read(row: int) -> str:
        return str(characters[ends[row] : ends[row + 1]], "utf-8")

    return read


def _lists(array: pa.Array) -> Read:
    ends = _ends(array, "q" if pa.types.is_large_list(array.type) else "i")
    item = _reader(array.values)

    def read(row: int) -> tuple[Any, ...]:
        return tuple([item(place) for place in range(ends[row], ends[row + 1])])

    return read


def _ends(array: pa.Array, code: str) -> memoryview:
    """Where values begin, and where the last one ends."""
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
