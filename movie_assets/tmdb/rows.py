"""From rows as TMDB gives them to rows of declared types, losing nothing.

A value that cannot be taken becomes None and is kept as it was in ``malformed_fields``; a field
that we do not know is kept in ``extra_fields``. What such a row is worth is decided further on.
Everything here is a pure function and raises nothing for any JSON object.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, cast

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class MovieRow(TypedDict):
    """One film of a list. `release_date` is TMDB's text ('' where unknown)."""

    id: int | None
    adult: bool | None
    backdrop_path: str | None
    genre_ids: list[int] | None
    original_language: str | None
    original_title: str | None
    overview: str | None
    popularity: float | None
    poster_path: str | None
    release_date: str | None
    title: str | None
    video: bool | None
    vote_average: float | None
    vote_count: int | None
    extra_fields: str | None
    malformed_fields: str | None


class GenreRow(TypedDict):
    """One genre."""

    id: int | None
    name: str | None
    extra_fields: str | None
    malformed_fields: str | None


def parse_movie(row: Mapping[str, object]) -> MovieRow:
    """Give a film's row with declared types.

    Taken are values that lose nothing by it ("7.5" for a number, 12.0 for a whole one). Whole
    numbers must fit 64 bits. A list of genres with a bad element keeps the good ones. Text loses
    what UTF-8 or a database cannot hold (NUL, lone surrogates). In all these cases but the first
    the field is in ``malformed_fields`` too, as it was.
    """
    return cast("MovieRow", _parse(row, MOVIE_FIELDS))


def parse_genre(entry: object) -> GenreRow:
    """Give a genre's row with declared types; what is no object is kept as malformed 'entry'."""
    if not isinstance(entry, Mapping):
        nothing = _parse({}, _GENRE_FIELDS)
        return cast("GenreRow", nothing | {"malformed_fields": to_json({"entry": entry})})
    return cast("GenreRow", _parse(entry, _GENRE_FIELDS))


#: What can be stored of a value, and whether that is all that there was.
Taken = tuple[Any, bool]


def _parse(
    row: Mapping[str, object], fields: Mapping[str, Callable[[object], Taken]]
) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    malformed: dict[str, object] = {}
    for name, take in fields.items():
        value = row.get(name)
        parsed[name], is_whole = (None, True) if value is None else take(value)
        if not is_whole:
            malformed[name] = value
    extra = {name: value for name, value in row.items() if name not in fields}
    parsed["extra_fields"] = to_json(extra) if extra else None
    parsed["malformed_fields"] = to_json(malformed) if malformed else None
    return parsed


def as_integer(value: object) -> int | None:
    """Give `value` as a whole number of 64 bits where that loses nothing, else None."""
    number: int | None = None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    return number if number is not None and -(2**63) <= number < 2**63 else None


def as_float(value: object) -> float | None:
    """Give `value` as a finite number where that loses nothing, else None."""
    number: float | None = None
    if isinstance(value, float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        number = float(value)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53:
        number = float(value)  # larger ones may lose digits
    return number if number is not None and math.isfinite(number) else None


def take_integer(value: object) -> Taken:
    """Give a whole number."""
    number = as_integer(value)
    return number, number is not None


def _take_float(value: object) -> Taken:
    number = as_float(value)
    return number, number is not None


def _take_bool(value: object) -> Taken:
    return (value, True) if isinstance(value, bool) else (None, False)


def take_text(value: object) -> Taken:
    """Give text that can be stored."""
    if not isinstance(value, str):
        return None, False
    clean = _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", value)
    return clean, clean == value


def _take_integers(value: object) -> Taken:
    if not isinstance(value, list):
        return None, False
    good = [number for number in map(as_integer, value) if number is not None]
    return good, len(good) == len(value)


def to_json(fields: Mapping[str, object]) -> str:
    """Write fields as compact JSON, sorted, in ASCII: any text in it can be stored."""
    try:
        try:
            return _dumps(fields)
        except ValueError:
            # NaN and infinities are not JSON: their names are kept as text.
            return _dumps(json.loads(json.dumps(fields), parse_constant=str))
    except (RecursionError, ValueError):
        return _dumps(dict.fromkeys(fields, "too deep or too long to be kept"))


def _dumps(fields: object) -> str:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)


#: A film's fields in TMDB's lists, and how each is taken.
MOVIE_FIELDS: dict[str, Callable[[object], Taken]] = {
    "id": take_integer,
    "adult": _take_bool,
    "backdrop_path": take_text,
    "genre_ids": _take_integers,
    "original_language": take_text,
    "original_title": take_text,
    "overview": take_text,
    "popularity": _take_float,
    "poster_path": take_text,
    "release_date": take_text,
    "title": take_text,
    "video": _take_bool,
    "vote_average": _take_float,
    "vote_count": take_integer,
}

_GENRE_FIELDS: dict[str, Callable[[object], Taken]] = {"id": take_integer, "name": take_text}
