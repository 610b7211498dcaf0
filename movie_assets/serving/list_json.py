"""Published neighbours as the JSON that a list shows, written by compiled code.

A list of ten films has some hundred values; to make a Python value of each, and JSON of these,
would be the most of what it costs to answer. What belongs here: from the records of pairs to bytes.
What does not: which pairs are shown (``neighbours``), and films' own JSON (``briefs``).
Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from movie_assets.recommender.inverted import compiled, read_only
from movie_assets.serving.snapshot.layout import REASONS_A_PAIR
from movie_assets.serving.texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from movie_assets.serving.texts import Texts

#: Scores are of 32 bits, and told to so many places.
PLACES = 6
_PARTS = 10**PLACES
#: Of a score or a part. They are at most 1; what is above is no number of a list.
_LARGEST = 1000.0
#: Bytes that a number takes at most.
_NUMBER = 20
#: Bytes that a byte of a reason takes at most: a control character is six.
_ESCAPED = 6

#: How JSON writes each character of ASCII, what stands around values, and the names of parts.
_ASCII = [orjson.dumps(chr(code))[1:-1] for code in range(128)]
_SIGNS = b'{"rank":', b',"score":', b'},"reasons":[', b'],"movie":'
_RANK, _SCORE, _REASONS, _MOVIE, _FIRST_PART = range(len(_ASCII), len(_ASCII) + 5)
_QUOTE, _BACKSLASH, _COMMA, _CLOSED, _POINT, _ZERO = b'"\\,}.0'
_SPACE = 0x20


class ListWriter:
    """Writes the pairs of a list.

    Args:
        parts: the names of a score's parts, in the order of the records.
        reasons: all there are.
    """

    def __init__(self, parts: Sequence[str], reasons: Texts) -> None:
        begins = [b',"parts":{', *[b","] * len(parts)]
        names = [
            begin + orjson.dumps(part) + b":" for begin, part in zip(begins, parts, strict=False)
        ]
        self._signs = texts_of([*_ASCII, *_SIGNS, *names])
        self._reasons = reasons

    def written(
        self, pairs: NDArray[np.void], rank: int, films: tuple[Texts, NDArray[np.int32]]
    ) -> bytes:
        """The JSON of some pairs, with commas between them.

        Args:
            pairs: records of ``snapshot.layout.pair_dtype``, of shape (n,).
            rank: of the first.
            films: texts, and which of them is the JSON of each one's film; of shape (n,).

        Raises:
            ValueError: where a number is none of a list's: the file of pairs is damaged.
        """
        # All fields of a record have four bytes.
        records = pairs.view(np.int32).reshape(len(pairs), pairs.dtype.itemsize // 4)
        out = _written(read_only(records), rank, *films, self._reasons, self._signs)
        written: bytes = out.tobytes()
        return written


@compiled
def _written(records: Any, rank: int, films: Any, rows: Any, reasons: Any, signs: Any) -> Any:
    numbers = records.view(np.float32)
    n_parts = records.shape[1] - 2 - REASONS_A_PAIR
    out = np.empty(_room(records, films, rows, reasons, signs), np.uint8)
    at = 0
    for i in range(len(records)):
        if i:
            out[at] = _COMMA
            at += 1
        at = _copy(out, at, signs, _RANK)
        at = _put_whole(out, at, rank + i)
        at = _copy(out, at, signs, _SCORE)
        at = _put_share(out, at, numbers[i, 1])
        for part in range(n_parts):
            at = _copy(out, at, signs, _FIRST_PART + part)
            at = _put_share(out, at, numbers[i, 2 + part])
        at = _copy(out, at, signs, _REASONS)
        told = 0
        for j in range(records.shape[1] - REASONS_A_PAIR, records.shape[1]):
            if records[i, j] >= 0:
                if told:
                    out[at] = _COMMA
                    at += 1
                at = _put_string(out, at, reasons, records[i, j], signs)
                told += 1
        at = _copy(out, at, signs, _MOVIE)
        at = _copy(out, at, films, rows[i])
        out[at] = _CLOSED
        at += 1
    return out[:at]


@compiled
def _room(records: Any, films: Any, rows: Any, reasons: Any, signs: Any) -> Any:
    """As many bytes as are needed at most; refuses what is out of bounds."""
    n_numbers = records.shape[1]
    # All signs, which are some hundred, more than make up for commas and quotes.
    each = len(signs.bytes) + _NUMBER * (n_numbers - REASONS_A_PAIR)
    room = each * len(records)
    if len(rows) != len(records):
        raise ValueError("each pair has one film")
    for i in range(len(records)):
        room += size_of(films, rows[i])
        for j in range(n_numbers - REASONS_A_PAIR, n_numbers):
            if records[i, j] >= 0:
                room += _ESCAPED * size_of(reasons, records[i, j])
    return room


@compiled
def size_of(texts: Any, text: int) -> Any:
    """How many bytes a text has; refuses one that is not there."""
    if not 0 <= text < len(texts.begins):
        raise ValueError("a pair has a reason or a film that is not there")
    begin, end = texts.begins[text], texts.ends[text]
    if not 0 <= begin <= end <= len(texts.bytes):
        raise ValueError("a text is not where it should be")
    return end - begin


@compiled
def _copy(out: Any, at: int, texts: Any, text: int) -> int:
    return copy(out, at, texts.bytes[texts.begins[text] : texts.ends[text]])


@compiled
def copy(out: Any, at: int, text: Any) -> int:
    """Write some bytes; where they end."""
    there = out[at : at + len(text)]  # for from 0 on, numba asks of no place if it is negative
    for i in range(len(there)):
        there[i] = text[i]
    return at + len(text)


@compiled
def _put_whole(out: Any, at: int, number: int) -> int:
    digits = 1
    rest = number // 10
    while rest:
        digits += 1
        rest //= 10
    rest = number
    for place in range(digits - 1, -1, -1):
        out[at + place] = _ZERO + rest % 10
        rest //= 10
    return at + digits


@compiled
def _put_share(out: Any, at: int, share: Any) -> int:
    """A number to some places, without zeros at its end but the first."""
    if not 0 <= share <= _LARGEST:
        raise ValueError("a pair has a score or a part that is out of range")
    number = int(np.float64(share) * _PARTS + 0.5)
    at = _put_whole(out, at, number // _PARTS)
    out[at] = _POINT
    rest = number % _PARTS
    for place in range(PLACES, 0, -1):
        out[at + place] = _ZERO + rest % 10
        rest //= 10
    last = PLACES
    while last > 1 and out[at + last] == _ZERO:
        last -= 1
    return at + last + 1


@compiled
def _put_string(out: Any, at: int, texts: Any, text: int, signs: Any) -> int:
    out[at] = _QUOTE
    at += 1
    for byte in texts.bytes[texts.begins[text] : texts.ends[text]]:
        if byte < _SPACE or byte in (_QUOTE, _BACKSLASH):
            at = _copy(out, at, signs, byte)
        else:
            out[at] = byte
            at += 1
    out[at] = _QUOTE
    return at + 1
