"""Numbers from a csv file of any size: block by block, line by line only where something is wrong.

What a file must be as a whole (its header, UTF-8, a last line that is complete) and which of its
lines count belongs here. What the numbers mean is for ``ratings.py`` to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv

from movie_assets.movielens.errors import (
    ColumnsError,
    EncodingError,
    TruncatedError,
)
from movie_assets.movielens.folder import REMEDY, named_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: So much of a file is held at a time, and about as much again while it is parsed.
BLOCK_BYTES = 16 * 2**20

_LONGEST_HEADER = 4096
_SHOWN = 60


@dataclass(frozen=True)
class Field:
    """A column of numbers.

    Attributes:
        minimum: the smallest number that is one of the column's.
        maximum: the largest.
        may_be_empty: whether a line may leave it out.
    """

    name: str
    arrow_type: pa.DataType
    minimum: float
    maximum: float
    may_be_empty: bool = False


class BadLine(NamedTuple):
    """A line that cannot be used: its number in the file from 1, why, and how it begins."""

    number: int
    why: str
    text: str

    def __str__(self) -> str:
        """As a person is told of it."""
        return f"line {self.number}: {self.why}: {self.text}"


class Block(NamedTuple):
    """Some lines in a row: those that are good, as one Arrow column a field, and the others."""

    rows: pa.Table
    bad: list[BadLine]


def read_blocks(
    path: Path, header: Sequence[str], fields: Sequence[Field], *, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Read the fields of all lines, a block at a time; blank lines do not count.

    Args:
        path: the file.
        header: the columns that its first line must name, in that order.
        fields: which of them to read, and what is good there.
        block_bytes: how much to read at a time; no line may be longer.

    Raises:
        MovieLensError: of the type that says what is wrong with the file as a whole.
    """
    with named_errors(path), path.open("rb") as file:
        _check_header(path, file.readline(_LONGEST_HEADER), header)
        number = 2
        for text in _whole_lines(path, file, block_bytes):
            yield _parse(text, number, header, fields)
            number += text.count(b"\n")


def _check_header(path: Path, line: bytes, header: Sequence[str]) -> None:
    wanted = ",".join(header)
    try:
        found = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise EncodingError(f"{path} is not in UTF-8: it is no csv file. {REMEDY}") from None
    if found != wanted:
        shown = repr(found[:_SHOWN]) if found else "empty"
        raise ColumnsError(
            f"{path} has other columns: its first line must be {wanted!r}, and is {shown}. {REMEDY}"
        )


def _whole_lines(path: Path, file: IO[bytes], block_bytes: int) -> Iterator[bytes]:
    rest = b""
    while block := file.read(block_bytes):
        text, line_break, rest = (rest + block).rpartition(b"\n")
        if line_break:
            yield text + line_break
        elif len(rest) > block_bytes:
            break
    if rest:
        raise TruncatedError(
            f"{path} ends in the middle of a line ({_shown(rest)}): the rest of it is missing. "
            f"{REMEDY} Where the line is whole, add a line break to it."
        )


def _parse(text: bytes, number: int, header: Sequence[str], fields: Sequence[Field]) -> Block:
    try:
        rows = csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(column_names=list(header), use_threads=False, block_size=len(text)),
            csv.ParseOptions(quote_char=False, double_quote=False),
            csv.ConvertOptions(
                column_types={field.name: field.arrow_type for field in fields},
                include_columns=[field.name for field in fields],
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid:
        return _parse_lines(text, number, header, fields)
    if all(_is_good(rows[field.name], field) for field in fields):
        return Block(rows, [])
    return _parse_lines(text, number, header, fields)


def _is_good(values: pa.ChunkedArray, field: Field) -> bool:
    if values.null_count and not field.may_be_empty:
        return False
    found = values.drop_null().to_numpy()
    # A NaN makes the minimum NaN, and no comparison with it is true.
    return not len(found) or bool(found.min() >= field.minimum and found.max() <= field.maximum)


def _parse_lines(text: bytes, number: int, header: Sequence[str], fields: Sequence[Field]) -> Block:
    """The same slowly: says which line is bad, and why."""
    wanted = [(header.index(field.name), field) for field in fields]
    rows, bad = [], []
    for at, line in enumerate(text.split(b"\n")[:-1], start=number):
        if not line.strip():
            continue
        try:
            values = _values(line, len(header))
            rows.append([_number(values[place], field) for place, field in wanted])
        except _BadLineError as error:
            bad.append(BadLine(at, str(error), _shown(line)))
    columns = zip(*rows, strict=True) if rows else [()] * len(fields)
    arrays = {
        field.name: pa.array(values, field.arrow_type)
        for field, values in zip(fields, columns, strict=True)
    }
    return Block(pa.table(arrays), bad)


class _BadLineError(Exception):
    """Why a line cannot be used."""


def _values(line: bytes, count: int) -> list[str]:
    try:
        values = line.decode().split(",")
    except UnicodeDecodeError:
        raise _BadLineError("it is not UTF-8") from None
    if len(values) != count:
        raise _BadLineError(f"not {count} values but {len(values)}")
    return [value.strip() for value in values]


def _number(text: str, field: Field) -> float | None:
    if not text:
        if field.may_be_empty:
            return None
        raise _BadLineError(f"{field.name} is missing")
    try:
        value = float(text) if pa.types.is_floating(field.arrow_type) else int(text)
    except ValueError:
        raise _BadLineError(f"{field.name} is no number") from None
    if not field.minimum <= value <= field.maximum:
        span = f"{_plain(field.minimum)} to {_plain(field.maximum)}"
        raise _BadLineError(f"{field.name} is not within {span}")
    return value


def _plain(number: float) -> str:
    return str(np.format_float_positional(number, trim="-"))


def _shown(line: bytes) -> str:
    text = repr(line.decode(errors="backslashreplace").rstrip("\r"))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
