"""From the bytes of a csv to its columns and rows, whatever program wrote it.

Encodings, delimiters and limits belong here; what the columns mean is for ``layouts``.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from movie_assets.serving.imports.errors import DamagedExportError, ExportTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Bytes that Windows' encoding has no character for.
_NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_LOOKED_AT = 2_000  # bytes or characters of the beginning
_BLOCK = 65_536
_DELIMITERS = ",;\t"
_BLANK_ROWS = 100  # before the first one


@dataclass(frozen=True)
class Table:
    """A csv file.

    Attributes:
        file: its name.
        columns: the cells of its first row that is not blank.
        rows: the line that each of the others ends on, from 1, and its cells; blank rows too.
            Reading them raises the errors of :func:`read_table`.
    """

    file: str
    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]


def read_table(data: bytes, file: str, row_chars: int) -> Table:
    """Begin to read a csv.

    Args:
        data: in UTF-8 or UTF-16, else it is taken for Windows' Latin-1.
        file: its name, for messages.
        row_chars: the most characters of a row.

    Raises:
        DamagedExportError: where it is no text, or its quotes do not match.
        ExportTooLargeError: where a row is too long.
    """
    lines = _Lines(data, file, row_chars)
    reader = csv.reader(lines, delimiter=_delimiter(data, lines.encoding), strict=True)
    rows = _rows(reader, lines)
    first = (cells for _, cells in islice(rows, _BLANK_ROWS) if any(cells))
    return Table(file, next(first, []), rows)


def encoding_of(data: bytes) -> str:
    """The encoding of a text: by its mark, or by what its bytes can be."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    # Every other byte of English in UTF-16 is 0, and none of a text in another encoding.
    start = data[:_LOOKED_AT]
    if start[1::2].count(0) > len(start) // 4:
        return "utf-16-le"
    if start[::2].count(0) > len(start) // 4:
        return "utf-16-be"
    if _is_utf8(data):
        return "utf-8"
    return "latin-1" if any(byte in data for byte in _NOT_IN_CP1252) else "cp1252"


def _is_utf8(data: bytes) -> bool:
    """In blocks: as one string it could be four times as large."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _BLOCK):
            decoder.decode(data[start : start + _BLOCK], final=start + _BLOCK >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(data: bytes, encoding: str) -> str:
    """A comma, or what spreadsheets of other countries write: the most frequent in the header."""
    header = data[:_LOOKED_AT].decode(encoding, errors="replace").lstrip().partition("\n")[0]
    return max(_DELIMITERS, key=header.count)


class _Lines:
    """The lines of a file, no more of them at a time than a row may have."""

    def __init__(self, data: bytes, file: str, row_chars: int) -> None:
        self.encoding = encoding_of(data)
        self.file = file
        self._text = io.TextIOWrapper(io.BytesIO(data), encoding=self.encoding, newline="")
        self._row_chars = row_chars
        self._left = row_chars

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if len(line) > self._left:
            raise ExportTooLargeError(
                f"{self.file} has a row of more than {self._row_chars:,} characters. Is a quote "
                "left open?"
            )
        if not line:
            raise StopIteration
        self._left -= len(line)
        return line

    def next_row(self) -> None:
        """The row is complete; the next one may be as long again."""
        self._left = self._row_chars


def _rows(reader: Iterator[list[str]], lines: _Lines) -> Iterator[tuple[int, list[str]]]:
    while True:
        line_number: int = reader.line_num  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except UnicodeError:
            raise DamagedExportError(
                f"{lines.file} is no text in {lines.encoding.upper()} from line "
                f"{line_number + 1} on. Save it as csv in UTF-8."
            ) from None
        except csv.Error as error:
            raise DamagedExportError(
                f"{lines.file} is no csv from line {line_number + 1} on: {error}."
            ) from None
        lines.next_row()
        yield reader.line_num, cells  # type: ignore[attr-defined]
