"""The films that somebody picked or brought along, and the address that holds them.

Nothing is stored on the server: the address is the memory. Picked films stand in it by their
numbers (``liked=949,680&not=597``), an export's ratings as one compact token. What the films are
worth is ``published``'s; what an export holds is ``imports``'.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.datastructures import ImmutableMultiDict

    Fields = ImmutableMultiDict[str, str]

#: The most films that can be picked one by one.
MOST_PICKED = 60
#: An address stays within what proxies take (8 KiB a line) and mail programs do not break.
LONGEST_IN_ADDRESS = 6_000
#: What a token may hold: no export that can be brought has more.
_MOST_RATED = 50_000
_LARGEST_ID = 2**31 - 1
#: A film that has no stars: liked, disliked or only seen. Stars are told in halves, 1 to 10.
_LIKED, _DISLIKED, _SEEN = 11, 12, 0
_HALVES = 10


class BrokenProfileError(ValueError):
    """The address has a profile that was cut off or changed."""

    def __init__(self) -> None:
        super().__init__(
            "The profile in this address is not complete, so it was left out. Bring your export "
            "file once more."
        )


@dataclass(frozen=True)
class Brought:
    """A film of an export.

    Attributes:
        id: TMDB's number.
        stars: 0.5 to 5; None where it has none.
        value: 1 where it was liked and -1 where it was not, by a heart or the like; None where
            only the stars tell, or it has only been seen.
        at: when it was rated or liked, in any unit; None where nobody knows.
    """

    id: int
    stars: float | None = None
    value: float | None = None
    at: float | None = None


@dataclass(frozen=True)
class Picks:
    """What somebody likes and does not.

    Attributes:
        liked, disliked: TMDB's numbers, in the order of picking; no film is in both.
        brought: an export's films, by number.
        problems: what the address has and cannot be used, a sentence each.
    """

    liked: tuple[int, ...] = ()
    disliked: tuple[int, ...] = ()
    brought: tuple[Brought, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values for an address or a form."""
        fields = {
            "liked": ",".join(map(str, self.liked)),
            "not": ",".join(map(str, self.disliked)),
            "profile": write_profile(self.brought),
        }
        return [(name, value) for name, value in fields.items() if value]

    def like(self, film_id: int) -> Picks:
        """With one more film that is liked."""
        rest = self.drop(film_id)
        return replace(rest, liked=(*rest.liked, film_id)[:MOST_PICKED])

    def dislike(self, film_id: int) -> Picks:
        """With one more film that is not."""
        rest = self.drop(film_id)
        return replace(rest, disliked=(*rest.disliked, film_id)[:MOST_PICKED])

    def drop(self, film_id: int) -> Picks:
        """Without a film."""
        return replace(
            self,
            liked=tuple(i for i in self.liked if i != film_id),
            disliked=tuple(i for i in self.disliked if i != film_id),
        )


def read_picks(fields: Fields) -> Picks:
    """What an address or a form has picked."""
    problems: list[str] = []
    liked = _ids(fields.getlist("liked"), problems)
    disliked = [i for i in _ids(fields.getlist("not"), problems) if i not in liked]
    brought: tuple[Brought, ...] = ()
    try:
        brought = read_profile(str(fields.get("profile", "")))
    except BrokenProfileError as error:
        problems.append(str(error))
    if len(liked) > MOST_PICKED or len(disliked) > MOST_PICKED:
        problems.append(f"Of the films in the address the first {MOST_PICKED} were taken.")
    return Picks(
        tuple(liked[:MOST_PICKED]), tuple(disliked[:MOST_PICKED]), brought, tuple(problems)
    )


def write_profile(brought: Sequence[Brought]) -> str:
    """An export's films as one token of letters, digits, ``-`` and ``_``; empty for none.

    The films' number, the steps from each film's number to the next one's, and what each is worth,
    deflated. Where the export told when, the films stand in that order, which is all of it that
    counts: ratings and likes by their times, after them what was liked without one, which counts as
    the latest word. Else they stand by number, which takes less room.
    """
    if not brought:
        return ""
    times = [film.at for film in brought if film.stars is not None]
    dated = bool(times) and None not in times
    films = sorted(brought, key=lambda film: (_time(film) if dated else 0, film.id))
    out, last = bytearray([dated]), 0
    _put_varint(out, len(films))
    for film in films:
        step = film.id - last
        _put_varint(out, 2 * step if step >= 0 else -2 * step - 1)
        last = film.id
    out.extend(map(_mark, films))
    return base64.urlsafe_b64encode(zlib.compress(bytes(out), 9)).decode().rstrip("=")


def read_profile(token: str) -> tuple[Brought, ...]:
    """The films of a token; ``at`` is their order in it.

    Raises:
        BrokenProfileError: where it is not one that :func:`write_profile` wrote.
    """
    if not token:
        return ()
    try:
        packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        inflate = zlib.decompressobj()
        data = inflate.decompress(packed, 6 * _MOST_RATED)
    except (binascii.Error, ValueError, zlib.error):
        raise BrokenProfileError from None
    if not inflate.eof or not data:
        raise BrokenProfileError
    return _unpacked(data)


def _unpacked(data: bytes) -> tuple[Brought, ...]:
    dated = bool(data[0])
    n_films, place = _take_varint(data, 1)
    if n_films > len(data):
        raise BrokenProfileError
    ids, film_id = [], 0
    for _ in range(n_films):
        step, place = _take_varint(data, place)
        film_id += step // 2 if step % 2 == 0 else -(step + 1) // 2
        if not 0 < film_id <= _LARGEST_ID:
            raise BrokenProfileError
        ids.append(film_id)
    marks = data[place:]
    if len(marks) != n_films or len(set(ids)) != n_films or max(marks, default=0) > _DISLIKED:
        raise BrokenProfileError
    return tuple(
        _brought(film_id, mark, float(order) if dated else None)
        for order, (film_id, mark) in enumerate(zip(ids, marks, strict=True))
    )


def _time(film: Brought) -> float:
    return math.inf if film.at is None else film.at


def _mark(film: Brought) -> int:
    if film.stars is not None:
        return min(max(round(2 * film.stars), 1), _HALVES)
    if film.value:
        return _LIKED if film.value > 0 else _DISLIKED
    return _SEEN


def _brought(film_id: int, mark: int, at: float | None) -> Brought:
    if 0 < mark <= _HALVES:
        return Brought(film_id, stars=mark / 2, at=at)
    return Brought(film_id, value={_LIKED: 1.0, _DISLIKED: -1.0}.get(mark), at=at)


def _put_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _take_varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 35:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise BrokenProfileError


def _ids(values: Iterable[object], problems: list[str]) -> list[int]:
    """The numbers of films in comma-separated lists, each once."""
    found: dict[int, None] = {}
    for part in ",".join(map(str, values)).split(","):
        text = part.strip()
        if not text:
            continue
        if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) <= _LARGEST_ID):
            problems.append(f"“{text[:20]}” in the address is no film's number.")
            continue
        found[int(text[:12])] = None
    return list(found)
