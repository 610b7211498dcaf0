"""Some members of many JSON objects, cut out of their text by compiled code.

The tutorial's question wants four of a film's twelve values; to read all of ten films' JSON for
them takes far longer than to cut these out. What belongs here: finding the values' text. What does
not: what they say. Importing this module loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from movie_assets.recommender.inverted import compiled
from movie_assets.serving.list_json import copy, size_of
from movie_assets.serving.texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from movie_assets.serving.texts import Texts

_QUOTE, _BACKSLASH, _COMMA, _OPENED, _SHUT, _BEGUN, _ENDED = b'"\\,[]{}'


class Members:
    """Cuts out the values of some members.

    Args:
        names: of the members, as they stand in JSON, in the order that objects have them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = texts_of(name.encode() for name in names)

    def of(self, objects: Texts, which: NDArray[np.int32]) -> bytes:
        """A JSON array that has for each object an array of these members' values.

        Args:
            objects: JSON without blanks between its signs.
            which: of them, of shape (n,).

        Raises:
            ValueError: where a text is no such object, or lacks a member.
        """
        values: bytes = _cut_out(objects, which, self._names).tobytes()
        return values


@compiled
def _cut_out(objects: Any, which: Any, names: Any) -> Any:
    room = 2
    for i in range(len(which)):
        room += size_of(objects, which[i]) + len(names.begins) + 3
    out = np.empty(room, np.uint8)
    out[0], at = _OPENED, 1
    for i in range(len(which)):
        if i:
            out[at] = _COMMA
            at += 1
        text = objects.bytes[objects.begins[which[i]] : objects.ends[which[i]]]
        at = _cut_out_of(text, names, out, at)
    out[at] = _SHUT
    return out[: at + 1]


@compiled
def _cut_out_of(text: Any, names: Any, out: Any, at: int) -> int:
    """Write the array of one object's values; where it ends."""
    out[at] = _OPENED
    at += 1
    place = np.int64(1)  # of a name's quote, behind the brace or a comma
    for name in range(len(names.begins)):
        while True:
            end = _end_of_string(text, place)
            begin, found = end + 1, _is_name(text, place + 1, end - 1, names, name)
            place = _end_of_value(text, begin)
            if found:
                break
            place += 1
        if name:
            out[at] = _COMMA
            at += 1
        at = copy(out, at, text[begin:place])
        place += 1
    out[at] = _SHUT
    return at + 1


@compiled
def _is_name(text: Any, begin: Any, end: int, names: Any, name: int) -> bool:
    first = names.begins[name]
    if end - begin != names.ends[name] - first:
        return False
    for i in range(end - begin):  # noqa: SIM110 - compiled
        if text[begin + i] != names.bytes[first + i]:
            return False
    return True


@compiled
def _end_of_string(text: Any, quote: Any) -> Any:
    """Where a string ends, behind its last quote."""
    if quote >= len(text) or text[quote] != _QUOTE:
        raise ValueError("a film's JSON is damaged, or lacks a member")
    rest = text[quote + 1 :]  # for from 0 on, numba asks of no place whether it is negative
    escaped = False
    for i in range(len(rest)):
        if escaped:
            escaped = False
        elif rest[i] == _BACKSLASH:
            escaped = True
        elif rest[i] == _QUOTE:
            return quote + i + 2
    raise ValueError("a film's JSON is damaged")


@compiled
def _end_of_value(text: Any, begin: Any) -> Any:
    """Where a value ends: at the comma or brace behind it."""
    rest = text[begin:]
    depth, quoted, escaped = 0, False, False
    for i in range(len(rest)):
        sign = rest[i]
        if quoted:
            quoted = escaped or sign != _QUOTE
            escaped = sign == _BACKSLASH and not escaped
        elif sign == _QUOTE:
            quoted = True
        elif depth == 0 and sign in (_COMMA, _ENDED):
            return begin + i
        elif sign in (_OPENED, _BEGUN):
            depth += 1
        elif sign in (_SHUT, _ENDED):
            depth -= 1
    raise ValueError("a film's JSON is damaged")
