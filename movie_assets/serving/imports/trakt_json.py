"""Trakt's JSON: the lists of films in the zip that anybody can export there.

Each file is a list of objects: ``{"rating": 8, "rated_at": …, "type": "movie", "movie": {"title",
"year", "ids": {"imdb", "tmdb"}}}`` of ratings, ``{"plays", "last_watched_at", "movie"}`` or
``{"watched_at", "type", "movie"}`` of what was watched, ``{"listed_at", "type", "movie"}`` of
favourites, the watchlist and lists. Read object by object: the whole would take twenty times its
bytes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from movie_assets.serving.imports.entries import Entry, Place
from movie_assets.serving.imports.errors import (
    DamagedExportError,
    ExportTooLargeError,
    UnknownExportError,
)
from movie_assets.serving.imports.layouts import KNOWN, UnusedRowError
from movie_assets.serving.imports.tables import encoding_of
from movie_assets.serving.imports.values import (
    imdb_id_of,
    shortened,
    stars_of,
    time_of,
    title_of,
    tmdb_id_of,
    year_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_SPACE = re.compile(r"[\s]*")
_BETWEEN = re.compile(r"[\s]*(,|\])[\s]*")
#: Characters to look at for an object: nearly all fit the first; series with their episodes do not.
_USUAL, _TIMES = 8_192, 8


def is_json(data: bytes) -> bool:
    """Whether a file is meant to be JSON; no csv begins so."""
    return data[:200].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{"}


def read_list(data: bytes, file: str, row_chars: int) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON list with their numbers, from 1.

    Args:
        data: in UTF-8 or UTF-16.
        file: its name, for messages.
        row_chars: an eighth of the most characters of an element.

    Raises:
        DamagedExportError: where it is no JSON.
        ExportTooLargeError: where an element is too long.
        UnknownExportError: where it is no list.
    """
    try:
        text = data.decode(encoding_of(data))
    except UnicodeError:
        raise DamagedExportError(f"{file} is no text in UTF-8.") from None
    place = _end(_SPACE, text, 0)
    if text[place] != "[":
        raise UnknownExportError(f"{file} is JSON, but no list of Trakt's. {KNOWN}")
    place = _end(_SPACE, text, place + 1)
    number, closed = 0, text.startswith("]", place)
    place += closed
    while not closed:
        number += 1
        element, place = _element(text, place, number, file, row_chars * _TIMES)
        yield number, element
        between = _BETWEEN.match(text, place)
        if between is None:
            raise _damaged(file, number)
        place, closed = between.end(), between[1] == "]"
    if _end(_SPACE, text, place) < len(text):
        raise _damaged(file, number)


def is_of_trakt(element: Any) -> bool:
    """Whether a list of Trakt's could have this element."""
    kinds = {"movie", "show", "season", "episode", "person", "list"}
    return isinstance(element, dict) and not kinds.isdisjoint(element)


def label_of(element: Any) -> str:
    """The film, as far as an element names one, for the list of rows that were skipped."""
    return shortened(_text(element["movie"].get("title")))


def entry_of(place: Place, element: Any, *, is_favourite: bool, now: datetime) -> Entry:
    """The film of an element.

    Raises:
        BadRowError: where a value cannot be used.
        UnusedRowError: where it is none, or one that somebody only wants to see.
    """
    movie = element.get("movie") if isinstance(element, dict) else None
    if not isinstance(movie, dict):
        raise UnusedRowError("series, episodes and games")
    rated = element.get("rating") is not None
    if "listed_at" in element and not rated and not is_favourite:
        raise UnusedRowError("on a watchlist")
    ids = movie.get("ids")
    ids = ids if isinstance(ids, dict) else {}
    return Entry(
        place,
        title_of(_text(movie.get("title"))),
        year_of(_text(movie.get("year")), now),
        imdb_id=imdb_id_of(_text(ids.get("imdb"))),
        tmdb_id=tmdb_id_of(_text(ids.get("tmdb"))),
        stars=stars_of(_text(element.get("rating")), most=10),
        liked=True if is_favourite else None,
        rated_at=time_of(_text(element.get("rated_at") or element.get("listed_at")), now)
        if rated or is_favourite
        else None,
    )


def _text(value: Any) -> str:
    """A text or a number as a cell of a csv would have it; "" for anything else."""
    if isinstance(value, str):
        return value
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _element(text: str, place: int, number: int, file: str, most: int) -> tuple[Any, int]:
    """An element and where it ends, read from no more than ``most`` characters."""
    for length in (_USUAL, most):
        try:
            element, end = _DECODER.raw_decode(text[place : place + length])
        except (ValueError, RecursionError):
            continue  # perhaps it was cut off
        # A number at the end may be cut off, too; but no list of Trakt's has any.
        return element, place + end
    if len(text) > place + most:
        raise ExportTooLargeError(
            f"Entry {number:,} of {file} is no JSON, or has more than {most:,} characters."
        )
    raise _damaged(file, number)


def _no_number(text: str) -> None:
    """NaN and infinities, which JSON does not have."""


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def _damaged(file: str, number: int) -> DamagedExportError:
    return DamagedExportError(
        f"{file} is no whole JSON from entry {number:,} on. Download the export again."
    )
