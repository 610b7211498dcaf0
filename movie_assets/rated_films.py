"""A person's ratings from a csv file: a title and a year, or TMDB's number, and stars.

Reading only; which films the rows are is found out by ``lookup``.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The columns, and what else they may be called, without case, spaces and underscores.
_NAMES = {
    "title": ("title", "name"),
    "year": ("year",),
    "tmdb_id": ("tmdbid",),
    "rating": ("rating", "stars"),
    "rated_at": ("ratedat", "timestamp", "date"),
}
_LEAST_STARS, _MOST_STARS = 0.5, 5.0
_ARTICLE_AT_END = re.compile(r"^(?P<title>.+), (?P<article>The|A|An)(?P<year> \(\d{4}\))?$")
_COLUMNS = "title,year,rating or tmdb_id,rating, and rated_at where it is known"


class RatingsFileError(Exception):
    """A file of ratings is missing, or is not one."""


@dataclass(frozen=True)
class Row:
    """One row: the film by TMDB's number, or by title and year, and what it was given when."""

    line: int
    tmdb_id: int | None
    title: str
    year: int | None
    stars: float
    at: float | None

    @property
    def label(self) -> str:
        """The film as the row has it."""
        name = self.title or f"TMDB's film {self.tmdb_id}"
        return f"{name} ({self.year})" if self.year else name


def read_rated_films(path: Path) -> list[Row]:
    """Read a file's rows.

    Raises:
        RatingsFileError: where it cannot be read, lacks a column, or a line has no such number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = _columns(path, next(reader, []))
            rows = [
                _row(path, reader.line_num, columns, cells) for cells in reader if "".join(cells)
            ]
    except OSError as error:
        raise RatingsFileError(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise RatingsFileError(f"{path} is no csv file in UTF-8: {error}.") from None
    if not rows:
        raise RatingsFileError(f"{path} has no ratings. It needs the columns {_COLUMNS}.")
    return rows


def _columns(path: Path, header: list[str]) -> dict[str, int]:
    """The place of each column that is there."""
    plain = [name.casefold().replace(" ", "").replace("_", "") for name in header]
    columns = {
        column: next(plain.index(name) for name in names if name in plain)
        for column, names in _NAMES.items()
        if set(names) & set(plain)
    }
    if "rating" not in columns or not {"title", "tmdb_id"} & set(columns):
        there = ", ".join(header) or "nothing"
        raise RatingsFileError(f"{path} needs the columns {_COLUMNS}; its first line has: {there}.")
    return columns


def _row(path: Path, line: int, columns: Mapping[str, int], cells: list[str]) -> Row:
    def cell(column: str) -> str:
        place = columns.get(column, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    try:
        row = Row(
            line=line,
            tmdb_id=_whole(cell("tmdb_id")) if cell("tmdb_id") else None,
            title=_with_article_first(cell("title")),
            year=_whole(cell("year")) if cell("year") else None,
            stars=_stars(cell("rating")),
            at=_time(cell("rated_at")) if cell("rated_at") else None,
        )
    except ValueError as error:
        raise RatingsFileError(f"{path}, line {line}: {error}.") from None
    if row.tmdb_id is None and not row.title:
        raise RatingsFileError(f"{path}, line {line}: no film is named.")
    return row


def _with_article_first(title: str) -> str:
    """MovieLens has "Usual Suspects, The (1995)"."""
    found = _ARTICLE_AT_END.match(title)
    return f"{found['article']} {found['title']}{found['year'] or ''}" if found else title


def _stars(text: str) -> float:
    try:
        stars = float(text)
    except ValueError:
        stars = math.nan
    if not _LEAST_STARS <= stars <= _MOST_STARS:
        raise ValueError(f"a rating must be from {_LEAST_STARS} to {_MOST_STARS:g}, not {text!r}")
    return stars


def _whole(text: str) -> int:
    try:
        return int(text.removesuffix(".0"))  # as spreadsheets write whole numbers beside gaps
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def _time(text: str) -> float:
    """Seconds since 1970, given as such, as a date or as a date and time."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no time such as 2024-12-31") from None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is no time")
    return seconds
